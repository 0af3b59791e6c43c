"""From a number to its rows, to people, and to what went wrong next to it."""

from datetime import date

import pandas as pd
import pytest

from contact_kpis import catalogue, open_workspace
from contact_kpis.data.contract import CHANGES
from contact_kpis.errors import ContactKpisError, NotComputable, UnknownName
from tests.builders import call, calls, contacts, metric, open_ws
from tests.small_centre import small_centre

SHARES = ["service_level", "abandonment_rate", "fcr_repeat_window", "transfer_rate", "reopen_rate"]
MEANS = ["asa", "aht", "hold_time_avg", "avg_time_to_abandon"]
SPAN = {"since": date(2026, 1, 12), "until": date(2026, 2, 8)}


def number(kpi, **asked):
    (row,) = small_centre().kpis(kpi, **asked).frame.to_dict("records")
    return row


@pytest.mark.parametrize("asked", [{}, SPAN], ids=["all", "weeks"])
@pytest.mark.parametrize("kpi", SHARES)
def test_rows_add_up_to_the_number(kpi, asked):
    rows, found = small_centre().rows(kpi, **asked), number(kpi, **asked)
    assert len(rows) and not rows["is_numerator"].isna().any()
    assert (rows["is_numerator"] <= rows["is_denominator"]).all()
    share = 100 * rows["is_numerator"].sum() / rows["is_denominator"].sum()
    assert share == pytest.approx(found["value"], abs=1e-9)
    assert rows["is_denominator"].sum() == found["n"]


@pytest.mark.parametrize("per", ["agent", "customer"])
@pytest.mark.parametrize("kpi", ["service_level", "fcr_repeat_window"])
def test_people_add_up_to_the_number(kpi, per):
    people, found = small_centre().rows(kpi, per=per, **SPAN), number(kpi, **SPAN)
    assert people[f"{per}_id"].is_unique, "one line each"
    assert people["denominator"].sum() == found["n"]
    share = 100 * people["numerator"].sum() / people["denominator"].sum()
    assert share == pytest.approx(found["value"], abs=1e-9)
    rows = small_centre().rows(kpi, **SPAN)
    known = rows[rows["is_denominator"] | rows["is_numerator"]]
    counted = known.groupby(f"{per}_id")[["is_numerator", "is_denominator"]].sum()
    mine = people.dropna(subset=f"{per}_id").set_index(f"{per}_id")
    assert len(mine) == len(counted)
    assert (mine["numerator"] == counted["is_numerator"].reindex(mine.index)).all()
    assert (mine["denominator"] == counted["is_denominator"].reindex(mine.index)).all()


@pytest.mark.parametrize("kpi", MEANS)
def test_people_add_up_to_a_mean(kpi):
    people, found = small_centre().rows(kpi, per="agent"), number(kpi)
    mean = people["numerator"].sum() / people["denominator"].sum()
    mean = mean * catalogue[kpi].scale if mean > 1000 else mean
    assert mean == pytest.approx(found["value"], rel=1e-9)


def test_people_of_a_mean_differ():
    "One agent talks 60 s, the other 600: their lines say so."
    rows = calls(2, wait=1, talk=60, agent_id="a") + calls(2, wait=1, talk=600, agent_id="b")
    people = open_ws(rows).rows("aht", per="agent").set_index("agent_id")
    ratio = people["numerator"] / people["denominator"]
    assert ratio["b"] == 10 * ratio["a"]


def test_people_of_a_count():
    rows = calls(2, wait=1, agent_id="a") + calls(3, wait=1, agent_id="b") + calls(1, "abandoned", wait=2)  # fmt: skip
    people = open_ws(rows).rows("contact_volume", per="agent")
    assert people["numerator"].sum() == 6
    assert people.dropna().set_index("agent_id")["numerator"].to_dict() == {"a": 2, "b": 3}


@pytest.mark.parametrize(("per", "near"), [("agnet", "agent"), ("customers", "customer"), ("Agent", "agent")])  # fmt: skip
def test_unknown_people(per, near):
    with pytest.raises(UnknownName, match=f"did you mean '{near}'"):
        small_centre().rows("service_level", per=per)


@pytest.mark.parametrize("per", ["team", "queue", "'; --"])
def test_people_that_are_none(per):
    with pytest.raises(UnknownName, match="agent, customer"):
        small_centre().rows("service_level", per=per)


def test_people_that_the_rows_do_not_know():
    with pytest.raises(NotComputable, match="agent"):
        small_centre().rows("channel_mix", per="agent")
    with pytest.raises(ContactKpisError, match="customer"):
        small_centre().rows("occupancy", per="customer")


# --- next to a low FCR --------------------------------------------------------------------------


def test_from_a_low_fcr_to_its_causes_in_three_calls():
    by_queue = small_centre().kpis("fcr_repeat_window", by=["queue"]).frame  # 1
    queue = by_queue.sort_values("value")["queue"].iloc[0]
    near = small_centre().near("fcr_repeat_window", where={"queue": queue})  # 2
    rows = small_centre().rows("fcr_repeat_window", where={"queue": queue})  # 3
    failures = rows[rows["is_denominator"] & ~rows["is_numerator"]]
    assert near.failed == len(failures) > 0
    agents = near.agents
    assert len(agents) and {"agent_id", "failed", "rows"} <= set(agents.columns)
    counted = failures.groupby("agent_id").size()
    mine = agents.set_index("agent_id")["failed"]
    assert mine.to_dict() == counted.reindex(mine.index).to_dict()
    assert agents["failed"].is_monotonic_decreasing
    assert len(near.self_service) and "failed" in set(near.self_service["outcome"])
    assert near.changes["kind"].isin(CHANGES).all()
    for shown in (repr(near), near._repr_html_()):
        assert queue in shown or str(near.failed) in shown


def test_a_change_in_the_centre_is_named():
    near = small_centre().near("fcr_repeat_window")
    assert len(near.changes) == 1
    assert "Pages on setting up" in near.changes["text"][0]


def test_a_change_long_after_is_not():
    made = {"change_id": ["c1", "c2"], "at": ["2026-03-01 08:00", "2027-03-01 08:00"],
            "kind": ["process", "ivr"], "scope": [None, None], "text": ["in time", "too late"]}  # fmt: skip
    log = pd.DataFrame(made)
    log["at"] = pd.to_datetime(log["at"])
    rows = [call(at=f"2026-03-{d:02} 10:00", wait=1, talk=9, customer_id="k", agent_id="a") for d in (2, 5)]  # fmt: skip
    rows += calls(2, at="2026-03-20 10:00", wait=1, talk=9, agent_id="a")
    small = open_workspace({"contacts": contacts(rows), "change_log": log})
    near = small.near("fcr_repeat_window")
    assert near.failed == 1 and near.agents["agent_id"].tolist() == ["a"]
    assert near.changes["text"].tolist() == ["in time"]


def test_what_cannot_be_looked_at_is_named():
    near = open_ws([call(wait=1, talk=9, customer_id="k", agent_id="a")]).near("fcr_repeat_window")
    assert set(near.missing) == {"self_service_sessions", "change_log"}
    assert len(near.self_service) == len(near.changes) == 0


def test_a_higher_is_worse_kpi_has_failures_of_its_own():
    near = small_centre().near("repeat_contact_rate", **SPAN)
    assert near.failed == small_centre().rows("repeat_contact_rate", **SPAN)["is_numerator"].sum()


@pytest.mark.parametrize("asked", [("fcr_repeat_windw", None), ("fcr_repeat_window", {"qeue": "x"}), ("fcr_repeat_window", {"queue": "biling"})])  # fmt: skip
def test_what_is_asked_wrongly(asked):
    kpi, where = asked
    with pytest.raises(UnknownName, match="did you mean"):
        small_centre().near(kpi, where=where)


def test_a_definition_of_its_own_is_followed():
    one_day, week = metric("fcr_repeat_window", window_d=1), catalogue["fcr_repeat_window"]
    assert small_centre().near(one_day, **SPAN).failed < small_centre().near(week, **SPAN).failed
    rows = small_centre().rows(one_day, **SPAN)
    assert small_centre().near(one_day, **SPAN).failed == (rows["is_denominator"] & ~rows["is_numerator"]).sum()  # fmt: skip
