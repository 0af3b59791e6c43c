"A bank log that is not one, and rows that break its contract: each refused or counted, with words."

import gzip
import json

import pytest

from contact_kpis.data.sources import seelab
from contact_kpis.errors import BadInput, BadSettings

NEVER = "0:00:00\t0:00:00\t0"
GOOD = [
    "AA0101 901 5550001 2 PS 990210 9:00:00 9:00:10 10 9:00:10 9:00:40 30 AGENT 9:00:39 9:03:39 180 S01",
    "AA0101 902 0 0 NW 990210 9:05:00 9:05:09 9 NEVER AGENT 9:05:08 9:06:08 60 NO_SERVER",
    "AA0102 903 0 0 NE 990210 9:20:00 9:20:05 5 9:20:05 9:21:00 55 HANG NEVER NO_SERVER",
    "AA0102 904 0 0 IN 990210 9:30:00 9:30:30 30 NEVER HANG NEVER NO_SERVER",
]
GOOD = [line.replace(" ", "\t").replace("NEVER", NEVER) for line in GOOD]
HEADER = "\t".join(seelab.COLUMNS)


@pytest.fixture
def write(tmp_path):
    def written(content, name="calls.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def log(*lines, header=HEADER, end="\n"):
    return "\n".join([header, *lines]) + end


def changed(line, **cells):
    "The line with some cells replaced, by column name (`vru` stands for vru+line)."
    parts = line.split("\t")
    for name, value in cells.items():
        parts[seelab.COLUMNS.index({"vru": "vru+line"}.get(name, name))] = value
    return "\t".join(parts)


def accounted(imported):
    kept = len(imported.tables["contacts"])
    assert imported.rows_in == kept + len(imported.quarantine) + imported.deduplicated
    return imported


def refused(path):
    with pytest.raises(BadInput) as caught:
        seelab.read(path)
    error = caught.value
    assert error.found and error.expected
    assert len(str(error)) < 1000
    return str(error)


# Files.


def test_absent_file_suggests_its_neighbour(write):
    near = write(log(*GOOD), "calls_1999.txt")
    message = refused(near.with_name("calls_199.txt"))
    assert "there is no file" in message and "did you mean 'calls_1999.txt'" in message


def test_absent_folder(tmp_path):
    assert "there is no file" in refused(tmp_path / "nowhere" / "calls.txt")


def test_folder(tmp_path):
    assert "is a folder" in refused(tmp_path)


@pytest.mark.parametrize("content", ["", "\n\n", "  \n", gzip.compress(b"")])
def test_empty_file(write, content):
    assert "is empty" in refused(write(content))


def test_header_without_rows(write):
    assert "has a header and no rows" in refused(write(HEADER + "\n"))


@pytest.mark.parametrize(
    ("mark", "word"), [(",", "commas"), (";", "semicolons"), ("|", "bars"), (" ", "blanks")]
)
def test_wrong_separator_is_named(write, mark, word):
    message = refused(write(log(*GOOD).replace("\t", mark)))
    assert word in message and repr(mark) in message


def test_another_text(write):
    assert "begins with 'Dear Sir'" in refused(write("Dear Sir\nplease find enclosed\n"))


def test_no_header(write):
    assert "has no header" in refused(write("\n".join(GOOD) + "\n"))


def test_old_line_ends(write):
    assert "lines end in CR only" in refused(write(log(*GOOD).replace("\n", "\r")))


@pytest.mark.parametrize("column", seelab.COLUMNS)
def test_missing_column_is_named(write, column):
    rest = [i for i, name in enumerate(seelab.COLUMNS) if name != column]
    lines = ["\t".join(line.split("\t")[i] for i in rest) for line in [HEADER, *GOOD]]
    assert f"column {column!r} is missing" in refused(write(log(*lines[1:], header=lines[0])))


@pytest.mark.parametrize(
    ("column", "found"), [("vru+line", "vru.line"), ("q_time", "qtime"), ("server", "Servers")]
)
def test_renamed_column_is_suggested(write, column, found):
    header = "\t".join(found if name == column else name for name in seelab.COLUMNS)
    message = refused(write(log(*GOOD, header=header)))
    assert f"{column!r} is missing" in message and f"nearest column found is {found!r}" in message


def test_doubled_column(write):
    lines = [line + "\t" + line.split("\t")[11] for line in [HEADER, *GOOD]]
    assert "'q_time' stands 2 times" in refused(write(log(*lines[1:], header=lines[0])))


def test_picture_is_not_text(write):
    assert "is not text" in refused(write(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9))


def test_utf16_is_named(write):
    assert "UTF-16" in refused(write(log(*GOOD).encode("utf-16")))


@pytest.mark.parametrize("keep", [15, 60, -9])
def test_cut_off_gz(write, keep):
    assert "damaged or cut-off gz" in refused(write(gzip.compress(log(*GOOD * 9).encode())[:keep]))


def test_file_that_may_not_be_read(write, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    path = write(log(*GOOD))
    monkeypatch.setattr(type(path), "read_bytes", denied)
    assert "cannot read calls.txt: Permission denied" in refused(path)


def test_unknown_zone_is_suggested(write):
    with pytest.raises(BadSettings, match="Asia/Jerusalem"):
        seelab.read(write(log(*GOOD)), zone="Asia/Jerusalm")


# Harmless differences: the same tables come out.


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(log(*GOOD).encode()),
        b"\xef\xbb\xbf" + log(*GOOD).encode(),
        log(*GOOD).replace("\n", "\r\n").encode(),
        log(*GOOD, end="").encode(),
    ],
    ids=["gz", "byte order mark", "CR LF", "no last line end"],
)
def test_packing_changes_nothing(write, content):
    plain, other = seelab.read(write(log(*GOOD), "plain.txt")), seelab.read(write(content))
    assert len(plain.quarantine) == len(other.quarantine) == 0
    for name, frame in plain.tables.items():
        assert frame.equals(other.tables[name])


def test_order_of_columns_changes_nothing(write):
    plain = seelab.read(write(log(*GOOD), "plain.txt"))
    lines = ["\t".join(reversed(line.split("\t"))) for line in [HEADER, *GOOD]]
    other = seelab.read(write(log(*lines[1:], header=lines[0])))
    assert plain.tables["contacts"].equals(other.tables["contacts"])


def test_unknown_column_is_left_out_with_a_note(write):
    lines = [line + "\tx" for line in GOOD]
    got = accounted(seelab.read(write(log(*lines, header=HEADER + "\tmood"))))
    assert len(got.quarantine) == 0 and "columns left out: mood" in got.notes


# Rows.

BAD_ROWS = [
    (dict(date="990230"), "date is not a day"),
    (dict(date="1999-02-10"), "date is not of its form"),
    (dict(date="99990210"), "date is not of its form"),
    (dict(vru_entry="9:61:00"), "vru_entry is not a time of day"),
    (dict(q_exit="25:00:00"), "q_exit is not a time of day"),
    (dict(q_start=""), "q_start is not a time of day"),
    (dict(q_time="thirty"), "q_time is not a whole number"),
    (dict(q_time="3.0E+01"), "q_time is not a whole number"),
    (dict(q_time="30.5"), "q_time is not a whole number"),
    (dict(q_time="٣٠"), "q_time is not a whole number"),
    (dict(ser_time="=P2*2"), "ser_time is not a whole number"),
    (dict(ser_time="nan"), "ser_time is not a whole number"),
    (dict(q_time="-30"), "q_time is negative"),
    (dict(ser_time="-180"), "ser_time is negative"),
    (dict(q_time="31"), "q_time is not the time from q_start to q_exit"),
    (dict(ser_exit="9:03:38"), "ser_time is not the time from ser_start to ser_exit"),
    (dict(vru_exit="9:00:11"), "vru_time is not the time from vru_entry to vru_exit"),
    (dict(ser_start="0:00:00", ser_exit="0:00:00"), "ser_time is not the time"),
    (dict(ser_start="6:00:39", ser_exit="6:03:39"), "a time lies long before"),
    (dict(outcome="ANSWERED"), "outcome is none of"),
    (dict(outcome="agent"), "outcome is none of"),
    (dict(type="XX"), "type is none of"),
    (dict(type=" PS"), "type is none of"),
    (dict(customer_id="Smith"), "customer_id is not of its form"),
    (dict(customer_id="-5"), "customer_id is not of its form"),
    (dict(call_id=""), "call_id is not of its form"),
    (dict(vru="=CMD()"), "vru+line is not of its form"),
    (dict(priority="high"), "priority is not of its form"),
    (dict(server=""), "server is not of its form"),
    (dict(server="=HYPERLINK(1)"), "server is not of its form"),
    (dict(outcome="HANG", server="NO_SERVER"), "HANG with a service time"),
]


@pytest.mark.parametrize(("cells", "reason"), BAD_ROWS, ids=[f"{c}" for c, _ in BAD_ROWS])
def test_bad_row_is_set_aside_with_its_reason(write, cells, reason):
    bad = changed(GOOD[0], call_id="999") if "call_id" not in cells else GOOD[0]
    got = accounted(seelab.read(write(log(*GOOD[:2], changed(bad, **cells), *GOOD[2:]))))
    assert len(got.tables["contacts"]) == 4
    (row,) = got.quarantine.to_dict("records")
    assert row["row"] == 3 and row["table"] == "contacts" and reason in row["reason"]
    told = json.loads(row["raw"])
    assert all(told[{"vru": "vru+line"}.get(n, n)] == value for n, value in cells.items())


def test_hang_that_names_a_server(write):
    bad = changed(GOOD[2], call_id="999", server="S05")
    got = accounted(seelab.read(write(log(*GOOD, bad))))
    assert got.quarantine["reason"].tolist() == ["HANG with a server"]


@pytest.mark.parametrize("cut", [1, 3, 20, 60])
def test_truncated_last_line(write, cut):
    whole = log(*GOOD, changed(GOOD[0], call_id="999"))
    got = accounted(seelab.read(write(whole[: -cut - 1])))
    assert got.rows_in == 5 and got.quarantine["row"].tolist() == [5]
    assert got.quarantine["reason"].str.startswith("truncated").all()


def test_too_few_and_too_many_fields(write):
    short, long = GOOD[0].rsplit("\t", 3)[0], GOOD[0] + "\tmore"
    got = accounted(seelab.read(write(log(short, long, "", *GOOD))))
    assert got.quarantine["row"].tolist() == [1, 2, 3]
    few, many = "too few fields in the line", "too many fields in the line"
    assert got.quarantine["reason"].tolist() == [few, many, few]


def test_damaged_bytes_cost_one_row(write):
    content = log(changed(GOOD[0], server="SX1"), *GOOD[1:]).encode()
    got = accounted(seelab.read(write(content.replace(b"SX1", b"S\xff1"))))
    assert got.quarantine["reason"].tolist() == ["bytes that are not UTF-8 text"]


def test_repeated_line_is_counted_once(write):
    got = accounted(seelab.read(write(log(*GOOD, GOOD[0], GOOD[0]))))
    assert got.deduplicated == 2 and len(got.tables["contacts"]) == 4


def test_one_key_two_stories(write):
    other = changed(GOOD[0], type="NW")
    got = accounted(seelab.read(write(log(*GOOD, other))))
    assert got.quarantine["rule"].tolist() == ["key"] and got.quarantine["row"].tolist() == [5]
    assert got.tables["contacts"]["queue_id"].tolist()[0] == "PS"


def test_one_call_id_on_two_lines_is_two_calls(write):
    got = accounted(seelab.read(write(log(*GOOD, changed(GOOD[0], vru="AA0216")))))
    assert len(got.quarantine) == 0 and got.tables["contacts"]["contact_id"].is_unique


def test_hour_that_summer_time_skips(write):
    skipped = changed(  # in 1999 Israel's clocks went from 2:00 to 3:00 on Friday 2 April
        GOOD[3], call_id="999", date="990402", vru_entry="2:30:00", vru_exit="2:30:30"
    )
    got = accounted(seelab.read(write(log(*GOOD, skipped))))
    assert got.quarantine["reason"].tolist() == [
        "vru_entry is skipped or doubled by Asia/Jerusalem's clock"
    ]


def test_nothing_but_bad_rows(write):
    got = accounted(seelab.read(write(log(changed(GOOD[0], date="soon")))))
    assert len(got.tables["contacts"]) == 0 and len(got.quarantine) == 1
