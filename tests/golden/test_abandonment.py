"""Abandonment and short abandons on the golden interval: 85 answered, 15 abandoned, 4 of them short.

1e-9 is the rounding of one division.
"""

import pytest

from tests.builders import calls, codes, is_null, one, open_ws

INTERVAL = [
    *calls(85, "answered", wait=10),
    *calls(4, "abandoned", wait=3),
    *calls(6, "abandoned", wait=12),
    *calls(5, "abandoned", wait=60),
]


@pytest.fixture(scope="module")
def interval():
    return open_ws(INTERVAL)


def test_amazon_and_genesys(interval):
    "15 of 100 queued, 15 of 100 offered."
    for denominator in ("queued", "offered"):
        row = one(interval, "abandonment_rate", denominator=denominator)
        assert row["value"] == pytest.approx(15.0, rel=1e-9)
        assert row["n"] == 100


def test_google(interval):
    "Short abandons left out of the count: 11 ÷ (85 handled + 11 abandoned) = 11 ÷ 96."
    row = one(interval, "abandonment_rate", denominator="handled_plus_abandoned", short_abandon_s=5)
    assert row["value"] == pytest.approx(100 * 11 / 96, rel=1e-9)
    assert round(row["value"], 2) == 11.46
    assert row["n"] == 96


def test_the_short_limit_is_closed(interval):
    "At 3 s the four are short, at 2.999 s none is; at 12 s ten are."
    for limit, left, base in ((3, 11, 96), (2, 15, 100), (12, 5, 90)):
        row = one(interval, "abandonment_rate", short_abandon_s=limit)
        assert row["value"] == pytest.approx(100 * left / base, rel=1e-9), limit


def test_denominators_differ_where_contacts_do():
    """Ten contacts, two of them abandoned.

    answered in queue 3, answered at once 2, abandoned 2, callback 1, flowed out 1, left the IVR 1

    queued 3+2+1+1 = 7 -> 2/7;  offered 7+2 = 9 -> 2/9;  handled + abandoned 3+2+2 = 7 -> 2/7
    """
    ws = open_ws(
        [
            *calls(3, "answered", wait=10),
            *calls(2, "answered", wait=0, queued=False),
            *calls(2, "abandoned", wait=30),
            *calls(1, "callback", wait=40),
            *calls(1, "flowed_out", wait=50),
            *calls(1, "left_ivr", ivr=20),
        ]
    )
    for denominator, base in (("queued", 7), ("offered", 9), ("handled_plus_abandoned", 7)):
        row = one(ws, "abandonment_rate", denominator=denominator)
        assert row["value"] == pytest.approx(100 * 2 / base, rel=1e-9), denominator
        assert row["n"] == base, denominator


def test_handled_plus_abandoned_is_not_queued():
    "4 answered at once, 1 abandoned, 5 flowed out: 1 of 6 queued, 1 of 5 handled or abandoned."
    ws = open_ws(
        [
            *calls(4, "answered", wait=0, queued=False),
            *calls(1, "abandoned", wait=30),
            *calls(5, "flowed_out", wait=50),
        ]
    )
    for denominator, base in (("queued", 6), ("offered", 10), ("handled_plus_abandoned", 5)):
        row = one(ws, "abandonment_rate", denominator=denominator)
        assert row["value"] == pytest.approx(100 / base, rel=1e-9), denominator


def test_leaving_the_ivr_and_taking_a_callback_are_never_abandons():
    ws = open_ws([*calls(2, "callback", wait=9), *calls(3, "left_ivr", ivr=9)])
    assert one(ws, "abandonment_rate", denominator="offered")["value"] == 0.0


def test_nobody_queued_is_null_with_a_caveat():
    row = one(open_ws(calls(3, "left_ivr", ivr=9)), "abandonment_rate")
    assert is_null(row["value"])
    assert codes(row), "a null value says why"


def test_short_abandon_rate(interval):
    "4 of 100 offered within 5 s (the default); 10 within 12 s; none within 2 s."
    assert one(interval, "short_abandon_rate")["value"] == pytest.approx(4.0, rel=1e-9)
    assert one(interval, "short_abandon_rate", short_abandon_s=12)["value"] == pytest.approx(
        10.0, rel=1e-9
    )
    assert one(interval, "short_abandon_rate", short_abandon_s=2)["value"] == 0.0
    assert one(interval, "short_abandon_rate")["n"] == 100


def test_short_abandon_rate_divides_by_offered():
    "1 short abandon, 3 answered at once without a queue, 4 in the IVR: 1 of 4."
    ws = open_ws(
        [
            *calls(1, "abandoned", wait=2),
            *calls(3, "answered", wait=0, queued=False),
            *calls(4, "left_ivr", ivr=9),
        ]
    )
    assert one(ws, "short_abandon_rate")["value"] == pytest.approx(25.0, rel=1e-9)
