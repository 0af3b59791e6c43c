"""Workforce, staff, answers and quality by hand: few rows, the sum beside them.

Every case is asked twice: of the oracle (tests/oracle_people.py) and through the public door. The
frames hold two contacts that hung up in the menu, so that the first and the last day are covered;
such a contact is in no KPI of these families. Days are those of UTC, the 2nd of March is a Monday.
"""

from dataclasses import dataclass, field
from datetime import date
from itertools import count
from math import sqrt

import pandas as pd
import pytest

from contact_kpis import Settings, open_workspace
from tests.builders import call, calls, contacts, is_null, metric
from tests.oracle_people import ORACLES

DAY, NEXT = "2026-03-02", "2026-03-03"
_numbers = count(1)


# --- rows ----------------------------------------------------------------------------------------


def at(moment, day=DAY):
    return pd.Timestamp(f"{day} {moment}")


def state(status, start, end, agent="a1", day=DAY, **known):
    row = {"agent_id": agent, "routing_status": status, "productive": None}
    return row | {"started_at": at(start, day), "ended_at": at(end, day)} | known


def planned(activity, start, end, agent="a1", day=DAY, **known):
    works = activity == "on_queue"
    return {
        "agent_id": agent,
        "started_at": at(start, day),
        "ended_at": at(end, day),
        "activity": activity,
        "productive": works,
        "paid": activity != "lunch",
        "counts_for_adherence": True,
        "version": "final",
    } | known


def agent(name, hired="2025-01-01", left=None, **known):
    row = {"agent_id": name, "valid_from": at("00:00", "2025-01-01"), "team": None, "site": None}
    days = {"hired_on": pd.Timestamp(hired), "left_on": pd.Timestamp(left) if left else pd.NaT}
    return row | {"leave_reason": None} | days | known


def forecast(queue, moment, volume=None, required=None, scheduled=None, version="day_ahead"):
    return {
        "queue_id": queue,
        "interval_start_at": at(moment),
        "version": version,
        "volume": volume,
        "required_staff": required,
        "scheduled_staff": scheduled,
    }


def absence(kind, hours, day=DAY, name="a1", **known):
    row = {"absence_id": f"ab{next(_numbers)}", "agent_id": name, "started_at": at("08:00", day)}
    return row | {"hours": float(hours), "type": kind, "approved": True, "planned": True} | known


def survey(kind="transactional", day=DAY, **known):
    "An answered survey, invited and answered at noon."
    number = next(_numbers)
    return {
        "survey_id": f"s{number}",
        "contact_id": None,
        "customer_id": f"k{number}",
        "kind": kind,
        "invited_at": at("12:00", day),
        "answered_at": at("12:00", day),
        "delivered": True,
        "fcr_item": None,
        "ces_version": None,
        "csat": None,
        "scale_max": None,
        "nps": None,
        "ces": None,
    } | known


def surveys(n, **known):
    return [survey(**known) for _ in range(n)]


def asked(name, question, value):
    return {"survey_id": name, "item": question, "value": float(value)}


def emotion(valence, variant, **known):
    return {
        "emotion_id": f"e{next(_numbers)}",
        "contact_id": None,
        "survey_id": None,
        "speaker": "customer",
        "variant": variant,
        "cluster": None,
        "source": "survey",
        "emotion": "any",
        "intensity": None,
        "valence": valence,
    } | known


def evaluation(name, score=None, rule="random", **known):
    return {
        "evaluation_id": name,
        "contact_id": None,
        "agent_id": "a1",
        "evaluator": "ev1",
        "sample_rule": rule,
        "calibration_id": None,
        "score": score,
        "auto_fail": False,
        "released_at": at("12:00"),
    } | known


def item(name, points, weight=1, of=10, **known):
    return {
        "item_id": f"i{next(_numbers)}",
        "evaluation_id": name,
        "competency_id": "other",
        "weight": float(weight),
        "points": float(points),
        "max_points": float(of),
        "critical": False,
        "not_applicable": False,
    } | known


NUMBERS = {
    "csat", "scale_max", "nps", "ces", "intensity", "score", "volume", "required_staff",
    "scheduled_staff",
}  # fmt: skip


def typed(rows):
    "A frame whose times are times and whose numbers are numbers, also where all are missing."
    frame = pd.DataFrame(rows)
    for column in frame:
        if column.endswith("_at") or column in ("valid_from", "valid_to"):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
        elif column in NUMBERS:
            frame[column] = frame[column].astype("float64")
    return frame


# --- cases ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    "What a KPI gives on a few rows."

    name: str
    kpi: str
    rows: dict
    expected: float | None
    conventions: dict = field(default_factory=dict)
    where: dict | None = None
    since: str = DAY
    until: str = DAY


def frames(case):
    rest = {name: typed(rows) for name, rows in case.rows.items() if name != "contacts"}
    edges = [call("left_ivr", f"{day} 23:00:00") for day in (case.since, case.until)]
    return {"contacts": contacts([*case.rows.get("contacts", []), *edges])} | rest


def opened(case):
    return open_workspace(frames(case), settings=Settings(zone="UTC"))


CASES = []


def case(name, kpi, rows, expected, where=None, since=DAY, until=DAY, **conventions):
    CASES.append(Case(f"{kpi}: {name}", kpi, rows, expected, conventions, where, since, until))


# Golden day (1.3.5): paid 8 h; 5 h handling, 1 h idle, 1 h off the phone, .5 h break, .5 h late.
DAY_STATES = [
    state("interacting", "08:30", "13:30"),
    state("idle", "13:30", "14:30"),
    state("off_queue", "14:30", "15:30", productive=True),
    state("off_queue", "15:30", "16:00", productive=False),
]
DAY_PLAN = [planned("on_queue", "08:00", "15:30"), planned("break", "15:30", "16:00")]
GOLDEN = {"agent_states": DAY_STATES, "schedules": DAY_PLAN}
TOMORROW = [state("idle", "08:00", "12:00", day=NEXT)]

# 5 / (5 + 1) [WFML, AWS]; (5 + 1 + .5) / 7.5 [ICMI-OCC]
case("golden day", "occupancy", GOLDEN, 100 * 5 / 6)
case("golden day of ICMI", "occupancy", GOLDEN, 100 * 6.5 / 7.5, convention="icmi")
# an hour without an answer to the ring: 5 / (5 + 1 + 1), and 7.5 / 8.5 that is not idle
RINGING = {"agent_states": [*DAY_STATES, state("not_responding", "16:00", "17:00")]}
case("rings unanswered are no idle time", "occupancy", RINGING, 100 * 5 / 6)
case("rings unanswered, COPC", "occupancy", RINGING, 100 * 5 / 7, convention="copc")
case("rings unanswered, ICMI", "occupancy", RINGING, 100 * 7.5 / 8.5, convention="icmi")
case("the next day", "occupancy", {"agent_states": DAY_STATES + TOMORROW}, 100 * 5 / 6)
case("breaks only", "occupancy", {"agent_states": DAY_STATES[3:]}, None)
TEAMS = {
    "agent_states": [*DAY_STATES, state("idle", "08:00", "12:00", agent="a2")],
    "agents": [agent("a1", team="red"), agent("a2", team="blue")],
}
case("a team", "occupancy", TEAMS, 100 * 5 / 6, where={"team": "red"})
case("two teams", "occupancy", TEAMS, 100 * 5 / 10)

# (5 + 1) / 8 both times, equal by chance [CCH-INJ, ASSEM]; (5 + 1) / 7.5 logged
case("golden day", "utilization", GOLDEN, 75.0)
case("golden day, available", "utilization", GOLDEN, 75.0, convention="available_paid")
case("golden day, ICMI", "utilization", GOLDEN, 80.0, convention="icmi")
# four contacts of 20 + 5 + 5 minutes: 2 h of 8; a call without an answer adds nothing
DESK = calls(4, talk=1200, hold=300, wrap=300, agent_id="a1") + calls(1, "abandoned", wait=9)
case("contacts x AHT", "utilization", GOLDEN | {"contacts": DESK}, 25.0, convention="service_desk")
# the plan of 8 h was published as one of 4 h: 6 / 4
BOTH_PLANS = GOLDEN | {
    "schedules": [*DAY_PLAN, planned("on_queue", "08:00", "12:00", version="published")]
}
case("the final plan", "utilization", BOTH_PLANS, 75.0)
case("the plan first published", "utilization", BOTH_PLANS, 150.0, version="published")
UNPAID = GOLDEN | {"schedules": [planned("lunch", "12:00", "12:30")]}
case("nothing paid", "utilization", UNPAID, None)
# longer talk, 5.5 h of handling and 1 h of other work: 6.5 / 8
LONGER = [state("interacting", "08:00", "13:30"), *DAY_STATES[1:]]
case("half an hour more", "utilization", GOLDEN | {"agent_states": LONGER}, 81.25)

# paid 6 + 1 + 1 h of which 6 on queue; .5 h of lunch unpaid; 5 h were worked
SHRUNK = {
    "schedules": [
        planned("on_queue", "08:00", "14:00"),
        planned("break", "14:00", "15:00"),
        planned("training", "15:00", "16:00"),
        planned("lunch", "16:00", "16:30"),
        planned("on_queue", "08:00", "12:00", day=NEXT),
        planned("on_queue", "08:00", "10:00", version="published"),
    ],
    "agent_states": [
        state("interacting", "08:00", "11:00"),
        state("idle", "11:00", "12:30"),
        state("not_responding", "12:30", "13:00"),
        state("off_queue", "13:00", "16:00"),
    ],
}
case("2 of 8 paid hours", "shrinkage", SHRUNK, 25.0)
case("2.5 of 8.5 h", "shrinkage", SHRUNK, 100 * 2.5 / 8.5, base="scheduled")
case("3 of 8 h", "shrinkage", SHRUNK, 37.5, kind="actual")
case("3.5 of 8.5 h", "shrinkage", SHRUNK, 100 * 3.5 / 8.5, base="scheduled", kind="actual")
case("all of it on queue", "shrinkage", SHRUNK, 0.0, version="published")
case("nothing paid", "shrinkage", UNPAID, None)

# Genesys' example (1.3.6): 70 minutes planned, begun 10 late, 10 made up afterwards.
LATE = {
    "schedules": [planned("on_queue", "10:00", "11:10")],
    "agent_states": [state("idle", "10:10", "11:20")],
}
case("late, Amazon", "adherence", LATE, 100 * 60 / 70)
case("late and made up", "adherence", LATE, 100 * (1 - 20 / 70), convention="genesys")
case(
    "late, what is outside left out",
    "adherence",
    LATE,
    100 * (1 - 10 / 70),
    convention="genesys",
    count_work_outside_shift=False,
)
case("ten minutes are not shorter than ten", "adherence", LATE, 100 * 60 / 70, grace_s=600)
case("ten minutes are shorter than eleven", "adherence", LATE, 100.0, grace_s=660)
case("grace inside only", "adherence", LATE, 600 / 7, convention="genesys", grace_s=660)
# break of 30 minutes begun 15 late: 120 + 15 of 150; the lunch does not count
BREAK = {
    "schedules": [
        planned("on_queue", "10:00", "12:00"),
        planned("break", "12:00", "12:30"),
        planned("lunch", "12:30", "13:00", counts_for_adherence=False),
        planned("on_queue", "10:00", "11:00", version="published"),
    ],
    "agent_states": [state("idle", "10:00", "12:15"), state("off_queue", "12:15", "12:30")],
}
case("a break begun late", "adherence", BREAK, 90.0)
# the hour published was kept, the 75 minutes after it are work outside the shift: max(0, 1 - 75/60)
case("by the plan published", "adherence", BREAK, 100.0, version="published")
case(
    "outside the plan published", "adherence", BREAK, 0.0, version="published", convention="genesys"
)
# a1 misses its hour and works three others (0, not below), a2 keeps its hour: 60 of 120
OUTSIDE = {
    "schedules": [planned("on_queue", "10:00", "11:00", agent=name) for name in ("a1", "a2")],
    "agent_states": [
        state("idle", "12:00", "15:00"),
        state("idle", "10:00", "11:00", agent="a2"),
    ],
}
case("an agent's day is never below 0", "adherence", OUTSIDE, 50.0, convention="genesys")
NOT_COUNTED = LATE | {
    "schedules": [planned("on_queue", "10:00", "11:10", counts_for_adherence=False)]
}
case("nothing counted", "adherence", NOT_COUNTED, None)

case("late and made up", "conformance", LATE, 100.0)
# a1 120 of 60 minutes, a2 30 of 60
UNEVEN = {
    "schedules": OUTSIDE["schedules"],
    "agent_states": [
        state("idle", "10:00", "12:00"),
        state("off_queue", "12:00", "13:00"),
        state("interacting", "10:00", "10:30", agent="a2"),
    ],
}
case("150 of 120 minutes", "conformance", UNEVEN, 125.0)
case("60 + 30 of 120 minutes", "conformance", UNEVEN, 75.0, cap_at_100=True)
case("135 of 60 minutes", "conformance", BREAK, 225.0, version="published")
case("nobody was to be on queue", "conformance", UNPAID, None)

# actual Q 8 and 8, R 4; what came at 11:00 was not forecast, an outgoing call did not come
CAME = [
    *calls(8, at=f"{DAY} 10:00:00", wait=1),
    *calls(8, at=f"{DAY} 10:30:00", wait=1),
    *calls(4, at=f"{DAY} 10:00:00", wait=1, queue_id="R"),
    *calls(5, at=f"{DAY} 11:00:00", wait=1),
    *calls(3, at=f"{DAY} 10:05:00", talk=9, direction="outbound"),
]
FORECAST = {
    "contacts": CAME,
    "forecasts": [
        forecast("Q", "10:00", 10),
        forecast("Q", "10:30", 4),
        forecast("R", "10:00", 5),
        forecast("Q", "10:00", 20, version="week_ahead"),
    ],
}
case("(2 + 4 + 1) / 20", "forecast_error", FORECAST, 35.0)
case("(19 - 20) / 20", "forecast_error", FORECAST, -5.0, measure="bias")
case("a day: (2 + 1) / 20", "forecast_error", FORECAST, 15.0, grain="day")
case("a week ahead: 12 / 8", "forecast_error", FORECAST, 150.0, lead="week_ahead")
case("a queue: 1 / 4", "forecast_error", FORECAST, 25.0, where={"queue": "R"})
case("nobody came", "forecast_error", FORECAST | {"contacts": []}, None)

# Q 4 of 5 and 3 of 5 in time, R 1 of 1; a half-hour in which all flowed out is none
INTERVALS = [
    *calls(4, at=f"{DAY} 10:00:00", wait=20),
    *calls(1, at=f"{DAY} 10:01:00", wait=21),
    *calls(3, at=f"{DAY} 10:30:00", wait=5),
    *calls(2, "abandoned", at=f"{DAY} 10:31:00", wait=5),
    *calls(1, at=f"{DAY} 10:00:00", wait=5, queue_id="R"),
    *calls(2, "flowed_out", at=f"{DAY} 11:00:00", wait=50),
]
QUEUES = [
    {"queue_id": queue, "valid_from": at("00:00", "2025-01-01"), "sl_threshold_ms": threshold,
     "sl_target": target}
    for queue, threshold, target in (("Q", 20_000, 0.9), ("R", 20_000, 0.8))
]  # fmt: skip
case("2 of 3", "interval_target_share", {"contacts": INTERVALS}, 100 * 2 / 3)
case("0.6 is reached", "interval_target_share", {"contacts": INTERVALS}, 100.0, target=0.6)
OF_QUEUES = {"contacts": INTERVALS, "queues": QUEUES}
case("each queue's own", "interval_target_share", OF_QUEUES, 100 / 3, target="queue")
# 21 s are in time where the queue allows 30: 5 of 5 reach 0.9
SLOW = OF_QUEUES | {"queues": [QUEUES[0] | {"sl_threshold_ms": 30_000}, QUEUES[1]]}
case("each queue's own threshold", "interval_target_share", SLOW, 100 * 2 / 3, target="queue")
# 11 of 20 are 0.55 exactly
EXACT = {
    "contacts": calls(11, at=f"{DAY} 10:00:00", wait=5) + calls(9, at=f"{DAY} 10:00:00", wait=50)
}
case("11 of 20 are 0.55", "interval_target_share", EXACT, 100.0, target=0.55)
case("11 of 20 are not 0.56", "interval_target_share", EXACT, 0.0, target=0.56)
case("only flow-outs", "interval_target_share", {"contacts": INTERVALS[-2:]}, None)

STAFF = {
    "forecasts": [
        forecast("Q", "10:00", required=5, scheduled=3),
        forecast("Q", "10:30", required=2, scheduled=5),
        forecast("Q", "11:00", required=3, scheduled=3),
        forecast("Q", "10:00", required=10, scheduled=4, version="week_ahead"),
    ]
}
case("2 people for half an hour", "staffing_gap_hours", STAFF, 1.0)
case("3 people too many", "staffing_gap_hours", STAFF, 1.5, side="over")
case("1 - 1.5", "staffing_gap_hours", STAFF, -0.5, side="net")
case("6 people, a week ahead", "staffing_gap_hours", STAFF, 3.0, lead="week_ahead")

# planned 8 h, 6.5 h logged in; 8 + 16 + 4 h absent; the next day is another
LOST = {
    "absences": [
        absence("sick", 8, planned=False),
        absence("leave", 16),
        absence("training", 4),
        absence("sick", 8, day=NEXT),
    ],
    "schedules": [planned("on_queue", "08:00", "16:00"), planned("lunch", "16:00", "16:30")],
    "agent_states": [state("idle", "09:00", "15:30")],
}
case("8 + 16 + 4", "lost_service_hours", LOST, 28.0)
case("8 + 4", "lost_service_hours", LOST, 12.0, include_leave=False)
case("8", "lost_service_hours", LOST, 8.0, cause="sick")
case("8 - 6.5", "lost_service_hours", LOST, 1.5, basis="states")
case("nobody was away", "lost_service_hours", LOST | {"absences": LOST["absences"][3:]}, 0.0)

# 2 agents x 8 h x 5 days = 80 paid hours; 2 h not approved, 6 h sick
AWAY = {
    "absences": [
        absence("unauthorised", 2, approved=False, planned=False),
        absence("sick", 6, planned=False),
        absence("sick", 3, planned=True),
        absence("leave", 8),
    ],
    "schedules": [
        planned("on_queue", "08:00", "16:00", agent=name, day=f"2026-03-0{day}")
        for name in ("a1", "a2")
        for day in range(2, 7)
    ],
}
case("2 of 80 h", "unplanned_absence_rate", AWAY, 2.5, until="2026-03-06")
case("8 of 80 h", "unplanned_absence_rate", AWAY, 10.0, until="2026-03-06", count_sick=True)
case(
    "no plan",
    "unplanned_absence_rate",
    AWAY | {"schedules": [planned("lunch", "12:00", "12:30")]},
    None,
)

# 90 at the beginning of March, 5 leave on the 16th, 25 come on the 10th: 110 at its end
REASONS = ("dismissed", "dismissed", "retirement", "new job", "new job")
CROWD = {
    "agents": [
        *(agent(f"l{i}", left="2026-03-16", leave_reason=why) for i, why in enumerate(REASONS[:4])),
        agent("l4", hired="2026-01-01", left="2026-03-16", leave_reason=REASONS[4]),
        *(agent(f"s{i}") for i in range(84)),
        agent("later", left="2026-04-01"),
        *(agent(f"n{i}", hired="2026-03-10") for i in range(25)),
    ]
}
MARCH = {"since": "2026-03-01", "until": "2026-03-31"}
# 5 / ((90 + 110) / 2) [CCH-ATT, TRG]; 5 / 90 [APQC]; a year has 365 / 31 such months
case("average", "agent_attrition", CROWD, 5.0, annualise="none", **MARCH)
case(
    "opening",
    "agent_attrition",
    CROWD,
    100 * 5 / 90,
    annualise="none",
    denominator="opening",
    **MARCH,
)
case("a year", "agent_attrition", CROWD, 5.0 * 365 / 31, **MARCH)
# 9 days of 90, 7 of 115 (the last day is one of work), 15 of 110
DAILY = (9 * 90 + 7 * 115 + 15 * 110) / 31
case(
    "daily",
    "agent_attrition",
    CROWD,
    100 * 5 / DAILY,
    annualise="none",
    denominator="daily",
    **MARCH,
)
case("who chose to", "agent_attrition", CROWD, 2.0, annualise="none", kind="voluntary", **MARCH)
case("after 74 days", "agent_attrition", CROWD, 1.0, annualise="none", kind="early", **MARCH)
FUTURE = {"agents": [agent("n", hired="2026-05-01")]}
case("nobody is there", "agent_attrition", FUTURE, None, **MARCH)

# 31 days of 100 and of 10; ten of them; one leaver
PRICE = {
    "agents": [agent("a1"), agent("a2", left="2026-03-05")],
    "costs": [
        {
            "period_start_on": pd.Timestamp("2026-03-01"),
            "period_end_on": pd.Timestamp("2026-03-31"),
            "cost_centre": "north",
            "kind": kind,
            "amount": amount,
        }
        for kind, amount in (("recruiting", 3100.0), ("training", 310.0), ("salary", 99_999.0))
    ],
}
TEN = {"since": "2026-03-01", "until": "2026-03-10"}
case("1000 + 100", "attrition_cost", PRICE, 1100.0, **TEN)
case("1000 + 100 + 500", "attrition_cost", PRICE, 1600.0, ramp_cost=500, **TEN)

# three in March, one in April; two agents for 31 days are 62 / 182.6 half-years
PASSED = {
    "agents": [agent("a1"), agent("a2")],
    "certifications": [
        {"agent_id": name, "name": what, "passed_at": at("10:00", day)}
        for name, what, day in (
            ("a1", "x", "2026-03-01"),
            ("a1", "y", "2026-03-31"),
            ("a2", "x", "2026-03-15"),
            ("a2", "y", "2026-04-01"),
        )
    ],
}
case("3", "certification_attainment", PASSED, 3.0, **MARCH)
case(
    "3 in 62 days of two",
    "certification_attainment",
    PASSED,
    3 / (62 / 182.6),
    per="per_agent_half_year",
    **MARCH,
)
case("none on the 2nd", "certification_attainment", PASSED, 0.0)
case("one's own", "certification_attainment", PASSED, 1.0, where={"agent": "a2"}, **MARCH)

# recommend 10 9 9 8 6 3: (3 - 2) / 6; mood 4 4 5 3 4 4, tools 1 2 1 2 1 2; four of the six are red;
# in autumn five recommend by 0
SHEETS = [
    ("red", 10, 4, 1), ("red", 9, 4, 2), ("red", 9, 5, 1), ("red", 8, 3, 2), ("blue", 6, 4, 1),
    ("blue", 3, 4, 2),
]  # fmt: skip
MORALE = {
    "employee_surveys": [
        {
            "response_id": f"r{i}",
            "team": team,
            "wave": "spring",
            "item": name,
            "value": float(value),
        }
        for i, (team, *values) in enumerate(SHEETS)
        for name, value in zip(("recommend", "mood", "tools"), values, strict=True)
    ]
}
AUTUMN = [
    {"response_id": f"u{i}", "team": "red", "wave": "autumn", "item": "recommend", "value": 0.0}
    for i in range(5)
]
WAVES = {"employee_surveys": MORALE["employee_surveys"] + AUTUMN}
case("(3 - 2) / 6", "agent_engagement", MORALE, 100 / 6)
case("24 / 6", "agent_engagement", MORALE, 4.0, stat="mean", item="mood")
# all questions but the one on recommending, which has a scale of its own
case("(24 + 9) / 12", "agent_engagement", MORALE, 2.75, stat="mean")
case("(3 - 7) / 11", "agent_engagement", WAVES, -400 / 11)
case("the wave of spring", "agent_engagement", WAVES, 100 / 6, wave="spring")
case("four are too few", "agent_engagement", MORALE, None, where={"team": "red"})
case("four are enough", "agent_engagement", MORALE, 75.0, where={"team": "red"}, min_answers=4)

# 6 h by one hired a year ago, 2 h by one hired 28 days ago; who is unknown is in neither side
TENURE = {
    "agents": [agent("a1", hired="2025-03-02"), agent("a2", hired="2026-02-02")],
    "agent_states": [
        state("idle", "08:00", "14:00"),
        state("interacting", "08:00", "10:00", agent="a2"),
        state("idle", "08:00", "12:00", agent="unknown"),
    ],
}
case("(6 x 365 + 2 x 28) / 8", "tenure_mix", TENURE, (6 * 365 + 2 * 28) / 8 / 30.4375)
case("one", "tenure_mix", TENURE, 28 / 30.4375, where={"agent": "a2"})
case("nobody known", "tenure_mix", TENURE | {"agent_states": TENURE["agent_states"][2:]}, None)

# Pisano (1.3.8): 10 very good, 4 good, 2 bad on a scale of 5
PISANO = [
    *surveys(10, csat=5, scale_max=5),
    *surveys(4, csat=4, scale_max=5),
    *surveys(2, csat=2),  # a scale that is not named ends at 5
]
OTHERS = [
    survey("relationship", csat=1, scale_max=5),
    survey(csat=1, scale_max=5, answered_at=pd.NaT),
    survey(csat=1, scale_max=5, day=NEXT),
]
ANSWERS = {"surveys": PISANO + OTHERS}
case("14 of 16", "csat_t2b", ANSWERS, 87.5)
case("10 of 16", "csat_t2b", ANSWERS, 62.5, boxes=1)
case("the next day", "csat_t2b", ANSWERS, 0.0, since=NEXT, until=NEXT)
case("nobody answered", "csat_t2b", {"surveys": OTHERS[:2]}, None)
THUMBS = {"surveys": [*surveys(3, csat=1, scale_max=1), survey(csat=0, scale_max=1)]}
case("good of good and bad", "csat_t2b", THUMBS, 75.0)
# of two steps the lower one is not satisfied: 2 of 3
STEPS = {"surveys": [survey(csat=value, scale_max=2) for value in (1, 2, 2)]}
case("two steps", "csat_t2b", STEPS, 100 * 2 / 3)
case("thumbs have no middle", "csat_t2b", THUMBS, 75.0, neutral="drop")
MIDDLE = {"surveys": [survey(csat=value, scale_max=5) for value in (5, 4, 3, 1)]}
case("2 of 4", "csat_t2b", MIDDLE, 50.0)
case("2 of 3", "csat_t2b", MIDDLE, 100 * 2 / 3, neutral="drop")
# c1 was called bad, then very good; c2 was good once
AGAIN = {
    "contacts": [call(id="c1", at=f"{DAY} 09:00:00"), call(id="c2", at=f"{DAY} 09:00:00")],
    "surveys": [
        survey(contact_id="c1", csat=2, answered_at=at("12:00")),
        survey(contact_id="c1", csat=5, answered_at=at("13:00")),
        survey(contact_id="c2", csat=4, answered_at=at("12:30")),
    ],
}
case("2 of 3 answers", "csat_t2b", AGAIN, 100 * 2 / 3)
case("1 of 2 first ones", "csat_t2b", AGAIN, 50.0, which="first")
case("2 of 2 last ones", "csat_t2b", AGAIN, 100.0, which="last")
# called on the 2nd, answered on the 3rd
ANSWERED_LATER = {
    "contacts": [call(id="c1", at=f"{DAY} 09:00:00", queue_id="R")],
    "surveys": [
        survey(contact_id="c1", csat=5, answered_at=at("12:00", NEXT)),
        survey(csat=1, answered_at=at("12:00", DAY)),
    ],
}
case("the day of the answer", "csat_t2b", ANSWERED_LATER, 0.0)
case("the day of the contact", "csat_t2b", ANSWERED_LATER, 100.0, period="contact")
case("a queue", "csat_t2b", ANSWERED_LATER, 100.0, where={"queue": "R"}, until=NEXT)

case("70 / 16", "csat_mean", ANSWERS, 70 / 16)
case("(10 x 100 + 4 x 75 + 2 x 25) / 16", "csat_mean", ANSWERS, 84.375, rescale="linear")
case("the day of the contact", "csat_mean", ANSWERED_LATER, 5.0, period="contact")
case("nobody answered", "csat_mean", {"surveys": OTHERS[:2]}, None)

ITEMS = {
    "surveys": [survey(survey_id=name) for name in ("i1", "i2", "i3")]
    + [survey(survey_id="i4", answered_at=pd.NaT), survey("relationship", survey_id="i5")],
    "survey_items": [
        asked("i1", "satisfied", 5),
        asked("i2", "satisfied", 4),
        asked("i3", "satisfied", 3),
        asked("i4", "satisfied", 5),
        asked("i5", "satisfied", 5),
        asked("i1", "friendly", 1),
    ],
}
case("2 of 3", "csat_items", ITEMS, 100 * 2 / 3)
case("1 of 3", "csat_items", ITEMS, 100 / 3, top=5)
case("another question", "csat_items", ITEMS, 0.0, item="friendly")
case("a question nobody was asked", "csat_items", ITEMS, None, item="fast_enough")
# without the item a survey says it by its rating: i6 4 of 5, i7 8 of 10, i8 thumb up; i1 has both
RATINGS = {
    "surveys": [
        survey(survey_id="i1", csat=1, scale_max=5),
        survey(survey_id="i6", csat=4, scale_max=5),
        survey(survey_id="i7", csat=8, scale_max=10),
        survey(survey_id="i8", csat=1, scale_max=1),
        survey(survey_id="i9"),
        survey("relationship", csat=1, scale_max=5),
    ],
    "survey_items": ITEMS["survey_items"],
}
case("3 of 4 by item or rating", "csat_items", RATINGS, 75.0)
case("the top is of items", "csat_items", RATINGS, 75.0, top=5)
case("only satisfied is a rating", "csat_items", RATINGS, 0.0, item="friendly")
NO_ITEMS = {"surveys": RATINGS["surveys"]}
case("2 of 4 by rating", "csat_items", NO_ITEMS, 50.0)
case("nobody was asked anything else", "csat_items", NO_ITEMS, None, item="friendly")

# (100 + 0) / 2, 3 / 9, and a respondent without items who is wholly satisfied
INDEX = {
    "surveys": [
        survey("relationship", survey_id="r1"),
        survey("relationship", survey_id="r2"),
        survey("relationship", survey_id="r3", csat=5, scale_max=5),
        survey(survey_id="t1"),
    ],
    "survey_items": [
        asked("r1", "price", 10),
        asked("r1", "care", 1),
        asked("r2", "care", 4),
        asked("t1", "care", 10),
    ],
}
case("(50 + 33.3 + 100) / 3", "csi", INDEX, (50 + 100 / 3 + 100) / 3)
case("(45 + 30 + 100) / 3", "csi", INDEX, 175 / 3, scale_max=11)
case("nobody", "csi", INDEX | {"surveys": INDEX["surveys"][3:]}, None)

# 1.3.8: p = 1/2, d = 1/6, n = 300 [NPS-SE]
RECOMMEND = [
    *surveys(100, nps=9), *surveys(50, nps=10), *surveys(50, nps=8), *surveys(50, nps=7),
    *surveys(49, nps=6), *surveys(1, nps=0),
]  # fmt: skip
COMPANY = [survey("relationship", nps=value) for value in (10, 10, 8, 3)]
LOYAL = {"surveys": [*RECOMMEND, *COMPANY, survey(nps=0, answered_at=pd.NaT), survey()]}
case("150 less 50 of 300", "nps_transactional", LOYAL, 100 / 3)
case("2 less 1 of 4", "nps_relationship", LOYAL, 25.0)
case("nobody", "nps_transactional", {"surveys": COMPANY}, None)
case("nobody", "nps_relationship", {"surveys": RECOMMEND[:3]}, None)
# the company's survey went out on the 2nd and came back on the 3rd
MAILED = {"surveys": [survey("relationship", nps=10, answered_at=at("12:00", NEXT))]}
case("the day of the answer", "nps_relationship", MAILED, None)
case("the day of the invitation", "nps_relationship", MAILED, 100.0, period="contact")
RATED = {
    "contacts": ANSWERED_LATER["contacts"],
    "surveys": [survey(contact_id="c1", nps=2, answered_at=at("12:00", NEXT)), survey(nps=9)],
}
case("the day of the answer", "nps_transactional", RATED, 100.0)
case("the day of the contact", "nps_transactional", RATED, -100.0, period="contact")

EFFORT = {
    "surveys": [
        *(survey(ces=value, ces_version="v2") for value in (7, 5, 4, 2)),
        *(survey(ces=value, ces_version="v1") for value in (1, 2, 5)),
        survey(ces=7),  # of no known version
    ]
}
case("18 / 4", "ces", EFFORT, 4.5)
case("2 of 4", "ces", EFFORT, 50.0, stat="share")
case("8 / 3", "ces", EFFORT, 8 / 3, version="v1")
case("2 of 3", "ces", EFFORT, 100 * 2 / 3, version="v1", stat="share")
case("no such version", "ces", {"surveys": EFFORT["surveys"][:4]}, None, version="v1")

# 10 invited, 2 not delivered, 4 answered; of the company 1 of 3; one was never invited
SILENT = {"answered_at": pd.NaT}
INVITED = {
    "surveys": [
        *surveys(3),
        survey(delivered=None),
        *surveys(4, **SILENT),
        *surveys(2, delivered=False, **SILENT),
        survey("relationship"),
        *surveys(2, kind="relationship", **SILENT),
        survey(invited_at=pd.NaT, delivered=None, **SILENT),
    ]
}
case("4 of 8", "survey_response_rate", INVITED, 50.0)
case("4 of 10", "survey_response_rate", INVITED, 40.0, base="invited")
case("1 of 3", "survey_response_rate", INVITED, 100 / 3, kind="relationship")
case("5 of 11", "survey_response_rate", INVITED, 100 * 5 / 11, kind="all")
case("nobody was invited", "survey_response_rate", {"surveys": INVITED["surveys"][-1:]}, None)


# in time, late, due and not done, done before it is due; not yet due: pending; another kind
def action(due, done=None, kind="follow_up"):
    return {
        "action_id": f"ac{next(_numbers)}",
        "kind": kind,
        "created_at": at("08:00"),
        "due_at": at("12:00", due),
        "done_at": at("12:00", done) if done else pd.NaT,
    }


FOLLOWED = {
    "actions": [
        action(NEXT, NEXT),
        action(DAY, NEXT),
        action(NEXT),
        action("2026-03-20", DAY),
        action("2026-03-20"),
        action(DAY, DAY, kind="coaching"),
    ]
}
case("2 of 4", "follow_up_rate", FOLLOWED, 50.0, until=NEXT)
case("nothing is due", "follow_up_rate", {"actions": FOLLOWED["actions"][4:]}, None)


# nev.md 2.2
def felt(valences, variant, **known):
    "One survey for each, and what was felt in it."
    mine = surveys(len(valences))
    return {
        "surveys": mine,
        "emotions": [
            emotion(valence, variant, survey_id=one["survey_id"], **known)
            for valence, one in zip(valences, mine, strict=True)
        ],
    }


def rated(good, bad, name):
    "A grid of 12 good and 8 bad ones, rated alike."
    return [
        *(emotion("positive", "mean_gap", survey_id=name, intensity=good) for _ in range(12)),
        *(emotion("negative", "mean_gap", survey_id=name, intensity=bad) for _ in range(8)),
    ]


GRID = {"surveys": [survey(survey_id="g1")], "emotions": rated(6, 2, "g1")}
case("mean_gap: 6 - 2", "nev", GRID, 4.0)
# a second respondent 3 - 8 = -5: (4 - 5) / 2; one who answered the next day is not there
TWO_GRIDS = {
    "surveys": [survey(survey_id="g1"), survey(survey_id="g2"), survey(survey_id="g3", day=NEXT)],
    "emotions": rated(6, 2, "g1") + rated(3, 8, "g2") + rated(10, 0, "g3"),
}
case("mean_gap: (4 - 5) / 2", "nev", TWO_GRIDS, -0.5)
# a grid on the company: 1 - 9
BOTH_GRIDS = {
    "surveys": [*GRID["surveys"], survey("relationship", survey_id="r9")],
    "emotions": [*GRID["emotions"], *rated(1, 9, "r9")],
}
case("mean_gap: after contacts", "nev", BOTH_GRIDS, 4.0)
case("mean_gap: of the company", "nev", BOTH_GRIDS, -8.0, kind="relationship")
case("mean_gap: nobody", "nev", {"surveys": surveys(1), "emotions": rated(6, 2, "other")}, None)
PICKS = felt(["positive"] * 78 + ["negative"] * 22, "pick_share")
case("pick_share: 78 - 22 [SVOC]", "nev", PICKS, 56.0, variant="pick_share")
WORDS = felt(["positive"] * 6 + ["neutral"] + ["negative"] * 3, "one_word")
case("one_word: 3 of 10 [CCH-NEV]", "nev", WORDS, 30.0, variant="one_word")
case("one_word: 3 of 9", "nev", WORDS, 100 / 3, variant="one_word", neutral="drop")
CLUSTERS = ["advocacy"] * 3 + ["recommendation"] * 2 + ["attention"] * 2 + ["destroying"] * 3
WHEEL = felt(["positive"] * 7 + ["negative"] * 3, "evi")
WHEEL["emotions"] = [
    row | {"cluster": cluster} for row, cluster in zip(WHEEL["emotions"], CLUSTERS, strict=True)
]
# 3 x 1 + 2 x .66 + 2 x .33 - 3 x 1 = 1.98 of 10 [EVI]
case("evi: 1.98 of 10", "nev", WHEEL, 19.8, variant="evi")
LABELS = {
    "contacts": [call(id=f"c{i}", at=f"{DAY} 09:0{i}:00") for i in range(5)],
    "surveys": surveys(1),
    "emotions": [
        emotion(valence, "class_share", contact_id=f"c{i}", source="text")
        for i, valence in enumerate(("positive", "positive", "negative", "neutral"))
    ],
}
# 2 less 1 of 4 that have a label; the fifth contact has none
case("class_share: 1 of 4", "nev", LABELS, 25.0, variant="class_share")
# c2 is called positive twice now, and so is positive: 3 of 4; what its agent felt is not asked
OFTEN = LABELS | {
    "emotions": LABELS["emotions"]
    + [emotion("positive", "class_share", contact_id="c2", source="speech") for _ in range(2)]
    + [
        emotion("negative", "class_share", contact_id="c2", source="speech", speaker="agent")
        for _ in range(3)
    ]
}
case("class_share: 3 of 4", "nev", OFTEN, 75.0, variant="class_share")

# settled: s1 net 1 - 5, s2 net 3, s3 silent about feelings; s4 not settled
UPSET = {
    "surveys": [
        survey(survey_id="u1", fcr_item="yes"),
        survey(survey_id="u2", fcr_item="Yes"),
        survey(survey_id="u3", fcr_item="yes"),
        survey(survey_id="u4", fcr_item="no"),
    ],
    "emotions": [
        emotion("positive", "mean_gap", survey_id="u1", intensity=1),
        emotion("negative", "mean_gap", survey_id="u1", intensity=5),
        emotion("positive", "mean_gap", survey_id="u2", intensity=3),
        emotion("negative", "mean_gap", survey_id="u4", intensity=9),
    ],
}
case("1 of 2", "resolved_but_negative_rate", UPSET, 50.0)
# without intensity each counts as one: 1 - 1 is not negative
PLAIN = UPSET | {"emotions": [row | {"intensity": None} for row in UPSET["emotions"]]}
case("0 of 2", "resolved_but_negative_rate", PLAIN, 0.0)
# a second bad word is more than one good one: u1 of 2
WORSE = PLAIN | {"emotions": [*PLAIN["emotions"], emotion("negative", "mean_gap", survey_id="u1")]}
case("words are counted", "resolved_but_negative_rate", WORSE, 50.0)
# u2 rates three good ones 2 and a bad one 5: means 2 - 5, sums 6 - 5; u1 stays 1 - 5
LEANING = UPSET | {
    "emotions": UPSET["emotions"][:2]
    + [emotion("positive", "mean_gap", survey_id="u2", intensity=2) for _ in range(3)]
    + [emotion("negative", "mean_gap", survey_id="u2", intensity=5)]
}
case("2 of 2 by means", "resolved_but_negative_rate", LEANING, 100.0)
case("1 of 2 by sums", "resolved_but_negative_rate", LEANING, 50.0, net="sum")
# what a model read from a comment is no answer
COMMENT = LEANING | {
    "emotions": [row | {"source": "text"} for row in LEANING["emotions"][:2]]
    + LEANING["emotions"][2:]
}
case("only what was answered", "resolved_but_negative_rate", COMMENT, 100.0)
case("only what was answered, by sums", "resolved_but_negative_rate", COMMENT, 0.0, net="sum")
case(
    "nobody settled", "resolved_but_negative_rate", UPSET | {"surveys": UPSET["surveys"][3:]}, None
)

# customer +3 and -2, agent +5
WORDING = {
    "contacts": [call(id="c1", at=f"{DAY} 09:00:00")],
    "emotions": [
        emotion("positive", "sentiment", contact_id="c1", source="text", intensity=3),
        emotion("negative", "sentiment", contact_id="c1", source="speech", intensity=2),
        emotion(
            "positive", "sentiment", contact_id="c1", source="text", intensity=5, speaker="agent"
        ),
        emotion("positive", "class_share", contact_id="c1", source="text", intensity=9),
    ],
}
case("(3 - 2) / 2", "sentiment_score", WORDING, 0.5)
case("(3 - 2 + 5) / 3", "sentiment_score", WORDING, 2.0, customer_only=False)
case("the scale of another vendor", "sentiment_score", WORDING, 0.5, vendor="genesys")
case("not that day", "sentiment_score", WORDING, None, since=NEXT, until=NEXT)

# q1 (1 x 5 + 3 x 10) of 40; q2 5 of 10; q3 failed with 10 of 10; q4 a calibration, 10 of 10
QUALITY = {
    "contacts": [
        call(id="c1", at=f"{DAY} 09:00:00", channel="email"),
        call(id="c2", at=f"{DAY} 09:00:00", channel="chat"),
        call(id="c3", at=f"{DAY} 09:00:00"),
    ],
    "qa_evaluations": [
        evaluation("q1", 90.0, contact_id="c1"),
        evaluation("q2", 60.0, rule=None, contact_id="c2"),
        evaluation("q3", 100.0, contact_id="c3", auto_fail=True, agent_id="a2"),
        evaluation("q4", 100.0, rule="calibration", contact_id="c3"),
        evaluation("q5", 0.0, released_at=at("12:00", NEXT)),
    ],
    "qa_items": [
        item("q1", 5, competency_id="accuracy"),
        item("q1", 10, weight=3, critical=True),
        item("q1", 0, weight=9, not_applicable=True, critical=True, competency_id="accuracy"),
        item("q2", 5, critical=True, competency_id="empathy"),
        item("q3", 10, competency_id="accuracy"),
        item("q4", 10),
        item("q5", 0, competency_id="accuracy"),
    ],
}
case("(87.5 + 50 + 0) / 3", "qa_score", QUALITY, 137.5 / 3)
case("(87.5 + 50 + 100) / 3", "qa_score", QUALITY, 237.5 / 3, autofail="flag")
case("(90 + 60 + 0) / 3", "qa_score", QUALITY, 50.0, method="score")
case("(90 + 60 + 100) / 3", "qa_score", QUALITY, 250 / 3, method="score", autofail="flag")
case("with the calibration", "qa_score", QUALITY, 237.5 / 4, sample="all")
case("an agent", "qa_score", QUALITY, 0.0, where={"agent": "a2"})
CALIBRATED = QUALITY | {"qa_evaluations": QUALITY["qa_evaluations"][3:4]}
case("no random sample", "qa_score", CALIBRATED, None)

case("q1", "email_quality_score", QUALITY, 87.5)
case("q1 and q2", "email_quality_score", QUALITY, 68.75, written="all_written")
case("nothing written", "email_quality_score", CALIBRATED, None, sample="all")

# q2 has half of the points of its critical criterion: a loss, but not all of them
case("q2 lost half", "critical_error_rate", QUALITY, 0.0)
case("q2 of 3", "critical_error_rate", QUALITY, 100 / 3, error="any_loss")
case("q2 of 4", "critical_error_rate", QUALITY, 25.0, error="any_loss", sample="all")
FATAL = QUALITY | {
    "qa_items": [*QUALITY["qa_items"], item("q3", 0, critical=True), item("q4", 0, critical=True)]
}
case("q3 of 3", "critical_error_rate", FATAL, 100 / 3)
case("q3 and q4 of 4", "critical_error_rate", FATAL, 50.0, sample="all")
case("q2 and q3 of 3", "critical_error_rate", FATAL, 200 / 3, error="any_loss")
# q1 and q2 without criteria cannot show an error: q3 of 1
UNSEEN = FATAL | {"qa_items": [item("q3", 0, critical=True), item("q3", 9)]}
case("q3 of 1", "critical_error_rate", UNSEEN, 100.0)
SPOTLESS = QUALITY | {"qa_items": [item("q2", 10, critical=True)]}
case("points that are not lacking", "critical_error_rate", SPOTLESS, 0.0)
case("q3 of 3 failed", "critical_error_rate", SPOTLESS, 100 / 3, error="auto_fail")
case("no random sample", "critical_error_rate", CALIBRATED, None)

case("(50 + 100) / 2", "competency_score", QUALITY, 75.0)
case("50", "competency_score", QUALITY, 50.0, competency="empathy")
# q4, a calibration, has 10 of 10: (50 + 100 + 100) / 3, at random (50 + 100) / 2
DOUBLE = QUALITY | {"qa_items": [*QUALITY["qa_items"], item("q4", 10, competency_id="accuracy")]}
case("(50 + 100 + 100) / 3", "competency_score", DOUBLE, 250 / 3)
case("at random only", "competency_score", DOUBLE, 75.0, sample="random")
case("a competency nobody rated", "competency_score", QUALITY, None, competency="patience")


def calibration(name, *values, column="score"):
    "One contact judged by several."
    return [
        evaluation(f"{name}-{i}", calibration_id=name, evaluator=f"ev{i}", **{column: value})
        for i, value in enumerate(values)
    ]


# mean 70: (10 x 14 + 10 x 6 + 0) / ((100 + 196 + 100 + 36 + 0 + 64) / 2) = 200 / 248
JUDGED = {
    "qa_evaluations": [
        *calibration("x", 80.0, 84.0),
        *calibration("y", 60.0, 64.0),
        *calibration("z", 70.0, 62.0),
        *calibration("alone", 10.0),
        evaluation("none", 99.0),
    ]
}
case("200 / 248", "qa_agreement", JUDGED, 200 / 248)
# agreed 3 of 4, failed 3 of 8: chance (3/8)^2 + (5/8)^2 = 34/64
FAILED = {
    "qa_evaluations": [
        *calibration("w", True, True, column="auto_fail"),
        *calibration("x", False, False, column="auto_fail"),
        *calibration("y", True, False, column="auto_fail"),
        *calibration("z", False, False, column="auto_fail"),
    ]
}
case("(3/4 - 34/64) / (30/64)", "qa_agreement", FAILED, (48 - 34) / (64 - 34), statistic="kappa")
ALONE = {"qa_evaluations": JUDGED["qa_evaluations"][-2:]}
case("nobody judged twice", "qa_agreement", ALONE, None)
# three evaluators are three pairs: 70 80, 70 90, 80 90; mean 80: (0 - 100 + 0) / 200
THREE = {"qa_evaluations": calibration("x", 70.0, 80.0, 90.0)}
case("three pairs", "qa_agreement", THREE, -0.5)


# --- tests ---------------------------------------------------------------------------------------


def same(value, expected):
    return is_null(value) if expected is None else value == pytest.approx(expected, rel=1e-9)


def names(cases):
    return [one.name for one in cases]


@pytest.mark.parametrize("one", CASES, ids=names(CASES))
def test_the_oracle_gives_what_was_worked_out(one):
    ws = opened(one)
    tables = {name: ws.opened.backend.execute(table) for name, table in ws.tables.items()}
    first, last = date.fromisoformat(one.since), date.fromisoformat(one.until)
    value = ORACLES[one.kpi](tables, first, last, one.where, **one.conventions)
    assert same(value, one.expected), value


@pytest.mark.parametrize("one", CASES, ids=names(CASES))
def test_the_library_gives_what_was_worked_out(one):
    asked_for = {"since": one.since, "until": one.until}
    if one.where:
        asked_for["where"] = one.where
    frame = opened(one).kpis([metric(one.kpi, **one.conventions)], **asked_for).frame
    assert len(frame) == 1, frame
    assert same(frame["value"].iloc[0], one.expected), frame["value"].iloc[0]


def test_every_kpi_has_a_case_that_is_empty_and_one_that_is_not():
    with_rows = {one.kpi for one in CASES if one.expected is not None}
    assert with_rows == set(ORACLES)
    counts = {
        "attrition_cost", "certification_attainment", "lost_service_hours", "staffing_gap_hours",
    }  # fmt: skip
    without = {one.kpi for one in CASES if one.expected is None}
    assert without == set(ORACLES) - counts


def test_an_unknown_convention_is_refused():
    for oracle in ORACLES.values():
        with pytest.raises(TypeError):
            oracle({}, date(2026, 3, 2), date(2026, 3, 2), no_such_convention=1)


def test_printed_values_of_the_specification():
    "As many decimals as are printed there."
    printed = {
        ("occupancy", "golden day"): 83.33,
        ("occupancy", "golden day of ICMI"): 86.67,
        ("utilization", "golden day"): 75.00,
        ("utilization", "golden day, available"): 75.00,
        ("adherence", "late and made up"): 71.43,
        ("conformance", "late and made up"): 100.00,
        ("csat_mean", "(10 x 100 + 4 x 75 + 2 x 25) / 16"): 84.375,
        ("csat_t2b", "14 of 16"): 87.5,
        ("nps_transactional", "150 less 50 of 300"): 33.33,
        ("agent_attrition", "average"): 5.00,
        ("agent_attrition", "opening"): 5.56,
    }
    expected = {one.name: one.expected for one in CASES}
    for (kpi, name), value in printed.items():
        assert expected[f"{kpi}: {name}"] == pytest.approx(value, abs=0.005)


def test_the_standard_error_of_a_net_score():
    "100 sqrt((p + d - (p - d)^2) / n) is 4.30; by customers in buckets it is near that [NPS-SE]."
    p, d, n = 1 / 2, 1 / 6, 300
    wanted = 100 * sqrt((p + d - (p - d) ** 2) / n)
    assert round(wanted, 2) == 4.30
    golden = next(one for one in CASES if one.kpi == "nps_transactional")
    row = opened(golden).kpis([metric(golden.kpi)], since=DAY, until=DAY).frame.iloc[0]
    half = (row["upper"] - row["lower"]) / 2
    assert half == pytest.approx(1.96 * wanted, rel=0.3)
