"""The real call log of February 1999, imported and recomputed straight from the file.

`log` is the file read by pandas and nothing else: no function of the library stands behind an
expected number. Counts are exact; means and rates differ by the rounding of one division (1e-9).
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import oracle
from tests.builders import many, metric, one

NAME = "anonymous_bank_1999_02_calls.txt"
NONE = "0:00:00"
DAY = 86_400


def seconds(times):
    parts = times.str.split(":", expand=True).astype(int)
    return parts[0] * 3600 + parts[1] * 60 + parts[2]


@pytest.fixture(scope="session")
def bank_file(data_dir):
    return data_dir / NAME


@pytest.fixture(scope="module")
def log(bank_file):
    """The file, its columns as numbers, and three facts: reached the queue, set aside, offered."""
    raw = pd.read_csv(bank_file, sep="\t", dtype=str)
    for column in ("vru_time", "q_time", "ser_time"):
        raw[column] = raw[column].astype(int)
    raw["day"] = pd.to_datetime("19" + raw["date"], format="%Y%m%d")
    raw["start"] = raw["day"] + pd.to_timedelta(seconds(raw["vru_entry"]), unit="s")  # local
    # Midnight is written like absence: a call that left the queue after 0:00:00 was in it.
    raw["queued"] = (raw["q_start"] != NONE) | (raw["q_exit"] != NONE)
    raw["aside"] = (raw["outcome"] == "HANG") & (raw["ser_time"] > 0)
    raw["call"] = ~raw["aside"] & (raw["outcome"] != "PHANTOM")
    raw["offered"] = raw["call"] & ((raw["outcome"] == "AGENT") | raw["queued"])
    raw["answered"] = raw["call"] & (raw["outcome"] == "AGENT")
    raw["abandoned"] = raw["call"] & (raw["outcome"] == "HANG") & raw["queued"]
    return raw


@pytest.fixture(scope="module")
def imported(bank_file):
    from contact_kpis.data.sources import seelab

    return seelab.read(bank_file)


@pytest.fixture(scope="module")
def centre(bank_file, tmp_path_factory):
    """The project folder that the command line makes."""
    folder = tmp_path_factory.mktemp("bank") / "centre"
    run = subprocess.run(
        [
            Path(sys.executable).with_name("contact-kpis"),
            "import",
            "seelab",
            bank_file,
            "--to",
            folder,
        ],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module")
def ws(centre):
    from contact_kpis import open_workspace

    return open_workspace(centre)


@pytest.fixture(scope="module")
def contacts(imported, log):
    """The imported contacts beside the rows of the file they came from."""
    raw = log.assign(contact_id=log["vru+line"] + "-" + log["call_id"])
    both = imported.tables["contacts"].merge(raw, on="contact_id", suffixes=("", "_raw"))
    assert len(both) == len(imported.tables["contacts"]), "a contact names the row it came from"
    local = both["started_at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Jerusalem")
    return both.assign(local=local.dt.tz_localize(None))


# --- what came in and where it went --------------------------------------------------------------


def test_rows_in_are_kept_set_aside_or_repeated(imported, log):
    kept = len(imported.tables["contacts"])
    assert imported.rows_in == len(log) == 33_344
    assert len(imported.quarantine) == log["aside"].sum() == 97
    assert imported.deduplicated == 0
    assert kept == 33_344 - 97
    assert imported.rows_in == kept + len(imported.quarantine) + imported.deduplicated


def test_what_was_set_aside_is_the_hang_with_a_service_time(imported, log):
    aside = imported.quarantine
    assert set(aside["table"]) == {"contacts"}
    assert sorted(aside["row"]) == sorted(np.flatnonzero(log["aside"]) + 1), "1-based, no header"
    assert aside["reason"].str.contains("service time").all()
    first = json.loads(aside.sort_values("row")["raw"].iloc[0])
    assert first["call_id"] == log.loc[log["aside"], "call_id"].iloc[0], "the row as it was"


def test_negative_vru_times_are_null_and_counted(imported, contacts):
    negative = contacts["vru_time"] < 0
    assert negative.sum() == 25
    assert contacts.loc[negative, "ivr_ms"].isna().all()
    assert contacts.loc[~negative, "ivr_ms"].eq(contacts.loc[~negative, "vru_time"] * 1000).all()
    assert any("25" in note and "vru_time" in note for note in imported.notes), imported.notes


def test_a_negative_vru_time_does_not_send_the_call_to_the_next_day(contacts):
    """The menu 'ended' before it began, by minutes: the queue began then, not 24 hours later."""
    queued = contacts["queued"] & (contacts["vru_time"] < 0)
    assert queued.sum() > 20
    late = (
        contacts.loc[queued, "enqueued_at"] - contacts.loc[queued, "started_at"]
    ).dt.total_seconds()
    assert (late == contacts.loc[queued, "vru_time"]).all(), "vru_exit is q_start in all of them"


def test_outcomes(contacts):
    wanted = contacts["outcome_raw"].map({"AGENT": "answered", "PHANTOM": "phantom"})
    hang = contacts["outcome_raw"] == "HANG"
    wanted[hang & contacts["queued"]] = "abandoned"
    wanted[hang & ~contacts["queued"]] = "left_ivr"
    assert contacts["outcome"].eq(wanted).all()
    counts = {"answered": 27_162, "abandoned": 3_866, "left_ivr": 1_941, "phantom": 278}
    assert contacts["outcome"].value_counts().to_dict() == counts


def test_absence_is_null(imported, contacts):
    """NO_SERVER, customer 0 and 0:00:00 are words for nothing."""
    assert contacts["agent_id"].isna().eq(contacts["server"] == "NO_SERVER").all()
    answered = contacts["outcome"] == "answered"
    assert contacts.loc[answered, "agent_id"].isna().sum() == 491
    assert contacts["customer_id"].isna().eq(contacts["customer_id_raw"] == "0").all()
    told = contacts["customer_id"].notna()
    assert contacts.loc[told, "customer_id"].eq(contacts.loc[told, "customer_id_raw"]).all()


def test_a_call_that_never_queued_has_no_time_of_queueing(contacts):
    "q_start and q_exit 0:00:00 are NULL; a call of the file's 13,066 answered at once waited 0 s."
    assert contacts["enqueued_at"].isna().eq(~contacts["queued"]).all()


def test_waits(contacts):
    queued, answered = contacts["queued"], contacts["outcome"] == "answered"
    assert contacts.loc[queued, "wait_ms"].eq(contacts.loc[queued, "q_time"] * 1000).all()
    at_once = answered & ~queued
    assert at_once.sum() == 13_066
    assert contacts.loc[at_once, "wait_ms"].eq(0).all()
    assert contacts.loc[~queued & ~answered, "wait_ms"].isna().all()


def test_service_times(imported, contacts):
    answered = contacts["outcome"] == "answered"
    assert contacts.loc[answered, "talk_ms"].eq(contacts.loc[answered, "ser_time"] * 1000).all()
    assert contacts.loc[answered, "talk_ms"].eq(0).sum() == 85
    assert contacts["hold_ms"].isna().all() and contacts["wrap_ms"].isna().all(), "not recorded"
    assert any("85" in note for note in imported.notes), imported.notes


# --- midnight ----------------------------------------------------------------------------------


def test_times_are_local_to_israel(contacts):
    assert contacts["local"].eq(contacts["start"]).all()


def test_a_queue_that_begins_at_midnight_is_a_queue(contacts):
    """AA0102-31056: menu 23:59:54, queue 0:00:00 to 0:00:27, served until 0:01:33 on the 16th."""
    call = contacts.set_index("contact_id").loc["AA0102-31056"]
    assert call["q_start"] == NONE and call["q_exit"] == "0:00:27"
    assert call["outcome"] == "answered" and call["wait_ms"] == 27_000
    local = pd.Timestamp("1999-02-16 00:00:00").tz_localize("Asia/Jerusalem").tz_convert("UTC")
    assert call["enqueued_at"] == local.tz_localize(None)
    assert call["local"].normalize() == pd.Timestamp("1999-02-15"), "it began the day before"


def test_calls_that_cross_midnight_go_on_on_the_next_day(contacts):
    """Whatever ends at an earlier time of day than it began ends on the next date."""
    served = contacts[(contacts["outcome"] == "answered") & (contacts["ser_exit"] != NONE)]
    crossing = served[seconds(served["ser_exit"]) + DAY // 2 < seconds(served["vru_entry"])]
    assert len(crossing) >= 16
    wanted = crossing["day"] + pd.to_timedelta(DAY + seconds(crossing["ser_exit"]), unit="s")
    wanted = wanted.dt.tz_localize("Asia/Jerusalem").dt.tz_convert("UTC").dt.tz_localize(None)
    assert crossing["ended_at"].astype("datetime64[us]").eq(wanted.astype("datetime64[us]")).all()


def test_no_call_lasts_half_a_day_or_ends_before_it_began(contacts):
    length = (contacts["ended_at"] - contacts["started_at"]).dt.total_seconds().dropna()
    assert length.between(0, DAY // 2).all()
    late = (contacts["enqueued_at"] - contacts["started_at"]).dt.total_seconds().dropna()
    assert late.between(-300, DAY // 2).all(), "-300: the negative vru_times are minutes"


# --- the figures --------------------------------------------------------------------------------


def test_offered_contacts(ws, log):
    assert one(ws, "contact_volume")["value"] == log["offered"].sum() == 31_028
    assert one(ws, "contact_volume", basis="system")["value"] == log["call"].sum() == 32_969


def test_offered_per_day(ws, log):
    found = many(ws, "contact_volume", by=["day"]).set_index("period_start_on")["value"]
    wanted = log[log["offered"]].groupby("day").size()
    assert len(found) == len(wanted) == 28
    assert {pd.Timestamp(k): v for k, v in found.items()} == wanted.to_dict()


def test_offered_per_hour_of_the_day(ws, log):
    found = many(ws, "contact_volume", by=["hour"]).set_index("hour")["value"]
    wanted = log[log["offered"]].groupby(log["start"].dt.hour).size()
    assert {int(k): v for k, v in found.items() if v} == wanted.to_dict()


def test_abandonment_by_queue(ws, log):
    by_queue = log[log["offered"]].groupby("type")["abandoned"].mean() * 100
    found = many(ws, "abandonment_rate", by=["queue"], denominator="offered").set_index("queue")
    assert set(found.index) == set(by_queue.index) == {"PS", "NW", "NE", "TT", "IN", "PE"}
    for queue, wanted in by_queue.items():
        assert found.loc[queue, "value"] == pytest.approx(wanted, rel=1e-9), queue


def test_abandonment_of_those_who_queued(ws, log):
    queued = log[log["call"] & log["queued"]]
    row = one(ws, "abandonment_rate", denominator="queued")
    assert row["n"] == len(queued) == 17_962
    assert row["value"] == pytest.approx(100 * queued["abandoned"].mean(), rel=1e-9)


@pytest.mark.parametrize("mode", ["negative", "ignore", "positive", "drop_all"])
@pytest.mark.parametrize("short", [None, 5])
def test_service_level(ws, log, mode, short):
    calls = log[log["offered"]]
    if short:
        calls = calls[~(calls["abandoned"] & (calls["q_time"] <= short))]
    answered_in = calls["answered"] & (calls["q_time"] <= 20)
    abandoned_in = calls["abandoned"] & (calls["q_time"] <= 20)
    numerator = answered_in | abandoned_in if mode == "positive" else answered_in
    base = {
        "negative": len(calls),
        "positive": len(calls),
        "ignore": (~abandoned_in).sum(),
        "drop_all": calls["answered"].sum(),
    }[mode]
    row = one(ws, "service_level", abandon_mode=mode, short_abandon_s=short)
    assert row["value"] == pytest.approx(100 * numerator.sum() / base, rel=1e-9)
    assert row["n"] == base


def test_service_level_per_day(ws, log):
    offered = log[log["offered"]]
    in_time = (offered["answered"] & (offered["q_time"] <= 20)).groupby(offered["day"]).mean() * 100
    found = many(ws, "service_level", by=["day"]).set_index("period_start_on")["value"]
    for day, wanted in in_time.items():
        assert {pd.Timestamp(k): v for k, v in found.items()}[day] == pytest.approx(
            wanted, rel=1e-9
        )


def test_asa(ws, log):
    answered = log[log["answered"]]
    row = one(ws, "asa")
    assert row["value"] == pytest.approx(answered["q_time"].sum() / len(answered), rel=1e-9)
    assert row["n"] == 27_162


def test_aht_is_the_service_time_with_the_zeros(ws, log):
    answered = log[log["answered"]]
    row = one(ws, "aht")
    assert row["n"] == len(answered) == 27_162, "the 85 calls without service time stay"
    assert row["value"] == pytest.approx(answered["ser_time"].mean(), rel=1e-9)
    assert len(row["caveats"]), "hold and wrap were not recorded, and that is said"


def test_aht_by_queue_and_week(ws, log):
    answered = log[log["answered"]]
    monday = answered["day"] - pd.to_timedelta(answered["day"].dt.weekday, unit="D")
    wanted = answered.groupby([monday, "type"])["ser_time"].mean()
    found = many(ws, "aht", by=["week", "queue"])
    got = {(pd.Timestamp(r.period_start_on), r.queue): r.value for r in found.itertuples()}
    for (week, queue), value in wanted.items():
        assert got[week, queue] == pytest.approx(value, rel=1e-9), (week, queue)


def test_longest_wait(ws, log):
    queued = log[log["call"] & log["queued"]]
    assert one(ws, "longest_wait")["value"] == queued["q_time"].max() == 908
    stayed = queued.loc[~queued["abandoned"], "q_time"].max()
    assert one(ws, "longest_wait", include_abandoned=False)["value"] == stayed


def test_time_to_abandon(ws, log):
    left = log.loc[log["abandoned"], "q_time"]
    assert one(ws, "avg_time_to_abandon")["value"] == pytest.approx(left.mean(), rel=1e-9)
    row = one(ws, "avg_time_to_abandon", short_abandon_s=5)
    assert row["value"] == pytest.approx(left[left > 5].mean(), rel=1e-9)


def test_patience(ws, log):
    """Kaplan-Meier over those who queued. 1e-9: seven hundred products.

    Some left within the second of their arrival, so it matters whether the 13,066 who were
    answered at once count as at risk at 0 s. They never waited.
    """
    queued = log[log["call"] & log["queued"]]
    waits = list(zip(queued["q_time"] * 1000, queued["abandoned"], strict=True))
    row = one(ws, "avg_time_to_abandon", estimator="kaplan_meier")
    assert row["value"] == pytest.approx(oracle.kaplan_meier(waits), rel=1e-9)


def test_short_abandons(ws, log):
    short = log["abandoned"] & (log["q_time"] <= 5)
    row = one(ws, "short_abandon_rate")
    assert row["value"] == pytest.approx(100 * short.sum() / log["offered"].sum(), rel=1e-9)


# --- repeats -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def identified(log):
    """Calls with a customer number, the gaps to the one before and the one after."""
    mine = log[log["call"] & (log["customer_id"] != "0")].sort_values(["customer_id", "start"])
    by_customer = mine.groupby("customer_id")["start"]
    window = pd.Timedelta(days=7)
    return mine.assign(
        before=by_customer.diff().le(window),
        after=by_customer.diff(-1).abs().le(window),
    )


def test_repeat_contacts_of_the_identified(ws, identified):
    row = one(ws, "repeat_contact_rate")
    assert row["n"] == len(identified)
    assert row["value"] == pytest.approx(100 * identified["before"].mean(), rel=1e-9)


def test_first_contact_resolution_of_closed_issues(ws, identified, log):
    """An issue is closed when its seven days end before the last call of the log began."""
    first = identified[~identified["before"]]
    closed = first["start"] + pd.Timedelta(days=7) <= log["start"].max()
    row = one(ws, "fcr_repeat_window")
    assert row["n"] == closed.sum()
    assert row["pending"] == (~closed).sum() > 0
    assert row["value"] == pytest.approx(100 * (~first.loc[closed, "after"]).mean(), rel=1e-9)


def test_the_identified_share_and_its_selection_are_printed(ws, imported, log):
    share = (log.loc[log["call"], "customer_id"] != "0").mean()
    row = one(ws, "repeat_contact_rate")
    printed = [float(c.split("=")[1]) for c in row["caveats"] if "identified" in c and "=" in c]
    # Caveats print two decimals, so half a unit of the second.
    assert any(abs(figure - share) <= 0.005 for figure in printed), (share, row["caveats"])
    unknown = log[log["call"]].groupby("queued")["customer_id"].apply(lambda c: (c == "0").mean())
    assert f"{unknown[True]:.0%} {unknown[False]:.0%}" == "28% 97%"
    note = " ".join(imported.notes).replace(" %", "%")
    assert "28%" in note and "97%" in note and "wait" in note, imported.notes
    assert any("wait" in code for code in row["caveats"]), "the warning travels with the number"


# --- the folder ----------------------------------------------------------------------------------


def test_the_command_line_writes_what_read_gives(centre, imported, ws):
    assert (centre / "contact_kpis.toml").is_file()
    account = json.loads((centre / "data" / "import.json").read_text("utf-8"))
    assert account["rows_in"] == 33_344 and account["quarantined"] == 97
    assert ws.settings.zone == "Asia/Jerusalem"
    assert tuple(str(day)[:10] for day in ws.span) == ("1999-02-01", "1999-02-28")
    assert not ws.is_simulated
    stored = pd.read_parquet(centre / "data" / "contacts.parquet").set_index("contact_id")
    given = imported.tables["contacts"].set_index("contact_id").loc[stored.index]
    for column in ("outcome", "queue_id"):
        assert stored[column].eq(given[column]).all(), column
    assert stored["wait_ms"].astype("Int64").equals(given["wait_ms"].astype("Int64"))
    on = pd.to_datetime(stored["started_on"])
    assert set(on.dt.strftime("%Y-%m-%d")) == {f"1999-02-{d:02d}" for d in range(1, 29)}


def test_the_rows_behind_abandonment_of_one_queue(ws, log):
    rows = ws.rows("abandonment_rate", where={"queue": "NW"})
    wanted = log[log["abandoned"] & (log["type"] == "NW")]
    left = rows[rows["is_numerator"].astype(bool)]
    assert set(left["contact_id"]) == set(wanted["vru+line"] + "-" + wanted["call_id"])


def test_occupancy_needs_agent_times_that_the_log_does_not_have(ws):
    assert ws.computable()["occupancy"], "the reason why not"
    assert not ws.computable()["service_level"]
    assert metric("occupancy").unit == "%"
