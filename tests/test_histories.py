"""Histories worked out by hand, and any history against a loop over one ticket at a time.

Times are minutes after 2024-03-01 09:00 (a Friday), at which every ticket here is created.
"""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contact_kpis.data import fitting, histories
from contact_kpis.data.calendar import Calendar, business_ms, weekly_minutes
from contact_kpis.errors import BadInput, UnknownName
from tests import oracle_tickets as oracle

START = pd.Timestamp("2024-03-01 09:00")
MINUTE = 60_000
SOLVED = ("solved", "closed")


def at(minute):
    return START + pd.Timedelta(minutes=minute)


def tickets_of(*ids, **columns):
    created = pd.Series([START] * len(ids), dtype="datetime64[us]")
    return pd.DataFrame({"ticket_id": list(ids), "created_at": created, **columns})


def events_of(*rows, ticket_id="t"):
    "Events from (minute, kind, from, to); their order is that of writing."
    frame = pd.DataFrame(rows, columns=["minute", "kind", "from_value", "to_value"])
    return pd.DataFrame(
        {
            "event_id": [f"{ticket_id}-{i:04d}" for i in range(len(rows))],
            "ticket_id": ticket_id,
            "at": START + pd.to_timedelta(frame["minute"], unit="min"),
            "kind": frame["kind"],
            "from_value": frame["from_value"].astype("str"),
            "to_value": frame["to_value"].astype("str"),
        }
    )


def statuses(*steps):
    return events_of(*[(minute, "status", None, to) for minute, to in steps])


def rows(frame, *columns):
    plain = frame[list(columns)].astype("object")
    return [tuple(row) for row in plain.where(plain.notna(), None).to_numpy()]


def short(frame):
    "Status, minute of the beginning, minutes it lasted."
    minute = (frame["started_at"] - START) / pd.Timedelta(minutes=1)
    lasted = frame["calendar_ms"] / MINUTE
    return rows(pd.DataFrame({"s": frame["status"], "m": minute, "l": lasted}), "s", "m", "l")


# --- by hand -----------------------------------------------------------------------------------


def test_one_life():
    """
    minute   0 created, group front      15 ann -> nobody      45 open -> solved
             5 new -> open, ann          30 front -> second    75 solved -> open, high
                                                               90 open -> closed
    """
    events = events_of(
        (0, "group", None, "front"),
        (5, "status", "new", "open"),
        (5, "assignee", None, "ann"),
        (15, "assignee", "ann", None),
        (30, "group", "front", "second"),
        (45, "status", "open", "solved"),
        (60, "comment_internal", None, "note"),
        (75, "status", "solved", "open"),
        (75, "priority", "normal", "high"),
        (90, "status", "open", "closed"),
    )
    life = histories.status_intervals(tickets_of("t", status=["closed"]), events)
    assert short(life) == [
        ("new", 0, 5),
        ("open", 5, 10),
        ("open", 15, 15),
        ("open", 30, 15),
        ("solved", 45, 30),
        ("open", 75, 15),
        ("closed", 90, None),
    ]
    assert life["seq"].tolist() == list(range(7))
    assert rows(life, "group", "assignee", "priority") == [
        ("front", None, None),
        ("front", "ann", None),
        ("front", None, None),
        ("second", None, None),
        ("second", None, None),
        ("second", None, "high"),
        ("second", None, "high"),
    ]
    assert life["age_ms"].tolist() == [m * MINUTE for m in (0, 5, 15, 30, 45, 75, 90)]
    assert life["is_solve"].tolist() == [False] * 4 + [True, False, True]
    assert life["is_reopen"].tolist() == [False] * 5 + [True, False]
    assert life["solve_no"].tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert life["reopen_no"].tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert life["assignee_stations"].tolist() == [0, 1, 1, 1, 1, 1, 1]
    assert life["group_stations"].tolist() == [1, 1, 1, 2, 2, 2, 2]
    assert life["business_ms"].equals(life["calendar_ms"])
    assert life["business_age_ms"].equals(life["age_ms"])


@pytest.mark.parametrize(
    "values, stations",
    [
        (["A", None, "A"], [1, 1, 1]),
        (["A", "B", "A"], [1, 2, 3]),
        ([None, None, "B"], [0, 0, 1]),
        (["A", None, "B"], [1, 1, 2]),
    ],
)
def test_stations(values, stations):
    events = events_of(*[(i, "assignee", None, v) for i, v in enumerate(values)])
    life = histories.status_intervals(tickets_of("t"), events)
    seen = [life[life["started_at"] <= at(i)]["assignee_stations"].iloc[-1] for i in range(3)]
    assert seen == stations


def test_what_held_before_the_first_event_is_unknown_until_then():
    "Neither the row of the ticket nor a later from_value is looked at; the station counts once told."
    given = tickets_of("t", group=["late"], priority=["low"])
    events = events_of((10, "group", "early", "late"), (10, "status", "hold", "open"))
    life = histories.status_intervals(given, events)
    assert rows(life, "status", "group", "priority", "group_stations") == [
        ("new", None, None, 0),
        ("open", "late", None, 2),
    ]


def test_a_station_that_was_told_and_comes_again():
    events = events_of((1, "group", "A", None), (2, "group", None, "A"), (3, "group", "A", "B"))
    life = histories.status_intervals(tickets_of("t"), events)
    assert rows(life, "group", "group_stations") == [(None, 0), (None, 1), ("A", 1), ("B", 2)]


def test_without_events_a_ticket_is_new():
    life = histories.status_intervals(tickets_of("t", status=["solved"]), statuses())
    assert short(life) == [("new", 0, None)] and life["solve_no"].tolist() == [0]


def test_solved_as_it_was_created():
    life = histories.status_intervals(tickets_of("t"), statuses((0, "solved"), (0, "closed")))
    assert short(life) == [("closed", 0, None)]
    assert life["is_solve"].tolist() == [True] and life["solve_no"].tolist() == [1]


def test_the_last_of_an_instant_counts():
    events = statuses((5, "open"), (5, "hold"), (5, "pending"), (9, "solved"), (9, "closed"))
    life = histories.status_intervals(tickets_of("t"), events)
    assert short(life) == [("new", 0, 5), ("pending", 5, 4), ("closed", 9, None)]
    assert life["is_solve"].tolist() == [False, False, True]


def test_solved_at_the_instant_of_another_change():
    events = events_of((5, "status", None, "solved"), (5, "assignee", None, "ann"))
    life = histories.status_intervals(tickets_of("t"), events)
    assert short(life) == [("new", 0, 5), ("solved", 5, None)]
    assert life["is_solve"].tolist() == [False, True]


@pytest.mark.parametrize(
    "states, kept, solves, reopens",
    [
        (["solved", "open"], ["solved", "open"], 1, 1),
        (["solved", "open", "closed"], ["solved", "open", "closed"], 2, 1),
        (["solved", "hold", "open"], ["solved", "open"], 1, 1),
        (["open", "solved", "closed"], ["closed"], 1, 0),
    ],
)
def test_solved_and_reopened_in_one_instant(states, kept, solves, reopens):
    life = histories.status_intervals(tickets_of("t"), statuses(*[(5, s) for s in states]))
    assert life["status"].tolist() == ["new", *kept]
    assert life["calendar_ms"].tolist()[1:-1] == [0] * (len(kept) - 1)
    assert life[["solve_no", "reopen_no"]].iloc[-1].tolist() == [solves, reopens]


def test_a_change_undone_in_its_instant_shows_in_the_stations():
    events = events_of((0, "group", None, "A"), (5, "group", "A", "B"), (5, "group", "B", "A"))
    life = histories.status_intervals(tickets_of("t"), events)
    assert rows(life, "group", "group_stations") == [("A", 1), ("A", 3)]
    back = events.assign(kind="priority")
    assert len(histories.status_intervals(tickets_of("t"), back)) == 1


def test_the_same_value_again_is_no_change():
    events = statuses((5, "open"), (8, "open"), (9, "solved"), (12, "closed"), (15, "closed"))
    life = histories.status_intervals(tickets_of("t"), events)
    assert short(life) == [("new", 0, 5), ("open", 5, 4), ("solved", 9, 3), ("closed", 12, None)]
    assert life["is_solve"].sum() == 1


def test_events_before_the_creation_are_its_beginning():
    events = statuses((-30, "open"), (-60, "hold"), (10, "solved"))
    life = histories.status_intervals(tickets_of("t"), events)
    assert short(life) == [("open", 0, 10), ("solved", 10, None)]
    assert histories.history_notes(tickets_of("t"), events) == (
        "2 events lie before their ticket was created; taken as its beginning",
    )


def test_milliseconds_are_cut_before_they_are_subtracted():
    "0.6 + 0.6 ms is a millisecond and a bit: the lengths are 0 and 1, their sum is the age."
    events = statuses((0, "open"), (0, "hold"), (0, "solved"))
    events["at"] = START + pd.to_timedelta([600, 1200, 1800], unit="us")
    life = histories.status_intervals(tickets_of("t"), events)
    assert life["calendar_ms"].tolist()[:3] == [0, 1, 0] and life["age_ms"].iloc[-1] == 1


# --- business time --------------------------------------------------------------------------------


def test_business_time_skips_the_weekend():
    "Friday 9:00 to Monday 10:00 in a week of Monday to Friday, 9 to 17 o'clock: 8 + 1 hours."
    site = Calendar("site", "UTC", ((("09:00", "17:00"),),) * 5 + ((), ()))
    events = statuses((60, "open"), (3 * 1440 + 60, "solved"))
    life = histories.status_intervals(tickets_of("t"), events, site)
    assert life["business_ms"].tolist()[:2] == [60 * MINUTE, 480 * MINUTE]
    assert life["business_age_ms"].tolist() == [0, 60 * MINUTE, 540 * MINUTE]
    assert life["calendar_ms"].iloc[1] == 3 * 1440 * MINUTE


CHICAGO = [(720, 1560), (2160, 3000), (3600, 4440), (5040, 5880), (6480, 7320), (7920, 8760)]
LEVELS = {
    "level 1": weekly_minutes("UTC", [*CHICAGO, (9360, 10200)], "level 1"),
    "level 2": weekly_minutes(
        "UTC", [(2340, 2910), (3780, 4350), (5220, 5790), (6660, 7230), (8100, 8670)], "level 2"
    ),
}


def documented():
    "Ticket 941606 of the Fivetran package, solved at its first reply: spec/kpis.md 1.3.7."
    tickets = tickets_of("941606").assign(created_at=pd.Timestamp("2020-09-29 17:01:38"))
    events = events_of(
        (0, "schedule", "level 1", "level 2"), (0, "status", "new", "solved"), ticket_id="941606"
    )
    return tickets, events.assign(at=pd.to_datetime(["2020-09-30 19:01:25", "2020-09-30 19:01:46"]))


def test_each_schedule_while_it_applied():
    "538.37 + 421.42 minutes under level 1, 0.35 under level 2."
    life = histories.status_intervals(*documented(), LEVELS)
    assert round(life["business_ms"].iloc[0] / MINUTE, 2) == 960.13
    assert life["business_age_ms"].iloc[1] == life["business_ms"].iloc[0]


def test_the_default_schedule():
    tickets, events = documented()
    events["from_value"] = None
    unknown = histories.status_intervals(tickets, events, LEVELS)
    assert unknown["business_ms"].isna().all() and unknown["business_age_ms"].isna().tolist()[1]
    named = histories.status_intervals(tickets, events, LEVELS | {"default": LEVELS["level 1"]})
    assert round(named["business_ms"].iloc[0] / MINUTE, 2) == 960.13


def test_a_schedule_without_a_calendar_is_refused():
    with pytest.raises(UnknownName, match="'level 2'; did you mean 'level 3'"):
        histories.status_intervals(
            *documented(), {"level 1": LEVELS["level 1"], "level 3": LEVELS["level 2"]}
        )


# --- what is refused or counted -----------------------------------------------------------------


def test_an_unknown_status_is_refused():
    with pytest.raises(BadInput, match="'resolved'.*did you mean 'solved'"):
        histories.status_intervals(tickets_of("t"), statuses((5, "resolved")))


def test_two_tickets_of_one_name_are_refused():
    with pytest.raises(BadInput, match="'t' stands more than once"):
        histories.status_intervals(tickets_of("t", "t"), statuses((5, "open")))


def test_gaps_are_counted():
    events = events_of(
        (1, "status", "open", "hold"),
        (2, "status", "hold", "open"),
        (3, "status", "pending", None),
        (4, "status", None, "solved"),
        (5, "assignee", "ann", "bob"),
        (6, "assignee", "cy", None),
        (7, "assignee", "bob", "ann"),
    )
    strange = pd.concat([events, events_of((1, "status", "new", "open"), ticket_id="u")])
    assert histories.history_notes(tickets_of("t"), strange) == (
        "1 events are of tickets that are not there; left out",
        "1 status events name no status; left out",
        "3 events change another value than the one before had left: the history has gaps",
        "1 values were there before the event that tells of them; unknown until then",
    )


def test_the_table_keeps_the_contract():
    events = events_of((5, "status", "new", "solved"), (5, "group", "a", "b"))
    life = histories.status_intervals(tickets_of("t", "u"), events)
    fitted = fitting.fit("status_intervals", life)
    assert len(fitted.quarantine) == 0 and len(fitted.frame) == len(life) == 3
    empty = histories.status_intervals(tickets_of().astype({"ticket_id": "str"}), events)
    assert empty.dtypes.equals(life.dtypes) and len(empty) == 0


# --- any history ----------------------------------------------------------------------------------

KINDS = ("status", "assignee", "group", "priority")
WORDS = {
    "status": ["new", "open", "pending", "hold", "solved", "closed"],
    "assignee": ["ann", "bob", None],
    "group": ["a", "b", None],
    "priority": ["low", "high"],
}


@st.composite
def worlds(draw):
    "Tickets as they began, and what happened to them; ties, repeats and early events included."
    names, log = [], []
    for n in range(draw(st.integers(1, 3))):
        ticket, told = f"t{n}", draw(st.booleans())
        now = {kind: draw(st.sampled_from(WORDS[kind])) for kind in KINDS} | {"status": "new"}
        for i, minute in enumerate(sorted(draw(st.lists(st.integers(-1, 6), max_size=12)))):
            kind = draw(st.sampled_from(("status", *KINDS)))
            value = draw(st.sampled_from(WORDS[kind]))
            before = now[kind] if told else None
            log.append((f"{ticket}-{i:03d}", ticket, at(minute), kind, before, value))
            now[kind] = value
        names.append(ticket)
    return names, log


def frames(names, log):
    columns = ["event_id", "ticket_id", "at", "kind", "from_value", "to_value"]
    events = pd.DataFrame(log, columns=columns).astype({"at": "datetime64[us]"})
    texts = {c: "str" for c in columns if c != "at"}
    return tickets_of(*names), events.astype(texts)


def stations(values):
    known = [v for v in values if v is not None]
    return sum(1 for i, v in enumerate(known) if i == 0 or known[i - 1] != v)


def one_by_one(names, log):
    "The same from the words of the definition, one ticket and one instant at a time."
    out = []
    for ticket in names:
        mine = [(max(e[2], START), *e[3:]) for e in log if e[1] == ticket]
        now, past = dict.fromkeys(KINDS) | {"status": "new"}, {kind: [] for kind in KINDS}
        life = []

        def snapshot(now=now, past=past):
            return {**now, "as": stations(past["assignee"]), "gs": stations(past["group"])}

        for instant in sorted({START} | {e[0] for e in mine}):
            crossings, before = [], now["status"] in SOLVED
            for _, kind, came_from, value in [e for e in mine if e[0] == instant]:
                now[kind] = value
                past[kind] += [value] if past[kind] else [came_from, value]
                if (now["status"] in SOLVED) != before:
                    crossings.append(snapshot())
                    before = not before
            for state in [*crossings[:-1], snapshot()]:
                if not life or {k: v for k, v in life[-1].items() if k != "at"} != state:
                    life.append({**state, "at": instant})
        was, solves, reopens = False, 0, 0
        for i, row in enumerate(life):
            end = life[i + 1]["at"] if i + 1 < len(life) else None
            is_now = row["status"] in SOLVED
            solves, reopens = solves + (is_now and not was), reopens + (was and not is_now)
            length = None if end is None else int((end - row["at"]) / pd.Timedelta("1ms"))
            out.append(
                (ticket, i, row["status"], row["group"], row["priority"], row["assignee"])
                + (row["at"], end, length, int((row["at"] - START) / pd.Timedelta("1ms")))
                + (is_now and not was, was and not is_now, solves, reopens, row["as"], row["gs"])
            )
            was = is_now
    return out


COMPARED = (
    "ticket_id", "seq", "status", "group", "priority", "assignee", "started_at", "ended_at",
    "calendar_ms", "age_ms", "is_solve", "is_reopen", "solve_no", "reopen_no",
    "assignee_stations", "group_stations",
)  # fmt: skip
ENDS = ["ended_at", "calendar_ms", "business_ms"]


@given(worlds())
@settings(max_examples=300)
def test_any_history_is_the_one_of_the_loop(world):
    life = histories.status_intervals(*frames(*world))
    assert rows(life, *COMPARED) == one_by_one(*world)


@given(worlds())
@settings(max_examples=100)
def test_lengths_add_up_to_the_age(world):
    site = Calendar("site", "UTC", ((("09:02", "09:04"), ("09:05", "23:00")),) * 7)
    life = histories.status_intervals(*frames(*world), site)
    last = life.drop_duplicates("ticket_id", keep="last").set_index("ticket_id")
    sums = life.groupby("ticket_id")[["calendar_ms", "business_ms"]].sum()
    assert sums["calendar_ms"].tolist() == last.loc[sums.index, "age_ms"].tolist()
    assert sums["business_ms"].tolist() == last.loc[sums.index, "business_age_ms"].tolist()
    since = pd.Series(START, life.index, dtype="datetime64[us]")
    direct = business_ms(since, life["started_at"], site)
    assert life["business_age_ms"].tolist() == direct.tolist()
    assert (life["business_ms"] <= life["calendar_ms"]).all()


@given(worlds(), st.integers(1, 7))
@settings(max_examples=150)
def test_no_row_knows_what_comes_later(world, minute):
    names, log = world
    life = histories.status_intervals(*frames(names, log))
    then = histories.status_intervals(*frames(names, [e for e in log if e[2] < at(minute)]))
    known = life[life["started_at"] < at(minute)].reset_index(drop=True)
    pd.testing.assert_frame_equal(then.drop(columns=ENDS), known.drop(columns=ENDS))


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_of_rows_does_not_matter(world, rng):
    tickets, events = frames(*world)
    order = rng.sample(range(len(events)), len(events))
    shuffled = histories.status_intervals(tickets, events.iloc[order])
    pd.testing.assert_frame_equal(shuffled, histories.status_intervals(tickets, events))


@pytest.mark.parametrize("seed", range(3))
def test_counts_at_any_close_of_day_are_those_of_the_oracle(seed):
    "What the intervals begun by then say, and what the oracle makes of the events known then."
    world = oracle.random_tickets(np.random.default_rng(seed), 150)
    life = histories.status_intervals(world["tickets"], world["ticket_events"])
    for day in pd.date_range("2026-03-05", "2026-05-20", freq="11D").date:
        tickets = oracle.visible(world["tickets"], world["ticket_events"], day, "UTC")
        now = life[life["started_at"] < oracle.end_of_day(day, "UTC")]
        now = now.drop_duplicates("ticket_id", keep="last").set_index("ticket_id")
        assert len(now) == len(tickets)
        for ticket in tickets:
            row = now.loc[ticket["ticket_id"]]
            assert row["status"] == oracle.last_status(ticket)
            assert row["solve_no"] == len(oracle.solves(ticket))
            assert row["reopen_no"] == len(oracle.reopens(ticket))
            for kind in ("assignee", "group"):
                assert row[f"{kind}_stations"] == len(oracle.stations_of(ticket, kind))


def test_a_hundred_and_fifty_thousand_events_take_less_than_two_seconds():
    rng, n, size = np.random.default_rng(2024), 25_000, 150_000
    of = rng.integers(0, n, size)
    tickets = pd.DataFrame({"ticket_id": pd.Series(range(n)).astype("str"), "created_at": START})
    events = pd.DataFrame(
        {
            "event_id": pd.Series(range(size)).astype("str"),
            "ticket_id": pd.Series(of).astype("str"),
            "at": START + pd.to_timedelta(rng.integers(0, 100_000, size), unit="min"),
            "kind": rng.choice(["status", "assignee"], size),
            "from_value": None,
        }
    )
    words = rng.choice(["open", "hold", "solved"], size)
    events["to_value"] = np.where(events["kind"] == "status", words, "ann")
    clock = time.process_time()
    life = histories.status_intervals(tickets, events, LEVELS["level 1"])
    assert time.process_time() - clock < 2
    assert life["ticket_id"].nunique() == n
