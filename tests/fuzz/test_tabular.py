"""Exports damaged in many ways, read by a mapping: each ends in a clear error or a counted quarantine.

A kind of damage takes the same 300 calls as CSV, Excel or parquet, spoils some cells, lines or bytes
(the places are drawn from a fixed seed) and says where it must end: the whole file is refused, or
rows are set aside for a reason, or nothing happens at all because the damage is none. What is set
aside, kept and repeated must add up to the rows. `pytest -s` prints the counts.
"""

import gzip
import io
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import pytest
from openpyxl import Workbook

from contact_kpis.data.sources import tabular
from contact_kpis.errors import BadInput

ROWS, SEED = 300, 2024
NAMES = [
    "Call",
    "Customer",
    "Start",
    "Ended",
    "Queue",
    "Wait (s)",
    "Talk",
    "Result",
    "Prio",
    "Note",
]
MAPPING = """
[contacts]
zone = "Europe/Berlin"
[contacts.columns]
contact_id = "Call"
customer_id = "Customer"
channel = {value = "voice"}
started_at = {column = "Start", format = "%d.%m.%Y %H:%M:%S"}
enqueued_at = {column = "Start", format = "%d.%m.%Y %H:%M:%S"}
ended_at = "Ended"
queue_id = "Queue"
wait_ms = {column = "Wait (s)", unit = "s"}
talk_ms = {column = "Talk", unit = "hh:mm:ss"}
outcome = {column = "Result", map = {ANSW = "answered", ABDN = "abandoned"}}
priority = "Prio"
[contacts.null]
values = ["-"]
"""
Lines = list[list[str]]  # the header's cells, then those of each row


@dataclass(frozen=True)
class Kind:
    "One kind of damage and where it must end."

    name: str
    spoil: Callable[[Lines, random.Random], bytes]
    refused: str = ""  # pattern of the error, where the file as a whole is refused
    reason: str = ""  # pattern of each reason for setting rows aside
    bad: int = 0  # rows that must be set aside
    more_bad: bool = False  # or more of them: one blow can break two rows
    repeated: int = 0
    extra_rows: int | None = 0  # rows that the damage adds or takes away; None: it may do either
    mapping: tuple[str, str] = ("", "")  # what is replaced in the mapping, by what


def sample() -> Lines:
    "A header and 300 calls of March 2026, three minutes apart, none of which is set aside."
    begin, lines = datetime(2026, 3, 2, 8), [list(NAMES)]
    for i in range(ROWS):
        at, is_lost = begin + timedelta(minutes=3 * i), i % 7 == 3
        ended = at + timedelta(seconds=90) - timedelta(hours=1)
        talk = "-" if is_lost else f"0:0{i % 9}:{i % 60:02}"
        lines.append(
            [
                f"c{i:04}",
                f"k{i % 40}" if i % 5 else "-",
                f"{at:%d.%m.%Y %H:%M:%S}",
                f"{ended:%Y-%m-%dT%H:%M:%S}Z",
                ("billing", "orders")[i % 2],
                str(i % 50),
                talk,
                "ABDN" if is_lost else "ANSW",
                str(i % 3),
                "a note",
            ]
        )
    return lines


def joined(lines: Lines, end="\n", separator=",") -> bytes:
    return "".join(separator.join(cells) + end for cells in lines).encode()


def cells(column: str, value, n=20):
    "Put a value into `n` cells of a column; a function is given the old value."

    def spoil(lines, rng):
        place = NAMES.index(column)
        for row in rng.sample(range(1, len(lines)), n):
            old = lines[row][place]
            lines[row][place] = value(old) if callable(value) else value
        return joined(lines)

    return spoil


def whole(change):
    "Change the file as bytes."
    return lambda lines, rng: change(joined(lines))


def header(change):
    "Change the names of the columns and leave the rows alone."

    def spoil(lines, rng):
        lines[0] = change(list(lines[0]))
        return joined(lines)

    return spoil


def columns(order):
    "Pick, repeat or reorder whole columns, names and cells together."

    def spoil(lines, rng):
        places = order(list(range(len(NAMES))))
        return joined([[cells[i] for i in places] for cells in lines])

    return spoil


def rename(old, new):
    return header(lambda names: [new if n == old else n for n in names])


def cut_cells(lines, rng):
    for row in rng.sample(range(1, len(lines)), 20):
        del lines[row][rng.randrange(1, len(NAMES)) :]
    return joined(lines)


def longer_rows(lines, rng):
    for row in rng.sample(range(1, len(lines)), 20):
        lines[row].append("more")
    return joined(lines)


def all_rows_longer(lines, rng):
    return joined([lines[0], *([*cells, ""] for cells in lines[1:])])


def shifted(lines, rng):
    "One cell is lost in the middle and one is gained at the end: all in the wrong place."
    for row in rng.sample(range(1, len(lines)), 20):
        lines[row] = lines[row][:2] + lines[row][3:] + ["x"]
    return joined(lines)


def glued_lines(lines, rng):
    for row in sorted(rng.sample(range(1, len(lines) - 1), 5), reverse=True):
        lines[row] = lines[row] + lines.pop(row + 1) if len(lines[row]) == 10 else lines[row]
    return joined(lines)


def repeated_lines(lines, rng):
    return joined(lines + [list(lines[row]) for row in rng.sample(range(1, len(lines)), 30)])


def quarrelling_keys(lines, rng):
    again = [list(lines[row]) for row in rng.sample(range(1, len(lines)), 30)]
    for one in again:
        one[4] = "another"
    return joined(lines + again)


def odd_bytes(odd: bytes, column: str):
    "Put bytes that are no text into 20 cells, below the first lines."

    def spoil(lines, rng):
        place, data = NAMES.index(column), joined(lines).split(b"\n")
        for row in rng.sample(range(100, len(data) - 1), 20):
            parts = data[row].split(b",")
            parts[place] += odd
            data[row] = b",".join(parts)
        return b"\n".join(data)

    return spoil


def quoted(lines, rng):
    return joined([[f'"{cell}"' for cell in cells] for cells in lines])


def quoted_newlines(lines, rng):
    for row in rng.sample(range(1, len(lines)), 20):
        lines[row][NAMES.index("Note")] = '"a note\nof two lines, and a ""word"""'
    return joined(lines)


def blank_lines(lines, rng):
    data = joined(lines).split(b"\n")
    for row in sorted(rng.sample(range(2, 200), 15), reverse=True):
        data.insert(row, b"")
    return b"\n".join(data)


def units_below(lines, rng):
    units = ["", "", "local", "utc", "", "(s)", "", "", "", ""]
    return joined([lines[0], units, *lines[1:]])


def lost_closing_marks(lines, rng):
    for row in rng.sample(range(1, 200), 8):
        lines[row][4] = f'"{lines[row][4]}'
    return joined(lines)


def noise(lines, rng):
    "Any byte below the header may become any other printable one."
    head, body = joined(lines).split(b"\n", 1)
    body = bytearray(body)
    for place in rng.sample(range(len(body)), 300):
        body[place] = rng.choice(b"0123456789:AB,\n -.;\"'=")
    return head + b"\n" + bytes(body)


def mixed_zones(lines, rng):
    "Some ends in other zones, some moments the same, one later."
    for row in rng.sample(range(1, len(lines)), 20):
        at = datetime.fromisoformat(lines[row][3].replace("Z", "+00:00")) + timedelta(hours=3)
        lines[row][3] = f"{at:%Y-%m-%d %H:%M:%S}+03:00"
    return joined(lines)


# Excel and parquet


def sheet(lines, above=(), more=()):
    book = Workbook()
    for cells in [*above, *lines]:
        book.active.append([None if c == "-" else c for c in cells])
    for name in more:
        book.create_sheet(name)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def typed(cells):
    "A row as a spreadsheet holds it."
    at = datetime.strptime(cells[2], "%d.%m.%Y %H:%M:%S")
    hours, minutes, seconds = map(int, cells[6].split(":")) if cells[6] != "-" else (0, 0, 0)
    talk = None if cells[6] == "-" else timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return [
        *cells[:2],
        at,
        cells[3],
        cells[4],
        int(cells[5]),
        talk,
        cells[7],
        int(cells[8]),
        cells[9],
    ]


def in_sheet(column: str, value, n=20):
    def spoil(lines, rng):
        rows, place = [typed(cells) for cells in lines[1:]], NAMES.index(column)
        for row in rng.sample(range(len(rows)), n):
            rows[row][place] = value
        return sheet([lines[0], *rows])

    return spoil


def cut_zip(lines, rng):
    return sheet(lines)[:-3000]


def parquet(change=lambda frame, rng: frame):
    def spoil(lines, rng):
        frame = pd.DataFrame(lines[1:], columns=lines[0]).replace("-", None)
        held = io.BytesIO()
        change(frame, rng).to_parquet(held)
        return held.getvalue()

    return spoil


def some_rows(column: str, value, n=20):
    def change(frame, rng):
        frame.loc[rng.sample(range(len(frame)), n), column] = value
        return frame

    return change


BIG = "x" * 10_000_000
FORM, FEW, MANY = "is not a time of the form", "too few cells", "too many cells"
NUMBER, CLOCK, WORD = r"wait_ms is not a number \(s\)", "talk_ms is not a duration", "does not name"

KINDS = [
    # The file as a whole.
    Kind("empty", lambda lines, rng: b"", refused="is empty"),
    Kind("blank", lambda lines, rng: b"\n\n \n", refused="no header below line 0"),
    Kind("header only", lambda lines, rng: joined(lines[:1]), refused="a header and no rows"),
    Kind("header lost", lambda lines, rng: joined(lines[1:]), refused="'Call' .*line 5.* missing"),
    Kind("gz cut off", whole(lambda b: gzip.compress(b)[:-500]), refused="cut-off gz"),
    Kind("gz damaged", whole(lambda b: gzip.compress(b)[:40] + b"?" * 400), refused="damaged"),
    Kind("random bytes", lambda lines, rng: rng.randbytes(40_000), refused="not text|is missing"),
    Kind("old Excel", whole(lambda b: b"\xd0\xcf\x11\xe0" + b), refused="of the old kind"),
    Kind("another separator", whole(lambda b: b.replace(b",", b"~")), refused="'Call' .*is missing"),
    Kind("column missing", columns(lambda i: i[:5] + i[6:]), refused=r"'Wait \(s\)' .*is missing"),
    Kind("column doubled", columns(lambda i: i + [5]), refused=r"'Wait \(s\)' .* stands 2 times"),
    Kind("column renamed", rename("Wait (s)", "Wait [s]"), refused=r"nearest .* is 'Wait \[s\]'"),
    Kind("10 MB in a name", rename("Talk", BIG), refused="million characters|is missing|not text"),
    Kind("rows longer", all_rows_longer, refused="none of 300 rows .* too many cells"),
    Kind("two headers", lambda lines, rng: joined([["Calls", *[""] * 9], *lines]), refused="two header rows"),
    Kind("units below", units_below, refused="two header rows"),
    Kind("another format", whole(lambda b: b.replace(b".03.2026", b"/03/2026")), refused="none of the first 300 values of 'Start'"),
    # Damage that is none.
    Kind("gz", whole(gzip.compress)),
    Kind("byte order mark", whole(lambda b: b"\xef\xbb\xbf" + b)),
    Kind("UTF-16", whole(lambda b: b.decode().encode("utf-16"))),
    Kind("CR LF", whole(lambda b: b.replace(b"\n", b"\r\n"))),
    Kind("CR only", whole(lambda b: b.replace(b"\n", b"\r"))),
    Kind("semicolons", whole(lambda b: b.replace(b",", b";"))),
    Kind("all quoted", quoted),
    Kind("quoted newlines", quoted_newlines),
    Kind("blank lines", blank_lines),
    Kind("columns reversed", columns(lambda i: i[::-1])),
    Kind("rows reversed", lambda lines, rng: joined(lines[:1] + lines[:0:-1])),
    Kind("unused doubled", columns(lambda i: i + [9])),
    Kind("unused spoiled", odd_bytes(b"\xff\xfe\0", "Note")),
    Kind("mixed zones", mixed_zones),
    Kind("scientific wait", cells("Wait (s)", "1.5E+02")),
    Kind("NA as a queue", cells("Queue", "NA")),
    Kind("lost digits of customers", cells("Customer", "3.2E+11")),
    # Lines.
    Kind("last line cut", whole(lambda b: b[:-20]), reason="truncated", bad=1),
    Kind("cells lost", cut_cells, reason=FEW, bad=20),
    Kind("cells added", longer_rows, reason=MANY, bad=20),
    Kind("lines glued", glued_lines, reason=MANY, bad=5, extra_rows=-5),
    Kind("cells shifted", shifted, reason=FORM, bad=20),
    Kind("marks not closed", lost_closing_marks, reason="quotation mark", bad=8),
    Kind("lines repeated", repeated_lines, repeated=30, extra_rows=30),
    Kind("keys quarrel", quarrelling_keys, reason="already seen", bad=30, extra_rows=30),
    Kind("one key for all", cells("Call", "c0", ROWS), reason="already seen", bad=ROWS - 1),
    Kind("10 MB in a cell", cells("Queue", BIG, 1), reason="a cell of more than", bad=1),
    Kind("noise", noise, reason="", bad=100, more_bad=True, extra_rows=None),
    # Cells.
    Kind("invalid UTF-8", odd_bytes(b"\xff\xfe", "Queue"), reason="no text", bad=20),
    Kind("Latin-1", odd_bytes("é".encode("latin-1"), "Queue"), reason="no text", bad=20),
    Kind("NUL bytes", odd_bytes(b"\0", "Queue"), reason="no text", bad=20),
    Kind("line break in an id", cells("Call", lambda c: f'"{c}\n2"'), reason="line break", bad=20),
    Kind("empty key", cells("Call", ""), reason="contact_id is missing", bad=20),
    Kind("lost digits of a key", cells("Call", "3.2E+11"), reason="lost digits", bad=20),
    Kind("hour that did not exist", cells("Start", "29.03.2026 02:30:00"), reason="skipped or", bad=20),
    Kind("hour that came twice", cells("Start", "25.10.2026 02:30:00"), reason="doubled by", bad=20),
    Kind("year 9999", cells("Start", "01.01.9999 00:00:00"), reason="after 2200", bad=20),
    Kind("30 February", cells("Start", "30.02.2026 09:00:00"), reason=FORM, bad=20),
    Kind("ISO among others", cells("Start", "2026-03-02 09:00:00"), reason=FORM, bad=20),
    Kind("no time", cells("Start", ""), reason="started_at is missing", bad=20),
    Kind("ends before it starts", cells("Ended", "2020-01-01T00:00:00Z"), reason="is before", bad=20),
    Kind("negative wait", cells("Wait (s)", "-5"), reason="wait_ms is below 0", bad=20),
    Kind("negative talk", cells("Talk", "-0:00:05"), reason="talk_ms is below 0", bad=20),
    Kind("text in numbers", cells("Wait (s)", "long"), reason=NUMBER, bad=20),
    Kind("decimal comma", cells("Wait (s)", '"1,5"'), reason=NUMBER, bad=20),
    Kind("not a number", cells("Wait (s)", "NaN"), reason=NUMBER, bad=20),
    Kind("foreign digits", cells("Wait (s)", "٢"), reason=NUMBER, bad=20),
    Kind("formula in a number", cells("Wait (s)", "=A2*60"), reason=NUMBER, bad=20),
    Kind("10^12 seconds", cells("Wait (s)", "9" * 12), reason="a hundred years", bad=20),
    Kind("seconds as a clock", cells("Talk", "90"), reason=CLOCK, bad=20),
    Kind("clock with 70 minutes", cells("Talk", "0:70:00"), reason=CLOCK, bad=20),
    Kind("half a priority", cells("Prio", "1.5"), reason="not a whole number", bad=20),
    Kind("formula as a queue", cells("Queue", '=HYPERLINK("x")'), reason="a formula", bad=20),
    Kind("spreadsheet's error", cells("Queue", "#REF!"), reason="spreadsheet's error", bad=20),
    Kind("unknown word", cells("Result", "BUSY"), reason=WORD, bad=20),
    Kind("word in another case", cells("Result", "answ"), reason=WORD, bad=20),
    # Excel.
    Kind("Excel", lambda lines, rng: sheet(lines)),
    Kind("Excel with types", lambda lines, rng: sheet([lines[0], *map(typed, lines[1:])])),
    Kind("Excel, blank rows", lambda lines, rng: sheet([*lines, *[[None] * 3] * 50])),
    Kind("Excel, two headers", lambda lines, rng: sheet(lines, [["Calls", *["-"] * 9]]), refused="two header rows: 'Call' stands in line 2"),
    Kind("Excel, two sheets", lambda lines, rng: sheet(lines, (), ["Notes"]), refused="2 sheets"),
    Kind("Excel, cut off", cut_zip, refused="cannot be read"),
    Kind("Excel, a formula", in_sheet("Wait (s)", "=6*7"), reason=NUMBER, bad=20),
    Kind("Excel, an error", in_sheet("Queue", "#N/A"), reason="spreadsheet's error", bad=20),
    Kind("Excel, a date as a wait", in_sheet("Wait (s)", datetime(2026, 3, 2)), reason=NUMBER, bad=20),
    Kind("Excel, a skipped hour", in_sheet("Start", datetime(2026, 3, 29, 2, 30)), reason="skipped", bad=20),
    Kind("Excel, true as a wait", in_sheet("Wait (s)", True), reason=NUMBER, bad=20),
    # Parquet.
    Kind("parquet", parquet()),
    Kind("parquet cut off", lambda lines, rng: parquet()(lines, rng)[:-40], refused="cannot be read"),
    Kind("parquet, lists", parquet(lambda f, rng: f.assign(Queue=[["a"]] * len(f))), refused="holds list"),
    Kind("parquet, text in numbers", parquet(some_rows("Wait (s)", "x")), reason=NUMBER, bad=20),
    Kind("parquet, nulls", parquet(some_rows("Call", None)), reason="is missing", bad=20),
]  # fmt: skip


def damaged(kind: Kind, folder):
    path = folder / "calls.csv"
    path.write_bytes(kind.spoil(sample(), random.Random(SEED)))
    (folder / "mapping.toml").write_text(MAPPING.replace(*kind.mapping))
    return path, folder / "mapping.toml"


def where_it_ends(kind: Kind, path, mapping) -> tuple[str, int, int, int]:
    "Stage reached, and the rows kept, set aside and repeated."
    try:
        got = tabular.read(path, mapping)
    except BadInput as error:
        assert kind.refused and re.search(kind.refused, error.found), str(error)
        assert error.expected and len(str(error)) < 1_500
        return "file", 0, 0, 0
    assert not kind.refused, "this file should have been refused"
    aside = len(got.quarantine)
    assert got.rows_in == got.rows_kept + aside + got.deduplicated
    if kind.extra_rows is not None:
        assert got.rows_in == ROWS + kind.extra_rows
    assert aside == kind.bad or (kind.more_bad and aside > kind.bad)
    assert got.deduplicated == kind.repeated
    assert got.quarantine["reason"].str.contains(kind.reason, regex=True).all()
    assert got.quarantine["row"].is_monotonic_increasing and got.quarantine["row"].is_unique
    assert got.quarantine["raw"].str.len().max() < 5_000 if aside else True
    return "row", got.rows_kept, aside, got.deduplicated


CHANGED = ("scientific wait", "NA as a queue", "lost digits of customers")
HARMLESS = [k for k in KINDS if not (k.refused or k.bad or k.repeated or k.name in CHANGED)]


@pytest.mark.parametrize("kind", HARMLESS, ids=lambda kind: kind.name)
def test_damage_that_is_none_changes_no_value(kind, tmp_path):
    found = []
    for one in (Kind("sound", whole(lambda b: b)), kind):
        contacts = tabular.read(*damaged(one, tmp_path)).tables["contacts"]
        found.append(contacts.sort_values("contact_id", ignore_index=True))
    pd.testing.assert_frame_equal(*found)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_ends_in_words(kind, tmp_path):
    stage, kept, aside, repeated = where_it_ends(kind, *damaged(kind, tmp_path))
    print(f"{kind.name:26} {stage:5} kept {kept:4}  set aside {aside:4}  repeated {repeated:3}")


def test_a_folder_instead_of_a_file(tmp_path):
    (tmp_path / "mapping.toml").write_text(MAPPING)
    with pytest.raises(BadInput, match="is a folder"):
        tabular.read(tmp_path, tmp_path / "mapping.toml")


def test_most_kinds_reach_the_rows():
    "Fuzzing that dies at the door tests the door."
    reached = [not kind.refused for kind in KINDS]
    print(f"{sum(reached)} of {len(KINDS)} kinds reach the rows")
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert len(KINDS) >= 25 and sum(reached) >= 0.6 * len(KINDS)


@pytest.mark.parametrize("seed", range(12))
def test_any_bytes_end_in_words(seed, tmp_path):
    "Noise of any byte anywhere, header included: refused or counted, never another error."
    rng, data = random.Random(seed), bytearray(joined(sample()))
    for place in rng.sample(range(0 if seed % 3 == 0 else 200, len(data)), 400):
        data[place] = rng.randrange(256)
    (tmp_path / "calls.csv").write_bytes(gzip.compress(bytes(data)) if seed % 2 else bytes(data))
    (tmp_path / "mapping.toml").write_text(MAPPING)
    try:
        got = tabular.read(tmp_path / "calls.csv", tmp_path / "mapping.toml")
    except BadInput as error:
        assert error.found and error.expected
    else:
        assert got.rows_in == got.rows_kept + len(got.quarantine) + got.deduplicated
        assert len(got.quarantine) >= 100


@pytest.mark.parametrize("name", ["noise", "marks not closed", "lines repeated", "keys quarrel"])
def test_streamed_damage_is_the_same(name, tmp_path):
    "Read in small pieces and put together by the engine, the account is that of one piece."
    kind = next(kind for kind in KINDS if kind.name == name)
    path, mapping = damaged(kind, tmp_path)
    told = [
        tabular.load(path, tmp_path / way, mapping, is_streamed=way == "parts")
        for way in ("whole", "parts")
    ]
    assert {key: told[1][key] for key in told[0]} == told[0]
    files = [tmp_path / way / "data" / "quarantine.parquet" for way in ("whole", "parts")]
    pd.testing.assert_frame_equal(*map(pd.read_parquet, files))
