"""The real bank log as imported, against counts made straight from the file with plain pandas."""

import time

import pandas as pd
import pytest

from contact_kpis.data import fitting, made
from contact_kpis.data.sources import seelab

FILE = "anonymous_bank_1999_02_calls.txt"
NEVER = "0:00:00"


@pytest.fixture(scope="module")
def log(data_dir):
    return pd.read_csv(data_dir / FILE, sep="\t")


@pytest.fixture(scope="module")
def imported(data_dir):
    return seelab.read(data_dir / FILE)


@pytest.fixture(scope="module")
def kept(log):
    return log[~((log["outcome"] == "HANG") & (log["ser_time"] > 0))]


def test_rows_in_are_kept_and_set_aside(log, imported):
    assert imported.rows_in == len(log) == 33_344
    assert len(imported.quarantine) == 97 and imported.deduplicated == 0
    assert set(imported.quarantine["reason"]) == {"HANG with a service time"}
    bad = (log["outcome"] == "HANG") & (log["ser_time"] > 0)
    assert imported.quarantine["row"].tolist() == (bad[bad].index + 1).tolist()


def test_outcomes(kept, imported):
    counts = imported.tables["contacts"]["outcome"].value_counts().to_dict()
    hang, queued = kept["outcome"] == "HANG", kept["q_start"] != NEVER
    assert counts == {
        "answered": (kept["outcome"] == "AGENT").sum(),
        "abandoned": (hang & queued).sum(),
        "left_ivr": (hang & ~queued).sum(),
        "phantom": (kept["outcome"] == "PHANTOM").sum(),
    }
    assert counts["phantom"] == 278


def test_missing_keys(kept, imported):
    contacts = imported.tables["contacts"]
    assert contacts["customer_id"].isna().sum() == (kept["customer_id"] == 0).sum()
    assert contacts["agent_id"].isna().sum() == (kept["server"] == "NO_SERVER").sum()
    answered = contacts["outcome"] == "answered"
    assert (answered & contacts["agent_id"].isna()).sum() == 491
    assert contacts["reason_code"].isna().all()
    assert contacts[["hold_ms", "wrap_ms"]].isna().all(axis=None)


def test_durations(kept, imported):
    contacts = imported.tables["contacts"]
    agent = kept["outcome"] == "AGENT"
    assert contacts["ivr_ms"].isna().sum() == (kept["vru_time"] < 0).sum() == 25
    assert contacts["ivr_ms"].sum() == 1000 * kept["vru_time"].clip(lower=0).sum()
    assert contacts["talk_ms"].sum() == 1000 * kept.loc[agent, "ser_time"].sum()
    assert (contacts["talk_ms"] == 0).sum() == (kept.loc[agent, "ser_time"] == 0).sum() == 85
    assert contacts["wait_ms"].sum() == 1000 * kept["q_time"].sum()


def test_offered_calls_by_service(kept, imported):
    contacts = imported.tables["contacts"]
    ours = contacts[contacts["wait_ms"].notna() & (contacts["outcome"] != "phantom")]
    reached = (kept["outcome"] == "AGENT") | (
        (kept["outcome"] == "HANG") & (kept["q_exit"] != NEVER)
    )
    theirs = kept[reached].groupby("type").size()
    assert ours.groupby("queue_id").size().to_dict() == theirs.to_dict()


def test_calls_by_local_day_and_hour(kept, imported):
    "Israel was two hours ahead of UTC all February."
    started = imported.tables["contacts"]["started_at"] + pd.Timedelta(hours=2)
    days = started.dt.strftime("%y%m%d").astype(int).value_counts().to_dict()
    assert days == kept["date"].value_counts().to_dict()
    hours = kept["vru_entry"].str.split(":").str[0].astype(int)
    assert started.dt.hour.value_counts().to_dict() == hours.value_counts().to_dict()


def test_calls_over_midnight_go_on_the_next_day(imported):
    contacts = imported.tables["contacts"].set_index("contact_id")
    call = contacts.loc["AA0102-31056"]  # in at 23:59:54, queued at a real 0:00:00, served 0:00:26
    assert call["enqueued_at"] == pd.Timestamp("1999-02-15 22:00:00")
    assert call["wait_ms"] == 27_000
    length = contacts["ended_at"] - contacts["started_at"]
    assert length.between(pd.Timedelta(0), pd.Timedelta(hours=2)).all()


def test_legs_say_what_the_calls_say(imported):
    legs = {name: imported.tables[name] for name in ("queue_events", "contact_segments")}
    sums = made.contact_sums(legs["queue_events"], legs["contact_segments"])
    contacts = imported.tables["contacts"].set_index("contact_id").loc[sums.index]
    assert (sums["wait_ms"] == contacts["wait_ms"]).all()
    assert sums["talk_ms"].fillna(-1).eq(contacts["talk_ms"].fillna(-1)).all()


@pytest.mark.parametrize("table", ["contacts", "queue_events", "contact_segments"])
def test_every_row_keeps_the_contract(imported, table):
    fitted = fitting.fit(table, imported.tables[table])
    assert len(fitted.quarantine) == 0 and fitted.deduplicated == 0


def test_notes_count_what_is_odd(imported):
    told = "\n".join(imported.notes)
    for found in (
        "491 answered calls name no agent",
        "85 answered calls have a service time of zero",
        "25 calls have a negative vru_time",
        "278 PHANTOM",
        "28 % of those that waited and 97 % of the others",
        "21 customer numbers have lost digits",
    ):
        assert found in told


def test_a_month_is_read_in_two_seconds(data_dir):
    clock = time.process_time()
    seelab.read(data_dir / FILE)
    assert time.process_time() - clock < 2
