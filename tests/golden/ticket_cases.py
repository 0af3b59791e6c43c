"""Tiny ticket histories with the numbers that follow from them by hand.

All days are of March 2026 (the 2nd is a Monday) and UTC unless a case says otherwise; a period is
(first day, last day), both included. `want` is (value, n, pending) as tests/oracle_tickets.py
defines n. A value of 200 / 3 is written as the fraction that it is.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

import pandas as pd

TICKET = {
    "requester_id": "k1", "channel": "email", "priority": None, "type": None, "reason_code": None,
    "status": "closed",  # what the row says today must never be read
}  # fmt: skip
TIMES = ("created_at", "at", "applied_at", "breached_at", "fulfilled_at")
HOUR_MS = 3_600_000


class Expect(NamedTuple):
    kpi: str
    period: tuple[date, date]
    want: tuple[float | None, int, int]
    by: str | None
    group: str | None
    as_of: date | None  # None: that of the case
    conventions: dict


class Case(NamedTuple):
    name: str
    tickets: list[dict]
    events: list[dict]
    sla: list[dict]
    as_of: date
    zone: str
    expected: list[Expect]


def day(number, month=3):
    return date(2026, month, number)


def at(text):
    """'02 09:30' is in March; a longer text is the whole instant."""
    return pd.Timestamp(text if text.startswith("2026-") else f"2026-03-{text}")


def ticket(name, created, **known):
    return {"ticket_id": name, "created_at": at(created)} | TICKET | known


def changes(name, kind, *log, first=None):
    """Events of one ticket and kind: ('02 09:30', 'open'), …; `first` is the value before them."""
    out, before = [], first
    for when, to in log:
        out.append({"ticket_id": name, "at": at(when), "kind": kind,
                    "from_value": before, "to_value": to})  # fmt: skip
        before = to
    return out


def life(name, *log):
    return changes(name, "status", *log, first="new")


def target(name, applied, hours=None, fulfilled=None, breached=None, priority=None,
           metric="first_reply_time"):  # fmt: skip
    return {
        "ticket_id": name,
        "metric": metric,
        "applied_at": at(applied),
        "target_ms": None if hours is None else hours * HOUR_MS,
        "breached_at": pd.NaT if breached is None else at(breached),
        "fulfilled_at": pd.NaT if fulfilled is None else at(fulfilled),
        "priority_at_event": priority,
    }


def expect(kpi, first, last, value, n, pending=0, by=None, group=None, as_of=None, **conventions):
    """First and last are days of March or dates."""
    first, last = (d if isinstance(d, date) else day(d) for d in (first, last))
    as_of = day(as_of) if isinstance(as_of, int) else as_of
    return Expect(kpi, (first, last), (value, n, pending), by, group, as_of, conventions)


def case(name, tickets, events=(), sla=(), as_of=4, zone="UTC", expected=()):
    as_of = day(as_of) if isinstance(as_of, int) else as_of
    return Case(name, tickets, list(events), list(sla), as_of, zone, list(expected))


def frames(case):
    """The raw frames of a case; event_id is the order in which the case tells its story."""
    events = [{"event_id": f"e{i:04d}"} | event for i, event in enumerate(case.events)]
    columns = {
        "tickets": ["ticket_id", "created_at", *TICKET],
        "ticket_events": ["event_id", "ticket_id", "at", "kind", "from_value", "to_value"],
        "ticket_sla": list(target("t", "02 00:00")),
    }
    out = {}
    for (table, needed), rows in zip(
        columns.items(), (case.tickets, events, case.sla), strict=True
    ):
        more = [key for row in rows for key in row if key not in needed]
        frame = pd.DataFrame(rows, columns=needed + list(dict.fromkeys(more)))
        for column in frame:
            if column in TIMES:
                frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
            elif column == "target_ms":
                frame[column] = frame[column].astype("Int64")
            else:
                frame[column] = frame[column].astype("object").where(frame[column].notna(), None)
        out[table] = frame
    return out


def office_ms(start, end):
    """Milliseconds between two instants on Monday to Friday, 09:00 to 17:00 UTC."""
    total, midnight = timedelta(0), datetime(start.year, start.month, start.day)
    while midnight < end:
        if midnight.weekday() < 5:
            opens, closes = midnight + timedelta(hours=9), midnight + timedelta(hours=17)
            total += max(min(end, closes) - max(start, opens), timedelta(0))
        midnight += timedelta(days=1)
    return total / timedelta(milliseconds=1)


FIRST, FULL = "first_resolution_time", "full_resolution_time"
REOPEN, HANDOFF, SLA = "reopen_rate", "handoff_count", "sla_attainment"
VOLUME, BACKLOG, AGE = "ticket_volume", "backlog_close_of_day", "backlog_age"

CASES = [
    case(
        "solved, reopened, solved again",
        [ticket("t", "02 09:00")],
        life("t", ("02 09:30", "open"), ("02 11:00", "solved"), ("03 09:00", "open"),
             ("03 15:00", "solved")),
        expected=[
            # 2nd 09:00 -> 2nd 11:00 is 2 h; -> 3rd 15:00 is 24 + 6 = 30 h
            expect(FIRST, 2, 2, 2, 1),
            expect(FULL, 2, 2, 30, 1),
            expect(FULL, 2, 2, 30, 1, stat="mean"),
            expect(FULL, 3, 3, None, 0),  # nothing was created on the 3rd
            expect(FIRST, 2, 2, 2, 1, cohort="solved"),
            expect(FIRST, 3, 3, None, 0, cohort="solved"),  # the second solve is no first one
            expect(FULL, 2, 2, None, 0, cohort="solved"),  # the first solve is no last one
            expect(FULL, 3, 3, 30, 1, cohort="solved"),
            # as of the 2nd nobody knows of the reopening
            expect(FULL, 2, 2, 2, 1, as_of=2),
            expect(FULL, 2, 2, 2, 1, as_of=2, cohort="solved"),
            # reopened 22 h after the first solve
            expect(REOPEN, 2, 2, 100, 1),
            expect(REOPEN, 2, 2, 100, 1, window_d=1),
            expect(REOPEN, 2, 2, 0, 1, as_of=2),
            expect(REOPEN, 2, 2, None, 0, 1, as_of=2, window_d=1),  # open until the 3rd 11:00
            expect(REOPEN, 3, 3, None, 0),  # first solved on the 2nd
            # events: 2nd 0 reopens of 1 solve; 3rd 1 of 1; both days 1 of 2
            expect(REOPEN, 2, 2, 0, 1, numerator="events"),
            expect(REOPEN, 3, 3, 100, 1, numerator="events"),
            expect(REOPEN, 2, 3, 50, 2, numerator="events"),
            # open at the close of no day: solved before each midnight
            expect(BACKLOG, 2, 3, 0, 2),
            expect(AGE, 2, 3, None, 0),
        ],
    ),
    case(
        "solved, then closed",
        [ticket("t", "02 08:00")],
        life("t", ("02 12:00", "solved"), ("06 12:00", "closed")),
        as_of=7,
        expected=[
            # solved after 4 h; closed after 4 days and 4 h = 100 h; closing is no second solve
            expect(FIRST, 2, 2, 4, 1),
            expect(FULL, 2, 2, 4, 1),
            expect(FULL, 2, 2, 100, 1, end="closed"),
            expect(FULL, 2, 2, 4, 1, cohort="solved"),
            expect(FULL, 6, 6, None, 0, cohort="solved"),
            expect(FULL, 6, 6, 100, 1, cohort="solved", end="closed"),
            expect(FULL, 2, 2, None, 0, cohort="solved", end="closed"),
            expect(FULL, 2, 2, None, 1, 1, as_of=5, end="closed"),  # solved, not yet closed
            expect(FULL, 2, 2, None, 0, 1, as_of=5, end="closed", stat="mean"),
            expect(REOPEN, 2, 6, 0, 1),
            expect(REOPEN, 2, 6, 0, 1, numerator="events"),
            expect(REOPEN, 6, 6, None, 0, numerator="events"),  # no solve that day
        ],
    ),
    case(
        "reopened and still open",
        [ticket("t", "02 00:00")],
        life("t", ("02 06:00", "solved"), ("04 06:00", "open")),
        as_of=5,
        expected=[
            expect(FIRST, 2, 2, 6, 1),
            expect(FULL, 2, 2, None, 1, 1),  # one ticket, censored after 96 h
            expect(FULL, 2, 2, None, 0, 1, stat="mean"),
            expect(FULL, 2, 5, None, 0, cohort="solved"),
            expect(FIRST, 2, 2, 6, 1, cohort="solved"),
            expect(HANDOFF, 2, 5, None, 0),
            expect(REOPEN, 2, 2, 100, 1),
            expect(REOPEN, 2, 2, 0, 1, window_d=1),  # came back after 48 h
            expect(REOPEN, 2, 2, 100, 1, window_d=2),  # exactly at the limit
            # 1 reopen of 1 solve (solves - 1 would say 0: it holds for tickets that end solved)
            expect(REOPEN, 2, 5, 100, 1, numerator="events"),
            expect(REOPEN, 4, 4, None, 0, numerator="events"),  # a reopen and no solve
            # solved at the close of the 2nd and 3rd, open at that of the 4th and 5th
            expect(BACKLOG, 2, 2, 0, 1),
            expect(BACKLOG, 2, 5, 0.5, 4),
            expect(AGE, 4, 4, 72, 1),  # 2nd 00:00 -> 5th 00:00
            expect(AGE, 2, 5, 72, 2),  # 72 and 96: the lower one has half of the ECDF
        ],
    ),
    case(
        "closed without solved, reopened, statuses said twice",
        [ticket("a", "02 00:00"), ticket("b", "02 00:00"), ticket("c", "02 00:00")],
        # a: closed after 5 h, open after 24 h, closed after 34 h
        life("a", ("02 05:00", "closed"), ("03 00:00", "open"), ("03 10:00", "closed"))
        # b: closed after 5 h, open after 24 h, solved after 30 h and not closed since
        + life("b", ("02 05:00", "closed"), ("03 00:00", "open"), ("03 06:00", "solved"))
        # c: solved after 3 h (said again after 4 h), closed after 6 h (said again after 7 h)
        + life("c", ("02 03:00", "solved"), ("02 04:00", "solved"), ("02 06:00", "closed"),
               ("02 07:00", "closed")),
        expected=[
            expect(FIRST, 2, 2, (5 + 5 + 3) / 3, 3, stat="mean"),
            expect(FULL, 2, 2, (34 + 30 + 3) / 3, 3, stat="mean"),
            expect(FULL, 2, 2, 30, 3),
            expect(FULL, 2, 2, (34 + 6) / 2, 2, 1, stat="mean", end="closed"),  # b is not closed
            # KM: 6 e, 34 e, b censored at 72: S(6) = 2/3, S(34) = 1/3
            expect(FULL, 2, 2, 34, 3, 1, end="closed"),
            # solves: a 2, b 2, c 1; reopens: a 1, b 1, c 0
            expect(REOPEN, 2, 3, 40, 5, numerator="events"),
            expect(REOPEN, 2, 3, 200 / 3, 3),
        ],
    ),
    case(
        "reopens are solves - 1 (1.3.3)",
        [ticket("a", "02 09:00"), ticket("b", "02 09:00", channel="chat"),
         ticket("c", "02 09:00", channel="chat")],
        life("a", ("02 10:00", "solved"), ("02 15:00", "open"), ("03 10:00", "solved"),
             ("03 15:00", "open"), ("04 10:00", "solved"))
        + life("b", ("02 12:00", "solved"))
        + life("c", ("02 11:00", "solved"), ("02 16:00", "open"), ("03 11:00", "solved")),
        expected=[
            # solves 3 + 1 + 2 = 6; reopens (3-1) + (1-1) + (2-1) = 3
            expect(REOPEN, 2, 4, 50, 6, numerator="events"),
            expect(REOPEN, 2, 2, 200 / 3, 3, numerator="events"),  # 2 (a, c) of 3
            expect(REOPEN, 3, 3, 50, 2, numerator="events"),  # 1 (a) of 2 (a, c)
            expect(REOPEN, 4, 4, 0, 1, numerator="events"),
            expect(REOPEN, 2, 4, 200 / 3, 3, numerator="events", by="channel", group="email"),
            expect(REOPEN, 2, 4, 100 / 3, 3, numerator="events", by="channel", group="chat"),
            expect(REOPEN, 2, 4, 200 / 3, 3),  # a and c of three tickets
            expect(REOPEN, 3, 4, None, 0),  # all were first solved on the 2nd
            # first: 1, 3, 2 h; full: a 49, b 3, c 26 h
            expect(FIRST, 2, 2, 2, 3),
            expect(FULL, 2, 2, 26, 3),
            expect(FULL, 2, 2, (49 + 3 + 26) / 3, 3, stat="mean"),
            expect(FULL, 3, 4, 26, 2, cohort="solved"),  # 49 and 26: the lower one
            expect(FULL, 3, 4, 37.5, 2, cohort="solved", stat="mean"),
        ],
    ),
    case(
        "window of two days",
        # first solved on the 2nd at 12:00 (a, b, c) and on the 3rd at 12:00 (d)
        [ticket(name, "02 09:00") for name in "abcd"],
        life("a", ("02 12:00", "solved"), ("04 12:00", "open"))  # exactly 48 h
        + life("b", ("02 12:00", "solved"), ("04 12:00:01", "open"))  # a second too late
        + life("c", ("02 12:00", "solved"))
        + life("d", ("03 12:00", "solved"), ("03 13:00", "open")),  # closes on the 5th 12:00
        expected=[
            expect(REOPEN, 2, 3, 75, 4),  # a, b, d
            expect(REOPEN, 2, 3, 100 / 3, 3, 1, window_d=2),  # a of a, b, c; d waits, though reopened
            expect(REOPEN, 2, 3, 25, 4, window_d=1),  # d of four
            expect(REOPEN, 2, 3, 50, 4, as_of=5, window_d=2),  # a, d
            expect(REOPEN, 3, 3, None, 0, 1, window_d=2),
        ],
    ),
    case(
        "stations",
        [ticket(f"t{i}", "02 08:00") for i in range(1, 7)],
        changes("t1", "assignee", ("02 08:10", "A"), ("02 08:20", "A"), ("02 08:30", None),
                ("02 08:40", "A"))
        + changes("t2", "assignee", ("02 08:10", "A"), ("02 08:20", "B"), ("02 08:30", "A"))
        + changes("t2", "group", ("02 08:10", "L1"), ("02 08:20", "L2"), ("02 08:30", "L1"))
        + changes("t4", "assignee", ("02 08:10", "A"), ("02 08:20", "B"), ("03 08:00", "C"))
        + changes("t4", "group", ("02 08:10", "L1"), ("02 08:15", None), ("02 08:20", "L2"))
        + changes("t5", "assignee", ("02 08:20", "B"), first="A")
        + changes("t6", "assignee", ("02 08:10", "A"), ("02 08:20", "B"))
        + [e for i in range(1, 6) for e in life(f"t{i}", ("02 10:00", "solved"))]
        + life("t6", ("02 10:00", "solved"), ("03 10:00", "open")),
        expected=[
            # t1 A -> 0; t2 A B A -> 2; t3 none -> 0; t4 A B C -> 2 (the last after the solve);
            # t5 A B -> 1 (it was A's before its first event); t6 is open again
            expect(HANDOFF, 2, 2, (0 + 2 + 0 + 2 + 1) / 5, 5),
            expect(HANDOFF, 2, 2, (0 + 2 + 0 + 1 + 0) / 5, 5, stations="group"),
            # as of the 2nd: t4 A B -> 1, t6 A B -> 1
            expect(HANDOFF, 2, 2, (0 + 2 + 0 + 1 + 1 + 1) / 6, 6, as_of=2),
            expect(HANDOFF, 3, 4, None, 0),
        ],
    ),
    case(
        "merged, spam, deleted, agent-created and of tomorrow",
        [
            ticket("plain", "02 09:00", spam=False, deleted=False, created_by_role="customer"),
            ticket("spam", "02 09:00", spam=True, deleted=False, created_by_role="customer"),
            ticket("deleted", "02 09:00", spam=False, deleted=True, created_by_role="customer"),
            ticket("merged", "02 09:00", spam=False, merged_into="plain"),
            ticket("agent", "02 09:00", spam=False, created_by_role="agent", channel=None),
            ticket("unknown", "02 09:00", spam=None, deleted=None, created_by_role=None),
            ticket("tomorrow", "03 00:00", spam=False),
        ],
        as_of=2,
        expected=[
            expect(VOLUME, 2, 2, 3, 3),  # plain, agent, unknown
            expect(VOLUME, 2, 2, 4, 4, exclude_spam=False),
            expect(VOLUME, 2, 2, 4, 4, exclude_deleted=False),
            expect(VOLUME, 2, 2, 4, 4, exclude_merged=False),
            expect(VOLUME, 2, 2, 2, 2, exclude_agent_created=True),
            expect(VOLUME, 2, 2, 6, 6, exclude_spam=False, exclude_deleted=False,
                   exclude_merged=False),
            expect(VOLUME, 2, 2, 1, 1, by="channel", group="(missing)"),
            expect(VOLUME, 2, 2, 2, 2, by="channel", group="email"),
            expect(VOLUME, 2, 3, 3, 3),  # the 3rd is not known as of the 2nd
            expect(VOLUME, 2, 3, 4, 4, as_of=3),
            expect(BACKLOG, 2, 2, 3, 1),
            expect(AGE, 2, 2, 15, 3),  # 09:00 to midnight
        ],
    ),
    case(
        "open across a weekend",
        # office hours Monday to Friday 09-17; the 6th is a Friday
        [ticket("fri", "06 16:00"), ticket("sat", "07 12:00")],
        life("fri", ("09 10:00", "solved")) + life("sat", ("09 09:30", "solved")),
        as_of=9,
        expected=[
            # calendar: 8 + 24 + 24 + 10 = 66 h and 12 + 24 + 9.5 = 45.5 h
            expect(FULL, 6, 7, 45.5, 2),
            expect(FULL, 6, 7, 55.75, 2, stat="mean"),
            # office: Fri 16-17 and Mon 9-10 = 2 h; Mon 9-9:30 = 0.5 h
            expect(FULL, 6, 7, 0.5, 2, clock="business"),
            expect(FULL, 6, 7, 1.25, 2, clock="business", stat="mean"),
            expect(FIRST, 9, 9, 1.25, 2, clock="business", stat="mean", cohort="solved"),
            expect(FULL, 6, 6, 2, 1, clock="business"),
            expect(FULL, 6, 7, None, 2, 2, clock="business", as_of=8),
            # ages at the midnights that close Fri, Sat, Sun: fri 8, 32, 56; sat -, 12, 36
            expect(AGE, 6, 8, 32, 5),
            expect(AGE, 6, 6, 8, 1),
            # in office hours: fri 1, 1, 1; sat -, 0, 0
            expect(AGE, 6, 8, 1, 5, clock="business"),
            expect(AGE, 6, 8, 0, 5, clock="business", p=0.4),
            expect(BACKLOG, 6, 8, 5 / 3, 3),  # 1, 2, 2
            expect(BACKLOG, 6, 9, 1.25, 4),  # 1, 2, 2, 0
        ],
    ),
    case(
        "targets met, missed and running",
        [ticket(f"t{i}", "02 09:00", priority="low", channel="chat" if i == 8 else "email")
         for i in range(1, 13)],
        sla=[
            target("t1", "02 09:00", 4, fulfilled="02 12:00", priority="high"),  # met
            target("t2", "02 09:00", 4, fulfilled="02 15:00", breached="02 13:00",
                   priority="high"),  # breached and later fulfilled: missed
            target("t3", "02 09:00", 4, fulfilled="02 13:00"),  # exactly at the limit: met
            target("t4", "02 09:00", breached="02 18:00"),  # no target in the log: missed
            target("t5", "02 09:00", fulfilled="02 10:00"),  # met
            target("t6", "02 09:00"),  # running
            target("t7", "02 09:00", 24),  # due on the 3rd 09:00, nothing logged: missed
            target("t8", "02 09:00", 200, metric="requester_wait_time"),  # due on the 10th: running
            target("t9", "02 09:00", 4, fulfilled="02 12:00", breached="02 12:30"),  # met before
            target("t10", "02 09:00", 4, fulfilled="02 14:00"),  # late, though no breach: missed
            target("t11", "02 09:00", fulfilled="07 08:00"),  # not yet as of the 6th: running
            target("t12", "02 09:00", fulfilled="02 12:00", breached="02 12:00"),  # missed
        ],
        as_of=6,
        expected=[
            # met 1 3 5 9; missed 2 4 7 10 12; running 6 8 11
            expect(SLA, 2, 2, 400 / 9, 9, 3),
            expect(SLA, 2, 2, 400 / 9, 9, 2, metric="first_reply_time"),
            expect(SLA, 2, 2, None, 0, 1, metric="requester_wait_time"),
            expect(SLA, 2, 2, 50, 8, 4, as_of=2),  # t7 is still running: 4 of 8
            expect(SLA, 2, 2, 50, 10, 2, as_of=7),  # t11 is fulfilled: 5 of 10
            expect(SLA, 2, 2, 500 / 11, 11, 1, as_of=10),  # t8 was due on the 10th 17:00: 5 of 11
            expect(SLA, 3, 6, None, 0),  # none was applied then
            # the priority when the target was applied, not `low` of today
            expect(SLA, 2, 2, 50, 2, by="priority", group="high"),
            expect(SLA, 2, 2, 300 / 7, 7, 3, by="priority", group="(missing)"),
            expect(SLA, 2, 2, 400 / 9, 9, 2, by="channel", group="email"),
        ],
    ),
    case(
        "several targets of one ticket, one of them raised with the priority",
        [ticket("t", "02 09:00", priority="low")],
        sla=[
            target("t", "02 09:00", 8, fulfilled="02 16:00", priority="normal"),  # met
            target("t", "03 09:00", 1, breached="03 10:00", fulfilled="03 11:00",
                   priority="urgent"),  # missed
            target("t", "03 09:00", 48, metric="requester_wait_time", priority="urgent"),  # running
            target("t", "05 00:00", 24, metric="next_reply_time"),  # all of the 5th to do it
        ],
        expected=[
            expect(SLA, 2, 3, 50, 2, 1),
            expect(SLA, 2, 2, 100, 1),
            expect(SLA, 3, 3, 0, 1, 1),
            expect(SLA, 3, 3, None, 0, 1, metric="requester_wait_time"),
            expect(SLA, 2, 3, 0, 1, 1, by="priority", group="urgent"),
            # applied at the midnight that closes the 4th; due at the one that closes the 5th
            expect(SLA, 2, 5, 50, 2, 1),
            expect(SLA, 5, 5, 0, 1, as_of=5),
        ],
    ),
    case(
        "backlog over three days",
        [ticket("a", "02 10:00"), ticket("b", "02 11:00", channel="chat"),
         ticket("c", "03 09:00"), ticket("d", "03 09:00", channel="chat")],
        # a has no event: it is new all the time
        life("b", ("02 11:30", "open"), ("03 12:00", "pending"), ("04 12:00", "solved"))
        + life("c", ("03 10:00", "hold"))
        + life("d", ("03 17:00", "solved"), ("04 09:00", "open")),
        expected=[
            # close of the 2nd: a b; of the 3rd: a b(pending) c(hold); of the 4th: a c(hold) d
            expect(BACKLOG, 2, 2, 2, 1),
            expect(BACKLOG, 3, 3, 3, 1),
            expect(BACKLOG, 4, 4, 3, 1),
            expect(BACKLOG, 2, 4, 8 / 3, 3),
            expect(BACKLOG, 2, 4, 7 / 3, 3, include_pending=False),  # 2 2 3
            expect(BACKLOG, 2, 4, 2, 3, include_hold=False),  # 2 2 2
            expect(BACKLOG, 2, 4, 5 / 3, 3, include_pending=False, include_hold=False),  # 2 1 2
            expect(BACKLOG, 1, 6, 8 / 3, 3),  # the data cover the 2nd to the 4th
            expect(BACKLOG, 5, 6, None, 0),
            expect(BACKLOG, date(2026, 2, 1), date(2026, 2, 28), None, 0),
            expect(BACKLOG, 2, 4, 5 / 3, 3, by="channel", group="email"),  # 1 2 2
            expect(BACKLOG, 2, 4, 1, 3, by="channel", group="chat"),  # 1 1 1
            # ages: a 14 38 62; b 13 37 -; c - 15 39; d - - 39
            # in order: 13 14 15 37 38 39 39 62
            expect(AGE, 2, 4, 37, 8),  # the 4th of 8
            expect(AGE, 2, 4, 14, 8, p=0.25),  # the 2nd
            expect(AGE, 2, 4, 39, 8, p=0.875),  # the 7th
            expect(AGE, 2, 4, 62, 8, p=0.9),  # 7.2, so the 8th
            expect(AGE, 3, 3, 37, 3),  # 15 37 38
            expect(AGE, 2, 4, 38, 5, by="channel", group="email"),  # 14 15 38 39 62
            # a and c have no solve, b took 49 h, d is open again after a first solve of 8 h
            expect(FIRST, 2, 3, 49, 4, 2),  # 8 e, 39 c, 49 e, 62 c: S = 3/4, 3/4 x 1/2 = 3/8
            expect(FULL, 2, 3, 49, 4, 3),  # 39 c, 39 c, 49 e, 62 c: S(49) = 1/2
        ],
    ),
    case(
        "Kaplan-Meier median with two censored tickets",
        [ticket("a", "02 00:00"), ticket("b", "02 00:00"), ticket("c", "05 18:00", channel="chat"),
         ticket("d", "02 00:00"), ticket("e", "05 12:00", channel="chat"), ticket("f", "02 00:00")],
        life("a", ("02 04:00", "solved")) + life("b", ("02 10:00", "solved"))
        + life("d", ("02 20:00", "solved")) + life("f", ("03 16:00", "solved")),
        as_of=5,
        expected=[
            # 4 e | 6 c | 10 e | 12 c | 20 e | 40 e; the censored ones end with the 5th
            # at 4: 6 at risk, S = 5/6; at 10: 4, S = 5/6 x 3/4 = 5/8; at 20: 2, S = 5/16
            expect(FULL, 2, 5, 20, 6, 2),
            expect(FIRST, 2, 5, 20, 6, 2),
            expect(FULL, 2, 5, 18.5, 4, 2, stat="mean"),  # (4 + 10 + 20 + 40) / 4
            expect(FULL, 2, 5, 10, 4, cohort="solved"),  # 2 of 4: what is solved looks faster
            expect(FULL, 2, 5, 10, 4, by="channel", group="email"),  # S = 3/4, 1/2
            expect(FULL, 2, 5, None, 2, 2, by="channel", group="chat"),
        ],
    ),
    case(
        "a ticket censored when another is solved is still at risk",
        [ticket("a", "02 00:00"), ticket("b", "02 16:00"), ticket("c", "02 16:00")],
        life("a", ("02 08:00", "solved")),
        as_of=2,
        # 8 e, 8 c, 8 c: S(8) = 2/3, not 0
        expected=[expect(FULL, 2, 2, None, 3, 2), expect(FULL, 2, 2, 8, 1, 2, stat="mean")],
    ),
    case(
        "a half is a half",
        # 24 tickets solved after 1 to 24 h: S(12) = 23/24 x 22/23 x ... x 12/13 = 1/2, which
        # floating point makes 0.5000000000000001
        [ticket(f"t{i:02d}", "02 00:00") for i in range(1, 25)],
        [e for i in range(1, 24) for e in life(f"t{i:02d}", (f"02 {i:02d}:00", "solved"))]
        + life("t24", ("03 00:00", "solved")),
        expected=[
            expect(FULL, 2, 2, 12, 24),
            expect(FULL, 2, 3, 12, 24, cohort="solved"),
            expect(FULL, 2, 2, 12, 23, cohort="solved"),  # 1 to 23: the 12th of 23
            expect(FULL, 2, 2, 12, 24, 1, as_of=2),  # t24 is solved at the midnight after
        ],
    ),
    case(
        "quantiles of ten",
        # ages 1 to 10 h at the close of the 2nd
        [ticket(f"t{i}", f"02 {24 - i:02d}:00") for i in range(1, 11)],
        as_of=2,
        expected=[
            expect(AGE, 2, 2, 5, 10),
            expect(AGE, 2, 2, 9, 10, p=0.9),
            expect(AGE, 2, 2, 7, 10, p=0.7),  # 0.7 x 10 is 7.000000000000001 in floating point
            expect(AGE, 2, 2, 1, 10, p=0.1),
            expect(AGE, 2, 2, 10, 10, p=0.91),
        ],
    ),
    case(
        "spring day of 23 hours in Berlin",
        # the local 29th goes from 28T23:00 to 29T22:00 UTC
        [ticket("t", "2026-03-28 23:00:00"), ticket("late", "2026-03-29 22:00:00")],
        as_of=day(30),
        zone="Europe/Berlin",
        expected=[
            expect(VOLUME, 28, 28, 0, 0),
            expect(VOLUME, 29, 29, 1, 1),  # late is of the 30th
            expect(AGE, 29, 29, 23, 1),
            expect(AGE, 30, 30, 24, 2),  # 47 and 24
            expect(AGE, 28, 28, None, 0),
            expect(BACKLOG, 28, 30, 1.5, 2),  # the 28th is before the data
            expect(FULL, 29, 29, None, 1, 1, as_of=29),
        ],
    ),
    case(
        "autumn day of 25 hours in Berlin",
        [ticket("t", "2026-10-24 22:00:00")],  # local midnight, still summer time
        as_of=date(2026, 10, 25),
        zone="Europe/Berlin",
        expected=[expect(AGE, date(2026, 10, 25), date(2026, 10, 25), 25, 1)],
    ),
    case(
        "exactly at local midnight",
        # New York is five hours behind: the local 2nd ends on the 3rd 05:00 UTC
        [ticket("t", "02 12:00")],
        life("t", ("03 05:00", "solved")),
        as_of=3,
        zone="America/New_York",
        expected=[
            expect(BACKLOG, 2, 2, 1, 1),
            expect(BACKLOG, 3, 3, 0, 1),
            expect(AGE, 2, 2, 17, 1),
            expect(FULL, 2, 2, 17, 1),
            expect(FULL, 2, 2, None, 1, 1, as_of=2),
            expect(FULL, 2, 2, None, 0, cohort="solved"),
            expect(FULL, 3, 3, 17, 1, cohort="solved"),
            expect(HANDOFF, 3, 3, 0, 1),
        ],
    ),
    case(
        "all at once",
        # a: solved, reopened, solved at one instant, in the order of event_id; b: solved with its
        # creation; c: solved and closed at one instant
        [ticket("a", "02 09:00"), ticket("b", "02 10:00"), ticket("c", "02 09:00",
                                                                  requester_id=None)],
        life("a", ("02 12:00", "solved"), ("02 12:00", "open"), ("02 12:00", "solved"))
        + changes("b", "status", ("02 10:00", "solved"))
        + life("c", ("02 11:00", "solved"), ("02 11:00", "closed")),
        as_of=2,
        expected=[
            expect(FULL, 2, 2, (3 + 0 + 2) / 3, 3, stat="mean"),
            expect(FULL, 2, 2, 2, 3),
            expect(FULL, 2, 2, 2, 1, 2, stat="mean", end="closed"),
            expect(REOPEN, 2, 2, 25, 4, numerator="events"),  # solves 2 + 1 + 1
            expect(REOPEN, 2, 2, 100 / 3, 3),
            expect(BACKLOG, 2, 2, 0, 1),
        ],
    ),
    case(
        "no ticket at all",
        [],
        expected=[
            expect(VOLUME, 2, 2, 0, 0),
            expect(FULL, 2, 2, None, 0),
            expect(FIRST, 2, 2, None, 0, cohort="solved", stat="mean"),
            expect(REOPEN, 2, 2, None, 0),
            expect(HANDOFF, 2, 2, None, 0),
            expect(SLA, 2, 2, None, 0),
            expect(BACKLOG, 2, 2, None, 0),
            expect(AGE, 2, 2, None, 0),
        ],
    ),
]  # fmt: skip
