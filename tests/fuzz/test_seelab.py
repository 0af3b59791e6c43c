"""The real bank log, damaged in many ways: each ends in a clear error or a counted quarantine.

A kind of damage takes 300 calls of the real file, spoils some cells, lines or bytes (the places are
drawn from a fixed seed) and says where it must end: the whole file is refused, or rows are set aside
for a reason, or nothing happens at all because the damage is none. `pytest -s` prints the counts.
"""

import gzip
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from contact_kpis.data.sources import seelab
from contact_kpis.errors import BadInput

FILE = "anonymous_bank_1999_02_calls.txt"
ROWS, SEED = 300, 2024
NAMES = list(seelab.COLUMNS)
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
    extra_rows: int = 0  # rows that the damage adds or takes away


def joined(lines: Lines, end="\n") -> bytes:
    return "".join("\t".join(cells) + end for cells in lines).encode()


def cells(column: str, value, n=20):
    "Put a value into `n` cells of a column; a function is given the old value."

    def spoil(lines, rng):
        place = NAMES.index(column)
        for row in rng.sample(range(1, len(lines)), n):
            old = lines[row][place]
            lines[row][place] = value(old) if callable(value) else value
        return joined(lines)

    return spoil


def served(column: str, value, n=20):
    "Like `cells`, but only in calls that waited and were answered, where all times are there."

    def spoil(lines, rng):
        place, start = NAMES.index(column), NAMES.index("q_start")
        full = [
            i
            for i, c in enumerate(lines)
            if c[12] == "AGENT" and c[start] != "0:00:00" and c[13] != "0:00:00"
        ]
        for row in rng.sample(full, n):
            lines[row][place] = value(lines[row][place]) if callable(value) else value
        return joined(lines)

    return spoil


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


def whole(change):
    "Change the file as bytes."
    return lambda lines, rng: change(joined(lines))


def rename(old, new):
    return header(lambda names: [new if n == old else n for n in names])


def shifted(lines, rng):
    "One cell is lost in the middle and one is gained at the end: 17 cells, all in the wrong place."
    for row in rng.sample(range(1, len(lines)), 20):
        lines[row] = lines[row][:5] + lines[row][6:] + ["S01"]
    return joined(lines)


def quoted_newlines(lines, rng):
    for row in rng.sample(range(1, len(lines)), 10):
        lines[row][4] = '"PS\nNW"'
    return joined(lines)


def cut_cells(lines, rng):
    for row in rng.sample(range(1, len(lines)), 20):
        del lines[row][rng.randrange(1, len(NAMES)) :]
    return joined(lines)


def glued_lines(lines, rng):
    for row in sorted(rng.sample(range(1, len(lines) - 1), 5), reverse=True):
        lines[row] = lines[row] + lines.pop(row + 1) if len(lines[row]) == 17 else lines[row]
    return joined(lines)


def repeated_lines(lines, rng):
    return joined(lines + [list(lines[row]) for row in rng.sample(range(1, len(lines)), 30)])


def quarrelling_keys(lines, rng):
    again = [list(lines[row]) for row in rng.sample(range(1, len(lines)), 30)]
    for one in again:
        one[4] = "PE" if one[4] != "PE" else "PS"
    return joined(lines + again)


def one_key(lines, rng):
    for one in lines[1:]:
        one[1] = "1"
    lines[1:] = [one for one in lines[1:] if one[0] == lines[1][0]]
    return joined(lines)


def hang_after_service(lines, rng):
    row = [i for i, c in enumerate(lines) if c[12] == "AGENT" and c[15] != "0"]
    for i in rng.sample(row, 20):
        lines[i][12] = "HANG"
    return joined(lines)


def bad_bytes(lines, rng):
    data = joined(lines).split(b"\n")
    for row in rng.sample(range(100, len(data) - 1), 20):
        data[row] = data[row].replace(b"\t", b"\t\xff\xfe", 1)
    return b"\n".join(data)


def nul_bytes(lines, rng):
    data = joined(lines).split(b"\n")
    for row in rng.sample(range(100, len(data) - 1), 20):
        data[row] = data[row].replace(b"\t", b"\0\t", 1)
    return b"\n".join(data)


def noise(lines, rng):
    "Any byte below the header may become any other printable one."
    head, body = joined(lines).split(b"\n", 1)
    body = bytearray(body)
    for place in rng.sample(range(len(body)), 200):
        body[place] = rng.choice(b"0123456789:ABS\t\n -.;\"'=")
    return head + b"\n" + bytes(body)


def blank_lines(lines, rng):
    data = joined(lines).split(b"\n")
    for row in sorted(rng.sample(range(2, 200), 15), reverse=True):
        data.insert(row, b"")
    return b"\n".join(data)


def minutes_later(time: str) -> str:
    hours, rest = time.split(":", 1)
    minutes, seconds = rest.split(":")
    return f"{hours}:{(int(minutes) + 7) % 60:02d}:{seconds}"


BIG = "x" * 10_000_000
FORM, NUMBER, FEW = "is not of its form", "is not a whole number", "too few fields"
DISTANCE, CLOCK = "is not the time from", "is not a time of day"

KINDS = [
    # The file as a whole.
    Kind("empty", lambda lines, rng: b"", refused="is empty"),
    Kind("header only", lambda lines, rng: joined(lines[:1]), refused="no rows"),
    Kind("header lost", lambda lines, rng: joined(lines[1:]), refused="has no header"),
    Kind("gz cut off", whole(lambda b: gzip.compress(b)[:-500]), refused="cut-off gz"),
    Kind("gz damaged", whole(lambda b: gzip.compress(b)[:40] + b"?" * 400), refused="damaged"),
    Kind("commas", whole(lambda b: b.replace(b"\t", b",")), refused="commas"),
    Kind("semicolons", whole(lambda b: b.replace(b"\t", b";")), refused="semicolons"),
    Kind("UTF-16", whole(lambda b: b.decode().encode("utf-16")), refused="UTF-16"),
    Kind("CR only", whole(lambda b: b.replace(b"\n", b"\r")), refused="CR only"),
    Kind(
        "random bytes", lambda lines, rng: rng.randbytes(40_000), refused="not text|UTF-16|begins"
    ),
    Kind("column missing", columns(lambda i: i[:11] + i[12:]), refused="'q_time' is missing"),
    Kind("column doubled", columns(lambda i: i + [11]), refused="'q_time' stands 2 times"),
    Kind("column renamed", rename("q_start", "queue_start"), refused="nearest.*'queue_start'"),
    Kind("all quoted", header(lambda n: [f'"{x}"' for x in n]), refused="nearest.*'\"vru"),
    Kind("names shouted", header(lambda n: [x.upper() for x in n]), refused="nearest.*'VRU.LINE'"),
    Kind("10 MB in a name", rename("q_time", BIG), refused="'q_time' is missing"),
    # Damage that is none.
    Kind("gz", whole(gzip.compress)),
    Kind("byte order mark", whole(lambda b: b"\xef\xbb\xbf" + b)),
    Kind("CR LF", whole(lambda b: b.replace(b"\n", b"\r\n"))),
    Kind("columns reversed", columns(lambda i: i[::-1])),
    Kind("rows reversed", lambda lines, rng: joined(lines[:1] + lines[:0:-1])),
    Kind("column added", lambda lines, rng: joined([c + ["?"] for c in lines])),
    # Lines.
    Kind("last line cut", whole(lambda b: b[:-20]), reason="truncated", bad=1),
    Kind("cells lost", cut_cells, reason=FEW, bad=20),
    Kind("lines glued", glued_lines, reason="too many", bad=5, extra_rows=-5),
    Kind("quoted newlines", quoted_newlines, reason=FEW, bad=20, extra_rows=10),
    Kind("blank lines", blank_lines, reason=FEW, bad=15, extra_rows=15),
    Kind("cells shifted", shifted, reason=f"{FORM}|{NUMBER}|{CLOCK}", bad=20),
    Kind("invalid UTF-8", bad_bytes, reason="not UTF-8", bad=20),
    Kind("NUL bytes", nul_bytes, reason="not UTF-8", bad=20),
    Kind("lines repeated", repeated_lines, repeated=30, extra_rows=30),
    Kind("keys quarrel", quarrelling_keys, reason="already seen", bad=30, extra_rows=30),
    Kind("one key for all", one_key, reason="already seen", bad=1, more_bad=True, extra_rows=None),
    Kind("noise", noise, reason="", bad=100, more_bad=True, extra_rows=None),
    # Cells.
    Kind("year 9999", cells("date", "99990201"), reason=f"date {FORM}", bad=20),
    Kind("ISO dates", cells("date", "1999-02-01"), reason=f"date {FORM}", bad=20),
    Kind("30 February", cells("date", "990230"), reason="date is not a day", bad=20),
    Kind("empty cells", cells("vru_entry", ""), reason=CLOCK, bad=20),
    Kind("hour 24", cells("vru_exit", "24:00:00"), reason=CLOCK, bad=20),
    Kind("am and pm", cells("q_exit", lambda t: t + " PM"), reason=CLOCK, bad=20),
    Kind("negative wait", cells("q_time", "-5"), reason="negative", bad=20),
    Kind("negative service", cells("ser_time", lambda t: f"-{t}1"), reason="negative", bad=20),
    Kind("text in numbers", cells("ser_time", "long"), reason=NUMBER, bad=20),
    Kind("scientific", cells("q_time", "1.5E+02"), reason=NUMBER, bad=20),
    Kind("decimal comma", cells("vru_time", "9,0"), reason=NUMBER, bad=20),
    Kind("not a number", cells("q_time", "NaN"), reason=NUMBER, bad=20),
    Kind("10^12 seconds", cells("q_time", "9" * 12), reason=NUMBER, bad=20),
    Kind("formula", cells("customer_id", '=HYPERLINK("x")'), reason=FORM, bad=20),
    Kind("formula as agent", cells("server", "@SUM(A1)"), reason=FORM, bad=20),
    Kind("foreign digits", cells("priority", "٢"), reason=FORM, bad=20),
    Kind("10 MB in a cell", cells("type", BIG, 1), reason="type is none", bad=1),
    Kind("unknown outcome", cells("outcome", "TRANSFER"), reason="outcome is none", bad=20),
    Kind("unknown service", cells("type", "ZZ"), reason="type is none", bad=20),
    Kind("hung up, served", hang_after_service, reason="HANG with", bad=20),
    Kind("wait edited", served("q_time", lambda t: f"{int(t) + 60}"), reason=DISTANCE, bad=20),
    Kind("exit edited", served("ser_exit", minutes_later), reason=DISTANCE, bad=20),
    Kind("time erased", served("q_start", "0:00:00"), reason=DISTANCE, bad=20),
]


@pytest.fixture(scope="module")
def sample(data_dir) -> Lines:
    "A header and 300 calls from one stretch of the real file, none of which is set aside."
    with open(data_dir / FILE, encoding="ascii") as file:
        lines = [line.rstrip("\n").split("\t") for _, line in zip(range(900), file, strict=False)]
    sound = [cells for cells in lines[1:] if not (cells[12] == "HANG" and cells[15] != "0")]
    return [lines[0], *sound[-ROWS:]]


def damaged(kind: Kind, sample: Lines, folder):
    path = folder / "calls.txt"
    path.write_bytes(kind.spoil([list(cells) for cells in sample], random.Random(SEED)))
    return path


def where_it_ends(kind: Kind, path) -> tuple[str, int, int, int]:
    "Stage reached, and the rows kept, set aside and repeated."
    try:
        got = seelab.read(path)
    except BadInput as error:
        assert kind.refused and re.search(kind.refused, error.found), str(error)
        assert error.expected and len(str(error)) < 1000
        return "file", 0, 0, 0
    assert not kind.refused, "this file should have been refused"
    kept, aside = len(got.tables["contacts"]), len(got.quarantine)
    assert got.rows_in == kept + aside + got.deduplicated
    if kind.extra_rows is not None:
        assert got.rows_in == ROWS + kind.extra_rows
    assert aside == kind.bad or (kind.more_bad and aside > kind.bad)
    assert got.deduplicated == kind.repeated
    assert got.quarantine["reason"].str.contains(kind.reason, regex=True).all()
    assert got.quarantine["raw"].str.len().max() < 20_000 if aside else True
    return "row", kept, aside, got.deduplicated


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_ends_in_words(kind, sample, tmp_path):
    stage, kept, aside, repeated = where_it_ends(kind, damaged(kind, sample, tmp_path))
    print(f"{kind.name:18} {stage:5} kept {kept:4}  set aside {aside:4}  repeated {repeated:3}")


def test_folder_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is a folder"):
        seelab.read(tmp_path)


def test_undamaged_sample_is_kept_whole(sample, tmp_path):
    path = tmp_path / "calls.txt"
    path.write_bytes(joined(sample))
    got = seelab.read(path)
    assert len(got.tables["contacts"]) == ROWS and len(got.quarantine) == 0


def test_most_kinds_reach_the_rows():
    "Fuzzing that dies at the door tests the door."
    reached = [not kind.refused for kind in KINDS]
    print(f"{sum(reached)} of {len(KINDS)} kinds reach the rows")
    assert len(KINDS) >= 25 and sum(reached) >= 0.6 * len(KINDS)


@pytest.mark.parametrize("seed", range(12))
def test_any_bytes_end_in_words(seed, sample, tmp_path):
    "Noise of any byte anywhere, header included: refused or counted, never another error."
    rng, path = random.Random(seed), tmp_path / "calls.txt"
    data = bytearray(joined(sample))
    for place in rng.sample(range(0 if seed % 3 == 0 else 200, len(data)), 400):
        data[place] = rng.randrange(256)
    path.write_bytes(gzip.compress(bytes(data)) if seed % 2 else bytes(data))
    try:
        got = seelab.read(path)
    except BadInput as error:
        assert error.found and error.expected
    else:
        assert got.rows_in == len(got.tables["contacts"]) + len(got.quarantine) + got.deduplicated
        assert len(got.quarantine) >= 100
