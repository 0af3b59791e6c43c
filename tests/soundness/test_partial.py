"""A period that the data do not cover fully says so.

March 2026     Mo Tu We Th Fr Sa Su
2 -  8                x  x  x  x  x     data begin on the Wednesday: partial
9 - 15         x  x  x  x  x  x  x     ok
16 - 22        x  x  x                  data end on the Wednesday: partial
"""

import pandas as pd
import pytest

from tests.builders import call, many, one, open_ws

DAYS = pd.date_range("2026-03-04", "2026-03-18")


def day_calls(day):
    return [call(at=day + pd.Timedelta(hours=8 + i), wait=5 + 40 * (i == 0)) for i in range(5)]


@pytest.fixture(scope="module")
def ws():
    return open_ws([row for day in DAYS for row in day_calls(day)])


@pytest.mark.parametrize("kpi", ["contact_volume", "service_level", "asa"])
def test_first_and_last_week_are_partial(ws, kpi):
    weeks = many(ws, kpi, by=["week"]).sort_values("period_start_on")
    status = dict(zip(weeks["period_start_on"].astype(str).str[:10], weeks["status"], strict=True))
    assert status["2026-03-02"] == "partial"
    assert status["2026-03-09"] != "partial"
    assert status["2026-03-16"] == "partial"


def test_days_inside_the_data_are_whole(ws):
    days = many(ws, "contact_volume", by=["day"])
    assert len(days) == len(DAYS)
    assert "partial" not in set(days["status"])


def test_the_month_is_partial(ws):
    assert many(ws, "contact_volume", by=["month"])["status"].tolist() == ["partial"]


def test_a_week_that_is_asked_for_in_part_is_partial(ws):
    "since and until cut the week of the 9th, which the data cover."
    row = one(ws, "contact_volume", by=["week"], since="2026-03-10", until="2026-03-15")
    assert row["status"] == "partial"
    assert row["value"] == 30


def test_as_of_picks_the_last_complete_period(ws):
    "Seen on Wednesday the 11th, the week of the 9th is not over."
    weeks = many(ws, "contact_volume", by=["week"], as_of="2026-03-11")
    status = dict(zip(weeks["period_start_on"].astype(str).str[:10], weeks["status"], strict=True))
    assert status.get("2026-03-09", "partial") == "partial"


def test_a_partial_value_is_still_a_value(ws):
    weeks = many(ws, "contact_volume", by=["week"]).sort_values("period_start_on")
    assert weeks["value"].tolist() == [25, 35, 15]


def test_a_quiet_day_inside_the_data_is_not_partial_and_not_zero_of_zero():
    """Nobody called on the 10th: an offered count of 0, a service level of null."""
    rows = [r for day in DAYS if day.day != 10 for r in day_calls(day)]
    ws = open_ws(rows)
    week = many(ws, "contact_volume", by=["week"]).set_index("period_start_on")
    week.index = week.index.astype(str).str[:10]
    assert week.loc["2026-03-09", "value"] == 30
    assert week.loc["2026-03-09", "status"] != "partial"
    level = many(ws, "service_level", by=["day"])
    quiet = level[level["period_start_on"].astype(str).str.startswith("2026-03-10")]
    assert quiet["value"].isna().all(), "null or no row, never 0 %"
