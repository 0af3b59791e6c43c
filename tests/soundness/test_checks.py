"""The checks find what is broken, all of it and nothing else.

Two ways of writing tables are compared: an import, which sets broken rows aside in pandas, and
another program, whose tables lie on the engine as they are.

rows given      import              engine
c1  wait 5      kept                counted as whole
c2  wait -1     aside, minimum      minimum: 1, such as c2
c3  by fax      aside, allowed      allowed: 1, such as c3
"""

from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from contact_kpis.data import checks
from contact_kpis.data.checks import Checks, check, contract_views, day_ends, row_rules
from contact_kpis.data.contract import AtMostOne, NoOverlap, tables
from contact_kpis.data.fitting import empty_quarantine, fit
from contact_kpis.data.histories import history_notes
from contact_kpis.data.tables import Opened, open_frames, to_arrow, write_project
from contact_kpis.settings import Settings

NOON = pd.Timestamp("2026-03-02 12:00:00")
HOUR = pd.Timedelta(hours=1)

# --- tables of another program -------------------------------------------------------------------


def value(column, number):
    "A value that keeps every rule; a word of its own where words are free."
    if column.kind == "string":
        return column.allowed[0] if column.allowed else f"{column.name}{number}"
    low = column.minimum if column.minimum is not None else 0
    high = column.maximum if column.maximum is not None else low + 2
    plain = {"int64": int(low), "float64": (low + high) / 2, "boolean": False}
    times = {"timestamp": NOON, "date": date(2026, 3, 2)}
    return (plain | times)[column.kind]


def good(name, number=0, **changed):
    "A whole row of a table with every column in it; of endings that exclude each other, the first."
    contract = tables[name]
    row = {c.name: value(c, number) for c in contract.columns if not c.derived}
    row |= {k: number for k in contract.key if contract[k].kind == "int64"}
    for rule in contract.rules:
        if isinstance(rule, AtMostOne):
            row |= dict.fromkeys(rule.columns[1:])
    return row | changed


def few(name, *rows, columns=()):
    "Rows with the key, the required columns and those that a test is about; the rest is absent."
    contract = tables[name]
    named = {c for row in rows for c in row} | {*contract.key, *columns}
    named |= {c.name for c in contract.columns if c.required}
    whole = [good(name, i) | row for i, row in enumerate(rows)]
    return pd.DataFrame(whole, dtype="object")[[c for c in contract.names if c in named]]


def put(settings=None, **frames):
    "Tables on an engine that no import has seen."
    engine = ibis.duckdb.connect()
    arrow = {name: to_arrow(name, frame) for name, frame in frames.items()}
    there = {n: engine.create_table(n, obj=ibis.memtable(a)) for n, a in arrow.items()}
    return Opened(engine, there, settings or Settings(), empty_quarantine())


def found(rule, opened, column=None):
    "The lines of one rule, of one column if asked."
    frame = check(opened).frame
    frame = frame[frame["rule"] == rule]
    return frame[frame["column"] == column] if column else frame


def one(rule, opened, column=None):
    frame = found(rule, opened, column)
    assert len(frame) == 1, check(opened).frame
    return frame.iloc[0]


# --- the import and the engine ---------------------------------------------------------------------


def breaking(contract, rule, number):
    "Rows of which one breaks this rule and no other."
    row, c = good(contract.name, number), rule.columns[0]
    if rule.name == "kind":
        return [row | {c: np.inf}]
    if rule.name == "required":
        return [row | {c: None}]
    if rule.name == "allowed":
        return [row | {c: "no such word"}]
    if rule.name in ("minimum", "maximum"):
        beyond = -1 if rule.name == "minimum" else 1
        return [row | {c: type(row[c])(rule.values[0] + beyond)}]
    if rule.name == "needed":
        return [row | {c: None, rule.columns[1]: rule.values[0]}]
    if rule.name == "at_most_one":
        return [row | {c: NOON, rule.columns[1]: NOON}]
    assert rule.name == "order", rule
    alone = [r.columns for r in contract.rules if isinstance(r, AtMostOne)]
    row |= {other: None for group in alone if rule.columns[1] in group for other in group}
    is_date = contract[c].kind == "date"
    early = date(2026, 3, 1) if is_date else NOON - 24 * HOUR
    return [row | {rule.columns[1]: early}]


def twins(contract, number):
    "Two rows with one key that tell two stories; nothing where every column belongs to the key."
    free = [
        c.name
        for c in contract.columns
        if c.kind == "string" and not (c.name in contract.key or c.allowed or c.derived)
    ]
    row = good(contract.name, number)
    return [row, row | {free[0]: "another story"}] if free else []


def spans(rule, contract, number):
    "Three rows of one key: the second begins inside the first, the third after both."
    rows = [good(contract.name, number + i) for i in range(3)]
    same = {c: rows[0][c] for c in rule.of}
    times = [(0, 2), (1, 3), (3, 4)]
    return [
        row | same | {rule.start: NOON + a * HOUR, rule.end: NOON + b * HOUR}
        for row, (a, b) in zip(rows, times, strict=True)
    ]


def with_every_fault(contract):
    "Four whole rows, and one fault of each rule of level error."
    rows = [good(contract.name, i) for i in range(4)]
    for rule in row_rules(contract):
        if rule.level == "error":
            rows += breaking(contract, rule, 100 + len(rows))
    rows += twins(contract, 100 + len(rows))
    for rule in contract.rules:
        if isinstance(rule, NoOverlap):
            rows += spans(rule, contract, 100 + len(rows))
    return pd.DataFrame(rows, dtype="object")


@pytest.mark.parametrize("name", tables)
def test_the_engine_counts_what_an_import_sets_aside(name):
    contract = tables[name]
    frame = with_every_fault(contract)
    aside = fit(name, frame).quarantine
    lines = check(put(**{name: frame})).errors
    counted = lines.groupby("rule")["count"].sum().to_dict()
    assert counted == aside["rule"].value_counts().to_dict()
    wanted = {r.name for r in row_rules(contract) if r.level == "error"}
    wanted |= {"key"} if twins(contract, 0) else set()
    wanted |= {"overlap"} if any(isinstance(r, NoOverlap) for r in contract.rules) else set()
    assert set(counted) == wanted, "each rule is broken once at least"
    for line in lines.itertuples():
        # The quarantine writes a date with its midnight; a key with a part missing has no example.
        keys = set(aside[aside["rule"] == line.rule]["key"].str.replace(" 00:00:00", ""))
        parts = {part for key in keys for part in key.split("|")}
        assert line.example in keys or (not line.example and "" in parts), line


@pytest.mark.parametrize("name", tables)
def test_whole_rows_break_nothing(name):
    frame = pd.DataFrame([good(name, i) for i in range(4)], dtype="object")
    lines = check(put(**{name: frame})).frame
    assert not set(lines["level"]) & {"error"}, lines
    assert fit(name, frame).quarantine.empty


def test_an_imported_table_breaks_nothing_that_the_import_knows(tmp_path):
    "What is left after an import has no error of its own; what was set aside is listed once."
    frame = with_every_fault(tables["contacts"])
    opened = open_frames({"contacts": frame})
    lines = check(opened).errors
    assert lines["do"].str.contains("set aside at import").all()
    assert lines["count"].sum() == len(opened.quarantine) > 0


# --- each rule: a case that breaks it and one that does not ---------------------------------------


def contact(key, **changed):
    return {"contact_id": key} | changed


SEEN = {"started_on": NOON.normalize()}
ROOTS = ["contact_id", "root_id", "started_at"]
EVENT = ["event_id", "ticket_id", "at", "kind", "from_value", "to_value"]


def event(key, hour, kind, before=None, after=None, ticket="t1", **more):
    at = NOON + hour * HOUR
    told = (key, ticket, at, kind, before, after)
    return dict(zip(EVENT, told, strict=True)) | more


def agent_state(presence, status, hour):
    times = {"started_at": NOON + hour * HOUR, "ended_at": NOON + (hour + 1) * HOUR}
    return {"agent_id": "ann", "presence": presence, "routing_status": status} | times


def leg(key, of, **spans_ms):
    return {"segment_id": key, "contact_id": of, "type": "talk"} | spans_ms


def interval(ticket, seq, status):
    start = NOON + seq * HOUR
    held = {"ticket_id": ticket, "seq": seq, "status": status}
    return held | {"started_at": start, "ended_at": start + HOUR}


def survey(key, of, **answers):
    return {"survey_id": key, "contact_id": of} | answers


# Rule: level, broken tables, count, share, example, tables in order.
CASES = {
    "kind": (
        "error",
        {"surveys": [survey("s1", "a", nps=np.inf), survey("s2", "b", nps=9.0)]},
        (1, 1 / 2, "s1"),
        {"surveys": [survey("s1", "a", nps=None), survey("s2", "b", nps=9.0)]},
    ),
    "required": (
        "error",
        {"contacts": [contact("c1", channel=None), contact("c2")]},
        (1, 1 / 2, "c1"),
        {"contacts": [contact("c1"), contact("c2")]},
    ),
    "allowed": (
        "error",
        {"contacts": [contact("c3", channel="fax"), contact("c2", channel="Voice"), contact("c1")]},
        (2, 2 / 3, "c2"),
        {"contacts": [contact("c1", direction=None), contact("c2", direction="outbound")]},
    ),
    "minimum": (
        "error",
        {"contacts": [contact("c1", wait_ms=0), contact("c2", wait_ms=-1)]},
        (1, 1 / 2, "c2"),
        {"contacts": [contact("c1", wait_ms=0), contact("c2", wait_ms=None)]},
    ),
    "maximum": (
        "error",
        {"surveys": [survey("s1", "a", nps=10.0), survey("s2", "b", nps=10.5)]},
        (1, 1 / 2, "s2"),
        {"surveys": [survey("s1", "a", nps=10.0), survey("s2", "b", nps=None)]},
    ),
    "order": (
        "error",
        {"contacts": [contact("c1", ended_at=NOON - HOUR), contact("c2", ended_at=NOON)]},
        (1, 1 / 2, "c1"),
        {"contacts": [contact("c1", ended_at=None), contact("c2", ended_at=NOON)]},
    ),
    "needed": (
        "error",
        {
            "contacts": [
                contact("c1", outcome="abandoned", wait_ms=None),
                contact("c2", wait_ms=None),
            ]
        },
        (1, 1 / 2, "c1"),
        {"contacts": [contact("c1", outcome="abandoned", wait_ms=5), contact("c2", wait_ms=None)]},
    ),
    "at_most_one": (
        "error",
        {"queue_events": [{"event_id": "q1", "answered_at": NOON, "flowed_out_at": NOON}]},
        (1, 1.0, "q1"),
        {
            "queue_events": [
                {"event_id": "q1", "answered_at": NOON, "flowed_out_at": None},
                {"event_id": "q2", "answered_at": None, "flowed_out_at": NOON},
                {"event_id": "q3", "answered_at": None, "flowed_out_at": None},
            ]
        },
    ),
    "key": (
        "error",
        {"contacts": [contact(c) for c in ("c2", "c1", "c2", "c3", "c2", "c3")]},
        (3, 1 / 2, "c2"),
        {"contacts": [contact(c) for c in ("c2", "c1", "c3")]},
    ),
    "overlap": (
        "error",
        {
            "agent_states": [
                agent_state("on_queue", "idle", 0) | {"ended_at": NOON + 9 * HOUR},
                agent_state("on_queue", "idle", 1),
                agent_state("on_queue", "idle", 3),
                agent_state("on_queue", "idle", 9),
            ]
        },
        (2, 1 / 2, "ann|2026-03-02 13:00:00"),
        {"agent_states": [agent_state("on_queue", "idle", h) for h in (0, 1, 5)]},
    ),
    "reference": (
        "warning",
        {
            "contacts": [
                contact(f"c{i}", queue_id=q) for i, q in enumerate(("q1", "q9", "q8", "q9"))
            ],
            "queues": [{"queue_id": "q1"}],
        },
        (3, 3 / 4, "q8"),
        {
            "contacts": [contact("c1", queue_id="q1"), contact("c2", queue_id=None)],
            "queues": [{"queue_id": "q1"}, {"queue_id": "q1", "valid_from": NOON + HOUR}],
        },
    ),
    "chain": (
        "error",
        {
            "contacts": [
                contact("a", root_id="a"),
                contact("b", root_id="a"),
                contact("c", root_id="b"),
                contact("x", root_id="y"),
                contact("y", root_id="x"),
            ]
        },
        (3, 3 / 5, "c"),
        {
            "contacts": [
                contact("a", root_id="a"),
                contact("b", root_id="a"),
                contact("c", root_id=None),
                contact("d", root_id="c"),
            ]
        },
    ),
    "chain_start": (
        "warning",
        {
            "contacts": [
                contact("a", root_id="a", started_at=NOON),
                contact("b", root_id="a", started_at=NOON - HOUR),
                contact("c", root_id="a", started_at=NOON + HOUR),
            ]
        },
        (1, 1 / 3, "b"),
        {"contacts": [contact("a", root_id="a"), contact("b", root_id="a", started_at=NOON)]},
    ),
    "sums": (
        "warning",
        {
            "contacts": [
                contact(c, talk_ms=ms) for c, ms in (("a", 30), ("b", 30), ("c", None), ("d", 5))
            ],
            "contact_segments": [
                leg("s1", "a", talk_ms=10),
                leg("s2", "a", talk_ms=20),
                leg("s3", "b", talk_ms=31),
                leg("s4", "c", talk_ms=7),
            ],
        },
        (2, 2 / 4, "b"),
        {
            "contacts": [
                contact("a", talk_ms=30),
                contact("b", talk_ms=9),
                contact("c", talk_ms=None),
            ],
            "contact_segments": [
                leg("s1", "a", talk_ms=10),
                leg("s2", "a", talk_ms=20),
                leg("s3", "b", talk_ms=None),
                leg("s4", "b", talk_ms=9),
                leg("s5", "c", talk_ms=None),
            ],
        },
    ),
    "status": (
        "warning",
        {
            "tickets": [{"ticket_id": t, "status": "open"} for t in ("t1", "t2", "t3")],
            "status_intervals": [
                interval("t1", 0, "new"),
                interval("t1", 1, "open"),
                interval("t2", 0, "open"),
                interval("t2", 1, "solved"),
            ],
        },
        (1, 1 / 3, "t2"),
        {
            "tickets": [{"ticket_id": "t1", "status": "open"}],
            "status_intervals": [interval("t1", 0, "solved"), interval("t1", 1, "open")],
        },
    ),
    "midnight": (
        "note",
        {
            "contacts": [
                contact("a", ended_at=pd.Timestamp("2026-03-02 23:59:59.999999")) | SEEN,
                contact("b", ended_at=pd.Timestamp("2026-03-03 00:00")) | SEEN,
                contact("c", ended_at=None) | SEEN,
            ]
        },
        (1, 1 / 3, "b"),
        {"contacts": [contact("a", ended_at=pd.Timestamp("2026-03-02 23:59:59.999999")) | SEEN]},
    ),
    "presence": (
        "warning",
        {
            "agent_states": [
                agent_state("Offline", "idle", 0),
                agent_state("On Break", "off_queue", 1),
                agent_state("Logged out", "interacting", 2),
                agent_state("on_queue", "idle", 3),
            ]
        },
        (2, 2 / 4, "ann|2026-03-02 12:00:00"),
        {
            "agent_states": [
                agent_state("available", "interacting", 0),
                agent_state(None, "idle", 1),
                agent_state("away", "off_queue", 2),
                agent_state("away", "not_responding", 3),
            ]
        },
    ),
    "role": (
        "warning",
        {
            "ticket_events": [
                event("e1", 0, "comment_public_agent", actor_role=None),
                event("e2", 1, "comment_customer", actor_role="end-user"),
                event("e3", 2, "status", "new", "open", actor_role=None),
            ]
        },
        (1, 1 / 3, "e1"),
        {
            "ticket_events": [
                event("e2", 1, "comment_customer", actor_role="end-user"),
                event("e3", 2, "status", "new", "open", actor_role=None),
            ]
        },
    ),
    "gap": (
        "warning",
        {
            "ticket_events": [
                event("e1", 0, "status", "new", "open"),
                event("e2", 1, "status", "pending", "solved"),
                event("e3", 2, "status", "solved", "open"),
                event("e4", 0, "status", "hold", "open", ticket="t2"),
                event("e5", 3, "group", "front", "second", ticket="t2"),
            ]
        },
        (2, 2 / 5, "e2"),
        {
            "ticket_events": [
                event("e1", 0, "status", "new", "open"),
                event("e2", 1, "status", None, "pending"),
                event("e3", 2, "assignee", "ann", None),
                event("e4", 2, "status", "pending", "solved"),
                event("e5", 3, "assignee", None, "bob"),
            ]
        },
    ),
    "late_edit": (
        "note",
        {
            "ticket_events": [
                event("e1", 0, "status", "open", "closed"),
                event("e2", 0, "comment_public_agent"),
                event("e3", 1, "comment_internal"),
                event("e4", 2, "status", "closed", "open"),
                event("e5", 3, "comment_internal"),
                event("e6", 4, "priority", "low", "high", ticket="t2"),
            ]
        },
        (1, 1 / 6, "e3"),
        {
            "ticket_events": [
                event("e1", 0, "status", "open", "closed", is_automatic=False),
                event("e3", 1, "sla_breach", is_automatic=True),
                event("e4", 2, "reopen", is_automatic=False),
                event("e5", 3, "comment_internal", is_automatic=False),
            ]
        },
    ),
    "respondents_only": (
        "warning",
        {"surveys": [survey("s1", "a", answered_at=NOON), survey("s2", "b", answered_at=NOON)]},
        (2, 1.0, ""),
        {"surveys": [survey("s1", "a", answered_at=NOON), survey("s2", "b", answered_at=None)]},
    ),
    "mostly_missing": (
        "note",
        {
            "contacts": [
                contact(c, disconnect_by=d)
                for c, d in zip("abc", (None, None, "agent"), strict=True)
            ]
        },
        (2, 2 / 3, ""),
        {
            "contacts": [
                contact(c, disconnect_by=d) for c, d in zip("ab", (None, "agent"), strict=True)
            ]
        },
    ),
    "untraced": (
        "note",
        {
            "tickets": [
                {"ticket_id": "t1", "contact_id": "a"},
                {"ticket_id": "t2", "contact_id": None},
            ]
        },
        (1, 1 / 2, "t2"),
        {
            "tickets": [
                {"ticket_id": "t1", "contact_id": "a"},
                {"ticket_id": "t2", "contact_id": "a"},
            ]
        },
    ),
    "other_reason": (
        "note",
        {"tickets": [{"reason_code": r} for r in (" Other ", None, "refund", "其他", "bill")]},
        (3, 3 / 5, ""),
        {"tickets": [{"reason_code": r} for r in ("Other", "refund", "refund", "login", "bill")]},
    ),
    "never_filled": (
        "note",
        {"tickets": [{"product": None}, {"product": None}]},
        (2, 1.0, ""),
        {"tickets": [{"product": None}, {"product": None}, {"product": "tv"}]},
    ),
    "one_value": (
        "note",
        {"tickets": [{"priority": "normal"}] * 39 + [{"priority": "high"}]},
        (39, 39 / 40, "normal"),
        {"tickets": [{"priority": "normal"}] * 38 + [{"priority": "high"}] * 2},
    ),
    "unanswered": (
        "note",
        {
            "contacts": [contact(c) for c in "abcd"],
            "surveys": [
                survey("s1", "b", answered_at=NOON),
                survey("s2", "b", answered_at=NOON),
                survey("s3", "c", answered_at=None),
                survey("s4", None, answered_at=NOON),
            ],
        },
        (3, 3 / 4, "a"),
        {"contacts": [contact("a")], "surveys": [survey("s1", "a", answered_at=NOON)]},
    ),
    "unevaluated": (
        "note",
        {
            "contacts": [contact(c) for c in "abc"],
            "qa_evaluations": [
                {"evaluation_id": e, "contact_id": c, "score": score}
                for e, c, score in (("e1", "c", 80.0), ("e2", "c", 90.0), ("e3", "b", None))
            ],
        },
        (2, 2 / 3, "a"),
        {
            "contacts": [contact("a")],
            "qa_evaluations": [{"evaluation_id": "e1", "contact_id": "a", "score": 0.0}],
        },
    ),
}
KNOWN = set(checks._BREAKS) | {r.name for v in checks._VIEWS for r in v.rules}


def case(frames):
    return put(**{name: few_with_days(name, rows) for name, rows in frames.items()})


def few_with_days(name, rows):
    "Made columns too, where a test is about local days."
    frame = few(name, *rows)
    made = [c for c in ("started_on",) if any(c in row for row in rows)]
    return frame.assign(**{c: [row[c] for row in rows] for c in made})


def test_every_rule_has_a_case():
    assert {*CASES} == KNOWN | {"key", "overlap", "reference"}


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_rule_is_counted_with_an_example(rule):
    level, broken, (count, share, example), _ = CASES[rule]
    line = one(rule, case(broken))
    assert (line["level"], line["count"], line["example"]) == (level, count, example)
    assert line["share"] == pytest.approx(share, rel=1e-12)
    assert line["table"] == ("tickets" if rule == "status" else next(iter(broken)))


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_that_is_kept_is_checked_and_gives_no_line(rule):
    opened = case(CASES[rule][3])
    assert found(rule, opened).empty, check(opened)
    column = one(rule, case(CASES[rule][1]))["column"]
    left = check(opened).skipped
    assert left[(left["rule"] == rule) & (left["column"] == column)].empty


@pytest.mark.parametrize("rule", CASES)
def test_the_message_says_what_is_wrong_and_what_to_do(rule):
    line = one(rule, case(CASES[rule][1]))
    wrong, _, do = line["do"].partition(": ")
    assert len(wrong) > 10 and len(do) > 10, line["do"]
    assert not set("{}") & set(line["do"])


@pytest.mark.parametrize("rule", CASES)
def test_the_order_of_rows_does_not_matter(rule):
    frames = {name: few_with_days(name, rows) for name, rows in CASES[rule][1].items()}
    back = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in frames.items()}
    pd.testing.assert_frame_equal(check(put(**frames)).frame, check(put(**back)).frame)


# --- the levels of the contract ---------------------------------------------------------------------


def test_a_rule_of_level_warning_is_no_error():
    early = contact("c1", enqueued_at=NOON - HOUR, outcome="answered")
    opened = case({"contacts": [early]})
    assert one("order", opened, "started_at, enqueued_at")["level"] == "warning"
    assert check(opened).ok


def test_several_rules_broken_by_one_row_are_all_counted():
    "An import gives a row one reason; a check gives each rule its count."
    row = contact("c1", channel="fax", wait_ms=-1, ended_at=NOON - HOUR)
    lines = check(case({"contacts": [row]})).errors
    assert lines["rule"].tolist() == ["allowed", "minimum", "order"]
    assert lines["count"].tolist() == [1, 1, 1]


# --- what stands beside a row never multiplies it ----------------------------------------------------


def test_versions_of_an_agent_do_not_multiply_a_reference():
    states = [
        agent_state("on_queue", "idle", h) | {"agent_id": a} for h, a in ((0, "x"), (1, "ann"))
    ]
    versions = [{"agent_id": "ann", "valid_from": NOON + h * HOUR} for h in range(5)]
    line = one("reference", case({"agent_states": states, "agents": versions}))
    assert (line["count"], line["example"]) == (1, "x")


def test_a_key_of_several_columns():
    rows = [agent_state("on_queue", "idle", h) for h in (0, 1, 1, 2)]
    line = one("key", case({"agent_states": rows}))
    assert (line["count"], line["column"]) == (1, "agent_id, started_at")
    assert line["example"] == "ann|2026-03-02 13:00:00"


def test_keys_that_share_a_hash_are_two_keys(monkeypatch):
    "Here the length of a word is its hash: all keys share it, and two of them are the same."
    monkeypatch.setattr(ibis.expr.types.Value, "hash", lambda word: word.length())
    opened = case({"contacts": [contact(c) for c in ("aa", "bb", "cc", "bb")]})
    assert one("key", opened)[["count", "example"]].tolist() == [1, "bb"]


def test_a_missing_key_is_missing_and_not_repeated():
    opened = case({"contacts": [contact(None), contact(None), contact("c1")]})
    line = one("required", opened)
    assert (line["count"], line["example"]) == (2, "")
    assert found("key", opened).empty


def test_other_rows_of_the_table_do_not_hide_a_lost_reference_to_itself():
    rows = [contact("a", prev_id=None), contact("b", prev_id="a"), contact("c", prev_id="z")]
    line = one("reference", case({"contacts": rows}), "prev_id")
    assert (line["count"], line["example"]) == (1, "z")


# --- spans, against a search by hand -----------------------------------------------------------------


def test_overlaps_against_all_pairs():
    """400 agents with a few versions each, some of them open, many of them of no length. A row
    breaks the rule where any earlier row of its key ends after it begins; of rows that begin
    together the one that ends first is the earlier one."""
    rng = np.random.default_rng(2024)
    agent, start = rng.integers(0, 400, 1500), rng.integers(0, 9, 1500)
    end = np.where(rng.random(1500) < 0.1, 99, start + rng.integers(0, 5, 1500))
    rows = [
        {
            "agent_id": f"a{a}",
            "valid_from": NOON + int(i) * HOUR,
            "valid_to": None if j == 99 else NOON + int(j) * HOUR,
        }
        for a, i, j in zip(agent, start, end, strict=True)
    ]
    order = sorted(zip(agent, start, end, strict=True))
    broken = [
        any(a == b and j > i for b, _, j in order[max(0, place - 20) : place])
        for place, (a, i, _) in enumerate(order)
    ]
    assert np.bincount(agent).max() < 20
    assert one("overlap", case({"agents": rows}))["count"] == sum(broken) > 300


# --- the next local day ------------------------------------------------------------------------------

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "America/New_York",
    "Asia/Beirut",
]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cutoff", ["00:00", "04:00"])
def test_contacts_that_end_on_another_day_against_the_clock(zone, cutoff):
    "Two thousand contacts of a year, the days of both changes of the clock among them."
    rng = np.random.default_rng(7)
    start = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 365 * 86400, 2000), "s")
    long = rng.random(2000) < 0.3
    end = start + pd.to_timedelta(
        np.where(long, rng.integers(0, 90000, 2000), rng.integers(0, 900, 2000)), "s"
    )
    settings = Settings(zone=zone, day_cutoff=cutoff)
    shift = pd.Timedelta(minutes=settings.day_cutoff_minutes)

    def local_days(times):
        return (times.tz_localize("UTC").tz_convert(zone).tz_localize(None) - shift).normalize()

    frame = few(
        "contacts",
        *(
            contact(f"c{i}", started_at=a, ended_at=b)
            for i, (a, b) in enumerate(zip(start, end, strict=True))
        ),
    )
    frame["started_on"] = local_days(start)
    opened = put(settings, contacts=frame)
    assert one("midnight", opened)["count"] == (local_days(end) > local_days(start)).sum() > 50


def test_each_site_has_its_own_midnight():
    late = pd.Timestamp("2026-03-02 23:30")
    rows = [
        contact(c, site=s, started_at=late - HOUR, ended_at=late)
        | {"started_on": pd.Timestamp(day)}
        for c, s, day in (
            ("a", "haifa", "2026-03-03"),
            ("b", "austin", "2026-03-02"),
            ("c", "lisbon", "2026-03-02"),
            ("d", None, "2026-03-02"),
        )
    ]
    frame = few_with_days("contacts", rows)
    named = Settings(zone="UTC", sites={"haifa": {"zone": "Asia/Jerusalem"}})
    assert found("midnight", put(named, contacts=frame)).empty
    berlin = Settings(zone="Europe/Berlin", sites=named.sites)
    line = one("midnight", put(berlin, contacts=frame))
    assert line["count"] == 3, "austin, lisbon and nowhere are days of the centre"
    sites = few("sites", {"site_id": "austin", "zone": "America/Chicago"})
    line = one("midnight", put(berlin, contacts=frame, sites=sites))
    assert (line["count"], line["example"]) == (2, "c")


@pytest.mark.parametrize(
    ("zone", "day", "after"),
    [
        ("Europe/Berlin", "2026-03-28", "2026-03-28 23:00"),
        ("Europe/Berlin", "2026-03-29", "2026-03-29 22:00"),
        ("Europe/Berlin", "2026-10-25", "2026-10-25 23:00"),
        # The clocks of Beirut jump from midnight to one: that day begins at one.
        ("Asia/Beirut", "2026-03-28", "2026-03-28 22:00"),
        ("Asia/Beirut", "2026-03-29", "2026-03-29 21:00"),
        ("Asia/Kathmandu", "2026-03-29", "2026-03-29 18:15"),
    ],
)
def test_the_last_microsecond_of_a_day(zone, day, after):
    end = day_ends(pd.Series(pd.to_datetime([day])), zone)[0]
    assert end == pd.Timestamp(after) - pd.Timedelta(microseconds=1)


# --- ticket histories --------------------------------------------------------------------------------


def test_gaps_are_those_that_the_intervals_report():
    "Two pieces of code that read one history count the same gaps; half of the events share an hour."
    rng = np.random.default_rng(2024)
    drawn = zip(
        rng.integers(0, 200, 1200),
        rng.integers(0, 6, 1200),
        rng.choice(["new", "open", "solved"], 1200),
        rng.choice(["open", "solved", ""], 1200),
        rng.choice(["status", "group"], 1200),
        strict=True,
    )
    rows = [
        event(f"e{i:04}", int(hour), kind, before, after or None, ticket=f"t{ticket}")
        for i, (ticket, hour, before, after, kind) in enumerate(drawn)
    ]
    tickets = few("tickets", *({"ticket_id": f"t{i}", "created_at": NOON} for i in range(200)))
    events = few("ticket_events", *rows)
    (said,) = [note for note in history_notes(tickets, events) if "history has gaps" in note]
    assert one("gap", put(ticket_events=events))["count"] == int(said.split()[0]) > 300


# --- one scan a table, through the public API --------------------------------------------------------


class Counting:
    "A backend that writes down what it is asked."

    def __init__(self, backend):
        self.backend, self.asked = backend, []

    def execute(self, expression):
        self.asked.append(str(ibis.to_sql(expression, dialect="duckdb")))
        return self.backend.execute(expression)


def test_all_rules_of_a_row_are_one_query():
    opened = case({"queue_events": [good("queue_events")]})
    spy = Counting(opened.backend)
    check(Opened(spy, opened.tables, opened.settings, opened.quarantine))
    rules = row_rules(tables["queue_events"])
    assert len(rules) > 6
    assert len([sql for sql in spy.asked if "route_type" in sql]) == 1
    assert len(spy.asked) == 3, "the number of rows, the rules of a row, the key"


def test_nothing_is_sent_but_ibis_expressions():
    text = Path(checks.__file__).read_text(encoding="utf-8")
    assert "raw_sql" not in text and ".sql(" not in text and "SELECT" not in text


@pytest.fixture(scope="module")
def everything():
    "Every table of the contract with one row."
    frames = {name: pd.DataFrame([good(name)], dtype="object") for name in tables}
    return put(**frames | {"contacts": frames["contacts"].assign(**SEEN)})


@pytest.mark.parametrize("name", tables)
def test_another_engine_can_be_asked_too(everything, name):
    "Every question about a table has SQL in PostgreSQL's dialect; none leans on one engine."
    views = [checks._own_view(everything, tables[name]), *contract_views(tables[name])]
    views += [view for view in checks._VIEWS if view.table == name]
    for view in views:
        asked = checks.scan(view.make(everything), view.rules, view.key, view.weight)
        assert "SELECT" in ibis.to_sql(asked, dialect="postgres")


# --- what was not checked ------------------------------------------------------------------------------


def test_an_absent_column_is_listed_and_breaks_nothing():
    opened = case({"contacts": [contact("c1", wait_ms=-1)]})
    left = check(opened).skipped
    talk = left[left["column"] == "talk_ms"]
    assert talk[["table", "rule", "needs"]].values.tolist()[0] == [
        "contacts",
        "minimum",
        "contacts.talk_ms",
    ]
    assert left[(left["column"] == "wait_ms") & (left["rule"] == "minimum")].empty
    assert not left.duplicated().any()


def test_an_absent_table_is_listed_and_breaks_nothing():
    opened = case({"contacts": [contact("c1", queue_id="q1")]})
    left = check(opened).skipped
    assert "the table queues" in left[left["column"] == "queue_id"]["needs"].tolist()
    assert found("reference", opened).empty
    assert set(left["table"]) == {"contacts"}, "rules of tables that are not there are not listed"


def test_a_sum_that_only_one_of_two_tables_has_is_listed():
    frames = {
        "contacts": [contact("a", talk_ms=1, hold_ms=1)],
        "contact_segments": [leg("s1", "a", hold_ms=2)],
    }
    result = check(case(frames))
    assert one("sums", case(frames))["column"] == "hold_ms"
    left = result.skipped[result.skipped["rule"] == "sums"].set_index("column")["needs"]
    assert set(left.index) == {"talk_ms", "wrap_ms"}
    assert left["talk_ms"] == "talk_ms in contacts and contact_segments"


@pytest.mark.parametrize("answer", ["answered_at", "csat", "nps", "ces"])
def test_any_answer_is_an_answer(answer):
    given = NOON if answer == "answered_at" else 5.0
    frames = {
        "contacts": [contact("a"), contact("b"), contact("c")],
        "surveys": [survey("s1", "a", **{answer: given}), survey("s2", "b", **{answer: None})],
    }
    assert one("unanswered", case(frames))["count"] == 2
    frames["surveys"] = frames["surveys"][:1]
    assert one("respondents_only", case(frames))["count"] == 1


def test_surveys_without_any_answer_cannot_be_checked():
    opened = case({"contacts": [contact("a")], "surveys": [survey("s1", "a")]})
    left = check(opened).skipped
    lost = left[left["rule"].isin(["unanswered", "respondents_only"])]
    assert lost["needs"].tolist() == ["surveys.answered_at|csat|nps|ces"] * 2
    assert found("unanswered", opened).empty and found("respondents_only", opened).empty


def test_endings_that_are_there_exclude_each_other():
    rows = [{"event_id": "q1", "answered_at": NOON, "abandoned_at": NOON}]
    line = one("at_most_one", case({"queue_events": rows}))
    assert line["column"] == "answered_at, abandoned_at"
    alone = case({"queue_events": [{"event_id": "q1", "answered_at": NOON}]})
    assert found("at_most_one", alone).empty and "at_most_one" in set(check(alone).skipped["rule"])


# --- the result ----------------------------------------------------------------------------------------


def test_errors_come_first_and_tables_in_their_order():
    frames = {
        "agent_states": [agent_state("away", "idle", 0), agent_state("away", "idle", 0)],
        "contacts": [contact("a", channel="fax", agent_id="x"), contact("b", agent_id="x")],
        "agents": [{"agent_id": "bob"}],
        "surveys": [survey("s1", "b", answered_at=None)],
    }
    frame = check(case(frames)).frame
    levels = frame["level"].map(["error", "warning", "note"].index)
    assert levels.is_monotonic_increasing and levels.nunique() == 3
    for _, lines in frame.groupby("level"):
        assert lines["table"].map(list(tables).index).is_monotonic_increasing
    assert frame.columns.tolist() == [
        "level",
        "table",
        "column",
        "rule",
        "count",
        "share",
        "example",
        "do",
    ]


def test_the_result_reads_in_a_terminal_and_in_a_notebook():
    result = check(case({"contacts": [contact("c1", channel="fax"), contact("c2")]}))
    assert isinstance(result, Checks) and not result.ok and len(result.errors) == 1
    first, line, *_ = repr(result).split("\n")
    assert first.startswith("1 error; ") and "not checked" in first
    assert "contacts.channel" in line and "50.0 %" in line and "c1" in line
    assert "<table" in result._repr_html_() and "1 error" in result._repr_html_()


def test_a_whole_project_has_nothing_to_report_but_what_it_lacks():
    result = check(
        put(**{n: pd.DataFrame([good(n)], dtype="object") for n in ("sites", "reason_map")})
    )
    assert result.ok and result.frame.empty
    assert repr(result).startswith("nothing to report")


def test_rows_set_aside_at_import_are_errors(tmp_path):
    frame = few(
        "contacts", contact("c1", wait_ms=1), contact("c2", wait_ms=-1), contact("c3", wait_ms=-2)
    )
    opened = open_frames({"contacts": frame})
    line = one("minimum", opened)
    assert (line["level"], line["count"], line["example"]) == ("error", 2, "c2")
    assert line["share"] == pytest.approx(2 / 3) and "ws.quarantine" in line["do"]
    assert "wait_ms is below 0" in line["do"] and not check(opened).ok


def test_a_project_on_disk_names_the_file_of_its_quarantine(tmp_path):
    from contact_kpis.data.fitting import Imported
    from contact_kpis.data.tables import open_folder

    fitted = fit("contacts", few("contacts", contact("c1"), contact("c2", channel="fax")))
    done = Imported("test", {"contacts": fitted.frame}, fitted.quarantine, 2)
    line = one("allowed", open_folder(write_project(done, tmp_path / "centre")))
    assert "data/quarantine.parquet" in line["do"] and line["share"] == pytest.approx(1 / 2)


def test_checking_changes_nothing():
    frame = with_every_fault(tables["contacts"])
    opened = put(contacts=frame)
    before = opened.tables["contacts"].execute()
    check(opened)
    pd.testing.assert_frame_equal(opened.tables["contacts"].execute(), before)
