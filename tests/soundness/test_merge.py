"""Counts and sums of days add up to those of weeks and months; shares follow from them.

day      1   2   3   4   5  ...      3 of 4 in time on odd days, 1 of 4 on even ones
in time  3   1   3   1   3           Sum of the days' counts = the count of the whole
"""

import pandas as pd
import pytest

from tests.builders import call, many, one, open_ws


@pytest.fixture(scope="module")
def ws():
    """June 2026 is 30 days and begins on a Monday: four whole weeks and two days."""
    rows = []
    for day in range(1, 31):
        for i in range(4):
            in_time = i < (3 if day % 2 else 1)
            queue = "XYZ"[(day + i) % 3]
            at = f"2026-06-{day:02d} {9 + i:02d}:00"
            rows.append(call(at=at, wait=5 if in_time else 70, talk=10 * day, queue_id=queue))
        rows.append(call("abandoned", at=f"2026-06-{day:02d} 18:00", wait=day))
    return open_ws(rows)


@pytest.mark.parametrize("fine", [["day"], ["week"], ["day", "queue"], ["queue"], ["hour"]])
def test_counts_of_the_parts_are_the_count_of_the_whole(ws, fine):
    assert many(ws, "contact_volume", by=fine)["value"].sum() == 150
    assert one(ws, "contact_volume")["value"] == 150
    month = many(ws, "contact_volume", by=["month"])
    assert month["value"].tolist() == [150]


@pytest.mark.parametrize("kpi", ["service_level", "asa", "aht", "abandonment_rate"])
def test_a_ratio_of_the_whole_is_the_weighted_mean_of_the_parts(ws, kpi):
    "1e-9: thirty ratios are multiplied back by their n and added."
    whole = one(ws, kpi)
    for by in (["day"], ["week"], ["week", "queue"]):
        parts = many(ws, kpi, by=by)
        parts = parts[parts["n"] > 0]
        assert parts["n"].sum() == whole["n"], by
        weighted = (parts["value"] * parts["n"]).sum() / parts["n"].sum()
        assert weighted == pytest.approx(whole["value"], rel=1e-9), by


def test_the_mean_of_the_parts_would_be_another_number(ws):
    days = many(ws, "aht", by=["week", "queue"])["value"].mean()
    assert abs(days - one(ws, "aht")["value"]) > 1, "or the test above could not fail"


def test_the_longest_wait_of_the_whole_is_the_longest_of_the_parts(ws):
    assert many(ws, "longest_wait", by=["day"])["value"].max() == one(ws, "longest_wait")["value"]


def test_periods_do_not_overlap_and_leave_no_gap(ws):
    weeks = many(ws, "contact_volume", by=["week"]).sort_values("period_start_on")
    starts = pd.to_datetime(weeks["period_start_on"]).tolist()
    ends = pd.to_datetime(weeks["period_end_on"]).tolist()
    one_day = pd.Timedelta(days=1)
    assert [s - e for s, e in zip(starts[1:], ends, strict=False)] == [one_day] * (len(weeks) - 1)
    assert all((e - s).days == 6 for s, e in zip(starts[:4], ends[:4], strict=True))
