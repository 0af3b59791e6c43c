"""Gaming begins on a day, is done by the gaming agents alone, on the stated share of their contacts;
flaws come at their stated rate, where they are said to come, and nowhere else.
"""

import numpy as np
import pandas as pd
import pytest

from contact_kpis import open_workspace
from contact_kpis.data.simulate import behaviour, flaws, legs
from contact_kpis.data.simulate.clock import midnight
from contact_kpis.data.simulate.plan import LINES, REASONS, plan_of, stream

PLAN = plan_of("gaming_every_way", gamers=0.5, target_day=30)
N = 120_000


def world(plan=PLAN, n=N):
    return legs.sketch(plan, n, stream(plan, "test"), agents=192)


def near(share, wanted, n):
    """Within four standard errors of a share of n independent draws."""
    return abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / n)


@pytest.fixture(scope="module")
def played():
    visits, people, crew = world()
    return visits, people, crew, behaviour.game(PLAN, visits, crew, stream(PLAN, "gaming"))


def ways(crew, visits):
    named = np.array(["none", *PLAN.ways])[1 + crew["way"].to_numpy()]
    return np.where(visits["who"] >= 0, named[visits["who"].clip(lower=0)], "none")


# Gaming


def test_nobody_games_before_the_date_and_only_those_who_game(played):
    visits, _, crew, after = played
    gamed = after["gamed"] >= 0
    assert gamed.sum() > 300
    assert (after.loc[gamed, "day"] >= PLAN.target_day).all()
    used = np.array(behaviour.GAMED)[after.loc[gamed, "gamed"]]
    assert (used == ways(crew, visits)[gamed]).all()
    assert crew["games"].to_numpy()[after.loc[gamed, "who"]].all()


@pytest.mark.parametrize("way", behaviour.GAMED)
def test_the_stated_share_of_their_contacts_is_gamed(played, way):
    visits, _, crew, after = played
    can = (visits["day"] >= PLAN.target_day) & (visits["moved"] == 0) & (ways(crew, visits) == way)
    if way == "drop":
        can &= visits["line"].isin([i for i, each in enumerate(LINES) if each.patience_s])
    own = after.loc[can, "gamed"]
    assert len(own) > 1500  # so that a share of .15 in place of .2 is noticed
    assert near((own == behaviour.GAMED.index(way)).mean(), PLAN.shaved, len(own))
    assert own.isin([-1, behaviour.GAMED.index(way)]).all()


def test_contacts_that_were_not_gamed_are_as_they_were(played):
    visits, _, _, after = played
    left = after["gamed"].isin([-1, behaviour.GAMED.index("reason")])
    pd.testing.assert_frame_equal(visits[left], after.loc[left, list(visits)])
    assert list(after) == [*visits, "told", "gamed"]


def test_a_shaved_talk_is_cut_by_a_third_to_more_than_half_and_settles_less(played):
    visits, _, _, after = played
    shaved = after["gamed"] == behaviour.GAMED.index("shave")
    ratio = after.loc[shaved, "talk"] / visits.loc[shaved, "talk"]
    assert ratio.between(0.399, 0.651).all() and abs(ratio.mean() - 0.525) < 0.03
    was, now = visits.loc[shaved, "solved"], after.loc[shaved, "solved"]
    assert not (now & ~was).any() and near(now[was].mean(), 0.5, was.sum())
    assert (after.loc[shaved & visits["solved"] & ~after["solved"], "blame"] == 0).all()


def test_a_dropped_call_is_over_in_seconds_and_the_agent_ended_it(played):
    _, people, crew, after = played
    dropped = after["gamed"] == behaviour.GAMED.index("drop")
    assert (after.loc[dropped, "talk"] < 9_000).all() and not after.loc[dropped, "solved"].any()
    told = legs.contacts(PLAN, after, people, crew).to_pandas()["disconnect_by"]
    voice = after["line"] < 6
    assert (told[dropped] == "agent").all() and (told[voice & ~dropped] == "agent").mean() < 0.25


def test_hard_matters_are_moved_out_of_the_house(played):
    visits, _, crew, after = played
    moved = after["gamed"] == behaviour.GAMED.index("transfer")
    assert (after.loc[moved, "moved"] == 3).all()
    own = (ways(crew, visits) == "transfer") & (visits["day"] >= PLAN.target_day)
    assert after.loc[moved, "logit"].mean() < after.loc[own & ~moved, "logit"].mean() - 0.1
    parts = legs.contact_segments(PLAN, after, crew).to_pandas()
    out = parts.loc[parts["transfer_type"] == "external", "contact_id"].str[1:].astype(int)
    assert set(after.loc[moved, "visit"]) < set(out)  # honest agents do it now and then
    honest = after["visit"].isin(out) & ~moved & (after["who"] >= 0)
    assert 0.004 < honest.sum() / (after["who"] >= 0).sum() < 0.02


def test_reasons_are_mistaken_innocently_by_everybody_and_wilfully_by_some(played):
    _, _, _, after = played
    wrong = after["told"] != after["why"]
    wilful = after["gamed"] == behaviour.GAMED.index("reason")
    assert wrong[wilful].all() and near(wrong[~wilful].mean(), 0.03, (~wilful).sum())


def test_without_gamers_only_honest_mistakes_are_made():
    plan = plan_of("small")
    visits, _, crew = world(plan, 5000)
    after = behaviour.game(plan, visits, crew, stream(plan, "gaming"))
    assert (after["gamed"] == -1).all()
    pd.testing.assert_frame_equal(visits, after[list(visits)])


def test_the_same_seed_games_the_same_contacts(played):
    visits, _, crew, after = played
    again = behaviour.game(PLAN, visits, crew, stream(PLAN, "gaming"))
    pd.testing.assert_frame_equal(after, again)
    other = behaviour.game(PLAN, visits, crew, stream(PLAN, "else"))
    assert (after["gamed"] != other["gamed"]).any()


# Innocent rounding


def test_wrap_up_is_rounded_for_the_stated_share_whoever_the_agent(played):
    visits, _, crew, _ = played
    plan = plan_of("heavy_tails", heaped=0.4)
    spread = visits.assign(who=np.where(visits["who"] >= 0, np.arange(N), -1))
    after = behaviour.round_off(plan, spread, stream(plan, "heaped"))
    wrapped = (visits["wrap"] > 0) & (visits["who"] >= 0)
    whole = after["wrap"] % 60_000 == 0
    assert near(whole[wrapped].mean(), 0.4, wrapped.sum())
    games = crew["games"].to_numpy()[visits["who"].clip(lower=0)]
    assert near(whole[wrapped & games].mean(), 0.4, (wrapped & games).sum())
    assert (after.loc[wrapped, "wrap"] - visits.loc[wrapped, "wrap"]).max() <= 60_000


def test_rounding_makes_nobody_work_twice_at_a_time():
    n, rng = 3000, np.random.default_rng(3)
    visits, _, _ = world(n=n)
    talk, wrap = rng.integers(60_000, 400_000, (2, n))
    begins = np.cumsum(np.r_[0, (talk + wrap + rng.integers(0, 20_000, n))[:-1]])
    alone = {"who": 7, "who2": -1, "start": begins, "talk": talk, "hold": 0, "wrap": wrap}
    after = behaviour.round_off(plan_of("small", heaped=1.0), visits.assign(**alone), rng)
    ends = after["start"] + after["talk"] + after["wrap"]
    assert (ends.to_numpy()[:-1] <= begins[1:]).all()
    assert (after["wrap"] % 60_000 == 0).mean() > 0.9


# What a centre decides about itself


def test_governance_is_without_fault_and_begins_when_it_begins():
    visits, people, crew = world(n=3000)
    plan = plan_of("overflow_fault", renamed_day=91)
    decided = behaviour.governance(plan, crew, stream(plan, "talks"))
    again = behaviour.governance(plan, crew, stream(plan, "talks"))
    assert all(decided[name].equals(again[name]) for name in decided)
    frames = {name: table.to_pandas() for name, table in decided.items()}
    contacts = legs.contacts(plan, visits, people, crew).to_pandas()
    found = open_workspace({"contacts": contacts, **frames}).check().frame
    assert set(found["level"]) <= {"note"}, found
    aht = frames["targets"].query("kpi_id == 'aht'").sort_values("valid_from")
    begin = (pd.to_datetime(aht["valid_from"]) - pd.Timestamp(plan.first)).dt.days
    assert begin.tolist() == [0, plan.target_day]
    log = frames["change_log"].set_index("kind")["at"]
    days = (log - pd.Timestamp(plan.first)).dt.days
    assert days["routing"] == plan.overflow_day and days["definition"] == plan.renamed_day
    assert "routing" not in behaviour.change_log(plan_of("small"))["kind"].to_pylist()
    assert frames["annotations"]["kind"].isin(["holiday", "outage", "launch"]).sum() > 5


# Flaws


@pytest.fixture(scope="module")
def sound():
    plan = plan_of("small", unkeyed=0.25, shared=0.2)
    visits, people, crew = world(plan, 40_000)
    return plan, visits, people, legs.legs(plan, visits, people, crew)


def spoilt(sound, **changes):
    _, visits, people, tables = sound
    plan = plan_of("small", **changes)
    return flaws.spoil(plan, tables, visits, people, stream(plan, "flaws"))


def test_keys_are_missing_at_the_stated_rate_and_more_after_short_calls(sound):
    _, visits, _, _ = sound
    now, _, truth = spoilt(sound, unkeyed=0.25)
    gone = now["contacts"]["customer_id"].to_pandas().isna().to_numpy()
    assert near(gone.mean(), 0.25, len(gone)) and gone.sum() == truth["counts"]["rows"][0]
    assert set(truth["unkeyed"]) == set(visits.loc[gone, "visit"])
    brief = flaws.brief(visits)
    ratio = gone[brief].mean() / gone[~brief].mean()
    # log ratio of two shares of about 4,000 and 36,000 contacts: standard error .016
    assert abs(np.log(ratio / 2)) < 0.065


def test_two_behind_one_line_carry_one_key(sound):
    _, visits, people, tables = sound
    now, _, truth = spoilt(sound, shared=0.2)
    before, after = (t["contacts"]["customer_id"].to_pandas() for t in (tables, now))
    changed = before != after
    assert near(changed.mean(), 0.1, before.nunique()) and changed.sum() == len(truth["shared"])
    joined = pd.DataFrame({"before": before, "after": after}).drop_duplicates()
    assert joined.groupby("after")["before"].nunique().max() == 2
    assert joined.groupby("before")["after"].nunique().max() == 1


def test_the_clock_of_the_second_site_is_wrong_by_so_much(sound):
    tables = sound[3]
    now, _, _ = spoilt(sound, skewed_s=90)
    for name, column in (("contacts", "started_at"), ("queue_events", "answered_at")):
        before, after = tables[name].to_pandas(), now[name].to_pandas()
        shift = (after[column] - before[column]).dropna() / pd.Timedelta(seconds=1)
        south = before.loc[shift.index, "queue_id"].isin(
            [line.name for line in LINES if line.site == "south"]
        )
        assert (shift[south] == 90).all() and (shift[~south] == 0).all() and south.sum() > 1000


def test_reasons_are_renamed_from_that_day_on(sound):
    now, _, _ = spoilt(sound, renamed_day=91)
    contacts = now["contacts"].to_pandas().dropna(subset="reason_code")
    since = contacts["started_at"] >= pd.to_datetime(midnight(plan_of(), 0)[91], unit="ms")
    old = contacts["reason_code"].isin([r.name for r in REASONS])
    assert (old == ~since).all() and set(contacts.loc[since, "reason_code"]) == set(flaws.NEW_CODES)
    assert len(set(flaws.NEW_CODES)) == len(REASONS)


def test_late_rows_are_held_back_and_nothing_is_lost(sound):
    tables = sound[3]
    now, late, truth = spoilt(sound, late=0.05, twice=0.02)
    for name in ("contacts", "queue_events", "contact_segments"):
        key = tables[name].column_names[0]
        held, kept = late[name][key].to_pandas(), now[name][key].to_pandas()
        rows = tables[name].num_rows
        assert near(len(held) / rows, 0.05, rows)
        assert near(kept.duplicated().sum() / rows, 0.02 * 0.95, rows)
        assert set(held).isdisjoint(kept) and len(set(held) | set(kept)) == rows
    counts = truth["counts"].set_index("flaw")["rows"]
    assert counts["late"] == sum(t.num_rows for t in late.values())


def test_a_plan_without_flaws_changes_nothing(sound):
    now, late, truth = spoilt(sound)
    assert all(now[name].equals(sound[3][name]) for name in now) and not late
    assert truth["counts"]["rows"].sum() == 0


def test_the_same_seed_spoils_the_same_rows(sound):
    asked = dict(unkeyed=0.1, shared=0.03, skewed_s=9, renamed_day=50, late=0.01, twice=0.01)
    one, two = spoilt(sound, **asked), spoilt(sound, **asked)
    assert all(one[0][name].equals(two[0][name]) for name in one[0])
    assert one[2]["counts"].equals(two[2]["counts"]) and (one[2]["counts"]["rows"] > 0).all()
