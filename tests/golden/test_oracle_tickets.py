"""The oracle of tickets gives the numbers worked out by hand, and its random frames are unkind."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tests import oracle_tickets as oracle
from tests.golden import ticket_cases

ASKED = [(case, expected) for case in ticket_cases.CASES for expected in case.expected]


def name_of(case, expected):
    words = [expected.kpi, *(f"{d:%m%d}" for d in expected.period), expected.group]
    words += [f"as of {expected.as_of:%m%d}"] if expected.as_of else []
    words += [f"{key}={value}" for key, value in expected.conventions.items()]
    return f"{case.name}: {' '.join(str(word) for word in words if word is not None)}"


def ask(case, expected, frames):
    cells = oracle.kpis(
        frames,
        expected.kpi,
        [expected.period],
        expected.as_of or case.as_of,
        by=expected.by,
        zone=case.zone,
        business_ms=ticket_cases.office_ms,
        **expected.conventions,
    )
    return cells[(expected.period,) if expected.by is None else (expected.period, expected.group)]


@pytest.mark.parametrize(("case", "expected"), ASKED, ids=[name_of(*asked) for asked in ASKED])
def test_case(case, expected):
    value, n, pending = ask(case, expected, ticket_cases.frames(case))
    wanted, wanted_n, wanted_pending = expected.want
    assert (n, pending) == (wanted_n, wanted_pending)
    if wanted is None:
        assert value is None
    else:
        assert value == pytest.approx(wanted, rel=1e-12)  # one division and one sum of rounding


@pytest.mark.parametrize("case", ticket_cases.CASES, ids=lambda case: case.name)
def test_the_order_of_rows_says_nothing(case):
    frames = ticket_cases.frames(case)
    turned = {name: frame.iloc[::-1] for name, frame in frames.items()}
    for expected in case.expected:
        assert ask(case, expected, turned) == ask(case, expected, frames)


@pytest.mark.parametrize("case", ticket_cases.CASES, ids=lambda case: case.name)
def test_what_the_row_says_of_its_state_is_not_read(case):
    frames = ticket_cases.frames(case)
    other = frames | {"tickets": frames["tickets"].assign(status="new")}
    for expected in case.expected:
        assert ask(case, expected, other) == ask(case, expected, frames)


# --- random histories ------------------------------------------------------------------------------

ZONE = "Europe/Berlin"
FRAMES = oracle.random_tickets(np.random.default_rng(20260302), 400, zone=ZONE)
FIRST, LAST = date(2026, 3, 2), date(2026, 4, 30)
AS_OF = date(2026, 4, 5)
PERIODS = [(FIRST, AS_OF), (date(2026, 3, 9), date(2026, 3, 15)), (date(2026, 3, 29),) * 2]
CONVENTIONS = {
    "ticket_volume": [{}, *({key: value} for key, value in (
        ("exclude_spam", False), ("exclude_deleted", False), ("exclude_merged", False),
        ("exclude_agent_created", True)))],
    "first_resolution_time": [{}, {"stat": "mean"}, {"cohort": "solved"}, {"clock": "business"}],
    "full_resolution_time": [
        {}, {"stat": "mean"}, {"cohort": "solved"}, {"clock": "business"}, {"end": "closed", "stat": "mean"},
        {"end": "closed", "cohort": "solved"},
    ],
    "reopen_rate": [{}, {"numerator": "events"}, {"window_d": 1}, {"window_d": 7}],
    "handoff_count": [{}, {"stations": "group"}],
    "sla_attainment": [{}, {"metric": "first_reply_time"}],
    "backlog_close_of_day": [{}, {"include_pending": False}, {"include_hold": False}],
    "backlog_age": [{}, {"p": 0.9}, {"clock": "business"}],
}  # fmt: skip


def value_of(kpi, frames=FRAMES, by=None, **conventions):
    office = ticket_cases.office_ms
    return oracle.kpis(frames, kpi, PERIODS, AS_OF, by, ZONE, office, **conventions)


@pytest.mark.parametrize("kpi", CONVENTIONS)
def test_every_convention_changes_something(kpi):
    several = [value_of(kpi, **conventions)[(PERIODS[0],)] for conventions in CONVENTIONS[kpi]]
    assert len({answer.value for answer in several}) == len(several)
    assert None not in {answer.value for answer in several}


@pytest.mark.parametrize("kpi", CONVENTIONS)
def test_what_comes_after_as_of_changes_nothing(kpi):
    """Cut by hand at the local midnight, 22:00 UTC of the 5th of April in summer time."""
    end = pd.Timestamp("2026-04-05 22:00:00")
    tickets, events, sla = FRAMES.values()
    sla = sla[sla["applied_at"] < end].copy()
    for column in ("breached_at", "fulfilled_at"):
        sla[column] = sla[column].where(sla[column] < end)
    cut = {
        "tickets": tickets[tickets["created_at"] < end],
        "ticket_events": events[events["at"] < end],
        "ticket_sla": sla,
    }
    for conventions in CONVENTIONS[kpi]:
        for by in (None, "channel"):
            assert value_of(kpi, cut, by, **conventions) == value_of(kpi, by=by, **conventions)


@pytest.mark.parametrize("kpi", ["ticket_volume", "reopen_rate", "handoff_count", "sla_attainment"])
def test_groups_add_up(kpi):
    for conventions in CONVENTIONS[kpi]:
        whole = value_of(kpi, **conventions)
        parts = value_of(kpi, by="channel", **conventions)
        for period in PERIODS:
            mine = [answer for (of, _), answer in parts.items() if of == period]
            assert sum(answer.n for answer in mine) == whole[(period,)].n
            assert sum(answer.pending for answer in mine) == whole[(period,)].pending
            has_mean = kpi != "ticket_volume" and conventions.get("numerator") != "events"
            if has_mean and whole[(period,)].n:
                weighted = sum(answer.n * answer.value for answer in mine if answer.n)
                assert weighted / whole[(period,)].n == pytest.approx(whole[(period,)].value)


def test_reopens_are_solves_less_one_for_tickets_that_end_solved():
    """The other ones, open again or never solved, have as many reopens as solves."""
    counts = set()
    for ticket in oracle.visible(FRAMES["tickets"], FRAMES["ticket_events"], LAST, ZONE):
        n_solves, n_reopens = len(oracle.solves(ticket)), len(oracle.reopens(ticket))
        assert n_reopens == n_solves - (oracle.last_status(ticket) in oracle.SOLVED)
        counts.add(n_reopens)
    assert max(counts) >= 2


def test_the_random_histories_have_what_the_comparison_needs():
    """A test that cannot fail is a defect: the edges must occur, and often."""
    tickets, events, sla = FRAMES.values()
    assert tickets["ticket_id"].is_unique and events["event_id"].is_unique
    assert not sla.duplicated(["ticket_id", "metric", "applied_at"]).any()
    created = tickets.set_index("ticket_id")["created_at"]
    assert (events["at"] >= events["ticket_id"].map(created)).all()
    assert (sla["applied_at"] >= sla["ticket_id"].map(created)).all()
    for column in ("breached_at", "fulfilled_at"):
        assert (sla[column].isna() | (sla[column] >= sla["applied_at"])).all()

    def at_midnight(instants):
        local = instants.dt.tz_localize("UTC").dt.tz_convert(ZONE)
        return (local == local.dt.normalize()).sum()

    assert at_midnight(tickets["created_at"]) > 10 and at_midnight(events["at"]) > 100
    status = events[events["kind"].eq("status")]
    assert status.duplicated(["ticket_id", "at"]).sum() > 50
    assert set(status["to_value"]) == set(oracle.NOT_SOLVED + oracle.SOLVED)
    assert (status["to_value"] == status["from_value"]).any()
    for column in ("requester_id", "channel", "merged_into", "created_by_role"):
        assert tickets[column].isna().any() and tickets[column].notna().any()
    assert tickets["spam"].any() and tickets["deleted"].any()
    assert len(set(tickets["ticket_id"]) - set(status["ticket_id"])) > 10
    assert len(set(tickets["ticket_id"]) - set(events["ticket_id"])) > 0
    assert (sla.groupby("ticket_id").size() > 1).any()
    assert (sla["target_ms"].isna() & sla["breached_at"].notna()).any()
    late = sla["fulfilled_at"] > sla["applied_at"] + pd.to_timedelta(sla["target_ms"], unit="ms")
    assert (late & sla["breached_at"].notna()).any() and (late & sla["breached_at"].isna()).any()
    assert (sla["breached_at"] > sla["fulfilled_at"]).any()
    assert (events["at"] > pd.Timestamp(AS_OF + timedelta(days=1))).any()
    rows = oracle.visible(tickets, events, AS_OF, ZONE)
    for kind in ("assignee", "group"):
        walks = [oracle.stations_of(ticket, kind) for ticket in rows]
        assert any(len(walk) > len(set(walk)) for walk in walks) and [] in walks
    assert any(ticket["log"] == [] for ticket in rows)


def test_the_random_histories_follow_their_words():
    """Each event goes from what the one before it went to; the seed decides everything."""
    again = oracle.random_tickets(np.random.default_rng(20260302), 400, zone=ZONE)
    for name, frame in FRAMES.items():
        pd.testing.assert_frame_equal(frame, again[name])
    events = FRAMES["ticket_events"]
    for kind in ("status", "assignee", "group"):
        of_kind = events[events["kind"].eq(kind)]
        for _, log in of_kind.sort_values(["at", "event_id"]).groupby("ticket_id"):
            assert list(log["from_value"])[1:] == list(log["to_value"])[:-1]


def test_without_a_silent_start_every_station_has_its_event():
    frames = oracle.random_tickets(np.random.default_rng(7), 100, silent_start=False)
    log = frames["ticket_events"].sort_values(["at", "event_id"])
    first = log[log["kind"].isin(["assignee", "group"])].groupby(["ticket_id", "kind"]).head(1)
    assert first["from_value"].isna().all()


@pytest.mark.parametrize(
    ("kpi", "conventions"),
    [
        ("reopen_rate", {"numerator": "solves"}),
        ("reopen_rate", {"numerator": "events", "window_d": 7}),
        ("full_resolution_time", {"cohort": "open"}),
        ("full_resolution_time", {"stat": "p90"}),
        ("full_resolution_time", {"clock": "office"}),
        ("handoff_count", {"stations": "team"}),
        ("backlog_age", {"by": "status"}),
    ],
)
def test_a_wrong_word_is_refused(kpi, conventions):
    with pytest.raises(ValueError):
        value_of(kpi, **conventions)
