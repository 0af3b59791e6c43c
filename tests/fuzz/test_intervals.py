"""A switch report, damaged in many ways: each ends in a clear error or a counted quarantine.

The report is one of the simulated centre: 300 half-hours of its queues, in local time. A kind of
damage spoils some cells, lines or bytes (the places are drawn from a fixed seed) and says where it
must end: the whole file is refused, or rows are set aside for a reason, or nothing happens because
the damage is none. `pytest -s` prints the counts.
"""

import gzip
import io
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
import pytest

from contact_kpis.data.sources import intervals
from contact_kpis.errors import BadInput
from tests.oracle_intervals import ZONE, to_intervals, voice

ROWS, SEED = 300, 2024
NAMES = ["Queue", "Interval start", "Interval end", "Offered", "Answered", "Abandoned"]
NAMES += ["Answered within", "Abandoned within", "Talk (s)", "Hold (s)", "Wrap (s)", "SL %"]
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
    extra_rows: int | None = 0  # rows that the damage adds or takes away
    note: str = ""  # pattern of a note that must be there
    file: str = "report.csv"
    asked: dict = field(default_factory=dict)


def joined(lines: Lines, mark=",", end="\n") -> bytes:
    return "".join(mark.join(cells) + end for cells in lines).encode()


def cells(column: str, value, n=20):
    "Put a value into `n` cells of a column; a function is given the old value."

    def spoil(lines, rng):
        place = NAMES.index(column)
        for row in rng.sample(range(1, len(lines)), n):
            old = lines[row][place]
            lines[row][place] = value(old) if callable(value) else value
        return joined(lines)

    return spoil


def every(column: str, value):
    return cells(column, value, ROWS)


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
        places = order(list(range(len(NAMES))))
        return joined([[line[i] for i in places] for line in lines])

    return spoil


def whole(change):
    "Change the file as bytes."
    return lambda lines, rng: change(joined(lines))


def add(*rows):
    "Add rows at the end; a number repeats that line."

    def spoil(lines, rng):
        new = [list(lines[row]) if isinstance(row, int) else list(row) for row in rows]
        return joined(lines + new)

    return spoil


def stamped(start, minutes=30, queue="billing voice", offered="9"):
    "A row of its own at this local time."
    begin = pd.Timestamp(start)
    end = begin + pd.Timedelta(minutes=minutes)
    counts = [offered, "7", "1", "5", "0", "700", "10", "90", "71"]
    return [queue, f"{begin:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}", *counts]


def cut_cells(lines, rng):
    for row in rng.sample(range(1, len(lines)), 20):
        del lines[row][rng.randrange(1, len(NAMES)) :]
    return joined(lines)


def longer_lines(lines, rng):
    for row in rng.sample(range(1, len(lines)), 20):
        lines[row] = lines[row] + ["7", "x"]
    return joined(lines)


def quoted_newlines(lines, rng):
    for row in rng.sample(range(1, len(lines)), 10):
        lines[row][0] = '"billing\nvoice"'
    return joined(lines)


def quoted_commas(lines, rng):
    return joined(
        [[f'"{line[0]}, west"' if i else line[0], *line[1:]] for i, line in enumerate(lines)]
    )


def open_quote(lines, rng):
    lines[40][0] = '"' + lines[40][0]
    return joined(lines)


def two_open_quotes(lines, rng):
    for row in (40, 80):
        lines[row][0] = '"' + lines[row][0]
    return joined(lines)


def repeated_lines(lines, rng):
    return joined(lines + [list(lines[row]) for row in rng.sample(range(1, len(lines)), 30)])


def quarrelling_keys(lines, rng):
    again = [list(lines[row]) for row in rng.sample(range(1, len(lines)), 30)]
    for one in again:
        one[NAMES.index("Offered")] = "999"
    return joined(lines + again)


def bad_bytes(lines, rng):
    data = joined(lines).split(b"\n")
    for row in rng.sample(range(100, len(data) - 1), 20):
        data[row] = b"\xff\xfe" + data[row]
    return b"\n".join(data)


def nul_bytes(lines, rng):
    data = joined(lines).split(b"\n")
    for row in rng.sample(range(100, len(data) - 1), 20):
        data[row] = b"\0" + data[row]
    return b"\n".join(data)


def noise(lines, rng):
    "Any byte below the header may become any other printable one."
    head, body = joined(lines).split(b"\n", 1)
    body = bytearray(body)
    for place in rng.sample(range(len(body)), 300):
        body[place] = rng.choice(b"0123456789:ABS,\n -.;='")
    return head + b"\n" + bytes(body)


def blank_lines(lines, rng):
    data = joined(lines).split(b"\n")
    for row in sorted(rng.sample(range(2, 200), 15), reverse=True):
        data.insert(row, b",,,")
    return b"\n".join(data)


def days_only(lines, rng):
    rows = [[line[0], line[1][:10], *line[3:]] for line in lines[1:]]
    return joined([["Queue", "Date", *NAMES[3:]], *rows])


def two_formats(lines, rng):
    for row in rng.sample(range(1, len(lines)), 20):
        lines[row][1] = f"{pd.Timestamp(lines[row][1]):%d.%m.%Y %H:%M}"
    return joined(lines)


def some_offsets(lines, rng):
    for row in rng.sample(range(1, len(lines)), 20):
        lines[row][1] += "+01:00"
    return joined(lines)


def excel(change):
    "The report as a workbook with typed cells."

    def spoil(lines, rng):
        from openpyxl import Workbook

        book, rows = Workbook(), [lines[0], *([c[0], *map(_typed, c[1:])] for c in lines[1:])]
        for row in change(rows):
            book.active.append(row)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    return spoil


def _typed(cell):
    if re.fullmatch(r"[0-9]+", cell):
        return int(cell)
    if re.fullmatch(r"[0-9.]+", cell):
        return float(cell)
    return pd.Timestamp(cell).to_pydatetime()


def two_headers(rows):
    group = [None, "Interval", None, "Calls", *[None] * 4, "Times", None, None, None]
    return [["Queues, week 2"], group, *rows]


def a_unit_row(rows):
    return [rows[0], ["", "local", "local", *["calls"] * 5, *["s"] * 3, "%"], *rows[1:]]


def formulas(rows):
    for row in rows[1:21]:
        row[3] = "=SUM(E2:F2)"
    return rows


def parquet(lines, rng):
    frame = pd.DataFrame(lines[1:], columns=lines[0])
    out = io.BytesIO()
    frame.to_parquet(out)
    return out.getvalue()


def fold(*starts):
    return add(*(stamped(start) for start in starts))


BIG = "x" * 10_000_000
WHOLE, SPAN, TIME = "is not a whole number", "is not a duration", "start is not a time"
OCTOBER = [f"2026-10-25 {t}" for t in ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")]
TOTALS = [["Total", *[""] * 2, *["9"] * 9], ["Summary", *[""] * 2, *["9"] * 9]]
TOTALS += [["billing voice", "Subtotal", "", *["9"] * 9], ["", "Grand Total", "", *["9"] * 9]]

KINDS = [
    # The file as a whole.
    Kind("empty", lambda lines, rng: b"", refused="is empty"),
    Kind("header only", lambda lines, rng: joined(lines[:1]), refused="no rows"),
    Kind("header lost", lambda lines, rng: joined(lines[1:]), refused="no row names"),
    Kind("gz cut off", whole(lambda b: gzip.compress(b)[:-500]), refused="cut-off gz"),
    Kind("gz damaged", whole(lambda b: gzip.compress(b)[:40] + b"?" * 400), refused="damaged"),
    Kind("random bytes", lambda lines, rng: rng.randbytes(40_000), refused="not text|UTF-16"),
    Kind("Excel cut off", lambda lines, rng: excel(list)(lines, rng)[:3000], refused="read as a workbook"),
    Kind("parquet cut off", lambda lines, rng: parquet(lines, rng)[:3000], refused="read as parquet"),
    Kind("no queue", rename("Queue", "Betreff"), refused="no row names a queue or an agent"),
    Kind("no time", columns(lambda i: i[:1] + i[3:]), refused="names a date or a start"),
    Kind("nothing counted", columns(lambda i: i[:3]), refused="no row names a count"),
    Kind("column doubled", columns(lambda i: i + [3]), refused="both mean offered"),
    Kind("two for one", rename("SL %", "Calls offered"), refused="'Calls offered' both mean"),
    Kind("unit lost", rename("Talk (s)", "Talk"), refused="nothing says in which unit"),
    Kind("shares", every("Offered", "0.85"), refused="every value of 'Offered' is a percentage"),
    Kind("percentages", every("Answered within", "85%"), refused="is a percentage"),
    Kind("words", every("Abandoned", "few"), refused="is no whole number"),
    Kind("quote open", open_quote, refused="row 41: unexpected end of data"),
    Kind("two quotes open", two_open_quotes, refused="row 4[12]:.*(many lines|expected after)"),
    Kind("10 MB in a cell", cells("Queue", BIG, 1), refused="field larger than field limit"),
    Kind("some zones named", some_offsets, refused="name their offset from UTC and others do not"),
    Kind("days only", days_only, refused="dates and no times of day"),
    # Damage that is none.
    Kind("gz", whole(gzip.compress)),
    Kind("byte order mark", whole(lambda b: b"\xef\xbb\xbf" + b)),
    Kind("UTF-16", whole(lambda b: b.decode().encode("utf-16"))),
    Kind("CR LF", whole(lambda b: b.replace(b"\n", b"\r\n"))),
    Kind("CR only", whole(lambda b: b.replace(b"\n", b"\r"))),
    Kind("semicolons", lambda lines, rng: joined(lines, ";")),
    Kind("tabs", lambda lines, rng: joined(lines, "\t")),
    Kind("commas at line ends", lambda lines, rng: joined(lines, end=",,\n")),
    Kind("quoted commas", quoted_commas),
    Kind("columns reversed", columns(lambda i: i[::-1])),
    Kind("rows reversed", lambda lines, rng: joined(lines[:1] + lines[:0:-1])),
    Kind("names shouted", header(lambda n: [x.upper() for x in n])),
    Kind("unknown column", rename("SL %", "Mood"), note="columns left out: Mood"),
    Kind("a title above", whole(lambda b: b"Report of week 2\n\n" + b), note="2 lines above"),
    Kind("blank lines", blank_lines),
    Kind("Excel", excel(list)),
    Kind("Excel, two headers", excel(two_headers), note="2 lines above the header"),
    Kind("parquet", parquet),
    Kind("dates in two forms", two_formats),
    Kind("thousands", cells("Offered", '"1,204"')),
    # Lines.
    Kind("cells lost", cut_cells, reason="too few|start is not", bad=20),
    Kind("cells added", longer_lines, reason="too many", bad=20),
    Kind("quoted newlines", quoted_newlines, reason="line break in a name", bad=10),
    Kind("invalid UTF-8", bad_bytes, reason="not UTF-8", bad=20),
    Kind("NUL bytes", nul_bytes, reason="not UTF-8", bad=20),
    Kind("lines repeated", repeated_lines, repeated=30, extra_rows=30),
    Kind("keys quarrel", quarrelling_keys, reason="already seen", bad=30, extra_rows=30),
    Kind("header again", add(NAMES, NAMES), reason="the header again", bad=2, extra_rows=2),
    Kind("units below", excel(a_unit_row), reason="no queue or agent", bad=1, extra_rows=1),
    Kind("totals", add(*TOTALS), reason="a totals row", bad=4, extra_rows=4),
    Kind("last line cut", whole(lambda b: b[:-30]), reason="too few", bad=1),
    Kind("noise", noise, reason="", bad=60, more_bad=True, extra_rows=None),
    # Cells.
    Kind("no name", cells("Queue", ""), reason="no queue or agent", bad=20),
    Kind("text in numbers", cells("Offered", "many"), reason=f"offered {WHOLE}", bad=20),
    Kind("scientific", cells("Answered", "1.5E+02"), reason=f"answered {WHOLE}", bad=20),
    Kind("decimal comma", cells("Offered", '"9,5"'), reason=f"offered {WHOLE}", bad=20),
    Kind("some percentages", cells("Abandoned", "12%"), reason=f"abandoned {WHOLE}", bad=20),
    Kind("formula", cells("Offered", "=B2+C2"), reason=f"offered {WHOLE}", bad=20),
    Kind("Excel formulas", excel(formulas), note="empty is unknown, not zero, in offered"),
    Kind("not a number", cells("Offered", "NaN"), reason=f"offered {WHOLE}", bad=20),
    Kind("foreign digits", cells("Offered", "٢"), reason=f"offered {WHOLE}", bad=20),
    Kind("10^12 calls", cells("Offered", "9" * 12), reason=f"offered {WHOLE}", bad=20),
    Kind("negative count", cells("Answered", "-5"), reason=f"answered {WHOLE}", bad=20),
    Kind("negative time", cells("Talk (s)", "-412"), reason=f"talk_ms {SPAN}", bad=20),
    Kind("minute 75", cells("Wrap (s)", "0:75:00"), reason=f"wrap_ms {SPAN}", bad=20),
    Kind("more in time", cells("Answered within", "99999"), reason="answered_within is more", bad=20),
    Kind("more left in time", cells("Abandoned within", "9999"), reason="within is more", bad=20),
    Kind("carried over", cells("Answered", "99999"), note="carried over.: 20 rows; kept"),
    # Times.
    Kind("year 9999", cells("Interval start", lambda t: "9999" + t[4:]), reason="outside", bad=20),
    Kind("30 February", cells("Interval start", "2026-02-30 09:00"), reason=TIME, bad=20),
    Kind("empty start", cells("Interval start", ""), reason=TIME, bad=20),
    Kind("hour 24", cells("Interval start", lambda t: t[:11] + "24:00"), reason=TIME, bad=20),
    Kind("a name for a time", cells("Interval start", "morning"), reason=TIME, bad=20),
    Kind("off the grid", cells("Interval start", lambda t: t[:14] + "07"),
         reason="does not last|grid", bad=20),
    Kind("both off the grid", add(stamped("2026-01-19 09:07")), reason="grid", bad=1, extra_rows=1),
    Kind("45 minutes", add(stamped("2026-01-19 09:00", 45)), reason="last 15, 30 or 60", bad=1,
         extra_rows=1),
    Kind("end before start", cells("Interval end", lambda t: t[:11] + "06:00"),
         reason="does not last", bad=20),
    Kind("an hour over halves", add(stamped("2026-01-05 09:00", 60, "orders voice")),
         reason="already seen|overlaps", bad=1, extra_rows=1),
    Kind("quarters over halves", add(stamped("2026-01-05 10:15", 15, "billing voice"), stamped("2026-01-05 10:45", 15, "billing voice")),
         reason="overlaps intervals of another length", bad=2, extra_rows=2),
    Kind("gap", fold("2026-03-29 02:00", "2026-03-29 02:30"), reason="does not exist", bad=2,
         extra_rows=2),
    Kind("fold, once", fold(*OCTOBER[:3], OCTOBER[5]), reason="comes twice", bad=2, extra_rows=4),
    Kind("fold, twice", fold(*OCTOBER), note="4 rows of an hour that comes twice", extra_rows=6),
    Kind("fold, three times", fold(*OCTOBER, OCTOBER[1]), reason="comes twice", bad=3, extra_rows=7),
]  # fmt: skip


@pytest.fixture(scope="module")
def sample() -> Lines:
    "A header and 300 rows of the simulated centre's report, none of which is set aside."
    rows = to_intervals(voice())
    rows = rows[rows["offered"] > 2].groupby("queue_id").head(75).head(ROWS)
    start = rows["interval_start_at"].dt.tz_localize("UTC").dt.tz_convert(ZONE)
    counts = ["offered", "answered", "abandoned", "answered_within", "abandoned_within"]
    spans = rows[["talk_ms", "hold_ms", "wrap_ms"]].astype(float) / 1000
    table = pd.concat([rows["queue_id"], start, rows[counts], spans], axis=1)
    table.insert(2, "end", start + pd.Timedelta(minutes=30))
    for column in ("interval_start_at", "end"):
        table[column] = table[column].dt.strftime("%Y-%m-%d %H:%M")
    table["sl"] = (100 * rows["answered_within"] / rows["offered"]).round(1)
    return [NAMES, *table.astype(str).to_numpy().tolist()]


def damaged(kind: Kind, sample: Lines, folder):
    path = folder / kind.file
    path.write_bytes(kind.spoil([list(line) for line in sample], random.Random(SEED)))
    return path


def where_it_ends(kind: Kind, path) -> tuple[str, int, int, int]:
    "Stage reached, and the rows kept, set aside and repeated."
    try:
        got = intervals.read(path, zone=ZONE, threshold_s=20, **kind.asked)
    except BadInput as error:
        assert kind.refused and re.search(kind.refused, error.found), str(error)
        assert error.expected and len(str(error)) < 1200
        return "file", 0, 0, 0
    assert not kind.refused, "this file should have been refused"
    kept, aside = len(got.tables["queue_intervals"]), len(got.quarantine)
    assert got.rows_in == kept + aside + got.deduplicated
    if kind.extra_rows is not None:
        assert got.rows_in == ROWS + kind.extra_rows
    assert aside == kind.bad or (kind.more_bad and aside > kind.bad), got.quarantine[
        "reason"
    ].tolist()
    assert got.deduplicated == kind.repeated
    assert got.quarantine["reason"].str.contains(kind.reason, regex=True).all(), got.quarantine
    assert not kind.note or any(re.search(kind.note, note) for note in got.notes), got.notes
    assert got.quarantine["raw"].str.len().max() < 20_000 if aside else True
    return "row", kept, aside, got.deduplicated


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_ends_in_words(kind, sample, tmp_path):
    stage, kept, aside, repeated = where_it_ends(kind, damaged(kind, sample, tmp_path))
    print(f"{kind.name:22} {stage:5} kept {kept:4}  set aside {aside:4}  repeated {repeated:3}")


def test_folder_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is a folder"):
        intervals.read(tmp_path)


def test_a_file_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    (tmp_path / "july.csv").write_text("x")
    with pytest.raises(BadInput, match="did you mean 'july.csv'"):
        intervals.read(tmp_path / "jully.csv")


def test_undamaged_sample_is_kept_whole(sample, tmp_path):
    path = tmp_path / "report.csv"
    path.write_bytes(joined(sample))
    got = intervals.read(path, zone=ZONE, threshold_s=20)
    assert (
        len(got.tables["queue_intervals"]) == ROWS == len(sample) - 1 and len(got.quarantine) == 0
    )


def test_most_kinds_reach_the_rows():
    "Fuzzing that dies at the door tests the door."
    reached = [not kind.refused for kind in KINDS]
    print(f"{sum(reached)} of {len(KINDS)} kinds reach the rows")
    assert len(KINDS) >= 25 and sum(reached) >= 0.6 * len(KINDS)


@pytest.mark.parametrize("seed", range(12))
def test_any_bytes_end_in_words(seed, sample, tmp_path):
    "Noise of any byte anywhere, header included: refused or counted, never another error."
    rng, path = random.Random(seed), tmp_path / "report.csv"
    data = bytearray(joined(sample))
    for place in rng.sample(range(0 if seed % 3 == 0 else 200, len(data)), 400):
        data[place] = rng.randrange(256)
    path.write_bytes(gzip.compress(bytes(data)) if seed % 2 else bytes(data))
    try:
        got = intervals.read(path, zone=ZONE)
    except BadInput as error:
        assert error.found and error.expected
    else:
        kept = len(got.tables[got.main])
        assert got.rows_in == kept + len(got.quarantine) + got.deduplicated
        assert len(got.quarantine) >= 60
