"""Small cases by hand for the KPIs of contacts: waiting, handling, repeats, resolution, digital.

Each case is a handful of rows, the calculation in a comment, and what every convention makes of it.
It is asked twice: of the naive functions of tests/oracle_contacts.py, so that the case itself is
right, and of the library. The second line of a KPI changes a row or adds one, and the number moves.
Keys in [brackets] are sources of the specification. 1e-9 is the rounding of one division.
"""

from itertools import count

import pandas as pd
import pytest

from tests.builders import call, calls, contacts, is_null, metric, states
from tests.oracle_contacts import ORACLES

SPAN = ("2026-03-02", "2026-03-30")
END = "2026-03-31 12:00:00"
# The data must run on for windows to close: a stranger, after the days asked.
QUIET_END = [call(at=END, customer_id="Z", wait=1)]
_numbers = count(1)
CASES = []


def at(day, clock="12:00:00"):
    """An instant of March 2026."""
    return pd.Timestamp(f"2026-03-{day:02d} {clock}")


def table(name, rows):
    """A frame whose rows have a key of their own where the test gives none."""
    keys = {
        "queue_events": "event_id", "contact_segments": "segment_id", "surveys": "survey_id",
        "self_service_sessions": "session_id", "digital_events": "event_id",
        "attempts": "attempt_id", "complaints": "complaint_id", "reviews": "review_id",
        "ticket_events": "event_id", "subscriptions": "subscription_id",
    }  # fmt: skip
    made = [{keys[name]: f"{name}-{next(_numbers)}"} if name in keys else {} for _ in rows]
    frame = pd.DataFrame([a | b for a, b in zip(made, rows, strict=True)])
    for column in frame:
        if column.endswith(("_at", "_from", "_to")) or column == "at":
            frame[column] = frame[column].map(pd.Timestamp).astype("datetime64[us]")
    return frame


def case(kpi, rows, *wanted, span=SPAN, where=None, **tables):
    """`wanted` are (expected, conventions); tables are lists of rows by name."""
    frames = {} if rows is None else {"contacts": contacts(rows)}
    frames |= {name: table(name, rows) for name, rows in tables.items()}
    name = f"{kpi}-{sum(c[0] == kpi for c in CASES)}"
    for expected, conventions in wanted:
        label = "-".join([name, *(f"{k}={v}" for k, v in conventions.items())])
        CASES.append((kpi, label, frames, span, where, conventions, expected))


def visits(customer, *days, **known):
    """Contacts of one customer at noon on these days of March, answered by a1 unless told."""
    known = {"agent_id": "a1", "wait": 1, "talk": 100} | known
    return [call(at=at(day), customer_id=customer, **known) for day in days]


# --- customer/waiting ----------------------------------------------------------------------------

INTERVAL = [
    *calls(85, wait=10),
    *calls(4, "abandoned", wait=3),
    *calls(11, "abandoned", wait=12),
]
NOT_OFFERED = [
    *calls(3, "left_ivr"),
    *calls(2, "phantom", wait=5),
    *calls(5, "answered", direction="outbound"),
]
# The golden interval of 1.3.2: 15.00 % abandoned [AWS-RQ, GEN-MD], so 85 of 100 answered.
case("answer_rate", INTERVAL + NOT_OFFERED, (85.0, {}))
case(
    "answer_rate",
    INTERVAL + NOT_OFFERED + calls(6, "flowed_out", wait=30) + calls(4, "callback", wait=15),
    (100 * 85 / 110, {}),  # both stay in the denominator
    (100 * 85 / 104, {"treat_flowouts": "drop"}),
    (100 * 85 / 106, {"treat_callbacks": "drop"}),
    (100 * 85 / 106, {"short_abandon_s": 3}),  # exactly 3 s is short: 110 - 4
    (100 * 85 / 110, {"short_abandon_s": 2.999}),
    (100 * 85 / 96, {"treat_flowouts": "drop", "treat_callbacks": "drop", "short_abandon_s": 5}),
)
case(
    "answer_rate", [*calls(2, wait=0, queued=False), *calls(1, "abandoned", wait=9)], (200 / 3, {})
)
case("answer_rate", NOT_OFFERED, (None, {}))


def tries(**outcomes):
    return [
        {"at": at(2, f"10:{i:02d}:00"), "outcome": outcome}
        for outcome, n in outcomes.items()
        for i in range(n)
    ]


# 1 of 20; then one of the queued was refused as well: 2 of 20.
case("blocked_rate", None, (5.0, {}), attempts=tries(queued=15, contained=3, hung_up=1, blocked=1))
case("blocked_rate", None, (10.0, {}), attempts=tries(queued=14, contained=3, hung_up=1, blocked=2))
case(
    "blocked_rate",
    None,
    (None, {}),  # nobody tried on these days
    span=("2026-03-10", "2026-03-12"),
    attempts=[*tries(queued=3, blocked=1), {"at": at(30), "outcome": "queued"}],
)


def stay(contact, day, clock="12:00:00", route="primary", **ends):
    return {"contact_id": contact, "enqueued_at": at(day, clock), "route_type": route} | ends


ASKED = [stay(f"b{i}", 2, callback_at=at(2)) for i in (1, 2, 3, 4)]
AGAIN = [
    stay("b1", 2, "13:00:00", "callback", answered_at=at(2, "14:00:00")),  # reached after 2 h
    stay("b4", 2, "13:00:00", "callback", abandoned_at=at(2, "14:00:00")),  # not reached
    stay("b5", 2, answered_at=at(2)),  # no callback was asked
]
CALLBACKS = [
    *(call("callback", at(2), id=f"b{i}", wait=60) for i in (1, 2, 3, 4)),
    call(at=at(2), id="b5", wait=5),
    call(at=at(3, "18:00:00"), initiation="callback", prev_id="b2"),  # reached after 30 h
    call("abandoned", at(3), initiation="callback", prev_id="b3", wait=5),  # not reached
]
case(
    "callback_completion_rate",
    CALLBACKS + QUIET_END,
    (100 * 2 / 4, {}),  # b1 and b2 of b1 to b4
    (100 * 1 / 4, {"window_h": 24}),
    (100 * 2 / 4, {"window_h": 30}),  # exactly 30 h is within
    queue_events=ASKED + AGAIN,
)
case(
    "callback_completion_rate",
    [*CALLBACKS, call("callback", at(31, "11:00:00"), id="b6", wait=9), *QUIET_END],
    (100 * 2 / 5, {}),  # b6 too
    (100 * 1 / 4, {"window_h": 24}),  # b6 is pending
    span=("2026-03-02", "2026-03-31"),
    queue_events=[
        *ASKED,
        *AGAIN,
        stay("b6", 31, "11:00:00", callback_at=at(31, "11:00:00")),
        stay("b5", 31, "11:30:00", answered_at=at(31, "11:30:00")),
    ],
)
# Its clock is a second behind that of the queue, but the contact points back to b3.
case(
    "callback_completion_rate",
    [
        *CALLBACKS,
        call(at=at(2, "11:59:59"), initiation="callback", prev_id="b3"),
        *QUIET_END,
    ],
    (100 * 3 / 4, {}),  # b1, b2, b3
    (100 * 2 / 4, {"window_h": 24}),  # b1, b3
    queue_events=[
        *ASKED,
        *AGAIN,
        stay("b4", 2, "11:00:00", "callback", answered_at=at(2, "11:30:00")),  # an earlier one
    ],
)
case(
    "callback_completion_rate",
    CALLBACKS,
    (None, {}),  # the only request is of a later day
    span=("2026-03-02", "2026-03-10"),
    queue_events=[stay("b5", 2, answered_at=at(2)), stay("b2", 20, callback_at=at(20))],
)

HOLDS = [call(talk=100, hold=60), call(talk=100, hold=0), call(talk=100)]
NOT_HELD = [call("abandoned", wait=5, hold=500), call(hold=500)]  # not handled: talk is unknown
# Held: 60 / 1; handled: (60 + 0) / 2, the unknown hold on neither side [AWS-HM].
case(
    "hold_time_avg",
    HOLDS + NOT_HELD,
    (60.0, {}),
    (30.0, {"denominator": "handled"}),
)
case(
    "hold_time_avg",
    [*HOLDS, call(talk=50, hold=30, direction="outbound"), *NOT_HELD],
    (45.0, {}),  # (60 + 30) / 2
    (30.0, {"denominator": "handled"}),  # (60 + 0 + 30) / 3
)
case("hold_time_avg", calls(2, talk=9, hold=0), (None, {}), (0.0, {"denominator": "handled"}))

# --- efficiency/handling -------------------------------------------------------------------------

TALKS = [
    call(talk=100, hold=50, wrap=50),
    call(talk=200, wrap=9),
    call(talk=60, direction="outbound"),
    call(),  # talk unknown
    call("abandoned", wait=5),
]
case("agent_interaction_time", TALKS, (120.0, {}))  # 360 / 3
case("agent_interaction_time", [*TALKS, call(talk=0)], (90.0, {}))  # 360 / 4
case("agent_interaction_time", [call("abandoned", wait=5)], (None, {}))

WRAPS = [call(talk=9, wrap=10), call(talk=9, wrap=200), call(talk=9), call(wrap=999)]
case(
    "acw_time",
    WRAPS,
    (105.0, {}),  # (10 + 200) / 2
    (35.0, {"cap_s": 60}),  # (10 + 60) / 2
    (105.0, {"cap_s": 200}),
)
case("acw_time", [*WRAPS, call(talk=9, wrap=0)], (70.0, {}), (70 / 3, {"cap_s": 60}))
case("acw_time", [call(talk=9)], (None, {}))

SHIFT = [
    *calls(2, at=at(2), talk=60, agent_id="a1", team="t"),
    *calls(1, at=at(3), talk=60, agent_id="a1", team="t"),
    *calls(2, at=at(2), talk=60, agent_id="a2", team="u"),
    *calls(1, at=at(2, "15:00:00"), talk=60, agent_id="a2", team="u", direction="outbound"),
    *calls(4, at=at(2), talk=60),  # nobody's
    *calls(2, "abandoned", at=at(5), wait=3, agent_id="a1", team="t"),
]
LOGGED = [
    *states(("interacting", 3), ("idle", 1), agent="a1", at=at(2, "08:00:00")),
    *states(("off_queue", 2), ("idle", 6), agent="a2", at=at(2, "08:00:00")),
]
# 6 contacts in 3 agent-days; 12 h are 1.5 shifts of 8 h.
case(
    "contacts_per_agent_day",
    SHIFT,
    (2.0, {}),
    (4.0, {"denominator": "logged_hours"}),
    agent_states=LOGGED,
)
case(
    "contacts_per_agent_day",
    [*SHIFT, call(at=at(4), talk=1, agent_id="a2", team="u")],
    (7 / 4, {}),
    (7 / 1.5, {"denominator": "logged_hours"}),
    agent_states=LOGGED,
)
case("contacts_per_agent_day", SHIFT, (1.5, {}), where={"agent": "a1"})  # 3 in 2 days
case("contacts_per_agent_day", calls(3, talk=5), (None, {}))

CONNECTED = [
    *calls(3, agent_id="a1", talk=5),
    *calls(1, agent_id="a1", talk=5, channel="chat"),
    *calls(1, agent_id="a1", talk=5, direction="outbound"),
    *calls(1, talk=5),  # no agent
    *calls(1, "abandoned", agent_id="a1", wait=5),
]
case("inbound_calls_handled", CONNECTED, (3.0, {}), (4.0, {"channel_scope": "any"}))
case("inbound_calls_handled", CONNECTED + calls(1, agent_id="a2", talk=5), (4.0, {}))
case("inbound_calls_handled", [call("abandoned", agent_id="a1", wait=5)], (0.0, {}))


def legs(contact, *given):
    """Legs of a contact one after another, with an agent unless told."""
    base = {"contact_id": contact, "type": "talk", "agent_id": "a1", "started_at": at(2)}
    return [base | {"seq": i} | leg for i, leg in enumerate(given)]


def passed(way, source=None, target=None, **known):
    return {"transfer_type": way, "from_queue": source, "to_queue": target} | known


FIVE = [call(id=f"x{i}", talk=60, at=at(2)) for i in (1, 2, 3, 4, 5)]
PASSED = [
    *legs("x1", {"type": "ivr", "agent_id": None}, passed("blind", "orders", "billing"), {}),
    *legs("x2", passed("consult", "orders", "orders"), {"type": "conference"}),
    *legs("x3", passed("external", "orders")),
    *legs("x4", passed("queue", "orders", "billing"), passed("queue", "billing", "tech"), {}),
    *legs("x5", {}, {"agent_id": None}),
]
# x1 to x4 of five; legs: 1 + 1 + 1 + 2 = 5 passed on of 2 + 2 + 1 + 3 + 1 = 9 with an agent.
case(
    "transfer_rate",
    FIVE,
    (80.0, {}),
    (40.0, {"scope": "department"}),  # x1, x4 (to another department)
    (20.0, {"scope": "external"}),  # x3
    (20.0, {"cause": "system"}),  # x2 stays in its queue
    (40.0, {"cause": "wrong_department"}),  # x1, x4: without skills each queue is a department
    (20.0, {"kind": "blind"}),
    (20.0, {"kind": "consult"}),
    (20.0, {"kind": "queue"}),
    (60.0, {"include_queue_overflow": False}),  # without x4
    (20.0, {"scope": "department", "include_queue_overflow": False}),  # x1
    (0.0, {"scope": "external", "kind": "blind"}),
    (100 * 5 / 9, {"unit": "legs"}),
    (100 * 3 / 9, {"unit": "legs", "scope": "department"}),
    contact_segments=PASSED,
)
# Orders and billing are of one skill, tech of another: x1 goes aside, x4 first aside and then wrong.
SKILLS = [
    {"queue_id": queue, "valid_from": pd.Timestamp("2026-01-01"), "skill": skill}
    for queue, skill in (
        ("orders", "sales"),
        ("billing", "sales"),
        ("tech", "tech"),
        ("Q", "sales"),
    )
]
case(
    "transfer_rate",
    FIVE,
    (80.0, {}),
    (40.0, {"scope": "department"}),
    (20.0, {"cause": "wrong_department"}),  # x4
    (60.0, {"cause": "system"}),  # x1, x2, x4
    (40.0, {"cause": "system", "scope": "department"}),  # x1, x4
    (100 * 3 / 9, {"cause": "system", "unit": "legs"}),
    contact_segments=PASSED,
    queues=SKILLS,
)
# Billing had another skill before the 3rd, and what tech can do is no longer known.
case(
    "transfer_rate",
    FIVE,
    (40.0, {"cause": "wrong_department"}),  # x1, x4 to billing
    (20.0, {"cause": "system"}),  # x2
    contact_segments=PASSED,
    queues=[
        SKILLS[0],
        SKILLS[1] | {"skill": "money", "valid_to": pd.Timestamp("2026-03-03")},
        SKILLS[1] | {"valid_from": pd.Timestamp("2026-03-03"), "valid_to": None},
        SKILLS[2] | {"skill": None},
        SKILLS[3],
    ],
)
case(
    "transfer_rate",
    [*FIVE, call(id="x6", talk=60, at=at(2)), call("abandoned", at(2), id="x7", wait=5)],
    (100 * 5 / 6, {}),  # x6 was passed on; x7 was never handled
    contact_segments=[*PASSED, *legs("x6", passed("blind")), *legs("x7", passed("queue"))],
)
# Nobody knows of x6 whether it was passed on: it has no legs and is on neither side.
case(
    "transfer_rate",
    [*FIVE, call(id="x6", talk=60, at=at(2))],
    (80.0, {}),
    (100 * 5 / 9, {"unit": "legs"}),
    contact_segments=PASSED,
)
case(
    "transfer_rate",
    [call("abandoned", at(2), id="x7", wait=5)],
    (None, {}),
    contact_segments=legs("x7", passed("queue")),
)

FOUR = [call(id=f"y{i}", talk=60, at=at(2)) for i in (1, 2, 3, 4)]
TOGETHER = [
    *legs("y1", {"conference": True}),
    *legs("y2", {"conference": False}, {"type": "conference"}),
    *legs("y3", passed("consult", conference=True)),
    *legs("y4", {"conference": False}),
]
case(
    "conference_rate",
    FOUR,
    (50.0, {}),  # y1, y2
    (75.0, {"include_consult": True}),
    contact_segments=TOGETHER,
)
case(
    "conference_rate",
    [*FOUR, call(id="y5", talk=9, at=at(2)), call("abandoned", at(2), id="y6", wait=5)],
    (60.0, {}),  # y5 as well; y6 was not handled
    contact_segments=[
        *TOGETHER,
        *legs("y5", {"conference": True}),
        *legs("y6", {"conference": True}),
    ],
)
case(
    "conference_rate",
    [*FOUR, call(id="y5", talk=9, at=at(2))],
    (50.0, {}),  # y5 has no legs
    contact_segments=TOGETHER,
)
case(
    "conference_rate",
    [call("abandoned", at(2), id="y6", wait=5)],
    (None, {}),
    contact_segments=legs("y6", {"conference": True}),
)


def ticket(key, day=2, **known):
    row = {"ticket_id": key, "created_at": at(day), "channel": "email", "status": "open"}
    return row | {"spam": False, "deleted": False, "merged_into": None} | known


def escalated(key, to, day=3):
    return {"ticket_id": key, "at": at(day), "kind": "escalate", "to_value": to}


TICKETS = [
    *(ticket(f"e{i}") for i in (1, 2, 3, 4)),
    ticket("e5", spam=True),
    ticket("e6", deleted=True),
    ticket("e7", merged_into="e1"),
]
RAISED = [
    escalated("e1", "level 2"),
    escalated("e2", "Team Lead"),
    escalated("e3", "level 2"),
    escalated("e3", "level 3", day=4),  # twice is once
    escalated("e5", "level 2"),
    escalated("e7", "manager"),
]
case(
    "escalation_rate",
    None,
    (75.0, {}),
    (50.0, {"kind": "functional"}),  # e1, e3
    (25.0, {"kind": "hierarchic"}),  # e2
    tickets=TICKETS,
    ticket_events=RAISED,
)
case(
    "escalation_rate",
    None,
    (100.0, {}),
    (50.0, {"kind": "hierarchic"}),
    tickets=TICKETS,
    ticket_events=[*RAISED, escalated("e4", "MANAGEMENT")],
)
case(
    "escalation_rate",
    None,
    (None, {}),
    tickets=[ticket("e5", spam=True)],
    ticket_events=[escalated("e5", "level 2")],
)

SERVED = [
    call(id=f"o{i}", at=at(day), wait=5, talk=9, agent_id=agent)
    for i, day, agent in ((1, 5, "a1"), (2, 5, "a1"), (3, 5, "a2"), (4, 12, "a2"), (5, 12, "a2"))
]
TRADES = [
    {"agent_id": "a1", "valid_from": "2026-01-01", "valid_to": None, "specialty": "orders"},
    {"agent_id": "a2", "valid_from": "2026-01-01", "valid_to": "2026-03-10", "specialty": "orders"},
    {"agent_id": "a2", "valid_from": "2026-03-10", "valid_to": None, "specialty": "billing"},
]


def routed(i, day, skill, route="primary", **ends):
    ends = ends or {"answered_at": at(day)}
    return stay(f"o{i}", day, route=route, primary_skill=skill, **ends)


ROUTED = [
    routed(1, 5, "orders"),
    routed(2, 5, "billing", "overflow"),  # orders is wrong
    routed(3, 5, "billing"),  # a2 was still in orders
    routed(4, 12, "billing"),
    routed(5, 12, None),  # skill unknown
    routed(5, 12, "billing", "overflow", abandoned_at=at(12)),  # nobody answered
]
case(
    "overflow_share",
    SERVED,
    (20.0, {}),  # 1 of 5
    (50.0, {"wrong": "specialty"}),  # o2, o3 of o1 to o4
    queue_events=ROUTED,
    agents=TRADES,
)
case(
    "overflow_share",
    [*SERVED, call(id="o6", at=at(12), wait=5, talk=9, agent_id="a1")],
    (100 * 2 / 6, {}),
    (60.0, {"wrong": "specialty"}),
    queue_events=[*ROUTED, routed(6, 12, "billing", "overflow")],
    agents=TRADES,
)
case(
    "overflow_share",
    SERVED,
    (None, {}),  # the only answered stay is of a later day
    (None, {"wrong": "specialty"}),
    span=("2026-03-02", "2026-03-15"),
    queue_events=[
        routed(5, 12, "billing", "overflow", abandoned_at=at(12)),
        routed(5, 20, "orders", "overflow"),
    ],
    agents=TRADES,
)

# --- efficiency/repeats --------------------------------------------------------------------------

TICKED = [
    *calls(3, talk=9, agent_fcr_flag=True),
    *calls(1, talk=9, agent_fcr_flag=False),
    *calls(2, talk=9, agent_fcr_flag=None),
    *calls(1, "abandoned", wait=9, agent_fcr_flag=True),
]
case("fcr_agent_declared", TICKED, (75.0, {}))
case("fcr_agent_declared", TICKED + calls(1, talk=9, agent_fcr_flag=False), (60.0, {}))
case(
    "fcr_agent_declared",
    [call(talk=9, agent_fcr_flag=None), call("abandoned", wait=5, agent_fcr_flag=True)],
    (None, {}),
)

# A 2 and 4, B 3, C 5 and (given up) on the 12th in the chat, 7 x 24 h later; D is pending.
FOLLOWED = [
    *visits("A", 2, reason_code="bill"),
    *visits("A", 4, reason_code="delivery"),
    *visits("B", 3, reason_code="bill"),
    *visits("C", 5, reason_code="bill", agent_id="a2"),
    *visits("C", 12, reason_code="bill", channel="chat", outcome="abandoned", agent_id=None),
    *visits("D", 30, reason_code="bill"),
    *visits(None, 3, 4),
    *visits("B", 5, direction="outbound"),  # somebody rang B back
]
case(
    "agent_repeat_rate",
    FOLLOWED + QUIET_END,
    (50.0, {}),  # A's first and C's of four
    (25.0, {"cross_channel": False}),
    (25.0, {"same_reason": True}),  # C's
    (25.0, {"window_d": 6}),  # A's
    (0.0, {"window_d": 1, "same_reason": True}),  # of five: a day after the 30th is over
)
case("agent_repeat_rate", FOLLOWED + QUIET_END, (100 / 3, {}), where={"agent": "a1"})
case("agent_repeat_rate", FOLLOWED + visits("B", 6) + QUIET_END, (60.0, {}))  # 3 of 5
case("agent_repeat_rate", visits("D", 29, 30) + QUIET_END, (None, {}))

MAP = [
    {"reason_code": "bill", "avoidable": True},
    {"reason_code": "order", "avoidable": False},
    {"reason_code": "misc", "avoidable": None},
]
WHY = [
    *visits("A", 2, reason_code="bill"),
    *visits("A", 4, reason_code="order"),  # a repeat
    *visits("B", 3, reason_code="misc"),  # not judged
    *visits("B", 5, reason_code=None),  # a repeat
    *visits("C", 6, reason_code="bill"),
    *visits("D", 7, reason_code="order"),
    *visits("E", 7, reason_code="unheard"),  # not on the map
    *visits("F", 7, reason_code="bill", direction="outbound"),
]
case(
    "unnecessary_contact_rate",
    WHY,
    (50.0, {}),  # A's bill, C of A, A, C, D
    (80.0, {"count_repeats": True}),  # A, A, B's second, C of those and D
    reason_map=MAP,
)
case(
    "unnecessary_contact_rate",
    WHY + visits("G", 8, reason_code="bill"),
    (60.0, {}),
    (100 * 5 / 6, {"count_repeats": True}),
    reason_map=MAP,
)
case("unnecessary_contact_rate", visits("B", 3, reason_code="misc"), (None, {}), reason_map=MAP)


def review(contact, cause, chance, day=9):
    return {
        "contact_id": contact,
        "cause": cause,
        "sample_prob": chance,
        "reviewed_at": at(day),
    }


REVIEWS = [
    review("x1", "agent", 0.5),  # 2
    review("x2", "other", 0.25),  # 4
    review("x3", "self_service", None),  # 1
    review("x4", "agent", 0.5),  # 2 / 2
    review("x4", "process_policy", 0.5),  # 2 / 2
]
case(
    "fcr_failure_mix",
    FIVE,
    (100 * 3 / 9, {}),
    (100 * 4 / 9, {"cause": "other"}),
    (100 * 1 / 9, {"cause": "self_service"}),
    (100 * 1 / 9, {"cause": "process_policy"}),
    (37.5, {"weighted": False}),  # (1 + 1/2) of 4
    (12.5, {"weighted": False, "cause": "process_policy"}),
    reviews=REVIEWS,
)
case(
    "fcr_failure_mix",
    FIVE,
    (100 * 7 / 13, {}),
    (50.0, {"weighted": False}),  # 2.5 of 5
    reviews=[*REVIEWS, review("x5", "agent", 0.25)],
)
case(
    "fcr_failure_mix",
    FIVE,
    (None, {}),
    span=("2026-03-10", "2026-03-12"),
    reviews=[review("x1", "agent", 0.5, day=3), review("x2", "agent", 0.5, day=20)],
)

# --- customer/resolution -------------------------------------------------------------------------


def asked(fcr, day=9, kind="transactional", contact=None, customer=None, answered=True, **known):
    return {
        "contact_id": contact,
        "customer_id": customer,
        "kind": kind,
        "delivered": True,
        "invited_at": at(day, "08:00:00"),
        "answered_at": at(day) if answered else None,
        "fcr_item": fcr,
    } | known


SQM = [
    *(asked("yes") for _ in range(280)),
    *(asked("No") for _ in range(120)),
    *(asked("yes", answered=False) for _ in range(10)),
    *(asked("don't know") for _ in range(5)),
    *(asked("yes", kind="relationship") for _ in range(3)),
]
case("fcr_survey", FIVE, (70.0, {}), surveys=SQM)  # 280 of 400 [SQM-FCR]
ANSWERS = [
    asked("yes", 3, customer="K1", contact="v1"),
    asked("no", 5, customer="K1", contact="v2"),
    asked("0", 6, customer="K1", contact="v2"),
    asked("TRUE", 9, customer="K2", contact="v1"),
    asked("yes", 9),
]
BOTH = [call(id="v1", at=at(2), talk=9), call(id="v2", at=at(4), channel="chat", talk=9)]
case(
    "fcr_survey",
    BOTH,
    (60.0, {}),  # 3 of 5
    (100.0, {"unit": "customer"}),  # K1 at first, K2
    (100.0, {"channel_scope": "voice"}),  # the two about v1
    (50.0, {"period": "contact"}),  # the last is about no contact
    surveys=ANSWERS,
)
case(
    "fcr_survey",
    BOTH,
    (100 / 3, {}),  # answered up to the 6th
    (50.0, {"period": "contact"}),  # all four about contacts of the 2nd and 4th
    span=("2026-03-02", "2026-03-06"),
    surveys=ANSWERS,
)
case("fcr_survey", BOTH, (None, {}), surveys=[asked(None, 3), asked("yes", 3, answered=False)])


def letter(key, clock):
    end = {"ended_at": at(2, clock)} if clock else {"ended_at": pd.NaT}
    return call(id=key, at=at(2), channel="email", talk=60) | end


ONCE = [
    *(call(id=f"n{i}", at=at(2), talk=60, ended_at=at(2, "18:00:00")) for i in (1, 2, 3, 4)),
    letter("n5", "13:00:00"),  # exactly an hour
    letter("n6", "13:00:01"),
    letter("n7", None),
    call("abandoned", at(2), id="n8", wait=5, ended_at=at(2, "12:00:05")),
]
WAYS = [
    *legs("n1", {}),
    *legs("n2", passed("blind"), {}),
    *legs("n3", passed("consult", conference=False)),
    *legs("n4", {"conference": True}),
    *(leg for i in (5, 6, 7) for leg in legs(f"n{i}", {})),
]
case(
    "fcr_no_transfer",
    ONCE,
    (100 * 3 / 7, {}),  # n1, n4, n5; a letter counts within one hour [MN-FCR]
    (100 * 4 / 7, {"count_consult": False}),  # n3
    (100 * 2 / 7, {"count_conference": True}),  # not n4
    (100 * 5 / 7, {"email_limit_h": "none"}),  # n6, n7
    (100 * 4 / 7, {"email_limit_h": 2}),  # n6
    contact_segments=WAYS,
)
case(
    "fcr_no_transfer",
    ONCE,
    (100 * 2 / 7, {}),
    contact_segments=[*WAYS, *legs("n1", passed("queue"))],
)
# The letters have no legs: whether somebody passed them on is not known, and they are on neither side.
case(
    "fcr_no_transfer",
    ONCE,
    (100 * 2 / 4, {}),  # n1, n4 of n1 to n4
    (100 * 3 / 4, {"count_consult": False}),
    (100 * 2 / 4, {"email_limit_h": "none"}),
    contact_segments=[leg for leg in WAYS if leg["contact_id"] < "n5"],
)
case(
    "fcr_no_transfer",
    ONCE[-1:],
    (None, {}),
    contact_segments=legs("n8", passed(None, type="queue")),
)

# A three times, B once, C twice within a week (1.3.3).
ISSUES = [
    *visits("A", 2, 4, reason_code="bill"),
    *visits("A", 6, reason_code="bill", channel="chat"),
    *visits("B", 3, reason_code="bill"),
    *visits("C", 5, reason_code="bill"),
    *visits("C", 7, reason_code="delivery"),
    *visits("B", 5, outcome="phantom"),
    *visits(None, 3, 4),
]
case(
    "repeat_customers",
    ISSUES + QUIET_END,
    (100 * 2 / 3, {}),
    (2.0, {"measure": "count"}),
    (100 / 3, {"same_reason": True}),  # A
    (0.0, {"window_d": 1}),
)
case(
    "repeat_customers",
    visits("A", 2) + visits("A", 4, channel="chat") + visits("B", 3) + QUIET_END,
    (50.0, {}),
    (0.0, {"cross_channel": False}),
)
case(
    "repeat_customers",
    ISSUES + visits("B", 10) + QUIET_END,  # exactly 7 days after the 3rd
    (100.0, {}),
    (3.0, {"measure": "count"}),
)
# Asked for the 6th and 7th: A and C, both preceded by contacts before the period.
case("repeat_customers", ISSUES + QUIET_END, (100.0, {}), span=("2026-03-06", "2026-03-07"))
case(
    "repeat_customers",
    visits(None, 3, 4) + QUIET_END,
    (None, {}),
    (0.0, {"measure": "count"}),
)

PENDING = visits("D", 28, reason_code="bill")
SETTLED = [
    asked("yes", 7, contact="last of A"),
    asked("no", 7, contact="last of B"),
    asked("yes", 6, contact="first of C"),
]
CHAINS = [
    *visits("A", 2, 4, reason_code="bill"),
    *visits("A", 6, reason_code="bill", id="last of A"),
    *visits("B", 3, reason_code="bill", id="last of B"),
    *visits("C", 5, reason_code="bill", id="first of C"),
    *visits("C", 7, reason_code="delivery"),
]
case(
    "contacts_per_resolution",
    CHAINS + PENDING + QUIET_END,
    (2.0, {}),  # (3 + 1 + 2) / 3, D is pending
    (1.0, {"gap_d": 1}),  # 7 / 7
    (6 / 4, {"same_reason": True}),  # C's are two matters
    (3.0, {"resolved": "survey"}),  # A's only
    surveys=SETTLED,
)
# B again exactly 7 days later is of the same chain; with a gap of 6 days it is one of its own.
case(
    "contacts_per_resolution",
    CHAINS + visits("B", 10) + QUIET_END,
    (7 / 3, {}),
    (7 / 4, {"gap_d": 6}),
)
case("contacts_per_resolution", PENDING + visits(None, 3) + QUIET_END, (None, {}))


def session(customer, day, outcome="contained", clock="12:00:00", ended=None, **known):
    start = at(day, clock)
    return {
        "customer_id": customer,
        "channel": "portal",
        "platform": "web",
        "outcome": outcome,
        "started_at": start,
        "ended_at": start if ended is None else at(day, ended),
    } | known


SWITCHES = [
    *visits("A", 2, reason_code="bill"),
    *visits("A", 4, reason_code="move", channel="chat"),
    *visits("B", 3, 5, reason_code="bill"),
    *visits("C", 6, reason_code="bill", channel="email"),
    *visits("D", 27, reason_code="bill"),
    *visits("D", 29, reason_code="bill", channel="chat"),  # pending
]
case(
    "channel_switch_rate",
    SWITCHES + QUIET_END,
    (100 / 3, {}),  # A
    (4 / 3, {"count_as": "mean"}),  # 2 + 1 + 1
    (0.0, {"gap_d": 1}),
    (0.0, {"same_reason": True}),  # A's are two matters
    (100 * 2 / 3, {"include_self_service": True}),  # C too
    (5 / 3, {"include_self_service": True, "count_as": "mean"}),
    self_service_sessions=[session("C", 5), session(None, 6)],
)
case(
    "channel_switch_rate",
    SWITCHES + visits("B", 7, reason_code="bill", channel="chat") + QUIET_END,
    (100 * 2 / 3, {}),
    (5 / 3, {"count_as": "mean"}),
    (25.0, {"same_reason": True}),  # B of A, A, B, C
)
case("channel_switch_rate", visits("D", 27, 29) + QUIET_END, (None, {}))

MONTH = ("2026-03-02", "2026-03-31")  # 30 days


def contract(customer, start, end=None, **known):
    return {"customer_id": customer, "started_at": start, "ended_at": end, "mrr": 10.0} | known


PEOPLE = [
    {"customer_id": f"K{i}", "segment": segment, "created_at": day}
    for i, segment, day in (
        (1, "home", "2025-01-01"),
        (2, "home", "2025-01-01"),
        (3, "office", "2025-01-01"),
        (4, "office", "2025-01-01"),
        (5, "home", "2026-04-01"),  # not a customer yet
    )
]
CONTRACTS = [
    contract("K1", "2025-01-01"),
    contract("K1", "2025-06-01"),  # twice is once
    contract("K2", "2026-03-31 23:59:59"),  # on the last day
    contract("K3", "2025-01-01", "2026-03-02 00:00:01"),  # for a second of it
    contract("K4", "2025-01-01", "2026-03-02 00:00:00"),  # gone before
    contract("K5", "2026-04-01 00:00:00"),  # not yet
]
CALLED = [
    *visits("K1", 2, 3, customer_segment="home"),
    *visits("K3", 4, 5, 31, customer_segment="office", outcome="abandoned"),
    *visits("K4", 9, customer_segment="office"),
    *visits("K1", 9, customer_segment="home", direction="outbound"),
    *visits("K1", 9, customer_segment="home", outcome="phantom"),
]
case(
    "contact_rate",
    CALLED,
    (2000.0, {}),  # 6 / 3
    (2000 * 30.4375 / 30, {"per": "month"}),
    span=MONTH,
    customers=PEOPLE,
    subscriptions=CONTRACTS,
)
case(
    "contact_rate",
    CALLED,
    (1000.0, {}),  # 2 contacts, K1 and K2
    span=MONTH,
    where={"customer_segment": "home"},
    customers=PEOPLE,
    subscriptions=CONTRACTS,
)
case("contact_rate", CALLED, (1500.0, {}), span=MONTH, customers=PEOPLE)  # without contracts: K1-K4
case(
    "contact_rate",
    CALLED,
    (1500.0, {}),
    span=MONTH,
    customers=PEOPLE,
    subscriptions=[*CONTRACTS, contract("K4", "2026-03-20")],  # K4 is back
)
case(
    "contact_rate",
    CALLED,
    (None, {}),
    span=MONTH,
    customers=PEOPLE,
    subscriptions=CONTRACTS[4:],
)

TEN = [
    *(call(id=f"z{i}", at=at(2), talk=9, queue_id="Q" if i < 4 else "R") for i in range(10)),
    call(at=at(2), talk=9, direction="outbound"),
    call("phantom", at(2)),
]


def complaint(contact=None, day=5):
    return {"contact_id": contact, "at": at(day), "kind": "letter"}


case(
    "complaint_rate",
    TEN,
    (200.0, {}),
    (100.0, {"what": "linked"}),
    complaints=[complaint("z1"), complaint()],
)
case(
    "complaint_rate",
    TEN,
    (400.0, {}),
    (300.0, {"what": "linked"}),
    complaints=[complaint("z1"), complaint(), complaint("z1"), complaint("z5")],
)
case(
    "complaint_rate",
    TEN,
    (500.0, {}),  # two about z1 in four
    where={"queue": "Q"},
    complaints=[complaint("z1"), complaint(), complaint("z1"), complaint("z5")],
)
case("complaint_rate", [call("phantom", at(2)), *QUIET_END], (None, {}), complaints=[complaint()])

LEFT = [
    contract("A", "2025-01-01", at(10), end_reason="voluntary"),
    contract("B", "2025-01-01", at(10), end_reason="involuntary"),
    contract("C", "2025-01-01", at(10), end_reason=None),  # unknown why
    contract("E", "2025-01-01", at(10), end_reason="voluntary"),  # not served
    contract("G", "2025-01-01", at(21), end_reason="voluntary"),  # 15 days after
    contract("I", "2025-01-01", at(3), end_reason="voluntary"),  # before
    contract("H", "2025-01-01", at(26), end_reason="voluntary"),  # pending
]
MET = [
    *visits("A", 2, 9),  # counts once, on the 2nd
    *visits("B", 3),
    *visits("C", 4),
    *visits("E", 4, outcome="abandoned"),
    *visits("F", 5),
    *visits("G", 6),
    *visits("H", 25),
    *visits("I", 5),
]
case(
    "disloyalty_rate",
    MET + QUIET_END,
    (100 * 2 / 6, {"horizon_d": 14}),  # A, C of A, B, C, F, G, I
    (100 * 3 / 6, {"horizon_d": 15}),  # G
    (None, {}),  # nobody can be judged after 90 days
    subscriptions=LEFT,
)
case(
    "disloyalty_rate",
    MET + QUIET_END,
    (100 * 3 / 6, {"horizon_d": 14}),
    subscriptions=[*LEFT, contract("F", "2025-01-01", at(12), end_reason="voluntary")],
)
# F changed the plan: the contract goes on.
case(
    "disloyalty_rate",
    MET + QUIET_END,
    (100 * 2 / 6, {"horizon_d": 14}),
    subscriptions=[
        *LEFT,
        contract("F", "2025-01-01", at(12), subscription_id="F", end_reason=None),
        contract("F", at(12), None, subscription_id="F", end_reason=None),
    ],
)
SCORES = [
    asked(None, 10, "relationship", customer="A", nps=6),
    asked(None, 10, "relationship", customer="B", nps=7),
    asked(None, 10, "relationship", customer="C", nps=None),
    asked(None, 10, "relationship", customer="E", nps=0),  # not served
    asked(None, 10, "transactional", customer="F", nps=0),
    asked(None, 20, "relationship", customer="G", nps=0),  # served 14 days before
    asked(None, 10, "relationship", customer="F", nps=0, answered=False),
]
case(
    "disloyalty_rate",
    MET + QUIET_END,
    (100 * 2 / 3, {"by": "intent"}),  # A, G of A, B, G
    (100 * 2 / 3, {"by": "intent", "horizon_d": 14}),
    (50.0, {"by": "intent", "horizon_d": 13}),
    surveys=SCORES,
    subscriptions=LEFT,
)

# --- efficiency/automation, customer/digital -----------------------------------------------------

DONE = [session(f"S{i}", 2) for i in range(4)]
VISITS = [
    *DONE,
    *(session(f"S{i}", 3, "abandoned") for i in (4, 5)),
    session("S6", 3, "escalated", handoff_contact_id="x1"),
    session(None, 3, "failed"),
]
case(
    "self_service_automation_rate",
    [*calls(6, at=at(2), talk=9), call("phantom", at(2)), call(at=at(2), direction="outbound")],
    (40.0, {}),  # 4 / (4 + 6)
    (50.0, {"include": "contained_and_abandoned"}),  # 6 / 12
    self_service_sessions=VISITS,
)
case(
    "self_service_automation_rate",
    calls(7, at=at(2), talk=9),
    (100 * 5 / 12, {}),
    self_service_sessions=[*VISITS, session("S9", 4)],
)
case(
    "self_service_automation_rate",
    [call("phantom", at(2)), *QUIET_END],
    (None, {}),
    self_service_sessions=VISITS[-1:],
)

# Hang-ups count as contained under the naive rule [VOXGEN].
case(
    "containment_rate",
    None,
    (50.0, {}),  # 4 of 8
    (87.5, {"rule": "naive"}),  # all but the one handed over
    self_service_sessions=VISITS,
)
case(
    "containment_rate",
    None,
    (100 * 4 / 9, {}),
    (100 * 7 / 9, {"rule": "naive"}),
    self_service_sessions=[*VISITS, session("S9", 4, "escalated", handoff_contact_id="x2")],
)
case(
    "containment_rate",
    None,
    (None, {}),
    (None, {"rule": "naive"}),
    span=("2026-03-10", "2026-03-12"),
    self_service_sessions=[
        session("S1", 2),
        session("S2", 30, "escalated", handoff_contact_id="x1"),
    ],
)

# 24 h is the window of Dialogflow CX [DFCX].
BOTS = [
    session("A", 2, ended="12:10:00"),
    session("B", 2, ended="12:10:00"),
    session("C", 2, ended="12:10:00"),
    session("C", 2, clock="14:00:00", ended="14:10:00"),
    session("D", 2, "escalated", ended="12:10:00"),
    session("E", 31, clock="11:00:00", ended="12:00:00"),  # pending, unless 12 h are enough
]
BACK = [
    call(at=at(3, "12:10:00"), customer_id="A", talk=9),  # exactly 24 h later
    call(at=at(3, "12:10:01"), customer_id="B", talk=9),
    call(at=at(2, "15:00:00"), customer_id="C", direction="outbound", talk=9),
    call("phantom", at(2, "15:00:00"), customer_id="C"),
]
case(
    "contained_no_callback_rate",
    BACK + QUIET_END,
    (100 * 2 / 5, {}),  # B, C's second
    (100 * 3 / 5, {"any_channel": False}),  # C's first
    (100 * 1 / 5, {"window_h": 48}),  # C's second
    (100 * 5 / 6, {"window_h": 1}),  # all but D; the window of E is over with the last day
    (100 * 4 / 6, {"window_h": 12}),  # exactly: A, B, C's second, E
    (100 * 3 / 5, {"window_h": 12.5}),  # E is pending
    span=MONTH,
    self_service_sessions=BOTS,
)
case(
    "contained_no_callback_rate",
    [*BACK, call(at=at(2, "20:00:00"), customer_id="C", talk=9), *QUIET_END],
    (100 * 1 / 5, {}),
    (100 * 1 / 5, {"any_channel": False}),
    span=MONTH,
    self_service_sessions=BOTS,
)
case(
    "contained_no_callback_rate",
    BACK + QUIET_END,
    (None, {}),
    span=MONTH,
    self_service_sessions=BOTS[-1:],
)

case("deflection_rate", None, (80.0, {}), self_service_sessions=VISITS)  # 4 / (4 + 1)
case(
    "deflection_rate",
    None,
    (100 * 4 / 6, {}),
    self_service_sessions=[*VISITS, session("S9", 4, "escalated", handoff_contact_id="x2")],
)
case(
    "deflection_rate",
    None,
    (100 * 5 / 6, {}),  # handed over after all, one need: 5 / (5 + 1)
    self_service_sessions=[*VISITS, session("S9", 4, handoff_contact_id="x2")],
)
case(
    "deflection_rate",
    None,
    (None, {}),  # given up; the one handed over is of a later day
    span=("2026-03-02", "2026-03-10"),
    self_service_sessions=[*VISITS[4:6], session("S9", 20, "escalated", handoff_contact_id="x2")],
)


def step(session_id, clock="12:00:00", day=2, customer=None, **known):
    row = {"session_id": session_id, "customer_id": customer, "at": at(day, clock)}
    return row | {"error_code": None, "outcome": "done"} | known


STEPS = [
    step("d1"),
    step("d1", "12:01:00"),
    step("d2", customer="A", error_code="timeout"),
    step("d2", "12:01:00", customer="A"),
    step("d3", outcome="error"),
    step("d4", customer="B"),
    step(None),  # a session of its own
]
UNFINISHED = [
    session("B", 2, "failed", session_id="d4"),
    session("A", 2, "contained", session_id="d2"),
    session("A", 2, "abandoned", session_id="without steps"),
]
AFTER = [
    call(at=at(3, "13:00:00"), customer_id="B", talk=9),  # 25 h later
    call(at=at(2, "15:00:00"), customer_id="A", talk=9),
    *QUIET_END,
]
case(
    "digital_failure_rate",
    AFTER,
    (40.0, {}),  # d2, d3 of five
    (60.0, {"variant": "task"}),  # d4
    (50.0, {"variant": "leak"}),  # d2 of d2 and d4, whose customers are known
    (100.0, {"variant": "leak", "window_h": 25}),  # d4 too
    digital_events=STEPS,
    self_service_sessions=UNFINISHED,
)
case(
    "digital_failure_rate",
    AFTER,
    (50.0, {}),
    (100 * 4 / 6, {"variant": "task"}),
    (50.0, {"variant": "leak"}),  # d5 is pending
    (200 / 3, {"variant": "leak", "window_h": 3}),  # d5 is not: d2, d5 of d2, d4, d5
    span=MONTH,
    digital_events=[*STEPS, step("d5", "11:00:00", 31, "Z", error_code="timeout")],
    self_service_sessions=UNFINISHED,
)
# The first customer whom a step names is the session's, else the one of its visit: d6 is A's and
# d7 is B's. A calls after 3 h, B and D do not within the day.
case(
    "digital_failure_rate",
    AFTER,
    (50.0, {"variant": "leak"}),
    (100.0, {"variant": "leak", "window_h": 25}),
    digital_events=[
        step("d6", "11:58:00"),
        step("d6", "11:59:00", customer="A", error_code="timeout"),
        step("d6", customer="D"),
        step("d7", error_code="timeout"),
    ],
    self_service_sessions=[session("C", 2, session_id="d6"), session("B", 2, session_id="d7")],
)
case(
    "digital_failure_rate",
    AFTER,
    (None, {}),
    span=("2026-03-10", "2026-03-12"),
    digital_events=[*STEPS, step("d9", day=20)],
    self_service_sessions=UNFINISHED,
)

# --- the two that are asked ----------------------------------------------------------------------

_opened = {}


def opened(frames):
    """One workspace for the conventions of a case."""
    from contact_kpis import open_workspace
    from contact_kpis.settings import Settings

    if id(frames) not in _opened:
        ws = open_workspace(frames, settings=Settings(zone="UTC", week_start="monday"))
        held = {name: ws.opened.backend.execute(found) for name, found in ws.tables.items()}
        _opened[id(frames)] = ws, held
    return _opened[id(frames)]


ARGUMENTS = ("kpi", "frames", "span", "where", "conventions", "expected")
ASKS = [pytest.param(kpi, *rest, id=label) for kpi, label, *rest in CASES]


@pytest.mark.parametrize(ARGUMENTS, ASKS)
def test_naive(kpi, frames, span, where, conventions, expected):
    "The case is what the words say."
    found = ORACLES[kpi](opened(frames)[1], *span, where, **conventions)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-12))


@pytest.mark.parametrize(ARGUMENTS, ASKS)
def test_library(kpi, frames, span, where, conventions, expected):
    "The library says the same through its front door."
    asked = {"since": span[0], "until": span[1]} | ({"where": where} if where else {})
    frame = opened(frames)[0].kpis([metric(kpi, **conventions)], **asked).frame
    assert len(frame) == 1
    value = frame.iloc[0]["value"]
    if expected is None:
        assert is_null(value)
    else:
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_every_kpi_has_a_case_without_a_denominator_or_a_zero():
    counts = {"inbound_calls_handled"}
    for kpi in ORACLES:
        mine = [expected for name, *_, expected in CASES if name == kpi]
        assert len(mine) >= 3 and (None in mine or kpi in counts), kpi


def test_an_unknown_convention_is_refused():
    for kpi, oracle in ORACLES.items():
        frames, span = next((c[2], c[3]) for c in CASES if c[0] == kpi)
        with pytest.raises(TypeError):
            oracle(opened(frames)[1], *span, no_such_thing=1)
