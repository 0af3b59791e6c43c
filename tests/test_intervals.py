"""Switch reports as five systems print them, read into one table.

The golden half-hour (2 March 2026, 09:00 in Berlin) in every system's words:

    offered 100, answered 85 (70 within 20 s), abandoned 15 (10 within 20 s)
    talk 8,500 s, hold 340 s, wrap-up 1,700 s, waits of the answered 1,300 s
"""

import gzip
from datetime import datetime, time, timedelta

import pandas as pd
import pytest

from contact_kpis import open_workspace
from contact_kpis.data.contract import tables as contracts
from contact_kpis.data.sources.intervals import read
from contact_kpis.data.switch_words import KNOWN, VOCABULARY, understand
from contact_kpis.data.tables import write_project
from contact_kpis.errors import BadInput, BadSettings, UnknownName
from contact_kpis.metrics.asked import question
from contact_kpis.metrics.compute import compute
from contact_kpis.metrics.intervals import interval_metrics
from contact_kpis.settings import Settings

BERLIN = "Europe/Berlin"
COUNTS = {"offered": 100, "answered": 85, "abandoned": 15, "answered_within": 70}
SPANS = {"talk_ms": 8_500_000, "hold_ms": 340_000, "wrap_ms": 1_700_000}

REPORTS = {
    "plain": """queue_id,interval_start_at,length_ms,offered,answered,abandoned,answered_within,\
abandoned_within,wait_ms,talk_ms,hold_ms,wrap_ms,threshold_ms,abandon_mode
Q,2026-03-02 09:00,1800000,100,85,15,70,10,1300000,8500000,340000,1700000,20000,ignore
""",
    "cisco": """DateTime,CallTypeID,CallsOffered,CallsHandled,TotalCallsAband,ServiceLevelCalls,\
ServiceLevelAband,AnswerWaitTime,TalkTime,HoldTime,WorkTime,ServiceLevelThreshold,ServiceLevelType,\
HandleTime,ServiceLevel
2026-03-02 09:00:00,Q,100,85,15,70,10,1300,8500,340,1700,20,1,10540,0.7778
""",
    "uccx": """CSQ Name;Interval Start Time;Interval End Time;Service Level (sec);Calls Presented;\
Calls Handled;Calls Abandoned;Calls Handled < SL;Calls Abandoned < SL;Talk Time;Hold Time;Work Time
Q;02.03.2026 09:00;02.03.2026 09:30;20;100;85;15;70;10;2:21:40;0:05:40;0:28:20
""",
    "avaya": """ROW_DATE,STARTTIME,INTRVL,SPLIT,CALLSOFFERED,ACDCALLS,ABNCALLS,ACCEPTABLE,ANSTIME,\
ACDTIME,HOLDACDTIME,HOLDTIME,ACWTIME
3/2/2026,900,30,Q,100,85,15,70,1300,8500,340,400,1700
3/22/2026,900,30,Q,0,0,0,0,0,0,0,0,0
""",
    "genesys": """Interval Start,Interval End,Queue Name,Media Type,Offer,Answer,Abandon,Total Talk,\
Total Hold,Total ACW,Abandon %,ASA,Service Level %
2026-03-02T08:00:00.000Z,2026-03-02T08:30:00.000Z,Q,VOICE,100,85,15,2:21:40,0:05:40,0:28:20,15,15,70
""",
    "amazon": """Queue,Agent,StartInterval,EndInterval,Contacts queued,Contacts handled,\
Contacts handled incoming,Contacts abandoned,Contacts answered in 20 seconds,\
Contacts abandoned in 20 seconds,Contacts answered in 60 seconds,Agent interaction time,\
Customer hold time,After contact work time,Service level 20 seconds
Q,,2026-03-02T08:00:00Z,2026-03-02T08:30:00Z,100,91,85,15,70,10,80,02:21:40,00:05:40,00:28:20,80.00%
""",
}
ASKED = {
    "plain": {},
    "cisco": {"length_min": 30},
    "uccx": {},
    "avaya": {"threshold_s": 20},
    "genesys": {},
    "amazon": {"threshold_s": 20},
}
MODES = {"plain": "ignore", "cisco": "ignore", "avaya": "negative", "amazon": "positive"}


@pytest.fixture
def put(tmp_path):
    def put(content, name="report.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def first(got):
    return got.tables[got.main].iloc[0]


@pytest.mark.parametrize("system", REPORTS)
def test_every_system_says_the_same(put, system):
    got = read(put(REPORTS[system]), zone=BERLIN, **ASKED[system])
    row = first(got)
    assert got.main == "queue_intervals" and len(got.quarantine) == 0
    assert row["queue_id"] == "Q" and row["length_ms"] == 1_800_000
    assert row["interval_start_at"] == pd.Timestamp("2026-03-02 08:00")
    expected = COUNTS | SPANS if system != "genesys" else SPANS
    for column, value in expected.items():
        assert row[column] == value, (system, column)
    assert row.get("abandon_mode") == MODES.get(system, row.get("abandon_mode"))
    assert row["source_system"] == {"uccx": "cisco"}.get(system, system)
    assert got.settings == {"zone": BERLIN}


@pytest.mark.parametrize("system", REPORTS)
def test_only_columns_of_the_contract_with_their_kinds(put, system):
    got = read(put(REPORTS[system]), zone=BERLIN, **ASKED[system])
    frame, contract = got.tables[got.main], contracts[got.main]
    assert set(frame.columns) <= {c.name for c in contract.columns if not c.derived}
    for column in frame:
        if contract[column].kind == "int64":
            assert str(frame[column].dtype) == "Int64", column


def test_an_open_convention_stays_open(put):
    "Genesys and UCCX do not say what an abandoned contact does; nobody says it for them."
    for system in ("genesys", "uccx"):
        assert (
            "abandon_mode" not in read(put(REPORTS[system]), zone=BERLIN).tables["queue_intervals"]
        )
    got = read(put(REPORTS["uccx"]), zone=BERLIN, abandon_mode="drop_all", short_abandon_s=5)
    assert first(got)["abandon_mode"] == "drop_all" and first(got)["short_abandon_ms"] == 5000


@pytest.mark.parametrize(
    ("system", "column"),
    [("amazon", "Service level 20 seconds"), ("genesys", "Service Level %"), ("genesys", "ASA")],
)
def test_rates_are_never_imported_and_named(put, system, column):
    got = read(put(REPORTS[system]), zone=BERLIN, **ASKED[system])
    (note,) = [n for n in got.notes if n.startswith("rates and averages are computed anew")]
    assert column in note


def test_the_golden_service_levels(put, tmp_path):
    "From the file to the number, through a project on disk: 77.78 by Cisco's ignore, 80.00 by Amazon."
    for system, value in (("cisco", 77.78), ("amazon", 80.00), ("avaya", 70.00)):
        got = read(put(REPORTS[system]), zone=BERLIN, **ASKED[system])
        ws = open_workspace(write_project(got, tmp_path / system))
        (metric,) = interval_metrics(ws.opened)["service_level"]
        frame, _ = compute(ws.opened, [metric], question(until="2026-03-02"))
        assert round(frame["value"].iloc[0], 2) == value
        assert ws.settings.zone == BERLIN


# Durations


def durations(unit, value, **asked):
    header = "Queue,Interval start,Interval end,Offered,Talk"
    return f"{header}{unit}\nQ,2026-03-02 09:00,2026-03-02 09:30,3,{value}\n"


@pytest.mark.parametrize(
    ("unit", "value", "asked", "ms"),
    [
        (" (s)", "412", {}, 412_000),
        (" [ms]", "412", {}, 412),
        ("_ms", "412", {}, 412),
        (" (min)", "1.5", {}, 90_000),
        ("", "0:06:52", {}, 412_000),
        ("", "0:06:52.25", {}, 412_250),
        ("", "26:00:00", {}, 93_600_000),
        ("", "412", {"unit": "s"}, 412_000),
        ("", "412", {"unit": "ms"}, 412),
        ("", "6:52", {"unit": "m:ss"}, 412_000),
        ("", "0", {}, 0),
        (" (s)", "0:06:52", {"unit": "ms"}, 412_000),
    ],
)
def test_units(put, unit, value, asked, ms):
    assert first(read(put(durations(unit, value)), **asked))["talk_ms"] == ms


@pytest.mark.parametrize(("value", "choice"), [("412", "unit='s' or unit='ms'"), ("6:52", "m:ss")])
def test_a_unit_that_nobody_says_is_refused(put, value, choice):
    with pytest.raises(BadInput, match="nothing says in which unit") as error:
        read(put(durations("", value)))
    assert choice in error.value.do


# Dates and clocks


def at(*starts, extra=""):
    lines = "".join(f"Q,{start},{i + 1}\n" for i, start in enumerate(starts))
    return f"Queue,Interval start,Offered\n{lines}{extra}"


@pytest.mark.parametrize(
    ("cell", "asked"),
    [
        ("2026-03-02 09:00", {}),
        ("2026/03/02 9:00:00", {}),
        ("02.03.2026 09:00", {}),
        ("2.3.26 9:00", {}),
        ("3/2/2026 9:00 AM", {"date_order": "mdy"}),
        ("02/03/2026 09:00", {"date_order": "dmy"}),
        ("2026-03-02T08:00:00Z", {}),
        ("2026-03-02 03:00:00-05:00", {}),
        ("2026-03-02T09:00:00.000+0100", {}),
    ],
)
def test_ways_to_write_a_start(put, cell, asked):
    row = first(read(put(at(cell)), zone=BERLIN, length_min=30, **asked))
    assert row["interval_start_at"] == pd.Timestamp("2026-03-02 08:00")


def test_a_day_above_twelve_tells_the_order(put):
    got = read(put(at("3/2/2026 09:00", "3/13/2026 09:30")), zone=BERLIN)
    assert first(got)["interval_start_at"].month == 3
    with pytest.raises(BadInput, match="day or the month come first"):
        read(put(at("3/2/2026 09:00", "3/2/2026 09:30")), zone=BERLIN)
    with pytest.raises(BadInput, match="both orders"):
        read(put(at("13/3/2026 09:00", "3/13/2026 09:30")), zone=BERLIN)


FOLD = ("2026-10-25 01:30", "2026-10-25 02:00", "2026-10-25 02:30")
FOLD += ("2026-10-25 02:00", "2026-10-25 02:30", "2026-10-25 03:00")
FOLD_UTC = ["23:30", "00:00", "00:30", "01:00", "01:30", "02:00"]


def clock(got):
    return got.tables["queue_intervals"]["interval_start_at"].dt.strftime("%H:%M").tolist()


def test_the_doubled_hour_is_told_apart_by_order(put):
    got = read(put(at(*FOLD)), zone=BERLIN)
    assert clock(got) == FOLD_UTC and len(got.quarantine) == 0
    assert "4 rows of an hour that comes twice are told apart by their order" in got.notes


def test_the_doubled_hour_in_a_file_that_runs_backwards(put):
    got = read(put(at(*FOLD[::-1])), zone=BERLIN)
    assert clock(got) == FOLD_UTC[::-1]
    assert got.tables["queue_intervals"]["offered"].tolist() == [1, 2, 3, 4, 5, 6]


def test_two_rows_of_the_doubled_hour_are_no_repeat_even_when_alike(put):
    text = "Queue,Interval start,Offered\n" + "".join(f"Q,{start},0\n" for start in FOLD)
    got = read(put(text), zone=BERLIN)
    assert got.deduplicated == 0 and clock(got) == FOLD_UTC


def test_one_row_of_the_doubled_hour_is_set_aside(put):
    got = read(put(at(*FOLD[:3], FOLD[5])), zone=BERLIN)
    assert len(got.quarantine) == 2 and got.quarantine["reason"].str.contains("comes twice").all()
    assert clock(got) == ["23:30", "02:00"]


def test_the_doubled_hour_in_no_order_is_set_aside(put):
    order = ("2026-10-25 01:30", "2026-10-25 03:30", "2026-10-25 02:00", "2026-10-25 02:00")
    got = read(put(at(*order, "2026-10-25 03:00")), zone=BERLIN)
    assert got.quarantine["reason"].str.contains("comes twice").sum() == 2


def test_each_queue_has_its_own_doubled_hour(put):
    "Sorted by time: P 02:00, Q 02:00, P 02:00, Q 02:00."
    rows = [("P", FOLD[0]), ("Q", FOLD[0])] + [(q, FOLD[1]) for q in ("P", "Q", "P", "Q")]
    rows += [("P", FOLD[5]), ("Q", FOLD[5])]
    text = "Queue,Interval start,Offered\n" + "".join(f"{q},{s},1\n" for q, s in rows)
    got = read(put(text), zone=BERLIN, length_min=30)
    assert clock(got)[2:6] == ["00:00", "00:00", "01:00", "01:00"] and len(got.quarantine) == 0


def test_offsets_need_no_telling_apart(put):
    starts = ("2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00")
    got = read(put(at(*starts)), zone=BERLIN, length_min=30)
    assert clock(got) == ["00:00", "01:00"]


def test_the_skipped_hour_is_set_aside(put):
    got = read(put(at("2026-03-29 01:30", "2026-03-29 02:00", "2026-03-29 03:00")), zone=BERLIN)
    (reason,) = got.quarantine["reason"]
    assert "does not exist" in reason and clock(got) == ["00:30", "01:00"]


def test_ends_in_the_nights_when_the_clock_moves(put):
    rows = [("2026-03-29 01:30", "2026-03-29 03:00"), ("2026-10-25 03:00", "2026-10-25 03:30")]
    rows += [("2026-03-28 23:30", "2026-03-29 00:00"), ("2026-03-28 09:00", "2026-03-28 09:29:59")]
    text = "Queue,Interval start,Interval end,Offered\n" + "".join(
        f"Q,{a},{b},1\n" for a, b in rows
    )
    got = read(put(text), zone=BERLIN)
    assert len(got.quarantine) == 0
    assert set(got.tables["queue_intervals"]["length_ms"]) == {1_800_000}


@pytest.mark.parametrize(
    ("starts", "minutes"),
    [
        (("09:00", "09:15", "09:30", "10:00"), 15),
        (("09:00", "09:30", "11:00"), 30),
        (("09:00", "10:00", "11:00", "14:00"), 60),
    ],
)
def test_the_length_is_told_from_the_starts(put, starts, minutes):
    got = read(put(at(*(f"2026-03-02 {s}" for s in starts))))
    assert set(got.tables["queue_intervals"]["length_ms"]) == {60_000 * minutes}


def test_too_few_starts_to_tell_the_length(put):
    with pytest.raises(BadInput, match="how long its intervals are") as error:
        read(put(at("2026-03-02 09:00", "2026-03-02 10:00")))
    assert "length_min" in error.value.do


# Agents


def test_agents(put):
    text = """LOGID,ROW_DATE,STARTTIME,INTRVL,ACDCALLS,ACDTIME,HOLDACDTIME,ACWTIME,TI_STAFFTIME,TI_AVAILTIME
4711,2026-03-02,900,30,5,900,60,240,1800,600
4712,2026-03-02,900,30,5,900,60,240,9000,600
"""
    got = read(put(text), zone=BERLIN)
    assert got.main == "agent_intervals" and len(got.quarantine) == 1
    assert got.quarantine["reason"][0] == "staffed_ms is longer than the interval"
    ws = open_workspace({got.main: got.tables[got.main]}, settings=Settings(zone=BERLIN))
    (metric,) = interval_metrics(ws.opened)["occupancy"]
    frame, _ = compute(ws.opened, [metric], question(by=["agent"]))
    assert frame["agent"].tolist() == ["4711"]
    assert frame["value"][0] == pytest.approx(100 * 1200 / 1800, rel=1e-12)  # one rounding


def test_rows_by_queue_and_agent_are_neither(put):
    with pytest.raises(BadInput, match="a queue and an agent"):
        read(put("Queue,Agent,Interval start,Offered\nQ,a,2026-03-02 09:00,1\n"))


# Kinds of files


def sheet(tmp_path, *rows):
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "report.xlsx")
    return tmp_path / "report.xlsx"


def test_excel_with_a_title_and_two_header_rows(tmp_path):
    path = sheet(
        tmp_path,
        ["Queue report, printed 3 March 2026"],
        [],
        ["", "", "", "Calls", "", "Times"],
        ["Queue", "Date", "Start time", "Offered", "Answered", "Talk time (hh:mm:ss)"],
        ["Q", datetime(2026, 3, 2), time(9, 0), 100, 85.0, timedelta(seconds=8500)],
        ["Q", datetime(2026, 3, 2), time(9, 30), 40, 38, time(1, 2, 3)],
        ["Grand Total", None, None, 140, 123, timedelta(seconds=12_223)],
    )
    got = read(path, zone=BERLIN)
    assert got.rows_in == 3 and got.quarantine["rule"].tolist() == ["total"]
    frame = got.tables["queue_intervals"]
    assert frame["talk_ms"].tolist() == [8_500_000, 3_723_000]
    assert frame["interval_start_at"].dt.hour.tolist() == [8, 8]
    assert any("3 lines above the header" in note for note in got.notes)


def test_parquet_and_gz_are_the_same(put, tmp_path):
    plain = read(put(REPORTS["plain"]), zone=BERLIN)
    packed = read(put(gzip.compress(REPORTS["plain"].encode()), "report.csv.gz"), zone=BERLIN)
    frame = plain.tables["queue_intervals"]
    frame.to_parquet(tmp_path / "report.parquet")
    stored = read(tmp_path / "report.parquet")
    for other in (packed, stored):
        pd.testing.assert_frame_equal(frame, other.tables["queue_intervals"], check_like=True)


def test_a_marked_utf_16_file_is_read(put):
    assert len(read(put(REPORTS["plain"].encode("utf-16")), zone=BERLIN).quarantine) == 0


# Conventions that contradict


@pytest.mark.parametrize(
    ("system", "asked", "words"),
    [
        ("cisco", {"threshold_s": 30, "length_min": 30}, "threshold_ms 20000, not 30000"),
        ("plain", {"abandon_mode": "positive"}, "abandon_mode ignore, not positive"),
        ("amazon", {"threshold_s": 30}, "no threshold of 30 s: its columns count within 20, 60 s"),
        ("amazon", {}, "several thresholds: its columns count within 20, 60 s"),
    ],
)
def test_who_contradicts_the_report_is_refused(put, system, asked, words):
    with pytest.raises(BadInput) as error:
        read(put(REPORTS[system]), zone=BERLIN, **asked)
    assert words in error.value.found and error.value.do


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"threshold_s": -1}, BadInput),
        ({"threshold_s": "20"}, BadInput),
        ({"short_abandon_s": True}, BadInput),
        ({"length_min": 45}, BadInput),
        ({"abandon_mode": "ignored"}, UnknownName),
        ({"unit": "hours"}, UnknownName),
        ({"date_order": "ymd"}, UnknownName),
        ({"zone": "Europe/Berlim"}, BadSettings),
    ],
)
def test_parameters_that_make_no_sense(put, asked, kind):
    with pytest.raises(kind) as error:
        read(put(REPORTS["plain"]), **{"zone": BERLIN, **asked})
    assert error.value.expected


# Zeros that are not written


def test_empty_is_unknown_unless_somebody_says_it_is_zero(put):
    text = "Queue,Interval start,Offered,Answered,Abandoned\n"
    text += "Q,2026-03-02 09:00,5,5,\nQ,2026-03-02 09:30,6,5,1\n"
    unknown, zero = read(put(text)), read(put(text), empty_is_zero=True)
    assert unknown.tables["queue_intervals"]["abandoned"].isna().tolist() == [True, False]
    assert any("empty_is_zero=True" in note for note in unknown.notes)
    assert zero.tables["queue_intervals"]["abandoned"].tolist() == [0, 1]


# The vocabulary


def test_no_word_has_two_meanings():
    for header, found in KNOWN.items():
        assert len({column for column, _ in found.values()}) == 1, header


def test_every_word_is_understood_and_every_column_exists():
    names = {c.name for t in ("queue_intervals", "agent_intervals") for c in contracts[t].columns}
    for words in VOCABULARY:
        assert words.source
        for column, headers in words.headers.items():
            assert column in names | {"start", "date", "time", "end", "length"}
            for header in headers.split("|"):
                assert understand(header).column == column, header
