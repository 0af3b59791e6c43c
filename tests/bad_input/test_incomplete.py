"""Data that lack something: the number says what it lacks, or is refused; it is never quietly wrong.

Another currency, a column that is not there, a rating off its scale, a contact without legs: each is
left out and counted, and where a whole column is missing the error names it. The centre counts in
EUR and lives in UTC; its contacts run through March 2026.
"""

import pandas as pd
import pytest

from contact_kpis import open_workspace
from contact_kpis.errors import NotComputable
from contact_kpis.settings import Settings
from tests.builders import call, calls, contacts, is_null, metric, one

FIRST, LAST = "2026-03-01 12:00", "2026-03-31 12:00"


def handled(n, at, **known):
    return calls(n, at=at, wait=1, talk=60, **known)


MARCH = [*handled(2, FIRST, site="north"), *handled(2, LAST, site="south")]


def opened(rows=None, **tables):
    frames = {"contacts": contacts(MARCH if rows is None else rows)}
    for name, rows_of in tables.items():
        frame = pd.DataFrame(rows_of)
        for column in frame:
            if column.endswith(("_at", "_on", "_from", "_to")) or column == "at":
                frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
        frames[name] = frame
    return open_workspace(frames, settings=Settings(zone="UTC", currency="EUR"))


def figures(row):
    "The caveats that count something, as a mapping."
    return {c.split("=")[0]: c.split("=")[1] for c in row["caveats"] if "=" in c}


def refuses(ws, kpi, column, **conventions):
    "Alone it is an error that names the column; in a batch a line, and the others have values."
    asked = metric(kpi, **conventions)
    with pytest.raises(NotComputable, match=column):
        ws.kpis([asked])
    other = [metric(kpi), metric("contact_volume")] if conventions else [metric("contact_volume")]
    frame = ws.kpis([asked, *other]).frame.set_index("definition_id")
    mine = frame.loc[asked.definition_id]
    assert is_null(mine["value"]) and "impossible" in figures(mine)
    assert frame.loc[metric("contact_volume").definition_id, "value"] == 4
    return frame


# --- several currencies --------------------------------------------------------------------------


def cost(kind="salary", amount=310.0, currency="EUR", centre="head office", **known):
    span = {"period_start_on": "2026-03-01", "period_end_on": "2026-03-31"}
    return (
        span | {"cost_centre": centre, "kind": kind, "amount": amount, "currency": currency} | known
    )


ABROAD = [
    cost(),
    cost("other", 9000.0, "ILS"),
    cost("training", 31.0, None),
    cost("travel", 31.0, "eur"),
]


def test_costs_in_another_currency_are_left_out_and_counted():
    ws = opened(costs=ABROAD)
    for kpi, wanted in {"operating_cost": 372, "cost_per_contact": 372 / 4}.items():
        row = one(ws, kpi)
        assert row["value"] == pytest.approx(wanted, rel=1e-12)
        assert figures(row)["other_currency"] == "1"


def test_a_cost_that_is_left_out_is_told_in_every_period():
    ws = opened(costs=ABROAD)
    for by in ("day", "week", "month"):
        frame = ws.kpis("operating_cost", by=[by]).frame
        assert [figures(row).get("other_currency") for _, row in frame.iterrows()] == ["1"] * len(
            frame
        )
    later = one(ws, "operating_cost", since="2026-03-10", until="2026-03-12")
    assert later["value"] == pytest.approx(36, rel=1e-12)
    assert figures(later)["other_currency"] == "1"


def test_contacts_say_which_costs_they_do_not_bear():
    "An overhead is lacking in every channel, a cost of the north in the north only."
    rows = [*MARCH, *handled(1, "2026-03-05 12:00", site="north", channel="chat")]
    ws = opened(rows, costs=[*ABROAD, cost("salary", 5.0, "ILS", "north")])
    shared = metric("cost_per_contact", allocate="handled_time")
    by_channel = ws.kpis(shared, by=["channel"]).frame.set_index("channel")
    assert set(by_channel.index) - {"(missing)"} == {"voice", "chat"}
    for channel in ("voice", "chat"):
        assert figures(by_channel.loc[channel])["other_currency"] == "2"
    by_site = ws.kpis(shared, by=["site"]).frame.set_index("site")
    told = {site: figures(by_site.loc[site])["other_currency"] for site in ("north", "south")}
    assert told == {"north": "2", "south": "1"}


def test_cost_per_case_and_resolution_in_another_currency():
    day = pd.Timestamp("2026-03-02 09:00")
    ticket = {"ticket_id": ["t"], "created_at": [day], "channel": ["email"], "status": ["open"]}
    ticket |= {"spam": [False], "deleted": [False], "merged_into": [None]}
    mine = [call(at=FIRST, wait=1, talk=60, customer_id="A"), *handled(1, LAST, customer_id=None)]
    ws = opened(mine, costs=ABROAD, tickets=ticket)
    for kpi, ways in {
        "cost_per_case": {},
        "cost_per_resolution": {},
    }.items():
        row = one(ws, kpi, since="2026-03-01", until="2026-03-31", **ways)
        assert figures(row)["other_currency"] == "1", kpi
    whole = one(ws, "cost_per_resolution")
    assert whole["value"] == pytest.approx(372, rel=1e-12)  # one issue, closed
    own = one(ws, "cost_per_resolution", matching="cohort")
    assert own["value"] == pytest.approx(12, rel=1e-12)  # the cost of its day
    assert figures(own)["other_currency"] == "1"


ORDERS = [
    {"order_id": str(i), "at": "2026-03-05", "net_amount": amount, "currency": currency}
    | {"attributed_contact_id": "k", "customer_id": "A"}
    for i, (amount, currency) in enumerate([(100, "EUR"), (50, None), (7000, "ILS"), (None, "EUR")])
]


def test_orders_in_another_currency():
    ws = opened([*MARCH, call(at=FIRST, id="k", wait=1, talk=9)], orders=ORDERS)
    for kpi, wanted in {"sales_total": 150, "revenue_per_contact": 150 / 5}.items():
        row = one(ws, kpi)
        assert row["value"] == pytest.approx(wanted, rel=1e-12)
        assert {k: figures(row).get(k) for k in ("other_currency", "unknown_amount")} == {
            "other_currency": "1",
            "unknown_amount": "1",
        }


def test_attrition_cost_in_another_currency():
    agents = {"agent_id": ["a"], "valid_from": ["2026-01-01"], "left_on": [None]}
    rows = [
        cost("recruiting", 62.0),
        cost("training", 31.0, "ILS"),
        cost("training", None, centre="x"),
    ]
    row = one(opened(costs=rows, agents=agents), "attrition_cost")
    assert row["value"] == pytest.approx(62, rel=1e-12)
    assert figures(row)["other_currency"] == "1" and figures(row)["unknown_amount"] == "1"


def booked(item, month, amount, currency="EUR"):
    return {
        "period_start_on": f"2026-{month:02d}-01",
        "item": item,
        "amount": amount,
        "currency": currency,
    }


def test_profit_in_another_currency_has_no_growth():
    rows = [*handled(2, "2026-01-01 12:00"), *handled(2, LAST)]
    books = [
        booked("profit", 1, 100.0),
        booked("profit", 2, 400.0, "ILS"),
        booked("profit", 3, 90.0),
    ]
    frame = opened(rows, finance=books).kpis("profit_growth", by=["month"]).frame
    assert frame["value"].isna().all()  # February is in shekels: neither it nor March has a growth
    assert figures(frame.iloc[1])["other_currency"] == "1"
    books[1]["currency"] = "EUR"
    frame = opened(rows, finance=books).kpis("profit_growth", by=["month"]).frame
    assert frame["value"].tolist()[1:] == pytest.approx([300, -77.5], rel=1e-12)


def test_winning_and_keeping_in_another_currency():
    books = [booked("acquisition_cost", 3, 300.0), booked("retention_cost", 3, 100.0)]
    people = {"customer_id": ["A", "B"], "created_at": ["2026-02-01", "2026-03-05"]}
    usual = one(opened(finance=books, customers=people), "acq_to_retention_cost")
    assert usual["value"] == pytest.approx(3, rel=1e-12)
    books.append(booked("retention_cost", 3, 5000.0, "ILS") | {"period_start_on": "2026-03-02"})
    row = one(opened(finance=books, customers=people), "acq_to_retention_cost")
    assert row["value"] == pytest.approx(3, rel=1e-12) and figures(row)["other_currency"] == "1"
    by_cost = one(
        opened(finance=books, customers=people, costs=[cost("acquisition", 9.0, "ILS")]),
        "acq_to_retention_cost",
        spent="costs",
    )
    assert is_null(by_cost["value"]) and figures(by_cost)["other_currency"] == "2"


def test_subscriptions_in_another_currency():
    "A pays 30 and then 15, B 40 all along, C 900 shekels; D's price is not known."
    rows = [("A", 30, "EUR", "2026-03-10"), ("B", 40, None, None), ("C", 900, "ILS", None)]
    rows += [("D", None, "EUR", None)]
    names = ("customer_id", "mrr", "currency", "ended_at")
    paid = [
        dict(zip(names, row, strict=True)) | {"subscription_id": row[0], "started_at": "2026-01-01"}
        for row in rows
    ]
    paid.append(paid[0] | {"mrr": 15, "started_at": "2026-03-10", "ended_at": None})
    ws = opened(subscriptions=paid)
    for kpi in ("nrr", "grr"):
        row = one(ws, kpi)
        assert row["value"] == pytest.approx(100 * 55 / 70, rel=1e-12) and row["n"] == 2
        assert figures(row)["other_currency"] == "1" and figures(row)["unknown_amount"] == "1"


# --- what a cost does not say --------------------------------------------------------------------

PARTS = [
    ("operating_cost", {"fixed": "fixed"}, "is_fixed"),
    ("operating_cost", {"fixed": "variable"}, "is_fixed"),
    ("operating_cost", {"avoidable": "avoidable"}, "is_avoidable"),
    ("cost_per_contact", {"fixed": "variable"}, "is_fixed"),
    ("cost_per_contact", {"avoidable": "avoidable", "allocate": "handled_time"}, "is_avoidable"),
]


@pytest.mark.parametrize("kpi, ways, column", PARTS)
def test_a_part_of_the_costs_that_no_cost_names(kpi, ways, column):
    frame = refuses(opened(costs=[cost()]), kpi, column, **ways)
    assert frame.loc[metric(kpi).definition_id, "value"] > 0


def test_costs_that_nobody_called_fixed():
    rows = [
        cost(is_fixed=True),
        cost("other", 31.0, is_fixed=None),
        cost("travel", 62.0, is_fixed=False),
    ]
    ws = opened(costs=rows)
    for ways, wanted in (("all", 403), ("fixed", 310), ("variable", 62)):
        row = one(ws, "operating_cost", fixed=ways)
        assert row["value"] == pytest.approx(wanted, rel=1e-12)
        assert figures(row).get("unknown_kind") == (None if ways == "all" else "1")
    row = one(ws, "cost_per_contact", fixed="fixed", allocate="handled_time", since="2026-03-20")
    assert figures(row)["unknown_kind"] == "1"


def test_costs_without_an_amount():
    ws = opened(costs=[cost(), cost("other", None)])
    for kpi, wanted in {"operating_cost": 310, "cost_per_contact": 77.5}.items():
        row = one(ws, kpi)
        assert row["value"] == pytest.approx(wanted, rel=1e-12)
        assert figures(row)["unknown_amount"] == "1"
    assert one(ws, "operating_cost")["n"] == 31  # days of the one known cost


# --- forecasts of other lengths ------------------------------------------------------------------


def forecast(minutes, n, start="2026-03-02 09:20", volume=3, queue="Q", **known):
    begin = pd.Timestamp(start)
    return [
        {"queue_id": queue, "interval_start_at": begin + pd.Timedelta(minutes=minutes * i)}
        | {"version": "day_ahead", "volume": volume}
        | known
        for i in range(n)
    ]


@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_a_perfect_forecast_has_no_error_whatever_its_intervals(minutes):
    "Three contacts in each interval; the grid does not begin on the hour."
    rows = [
        call(
            at=pd.Timestamp("2026-03-02 09:20") + pd.Timedelta(minutes=minutes * (i + share)),
            wait=1,
        )
        for i in range(6)
        for share in (0, 0.5, 0.99)
    ]
    ws = opened(rows, forecasts=forecast(minutes, 6))
    for ways in ({}, {"measure": "bias"}, {"grain": "day"}):
        row = one(ws, "forecast_error", **ways)
        assert row["value"] == pytest.approx(0, abs=1e-12), ways
        assert row["n"] > 0
    off = one(opened(rows, forecasts=forecast(minutes, 6, volume=6)), "forecast_error")
    assert off["value"] == pytest.approx(100, rel=1e-12)


@pytest.mark.parametrize("minutes, n, hours", [(15, 4, 2.0), (60, 4, 8.0), (30, 1, 1.0)])
def test_staffing_gaps_last_as_long_as_their_intervals(minutes, n, hours):
    rows = forecast(minutes, n, required_staff=5, scheduled_staff=3)
    assert one(opened(forecasts=rows), "staffing_gap_hours")["value"] == pytest.approx(hours)


# --- ratings off their scale ---------------------------------------------------------------------


def rated(csat, scale, kind="transactional", day=5):
    return {"csat": csat, "scale_max": scale, "kind": kind, "contact_id": None} | {
        "invited_at": f"2026-03-{day:02d}",
        "answered_at": f"2026-03-{day:02d} 10:00",
    }


def surveyed(*rows, **tables):
    return opened(surveys=[{"survey_id": f"s{i}"} | row for i, row in enumerate(rows)], **tables)


# On a scale: 5 and 2 of 5, 1 of 1, and 4 of a scale unknown; off it: 9 of 5, 0 of 5, -1 of 1, 7 of ?.
RATED = [(5, 5), (2, 5), (1, 1), (4, None), (9, 5), (0, 5), (-1, 1), (7, None)]


def test_ratings_off_their_scale_are_left_out():
    ws = surveyed(*(rated(*pair) for pair in RATED))
    for kpi, ways, wanted in (
        ("csat_t2b", {}, 75.0),  # 5, 1, 4 of four
        ("csat_mean", {}, 3.0),  # (5 + 2 + 1 + 4) / 4
        ("csat_mean", {"rescale": "linear"}, 75.0),  # (100 + 25 + 100 + 75) / 4
        ("csat_items", {}, 75.0),
    ):
        row = one(ws, kpi, **ways)
        assert row["value"] == pytest.approx(wanted, rel=1e-12) and row["n"] == 4, kpi
        assert figures(row)["off_scale"] == "4" and figures(row)["unknown_scale"] == "1", kpi


def test_the_first_rating_is_the_first_on_its_scale():
    wild, mild = rated(9, 5, day=4), rated(5, 5, day=5)
    ws = opened(
        [*MARCH, call(at=FIRST, id="k", wait=1)],
        surveys=[r | {"contact_id": "k", "survey_id": i} for r, i in ((wild, "x"), (mild, "y"))],
    )
    row = one(ws, "csat_t2b", which="first")
    assert row["value"] == 100 and row["n"] == 1 and figures(row)["off_scale"] == "1"


def test_the_index_leaves_them_out_too():
    rows = [(5, 5), (2, 5), (9, 5), (3, None)]
    row = one(surveyed(*(rated(*pair, "relationship") for pair in rows)), "csi")
    assert row["value"] == pytest.approx((100 + 25 + 50) / 3, rel=1e-12) and row["n"] == 3
    assert figures(row)["off_scale"] == "1" and figures(row)["unknown_scale"] == "1"


# --- contacts without legs -----------------------------------------------------------------------


def leg(contact, **known):
    base = {"segment_id": f"{contact}-1", "contact_id": contact, "seq": 0, "type": "talk"}
    return base | {"agent_id": "a", "started_at": FIRST} | known


def three(**columns):
    "a was passed on in a conference, b was not, of c no leg is known."
    rows = [call(at=FIRST, id=i, wait=1, talk=60) for i in "abc"] + [call(at=LAST, id="d", wait=1)]
    told = {name: (value, None) for name, value in columns.items()}
    legs = [leg(k, **{n: v[i] for n, v in told.items()}) for i, k in enumerate("ab")]
    legs[0]["type"] = "conference"
    return opened(rows, contact_segments=legs)


@pytest.mark.parametrize("kpi", ["transfer_rate", "conference_rate", "fcr_no_transfer"])
def test_a_contact_without_legs_is_on_neither_side(kpi):
    row = one(three(transfer_type="blind"), kpi)
    assert row["value"] == 50 and row["n"] == 2
    assert figures(row)["without_legs"] == "1"


@pytest.mark.parametrize("kpi", ["transfer_rate", "fcr_no_transfer"])
def test_legs_that_do_not_say_whether_they_were_passed_on(kpi):
    refuses(three(), kpi, "transfer_type")
    assert one(three(), "conference_rate")["value"] == 50


# --- callbacks that nothing could link -----------------------------------------------------------


def asked(**known):
    stay = {"event_id": "e", "contact_id": "r", "enqueued_at": "2026-03-03 09:00"}
    return [stay | {"callback_at": "2026-03-03 09:10", "answered_at": pd.NaT} | known]


def test_a_callback_that_nothing_could_link():
    rows = [*MARCH[:-1], call("callback", "2026-03-03 09:00", id="r", wait=600)]
    refuses(opened(rows, queue_events=asked()), "callback_completion_rate", "route_type")
    linked = [*rows, call(at="2026-03-04 09:00", initiation="callback", prev_id="r", wait=1)]
    assert one(opened(linked, queue_events=asked()), "callback_completion_rate")["value"] == 100
    told = opened(rows, queue_events=asked(route_type="primary"))
    assert one(told, "callback_completion_rate")["value"] == 0


# --- columns that a choice asks for --------------------------------------------------------------


@pytest.mark.parametrize("kind, column", [("early", "hired_on"), ("voluntary", "leave_reason")])
def test_attrition_of_a_kind_that_is_not_recorded(kind, column):
    agents = {
        "agent_id": ["a", "b"],
        "valid_from": ["2026-01-01"] * 2,
        "left_on": ["2026-03-10", None],
    }
    frame = refuses(opened(agents=agents), "agent_attrition", column, kind=kind)
    assert frame.loc[metric("agent_attrition").definition_id, "value"] > 0


def day_of(agent="a", **known):
    times = {"started_at": "2026-03-02 08:00", "ended_at": "2026-03-02 16:00"}
    return {"agent_id": agent} | times | known


UNPAID = {
    "schedules": [day_of(activity="on_queue", productive=True, version="final")],
    "agent_states": [day_of(routing_status="idle", presence="on_queue")],
    "absences": [day_of(absence_id="x", hours=2.0, type="sick", approved=False)],
}


@pytest.mark.parametrize("kpi", ["utilization", "shrinkage", "unplanned_absence_rate"])
def test_paid_time_that_no_plan_names(kpi):
    refuses(opened(**UNPAID), kpi, "schedules.paid")


def test_other_bases_do_not_need_paid_time():
    ws = opened(**UNPAID)
    both = [metric("shrinkage"), metric("shrinkage", base="scheduled")]
    assert ws.kpis(both).frame["value"].fillna(-1).tolist() == [-1, 0]
    both = [metric("utilization"), metric("utilization", convention="icmi")]
    assert ws.kpis(both).frame["value"].fillna(-1).tolist() == [-1, 100]


# --- versions, periods, words --------------------------------------------------------------------


def test_a_level_ends_when_the_next_begins():
    skills = [("2026-01-01", 1.0), ("2026-03-01", 3.0)]
    names = {"agent_id": "a", "skill": "orders"}
    tables = {
        "agents": {"agent_id": ["a"], "valid_from": ["2026-01-01"], "hired_on": ["2025-01-01"]},
        "agent_states": [day_of(routing_status="idle", presence="on_queue")],
        "agent_skills": [names | {"valid_from": at, "level": level} for at, level in skills],
    }
    assert one(opened(**tables), "tenure_mix", measure="level")["value"] == 3
    ended = [s | {"valid_to": None} for s in tables["agent_skills"]]
    assert (
        one(opened(**tables | {"agent_skills": ended}), "tenure_mix", measure="level")["value"] == 3
    )


def test_a_week_of_disloyalty_is_the_same_alone():
    "A is served in two weeks, and gone after the second; B only in the second."
    days = {"A": ("2026-03-02", "2026-03-10"), "B": ("2026-03-11",)}
    rows = [
        call(at=f"{d} 10:00", wait=1, talk=9, customer_id=k) for k, on in days.items() for d in on
    ]
    ended = {"A": "2026-03-11", "B": None}
    ws = opened(
        [*rows, call(at="2026-03-31 10:00", wait=1, customer_id="Z")],
        subscriptions=[
            {"subscription_id": k, "customer_id": k, "started_at": "2026-01-01", "ended_at": end}
            for k, end in ended.items()
        ],
    )
    usual = {"horizon_d": 5}
    weeks = ws.kpis(metric("disloyalty_rate", **usual), by=["week"]).frame.iloc[:2]
    assert weeks["value"].tolist() == [0, 50] and weeks["n"].tolist() == [1, 2]
    for since, until, value in (("2026-03-02", "2026-03-08", 0), ("2026-03-09", "2026-03-15", 50)):
        assert one(ws, "disloyalty_rate", since=since, until=until, **usual)["value"] == value
    assert one(ws, "disloyalty_rate", until="2026-03-15", **usual)["n"] == 2  # each once


def test_leave_by_any_name():
    types = ["Annual Leave", "VACATION", "public holiday", "Sick leave", "training", None]
    away = [day_of(absence_id=str(i), hours=2.0**i, type=t) for i, t in enumerate(types)]
    ws = opened(absences=away)
    assert one(ws, "lost_service_hours")["value"] == 63
    assert one(ws, "lost_service_hours", include_leave=False)["value"] == 8 + 16 + 32
