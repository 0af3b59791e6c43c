"""The real incident log of a help desk, imported and recomputed straight from the file.

`raw` is the file read by pandas and nothing else: no function of the library stands behind an
expected number. Counts are exact; means and rates differ by the rounding of one division (1e-9).
All times of the file are whole minutes.

The log ends when all is over, so whatever is asked "as of" a day is recomputed from the rows that
had been written by the end of that day, as somebody would have who exported the log that night.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

from tests.builders import many, metric, one

NAME = "uci_incident_event_log.parquet"
SOLVED = ["Resolved", "Closed"]
PENDING = ["Awaiting User Info"]
HOLD = ["Awaiting Vendor", "Awaiting Problem", "Awaiting Evidence"]
CHANNEL = {"Phone": "voice", "IVR": "voice", "Email": "email"}  # anything else: other
FINAL = ["resolved_at", "resolved_by", "closed_at", "closed_code"]  # the end, on every row
MID = "2016-04-15"
APRIL = {"since": "2016-04-01", "until": "2016-04-30"}
WEEK = {"since": "2016-04-11", "until": "2016-04-17"}
KPIS = {
    "ticket_volume": "Ticket volume",
    "first_resolution_time": "First resolution time",
    "full_resolution_time": "Full resolution time",
    "reopen_rate": "Reopen rate",
    "handoff_count": "Handoffs per ticket",
    "sla_attainment": "SLA attainment",
    "backlog_close_of_day": "Backlog at close of day",
    "backlog_age": "Backlog age",
}


def close(day):
    return pd.Timestamp(day) + pd.Timedelta(days=1)


def near(value):
    return pytest.approx(value, rel=1e-9)


def hours(minutes):
    return minutes / 60


# --- the file -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def incident_file(data_dir):
    return data_dir / NAME


@pytest.fixture(scope="module")
def file(incident_file):
    "As it is: text."
    return pd.read_parquet(incident_file)


def timed(file):
    return file.assign(
        at=pd.to_datetime(file["sys_updated_at"], format="%d/%m/%Y %H:%M"),
        opened=pd.to_datetime(file["opened_at"], format="%d/%m/%Y %H:%M"),
        mod=file["sys_mod_count"].astype(int),
    )


@pytest.fixture(scope="module")
def raw(file):
    return timed(file)


def reasons(raw):
    """Why a row cannot be used: it says no state, comes before its incident, or quarrels with another
    row, usable but for that, over what one and the same update was."""
    no_state = raw["incident_state"] == "-100"
    early = raw["at"] < raw["opened"]
    rest = raw[~no_state & ~early]
    quarrel = rest.duplicated(["number", "mod"], keep=False).reindex(raw.index, fill_value=False)
    return {"-100": no_state, "before opened_at": early, "rows that differ": quarrel}


def known(raw, day=None):
    """The usable rows written by the end of a day, in order, with their steps."""
    rows = raw if day is None else raw[raw["at"] < close(day)]
    rows = rows[~pd.concat(reasons(rows), axis=1).any(axis=1)]
    rows = rows.sort_values(["number", "at", "mod"])
    solved = rows["incident_state"].isin(SOLVED)
    before = solved.groupby(rows["number"]).shift(fill_value=False)
    return rows.assign(solved=solved, solve=solved & ~before, reopen=~solved & before)


@pytest.fixture(scope="module")
def log(raw):
    return known(raw)


@pytest.fixture(scope="module")
def log_mid(raw):
    return known(raw, MID)


def tickets_of(log):
    """One row an incident: when it was opened, solved for the first time and for good, closed."""
    by = log.groupby("number")
    last = log[log["solve"]].groupby("number")["at"].max()
    state = log["incident_state"]
    before = state.groupby(log["number"]).shift()
    closing = log[(state == "Closed") & (before != "Closed")].groupby("number")["at"].max()
    found = pd.DataFrame({"opened": by["opened"].first(), "medium": by["contact_type"].first()})
    found["first"] = log[log["solve"]].groupby("number")["at"].min()
    found["last"] = last.where(by["solved"].last())
    found["closed"] = closing.where(by["incident_state"].last() == "Closed")
    found["reopened"] = by["reopen"].any()
    found["channel"] = found["medium"].map(CHANNEL).fillna("other")
    return found


@pytest.fixture(scope="module")
def tickets(log):
    return tickets_of(log)


@pytest.fixture(scope="module")
def tickets_mid(log_mid):
    return tickets_of(log_mid)


def within(times, since, until):
    return (times >= pd.Timestamp(since)) & (times < close(until))


def minutes(start, end):
    return (end - start) // pd.Timedelta(minutes=1)


def smallest(values, p):
    """The smallest value that at least a share p of them does not exceed; p as a fraction."""
    values = sorted(values)
    return next(v for i, v in enumerate(values, 1) if Fraction(i, len(values)) >= p)


def kaplan_meier_median(times, ended):
    """The smallest t with S(t) <= 1/2, in exact fractions."""
    leaving, ending = Counter(times), Counter(times[ended])
    alive, at_risk = Fraction(1), len(times)
    for t in sorted(leaving):
        alive *= Fraction(at_risk - ending[t], at_risk)
        if alive <= Fraction(1, 2):
            return t
        at_risk -= leaving[t]
    return None


def stock(log, day):
    """What is open when a day ends: opened by then, and not solved by its last row so far.

    An incident whose first row comes after midnight is new. The row of an incident is the last
    one before midnight; incidents without one have no values.
    """
    opened = log.drop_duplicates("number").set_index("number")["opened"]
    there = opened[opened < close(day)]
    latest = log[log["at"] < close(day)].drop_duplicates("number", keep="last").set_index("number")
    now = latest[["incident_state", "assignment_group"]].reindex(there.index)
    now["incident_state"] = now["incident_state"].fillna("New")
    now["opened"] = there
    return now[~now["incident_state"].isin(SOLVED)]


def stations(log, column):
    """How many people or groups each incident went through: not known is nobody, the same one again
    is the same station."""
    told = log[log[column] != "?"]
    changed = told[column] != told.groupby("number")[column].shift()
    return changed.groupby(told["number"]).sum().reindex(log["number"].unique(), fill_value=0)


def handoffs(log, column, since, until):
    last = tickets_of(log)["last"]
    mine = last[within(last, since, until)].index
    return (stations(log, column)[mine] - 1).clip(lower=0)


def promises(log):
    """Of each incident: missed where a row says so, met where it was closed and none does."""
    late = (log["made_sla"] == "false").groupby(log["number"]).any()
    over = (log["incident_state"] == "Closed").groupby(log["number"]).any()
    return pd.DataFrame({"missed": late, "met": over & ~late, "running": ~over & ~late})


# --- the library ----------------------------------------------------------------------------------


def shell(*words):
    program = Path(sys.executable).with_name("contact-kpis")
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def imported(incident_file, tmp_path_factory):
    """The project folder that the command line makes, and what it says."""
    folder = tmp_path_factory.mktemp("incidents") / "desk"
    return folder, shell("import", "servicenow", incident_file, "--to", folder)


@pytest.fixture(scope="module")
def desk(imported):
    return imported[0]


def opened(folder):
    from contact_kpis import open_workspace

    return open_workspace(folder)


@pytest.fixture(scope="module")
def ws(desk):
    return opened(desk)


@pytest.fixture(scope="module")
def ws_that_night(file, raw, tmp_path_factory):
    """The log as exported on the night of MID: nothing written later, nothing known later.

    The columns of the end carry the future on every row, so they are emptied.
    """
    folder = tmp_path_factory.mktemp("that_night")
    cut = file[raw["at"] < close(MID)].assign(**dict.fromkeys(FINAL, "?"))
    cut.to_parquet(folder / "log.parquet", index=False)
    shell("import", "servicenow", folder / "log.parquet", "--to", folder / "desk")
    return opened(folder / "desk")


def per_month(frame):
    return {str(r.month)[:7]: r.value for r in frame.itertuples()}


# --- what came in and where it went ---------------------------------------------------------------


def test_rows_in_are_kept_set_aside_or_repeated(imported, raw, log):
    folder, said = imported
    assert raw.duplicated().sum() == 0
    assert len(raw) == 141_712 and len(log) == 141_700 and log["number"].nunique() == 24_918
    assert "141,712 rows in = 141,700 kept + 12 set aside + 0 repeated" in said
    account = json.loads((folder / "data" / "import.json").read_text("utf-8"))
    counts = [account[k] for k in ("rows_in", "kept", "quarantined", "deduplicated")]
    assert counts == [141_712, 141_700, 12, 0]


def test_each_reason_to_set_aside_holds_for_its_rows(ws, raw):
    found = ws.quarantine
    for word, broken in reasons(raw).items():
        rows = found.loc[found["reason"].str.contains(word, regex=False), "row"]
        places = [raw.index.get_loc(i) + 1 for i in raw.index[broken]]
        assert sorted(rows) == places, word
    assert len(found) == 12


def everything(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.fixture
def copy(desk, tmp_path):
    """A folder with the same import that a test may import into."""
    shutil.copytree(desk, tmp_path / "copy", ignore=shutil.ignore_patterns("runs"))
    return tmp_path / "copy"


def test_a_second_import_of_the_same_file_changes_nothing(ws, copy, incident_file):
    before = everything(copy)
    shell("import", "servicenow", incident_file, "--to", copy)
    assert everything(copy) == before
    pd.testing.assert_frame_equal(opened(copy).fingerprint(), ws.fingerprint())


@pytest.fixture(scope="module")
def corrected_row(log):
    """A row of MID that passes an incident on between two rows of that day, the last one passing it
    on again. Who has it afterwards stays as it was, so only what happened on that day changes."""
    by = log.groupby("number")
    group, mod = log["assignment_group"], log["mod"]
    own, on = by["assignment_group"], log["at"].dt.normalize()
    passed_on = (group != own.shift()) & (group != own.shift(-1)) & own.shift(-1).notna()
    same_day = (on == pd.Timestamp(MID)) & (on == on.groupby(log["number"]).shift(-1))
    known = (group != "?") & (own.shift() != "?") & (own.shift(-1) != "?")
    found = log.index[passed_on & same_day & known & (mod > 0)]
    assert len(found) > 0
    return found[0]


def test_a_late_correction_of_one_update_is_seen_on_its_day(
    ws, copy, file, corrected_row, tmp_path
):
    late = file.copy()
    neighbours = set(file.loc[corrected_row - 1 : corrected_row + 1, "assignment_group"])
    other = sorted(set(file["assignment_group"]) - neighbours - {"?"})[0]
    late.loc[corrected_row, "assignment_group"] = other
    assert (late != file).sum().sum() == 1
    late.to_parquet(tmp_path / "late.parquet", index=False)
    shell("import", "servicenow", tmp_path / "late.parquet", "--to", copy)
    both = ws.fingerprint().merge(
        opened(copy).fingerprint(), on=["table", "day"], how="outer", suffixes=("", "_late")
    )
    both = both.assign(
        differs=(both["hash"] != both["hash_late"]) | (both["rows"] != both["rows_late"])
    )
    changed = both[both["differs"]]
    days = {table: [str(d)[:10] for d in c["day"]] for table, c in changed.groupby("table")}
    assert days["ticket_events"] == [MID]
    assert set(days) <= {"ticket_events", "status_intervals"}, "neither tickets nor promises"
    assert {day for each in days.values() for day in each} == {MID}


# --- volume ---------------------------------------------------------------------------------------


def test_incidents_opened(ws, tickets):
    row = one(ws, "ticket_volume")
    assert row["value"] == row["n"] == len(tickets) == 24_918


def test_incidents_opened_per_month(ws, tickets):
    found = per_month(many(ws, "ticket_volume", by=["month"]))
    wanted = tickets.groupby(tickets["opened"].dt.strftime("%Y-%m")).size().to_dict()
    assert found == wanted
    assert wanted["2016-03"] == 8_995 and wanted["2016-05"] == 7_508


def test_incidents_opened_per_channel(ws, tickets):
    found = many(ws, "ticket_volume", by=["channel"]).set_index("channel")["value"]
    assert found.to_dict() == tickets["channel"].value_counts().to_dict()
    assert found["voice"] == 24_693


def test_incidents_opened_as_of_a_day(ws, tickets_mid):
    assert one(ws, "ticket_volume", as_of=MID)["value"] == len(tickets_mid) == 13_698


# --- resolution -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kpi, conventions, column",
    [
        ("first_resolution_time", {}, "first"),
        ("full_resolution_time", {}, "last"),
        ("full_resolution_time", {"end": "closed"}, "closed"),
    ],
)
def test_resolution_of_those_solved_in_a_month(ws, tickets, kpi, conventions, column):
    mine = tickets[within(tickets[column], **APRIL)]
    took = minutes(mine["opened"], mine[column])
    mean = one(ws, kpi, **APRIL, **conventions, stat="mean", cohort="solved")
    assert mean["n"] == len(mine) > 7_000
    assert mean["value"] == near(hours(took.sum() / len(took)))
    median = one(ws, kpi, **APRIL, **conventions, stat="median", cohort="solved")
    assert median["value"] == near(hours(smallest(took, Fraction(1, 2))))


@pytest.mark.parametrize(
    "kpi, column", [("first_resolution_time", "first"), ("full_resolution_time", "last")]
)
@pytest.mark.parametrize("since", ["2016-02-29", "2016-04-11"])
def test_median_of_those_opened_with_the_open_ones_censored(ws, tickets_mid, kpi, column, since):
    mine = tickets_mid[within(tickets_mid["opened"], since, MID)]
    ended = mine[column].notna()
    took = minutes(mine["opened"], mine[column].fillna(close(MID)))
    row = one(ws, kpi, since=since, until=MID, as_of=MID, stat="median", cohort="created")
    assert row["n"] == len(mine)
    assert row["value"] == near(hours(kaplan_meier_median(took, ended)))
    naive = hours(smallest(took[ended], Fraction(1, 2)))
    assert row["value"] > naive, "those that are still open are slower"


def test_median_says_how_many_are_still_open(ws, tickets_mid):
    row = one(ws, "full_resolution_time", as_of=MID)
    assert row["pending"] == tickets_mid["last"].isna().sum()


def test_mean_of_those_opened_is_over_the_solved(ws, tickets_mid):
    ended = tickets_mid[tickets_mid["last"].notna()]
    row = one(ws, "full_resolution_time", as_of=MID, stat="mean", cohort="created")
    took = minutes(ended["opened"], ended["last"])
    assert row["value"] == near(hours(took.sum() / len(took)))
    assert row["pending"] == len(tickets_mid) - len(ended)


# --- reopenings and handovers ---------------------------------------------------------------------


def test_reopened_incidents(ws, tickets):
    row = one(ws, "reopen_rate")
    assert row["n"] == tickets["first"].notna().sum() == 24_918
    assert row["value"] == near(100 * tickets["reopened"].sum() / len(tickets))


def test_reopened_incidents_per_month_of_the_first_solution(ws, tickets):
    found = per_month(many(ws, "reopen_rate", by=["month"]))
    wanted = tickets.groupby(tickets["first"].dt.strftime("%Y-%m"))["reopened"].mean() * 100
    assert {m: v for m, v in found.items() if v == v} == near(wanted.to_dict())


def test_reopenings_over_solutions(ws, log):
    row = one(ws, "reopen_rate", numerator="events")
    assert row["n"] == log["solve"].sum()
    assert row["value"] == near(100 * log["reopen"].sum() / log["solve"].sum())
    april = log[within(log["at"], **APRIL)]
    row = one(ws, "reopen_rate", **APRIL, numerator="events")
    assert row["value"] == near(100 * april["reopen"].sum() / april["solve"].sum())


def test_reopened_within_a_week_waits_for_the_week_to_end(ws, log_mid, tickets_mid):
    week = pd.Timedelta(days=7)
    solved = tickets_mid[tickets_mid["first"].notna()]
    over = solved["first"] + week <= close(MID)
    back = log_mid[log_mid["reopen"]].merge(solved["first"], left_on="number", right_index=True)
    back = set(back.loc[back["at"] - back["first"] <= week, "number"])
    row = one(ws, "reopen_rate", as_of=MID, window_d=7)
    assert row["n"] == over.sum() and row["pending"] == (~over).sum() > 0
    assert row["value"] == near(100 * solved.index[over].isin(back).sum() / over.sum())


@pytest.mark.parametrize(
    "who, column", [("assignee", "assigned_to"), ("group", "assignment_group")]
)
def test_handoffs(ws, log, log_mid, who, column):
    for rows, since, until, as_of in [
        (log, "2016-02-29", "2017-02-18", None),
        (log, *APRIL.values(), None),
        (log_mid, "2016-04-01", MID, MID),
    ]:
        wanted = handoffs(rows, column, since, until)
        row = one(ws, "handoff_count", since=since, until=until, as_of=as_of, stations=who)
        assert row["n"] == len(wanted)
        assert row["value"] == near(wanted.sum() / len(wanted))


# --- promises -------------------------------------------------------------------------------------


def test_sla_is_a_share_of_incidents_not_of_updates(ws, log):
    wanted = promises(log)
    row = one(ws, "sla_attainment")
    assert row["n"] == len(wanted) == 24_918 and row["pending"] == 0
    assert row["value"] == near(100 * wanted["met"].sum() / len(wanted))
    assert f"{row['value']:.1f}" == "63.4"
    assert f"{100 * (log['made_sla'] == 'true').mean():.1f}" == "93.5", "what updates would say"


def test_sla_of_a_day_in_the_middle_leaves_the_running_ones_out(ws, log_mid):
    wanted = promises(log_mid)
    due = ~wanted["running"]
    row = one(ws, "sla_attainment", as_of=MID)
    assert row["n"] == due.sum() and row["pending"] == wanted["running"].sum() > 0
    assert row["value"] == near(100 * wanted["met"].sum() / due.sum())


def test_sla_per_month_of_opening_as_of_a_day(ws, log_mid):
    wanted = promises(log_mid).join(log_mid.groupby("number")["opened"].first())
    wanted = wanted.groupby(wanted["opened"].dt.strftime("%Y-%m"))[["met", "missed"]].sum()
    found = per_month(many(ws, "sla_attainment", by=["month"], as_of=MID))
    assert found == near((100 * wanted["met"] / wanted.sum(axis=1)).to_dict())


# --- backlog --------------------------------------------------------------------------------------

DAYS = ["2016-02-29", "2016-03-31", MID, "2016-05-31", "2016-07-03", "2017-01-31", "2017-02-15"]
EMPTY = ["2017-02-14", "2017-02-17", "2017-02-18"]


def test_backlog_at_the_close_of_single_days(ws, log):
    found = many(ws, "backlog_close_of_day", by=["day"])
    found = {str(r.period_start_on)[:10]: r.value for r in found.itertuples()}
    assert {day: found[day] for day in DAYS} == {day: len(stock(log, day)) for day in DAYS}


@pytest.mark.parametrize("day", EMPTY)
def test_backlog_of_a_day_on_which_nothing_is_left(ws, log, day):
    assert len(stock(log, day)) == 0
    assert one(ws, "backlog_close_of_day", since=day, until=day)["value"] == 0


def test_backlog_by_day_has_every_day(ws):
    found = many(ws, "backlog_close_of_day", by=["day"], since="2017-02-01", until="2017-02-18")
    assert len(found) == 18


def test_backlog_of_the_last_days_counts_the_empty_ones(ws, log):
    days = [str(d)[:10] for d in pd.date_range("2017-02-10", "2017-02-18")]
    row = one(ws, "backlog_close_of_day", since=days[0], until=days[-1])
    assert row["value"] == near(sum(len(stock(log, day)) for day in days) / 9)


def test_days_without_a_new_incident_do_not_fail_the_others(ws, tickets):
    days = {"since": "2017-02-17", "until": "2017-02-18"}
    found = ws.kpis(list(KPIS), **days).frame.set_index("metric")
    assert found.loc["ticket_volume", "value"] == within(tickets["opened"], **days).sum() == 0
    assert found.loc["handoff_count", "n"] == within(tickets["last"], **days).sum()


def test_backlog_of_a_week_is_the_mean_of_its_days(ws, log):
    days = [str(d)[:10] for d in pd.date_range(WEEK["since"], WEEK["until"])]
    wanted = sum(len(stock(log, day)) for day in days) / 7
    assert one(ws, "backlog_close_of_day", **WEEK)["value"] == near(wanted)


@pytest.mark.parametrize("pending", [True, False])
@pytest.mark.parametrize("hold", [True, False])
def test_backlog_with_and_without_those_that_wait(ws, log, pending, hold):
    states = stock(log, MID)["incident_state"]
    wanted = (pending | ~states.isin(PENDING)) & (hold | ~states.isin(HOLD))
    asked = {"include_pending": pending, "include_hold": hold}
    row = one(ws, "backlog_close_of_day", since=MID, until=MID, **asked)
    assert row["value"] == wanted.sum()


def test_backlog_by_the_group_that_had_it_then(ws, log):
    wanted = stock(log, MID)["assignment_group"].replace("?", None).value_counts()
    found = many(ws, "backlog_close_of_day", by=["team"], since=MID, until=MID)
    found = found.set_index("team")["value"]
    assert found.sum() == len(stock(log, MID)), "with those that no group had"
    assert {t: found[t] for t in wanted.index} == wanted.to_dict()


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_age_of_the_backlog_of_a_day(ws, log, p):
    ages = minutes(stock(log, MID)["opened"], close(MID))
    row = one(ws, "backlog_age", since=MID, until=MID, p=p)
    assert row["n"] == len(ages)
    assert row["value"] == near(hours(smallest(ages, Fraction(str(p)))))


def test_backlog_as_of_its_day(ws, log_mid):
    now = stock(log_mid, MID)
    asked = {"since": MID, "until": MID, "as_of": MID}
    assert one(ws, "backlog_close_of_day", **asked)["value"] == len(now)
    ages = minutes(now["opened"], close(MID))
    wanted = hours(smallest(ages, Fraction(9, 10)))
    assert one(ws, "backlog_age", **asked, p=0.9)["value"] == near(wanted)


def test_the_rows_behind_the_backlog_of_a_day(ws, log):
    now = stock(log, MID)
    rows = ws.rows("backlog_close_of_day", since=MID, until=MID)
    assert len(rows) == len(now) == one(ws, "backlog_close_of_day", since=MID, until=MID)["value"]
    assert set(rows["ticket_id"]) == set(now.index)
    group = rows.set_index("ticket_id")["team"].fillna("?")
    assert group.eq(now["assignment_group"].reindex(group.index)).all()


# --- nothing from the future ----------------------------------------------------------------------


@pytest.mark.parametrize("by", [(), ("month", "channel")])
def test_as_of_a_day_is_what_was_exported_that_night(ws, ws_that_night, by):
    """Values, intervals and caveats alike, of KPIs under their own and under other conventions."""
    asked = [
        *KPIS,
        metric("full_resolution_time", stat="mean", cohort="solved"),
        metric("reopen_rate", numerator="events"),
        metric("handoff_count", stations="group"),
        metric("backlog_age", p=0.9),
    ]
    whole, cut = (w.kpis(asked, by=list(by), as_of=MID).frame for w in (ws, ws_that_night))
    assert len(whole) >= len(asked)
    pd.testing.assert_frame_equal(whole, cut)


def test_cuts_by_who_has_it_are_what_was_exported_that_night(ws, ws_that_night):
    asked = ["full_resolution_time", "handoff_count", "backlog_close_of_day"]
    whole, cut = (w.kpis(asked, by=["team"], as_of=MID).frame for w in (ws, ws_that_night))
    pd.testing.assert_frame_equal(whole, cut)


@pytest.mark.parametrize("dimension, column", [("reason", "category"), ("product", "subcategory")])
def test_cuts_by_the_matter_know_only_what_was_known(ws, log_mid, dimension, column):
    found = many(ws, "ticket_volume", by=[dimension], as_of=MID)
    found = found.set_index(dimension)["value"].to_dict()
    told = log_mid.drop_duplicates("number").set_index("number")[column]  # when it was opened
    wanted = told[told != "?"].value_counts().to_dict()
    assert {name: found.get(name, 0) for name in wanted} == wanted


def test_rows_as_of_a_day_show_no_later_state(ws, log_mid):
    rows = ws.rows("ticket_volume", since=MID, until=MID, as_of=MID)
    assert len(rows) == one(ws, "ticket_volume", since=MID, until=MID)["value"]
    assert not {"status", "group", "priority", "problem_id"} & set(rows)


def test_an_incident_counts_from_its_opening_though_it_was_written_down_later(ws, raw, log):
    "Seven were opened before midnight and logged after it (DECISIONS)."
    by = log.groupby("number")
    opened_on, written_on = by["opened"].first(), by["at"].min()
    later = opened_on[opened_on.dt.normalize() < written_on.dt.normalize()].dt.normalize()
    assert len(later) == 7
    days = sorted({str(day)[:10] for day in later})
    found = {day: one(ws, "ticket_volume", as_of=day)["value"] for day in days}
    ends = {day: pd.Timestamp(day) + pd.Timedelta(days=1) for day in days}
    assert found == {day: (opened_on < end).sum() for day, end in ends.items()}


# --- the report -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(desk):
    words = ["report", "weekly_scorecard", "--data", desk, "--as-of", "2016-05-31"]
    said = shell(*words)
    folder = desk / "runs" / "weekly_scorecard" / "2016-05-23"
    before = everything(folder)
    again = shell(*words)
    return said, folder, before, again


def test_the_report_is_made_once(report):
    said, folder, before, again = report
    assert "1 made, 0 up to date, 0 failed" in said
    assert "0 made, 1 up to date, 0 failed" in again
    assert everything(folder) == before


def test_the_report_names_the_kpis_of_tickets(report):
    page = (report[1] / "report.html").read_text("utf-8")
    assert [name for name in KPIS.values() if name not in page] == []
    assert "23 – 29 May 2016" in page


def test_the_report_counts_the_week(report, tickets, raw, log):
    found = pd.read_csv(report[1] / "kpis.csv")
    found = found[found["period_start_on"] == "2016-05-23"].set_index("metric")["value"]
    opened = within(tickets["opened"], "2016-05-23", "2016-05-29")
    assert found["ticket_volume"] == opened.sum()
    seen = promises(known(raw, "2016-05-29")).reindex(tickets.index[opened])
    assert found["sla_attainment"] == near(100 * seen["met"].sum() / (~seen["running"]).sum())
    days = [str(d)[:10] for d in pd.date_range("2016-05-23", "2016-05-29")]
    assert found["backlog_close_of_day"] == near(sum(len(stock(log, d)) for d in days) / 7)


def test_the_report_holds_nobody(report, tickets):
    """The page and its table hold no incident, and no column in which a person could stand."""
    for name in ("report.html", "kpis.csv", "report.ipynb"):
        page = (report[1] / name).read_text("utf-8")
        assert not set(re.findall(r"\b\d{7}\b", page)) & set(tickets.index), name
        for column in ("requester_id", "caller_id", "customer_no", "ticket_id", "actor_id"):
            assert column not in page, (name, column)


# Two more processes: a small import and one more report.
@pytest.fixture(scope="module")
def marked_report(file, tmp_path_factory):
    """A small part of the log in which a person, and what was written, can be told from a number."""
    folder = tmp_path_factory.mktemp("marked")
    some = file[file["number"].isin(file["number"].unique()[::40])]
    people = ["caller_id", "opened_by", "sys_created_by", "sys_updated_by", "assigned_to"]
    marks = {name: some[name].where(some[name] == "?", "Doe-" + some[name]) for name in people}
    some = some.assign(**marks, u_symptom="Please help.", number="INC" + some["number"])
    some.to_parquet(folder / "log.parquet", index=False)
    shell("import", "servicenow", folder / "log.parquet", "--to", folder / "desk")
    shell("report", "weekly_scorecard", "--data", folder / "desk", "--as-of", "2016-05-31")
    return folder / "desk" / "runs"


@pytest.mark.slow
def test_the_report_says_nothing_of_a_person(marked_report):
    files = [f for f in marked_report.rglob("*") if f.is_file()]
    assert {f.suffix for f in files} == {".html", ".csv", ".json", ".ipynb"}
    for file in files:
        said = file.read_text("utf-8")
        assert [m for m in ("Doe-", "Please help", "INC0") if m in said] == [], file.name
