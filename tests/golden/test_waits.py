"""ASA, longest wait, time to abandon: seconds worked out by hand.

1e-9 is the rounding of a division and, for Kaplan-Meier, of a handful of products.
"""

import pytest

from tests.builders import call, calls, codes, is_null, many, one, open_ws


def test_asa():
    """Waits of answered contacts 0 (at once), 10, 20, 90 s: 120 ÷ 4 = 30 s.

    The abandoned one (600 s), the IVR, the callback and the phantom are not in it.
    """
    ws = open_ws(
        [
            call("answered", wait=0, queued=False),
            *(call("answered", wait=w) for w in (10, 20, 90)),
            call("abandoned", wait=600),
            call("callback", wait=600),
            call("left_ivr", ivr=600),
            call("phantom", wait=600),
        ]
    )
    row = one(ws, "asa")
    assert row["value"] == pytest.approx(30.0, rel=1e-9)
    assert row["n"] == 4
    assert row["unit"] == "s"


def test_asa_is_the_sum_over_the_sum():
    "Queue A 3 x 10 s, queue B 1 x 50 s: 80 ÷ 4 = 20 s, not the mean of 10 and 50."
    ws = open_ws([*calls(3, wait=10, queue_id="A"), *calls(1, wait=50, queue_id="B")])
    by_queue = many(ws, "asa", by=["queue"]).set_index("queue")["value"]
    assert by_queue.to_dict() == {"A": 10.0, "B": 50.0}
    assert one(ws, "asa")["value"] == pytest.approx(20.0, rel=1e-9)


def test_asa_keeps_milliseconds():
    "0.2 s and 0.8 s: 0.5 s. An engine that counts whole seconds says 0 or 1."
    ws = open_ws([call(wait=0.2), call(wait=0.8)])
    assert one(ws, "asa")["value"] == pytest.approx(0.5, rel=1e-9)


def test_nobody_answered_is_null_with_a_caveat():
    row = one(open_ws(calls(2, "abandoned", wait=5)), "asa")
    assert is_null(row["value"])
    assert codes(row), "a null value says why"


def test_longest_wait():
    "Abandoned ones included: 95 s; without them 60 s. A phantom's 999 s is nobody's."
    ws = open_ws(
        [
            call("answered", wait=60),
            call("flowed_out", wait=40),
            call("abandoned", wait=95),
            call("phantom", wait=999),
        ]
    )
    assert one(ws, "longest_wait")["value"] == pytest.approx(95.0, rel=1e-9)
    assert one(ws, "longest_wait", include_abandoned=False)["value"] == pytest.approx(60, rel=1e-9)


def test_time_to_abandon_mean():
    "2, 4 and 30 s: 12 s. Without the short ones (up to 4 s): 30 s."
    ws = open_ws(
        [*(call("abandoned", wait=w) for w in (2, 4, 30)), *calls(5, "answered", wait=100)]
    )
    row = one(ws, "avg_time_to_abandon")
    assert row["value"] == pytest.approx(12.0, rel=1e-9)
    assert row["n"] == 3
    short = one(ws, "avg_time_to_abandon", short_abandon_s=4)
    assert short["value"] == pytest.approx(30.0, rel=1e-9)


def test_time_to_abandon_kaplan_meier():
    """Six waits, + is answered (patience not seen to its end):

        wait    2     4     6+    8     10+   12
        at risk 6     5     4     3     2     1
        S after 5/6   4/6   4/6   4/9   4/9   0

    area up to 12 s = 2·1 + 2·5/6 + 2·4/6 + 2·4/6 + 2·4/9 + 2·4/9
                    = 2 + 5/3 + 4/3 + 4/3 + 8/9 + 8/9 = 73/9 = 8.111 s
    The mean of the four abandons is 26/4 = 6.5 s.
    """
    ws = open_ws(
        [
            *(call("abandoned", wait=w) for w in (2, 4, 8, 12)),
            *(call("answered", wait=w) for w in (6, 10)),
        ]
    )
    row = one(ws, "avg_time_to_abandon", estimator="kaplan_meier")
    assert row["value"] == pytest.approx(73 / 9, rel=1e-9)
    assert one(ws, "avg_time_to_abandon")["value"] == pytest.approx(6.5, rel=1e-9)


def test_kaplan_meier_stops_at_the_largest_wait_even_when_it_was_answered():
    """Waits 3 (left), 5 (left), 9+ (answered): S = 2/3 after 3, 1/3 after 5 and up to 9.

    area = 3·1 + 2·2/3 + 4·1/3 = 17/3 = 5.667 s
    """
    ws = open_ws([call("abandoned", wait=3), call("abandoned", wait=5), call("answered", wait=9)])
    row = one(ws, "avg_time_to_abandon", estimator="kaplan_meier")
    assert row["value"] == pytest.approx(17 / 3, rel=1e-9)


def test_kaplan_meier_counts_an_answer_at_the_same_instant_as_still_at_risk():
    """Waits 4 (left), 4+ (answered), 10 (left): at risk at 4 s are three, S = 2/3 up to 10 s.

    area = 4·1 + 6·2/3 = 8 s; with the answered one removed first it would be 4 + 6/2 = 7 s.
    """
    ws = open_ws([call("abandoned", wait=4), call("answered", wait=4), call("abandoned", wait=10)])
    row = one(ws, "avg_time_to_abandon", estimator="kaplan_meier")
    assert row["value"] == pytest.approx(8.0, rel=1e-9)


@pytest.mark.parametrize("outcome", ["answered", "callback", "flowed_out"])
def test_who_is_taken_out_of_the_queue_was_patient_until_then(outcome):
    """Waits 6 (left), 8+ (taken out without leaving), 10 (left): at 6 s three are at risk.

    S = 2/3 from 6 to 10 s; area = 6·1 + 4·2/3 = 26/3 s. Leaving the third caller out would forget
    that they had waited 8 s: 6·1 + 4·1/2 = 8 s.
    """
    ws = open_ws([call("abandoned", wait=6), call(outcome, wait=8), call("abandoned", wait=10)])
    row = one(ws, "avg_time_to_abandon", estimator="kaplan_meier")
    assert row["value"] == pytest.approx(26 / 3, rel=1e-9)


def test_answered_at_once_shows_no_patience():
    """Two callers were connected without entering a queue; of two who queued one left in the very
    second of entering, the other was answered at 20 s.

    S = 1/2 from 0 s on; area = 20/2 = 10 s. With the first two among those at risk at 0 s it would be
    20·3/4 = 15 s: a patience that nobody had to show.
    """
    ws = open_ws(
        [
            *calls(2, "answered", wait=0, queued=False),
            call("abandoned", wait=0),
            call("answered", wait=20),
        ]
    )
    row = one(ws, "avg_time_to_abandon", estimator="kaplan_meier")
    assert row["value"] == pytest.approx(10.0, rel=1e-9)


def test_nobody_abandoned_is_null_with_a_caveat():
    ws = open_ws(calls(3, "answered", wait=5))
    for estimator in ("mean", "kaplan_meier"):
        row = one(ws, "avg_time_to_abandon", estimator=estimator)
        assert is_null(row["value"]), estimator
        assert codes(row), "a null value says why"
