"""A KPI is the same number from half-hours as from the contacts that were counted into them.

The contacts of the simulated centre are counted into half-hours by plain pandas
(`tests/oracle_intervals.py`) under a convention; the KPI from those rows then has the value, the
number of contacts, the standard error and the definition of the one from the contacts. Sums of whole
numbers are exact, so there is no tolerance anywhere on this page.

    contacts ──────────────► service_level(threshold_s=20, abandon_mode="ignore")  77.78  9a4c…
        │ naively                                                                    =      =
        ▼
    half-hours by "ignore" ► service_level, following the rows                     77.78  9a4c…
"""

import pandas as pd
import pytest

from contact_kpis import catalogue, open_workspace
from contact_kpis.errors import NotComputable
from contact_kpis.metrics.asked import question
from contact_kpis.metrics.compute import compute
from contact_kpis.metrics.intervals import from_intervals, interval_metrics, needs
from contact_kpis.settings import Settings
from tests.oracle_intervals import ZONE, agent_rows, centre, legs, to_intervals, with_everything

MODES = ("negative", "ignore", "positive", "drop_all")
CUTS = ((), ("day",), ("week", "queue"), ("hour",), ("queue", "interval30"))
NUMBERS = ["value", "n", "se", "lower", "upper", "n_clusters"]


@pytest.fixture(scope="module")
def made():
    return centre()


@pytest.fixture(scope="module")
def contacts(made):
    "No callbacks here: no report has a column for them (see the test about them)."
    frame = with_everything(made[0])
    frame.loc[frame["outcome"] == "callback", "outcome"] = "abandoned"
    return frame[frame["direction"] == "inbound"].reset_index(drop=True)


def opened(**frames):
    return open_workspace(frames, settings=Settings(zone=ZONE)).opened


def unknown_waits(rows, contacts):
    "Mail has no wait: a switch that reports it has no count within a threshold for it."
    mail = rows["queue_id"].str.endswith(("email", "message"))
    within = ["answered_within", "abandoned_within", "wait_ms"]
    return rows.assign(**{c: rows[c].astype("Int64").mask(mail) for c in within if c in rows})


def compare(by_contacts, by_rows, metrics, by=()):
    "All KPIs in one question to each side: same cells, same numbers, same definitions."
    same = [catalogue[m.id].using(**dict(m.chosen)) for m in metrics]
    assert [m.definition_id for m in same] == [m.definition_id for m in metrics]
    assert [m.unit for m in same] == [m.unit for m in metrics]
    ours, _ = compute(by_contacts, same, question(by=list(by)))
    theirs, _ = compute(by_rows, list(metrics), question(by=list(by)))
    keys = ["metric", "period_start_on", *by]
    both = ours.merge(theirs, on=keys, how="outer", suffixes=("", "_rows"), validate="1:1")
    assert len(both) == len(ours) == len(theirs) > 0
    for column in NUMBERS:
        assert both[column].fillna(-1).tolist() == both[f"{column}_rows"].fillna(-1).tolist(), (
            column
        )
    assert ours.groupby("metric")["value"].count().min() > 0


def the_only(found):
    return [metric for (metric,) in found.values()]


@pytest.mark.parametrize("short_s", [None, 5, 30])
@pytest.mark.parametrize("mode", MODES)
def test_every_kpi_of_a_report_is_that_of_the_contacts(contacts, mode, short_s):
    rows = to_intervals(contacts, threshold_s=20, abandon_mode=mode, short_s=short_s)
    rows = unknown_waits(rows, contacts)
    from_rows, from_contacts = opened(queue_intervals=rows), opened(contacts=contacts)
    found = interval_metrics(from_rows)
    expected = {"contact_volume", "abandonment_rate", "service_level", "asa", "aht"}
    assert set(found) == expected | ({"short_abandon_rate"} if short_s else set())
    assert dict(found["service_level"][0].chosen).get("abandon_mode", "negative") == mode
    for by in CUTS if mode == "negative" else CUTS[:2]:
        compare(from_contacts, from_rows, the_only(found), by)


@pytest.mark.parametrize("minutes", [15, 60])
def test_the_length_of_the_interval_does_not_matter(contacts, minutes):
    rows = unknown_waits(to_intervals(contacts, minutes=minutes), contacts)
    from_rows, from_contacts = opened(queue_intervals=rows), opened(contacts=contacts)
    compare(from_contacts, from_rows, the_only(interval_metrics(from_rows)), ("day", "queue"))


@pytest.mark.parametrize("include", [True, False])
def test_flowouts_in_and_out(contacts, include):
    rows = unknown_waits(to_intervals(contacts), contacts)
    asked = catalogue["service_level"].using(include_flowouts=include)
    from_rows = opened(queue_intervals=rows)
    found = from_intervals(from_rows, asked, fixed=set(asked.values))
    compare(opened(contacts=contacts), from_rows, found, ("day",))


def test_flowouts_that_are_not_reported_stay_in(contacts):
    "They cannot be left out, so the definition is the one that keeps them; insisting is refused."
    rows = unknown_waits(to_intervals(contacts), contacts).drop(columns="flowed_out")
    from_rows = opened(queue_intervals=rows)
    (metric,) = interval_metrics(from_rows)["service_level"]
    assert metric.values["include_flowouts"] is True
    compare(opened(contacts=contacts), from_rows, [metric], ("day",))
    with pytest.raises(NotComputable, match="needs contacts"):
        from_intervals(from_rows, catalogue["service_level"], fixed={"include_flowouts"})


def test_occupancy_from_agents(made):
    _, states = made
    rows = agent_rows(states, legs())
    from_rows, from_states = opened(agent_intervals=rows), opened(agent_states=states)
    (metric,) = interval_metrics(from_rows)["occupancy"]
    assert metric.definition_id == catalogue["occupancy"].definition_id
    for by in ([], ["day"], ["team"], ["agent"]):
        ours, _ = compute(from_states, [catalogue["occupancy"]], question(by=by))
        theirs, _ = compute(from_rows, [metric], question(by=by))
        assert ours["value"].tolist() == theirs["value"].tolist()
    handle = interval_metrics(from_rows)["aht"][0]
    assert handle.table == "agent_intervals"


def test_handle_time_by_agent_comes_from_the_table_that_has_agents(made, contacts):
    _, states = made
    tables = {
        "queue_intervals": to_intervals(contacts),
        "agent_intervals": agent_rows(states, legs()),
    }
    both = opened(**tables)
    assert interval_metrics(both)["aht"][0].table == "queue_intervals"
    assert interval_metrics(both, by=["agent"])["aht"][0].table == "agent_intervals"
    assert interval_metrics(both, by=["team"])["aht"][0].table == "agent_intervals"


REFUSED = [
    ("service_level", {"abandon_mode": "positive"}),
    ("service_level", {"threshold_s": 30}),
    ("service_level", {"short_abandon_s": 5}),
    ("abandonment_rate", {"denominator": "queued"}),
    ("abandonment_rate", {"denominator": "conversations"}),
    ("abandonment_rate", {"short_abandon_s": 10}),
    ("contact_volume", {"basis": "system"}),
    ("short_abandon_rate", {"short_abandon_s": 5}),
    ("longest_wait", {}),
    ("fcr_repeat_window", {}),
    ("repeat_contact_rate", {}),
    ("avg_time_to_abandon", {}),
]


@pytest.mark.parametrize(("kpi", "asked"), REFUSED)
def test_another_convention_needs_contacts(contacts, kpi, asked):
    "The rows are by negative, 20 s, no limit of short abandons."
    from_rows, metric = (
        opened(queue_intervals=to_intervals(contacts)),
        catalogue[kpi].using(**asked),
    )
    with pytest.raises(NotComputable, match="needs contacts"):
        from_intervals(from_rows, metric, fixed=set(metric.values))
    assert needs(from_rows, metric, set(metric.values)) == "contacts"


def test_what_the_settings_say_is_not_overruled_by_the_rows(contacts):
    "Thirty seconds in the settings, twenty in the rows: refused, not quietly twenty."
    said = Settings(zone=ZONE, conventions={"service_level": {"threshold_s": 30}})
    rows = {"queue_intervals": to_intervals(contacts)}
    ours = open_workspace(rows, settings=said)
    known = {kpi: m for kpi, m in catalogue.items()}
    known["service_level"] = known["service_level"].using(threshold_s=30)
    assert "service_level" not in interval_metrics(ours.opened, known)
    assert "abandonment_rate" in interval_metrics(ours.opened, known)


def test_two_conventions_are_two_numbers(contacts):
    "Half of the queues by 20 s and negative, half by 60 s and ignore; one file."
    first = contacts["queue_id"].isin(["billing voice", "orders voice"])
    rows = pd.concat(
        [
            to_intervals(contacts[first], threshold_s=20, abandon_mode="negative"),
            to_intervals(contacts[~first], threshold_s=60, abandon_mode="ignore"),
        ]
    )
    rows = unknown_waits(rows, contacts)
    from_rows = opened(queue_intervals=rows)
    found = interval_metrics(from_rows)
    assert len(found["service_level"]) == 2 and len(found["abandonment_rate"]) == 1
    assert len({m.definition_id for m in found["service_level"]}) == 2
    for metric in found["service_level"]:
        mine = contacts[first if metric.values["threshold_s"] == 20 else ~first]
        same = catalogue["service_level"].using(**dict(metric.chosen))
        ours, _ = compute(opened(contacts=mine), [same], question())
        theirs, _ = compute(from_rows, [metric], question())
        assert ours["value"][0] == theirs["value"][0] and ours["n"][0] == theirs["n"][0]
        assert any(c.startswith("other_conventions=") for c in theirs["caveats"][0])
    own = catalogue["service_level"].using(threshold_s="queue")
    with pytest.raises(NotComputable):
        from_intervals(from_rows, own.using(abandon_mode="drop_all"), fixed=set(own.values))


def test_each_queues_own_threshold_is_one_number(contacts):
    "threshold_s='queue' is a definition of its own, and rows by several thresholds serve it."
    first = contacts["queue_id"] == "billing voice"
    rows = pd.concat(
        [to_intervals(contacts[first], threshold_s=30), to_intervals(contacts[~first])]
    )
    rows = unknown_waits(rows, contacts)
    own = catalogue["service_level"].using(threshold_s="queue")
    (metric,) = from_intervals(opened(queue_intervals=rows), own, fixed=set(own.values))
    queues = sorted(set(contacts["queue_id"]))
    limits = pd.DataFrame({"queue_id": queues, "valid_from": pd.Timestamp("2025-01-01")})
    limits["sl_threshold_ms"] = [30_000 if q == "billing voice" else 20_000 for q in queues]
    from_contacts = opened(contacts=contacts, queues=limits)
    ours, _ = compute(from_contacts, [own], question(by=["day"]))
    theirs, _ = compute(opened(queue_intervals=rows), [metric], question(by=["day"]))
    assert metric.definition_id == own.definition_id
    assert ours["value"].fillna(-1).tolist() == theirs["value"].fillna(-1).tolist()
    assert ours["value"].notna().sum() > 5


def test_a_convention_for_one_queue_must_be_the_one_of_its_rows(contacts):
    first = contacts["queue_id"] == "billing voice"
    rows = pd.concat(
        [to_intervals(contacts[first], threshold_s=30), to_intervals(contacts[~first])]
    )
    from_rows = opened(queue_intervals=unknown_waits(rows, contacts))
    mixed = catalogue["service_level"].where("queue", "billing voice", threshold_s=30)
    (metric,) = from_intervals(from_rows, mixed)
    ours, _ = compute(opened(contacts=contacts), [mixed], question())
    theirs, _ = compute(from_rows, [metric], question())
    assert ours["value"][0] == theirs["value"][0]
    with pytest.raises(NotComputable, match="needs contacts"):
        from_intervals(from_rows, catalogue["service_level"].where("queue", "x", threshold_s=45))


def test_callbacks_are_not_in_a_report_and_are_said(made):
    "Amazon's mode counts them as met. The rows cannot: a caveat says how many are unaccounted for."
    frame = with_everything(made[0])
    rows = unknown_waits(to_intervals(frame, abandon_mode="positive"), frame)
    from_rows = opened(queue_intervals=rows)
    (metric,) = interval_metrics(from_rows)["service_level"]
    caveats = compute(from_rows, [metric], question())[0]["caveats"][0]
    callbacks = int(((frame["outcome"] == "callback") & frame["wait_ms"].notna()).sum())
    assert f"unaccounted={callbacks}" in caveats


def test_rows_without_a_count_are_left_out_and_said(contacts):
    "Ten rows do not know how many were abandoned: neither side counts them."
    rows = to_intervals(contacts)
    rows["abandoned"] = rows["abandoned"].astype("Int64")
    rows.loc[rows.index[:10], "abandoned"] = pd.NA
    from_rows = opened(queue_intervals=rows)
    (metric,) = interval_metrics(from_rows)["abandonment_rate"]
    found = compute(from_rows, [metric], question())[0].iloc[0]
    assert "incomplete_intervals=10" in found["caveats"]
    assert found["n"] == rows["offered"].iloc[10:].sum()
    assert found["value"] == 100 * rows["abandoned"].iloc[10:].sum() / found["n"]


def test_contacts_come_first(contacts):
    "Where contacts are there, the rows of the switch stay out of it."
    both = opened(contacts=contacts, queue_intervals=to_intervals(contacts))
    assert interval_metrics(both) == {}
