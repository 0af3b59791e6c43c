"""Every KPI under every convention against the naive functions of tests/oracle.py.

3,000 random contacts of four weeks in St. John's (half-hour offset, daylight saving begins inside
the span): all outcomes, missing keys, waits exactly at the thresholds, contacts that lie on another
day locally than in UTC. The sums are whole milliseconds, so both sides differ by the rounding of one
division (Kaplan-Meier: of some two thousand products), far below 1e-9.
"""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tests import oracle
from tests.builders import contacts, is_null, metric, open_ws

ZONE = "America/St_Johns"
FIRST, LAST = "2026-03-02 03:30:00", "2026-03-30 02:30:00"  # UTC of local Monday 2nd to Sunday 29th
N = 3000


def random_contacts(seed):
    rng = np.random.default_rng(seed)
    span = int((pd.Timestamp(LAST) - pd.Timestamp(FIRST)).total_seconds())
    seconds = rng.choice(span, size=N, replace=False)  # distinct: no two share an instant
    outcomes = rng.choice(
        ["answered", "abandoned", "callback", "flowed_out", "left_ivr", "phantom"],
        p=[0.70, 0.13, 0.03, 0.04, 0.06, 0.04],
        size=N,
    )

    def some(values, missing):
        picked = rng.choice(np.array(values, dtype=object), size=N)
        picked[rng.random(N) < missing] = None
        return picked

    frame = pd.DataFrame(
        {
            "contact_id": [f"c{i}" for i in rng.permutation(N)],
            "customer_id": some([f"k{i}" for i in range(500)], 0.20),
            "channel": rng.choice(["voice", "chat", "email"], p=[0.6, 0.3, 0.1], size=N),
            "direction": np.where(rng.random(N) < 0.96, "inbound", "outbound").astype(object),
            "queue_id": some(["A", "B", "C", "D"], 0.05),
            "agent_id": some([f"a{i}" for i in range(20)], 0.10),
            "team": some(["north", "south"], 0.10),
            "site": some(["x", "y"], 0.10),
            "reason_code": some(["bill", "fault", "move", "quit"], 0.12),
            "product": some(["tv", "net"], 0.10),
            "language": some(["en", "fr"], 0.10),
            "customer_segment": some(["s1", "s2"], 0.10),
            "plan": some(["p1", "p2"], 0.10),
            "platform": some(["web", "app"], 0.10),
            "outcome": outcomes,
            "started_at": pd.Timestamp(FIRST) + pd.to_timedelta(seconds, unit="s"),
        }
    )
    outbound = frame["direction"].eq("outbound")
    frame.loc[outbound & frame["outcome"].ne("phantom"), "outcome"] = "answered"
    waits = rng.exponential(40_000, N).round().astype(int) + 1
    edge = rng.random(N) < 0.10  # waits exactly at the limits that the conventions name
    waits[edge] = rng.choice([5_000, 20_000, 60_000], size=edge.sum())
    queued = frame["outcome"].ne("left_ivr") & ~outbound
    at_once = frame["outcome"].eq("answered") & ~outbound & (rng.random(N) < 0.25)
    unknown = frame["outcome"].eq("answered") & ~at_once & (rng.random(N) < 0.02)
    waits[frame["outcome"].eq("abandoned").idxmax()] = 600_000  # the longest wait was given up
    wait = pd.Series(waits, dtype="Int64").mask(~queued | unknown).mask(at_once, 0)
    frame["wait_ms"] = wait
    late = pd.to_timedelta(rng.integers(0, 90, N), unit="s")  # time in the IVR before the queue
    frame["enqueued_at"] = (frame["started_at"] + late).where(queued & ~at_once)
    frame["ivr_ms"] = None
    handled = frame["outcome"].isin(["answered", "phantom"])
    nothing = rng.random(N) < 0.03
    for column, scale, missing in (
        ("talk_ms", 240e3, 0.0),
        ("hold_ms", 20e3, 0.3),
        ("wrap_ms", 40e3, 0.2),
    ):
        part = pd.Series(rng.exponential(scale, N).round().astype(int), dtype="Int64")
        frame[column] = part.mask(~handled | nothing | (rng.random(N) < missing))
    return contacts(frame)


FRAME = random_contacts(20260302)
CONVENTIONS = {
    "contact_volume": [
        {}, {"basis": "system"}, {"short_abandon_s": 5}, {"basis": "system", "short_abandon_s": 20},
    ],
    "abandonment_rate": [
        {"denominator": denominator} | short
        for denominator in ("queued", "offered", "handled_plus_abandoned", "conversations")
        for short in ({}, {"short_abandon_s": 5})
    ],
    "short_abandon_rate": [{}, {"short_abandon_s": 20}],
    "service_level": [
        {"abandon_mode": mode} | rest
        for mode in ("negative", "ignore", "positive", "drop_all")
        for rest in (
            {}, {"threshold_s": 60}, {"short_abandon_s": 5}, {"short_abandon_s": 60},
            {"include_flowouts": True}, {"include_flowouts": True, "short_abandon_s": 5},
        )
    ],
    "asa": [{}],
    "avg_time_to_abandon": [
        {"estimator": estimator} | short
        for estimator in ("mean", "kaplan_meier")
        for short in ({}, {"short_abandon_s": 5})
    ],
    "longest_wait": [{}, {"include_abandoned": False}],
    "aht": [{}, {"components": "talk_wrap"}, {"components": "talk_hold"}],
    "repeat_contact_rate": [
        {"window_d": days, "same_reason": reason, "cross_channel": cross, "direction": direction}
        for days in (1, 7)
        for reason in (False, True)
        for cross in (True, False)
        for direction in ("look_back", "look_forward")
    ],
    "fcr_repeat_window": [
        {"window_d": days, "same_reason": reason, "cross_channel": cross}
        for days in (1, 7)
        for reason in (False, True)
        for cross in (True, False)
    ],
}  # fmt: skip
ASKED = [(kpi, conventions) for kpi, several in CONVENTIONS.items() for conventions in several]
NAMES = [f"{kpi}-{'-'.join(map(str, c.values())) or 'default'}" for kpi, c in ASKED]
BY = [(), ("day",), ("week", "queue"), ("channel",), ("month",), ("month", "team", "reason")]
PERIODS = oracle.PERIODS


@pytest.fixture(scope="module")
def ws():
    return open_ws(FRAME, zone=ZONE)


@pytest.fixture(scope="module")
def answers(ws):
    """One request a breakdown, all KPIs and conventions together; kept for all tests."""
    kept = {}

    def ask(by, **asked):
        key = (by, repr(asked))
        if key not in kept:
            wanted = [metric(kpi, **conventions) for kpi, conventions in ASKED]
            kept[key] = ws.kpis(wanted, by=list(by), **asked).frame
        return kept[key]

    return ask


def cell_of(row, by):
    """The cell of a result row in the oracle's terms."""
    out = []
    for name in by:
        group = row["period_start_on"] if name in PERIODS else row[name]
        out.append(pd.Timestamp(group).date() if name in PERIODS else group)
    return tuple(out)


def compare(found, wanted, by):
    """Every cell of the oracle is there with its value; every further row is empty."""
    rows = {cell_of(row, by): row for _, row in found.iterrows()}
    assert len(rows) == len(found), "a cell appears twice"
    for cell, (value, n) in wanted.items():
        if value is None or (value == 0 and n == 0):
            row = rows.get(cell)
            assert row is None or is_null(row["value"]) or row["value"] == 0 == value, (cell, value)
            continue
        assert cell in rows, f"{cell} is missing, {value} expected"
        got = rows[cell]["value"]
        assert not is_null(got), f"{cell} is null, {value} expected"
        assert got == pytest.approx(value, rel=1e-9, abs=1e-12), cell
        assert rows[cell]["n"] == n, f"n of {cell}"
    for cell in set(rows) - set(wanted):
        row = rows[cell]
        assert is_null(row["value"]) or row["value"] == 0, f"{cell} has a value and no contact"


@pytest.mark.parametrize("by", BY, ids=lambda by: "-".join(by) or "all")
@pytest.mark.parametrize(("kpi", "conventions"), ASKED, ids=NAMES)
def test_value_by(answers, kpi, conventions, by):
    found = answers(by)
    found = found[found["definition_id"] == metric(kpi, **conventions).definition_id]
    compare(found, oracle.kpis(FRAME, kpi, by, zone=ZONE, **conventions), by)


WHERE = [
    {"queue": "A"},
    {"queue": ["A", "B"], "channel": "voice"},
    {"reason": "(missing)"},
    {"direction": "inbound", "language": ["fr"], "site": "x"},
]


@pytest.mark.parametrize("where", WHERE, ids=lambda where: "-".join(where))
@pytest.mark.parametrize(("kpi", "conventions"), ASKED, ids=NAMES)
def test_value_where(answers, kpi, conventions, where):
    found = answers(("week",), where=where)
    found = found[found["definition_id"] == metric(kpi, **conventions).definition_id]
    compare(found, oracle.kpis(FRAME, kpi, ("week",), where, zone=ZONE, **conventions), ("week",))


SPANS = [
    {"since": date(2026, 3, 9), "until": date(2026, 3, 22)},
    {"since": date(2026, 3, 9), "until": date(2026, 3, 18), "as_of": date(2026, 3, 18)},
    {"as_of": date(2026, 3, 15)},
]


@pytest.mark.parametrize("span", SPANS, ids=lambda span: "-".join(span))
@pytest.mark.parametrize(("kpi", "conventions"), ASKED, ids=NAMES)
def test_value_in_a_span(answers, kpi, conventions, span):
    found = answers(("day",), **span)
    found = found[found["definition_id"] == metric(kpi, **conventions).definition_id]
    compare(found, oracle.kpis(FRAME, kpi, ("day",), zone=ZONE, **span, **conventions), ("day",))


@pytest.mark.parametrize("by", [("hour",), ("interval30",), ("quarter",), ("platform",), ("plan",),
                                ("agent",), ("product", "customer_segment"), ("direction",)],
                         ids="-".join)  # fmt: skip
@pytest.mark.parametrize("kpi", list(CONVENTIONS))
def test_every_dimension(ws, kpi, by):
    found = ws.kpis([kpi], by=list(by)).frame
    compare(found, oracle.kpis(FRAME, kpi, by, zone=ZONE), by)


@pytest.mark.parametrize("days", [1, 7])
def test_pending_issues_are_counted(ws, days):
    asked = metric("fcr_repeat_window", window_d=days)
    found = ws.kpis([asked], by=["day"]).frame
    rows = oracle.records(FRAME, ZONE)
    marks = oracle.mark(rows, window_d=days, closed_at=max(r["utc"] for r in rows))
    wanted = {}
    for row in rows:
        wanted.setdefault(row["local"].date(), []).append(row)
    counted = {
        pd.Timestamp(r["period_start_on"]).date(): int(r["pending"]) for _, r in found.iterrows()
    }
    expected = {day: oracle.pending_issues(mine, marks) for day, mine in wanted.items()}
    assert counted == expected
    assert sum(expected.values()) > 0


def random_states(seed):
    """Days of ten agents cut into states, in UTC, some of them past local midnight."""
    rng = np.random.default_rng(seed)
    out = []
    for agent in range(10):
        clock = pd.Timestamp("2026-03-02 09:00:00") + pd.Timedelta(hours=agent)
        team = None if agent == 9 else f"t{agent % 3}"
        for _ in range(200):
            end = clock + pd.Timedelta(milliseconds=int(rng.exponential(5e6)) + 1)
            status = rng.choice(["interacting", "idle", "not_responding", "off_queue"],
                                p=[0.5, 0.3, 0.05, 0.15])  # fmt: skip
            out.append({"agent_id": f"a{agent}", "started_at": clock, "ended_at": end, "team": team,
                        "routing_status": status, "presence": "x"})  # fmt: skip
            clock = end
    frame = pd.DataFrame(out)
    for column in ("started_at", "ended_at"):
        frame[column] = frame[column].astype("datetime64[us]").dt.floor("ms")
    return frame


@pytest.mark.parametrize("by", [(), ("day",), ("week", "team"), ("agent",), ("hour",)],
                         ids=lambda by: "-".join(by) or "all")  # fmt: skip
def test_occupancy(by):
    states = random_states(7)
    ws = open_ws(FRAME, zone=ZONE, agent_states=states)
    found = ws.kpis(["occupancy"], by=list(by)).frame
    wanted = oracle.kpis(states, "occupancy", by, zone=ZONE)
    rows = {cell_of(row, by): row["value"] for _, row in found.iterrows()}
    for cell, (value, _) in wanted.items():
        if value is not None:
            assert rows[cell] == pytest.approx(value, rel=1e-9), cell
    assert {c for c, v in rows.items() if not is_null(v)} == {
        c for c, (v, _) in wanted.items() if v is not None
    }


def test_the_random_frame_has_what_the_tests_need():
    """A test that cannot fail is a defect: the edges must occur."""
    local = [r["local"].date() != r["utc"].date() for r in oracle.records(FRAME, ZONE)]
    assert 200 < sum(local) < N - 200, "contacts on another day locally than in UTC"
    assert FRAME["wait_ms"].isin([5_000, 20_000, 60_000]).sum() > 100
    assert set(FRAME["outcome"]) == {
        "answered", "abandoned", "callback", "flowed_out", "left_ivr", "phantom",
    }  # fmt: skip
    for column in ("customer_id", "queue_id", "reason_code", "team"):
        assert FRAME[column].isna().any() and FRAME[column].notna().any()
    for kpi, several in CONVENTIONS.items():
        first, *others = (oracle.kpis(FRAME, kpi, zone=ZONE, **c)[()][0] for c in several)
        assert first not in others, f"a convention of {kpi} changes nothing here"
