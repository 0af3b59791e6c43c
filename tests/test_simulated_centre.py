"""A simulated centre as a whole, held against what was promised of it, not against its code.

Everything is seeded, so a failure is a change of the code. Sizes are small: what needs many
contacts is measured once, on the plan "small" as it is written to disk.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contact_kpis import open_workspace
from contact_kpis.data.contract import DENSE
from contact_kpis.data.contract import tables as contracts
from contact_kpis.data.fitting import Imported, empty_quarantine
from contact_kpis.data.simulate import centre as whole
from contact_kpis.data.simulate.centre import make, write
from contact_kpis.data.simulate.plan import LINES, PLANS, REASONS, SITES, plan_of
from contact_kpis.data.tables import write_project
from contact_kpis.errors import BadInput, ContactKpisError, UnknownName
from contact_kpis.settings import read_settings

ROOT = Path(__file__).resolve().parents[1]
DAY_MS = 86_400_000
EARLY = {"overflow_day": 10, "shift_day": 14, "target_day": 14}  # effects inside a short plan

# All flaws and all effects at once, over a turn of the month.
EVERYTHING = {"contacts": 3_000, "weeks": 5, "renamed_day": 14, "gamers": 0.2, "overflow": 0.08}
EVERYTHING |= {"shift": -0.15, "shift_mix": 0.06, "slower": 0.06, "hard_to_good": 0.5}
EVERYTHING |= {"warmth_skill": 0.5, "warmth_path": -0.1, "hidden": 1.0, "unseen": 1.0}
EVERYTHING |= {"drift": 0.25, "tail": 0.05, "heaped": 0.3, **EARLY}


@dataclass(frozen=True)
class Written:
    "A project on disk, and the truth beside it."

    folder: Path
    beside: Path

    def table(self, name, columns=None):
        return pd.read_parquet(self.folder / "data" / f"{name}.parquet", columns=columns)

    def truth(self, name):
        return pd.read_parquet(self.beside / f"{name}.parquet")

    @cached_property
    def contacts(self):
        "All contacts, with local times of their sites and what is true of them."
        out = self.table("contacts")
        zone = out["site"].map({site.name: site.zone for site in SITES})
        utc = out["started_at"].dt.tz_localize("UTC")
        parts = [utc[zone == z].dt.tz_convert(z).dt.tz_localize(None) for z in zone.unique()]
        out = out.assign(visit=number(out["contact_id"]), person=number(out["customer_id"]))
        out["local"] = pd.concat(parts).reindex(out.index)
        out["at_ms"] = milliseconds(out["started_at"])
        true = self.truth("visits").drop(columns="person")
        return out.merge(true, on="visit", validate="1:1")


def number(ids):
    return ids.str[1:].astype("int64")


def milliseconds(times):
    return times.astype("datetime64[ms]").astype("int64")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    "The plan small: 200,000 contacts in half a year."
    base = tmp_path_factory.mktemp("small")
    write(plan_of("small"), base / "centre", base / "truth")
    return Written(base / "centre", base / "truth")


@pytest.fixture(scope="module")
def workspace(small):
    return open_workspace(small.folder)


# The same seed, the same bytes

SCRIPT = """
import json, sys
from contact_kpis.data.simulate.centre import write
from contact_kpis.data.simulate.plan import plan_of
write(plan_of("flawed", **json.loads(sys.argv[1])), sys.argv[2], sys.argv[3])
"""


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    "One plan written by two processes that order sets, know time zones and name folders apart."
    base, running, out = tmp_path_factory.mktemp("twice"), [], []
    for name, seed, zone in (("a", "1", "UTC"), ("another", "4242", "Asia/Tokyo")):
        out.append(Written(base / name, base / f"{name}-truth"))
        paths = [str(out[-1].folder), str(out[-1].beside)]
        env = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone}
        call = [sys.executable, "-c", SCRIPT, json.dumps(EVERYTHING), *paths]
        running.append(subprocess.Popen(call, env=env, cwd=ROOT, stderr=subprocess.PIPE))
    for process in running:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told.decode()[-2000:]
    return out


@pytest.fixture(scope="module")
def made():
    "The same plan in memory."
    return make("flawed", **EVERYTHING)


def files(folder):
    return {str(f.relative_to(folder)): f for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.parametrize("part", ["folder", "beside"])
def test_two_processes_write_the_same_bytes(twice, part):
    one, two = (files(getattr(written, part)) for written in twice)
    assert list(one) == list(two) and len(one) > 6
    assert [name for name in one if one[name].read_bytes() != two[name].read_bytes()] == []


def test_another_seed_gives_other_rows(made):
    other = make("flawed", **EVERYTHING, seed=7)
    for name in ("contacts", "agent_states", "tickets", "orders"):
        at = contracts[name].event
        here, there = (set(c.tables[name][at]) for c in (made, other))
        assert len(here & there) < 0.02 * len(here), name
    for name in ("skill", "warmth"):
        here, there = (set(c.truth["crew"][name]) for c in (made, other))
        assert not here & there


def as_arrow(frame, schema):
    "A frame with a file's types; what is not a number is null."
    own = pa.schema([schema.field(str(name)) for name in frame])
    return pa.Table.from_pandas(frame, own, preserve_index=False).replace_schema_metadata(None)


def test_memory_and_disk_hold_the_same_rows(twice, made):
    "Every row and column of `make` is in the file, and the files have no other rows."
    apart = []
    for name, frame in made.tables.items():
        file = pq.read_table(twice[0].folder / "data" / f"{name}.parquet")
        kept = file.select(list(frame.columns)).replace_schema_metadata(None)
        order = [(column, "ascending") for column in frame.columns]
        mine = as_arrow(frame, file.schema)
        apart += [] if mine.sort_by(order).equals(kept.sort_by(order)) else [name]
    assert apart == []
    assert files(twice[0].folder / "data").keys() - {f"{name}.parquet" for name in made.tables} == {
        "status_intervals.parquet", "quarantine.parquet", "import.json",
    }  # fmt: skip


def test_memory_and_disk_hold_the_same_truth(twice, made):
    names = {f.stem for f in files(twice[0].beside).values()}
    assert names == set(made.truth)
    for name, frame in made.truth.items():
        file = pq.read_table(twice[0].beside / f"{name}.parquet")
        assert as_arrow(frame, file.schema).equals(file.replace_schema_metadata(None)), name


# Written as an import would have written it

NUMBERS = {*DENSE, "ticket_no"}  # numbered in another order: compared one to one, over all tables


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory):
    "A centre without flaws, written as it is made and through the door of imports."
    base, plan = tmp_path_factory.mktemp("both"), plan_of("small", contacts=3_000, weeks=5, **EARLY)
    write(plan, base / "written", base / "truth")
    centre = make(plan)
    rows = len(centre.tables["contacts"])
    told = Imported(centre.settings.source, centre.tables, empty_quarantine(), rows)
    write_project(told, base / "imported", centre.settings)
    return Written(base / "written", base / "truth"), Written(base / "imported", base)


def by_key(written, name):
    table = pq.read_table(written.folder / "data" / f"{name}.parquet")
    return table.sort_by([(column, "ascending") for column in contracts[name].key])


def test_every_column_is_what_an_import_makes(both_ways):
    """Rows are put in the order of their keys; then every column is equal, type and nulls too,
    but for the dense numbers: where one way gives a number, the other gives one, always the same.
    """
    apart, pairs = [], {column: [] for column in NUMBERS}
    for name in contracts:
        one, two = (by_key(written, name) for written in both_ways)
        assert one.schema.equals(two.schema), name
        for column in one.column_names:
            if column in NUMBERS:
                pairs[column].append((one[column].to_pandas(), two[column].to_pandas()))
            elif not one[column].combine_chunks().equals(two[column].combine_chunks()):
                apart.append(f"{name}.{column}")
    assert apart == []
    for column, found in pairs.items():
        mine, theirs = (pd.concat(side, ignore_index=True) for side in zip(*found, strict=True))
        assert (mine.isna() == theirs.isna()).all(), column
        unlike = pd.DataFrame({"mine": mine, "theirs": theirs}).dropna().drop_duplicates()
        assert unlike["mine"].is_unique and unlike["theirs"].is_unique, column
        assert len(unlike) > 5, column


def test_the_account_and_the_settings_are_what_an_import_writes(both_ways):
    one, two = both_ways
    stories = [json.loads((w.folder / "data" / "import.json").read_text()) for w in both_ways]
    assert stories[0] == stories[1]
    settings = [(w.folder / "contact_kpis.toml").read_text("utf-8") for w in both_ways]
    assert settings[0] == settings[1]
    asides = [w.table("quarantine") for w in both_ways]
    pd.testing.assert_frame_equal(*asides)


def test_kpis_are_those_of_an_import(both_ways):
    "All that can be computed; errors of customers are grouped by dense number: nearly the same."
    one, two = (open_workspace(written.folder) for written in both_ways)
    able = [kpi for kpi, lacking in one.computable().items() if not lacking]
    assert one.computable() == two.computable() and len(able) >= 15
    mine, theirs = (ws.kpis(able).frame for ws in (one, two))
    same = ["metric", "definition_id", "unit", "value", "n", "pending", "status", "method"]
    pd.testing.assert_frame_equal(mine[same], theirs[same])
    many = mine["n_clusters"] >= 100  # a handful of customers can fall into one bucket or two
    many &= ~mine["method"].str.contains("quantile")  # read off a band that goes in steps
    assert many.sum() >= 20 and mine["se"].isna().equals(theirs["se"].isna())
    apart = (mine["se"][many] / theirs["se"][many] - 1).abs()
    assert apart.median() < 0.1 and apart.max() < 0.5  # heavy tails fall into other buckets


# The contract, for every plan


def reduced(name):
    plan = plan_of(name, contacts=4_000, weeks=4, **EARLY)
    return replace(plan, name="any", renamed_day=14 if plan.renamed_day else 0)


@cache
def judged(plan):
    "Errors of the contract, half-hours that do not add up, and rows of each planted flaw."
    base = Path(tempfile.mkdtemp())
    try:
        write(plan, base / "centre", base / "truth")
        ws = open_workspace(base / "centre")
        errors = ws.check().errors[["table", "rule", "column", "count"]].to_dict("records")
        apart = ws.reconcile().frame["measure"].value_counts().to_dict()
        planted = pd.read_parquet(base / "truth" / "flaws.parquet").groupby("flaw")["rows"].sum()
        return errors, apart, planted.to_dict()
    finally:
        shutil.rmtree(base)


# Four seconds each; the others differ from these in sizes only, and are judged in CI.
QUICK = ("small", "standard", "gaming_every_way", "missing_keys", "flawed")
SLOW = [name for name in PLANS if name not in QUICK]
EVERY = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


@pytest.mark.parametrize("name", EVERY)
def test_the_contract_finds_no_error_but_planted_ones(name):
    errors, _, planted = judged(reduced(name))
    if not PLANS[name].twice:
        assert errors == []
        return
    assert {line["rule"] for line in errors} == {"key"}
    assert sum(line["count"] for line in errors) == planted["twice"] > 0


def test_flaws_are_counted_where_they_were_asked_for():
    found = {name: judged(reduced(name))[2] for name in ("small", "missing_keys", "flawed")}
    assert set(found["small"].values()) == {0}
    asked = {flaw for flaw, rows in found["missing_keys"].items() if rows}
    assert asked == {"unkeyed", "shared"}
    assert all(rows > 0 for rows in found["flawed"].values())


def test_half_hours_of_the_switch_are_those_of_the_contacts():
    "Without a wrong clock there is no half-hour in which the two counts differ."
    sound = ("small", "standard", "gaming_every_way", "missing_keys")
    apart = {name: judged(reduced(name))[1] for name in sound}
    assert apart == dict.fromkeys(sound, {})


@pytest.mark.parametrize("seed", [2024, 1])
@pytest.mark.parametrize("weeks", [2, 4])
def test_a_plan_without_outage_or_launch_can_be_made(weeks, seed):
    "In a short plan nothing may strike a whole region."
    assert len(make("standard", contacts=1_000, weeks=weeks, seed=seed).tables["contacts"]) > 800


# All tables and columns are filled

NEVER = {  # may only shrink: column -> why no row of this centre has it
    "contacts.root_id": "transfers are legs of one contact here, not contacts of their own",
    "contacts.prev_id": "as root_id",
    "contacts.next_id": "as root_id",
    "contacts.related_id": "as root_id",
    "queue_events.priority": "left out; contacts.priority has it",
    "agent_states.reason": "presence says as much",
    "emotions.model_id": "people choose moods themselves; no model labels any",
    "emotions.model_version": "as model_id",
    "emotions.probability": "as model_id",
    "emotions.turn_no": "words are labelled as a whole, not turn by turn",
    "emotions.labelled_by": "as model_id",
    "actions.done_at": "nobody follows answers up in this centre",
    "queues.valid_to": "no queue changes while the plan runs",
    "queues.vendor": "there is no outsourced queue",
    "queue_intervals.team": "a queue's half-hour has several teams",
    "queue_intervals.staffed_ms": "time of staff is in agent_states",
    "queue_intervals.idle_ms": "time of staff is in agent_states",
    "queue_intervals.source_system": "there is one switch",
    "agent_intervals.channel": "one row for all channels of an agent",
    "agent_intervals.team": "left out; agents.team has it",
    "agent_intervals.offered": "offers that an agent does not take are in agent_states",
    "agent_intervals.abandoned": "callers give up on a queue, not on an agent",
    "agent_intervals.short_abandoned": "as abandoned",
    "agent_intervals.answered_within": "a threshold belongs to a queue",
    "agent_intervals.abandoned_within": "as abandoned",
    "agent_intervals.flowed_out": "as abandoned",
    "agent_intervals.staffed_ms": "time of staff is in agent_states",
    "agent_intervals.idle_ms": "time of staff is in agent_states",
    "agent_intervals.abandon_mode": "as abandoned",
    "agent_intervals.threshold_ms": "as answered_within",
    "agent_intervals.short_abandon_ms": "as abandoned",
    "agent_intervals.source_system": "there is one switch",
    "targets.convention_hash": "targets are set on the usual conventions",
}


def test_all_tables_of_the_contract_are_filled(small):
    there = {
        f.stem: pq.read_metadata(f).num_rows for f in (small.folder / "data").glob("*.parquet")
    }
    assert len(contracts) == 50
    assert {name for name in contracts if not there.get(name)} == set()


def test_columns_that_a_centre_could_know_are_filled(small):
    never = set()
    for name, contract in contracts.items():
        table = pq.read_table(small.folder / "data" / f"{name}.parquet")
        there = {c for c in table.column_names if table[c].null_count < len(table)}
        made = [c.name for c in contract.columns if "_report_" in c.name]
        away = set(made) if "site" not in contract.names else set()  # days of sites: of none
        never |= {f"{name}.{c}" for c in contract.names if c not in there | away}
    assert never - set(NEVER) == set(), "not filled any more"
    assert set(NEVER) - never == set(), "filled now: take it off the list"


# A centre that a practitioner would recognise


@pytest.mark.parametrize("contacts, seed", [(10_000, 1), (50_000, 3)])
def test_there_are_about_as_many_contacts_as_planned(contacts, seed):
    found = len(make("small", contacts=contacts, seed=seed).tables["contacts"])
    assert found == pytest.approx(contacts, rel=0.06)


def test_there_are_about_200_000_contacts_in_the_small_centre(small):
    assert len(small.contacts) == pytest.approx(200_000, rel=0.06)


def test_sites_languages_and_channels(small, workspace):
    sites = small.table("sites")
    assert len(sites) == 2 and sites["zone"].nunique() == 2
    contacts = small.contacts
    shares = contacts["language"].value_counts(normalize=True)
    assert set(shares.index) == {"en", "zh", "he"} and shares.min() > 0.02
    assert set(contacts["channel"]) == {line.medium for line in LINES}
    assert set(contacts["queue_id"]) == {line.name for line in LINES}
    assert contacts["site"].value_counts(normalize=True).min() > 0.2
    for table in ("contact_texts", "surveys"):
        assert set(small.table(table)["language"].dropna()) == {"en", "zh", "he"}, table
    words = small.table("contact_texts")
    for tongue, letters in (("zh", r"[\u4e00-\u9fff]"), ("he", r"[\u05d0-\u05ea]")):
        texts = words.loc[words["language"] == tongue, "text"]
        assert texts.str.contains(letters, regex=True).mean() > 0.99


def test_it_says_that_it_is_simulated(small, workspace):
    settings = read_settings(small.folder / "contact_kpis.toml")
    assert workspace.is_simulated and settings.simulated and "simulat" in settings.source
    assert "SIMULATED" in repr(workspace)


def test_kpis_lie_where_those_of_real_centres_lie(workspace):
    "Wide ranges: a poor month of an ordinary centre is inside, a broken one is not."
    ranges = {"abandonment_rate": (2, 15), "service_level": (60, 90), "asa": (5, 60)}
    ranges |= {"aht": (240, 720), "occupancy": (60, 90), "repeat_contact_rate": (10, 40)}
    ranges |= {"fcr_repeat_window": (60, 85), "reopen_rate": (3, 25)}
    found = workspace.kpis(list(ranges)).frame.set_index("metric")["value"]
    wrong = {kpi: found[kpi] for kpi, (a, b) in ranges.items() if not a <= found[kpi] <= b}
    assert wrong == {}


def test_every_spoken_queue_works(workspace):
    frame = workspace.kpis(["abandonment_rate", "service_level"], by=["queue"]).frame
    spoken = [line.name for line in LINES if line.patience_s]
    found = frame.pivot(index="queue", columns="metric", values="value").loc[spoken]
    assert found["abandonment_rate"].between(1, 25).all(), found
    assert found["service_level"].between(50, 95).all(), found


def test_most_wait_little_and_few_wait_long(small):
    spoken = small.contacts[small.contacts["channel"].isin(["voice", "chat"])]
    seconds = spoken.loc[spoken["outcome"] == "answered", "wait_ms"] / 1000
    assert (seconds == 0).mean() == pytest.approx(0.65, abs=0.2)  # an agent was free
    assert seconds.quantile(0.9) < 180 and seconds.max() < 3600
    assert seconds.mean() > 1.5 * seconds.median()  # skewed to the right
    gave_up = spoken[spoken["outcome"] == "abandoned"]
    assert 30 < gave_up["wait_ms"].median() / 1000 < 300
    queued = gave_up["local"] + (gave_up["enqueued_at"] - gave_up["started_at"])
    queued += pd.Timedelta(minutes=1)  # who queues in the last minute may be sent home at close
    assert (gave_up["wait_ms"] > 0)[queued.dt.hour.between(8, 19)].all()


def test_a_day_has_two_peaks(small):
    "One before noon and one in the afternoon, with a dip of a tenth or more between them."
    local = small.contacts.loc[small.contacts["channel"] == "voice", "local"]
    half = local.dt.hour * 2 + local.dt.minute // 30
    curve = half.value_counts().reindex(range(16, 40), fill_value=0).sort_index()
    smooth = curve.rolling(3, center=True, min_periods=1).mean()
    tops = [h for h in smooth.index[1:-1] if smooth[h - 1] < smooth[h] >= smooth[h + 1]]
    assert len(tops) == 2 and 18 <= tops[0] <= 23 and 26 <= tops[1] <= 33
    assert smooth[tops[0] : tops[1]].min() < 0.9 * min(smooth[tops])
    assert smooth[39] < 0.7 * smooth.max()


def test_monday_is_busiest(small):
    contacts = small.contacts
    for channels in (["voice"], ["chat"], list(contacts["channel"].unique())):
        mine = contacts.loc[contacts["channel"].isin(channels), "local"]
        each = mine.dt.day_of_week.value_counts()
        assert each.idxmax() == 0, channels
        assert each[0] > 1.1 * each[1] and each.reindex(range(6)).idxmin() == 5, channels


@pytest.mark.parametrize("channel", ["voice", "chat"])
def test_nobody_calls_outside_opening_hours(small, channel):
    spoken = small.contacts[small.contacts["channel"] == channel]
    outside = spoken[~spoken["local"].dt.hour.between(8, 19)]
    assert len(outside) == 0, outside[["contact_id", "local", "reason_code"]].head().to_string()


def test_it_is_closed_on_sundays_and_holidays(small):
    "1 May 2026 is a Friday; letters come on such days, and nobody reads them."
    calendars = small.table("calendars")
    closed = set(pd.to_datetime(calendars.loc[calendars["holiday"].notna(), "day"]))
    assert closed == {pd.Timestamp("2026-05-01")}
    day = small.contacts["local"].dt.normalize()
    shut = (day.dt.day_of_week == 6) | day.isin(closed)
    assert set(small.contacts.loc[shut, "channel"]) <= {"email", "message"}
    opened = pd.date_range("2026-01-05", "2026-07-05", unit="s")
    opened = opened[(opened.day_of_week != 6) & ~opened.isin(list(closed))]
    assert set(day[small.contacts["channel"] == "voice"]) == set(opened)
    for name in ("agent_states", "contact_segments", "schedules"):
        on = pd.to_datetime(small.table(name, ["started_on"])["started_on"])
        own = (on.dt.day_of_week == 6) | on.isin(closed)
        assert not own.any(), name


# Truth is beside the tables

SECRET = ("solved", "felt", "blame", "gives_up", "logit", "gamed", "astray", "skill", "warmth")
SECRET += ("unseen", "habit", "hidden", "pace", "games", "way", "moved", "need", "round")


def test_no_column_tells_the_truth(made):
    "What the contract calls skill is the name of a trade, not how good somebody is at it."
    there = {(n, c) for n, frame in made.tables.items() for c in frame if c in SECRET}
    assert there == {("agent_skills", "skill"), ("queues", "skill")}
    for name in ("agent_skills", "queues"):
        known = {word for line in LINES for word in (line.name, line.trade)}
        assert set(made.tables[name]["skill"].dropna()) <= known


def test_no_column_follows_the_truth(small):
    "Ranks of no number that a contact or an answer has are those of what nobody can see."
    contacts = small.contacts
    truth = contacts.set_index("contact_id")[["logit", "felt"]]
    for name in ("contacts", "surveys"):
        table = small.table(name).set_index("contact_id")
        numbers = table.select_dtypes("number").join(truth, how="inner")
        some = numbers.sample(min(len(numbers), 20_000), random_state=1)
        alike = some.corr("spearman").abs()[["logit", "felt"]].drop(index=["logit", "felt"])
        assert alike.max().max() < 0.9, (name, alike.max())


def test_truth_knows_who_is_behind_a_contact_without_key(made):
    "Also who called on a line that two share: nothing else tells what missing keys do to a result."
    contacts = made.tables["contacts"].drop_duplicates("contact_id").set_index("contact_id")
    visits = made.truth["visits"]
    assert "person" in visits
    person = visits["person"].set_axis([f"c{n:09d}" for n in visits["visit"]])
    lost = contacts["customer_id"].isna()
    assert 0.05 < lost.mean() < 0.15 and (person[contacts.index[lost]] >= 0).all()
    told = number(contacts.loc[~lost, "customer_id"])
    assert 0.9 < (told == person[told.index]).mean() < 1


def test_truth_lies_in_no_project(small):
    inside = {Path(name).name for name in files(small.folder)}
    assert inside == {f"{name}.parquet" for name in contracts} | {
        "quarantine.parquet", "import.json", "contact_kpis.toml",
    }  # fmt: skip


# Chains


@pytest.fixture(scope="module")
def chains(small):
    "Contacts in the order of their matters."
    return small.contacts.sort_values(["need", "round"], ignore_index=True)


def test_every_contact_has_one_truth(small):
    truth = small.truth("visits")
    assert truth["visit"].is_unique
    assert set(truth["visit"]) == set(number(small.table("contacts", ["contact_id"])["contact_id"]))


def test_a_matter_is_one_persons_and_about_one_thing(chains):
    each = chains.groupby("need").agg(
        {"person": "nunique", "why": "nunique", "language": "nunique"}
    )
    assert (each["person"] == 1).all() and (each["why"] == 1).all()
    assert (each["language"] == 1).all()
    told = chains[chains["reason_code"].notna()]
    names = np.array([reason.name for reason in REASONS])
    assert (told["reason_code"] == names[told["why"]]).mean() > 0.9


def test_rounds_follow_each_other(chains):
    "First 0, then 1 and so on, at most seven contacts; each begins after the last has ended."
    first = chains.groupby("need")["round"].first()
    assert (first == 0).all() and chains["round"].max() <= 6
    later = chains["need"] == chains["need"].shift()
    assert (chains["round"].diff()[later] == 1).all()
    assert (chains["started_at"] > chains["started_at"].shift())[later].all()
    assert (chains["started_at"] > chains["ended_at"].shift())[later].all()
    assert 0.1 < later.mean() < 0.4


def test_nobody_comes_back_for_what_is_settled_or_given_up(chains):
    goes_on = chains["need"] == chains["need"].shift(-1)
    assert not (goes_on & chains["solved"]).any()
    assert not (goes_on & chains["gives_up"]).any()
    assert not (chains["solved"] & (chains["outcome"] != "answered")).any()
    assert (chains["blame"].ge(0) == (chains["outcome"].eq("answered") & ~chains["solved"])).all()


@pytest.fixture(scope="module")
def legs(small):
    rows = small.table("contact_segments").sort_values(["contact_id", "seq"], ignore_index=True)
    return rows.assign(again=rows["contact_id"] == rows["contact_id"].shift())


def test_legs_begin_one_after_the_other_inside_their_contact(legs, small):
    assert (legs["seq"].diff()[legs["again"]] == 1).all()
    assert (legs["started_at"] >= legs["ended_at"].shift())[legs["again"]].all()
    times = small.contacts.set_index("contact_id")[["started_at", "ended_at"]]
    own = legs.join(times.add_suffix("_whole"), on="contact_id")
    assert (own["started_at"] >= own["started_at_whole"]).all()
    assert (own["ended_at"] <= own["ended_at_whole"]).all()


def test_who_is_passed_on_has_a_second_leg(legs, small):
    with_agents = legs[legs["agent_id"].notna()].groupby("contact_id").size()
    contacts = small.contacts.set_index("contact_id")
    many = with_agents.reindex(contacts.index, fill_value=0)
    assert many.max() == 2
    assert (contacts.loc[many == 2, "moved"] > 0).all()
    outside = set(legs.loc[legs["transfer_type"] == "external", "contact_id"])
    inside = (contacts["moved"] > 0) & ~contacts.index.isin(outside)
    assert (many[inside] == 2).mean() > 0.9  # others gave up before it
    assert (many[(contacts["moved"] == 0) & (contacts["outcome"] == "answered")] == 1).all()


def test_who_is_passed_on_meets_another_agent(legs):
    spoken = legs[legs["agent_id"].notna()]
    before = spoken.groupby("contact_id")["agent_id"].shift()
    second = spoken[before.notna()]
    same = second["agent_id"] == before[before.notna()]
    # Only who took another contact in between may get it back.
    assert same.mean() < 0.05, f"{same.sum()} of {len(second)} second legs are with the first agent"


def test_no_agent_is_in_two_legs_at_once(legs):
    mine = legs[legs["agent_id"].notna()].sort_values(["agent_id", "started_at"])
    same = mine["agent_id"] == mine["agent_id"].shift()
    assert not (mine["started_at"] < mine["ended_at"].shift())[same].any()


@pytest.fixture(scope="module")
def stays(small):
    "Contacts with the times at which their customer came and left."
    people = small.truth("people").set_index("person")
    contacts = small.contacts[["contact_id", "person", "at_ms", "round", "started_at"]]
    return contacts.join(people[["born", "gone"]], on="person")


def test_nobody_contacts_before_being_a_customer(stays):
    early = stays[stays["at_ms"] < stays["born"]]
    days = (early["born"] - early["at_ms"]).max() / DAY_MS
    assert len(early) == 0, f"{len(early)} of {len(stays):,}, up to {days:.1f} days before"


def test_customers_are_created_before_their_contacts(small):
    created = small.table("customers").set_index("customer_id")["created_at"]
    contacts = small.contacts
    early = contacts["started_at"] < contacts["customer_id"].map(created)
    assert early.sum() == 0


def test_nobody_begins_a_matter_after_leaving(stays):
    "Returns may follow: who left still has an open matter."
    late = stays[(stays["at_ms"] > stays["gone"]) & (stays["round"] == 0)]
    days = (late["at_ms"] - late["gone"]).max() / DAY_MS
    assert len(late) == 0, f"{len(late)} of {len(stays):,}, up to {days:.1f} days after"


def test_nobody_contacts_after_leaving(stays):
    assert (stays["at_ms"] < stays["gone"]).all()
    assert (stays["gone"] < stays["at_ms"].max()).sum() > 1_000  # some have left


# Bad input

SHORT = {"contacts": 1_000, "weeks": 5}


def test_an_unknown_plan_is_met_with_the_closest(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'small'"):
        make("smal")
    with pytest.raises(UnknownName, match="did you mean 'heavy_tails'"):
        plan_of("heavy_tail")


@pytest.mark.parametrize("plan", ["small", PLANS["small"]], ids=["by name", "as a plan"])
def test_an_unknown_setting_is_met_with_the_closest(plan):
    with pytest.raises(UnknownName, match="did you mean 'contacts'"):
        make(plan, contact=5_000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contacts": 10},
        {"contacts": 10**9},
        {"contacts": "20000"},
        {"weeks": 1},
        {"weeks": 2.5},
        {"seed": -1},
        {"first": "2026-01-05"},
        {"unkeyed": 1.5},
        {"unkeyed": float("nan")},
        {"hard_to_good": 2.0},
        {"warmth_skill": 2.0},
        {"ways": ("shav",)},
        {"shift_product": "brodband"},
        {"shift_segment": "consumer pluss"},
        {"link": "probit"},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_before_anything_is_made(wrong):
    with pytest.raises(ContactKpisError):
        plan_of("small", **wrong)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mother.txt").write_text("Dear mother")
    with pytest.raises(BadInput, match="letters holds files"):
        write(plan_of("small", **SHORT), tmp_path / "letters", tmp_path / "truth")
    assert list(files(tmp_path)) == ["letters/mother.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["letters"]


def test_a_file_is_no_folder_for_the_truth(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadInput):
        write(plan_of("small", **SHORT), tmp_path / "centre", tmp_path / "taken")


def breaks_after(monkeypatch, name, calls, error):
    "Let a part of the centre fail after some calls."
    real, seen = getattr(whole, name), []

    def part(*given):
        seen.append(1)
        if len(seen) > calls:
            raise error
        return real(*given)

    monkeypatch.setattr(whole, name, part)


@pytest.mark.parametrize(
    "part, error",
    [
        ("_store", OSError(28, "No space left on device")),  # while a month is stored
        ("_month", RuntimeError("a defect")),  # while a month is made
        ("_month", KeyboardInterrupt()),  # somebody stops it
    ],
    ids=["disk", "defect", "stopped"],
)
@pytest.mark.parametrize("truth", [None, "truth"])
def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch, part, error, truth):
    breaks_after(monkeypatch, part, 1, error)
    beside = tmp_path / truth if truth else None
    with pytest.raises((ContactKpisError, RuntimeError, KeyboardInterrupt)):
        write(plan_of("small", **SHORT), tmp_path / "centre", beside)
    assert list(files(tmp_path)) == []


def test_an_interrupted_write_leaves_what_was_there(tmp_path, monkeypatch):
    write(plan_of("small", **SHORT), tmp_path / "centre", tmp_path / "truth")
    before = {name: file.read_bytes() for name, file in files(tmp_path).items()}
    breaks_after(monkeypatch, "_month", 1, RuntimeError("a defect"))
    with pytest.raises(RuntimeError, match="a defect"):
        write(plan_of("small", seed=7, **SHORT), tmp_path / "centre", tmp_path / "truth")
    after = {name: file.read_bytes() for name, file in files(tmp_path).items()}
    assert [name for name in before if after.get(name) != before[name]] == []
    assert set(after) == set(before)


def test_truth_is_never_written_into_a_project(tmp_path):
    for inside in ("centre", "centre/data", "centre/truth"):
        with pytest.raises(BadInput):
            write(plan_of("small", **SHORT), tmp_path / "centre", tmp_path / inside)
