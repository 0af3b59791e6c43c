"""The golden interval of the definition, and Cisco's own example.

    T = 20 s, short = 5 s       within T            after T
    answered                    70 (10 s)           15 (40 s)
    abandoned                   10 (4 at 3 s, 6 at 12 s)   5 (60 s)      offered = 100

Values are printed with two decimals in the source; here they are the exact fractions, and 1e-9 is
the rounding of one division.
"""

import pytest

from tests.builders import NOON, calls, codes, is_null, many, one, open_ws

INTERVAL = [
    *calls(70, "answered", wait=10, talk=100),
    *calls(15, "answered", wait=40, talk=100),
    *calls(4, "abandoned", wait=3),
    *calls(6, "abandoned", wait=12),
    *calls(5, "abandoned", wait=60),
]
FLOWOUTS = calls(6, "flowed_out", wait=30)


@pytest.fixture(scope="module")
def interval():
    return open_ws(INTERVAL)


@pytest.mark.parametrize(
    ("printed", "fraction", "n", "conventions"),
    [
        (80.00, (70 + 10) / 100, 100, {"abandon_mode": "positive"}),
        (70.00, 70 / 100, 100, {"abandon_mode": "negative"}),
        (77.78, 70 / (100 - 10), 90, {"abandon_mode": "ignore"}),
        (82.35, 70 / (70 + 15), 85, {"abandon_mode": "drop_all"}),
        (72.92, 70 / (100 - 4), 96, {"abandon_mode": "negative", "short_abandon_s": 5}),
    ],
)
def test_golden_interval(interval, printed, fraction, n, conventions):
    row = one(interval, "service_level", threshold_s=20, **conventions)
    assert row["value"] == pytest.approx(100 * fraction, rel=1e-9)
    assert round(row["value"], 2) == printed
    assert row["n"] == n
    assert row["unit"] == "%"


def test_flowouts_are_misses_when_they_are_included():
    "70 answered in time of 100 offered - 4 short + 6 flow-outs = 102."
    ws = open_ws(INTERVAL + FLOWOUTS)
    row = one(ws, "service_level", short_abandon_s=5, include_flowouts=True)
    assert row["value"] == pytest.approx(100 * 70 / 102, rel=1e-9)
    assert round(row["value"], 2) == 68.63
    assert row["n"] == 102


def test_flowouts_are_out_of_it_when_they_are_not():
    "The same 106 contacts: 70 of 96, as if the six had not been there."
    row = one(open_ws(INTERVAL + FLOWOUTS), "service_level", short_abandon_s=5)
    assert row["value"] == pytest.approx(100 * 70 / 96, rel=1e-9)


@pytest.mark.parametrize(
    ("mode", "printed", "fraction"),
    [("ignore", 77.8, 70 / 90), ("negative", 70.0, 70 / 100), ("positive", 80.0, 80 / 100)],
)
def test_cisco_example(mode, printed, fraction):
    "70 answered in time, 10 abandoned in time, 20 answered late."
    ws = open_ws(
        [
            *calls(70, "answered", wait=20),  # exactly T is in time
            *calls(10, "abandoned", wait=19),
            *calls(20, "answered", wait=20.001),  # one millisecond later is not
        ]
    )
    row = one(ws, "service_level", abandon_mode=mode)
    assert row["value"] == pytest.approx(100 * fraction, rel=1e-9)
    assert round(row["value"], 1) == printed


def test_the_defaults_are_twenty_seconds_and_negative(interval):
    assert one(interval, "service_level")["value"] == pytest.approx(70.0, rel=1e-9)


def test_a_threshold_counts_the_waits_up_to_it(interval):
    "T = 40 s: 85 of 100. T = 9 s: none of 100, which is a zero and not a null."
    assert one(interval, "service_level", threshold_s=40)["value"] == pytest.approx(85.0, rel=1e-9)
    assert one(interval, "service_level", threshold_s=9)["value"] == 0.0


def test_a_callback_in_time_is_removed_from_the_queue_in_time():
    "Amazon: answered, abandoned or callback requested. 3 + 1 of 5; for the others 3 of 5."
    ws = open_ws(
        [
            *calls(3, "answered", wait=5),
            *calls(1, "callback", wait=15),
            *calls(1, "callback", wait=300),
        ]
    )
    assert one(ws, "service_level", abandon_mode="positive")["value"] == pytest.approx(80, rel=1e-9)
    assert one(ws, "service_level", abandon_mode="negative")["value"] == pytest.approx(60, rel=1e-9)
    assert one(ws, "service_level", abandon_mode="drop_all")["value"] == pytest.approx(
        100, rel=1e-9
    )


def test_answered_at_once_is_in_time_and_the_ivr_is_not_offered():
    "2 of 3: two answered without a queue, one abandoned; one hung up in the IVR, one phantom."
    ws = open_ws(
        [
            *calls(2, "answered", wait=0, queued=False),
            *calls(1, "abandoned", wait=30),
            *calls(1, "left_ivr"),
            *calls(1, "phantom", wait=1),
        ]
    )
    row = one(ws, "service_level")
    assert row["value"] == pytest.approx(100 * 2 / 3, rel=1e-9)
    assert row["n"] == 3


def test_a_slice_is_the_sum_over_the_sum():
    """Monday 1 of 1 in time, Tuesday 0 of 3: 25 %, and not the mean of 100 % and 0 %."""
    ws = open_ws([*calls(1, wait=1), *calls(3, wait=90, at="2026-03-03 12:00:00")])
    by_day = many(ws, "service_level", by=["day"]).sort_values("period_start_on")
    assert by_day["value"].tolist() == [100.0, 0.0]
    assert one(ws, "service_level")["value"] == pytest.approx(25.0, rel=1e-9)


def test_an_empty_denominator_is_null_with_a_caveat():
    "Everybody hung up in time: nothing is left under `ignore` and `drop_all`."
    ws = open_ws(calls(3, "abandoned", wait=2))
    for mode in ("ignore", "drop_all"):
        row = one(ws, "service_level", abandon_mode=mode)
        assert is_null(row["value"]) and is_null(row["lower"]) and is_null(row["upper"])
        assert codes(row), "a null value says why"
    assert one(ws, "service_level", abandon_mode="negative")["value"] == 0.0
    assert one(ws, "service_level", abandon_mode="positive")["value"] == 100.0


def test_the_convention_travels_with_the_result(interval):
    "Two conventions of one KPI in one request stay two rows with two definitions."
    from tests.builders import metric

    modes = ("negative", "positive", "ignore", "drop_all")
    asked = [metric("service_level", abandon_mode=mode) for mode in modes]
    frame = interval.kpis(asked).frame
    assert len(frame) == 4
    assert frame["definition_id"].nunique() == 4
    found = frame.set_index("definition_id")["value"].to_dict()
    wanted = [70, 80, 100 * 70 / 90, 100 * 70 / 85]
    assert [found[m.definition_id] for m in asked] == pytest.approx(wanted, rel=1e-9)
    assert NOON[:10] == str(frame["period_start_on"].iloc[0])[:10]
