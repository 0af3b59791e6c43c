"""KPIs of replies, solutions and weekends on tickets, worked out by hand.

All times are UTC on days of March 2026 (the 2nd is a Monday); e = comment of the requester,
a = public reply, A = automatic public reply, s:word = status, o:name = owner, g:name = group.
"""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from contact_kpis import Settings, catalogue, open_workspace
from contact_kpis.data.ingest import write_stream
from contact_kpis.data.tables import open_folder

KINDS = {"e": "comment_customer", "a": "comment_public_agent", "A": "comment_public_agent"}
KINDS |= {"s": "status", "o": "assignee", "g": "group", "x": "escalate"}


def at(text):
    day, clock = text.split("@")
    return pd.Timestamp(f"2026-03-{int(day):02} {clock}")


def tables(lives, **columns):
    "Tickets opened with their first word; then `DAY@TIME mark` for each thing that happened."
    rows, opened = [], []
    for ticket, life in lives.items():
        first, *steps = life.split(", ")
        opened.append((ticket, at(first)))
        for step in steps:
            when, mark, *who = step.split(" ")
            kind, _, value = mark.partition(":")
            rows.append(
                (ticket, at(when), KINDS[kind], value or None, who[0] if who else None, kind)
            )
    names = ["ticket_id", "at", "kind", "to_value", "actor_id", "mark"]
    events = pd.DataFrame(rows, columns=names)
    events["is_automatic"] = events.pop("mark") == "A"
    events.insert(0, "event_id", [f"{i:04}" for i in range(len(events))])
    tickets = pd.DataFrame(opened, columns=["ticket_id", "created_at"]).assign(**columns)
    return {"tickets": tickets, "ticket_events": events.astype({"to_value": "str"})}


LIVES = {
    # one reply, solved
    "one": "2@09:00, 2@09:00 e, 2@09:01 A, 2@09:30 a ann, 2@09:30 s:solved ann",
    # solved without a word
    "none": "2@09:00, 2@10:00 s:solved bob",
    # two replies, the second 90 minutes after a further question; pending for an hour
    "two": "2@10:00, 2@10:20 a ann, 2@10:20 s:pending ann, 2@11:20 e, 2@11:20 s:open, "
    "2@12:50 a ann, 2@12:50 s:solved ann",
    # reopened after a day, solved again by somebody else
    "back": "2@08:00, 2@08:00 o:ann, 2@09:00 a ann, 2@09:00 s:solved ann, 3@09:00 e, "
    "3@09:00 s:open, 3@09:10 o:bob, 3@10:00 a bob, 3@10:00 s:solved cid",
    # open, never answered, escalated
    "open": "10@12:00, 10@13:00 x",
}


@pytest.fixture(scope="module")
def desk():
    return open_workspace(tables(LIVES))


def value(ws, kpi, **conventions):
    row = ws.kpis(catalogue[kpi].using(**conventions)).frame.iloc[0]
    return round(row["value"], 4), row["n"], row["pending"]


@pytest.mark.parametrize(
    ("rule", "touched_once"),
    [
        ("fivetran", 1),  # one
        ("zendesk", 2),  # one, none
        ("freshservice", 2),  # one, none: `two` and `back` have a further question
        ("servicenow", 2),  # one, none: `two` was pending, `back` was reopened
    ],
)
def test_one_touch(desk, rule, touched_once):
    assert value(desk, "fcr_one_touch", rule=rule) == (100 * touched_once / 4, 4, 0)


def test_held(desk):
    "The data end on the 10th, midnight of the 11th: all four have had seven days; `back` came back."
    assert value(desk, "fcr_no_reopen") == (75, 4, 0)
    nothing, n, pending = value(desk, "fcr_no_reopen", window_d=9)
    assert np.isnan(nothing) and (n, pending) == (0, 4)


def test_first_response(desk):
    "30, 20 and 60 minutes; `none` was solved after 60 without one, `open` waits for 720."
    assert value(desk, "first_response_time", stat="mean") == (round(110 / 3, 4), 3, 2)
    assert value(desk, "first_response_time") == (60, 5, 2)  # 20: 4/5, 30: 3/5, 60: 2/5
    acknowledged = value(desk, "first_response_time", stat="mean", count_auto_ack=True)
    assert acknowledged == (27, 3, 2)  # 1, 20 and 60


def test_next_reply(desk):
    "`two`: 11:20 to 12:50; `back`: 09:00 to 10:00 of the next day."
    assert value(desk, "next_reply_time") == (75, 2, 0)


def test_time_in_states(desk):
    """Solved tickets, minutes new + open: one 30, none 60, two 20 + 90, back 60 + 60; pending 60.

    `open` is new from 12:00 to midnight: 720.
    """
    assert value(desk, "requester_wait_time") == ((30 + 60 + 110 + 120) / 4, 4, 1)
    assert value(desk, "agent_work_time", status="all") == ((320 + 720) / 5, 5, 0)
    assert value(desk, "agent_wait_time") == (60 / 4, 4, 1)


def test_resolved(desk):
    assert value(desk, "tickets_resolved")[0] == 4
    assert value(desk, "tickets_resolved", net_of_reopens=False)[0] == 5
    found = {}
    for credit in ("owner", "solver"):
        frame = desk.kpis(catalogue["tickets_resolved"].using(credit=credit), by=["agent"]).frame
        found[credit] = dict(zip(frame["agent"], frame["value"], strict=True))
    assert found["owner"] == {"bob": 1, "(missing)": 3}
    assert found["solver"] == {"ann": 2, "bob": 1, "cid": 1}


def test_levels_and_owners(desk):
    "Four solved without escalation, of five; of two with an owner only `back` is solved: 2 owners."
    assert value(desk, "first_level_resolution") == (80, 5, 0)
    assert value(desk, "first_level_resolution", denominator="solved") == (100, 4, 0)
    assert value(desk, "fault_ownership_rate") == (0, 1, 0)
    assert value(desk, "fault_ownership_rate", allowed_handoffs=1) == (100, 1, 0)


def test_channels():
    mixed = tables({"a": "2@09:00, 2@10:00 s:open", "b": "2@09:00", "c": "2@09:00"})
    mixed["tickets"]["channel"] = ["email", "voice", None]
    calls = {"contact_id": list("vwx"), "channel": ["email", "email", "voice"]}
    calls |= {"outcome": "answered", "direction": ["inbound", "outbound", "inbound"]}
    mixed["contacts"] = pd.DataFrame(calls).assign(started_at=at("2@09:00"))
    ws = open_workspace(mixed)
    assert value(ws, "channel_mix") == (round(100 / 3, 4), 3, 0)
    assert value(ws, "channel_mix", among="contacts") == (50, 2, 0)
    rows = ws.rows(catalogue["channel_mix"].using(among="contacts"))
    assert rows["is_numerator"].sum() == 1 and len(rows) == 2


def test_weekends():
    """Berlin rests on Saturday and Sunday, Haifa on Friday and Saturday.

    Weekends of 2 to 15 March: Berlin 6/8 and 13/15, Haifa 5/7 and 12/14. Open at the closes:
    Berlin a, b before and b after the first, b and c around the second: 2, 2 and 1, 2;
    Haifa d before and d, f after the first, f and f: 1, 1 and 2, 1.
    """
    lives = {
        "a": "2@09:00, 7@12:00 s:solved",
        "b": "3@09:00",
        "c": "10@09:00",
        "d": "2@09:00, 9@12:00 s:solved",
        "f": "6@12:00, 15@12:00 g:x",
    }
    calendars = {
        "de": {"days": "monday-friday", "hours": "09:00-17:00"},
        "il": {"days": "sunday-thursday", "hours": "09:00-17:00"},
    }
    sites = {
        "Berlin": {"zone": "UTC", "calendar": "de"},
        "Haifa": {"zone": "UTC", "calendar": "il"},
    }
    given = tables(lives, site=["Berlin"] * 3 + ["Haifa"] * 2)
    ws = open_workspace(given, Settings(calendars=calendars, sites=sites))
    for side, berlin, haifa in (("before", 2, 1), ("after", 1.5, 1.5), ("growth", -0.5, 0.5)):
        frame = ws.kpis(catalogue["backlog_weekend"].using(side=side), by=["site"]).frame
        assert frame["value"].round(9).tolist() == [berlin, haifa], side
        assert value(ws, "backlog_weekend", side=side)[0] == berlin + haifa
    weeks = ws.kpis(catalogue["backlog_weekend"].using(side="after"), by=["week"]).frame
    assert weeks["value"].tolist() == [1 + 2, 2 + 1]


def test_a_holiday_before_the_weekend():
    "Friday the 6th is free: the last working day is Thursday, and the weekend ends on Sunday."
    work = {"de": {"days": "monday-friday", "hours": "09:00-17:00", "holidays": [date(2026, 3, 6)]}}
    given = tables({"a": "2@09:00", "b": "6@09:00", "c": "9@09:00"})
    ws = open_workspace(given, Settings(calendars=work, calendar="de"))
    assert value(ws, "backlog_weekend")[0] == 1
    assert value(ws, "backlog_weekend", side="after")[0] == 2


# --- ticket 941606 -----------------------------------------------------------------------------

NIGHT, EVENING = "00:00-00:30", "15:00-24:00"
WEEK = {day: [NIGHT, EVENING] for day in ("tuesday", "wednesday", "thursday", "friday")}
LEVELS = {
    "level 1": {"zone": "UTC", "days": "monday-sunday", "hours": ["00:00-02:00", "12:00-24:00"]},
    "level 2": {"zone": "UTC", "monday": EVENING, **WEEK, "saturday": NIGHT},
}


def documented():
    times = pd.to_datetime(["2020-09-30 19:01:25", "2020-09-30 19:01:46", "2020-10-07 08:00:00"])
    events = {"event_id": ["1", "2", "3"], "ticket_id": "941606", "at": times}
    events |= {"kind": ["schedule", "comment_public_agent", "comment_public_agent"]}
    events |= {"from_value": ["level 1", None, None], "to_value": ["level 2", None, None]}
    opened = pd.to_datetime(["2020-09-29 17:01:38"])
    tickets = pd.DataFrame({"ticket_id": ["941606"], "created_at": opened})
    return {"tickets": tickets, "ticket_events": pd.DataFrame(events)}


@pytest.mark.parametrize(("rule", "minutes"), [("all", 960.13), ("last", 690.13)])
@pytest.mark.parametrize("way", ["in memory", "in parts"])
def test_business_minutes_of_the_documented_ticket(rule, minutes, way, tmp_path):
    "538.37 + 421.42 + 0.35 by all schedules, 448.37 + 241.77 by the last."
    settings = Settings(source="test", calendars=LEVELS, calendar="level 1")
    ws = open_workspace(documented(), settings)
    if way == "in parts":
        write_stream("test", list(documented().items()), tmp_path / "centre", settings)
        assert "business_age_ms" in open_folder(tmp_path / "centre").tables["ticket_events"].columns
        ws = open_workspace(tmp_path / "centre")
    found = ws.kpis(
        catalogue["first_response_time_business"].using(stat="mean", schedule_rule=rule)
    )
    assert found.frame["value"].round(2).tolist() == [minutes]
