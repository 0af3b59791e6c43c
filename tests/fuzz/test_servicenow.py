"""The real incident log, damaged in many ways: each ends in a clear error or a counted quarantine.

A kind of damage takes 300 incidents of the real log as CSV, spoils some cells, lines or bytes (the
places are drawn from a fixed seed) and says where it must end: the whole file is refused, or rows are
set aside for a reason, or a note counts what is odd, or nothing happens because the damage is none.
`pytest -s` prints the counts.
"""

import csv
import gzip
import io
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pytest

from contact_kpis.data.sources import servicenow
from contact_kpis.errors import BadInput, BadSettings

FILE = "uci_incident_event_log.parquet"
INCIDENTS, SEED = 300, 2024
Lines = list[list[str]]  # the header's cells, then those of each row


@dataclass(frozen=True)
class Kind:
    "One kind of damage and where it must end."

    name: str
    spoil: Callable[[Lines, random.Random], bytes]
    refused: str = ""  # pattern of the error, where the file as a whole is refused
    reason: str = ""  # pattern of each reason for setting rows aside
    bad: int = 0  # rows that must be set aside
    repeated: int = 0
    extra_rows: int = 0  # rows that the damage adds or takes away
    note: str = ""  # pattern of a note that must be there
    zone: str = "UTC"


def joined(lines: Lines, end="\n", **style) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator=end, **style).writerows(lines)
    return out.getvalue().encode()


def place(lines, column):
    return lines[0].index(column)


def some(lines, rng, n=20):
    return rng.sample(range(1, len(lines)), n)


def cells(column: str, value, n=20):
    "Put a value into `n` cells of a column; a function is given the old value."

    def spoil(lines, rng):
        for row in some(lines, rng, n):
            old = lines[row][place(lines, column)]
            lines[row][place(lines, column)] = value(old) if callable(value) else value
        return joined(lines)

    return spoil


def every(column: str, change):
    "Change every cell of a column, or of several with a blank between them."

    def spoil(lines, rng):
        for name in column.split():
            for line in lines[1:]:
                line[place(lines, name)] = change(line[place(lines, name)])
        return joined(lines)

    return spoil


def header(change):
    def spoil(lines, rng):
        lines[0] = change(list(lines[0]))
        return joined(lines)

    return spoil


def rename(old, new):
    return header(lambda names: [new if n == old else n for n in names])


def columns(order):
    "Pick, repeat or reorder whole columns, names and cells together."

    def spoil(lines, rng):
        places = order(list(range(len(lines[0]))))
        return joined([[line[i] for i in places] for line in lines])

    return spoil


def whole(change):
    return lambda lines, rng: change(joined(lines))


def styled(**style):
    return lambda lines, rng: joined(lines, **style)


def bytes_in(text: bytes):
    "Put bytes into the group of twenty rows."

    def spoil(lines, rng):
        for row in some(lines, rng):
            lines[row][place(lines, "assignment_group")] = "MARK"
        return joined(lines).replace(b"MARK", text)

    return spoil


def without_location(lines, rng):
    i = place(lines, "location")
    return joined([line[:i] + line[i + 1 :] for line in lines])


def cells_lost(lines, rng):
    for row in some(lines, rng):
        del lines[row][rng.randrange(1, len(lines[0])) :]
    return joined(lines)


def cells_gained(lines, rng):
    for row in some(lines, rng):
        lines[row].insert(rng.randrange(len(lines[row])), "x")
    return joined(lines)


def glued_lines(lines, rng):
    for row in sorted(some(lines[:-1], rng, 5), reverse=True):
        lines[row] = lines[row] + lines.pop(row + 1)
    return joined(lines)


def blank_lines(lines, rng):
    data = joined(lines).split(b"\n")
    for row in sorted(rng.sample(range(2, 200), 15), reverse=True):
        data.insert(row, b"")
    return b"\n".join(data)


def shifted(lines, rng):
    "A cell is lost in the middle and one gained at the end: as many as there should be, all moved."
    for row in some(lines, rng):
        lines[row] = lines[row][:5] + lines[row][6:] + ["7"]
    return joined(lines)


def repeated(lines, rng):
    return joined(lines + [list(lines[row]) for row in some(lines, rng, 30)])


def quarrelling(lines, rng):
    again = [list(lines[row]) for row in some(lines, rng, 30)]
    for line in again:
        line[place(lines, "assignment_group")] += "9"
    return joined(lines + again)


def open_quote(lines, rng):
    data = joined(lines).split(b"\n")
    data[500] = data[500].replace(b",", b',"', 1)
    return b"\n".join(data)


def two_open_quotes(lines, rng):
    "The row keeps its width: the lines between the marks are one cell."
    first, last = joined(lines[:500]), joined(lines[500:])
    i, j = (part.rindex(b"\n", 0, len(part) - 1) + 1 for part in (first, last))
    return first[:i] + b'"' + first[i:] + last[:j] + last[j:].replace(b",", b'",', 1)


def lives(lines, least):
    "Rows of each incident with at least so many of them, in the order of the file."
    by_number: dict[str, list[int]] = {}
    for row, line in enumerate(lines[1:], 1):
        by_number.setdefault(line[place(lines, "number")], []).append(row)
    return [rows for rows in by_number.values() if len(rows) >= least]


def another_opening(lines, rng):
    for rows in rng.sample(lives(lines, 4), 20):
        lines[rows[2]][place(lines, "opened_at")] = "28/2/2016 10:00"
    return joined(lines)


def fewer_handovers(lines, rng):
    i = place(lines, "reassignment_count")
    for rows in rng.sample([r for r in lives(lines, 4) if lines[r[-1]][i] != "0"], 20):
        lines[rows[-1]][i] = "0"
    return joined(lines)


def counter_back(lines, rng):
    i = place(lines, "sys_mod_count")
    for rows in rng.sample(lives(lines, 4), 20):
        a, b = rows[0], rows[-1]
        lines[a][i], lines[b][i] = lines[b][i], lines[a][i]
    return joined(lines)


def rows_lost(lines, rng):
    for row in sorted((rows[2] for rows in rng.sample(lives(lines, 4), 20)), reverse=True):
        del lines[row]
    return joined(lines)


def as_parquet(change=lambda frame: frame):
    def spoil(lines, rng):
        out = io.BytesIO()
        change(pd.DataFrame(lines[1:], columns=lines[0], dtype="str")).to_parquet(out)
        return out.getvalue()

    return spoil


def typed_times(frame):
    for name in servicenow.TIMES:
        frame[name] = pd.to_datetime(frame[name], format="%d/%m/%Y %H:%M")
    return frame


def inferred(frame):
    counts = dict.fromkeys(servicenow.COUNTS, "int64")
    return frame.assign(made_sla=frame["made_sla"] == "true").astype(counts)


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as folder:
        folder.writestr("log.csv", data)
    return out.getvalue()


def american(time: str) -> str:
    day, month, rest = time.split("/")
    return f"{month}/{day}/{rest}"


def iso(time: str) -> str:
    return str(pd.to_datetime(time, format="%d/%m/%Y %H:%M"))


BIG = "x" * 10_000_000
AT = "sys_updated_at"
TIME, CODE, COUNT = f"{AT} is not a time", "is not a code", "is not a whole number"
CLOCK, FEW = f"{AT} is skipped or doubled by", "too few or too many cells"

KINDS = [
    # The file as a whole.
    Kind("empty", lambda lines, rng: b"", refused="is empty"),
    Kind("header only", lambda lines, rng: joined(lines[:1]), refused="no rows"),
    Kind("header lost", lambda lines, rng: joined(lines[1:]), refused="has no header"),
    Kind("gz cut off", whole(lambda b: gzip.compress(b)[:-500]), refused="cut-off gz"),
    Kind("gz damaged", whole(lambda b: gzip.compress(b)[:40] + b"?" * 400), refused="damaged"),
    Kind("zip", whole(zipped), refused="zip or Excel"),
    Kind("semicolons", styled(delimiter=";"), refused="semicolons"),
    Kind("tabs", styled(delimiter="\t"), refused="tabs"),
    Kind("UTF-16", whole(lambda b: b.decode().encode("utf-16")), refused="UTF-16"),
    Kind("CR only", styled(end="\r"), refused="CR only"),
    Kind("random bytes", lambda lines, rng: rng.randbytes(40_000), refused="not text|no header"),
    Kind("column missing", columns(lambda i: i[:1] + i[2:]), refused="'incident_state' is missing"),
    Kind("column doubled", columns(lambda i: i + [0]), refused="'number' stands 2 times"),
    Kind("column renamed", rename(AT, "updated_at"), refused="nearest.*'updated_at'"),
    Kind("names shouted", header(lambda n: [x.upper() for x in n]), refused="nearest.*'NUMBER'"),
    Kind("10 MB in a name", rename("number", BIG), refused="'number' is missing"),
    Kind("quote left open", open_quote, refused="runs over .* lines"),
    Kind("lines swallowed", two_open_quotes, refused="runs over .* lines"),
    Kind("month first", every("opened_at " + AT, american), refused="month before the day"),
    Kind("all ISO dates", every("opened_at " + AT, iso), refused="none of .* opened_at is not"),
    Kind("parquet cut off", lambda a, b: as_parquet()(a, b)[:-900], refused="damaged parquet"),
    Kind("parquet of times", as_parquet(typed_times), refused="none of .* opened_at is not"),
    Kind(
        "parquet of lists",
        as_parquet(lambda f: f.assign(number=[[n] for n in f["number"]])),
        refused="'number' is of type list",
    ),
    # Damage that is none.
    Kind("gz", whole(gzip.compress)),
    Kind("byte order mark", whole(lambda b: b"\xef\xbb\xbf" + b)),
    Kind("CR LF", styled(end="\r\n")),
    Kind("all quoted", styled(quoting=csv.QUOTE_ALL)),
    Kind("no last line end", whole(lambda b: b[:-1])),
    Kind("columns reversed", columns(lambda i: i[::-1])),
    Kind(
        "rows shuffled",
        lambda lines, rng: joined(lines[:1] + rng.sample(lines[1:], len(lines) - 1)),
    ),
    Kind("column added", lambda lines, rng: joined([c + ["?"] for c in lines])),
    Kind("unread column gone", without_location),
    Kind("spreadsheet's TRUE", every("made_sla active", str.upper)),
    Kind("parquet", as_parquet()),
    Kind("parquet of numbers", as_parquet(inferred)),
    # Lines.
    Kind("last line cut", whole(lambda b: b[:-60]), reason=FEW, bad=1),
    Kind("cells lost", cells_lost, reason=FEW, bad=20),
    Kind("cells gained", cells_gained, reason=FEW, bad=20),
    Kind("lines glued", glued_lines, reason=FEW, bad=5, extra_rows=-5),
    Kind("blank lines", blank_lines, reason="number is missing", bad=15, extra_rows=15),
    Kind("cells shifted", shifted, reason=f"{TIME}|{COUNT}|opened_at is not|neither true", bad=20),
    Kind("line break in a cell", cells("category", "2\n6"), reason=CODE, bad=20),
    Kind("invalid UTF-8", bytes_in(b"7\xff\xfe0"), reason=CODE, bad=20),
    Kind("NUL bytes", bytes_in(b"7\x000"), reason=CODE, bad=20),
    Kind("rows repeated", repeated, repeated=30, extra_rows=30),
    Kind("keys quarrel", quarrelling, reason="rows that differ", bad=60, extra_rows=30),
    # Times.
    Kind("year 9999", cells(AT, "1/1/9999 10:00"), reason="outside 1990 to 2100", bad=20),
    Kind("year 1900", cells("opened_at", "1/1/1900 10:00"), reason="outside 1990", bad=20),
    Kind("30 February", cells(AT, "30/2/2016 10:00"), reason=TIME, bad=20),
    Kind("ISO dates", cells(AT, "2016-03-30 10:00"), reason=TIME, bad=20),
    Kind("month 14", cells(AT, "4/14/2016 10:00"), reason=TIME, bad=20),
    Kind("hour 24", cells(AT, "30/4/2016 24:00"), reason=TIME, bad=20),
    Kind("zone behind a time", cells(AT, lambda t: t + " BRT"), reason=TIME, bad=20),
    Kind("offset behind a time", cells(AT, lambda t: t + "-03:00"), reason=TIME, bad=20),
    Kind("am and pm", cells(AT, "30/4/2016 10:00 AM"), reason=TIME, bad=20),
    Kind("time missing", cells("opened_at", "?"), reason="opened_at is not a time", bad=20),
    Kind("serial days", cells(AT, "42458.5"), reason=TIME, bad=20),
    Kind("before the opening", cells(AT, "1/2/2016 10:00"), reason="before opened_at", bad=20),
    Kind("another opening", another_opening, reason="most updates", bad=20),
    Kind(
        "skipped in Brazil",
        cells(AT, "16/10/2016 00:30"),
        reason=CLOCK,
        bad=20,
        zone="America/Sao_Paulo",
    ),
    Kind(
        "doubled in Brazil",
        cells(AT, "18/2/2017 23:30"),
        reason=CLOCK,
        bad=20,
        zone="America/Sao_Paulo",
    ),
    Kind(
        "skipped in Berlin",
        cells(AT, "26/3/2017 02:30"),
        reason=CLOCK,
        bad=20,
        zone="Europe/Berlin",
    ),
    Kind(
        "doubled in Berlin",
        cells(AT, "30/10/2016 02:30"),
        reason=CLOCK,
        bad=20,
        zone="Europe/Berlin",
    ),
    # Numbers, words and keys.
    Kind("negative counts", cells("reassignment_count", "-1"), reason=COUNT, bad=20),
    Kind("text in numbers", cells("sys_mod_count", "many"), reason=COUNT, bad=20),
    Kind("scientific", cells("sys_mod_count", "1.0E+00"), reason=COUNT, bad=20),
    Kind("decimals", cells("reopen_count", "0.0"), reason=COUNT, bad=20),
    Kind("not a number", cells("reopen_count", "NaN"), reason=COUNT, bad=20),
    Kind("10^12", cells("reopen_count", "9" * 12), reason=COUNT, bad=20),
    Kind("foreign digits", cells("reopen_count", "٢"), reason=COUNT, bad=20),
    Kind("number missing", cells("number", "?"), reason="number is missing", bad=20),
    Kind("formula as number", cells("number", "=1+1"), reason=CODE, bad=20),
    Kind("scientific number", cells("number", "4.5E+03"), reason=CODE, bad=20),
    Kind("formula as agent", cells("assigned_to", "@SUM(A1)"), reason=CODE, bad=20),
    Kind("10 MB in a cell", cells("category", BIG, 1), reason=CODE, bad=1),
    Kind(
        "unknown state", cells("incident_state", "Pending"), reason="state is none of New", bad=20
    ),
    Kind("no state", cells("incident_state", "-100"), reason="names no state", bad=20),
    Kind("state missing", cells("incident_state", "?"), reason="state is none of New", bad=20),
    Kind("unknown boolean", cells("made_sla", "maybe"), reason="neither true nor false", bad=20),
    # Kept, and counted in a note.
    Kind("counts go down", fewer_handovers, note="^20 updates state fewer handovers"),
    Kind("counter goes back", counter_back, note="^[0-9]+ updates carry a sys_mod_count not above"),
    Kind("rows lost", rows_lost, extra_rows=-20, note="updates of .* incidents are missing"),
    Kind("media unheard of", cells("contact_type", "Pigeon"), note="times are read as UTC"),
]


@pytest.fixture(scope="module")
def sample(data_dir) -> Lines:
    "A header and all updates of 300 neighbouring incidents, none of which is set aside."
    log = pd.read_parquet(data_dir / FILE)
    numbers = log["number"].drop_duplicates().iloc[2000 : 2000 + INCIDENTS]
    part = log[log["number"].isin(numbers)]
    return [list(part.columns), *part.to_numpy().tolist()]


def damaged(kind: Kind, sample: Lines, folder):
    path = folder / "incidents"
    path.write_bytes(kind.spoil([list(line) for line in sample], random.Random(SEED)))
    return path


def where_it_ends(kind: Kind, path, rows: int) -> tuple[str, int, int, int]:
    "Stage reached, and the rows kept, set aside and repeated."
    try:
        got = servicenow.read(path, zone=kind.zone)
    except BadInput as error:
        assert kind.refused and re.search(kind.refused, error.found), str(error)
        assert error.expected and len(str(error)) < 1200
        return "file", 0, 0, 0
    assert not kind.refused, "this file should have been refused"
    aside = got.quarantine
    assert got.rows_in == got.kept + len(aside) + got.deduplicated == rows + kind.extra_rows
    assert len(aside) == kind.bad and got.deduplicated == kind.repeated
    assert aside["reason"].str.contains(kind.reason, regex=True).all()
    assert aside["row"].is_unique and aside["row"].between(1, got.rows_in).all()
    assert aside["raw"].str.len().max() < 20_000 if len(aside) else True
    assert any(re.search(kind.note, note) for note in got.notes)
    return "row", got.kept, len(aside), got.deduplicated


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_ends_in_words(kind, sample, tmp_path):
    path = damaged(kind, sample, tmp_path)
    stage, kept, aside, again = where_it_ends(kind, path, len(sample) - 1)
    print(f"{kind.name:22} {stage:5} kept {kept:5}  set aside {aside:4}  repeated {again:3}")


HARMLESS = [
    kind for kind in KINDS if not (kind.refused or kind.bad or kind.note or kind.extra_rows)
]


@pytest.mark.parametrize("kind", HARMLESS, ids=lambda kind: kind.name)
def test_harmless_damage_changes_no_table(kind, sample, tmp_path):
    (tmp_path / "plain").write_bytes(joined(sample))
    plain = servicenow.read(tmp_path / "plain").tables
    got = servicenow.read(damaged(kind, sample, tmp_path)).tables
    for name, frame in plain.items():
        pd.testing.assert_frame_equal(got[name], frame)


def test_folder_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is a folder"):
        servicenow.read(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "incidents.csv").touch()
    with pytest.raises(BadInput, match="no file .*did you mean 'incidents.csv'"):
        servicenow.read(tmp_path / "incident.csv")


def test_a_zone_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadSettings, match="did you mean 'Europe/Berlin'"):
        servicenow.read(tmp_path, zone="Europe/Berlinn")


def test_most_kinds_reach_the_rows():
    "Fuzzing that dies at the door tests the door."
    reached = [not kind.refused for kind in KINDS]
    print(f"{sum(reached)} of {len(KINDS)} kinds reach the rows")
    assert len(KINDS) >= 25 and sum(reached) >= 0.6 * len(KINDS)


@pytest.mark.parametrize("seed", range(16))
def test_any_bytes_end_in_words(seed, sample, tmp_path):
    "Noise of any byte anywhere, header included: refused or counted, never another error."
    rng, path = random.Random(seed), tmp_path / "incidents"
    data = bytearray(as_parquet()(sample, rng) if seed % 4 == 3 else joined(sample))
    printable = b"0123456789:?ab,\n -.;'=" if seed % 4 == 1 else bytes(range(256))
    for byte in rng.sample(range(0 if seed % 3 == 0 else 500, len(data)), 400):
        data[byte] = rng.choice(printable)
    path.write_bytes(gzip.compress(bytes(data)) if seed % 2 else bytes(data))
    try:
        got = servicenow.read(path)
    except BadInput as error:
        print(f"refused: {error.found[:90]}")
        assert error.found and error.expected
    else:
        print(f"kept {got.kept}, set aside {len(got.quarantine)}")
        assert got.rows_in == got.kept + len(got.quarantine) + got.deduplicated
        assert len(got.quarantine) >= 50


def test_reading_leaves_the_limit_of_a_cell_as_it_was(tmp_path):

    before = csv.field_size_limit()
    file = tmp_path / "log.csv"
    file.write_text('"' + "x" * (before + 10) + '"\n1\n', encoding="utf-8")
    with pytest.raises(BadInput):
        servicenow.read(file)
    assert csv.field_size_limit() == before
