"""A day is the site's day.

UTC                 Asia/Jerusalem (+2 h in March)      New York (-5 h, -4 h from 8 March)
2 March 21:59       2 March 23:59                       2 March 16:59
2 March 22:00       3 March 00:00                       2 March 17:00
2 March 23:30       3 March 01:30                       2 March 18:30
9 March 03:30       9 March 05:30                       8 March 23:30  (Sunday: the week before)
"""

import pandas as pd
import pytest

from tests.builders import call, many, one, open_ws

LATE = [
    call(id="c1", at="2026-03-02 21:59:00", wait=1),
    call(id="c2", at="2026-03-02 22:00:00", wait=1),
    call(id="c3", at="2026-03-02 23:30:00", wait=1),
]


def per(by, zone, rows=LATE, **known):
    found = many(open_ws(rows, zone=zone, **known), "contact_volume", by=[by])
    name = "period_start_on" if by in ("day", "week", "month") else by
    groups = found[name].map(lambda g: str(pd.Timestamp(g))[:10] if name != by else int(g))
    return {group: value for group, value in zip(groups, found["value"], strict=True) if value}


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", {"2026-03-02": 3}),
        ("Asia/Jerusalem", {"2026-03-02": 1, "2026-03-03": 2}),
        ("America/New_York", {"2026-03-02": 3}),
        ("Pacific/Auckland", {"2026-03-03": 3}),
    ],
)
def test_local_day(zone, days):
    assert per("day", zone) == days


def test_local_hour():
    assert per("hour", "UTC") == {21: 1, 22: 1, 23: 1}
    assert per("hour", "Asia/Jerusalem") == {23: 1, 0: 1, 1: 1}
    assert per("hour", "Asia/Kolkata") == {3: 2, 5: 1}, "+5:30: 03:29, 03:30 and 05:00"


def test_local_week_and_month():
    rows = [call(at="2026-03-09 03:30:00", wait=1), call(at="2026-04-01 01:00:00", wait=1)]
    assert per("week", "UTC", rows) == {"2026-03-09": 1, "2026-03-30": 1}
    assert per("week", "America/New_York", rows) == {"2026-03-02": 1, "2026-03-30": 1}
    assert per("month", "UTC", rows) == {"2026-03-01": 1, "2026-04-01": 1}
    assert per("month", "America/New_York", rows) == {"2026-03-01": 2}


def test_the_week_begins_where_the_settings_say():
    "Sunday 8 March: the last day of a Monday week, the first of a Sunday week."
    rows = [call(at="2026-03-07 12:00", wait=1), call(at="2026-03-08 12:00", wait=1)]
    assert per("week", "UTC", rows) == {"2026-03-02": 2}
    assert per("week", "UTC", rows, week_start="sunday") == {"2026-03-01": 1, "2026-03-08": 1}


def test_daylight_saving_does_not_lose_or_double_a_contact():
    """In New York 8 March has 23 hours and 1 November 25: one contact in each UTC hour."""
    spring = [call(at=f"2026-03-08 {h:02d}:15", wait=1) for h in range(24)]
    assert per("hour", "America/New_York", spring).get(2) is None
    assert sum(per("day", "America/New_York", spring).values()) == 24
    autumn = [call(at=f"2026-11-01 {h:02d}:15", wait=1) for h in range(24)]
    assert per("hour", "America/New_York", autumn)[1] == 2


def test_since_and_until_are_local_days():
    ws = open_ws(LATE, zone="Asia/Jerusalem")
    assert one(ws, "contact_volume", since="2026-03-03", until="2026-03-03")["value"] == 2
    assert one(ws, "contact_volume", since="2026-03-02", until="2026-03-02")["value"] == 1


def test_the_zone_moves_contacts_between_days_and_changes_no_total():
    totals = {one(open_ws(LATE, zone=z), "asa")["value"] for z in ("UTC", "Asia/Jerusalem")}
    assert totals == {1.0}


def test_a_window_of_days_is_not_cut_at_midnight():
    """7 x 24 hours: daylight saving between two contacts does not stretch the window.

    1 March 12:00 and 8 March 12:00 New York are 167 hours apart, 13:00 is 168: still a repeat;
    14:00 local is the 169th hour and none.
    """
    first = call(at="2026-03-01 17:00:00", customer_id="A", wait=1)  # 12:00 EST
    for hour, repeats in (("16:00", 1), ("17:00", 1), ("17:01", 0)):
        second = call(at=f"2026-03-08 {hour}:00", customer_id="A", wait=1)
        ws = open_ws([first, second], zone="America/New_York")
        found = one(ws, "repeat_contact_rate")
        assert found["value"] == pytest.approx(50.0 * repeats, abs=1e-9), hour
