"""The KPIs of tickets against a naive implementation written from their definitions alone.

The oracle (tests/oracle_tickets.py) takes the raw events one ticket at a time; the library goes
through status intervals and an engine. Both see the same random histories: events at one instant
and at midnight, chains of reopenings, unknown requesters, tickets that never moved.
"""

import contextlib
import importlib.util
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from contact_kpis import Settings, catalogue, open_workspace
from contact_kpis.errors import NotComputable

TESTS = Path(__file__).resolve().parents[1]
FIRST, DAYS = date(2026, 3, 2), 42
ENDS = (date(2026, 3, 25), date(2026, 4, 20))  # in the middle of the histories, and after most
HOURS = {"office": {"days": "monday-friday", "hours": "09:00-17:00"}}


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


oracle = load(TESTS / "oracle_tickets.py")
cases = load(TESTS / "golden" / "ticket_cases.py")

PAIRS = [
    ("ticket_volume", {}),
    ("ticket_volume", {"exclude_merged": False}),
    ("ticket_volume", {"exclude_agent_created": True}),
    ("backlog_close_of_day", {}),
    ("backlog_close_of_day", {"include_pending": False}),
    ("backlog_close_of_day", {"include_pending": False, "include_hold": False}),
    ("backlog_age", {}),
    ("backlog_age", {"p": 0.9}),
    ("sla_attainment", {}),
    ("reopen_rate", {}),
    ("reopen_rate", {"window_d": 3}),
    ("reopen_rate", {"numerator": "events"}),
    ("handoff_count", {}),
    ("handoff_count", {"stations": "group"}),
    *(
        (kpi, {"stat": stat, "cohort": cohort})
        for kpi in ("first_resolution_time", "full_resolution_time")
        for stat in ("median", "mean")
        for cohort in ("created", "solved")
    ),
    ("full_resolution_time", {"end": "closed"}),
    ("full_resolution_time", {"end": "closed", "cohort": "solved", "stat": "mean"}),
    ("full_resolution_time", {"clock": "business", "cohort": "solved"}),
    ("first_resolution_time", {"clock": "business", "stat": "mean"}),
]


def only_real(frames):
    "Tickets that are work: the library leaves the others out everywhere."
    t = frames["tickets"]
    flags = [t[c].fillna(False).astype(bool) for c in ("spam", "deleted") if c in t]
    merged = t["merged_into"].notna() if "merged_into" in t else pd.Series(False, t.index)
    stay = t[~np.logical_or.reduce([merged, *flags])]
    mine = {n: f[f["ticket_id"].isin(stay["ticket_id"])] for n, f in frames.items()}
    return mine | {"tickets": stay}


def workspace(frames, zone):
    given = {n: f for n, f in frames.items() if len(f)}
    settings = Settings(zone=zone, calendars={"office": HOURS["office"] | {"zone": "UTC"}})
    return open_workspace(given, Settings(**vars(settings) | {"calendar": "office"}))


@pytest.fixture(scope="module", params=["UTC", "Europe/Berlin"])
def world(request):
    rng = np.random.default_rng(np.random.SeedSequence([2024, len(request.param)]))
    frames = oracle.random_tickets(rng, 160, zone=request.param, first_day=FIRST, days=DAYS)
    frames["tickets"]["channel"] = frames["tickets"]["channel"].replace("web", "other")
    return frames, workspace(frames, request.param), request.param


def expected(frames, zone, kpi, periods, as_of, by, conventions):
    raw = frames if kpi == "ticket_volume" else only_real(frames)
    return oracle.kpis(raw, kpi, periods, as_of, by, zone, cases.office_ms, **conventions)


def weeks(as_of):
    starts = [FIRST + timedelta(days=7 * i) for i in range(12)]
    return [(day, day + timedelta(days=6)) for day in starts if day <= as_of]


def same(row, want, kpi):
    "Values to nine digits: both add whole milliseconds and divide once."
    if want.value is None:
        assert pd.isna(row.value), (row, want)
    else:
        assert row.value == pytest.approx(float(want.value), rel=1e-9), (row, want)
    if kpi not in ("backlog_close_of_day", "ticket_volume"):  # there n is not a count of rows
        assert row.n == want.n, (row, want)
    assert row.pending == want.pending, (row, want)


@pytest.mark.parametrize("as_of", ENDS, ids=str)
@pytest.mark.parametrize(("kpi", "conventions"), PAIRS, ids=str)
def test_by_week_and_channel(world, kpi, conventions, as_of):
    frames, ws, zone = world
    metric = catalogue[kpi].using(**conventions)
    found = ws.kpis(metric, by=["week", "channel"], as_of=as_of).frame
    want = expected(frames, zone, kpi, weeks(as_of), as_of, "channel", conventions)
    seen = set()
    for row in found.itertuples():
        key = ((row.week.date(), row.week.date() + timedelta(days=6)), row.channel)
        same(row, want[key], kpi)
        seen.add(key)
    assert len(seen) > 5
    missed = {k: v for k, v in want.items() if k not in seen and (v.n or v.pending) and v.value}
    assert not missed


@pytest.mark.parametrize(("kpi", "conventions"), PAIRS, ids=str)
def test_a_span_of_days(world, kpi, conventions):
    frames, ws, zone = world
    as_of, span = ENDS[0], (date(2026, 3, 4), date(2026, 3, 19))
    metric = catalogue[kpi].using(**conventions)
    row = ws.kpis(metric, since=span[0], until=span[1], as_of=as_of).frame.iloc[0]
    want = expected(frames, zone, kpi, [span], as_of, None, conventions)
    same(row, want[(span,)], kpi)


def reaching(frames, day, zone):
    "The same with a spam ticket that moves on that day, so that the data reach to it."
    end = pd.Timestamp(oracle.end_of_day(day, zone)) - pd.Timedelta(milliseconds=1)
    ticket = {"ticket_id": "last", "created_at": end, "channel": "email", "spam": True}
    event = {"event_id": "last", "ticket_id": "last", "at": end, "kind": "status"}
    rows = {"tickets": ticket, "ticket_events": event | {"to_value": "open"}}
    more = {n: pd.concat([frames[n], pd.DataFrame([row])]) for n, row in rows.items()}
    return frames | more


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_cases_worked_out_by_hand(case):
    last = max([case.as_of, *(e.as_of for e in case.expected if e.as_of)])
    ws = workspace(reaching(cases.frames(case), last, case.zone), case.zone)
    tried = 0
    for e in case.expected:
        known = catalogue[e.kpi].values
        if e.by is not None or not set(e.conventions) <= set(known) or _outside(e, known):
            continue
        metric = catalogue[e.kpi].using(**e.conventions)
        as_of = e.as_of or case.as_of
        span = {"since": e.period[0], "until": e.period[1], "as_of": as_of}
        if not any(e.want):  # nothing there: refused, or a line without a value
            with contextlib.suppress(NotComputable):
                assert not ws.kpis(metric, **span).frame["value"].any()
            continue
        frame = ws.kpis(metric, **span).frame
        if not len(frame):
            frame = pd.DataFrame([{"value": 0.0 if e.want[0] == 0 else None, "n": 0, "pending": 0}])
        same(frame.iloc[0], oracle.Answer(*e.want), e.kpi)
        tried += 1
    assert tried or case.name == "no ticket at all"


def _outside(e, known):
    "Business time of open tickets is followed to their last event only (DECISIONS)."
    chosen = known | e.conventions
    censored = chosen.get("stat") == "median" and chosen.get("cohort") == "created"
    return chosen.get("clock") == "business" and (censored or e.kpi == "backlog_age")
