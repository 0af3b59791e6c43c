"""What a simulated centre writes down: legs add up, histories rebuild the ticket, keys stay apart.

The visits are thrown by dice (`sketch`); whatever the dice say, the tables must tell one story.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from contact_kpis import Settings, open_workspace
from contact_kpis.data.histories import history_notes, status_intervals
from contact_kpis.data.made import contact_sums
from contact_kpis.data.simulate import desk, legs, portal
from contact_kpis.data.simulate.clock import HOLIDAYS, midnight
from contact_kpis.data.simulate.plan import LINES, REASONS, SITES, plan_of, stream

PLAN = plan_of("gaming_every_way", gamers=0.5, weeks=20, target_day=60)
N = 20_000


def world(plan=PLAN, n=N):
    return legs.sketch(plan, n, stream(plan, "test"), agents=192)


def tickets(plan=PLAN, n=N, part="desk"):
    visits, people, crew = world(plan, n)
    return visits, crew, *desk.tickets(plan, visits, people, crew, stream(plan, part))


def frames(tables):
    return {name: table.to_pandas() for name, table in tables.items()}


@pytest.fixture(scope="module")
def recorded():
    visits, people, crew = world()
    made = legs.legs(PLAN, visits, people, crew)
    around = portal.portal(PLAN, visits, people, stream(PLAN, "portal"), 3)
    return visits, frames(made | around)


@pytest.fixture(scope="module")
def desked():
    visits, crew, tables, truth = tickets()
    return visits, crew, frames(tables), truth


# Legs


def test_legs_and_stays_add_up_to_the_contact_as_the_library_adds_them(recorded):
    visits, made = recorded
    sums = contact_sums(made["queue_events"], made["contact_segments"])
    contacts = made["contacts"].set_index("contact_id")
    for column in ("talk_ms", "hold_ms", "wrap_ms", "wait_ms"):
        told = contacts[column].dropna()
        assert len(told) > N / 2
        assert (sums[column].reindex(told.index).astype(float) == told).all(), column
    queued = contacts.dropna(subset="wait_ms")
    assert (queued["queue_id"] == sums["queue_id"].reindex(queued.index)).all()


def test_the_sums_are_those_of_the_visit(recorded):
    visits, made = recorded
    served = visits["who"] >= 0
    talk = (visits["talk"] + visits["talk2"].clip(lower=0)).where(served)
    assert (made["contacts"]["talk_ms"].fillna(-1) == talk.fillna(-1)).all()
    assert (visits["who2"] >= 0).sum() > 500


def test_one_stay_for_each_queued_leg_with_one_end_each(recorded):
    visits, made = recorded
    stays = made["queue_events"]
    written = np.array([line.patience_s == 0 for line in LINES])[visits["line"]]
    assert len(stays) == (visits["wait"] >= 0).sum() + ((visits["who2"] >= 0) & ~written).sum()
    ends = ["answered_at", "abandoned_at", "callback_at", "flowed_out_at"]
    assert (stays[ends].notna().sum(axis=1) == 1).all()
    rung = stays.dropna(subset="alert_at")
    assert (rung["enqueued_at"] <= rung["alert_at"]).all()
    assert (rung["alert_at"] <= rung["answered_at"]).all()


def test_letters_do_not_queue(recorded):
    _, made = recorded
    written = made["contacts"]["channel"].isin(["email", "message"])
    assert made["contacts"].loc[written, ["wait_ms", "enqueued_at"]].isna().all(axis=None)
    assert written.sum() > 1000


def test_small_accidents_do_not_depend_on_the_order():
    numbers = np.arange(50_000)
    forth, back = legs.chance(PLAN, numbers, "x"), legs.chance(PLAN, numbers[::-1], "x")
    assert (forth == back[::-1]).all()
    # 50,000 uniform numbers: the share below .3 has a standard error of .002
    assert abs(np.mean(forth < 0.3) - 0.3) < 0.01
    assert abs(np.corrcoef(forth, legs.chance(PLAN, numbers, "y"))[0, 1]) < 0.02


def test_a_contact_carries_the_team_of_its_day():
    crew = pd.DataFrame({"site": 0, "trade": 0, "team": [1, 2, 2], "tag": [5, 6, 6]})
    crew = crew.assign(tag2=[6, 6, 5], moves=[10, 10**6, 10**6])
    who, day = np.array([0, 0, 1, -1]), np.array([9, 10, 50, 3])
    named = legs.teams(crew, who, day).to_pylist()
    assert named == ["north-billing-1", "north-billing-2", "north-billing-2", None]


def test_overflow_is_a_stay_answered_on_another_main_line_or_some_of_those_sent_astray():
    visits, _, crew = world()
    main = crew["line"].sample(frac=1, random_state=1).to_numpy()
    stays = legs.queue_events(PLAN, visits, crew.assign(line=main)).to_pandas()
    over = stays["route_type"] == "overflow"
    own = visits.set_index("visit").loc[stays["event_id"].str[1:].astype(int) // 2]
    second = stays["event_id"].str[1:].astype(int).to_numpy() % 2 == 1
    who = np.where(second, own["who2"], own["who"])
    line = stays["queue_id"].map({each.name: i for i, each in enumerate(LINES)})
    served = stays["answered_at"].notna() & (who >= 0)
    other, sent = served & (main[who] != line), (own["astray"].to_numpy() == 2) & ~second
    assert over[other].all() and not over[~other & ~sent].any() and not over[~served].any()
    # about 400 stays: standard error .09 at the most
    assert 0.4 < over[served & sent & (second == 0)].mean() <= 1
    bare = legs.queue_events(PLAN, visits).to_pandas()["route_type"] == "overflow"
    n = (served & sent).sum()
    assert abs(bare[served & sent].mean() - 0.6) < 3 * np.sqrt(0.24 / n)
    assert not bare[~(served & sent)].any()


def test_one_spoken_contact_in_eighty_leaves_the_house_honestly(recorded):
    visits, made = recorded
    parts = made["contact_segments"]
    out = parts.loc[parts["transfer_type"] == "external", "contact_id"].str[1:].astype(int)
    live = np.array([line.patience_s > 0 for line in LINES])[visits["line"]]
    able = visits.loc[live & (visits["who"] >= 0) & (visits["moved"] == 0), "visit"]
    assert out.is_unique and set(out) <= set(able)
    # about 11,000 contacts: standard error .001
    assert abs(len(out) / len(able) - 0.012) < 0.004
    assert parts.loc[parts["transfer_type"] == "external", "to_queue"].isna().all()


# Self-service and attempts


def test_sessions_name_the_contact_that_followed(recorded):
    visits, made = recorded
    sessions = made["self_service_sessions"].set_index("handoff_contact_id")
    contacts = made["contacts"].set_index("contact_id")
    handed = sessions[sessions.index.notna()]
    assert len(handed) == visits["tried"].sum()
    assert set(handed["outcome"]) == {"failed", "escalated"}
    assert (handed["ended_at"] < contacts["started_at"].reindex(handed.index)).all()
    assert sessions.loc[sessions["outcome"].isin(["contained", "abandoned"])].index.isna().all()


def test_only_callers_came_through_the_menu(recorded):
    sessions = recorded[1]["self_service_sessions"]
    handed = sessions.dropna(subset="handoff_contact_id")
    contacts = recorded[1]["contacts"].set_index("contact_id")["channel"]
    called = contacts.reindex(handed["handoff_contact_id"]).to_numpy() == "voice"
    assert not (handed.loc[~called, "channel"] == "ivr").any()
    doors = handed.loc[called, "channel"].value_counts(normalize=True)
    # about 2,500 callers: standard error .01
    for door, share in {"ivr": 0.45, "portal": 0.30, "app": 0.25}.items():
        assert abs(doors[door] - share) < 0.04, door
    platform = {"ivr": "phone", "portal": "web", "app": "app"}
    assert (sessions["platform"] == sessions["channel"].map(platform)).all()


def test_the_menu_contains_in_sessions_whom_it_contains_in_attempts(recorded):
    made = recorded[1]
    sessions, attempts = made["self_service_sessions"], made["attempts"]
    menu = sessions[(sessions["channel"] == "ivr") & (sessions["outcome"] == "contained")]
    helped = attempts[attempts["outcome"] == "contained"]
    assert len(menu) == len(helped) > 20 and menu["handoff_contact_id"].isna().all()
    assert sorted(menu["started_at"]) == sorted(helped["at"])
    stay = made["contacts"].set_index("contact_id").loc[helped["contact_id"], "ivr_ms"]
    took = (menu["ended_at"] - menu["started_at"]) / pd.Timedelta(milliseconds=1)
    assert sorted(took) == sorted(stay)


def test_what_can_be_settled_alone_is_contained_more_often(recorded):
    sessions = recorded[1]["self_service_sessions"]
    share = (sessions["outcome"] == "contained").groupby(sessions["intent"]).mean()
    alone = [r.name for r in REASONS if r.alone]
    assert share[alone].min() > share.drop(alone).max()


def test_keys_of_two_blocks_do_not_collide():
    visits, people, _ = world(n=4000)
    later = visits.assign(visit=visits["visit"] + 4000)
    for name in ("self_service_sessions", "digital_events", "attempts"):
        one, two = (
            portal.portal(PLAN, frame, people, stream(PLAN, "portal", block), block)[name]
            for block, frame in enumerate((visits, later))
        )
        keys = pd.concat([one.to_pandas().iloc[:, 0], two.to_pandas().iloc[:, 0]])
        assert keys.is_unique and len(keys) > 2000


def test_only_blocked_attempts_have_no_contact(recorded):
    attempts, contacts = recorded[1]["attempts"], recorded[1]["contacts"]
    blocked = attempts["outcome"] == "blocked"
    assert (attempts["contact_id"].isna() == blocked).all() and blocked.sum() > 10
    voice = contacts.loc[contacts["channel"] == "voice", "contact_id"]
    assert set(attempts["contact_id"].dropna()) == set(voice)
    hour = attempts["at"].dt.floor("h")
    load = hour.map(hour[~blocked].value_counts()).fillna(0)
    assert load[blocked].mean() > 1.5 * load[~blocked].mean()


# Tickets


def naive_at_work(ms, site):
    zone = ZoneInfo(SITES[site].zone)
    at = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    first = at
    while at.weekday() == 6 or (at.month, at.day) in HOLIDAYS or at.hour >= 18 or at.hour < 8:
        begins = at.replace(hour=8, minute=0, second=0, microsecond=0)
        at = begins if at.hour < 8 and begins > first else begins + timedelta(days=1)
        if at.weekday() < 6 and (at.month, at.day) not in HOLIDAYS:
            return at, True
    return at, False


def test_the_next_working_moment_is_that_of_the_calendar():
    plan = plan_of("standard")
    rng = np.random.default_rng(5)
    ms = midnight(plan, 0)[2] + rng.integers(0, 360 * 86_400_000, 600)
    site = rng.integers(0, 2, 600)
    moved = desk.at_work(plan, ms, site)
    for before, where, after in zip(ms, site, moved, strict=True):
        opens, shut = naive_at_work(int(before), int(where))
        if not shut:
            assert after == before
            continue
        start = int(opens.timestamp() * 1000)
        assert start <= after < start + 3 * 3_600_000


def test_events_rebuild_the_tickets(desked):
    _, _, made, _ = desked
    notes = history_notes(made["tickets"], made["ticket_events"])
    assert notes == ()
    spans = status_intervals(made["tickets"], made["ticket_events"])
    last = spans.groupby("ticket_id", sort=False)[["status", "group", "priority"]].last()
    told = made["tickets"].set_index("ticket_id")[last.columns]
    assert (last == told.reindex(last.index)).all(axis=None)
    lengths = spans.dropna(subset="ended_at")
    assert (lengths["ended_at"] > lengths["started_at"]).all()


def test_a_torn_history_would_be_noticed(desked):
    made = desked[2]
    events = made["ticket_events"]
    solved = (events["kind"] == "status") & (events["to_value"] == "open")
    assert "gaps" in " ".join(history_notes(made["tickets"], events[~solved]))


def test_order_of_texts_is_order_of_time(desked):
    events = desked[2]["ticket_events"].sort_values("event_id")
    assert (events.groupby("ticket_id")["at"].diff().dropna() >= pd.Timedelta(0)).all()
    assert events["event_id"].is_unique and events["event_id"].str.len().nunique() == 1


def test_nothing_is_told_after_the_last_day_and_late_tickets_are_open(desked):
    made = desked[2]
    ends = max(int(midnight(PLAN, s)[-1]) for s in range(2))
    for table, columns in (("ticket_events", ["at"]), ("ticket_sla", ["fulfilled_at"])):
        assert (made[table][columns].max() < pd.to_datetime(ends, unit="ms")).all()
    assert (made["ticket_sla"]["breached_at"].dropna() < pd.to_datetime(ends, unit="ms")).all()
    age = pd.to_datetime(ends, unit="ms") - made["tickets"]["created_at"]
    waiting = ~made["tickets"]["status"].isin(["solved", "closed"])
    assert waiting[age < pd.Timedelta(days=3)].mean() > 0.2
    assert waiting[age > pd.Timedelta(days=60)].mean() < 0.02


def test_every_letter_and_some_calls_have_a_ticket(desked):
    visits, _, made, _ = desked
    own = set(made["tickets"]["contact_id"].dropna().str[1:].astype(int))
    first = visits[(visits["round"] == 0) & (visits["who"] >= 0)]
    line = first["line"].map(lambda i: LINES[i])
    has = first["visit"].isin(own)
    assert has[line.map(lambda each: each.patience_s == 0)].all()
    plain = first["why"].map(lambda i: REASONS[i].name in ("setup", "login"))
    calls = (line.map(lambda each: each.name) == "technical") & plain & (first["blame"] != 2)
    # about 400 calls, a quarter of them: standard error .02
    assert abs(has[calls].mean() - 0.25) < 0.07
    assert own <= set(visits.loc[visits["round"] == 0, "visit"])


def test_times_that_a_help_desk_knows(desked):
    promises = desked[2]["ticket_sla"]
    hours = (promises["fulfilled_at"] - promises["applied_at"]) / pd.Timedelta(hours=1)
    middle = hours.groupby(promises["metric"]).median()
    late = hours.groupby(promises["metric"]).quantile(0.95)
    assert 0.3 < middle["first_reply"] < 6 and 8 < middle["resolution"] < 48
    assert 72 < late["resolution"] < 400


def when_the_clock_runs_out(promise, changes):  # changes of status, in order
    "Count the time in which a ticket is neither pending nor on hold, until the target is reached."
    left, at, runs = pd.Timedelta(promise.target_ms, unit="ms"), promise.applied_at, True
    for change in changes.itertuples():
        if runs and at + left <= change.at:
            return at + left
        left -= (change.at - at) * int(runs)
        at, runs = change.at, change.to_value not in ("pending", "hold")
        if change.to_value == "solved":
            return None
    return at + left if runs else None


def test_promises_are_broken_when_the_clock_runs_out_before_they_are_kept(desked):
    _, _, made, _ = desked
    events, promises = made["ticket_events"], made["ticket_sla"]
    changes = dict(list(events[events["kind"] == "status"].groupby("ticket_id")))
    site = made["tickets"].set_index("ticket_id")["site"]
    ends = {each.name: midnight(PLAN, i)[-1] for i, each in enumerate(SITES)}
    until = pd.to_datetime(promises["ticket_id"].map(site).map(ends), unit="ms")
    second = promises["metric"] == "resolution"
    for promise, end in zip(promises[second].itertuples(), until[second], strict=True):
        due = when_the_clock_runs_out(promise, changes[promise.ticket_id])
        expected = pd.NaT if due is None or due >= end else due
        assert promise.breached_at is expected or promise.breached_at == expected
    first = promises[~second]
    due = first["applied_at"] + pd.to_timedelta(first["target_ms"], unit="ms")
    broken = first["breached_at"].notna()
    assert (first.loc[broken, "breached_at"] == due[broken]).all()
    assert broken[first["fulfilled_at"] > due].all()
    assert not broken[first["fulfilled_at"] <= due].any()


def test_parked_tickets_and_honest_ones_are_late_without_a_breach(desked):
    _, _, made, truth = desked
    promises = made["ticket_sla"][made["ticket_sla"]["metric"] == "resolution"]
    due = promises["applied_at"] + pd.to_timedelta(promises["target_ms"], unit="ms")
    parked = promises["ticket_id"].isin(
        "t" + (2 * truth.loc[truth["parked"], "visit"]).astype(str).str.zfill(10)
    )
    excused = (promises["fulfilled_at"] > due) & promises["breached_at"].isna()
    assert promises.loc[parked, "breached_at"].isna().all()
    assert (excused & ~parked).sum() > 20 and (excused & parked).sum() > 3


def test_a_ticket_is_as_hard_as_its_contact_and_problems_are_spread(recorded, desked):
    contacts = recorded[1]["contacts"].set_index("contact_id")["complexity"]
    tickets = desked[2]["tickets"]
    own = contacts.reindex(tickets["contact_id"].dropna()).to_numpy()
    assert (own == tickets.loc[tickets["contact_id"].notna(), "complexity"].to_numpy()).all()
    incidents = tickets[tickets["type"] == "incident"]
    grouped = incidents["problem_id"].notna()
    # about 1,000 incidents: standard error .013
    assert abs(grouped.mean() - 0.2) < 0.06
    assert (incidents.loc[grouped, "ticket_id"].str[1:].astype(int) // 2 % 5).nunique() == 5


def test_tickets_are_parked_by_those_who_game_that_way_and_only_after_the_date(desked):
    visits, crew, made, truth = desked
    parked = truth[truth["parked"]]
    assert len(parked) > 3
    days = visits.set_index("visit")["day"].reindex(parked["visit"])
    assert (days >= PLAN.target_day).all()
    events = made["ticket_events"]
    names = "t" + (2 * parked["visit"]).astype(str).str.zfill(10)
    stops = events[events["ticket_id"].isin(names) & events["to_value"].isin(["pending", "hold"])]
    actor = stops.groupby("ticket_id")["actor_id"].last().str[1:].astype(int)
    way = crew["way"].to_numpy()[actor]
    assert (way == PLAN.ways.index("park")).all() and crew["games"].to_numpy()[actor].all()
    assert not tickets(plan_of("small"), 8000)[3]["parked"].any()


def test_unsettled_matters_come_back_on_the_ticket(desked):
    visits, _, _, truth = desked
    solved = visits.set_index("visit")["solved"].reindex(truth["visit"]).to_numpy()
    live = ~truth["spam"].to_numpy() & (truth["into"] < 0).to_numpy()
    back = truth["back"].to_numpy()
    assert back[live & solved].mean() < 0.06 < 0.35 < back[live & ~solved].mean()


def test_a_merged_ticket_goes_into_one_of_the_same_person(desked):
    tickets = desked[2]["tickets"].set_index("ticket_id")
    merged = tickets[tickets["merged_into"].notna()]
    target = tickets.loc[merged["merged_into"], "requester_id"]
    assert len(merged) > 5 and (merged["requester_id"].to_numpy() == target.to_numpy()).all()
    spam = tickets[tickets["spam"]]
    assert len(spam) > 20 and spam[["contact_id", "requester_id"]].isna().all(axis=None)


# All together


def test_the_contract_finds_no_fault(recorded, desked):
    spans = status_intervals(desked[2]["tickets"], desked[2]["ticket_events"])
    everything = recorded[1] | desked[2] | {"status_intervals": spans}
    everything["journey_definitions"] = portal.journey_definitions().to_pandas()
    found = open_workspace(everything, Settings(simulated=True)).check().frame
    assert set(found["level"]) <= {"note"}, found


def test_the_same_seed_gives_the_same_tables():
    one, two, other = (tickets(n=3000, part=part)[2] for part in ("desk", "desk", "else"))
    assert all(one[name].equals(two[name]) for name in one)
    assert not one["ticket_events"].equals(other["ticket_events"])
    visits, people, crew = world(n=3000)
    first, second = (legs.legs(PLAN, visits, people, crew) for _ in range(2))
    assert all(first[name].equals(second[name]) for name in first)
    around = [portal.portal(PLAN, visits, people, stream(PLAN, "p"), 0) for _ in range(2)]
    assert all(around[0][name].equals(around[1][name]) for name in around[0])
