"The small centre: the same from one seed, without contradictions, and with its story in the last week."

import numpy as np
import pandas as pd
import pytest

from contact_kpis.data import tables
from contact_kpis.data.simulate import small
from contact_kpis.errors import BadInput
from contact_kpis.settings import read_settings

SIZE = dict(weeks=4, contacts=24_000)


@pytest.fixture(scope="module")
def centre():
    return small.make(seed=7, **SIZE).tables


@pytest.fixture(scope="module")
def half_year():
    return small.make().tables


def local(times):
    return times.dt.tz_localize("UTC").dt.tz_convert(small.ZONE).dt.tz_localize(None)


def test_a_seed_gives_equal_frames(centre):
    again = small.make(seed=7, **SIZE).tables
    for name, frame in centre.items():
        pd.testing.assert_frame_equal(frame, again[name])


def test_another_seed_gives_another_centre(centre):
    other = small.make(seed=8, **SIZE).tables["contacts"]
    assert not other["started_at"].head(50).equals(centre["contacts"]["started_at"].head(50))


@pytest.mark.parametrize("table", ["contacts", "agent_states"])
def test_every_row_keeps_the_contract(centre, table):
    fitted = tables.fit(table, centre[table])
    assert len(fitted.quarantine) == 0 and fitted.deduplicated == 0


def test_size_and_span(half_year):
    contacts = half_year["contacts"]
    assert abs(len(contacts) / 200_000 - 1) < 0.03
    days = local(contacts["started_at"]).dt.normalize()
    assert days.min() == pd.Timestamp("2026-01-05") and days.max() == pd.Timestamp("2026-07-04")
    assert days.nunique() == 26 * 6  # Saturday 4 July is the last open day of the week ending on 5
    assert 50 <= contacts["agent_id"].nunique() <= 75
    assert contacts["team"].nunique() == 6 and contacts["site"].nunique() == 2
    assert set(contacts["channel"]) == {"voice", "chat", "email"}
    assert contacts["queue_id"].nunique() == 5


def test_local_hours_hold_across_the_switch_to_summer_time(half_year):
    arrived = local(half_year["contacts"]["started_at"])
    assert arrived.dt.hour.between(7, 19).all()
    enqueued = local(half_year["contacts"]["enqueued_at"].dropna())
    assert enqueued.dt.hour.between(8, 19).all()


def test_null_and_zero_are_kept_apart(half_year):
    contacts = half_year["contacts"]
    never = (contacts["outcome"] == "left_ivr") | (contacts["channel"] == "email")
    assert (contacts["wait_ms"].isna() == never).all()
    assert (contacts["enqueued_at"].isna() == never).all()
    answered = contacts["outcome"] == "answered"
    for column in ("agent_id", "team", "site", "talk_ms", "hold_ms", "wrap_ms"):
        assert (contacts[column].notna() == answered).all()
    assert (contacts["wait_ms"] == 0).sum() > 50_000
    assert contacts["customer_id"].isna().mean() == pytest.approx(0.08, abs=0.05)


def test_waits_are_the_distance_of_their_times(centre):
    contacts = centre["contacts"]
    gone = contacts[contacts["outcome"] == "abandoned"]
    assert (
        (gone["ended_at"] - gone["enqueued_at"]) // pd.Timedelta("1ms") == gone["wait_ms"]
    ).all()
    served = contacts[(contacts["outcome"] == "answered") & contacts["wait_ms"].notna()]
    spent = served[["wait_ms", "talk_ms", "hold_ms"]].sum(axis=1)
    stay = (served["ended_at"] - served["enqueued_at"]) // pd.Timedelta("1ms")
    assert (stay == spent).all()


def test_first_come_is_first_served(centre):
    contacts = centre["contacts"]
    one = contacts[(contacts["team"] == "billing voice") & (contacts["outcome"] == "answered")]
    one = one.sort_values("enqueued_at")
    served = one["enqueued_at"] + pd.to_timedelta(one["wait_ms"].astype("int64"), unit="ms")
    assert served.is_monotonic_increasing


def test_nobody_waits_while_an_agent_is_free():
    "By hand: two agents, one twice as slow; the contact at 25 s finds the second one free."
    arrive = np.array([0, 1_000, 25_000, 26_000])
    work, patience = np.full(4, 20_000), np.array([9, 9, 9, 2]) * 10_000_000
    windows = [(0, 0, 10**8), (1, 0, 10**8)]
    begin, agent = small._serve(arrive, work, patience, windows, np.array([2.0, 1.0]))
    assert begin.tolist() == [0, 1_000, 25_000, 40_000]
    assert agent.tolist() == [0, 1, 1, 0]


def test_states_do_not_overlap(centre):
    states = centre["agent_states"].sort_values(["agent_id", "started_at"])
    later = states.groupby("agent_id")["started_at"].shift(-1)
    assert (later.isna() | (states["ended_at"] <= later)).all()
    assert (states["ended_at"] > states["started_at"]).all()
    assert set(states["routing_status"]) == {"interacting", "idle", "off_queue"}


def test_states_are_the_contacts_from_the_other_side(centre):
    contacts, states = centre["contacts"], centre["agent_states"]
    busy = states[states["routing_status"] == "interacting"]
    length = (busy["ended_at"] - busy["started_at"]) // pd.Timedelta("1ms")
    spent = contacts[["talk_ms", "hold_ms", "wrap_ms"]].sum(axis=1).groupby(contacts["agent_id"])
    assert length.groupby(busy["agent_id"]).sum().to_dict() == spent.sum().to_dict()


def test_busy_hours_and_weekdays(half_year):
    arrived = local(half_year["contacts"]["started_at"])
    by_hour = arrived.dt.hour.value_counts()
    assert by_hour.idxmax() in (9, 10) and by_hour[10] > 1.5 * by_hour[18]
    by_day = arrived.dt.day_of_week.value_counts()
    assert by_day.idxmax() == 0 and by_day[5] == by_day.min() and 6 not in by_day.index


def test_unsettled_matters_come_back_within_days(half_year):
    "Technical matters are planted as the least settled (.26, orders .12): more repeats within a week."
    known = half_year["contacts"].dropna(subset=["customer_id"])
    known = known[known["outcome"] == "answered"].sort_values("started_at")
    past = known.groupby(["customer_id", "queue_id"])["started_at"].shift(1)
    repeat = (known["started_at"] - past) <= pd.Timedelta("7D")
    share = repeat.groupby(known["queue_id"]).mean()
    assert share["technical"] > share["orders"] + 0.05 and share["orders"] > 0.04


def test_agents_and_reasons_differ_in_handling_time(half_year):
    answered = half_year["contacts"].dropna(subset=["talk_ms", "reason_code"])
    answered = answered[answered["team"] == "billing voice"]
    handle = answered[["talk_ms", "hold_ms", "wrap_ms"]].sum(axis=1)
    by_agent = handle.groupby(answered["agent_id"]).mean()
    assert by_agent.max() > 1.2 * by_agent.min()
    by_reason = handle.groupby(answered["reason_code"]).mean()
    assert by_reason["refund"] > by_reason["payment"] > by_reason["invoice"]


def test_the_last_week_has_its_story(half_year):
    contacts = half_year["contacts"]
    queued = contacts[contacts["wait_ms"].notna()]
    fast = (queued["outcome"] == "answered") & (queued["wait_ms"] <= 20_000)
    week = (local(queued["enqueued_at"]) - pd.Timestamp(small.FIRST)).dt.days // 7
    level = fast.groupby([queued["queue_id"], week]).mean().unstack("queue_id")
    assert level["technical"].iloc[-1] < level["technical"].iloc[:-1].min() - 0.15
    for queue in ("billing", "orders", "retention", "general"):
        usual = level[queue].iloc[:-1]
        assert abs(level[queue].iloc[-1] - usual.mean()) < 4 * usual.std()


@pytest.mark.parametrize("size", [dict(weeks=0), dict(weeks=26, contacts=100)])
def test_too_small_a_centre_is_refused(size):
    with pytest.raises(BadInput, match="500 contacts or more in each"):
        small.make(**size)


def test_written_project_says_that_it_is_simulated(tmp_path):
    folder = small.write(tmp_path / "example", weeks=1, contacts=2_000)
    settings = read_settings(folder / "contact_kpis.toml")
    assert settings.simulated and settings.zone == small.ZONE
    assert set(tables.open_folder(folder).tables) == {"contacts", "agent_states"}
