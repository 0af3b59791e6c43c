"""Any table by its mapping: what each line of a mapping does, what is refused, and how good drafts are."""

import gzip
import io
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from contact_kpis.data import files
from contact_kpis.data.contract import tables
from contact_kpis.data.files import Layout, chunks, header
from contact_kpis.data.ingest import Part
from contact_kpis.data.mapping import parse_mapping
from contact_kpis.data.simulate.centre import make
from contact_kpis.data.sources import tabular
from contact_kpis.data.suggest import FORMATS, SYNONYMS, TABLE_WORDS, VALUES, suggest, time_formats
from contact_kpis.errors import BadInput, ContactKpisError

HEADER = ["Call", "Start", "Wait", "Result"]
ROWS = [
    ["c1", "02.03.2026 09:00:00", "12", "ANSW"],
    ["c2", "02.03.2026 09:05:30", "40", "LEFT"],
    ["c3", "02.03.2026 23:59:59", "0", "ANSW"],
]
MAPPING = """
[contacts]
zone = "Europe/Berlin"
[contacts.columns]
contact_id = "Call"
channel = {value = "voice"}
started_at = {column = "Start", format = "%d.%m.%Y %H:%M:%S"}
wait_ms = {column = "Wait", unit = "s"}
outcome = {column = "Result", map = {ANSW = "answered", LEFT = "left_ivr"}}
"""


def text_of(rows=ROWS, header=HEADER, separator=",", end="\n"):
    return "".join(separator.join(cells) + end for cells in [header, *rows])


@pytest.fixture
def read(tmp_path):
    "Write an export and a mapping, and read them."

    def do(content=None, mapping=MAPPING, name="calls.csv", zone=""):
        content = text_of() if content is None else content
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        (tmp_path / "mapping.toml").write_text(mapping, "utf-8")
        got = tabular.read(tmp_path / name, tmp_path / "mapping.toml", zone)
        assert got.rows_in == got.rows_kept + len(got.quarantine) + got.deduplicated
        return got

    return do


@pytest.fixture
def refused(read):
    "The message with which an export and its mapping are refused."

    def do(*words, **more):
        with pytest.raises(BadInput) as caught:
            read(*words, **more)
        assert caught.value.expected and len(str(caught.value)) < 1500
        return str(caught.value)

    return do


def excel(path, *rows, sheet="Sheet", more=()):
    book = Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    for name in more:
        book.create_sheet(name)
    book.save(path)
    return path.read_bytes()


def contacts(got):
    return got.tables["contacts"]


# Layouts: the same rows, whichever way they are written


@pytest.mark.parametrize(
    "data, layout",
    [
        (text_of().encode(), ""),
        (text_of(end="\r\n").encode(), ""),
        (text_of(end="\r").encode(), ""),
        (text_of(separator=";").encode(), ""),
        (text_of(separator="\t").encode(), ""),
        (text_of(separator="|").encode(), ""),
        (text_of(separator="~").encode(), 'separator = "~"'),
        (b"\xef\xbb\xbf" + text_of().encode(), ""),
        (text_of().encode("utf-16"), ""),
        (text_of().encode("utf-16-le"), 'encoding = "utf-16-le"'),
        (gzip.compress(text_of().encode()), ""),
        (("report of March\n\n" + text_of()).encode(), "skip_rows = 2"),
        (text_of().replace("c1", '"c1"').replace("Wait", '"Wait"').encode(), ""),
        (text_of().removesuffix("\n").encode(), ""),
        (text_of().replace(",", ", ").encode(), ""),
        (text_of([ROWS[0], [], *ROWS[1:], []]).encode(), ""),
    ],
    ids=range(16),
)
def test_layouts(data, layout, read):
    got = read(data, MAPPING.replace("[contacts]", f"[contacts]\n{layout}"))
    assert contacts(got)["contact_id"].tolist() == ["c1", "c2", "c3"] and not len(got.quarantine)
    assert contacts(got)["wait_ms"].tolist() == [12_000, 40_000, 0]
    assert str(contacts(got)["started_at"][2]) == "2026-03-02 22:59:59"


def test_csv_excel_and_parquet_give_the_same(read, tmp_path):
    typed = [[r[0], datetime.strptime(r[1], "%d.%m.%Y %H:%M:%S"), int(r[2]), r[3]] for r in ROWS]
    plain = contacts(read())
    sheet = excel(tmp_path / "b.xlsx", HEADER, *typed, [None, None], [None, " "])
    frame = pd.DataFrame(typed, columns=HEADER)
    frame.to_parquet(tmp_path / "c.parquet")
    for name, data in (("b.xlsx", sheet), ("c.parquet", (tmp_path / "c.parquet").read_bytes())):
        pd.testing.assert_frame_equal(contacts(read(data, name=name)), plain)
        # The name does not matter, and neither does a format where cells are dates already.
        pd.testing.assert_frame_equal(contacts(read(data, name="export.dat")), plain)


def test_encodings(read):
    rows = [["é", *ROWS[0][1:]], ["ü", *ROWS[1][1:]], ["plain", *ROWS[2][1:]]]
    cp1252 = text_of(rows).encode("cp1252")
    got = read(cp1252, MAPPING.replace("[contacts]", '[contacts]\nencoding = "cp1252"'))
    assert contacts(got)["contact_id"].tolist() == ["é", "ü", "plain"]
    wrong = read(cp1252)
    assert contacts(wrong)["contact_id"].tolist() == ["plain"]
    assert set(wrong.quarantine["reason"]) == {
        "contact_id holds bytes that are no text; is the encoding right?"
    }


# What a common reader does in silence, and this one does not


def test_na_is_a_text(read):
    got = read(text_of([["NA", *ROWS[0][1:]], ["null", *ROWS[1][1:]], ["None", *ROWS[2][1:]]]))
    assert contacts(got)["contact_id"].tolist() == ["NA", "null", "None"]


def test_leading_zeros_and_blanks_inside_stay(read):
    got = read(text_of([["007", *ROWS[0][1:]], ["0 8", *ROWS[1][1:]]]))
    assert contacts(got)["contact_id"].tolist() == ["007", "0 8"]


def test_rows_longer_than_the_header_do_not_shift_the_columns(refused, read):
    longer = text_of([[*row, ""] for row in ROWS])
    assert "none of 3 rows can be used, most because too many cells" in refused(longer)
    got = read(text_of([ROWS[0], [*ROWS[1], "x"], ROWS[2]]))
    assert got.quarantine["row"].tolist() == [2] and len(contacts(got)) == 2


def test_doubled_columns_are_refused_where_they_are_used(refused, read):
    said = refused(text_of([[*row, "1"] for row in ROWS], [*HEADER, "Wait"]))
    assert "column 'Wait' (mapping.toml, line 8) stands 2 times" in said
    got = read(text_of([[*row, "1", "2"] for row in ROWS], [*HEADER, "Note", "Note"]))
    assert got.notes == ("contacts: columns of calls.csv left out: Note, Note",)


def test_short_and_cut_lines_are_set_aside(read):
    got = read(text_of([ROWS[0], ["c2", "02.03.2026 09:05:30"], ROWS[2]]) + "c4,02.03.20")
    assert got.quarantine[["row", "reason"]].values.tolist() == [
        [2, "too few cells in the line"],
        [4, "truncated: the last line of the file is incomplete"],
    ]
    assert json.loads(got.quarantine["raw"][1]) == {"line": "c4,02.03.20"}


def test_a_lost_quotation_mark_costs_one_row(read):
    rows = [[f"c{i}", *ROWS[0][1:]] for i in range(50)]
    rows[20][3] = '"ANSW'
    got = read(text_of(rows))
    assert got.rows_in == 50 and got.quarantine["row"].tolist() == [21]
    assert "quotation mark" in got.quarantine["reason"][0]


@given(st.text('a",;\n\r x', max_size=60), st.integers(1, 3))
def test_the_fast_and_the_careful_way_agree(text, width):
    "Where the fast way answers at all, it gives the cells that the careful way gives."
    dialect = {"delimiter": ",", "quotechar": '"', "quoting": 0}
    places = list(range(width))
    quick = files._quickly(text, width, places, dialect)
    if quick is not None:
        slow = files._carefully(text, width, places, dialect, is_last=True)
        assert not slow.broken and not slow.blank and not slow.rest
        assert [c.to_pylist() for c in quick.cells] == [c.to_pylist() for c in slow.cells]
        assert quick.numbers.tolist() == slow.numbers.tolist()


@given(st.text('a",\n', max_size=200), st.integers(1, 3))
def test_every_line_is_a_row_or_set_aside_or_blank(text, width):
    "Nothing is lost, however marks and line ends fall: the numbers run from 1 without a gap."
    dialect = {"delimiter": ",", "quotechar": '"', "quoting": 0}
    cut = files._carefully(text, width, list(range(width)), dialect, is_last=True)
    numbers = sorted([*cut.numbers.tolist(), *(number for number, _, _ in cut.broken)])
    assert numbers == list(range(1, len(numbers) + 1)) and cut.rest == ""
    inside = sum(str(c).count("\n") for column in cut.cells for c in column.to_pylist())
    lines = len(io.StringIO(text, newline="").readlines())
    assert len(numbers) + cut.blank + inside == lines


@pytest.mark.parametrize("size", [200, 1_000, 5_000])
def test_blocks_of_any_size_give_the_same_rows(size, tmp_path):
    rng = np.random.default_rng(4)
    cells = ["x", '"a, b"', '"two\nlines"', '"say ""it"""', "", 'stray"', '"open']
    lines = [
        ",".join(rng.choice(cells, 3, p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.09, 0.01]))
        for _ in range(3_000)
    ]
    (tmp_path / "f.csv").write_text("a,b,c\n" + "\n".join(lines) + "\n")
    whole, parts = (list(chunks(tmp_path / "f.csv", size=n)) for n in (10_000_000, size))
    assert len(parts) > len(whole)
    for gathered in (
        lambda found: pd.concat([c.frame for c in found]).values.tolist(),
        lambda found: [n for c in found for n in c.rows.tolist()],
        lambda found: [b for c in found for b in c.broken],
    ):
        assert gathered(whole) == gathered(parts)


# Durations, numbers, shares


@pytest.mark.parametrize(
    "unit, cells, ms",
    [
        ("s", ["1", "1.5", "1.5E+02"], [1_000, 1_500, 150_000]),
        ("ms", ["1", "1.4", "0"], [1, 1, 0]),
        ("min", ["1", "0.5", "2"], [60_000, 30_000, 120_000]),
        ("h", ["1", "0.25", "2"], [3_600_000, 900_000, 7_200_000]),
        ("hh:mm:ss", ["0:01:02", "00:00:00.5", "30:00:00"], [62_000, 500, 108_000_000]),
        ("mm:ss", ["01:02", "0:00", "90:00"], [62_000, 0, 5_400_000]),
    ],
)
def test_units(unit, cells, ms, read):
    rows = [[row[0], row[1], cell, row[3]] for row, cell in zip(ROWS, cells, strict=True)]
    got = read(text_of(rows), MAPPING.replace('unit = "s"', f'unit = "{unit}"'))
    assert contacts(got)["wait_ms"].tolist() == ms


@pytest.mark.parametrize("bad", ["-3", "soon", "1,5", "9" * 14, "NaN", "inf", "0x10", "٣", "1 2"])
def test_what_is_no_duration_is_set_aside(bad, read):
    got = read(text_of([ROWS[0], [*ROWS[1][:2], f'"{bad}"', "ANSW"], ROWS[2]]))
    assert got.quarantine["row"].tolist() == [2] and "wait_ms" in got.quarantine["reason"][0]


def test_decimal_and_thousands(read):
    rows = [[r[0], r[1], w, r[3]] for r, w in zip(ROWS, ["1.234,5", "0,5", "1,234.5"], strict=True)]
    marks = '[contacts]\ndecimal = ","\nthousands = "."'
    got = read(text_of(rows, separator=";"), MAPPING.replace("[contacts]", marks))
    assert contacts(got)["wait_ms"].tolist() == [1_234_500, 500]
    assert got.quarantine["row"].tolist() == [3]


def test_shares_and_whole_numbers(read):
    head = [*HEADER, "Sure", "Prio"]
    rows = [
        [*r, *m] for r, m in zip(ROWS, (["80 %", "2"], ["7", "2.5"], ["101", "1"]), strict=True)
    ]
    lines = 'customer_key_quality = {column = "Sure", unit = "%"}\npriority = "Prio"\n'
    got = read(text_of(rows, head), MAPPING + lines)
    assert contacts(got)["customer_key_quality"].tolist() == [0.8]
    assert got.quarantine["reason"].tolist() == [
        "priority is not a whole number",
        "customer_key_quality is above 1",
    ]


# Times


@pytest.mark.parametrize(
    "form, cell, utc",
    [
        ("", "2026-03-02 09:00", "2026-03-02 08:00:00"),
        ("", "2026-03-02T09:00:00.25", "2026-03-02 08:00:00.250000"),
        ("", "2026-03-02T09:00:00Z", "2026-03-02 09:00:00"),
        ("", "2026-03-02 09:00:00-05:00", "2026-03-02 14:00:00"),
        ("", "2026-03-02", "2026-03-01 23:00:00"),
        ("%m/%d/%Y %I:%M %p", "03/02/2026 12:05 AM", "2026-03-01 23:05:00"),
        ("%d.%m.%y %H:%M", "2.3.26 9:00", "2026-03-02 08:00:00"),
        ("%d %b %Y %H:%M:%S %z", "02 Mar 2026 09:00:00 +0530", "2026-03-02 03:30:00"),
        ("%Y%m%d%H%M%S", "20260302090000", "2026-03-02 08:00:00"),
        ("epoch s", "1772442000", "2026-03-02 09:00:00"),
        ("epoch ms", "1772442000250", "2026-03-02 09:00:00.250000"),
    ],
)
def test_times(form, cell, utc, read):
    said = f'{{column = "Start", format = "{form}"}}' if form else '"Start"'
    mapping = MAPPING.replace('{column = "Start", format = "%d.%m.%Y %H:%M:%S"}', said)
    got = read(text_of([["c1", cell, "1", "ANSW"]]), mapping)
    assert str(contacts(got)["started_at"][0]) == utc


@pytest.mark.parametrize(
    "cell, reason",
    [
        ("29.03.2026 02:30:00", "skipped or doubled by Europe/Berlin's clock"),
        ("25.10.2026 02:30:00", "skipped or doubled by Europe/Berlin's clock"),
        ("31.12.9999 00:00:00", "before 1900 or after 2200"),
        ("01.01.1601 00:00:00", "before 1900 or after 2200"),
        ("30.02.2026 09:00:00", "not a time of the form %d.%m.%Y %H:%M:%S"),
        ("2026-03-02 09:00:00", "not a time of the form"),
        ("02.03.2026 24:00:00", "not a time of the form"),
        ("", "started_at is missing"),
    ],
)
def test_times_that_cannot_be_placed_are_set_aside(cell, reason, read):
    got = read(text_of([ROWS[0], ["c2", cell, "1", "ANSW"], ROWS[2]]))
    assert got.quarantine["row"].tolist() == [2] and reason in got.quarantine["reason"][0]


def test_a_zone_is_needed_where_times_name_none(read, refused):
    bare = MAPPING.replace('zone = "Europe/Berlin"', "")
    said = refused(text_of(), bare)
    assert "mapping.toml, line 7: times such as '02.03.2026 09:00:00' do not say" in said
    assert (
        str(contacts(read(text_of(), bare, zone="UTC"))["started_at"][0]) == "2026-03-02 09:00:00"
    )
    iso = bare.replace('{column = "Start", format = "%d.%m.%Y %H:%M:%S"}', '"Start"')
    got = read(text_of([["c1", "2026-03-02T09:00:00Z", "1", "ANSW"]]), iso)
    assert len(contacts(got)) == 1 and got.settings == {"zone": "UTC"}


def test_the_zone_of_the_centre(read):
    assert read().settings == {"zone": "Europe/Berlin"}
    assert read(zone="UTC").settings == {"zone": "UTC"}
    with pytest.raises(ContactKpisError, match="did you mean 'Europe/Berlin'"):
        read(zone="Europe/Berln")


def test_a_date_and_a_time_of_day(read, tmp_path):
    lines = 'started_at = {columns = ["Day", "Hour"], format = "%d.%m.%Y %H:%M:%S"}'
    mapping = MAPPING.replace(
        'started_at = {column = "Start", format = "%d.%m.%Y %H:%M:%S"}', lines
    )
    head = ["Call", "Day", "Hour", "Wait", "Result"]
    got = read(text_of([["c1", "02.03.2026", "09:00:00", "1", "ANSW"]], head), mapping)
    typed = ["c1", date(2026, 3, 2), time(9), timedelta(seconds=1), "ANSW"]
    data = excel(tmp_path / "b.xlsx", head, typed)
    pd.testing.assert_frame_equal(contacts(read(data, mapping)), contacts(got))


# Words, constants, ids


def test_words_that_a_map_does_not_name(read):
    rows = [ROWS[0], [*ROWS[1][:3], "BUSY"], ROWS[2]]
    got = read(text_of(rows))
    assert got.quarantine["rule"].tolist() == ["map"] and got.quarantine["row"].tolist() == [2]
    assert json.loads(got.quarantine["raw"][0])["Result"] == "BUSY"
    other = MAPPING.replace('"left_ivr"}}', '"left_ivr"}, other = "phantom"}')
    assert contacts(read(text_of(rows), other))["outcome"].tolist() == [
        "answered",
        "phantom",
        "answered",
    ]


def test_words_for_yes_and_for_nothing(read):
    head = [*HEADER, "Solved"]
    rows = [[*r, w] for r, w in zip(ROWS, ["J", "N", "?"], strict=True)]
    line = 'agent_fcr_flag = {column = "Solved", map = {J = true, N = false}}\n'
    got = read(text_of(rows, head), MAPPING + line + '[contacts.null]\nvalues = ["?"]\n')
    assert contacts(got)["agent_fcr_flag"].isna().tolist() == [False, False, True]
    assert contacts(got)["agent_fcr_flag"].fillna(False).tolist() == [True, False, False]
    only = MAPPING + line.replace("}}", '}, null = ["?"]}')
    assert len(contacts(read(text_of(rows, head), only))) == 3
    assert len(read(text_of(rows, head), MAPPING + line).quarantine) == 1


def test_numbers_of_rows_as_ids(read):
    got = read(mapping=MAPPING.replace('"Call"', "{row = true}"))
    assert contacts(got)["contact_id"].tolist() == ["calls-1", "calls-2", "calls-3"]
    assert any("cannot be noticed" in note for note in got.notes)


def test_ids_of_several_columns(read):
    got = read(mapping=MAPPING.replace('"Call"', '{columns = ["Call", "Wait"]}'))
    assert contacts(got)["contact_id"].tolist() == ["c1-12", "c2-40", "c3-0"]


@pytest.mark.parametrize(
    "cell, reason",
    [
        ("3.2E+11", "lost digits"),
        ("=A1+1", "formula"),
        ("@SUM(A1)", "formula"),
        ("#N/A", "spreadsheet's error"),
        ("#REF!", "spreadsheet's error"),
        ('"a\nb"', "line break"),
        ("a\0b", "no text"),
        ("x" * 1_001, "more than 1,000 characters"),
        ("x" * 200_000, "cell of more than"),
    ],
)
def test_ids_that_are_none(cell, reason, read):
    got = read(text_of([ROWS[0], [cell, *ROWS[1][1:]], ROWS[2]]))
    assert got.quarantine["row"].tolist() == [2] and reason in got.quarantine["reason"][0]
    assert len(got.quarantine["raw"][0]) < 1_000


def test_customers_with_lost_digits_stay_and_are_counted(read):
    rows = [[*r, w] for r, w in zip(ROWS, ["1.2E+11", "7", "1.3E+11"], strict=True)]
    got = read(text_of(rows, [*HEADER, "Who"]), MAPPING + 'customer_id = "Who"\n')
    assert got.notes == (
        "2 values of customer_id have lost digits (such as 1.2E+11); two may be one",
    )


# Several tables, several files


def test_one_file_may_hold_several_tables(read):
    more = MAPPING + (
        "[surveys]\n[surveys.columns]\nsurvey_id = {row = true}\ncontact_id = 'Call'\n"
        "kind = {value = 'transactional'}\ncsat = 'Wait'\n"
    )
    got = read(text_of([*ROWS, ["c4", "", "5", "ANSW"]]), more)
    assert (len(contacts(got)), len(got.tables["surveys"])) == (3, 4)
    assert (got.rows_in, got.rows_kept) == (8, 7) and got.quarantine["table"].tolist() == [
        "contacts"
    ]


def test_files_of_a_pattern(tmp_path):
    (tmp_path / "calls2.csv").write_text(text_of([["d1", *ROWS[0][1:]], ["", *ROWS[1][1:]]]))
    (tmp_path / "calls1.csv").write_text(text_of([*ROWS, ["x", "y"]]))
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING.replace("[contacts]", '[contacts]\nfile = "calls*.csv"'))
    got = tabular.read(None, mapping)
    assert contacts(got)["contact_id"].tolist() == ["c1", "c2", "c3", "d1"]
    assert got.quarantine["row"].tolist() == [4, 6]
    assert json.loads(got.quarantine["raw"][1])["file"] == "calls2.csv"
    with pytest.raises(BadInput, match="is not read: each table"):
        tabular.read(tmp_path / "calls1.csv", mapping)
    mapping.write_text(MAPPING.replace("[contacts]", '[contacts]\nfile = "call*.txt"'))
    with pytest.raises(BadInput, match="no file is called 'call\\*.txt'"):
        tabular.read(None, mapping)
    mapping.write_text(MAPPING)
    with pytest.raises(BadInput, match="names no file, and none was given"):
        tabular.read(None, mapping)


# Excel


def test_sheets_are_named(read, refused, tmp_path):
    data = excel(tmp_path / "b.xlsx", HEADER, *ROWS, sheet="Calls", more=("Notes",))
    assert "has 2 sheets: Calls, Notes" in refused(data)
    named = MAPPING.replace("[contacts]", '[contacts]\nsheet = "Calls"')
    assert len(contacts(read(data, named))) == 3
    said = refused(data, named.replace("Calls", "Calsl"))
    assert "no sheet 'Calsl'; did you mean 'Calls'" in said


def test_two_header_rows_are_refused(refused, tmp_path):
    above = excel(tmp_path / "b.xlsx", ["Calls", None, "Times", None], HEADER, *ROWS)
    assert "has two header rows: 'Call' stands in line 2" in refused(above)
    assert "add skip_rows = 1 to [contacts]" in refused(above)
    below = excel(tmp_path / "b.xlsx", HEADER, ["", "local", "(s)", ""], *ROWS)
    assert "two header rows: below the names stands 'local, (s)'" in refused(below)
    same = text_of([["", "local", "(s)", ""], *ROWS])
    assert "delete the second one" in refused(same)


def test_formulas_of_excel(read, tmp_path):
    "openpyxl stores no results, as a program that has not computed: an empty cell would be a lie."
    rows = [ROWS[0], ["c2", "02.03.2026 09:05:30", "=6*7", "ANSW"], ["=A1", *ROWS[2][1:]]]
    got = read(excel(tmp_path / "b.xlsx", HEADER, *rows))
    assert got.quarantine["reason"].tolist() == [
        "wait_ms is not a number (s)",
        "contact_id is a formula, not a value",
    ]
    assert json.loads(got.quarantine["raw"][0])["Wait"] == "=6*7"


def test_cells_of_excel(tmp_path):
    cells = [7.0, 0.5, True, None, datetime(2026, 3, 2), time(9, 5), timedelta(hours=30), "x"]
    excel(tmp_path / "b.xlsx", [f"c{i}" for i in range(8)], cells, [*cells, "too wide"])
    (chunk,) = chunks(tmp_path / "b.xlsx")
    assert chunk.frame.iloc[0].tolist()[:3] == [7, 0.5, True] and chunk.broken[0][0] == 2
    assert header(tmp_path / "b.xlsx") == [f"c{i}" for i in range(8)]


# Parquet


def test_types_of_parquet(read, tmp_path):
    frame = pd.DataFrame(
        {
            "Call": pd.Series([7, None, 9], dtype="Int64"),
            "Start": pd.to_datetime(["2026-03-02 09:00", "2026-03-02 10:00", None]).tz_localize(
                "UTC"
            ),
            "Wait": [Decimal("1.5"), Decimal("2"), None],
            "Result": pd.Categorical(["ANSW", "LEFT", "ANSW"]),
        }
    )
    frame.to_parquet(tmp_path / "c.parquet")
    got = read((tmp_path / "c.parquet").read_bytes())
    assert contacts(got)["contact_id"].tolist() == ["7"] and contacts(got)["wait_ms"].tolist() == [
        1500
    ]
    assert str(contacts(got)["started_at"][0]) == "2026-03-02 09:00:00"
    assert got.quarantine["reason"].tolist() == ["contact_id is missing", "started_at is missing"]


def test_nested_columns_of_parquet_are_refused(refused, tmp_path):
    frame = pd.DataFrame([ROWS[0]], columns=HEADER).assign(Wait=[[1, 2]])
    frame.to_parquet(tmp_path / "c.parquet")
    assert "column 'Wait' holds list" in refused((tmp_path / "c.parquet").read_bytes())


# Mappings

SLIPS = {
    "not TOML": ("[contacts]", "[contacts", "mapping.toml is not TOML"),
    "unknown table": ("contacts", "contcats", "unknown table 'contcats'; did you mean 'contacts'"),
    "unknown key": ("zone =", "zoen =", "line 2: unknown key 'zoen'; did you mean 'zone'"),
    "unknown zone": ("Europe/Berlin", "Europe/Berln", "line 3: unknown time zone 'Europe/Berln'; did you mean 'Europe/Berlin'"),
    "unknown column": ("wait_ms", "wait", "line 8: contacts has no column 'wait'; did you mean"),
    "derived column": ("wait_ms", "started_on", "line 8: started_on is made at ingest"),
    "unknown way": ("column =", "colum =", "unknown key 'colum'; did you mean 'column'"),
    "two ways": ('value = "voice"', 'value = "voice", column = "x"', "line 6: channel has 2 ways"),
    "no way": ('{value = "voice"}', "{}", "line 6: channel has no ways"),
    "no unit": (', unit = "s"', "", "line 8: wait_ms has no unit"),
    "unknown unit": ('"s"', '"sec"', "line 8: unit = 'sec'"),
    "unit of a text": ('"Call"', '{column = "Call", unit = "s"}', "no unit for a string"),
    "unknown word": ('"answered"', '"answred"', "line 9: outcome: 'answred'; did you mean 'answered'"),
    "unknown constant": ('"voice"', '"vioce"', "line 6: channel: 'vioce'; did you mean 'voice'"),
    "unknown directive": ("%d.%m", "%Q.%m", "%Q is not known"),
    "format without year": ("%d.%m.%Y %H", "%d.%m %H", "has no year, month or day"),
    "hours of twelve": ("%H", "%I", "hours of twelve without %p"),
    "format of a text": ('"Call"', '{column = "Call", format = "%Y"}', "is a string and has a format"),
    "map of a time": ("format =", "map = {a = 'b'}, format =", "is a time and has a map"),
    "row as a time": ('{value = "voice"}', "{row = true}", None),
    "lacking column": ('channel = {value = "voice"}', "", "line 4: contacts needs channel"),
    "separator too long": ("[contacts]", '[contacts]\nseparator = ";;"', "line 3: separator = ';;'"),
    "unknown encoding": ("[contacts]", '[contacts]\nencoding = "utf9"', "line 3: encoding = 'utf9'"),
    "negative skip": ("[contacts]", "[contacts]\nskip_rows = -1", "skip_rows is negative"),
    "text as number": ("[contacts]", '[contacts]\nskip_rows = "1"', "skip_rows: a whole number"),
    "same marks": ("[contacts]", '[contacts]\nthousands = "."', "decimal and thousands are the same"),
    "bare value": ('"Call"', "7", "line 5: contact_id = 7"),
    "null is a list": ('"Call"', '{column = "Call", null = "?"}', "null: a list of texts"),
    "empty": (MAPPING, "", "names no table"),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_of_a_mapping_name_their_line(slip, refused):
    right, wrong, said = SLIPS[slip]
    mapping = MAPPING.replace(right, wrong) if right != MAPPING else "\n"
    if said is None:
        assert parse_mapping(mapping)
        return
    try:
        message = refused(text_of(), mapping)
    except ContactKpisError as error:
        message = str(error)
    assert said in message, message


def test_a_mapping_that_is_none(tmp_path):
    with pytest.raises(BadInput, match="there is no mapping"):
        tabular.read(tmp_path / "calls.csv")
    (tmp_path / "mapping.toml").write_text(MAPPING)
    with pytest.raises(BadInput, match="did you mean 'mapping.toml'"):
        tabular.read(tmp_path / "calls.csv", tmp_path / "maping.toml")
    (tmp_path / "mapping.toml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(BadInput, match="not text in UTF-8"):
        tabular.read(tmp_path / "calls.csv", tmp_path / "mapping.toml")


def test_a_missing_column_names_the_nearest_and_the_line(refused):
    said = refused(text_of(header=["Call", "Start", "Waits", "Result"]))
    assert "calls.csv: column 'Wait' (mapping.toml, line 8) is missing; the nearest" in said
    said = refused(
        text_of(separator=";"), MAPPING.replace("[contacts]", '[contacts]\nseparator = ","')
    )
    assert "column 'Call'" in said and "Call;Start;Wait;Result" in said


def test_a_column_that_never_fits_is_refused(refused):
    said = refused(text_of([[r[0], "2026-03-02 09:00:00", *r[2:]] for r in ROWS]))
    assert (
        "none of the first 3 values of 'Start' can be used" in said and "mend mapping.toml" in said
    )
    said = refused(text_of([[*r[:3], "Answered"] for r in ROWS]))
    assert "a word that the mapping does not name; for example 'Answered'" in said


# Larger than memory


def test_streamed_is_the_same(tmp_path):
    rng = np.random.default_rng(6)
    rows = [
        [f"c{rng.integers(0, 900)}", f"0{i % 9 + 1}.03.2026 09:{i % 60:02}:00", str(i % 99), "ANSW"]
        for i in range(1_000)
    ]
    rows[50][2], rows[60][3], rows[70][1] = "x", "BUSY", "29.03.2026 02:30:00"
    (tmp_path / "calls.csv").write_text(text_of([*rows, *rows[:40], ["a", "b"]]))
    (tmp_path / "mapping.toml").write_text(MAPPING)
    words = (tmp_path / "calls.csv", tmp_path / "mapping.toml")
    told = tabular.load(words[0], tmp_path / "whole", words[1], is_streamed=False)
    parts = list(tabular.read_chunks(*words, size=2_000))
    assert len(parts) > 10 and all(isinstance(part, Part) for part in parts)
    streamed = tabular.load(words[0], tmp_path / "parts", words[1], is_streamed=True)
    assert {k: streamed[k] for k in told} == told and len(told["reasons"]) == 5
    for name in ("contacts", "quarantine"):
        here, there = (tmp_path / way / "data" / f"{name}.parquet" for way in ("whole", "parts"))
        pd.testing.assert_frame_equal(pd.read_parquet(here), pd.read_parquet(there))


def test_large_files_are_streamed_without_asking(tmp_path, monkeypatch):
    (tmp_path / "calls.csv").write_text(text_of())
    (tmp_path / "mapping.toml").write_text(MAPPING)
    seen = []
    monkeypatch.setattr(tabular, "write_stream", lambda *a, **k: seen.append(a[0]) or {})
    tabular.load(tmp_path / "calls.csv", tmp_path / "a", tmp_path / "mapping.toml")
    assert not seen
    monkeypatch.setattr(tabular, "STREAM_ABOVE", 50)
    tabular.load(tmp_path / "calls.csv", tmp_path / "b", tmp_path / "mapping.toml")
    assert seen == ["tabular"]


# Drafts: measured on files whose truth was written by hand

PWC = {
    ("contacts", "contact_id"): "Call Id",
    ("contacts", "agent_id"): "Agent",
    ("contacts", "started_at"): "Date, Time",
    ("contacts", "reason_code"): "Topic",
    ("contacts", "outcome"): "Answered (Y/N)",
    ("contacts", "agent_fcr_flag"): "Resolved",
    ("contacts", "wait_ms"): "Speed of answer in seconds",
    ("contacts", "talk_ms"): "AvgTalkDuration",
    ("surveys", "contact_id"): "Call Id",
    ("surveys", "csat"): "Satisfaction rating",
}
TELCO = {
    ("customers", "customer_id"): "CustomerID",
    ("customers", "region"): "State",
    ("subscriptions", "customer_id"): "CustomerID",
    ("subscriptions", "plan"): "Contract",
    ("subscriptions", "mrr"): "Monthly Charges",
    ("subscriptions", "end_reason"): "Churn Reason",
}
CDNOW = {
    ("orders", "customer_id"): "id",
    ("orders", "at"): "date",
    ("orders", "net_amount"): "usd",
}
ABSENCES = {
    ("absences", "agent_id"): "ID",
    ("absences", "hours"): "Absenteeism time in hours",
    ("absences", "type"): "Reason for absence",
}
ZENDESK = {
    ("tickets", "ticket_id"): "id",
    ("tickets", "requester_id"): "requester_id",
    ("tickets", "created_at"): "created_at",
    ("tickets", "channel"): "via_channel",
    ("tickets", "priority"): "priority",
    ("tickets", "type"): "type",
    ("tickets", "group"): "group_id",
    ("tickets", "status"): "status",
}
# The simulated contacts under the names of three systems: column -> name there.
GENESYS = {
    "contact_id": "conversationId", "customer_id": "externalContactId", "channel": "mediaType",
    "direction": "originatingDirection", "queue_id": "queueName", "agent_id": "userId",
    "team": "teamId", "reason_code": "wrapUpCode", "outcome": "disposition",
    "started_at": "conversationStart", "enqueued_at": "queueStart", "ended_at": "conversationEnd",
    "ivr_ms": "tIvr", "wait_ms": "tWait", "talk_ms": "tTalk", "hold_ms": "tHeld", "wrap_ms": "tAcw",
    "language": "language", "priority": "priority",
}  # fmt: skip
AMAZON = {
    "contact_id": "ContactId", "customer_id": "CustomerNumber", "channel": "Channel",
    "direction": "Direction", "queue_id": "Queue", "agent_id": "Agent", "team": "Team",
    "reason_code": "ContactReason", "outcome": "CallOutcome", "started_at": "InitiationTimestamp",
    "enqueued_at": "EnqueueTimestamp", "ended_at": "DisconnectTimestamp", "ivr_ms": "IvrTime",
    "wait_ms": "QueueDuration", "talk_ms": "AgentInteractionDuration",
    "hold_ms": "CustomerHoldDuration", "wrap_ms": "AfterContactWorkDuration", "site": "Site",
    "product": "Product",
}  # fmt: skip
HOME_MADE = {
    "contact_id": "Call ref", "customer_id": "Customer no.", "channel": "Media type",
    "direction": "In/Out", "queue_id": "Skill group", "agent_id": "Handled by",
    "team": "Team name", "reason_code": "Topic", "outcome": "Result",
    "started_at": "Call start", "ended_at": "Call end", "wait_ms": "Waiting time (s)",
    "talk_ms": "Talk time (s)", "hold_ms": "Hold time (s)", "wrap_ms": "ACW (s)",
    "customer_segment": "Segment",
}  # fmt: skip
UCI = {
    ("tickets", "requester_id"): "caller_id",
    ("tickets", "created_at"): "opened_at",
    ("tickets", "channel"): "contact_type",
    ("tickets", "priority"): "priority",
    ("tickets", "group"): "assignment_group",
    ("tickets", "site"): "location",
    ("tickets", "reason_code"): "closed_code",
    ("tickets", "status"): "incident_state",
    ("tickets", "problem_id"): "problem_id",
}
BANK = {
    ("contacts", "outcome"): "outcome",
    ("contacts", "customer_id"): "customer_id",
    ("contacts", "queue_id"): "type",
    ("contacts", "agent_id"): "server",
    ("contacts", "priority"): "priority",
    ("contacts", "started_at"): "date, vru_entry",
    ("contacts", "enqueued_at"): "date, q_start",
    ("contacts", "ivr_ms"): "vru_time",
    ("contacts", "wait_ms"): "q_time",
    ("contacts", "talk_ms"): "ser_time",
}
COMMENTS = {
    ("contact_texts", "text_id"): "id",
    ("contact_texts", "contact_id"): "ticket_id",
    ("contact_texts", "at"): "created",
    ("contact_texts", "text"): "body",
}
HISTORY = {
    ("ticket_events", "ticket_id"): "ticket_id",
    ("ticket_events", "at"): "updated",
    ("ticket_events", "kind"): "field_name",
    ("ticket_events", "to_value"): "value",
    ("ticket_events", "actor_id"): "user_id",
}
USERS = {
    ("customers", "customer_id"): "id",
    ("customers", "created_at"): "created_at",
    ("customers", "language"): "locale",
}
SLA = {("ticket_sla", "ticket_id"): "ticket_id", ("ticket_sla", "applied_at"): "policy_applied_at"}
# The columns of two more systems' call reports, as they are commonly named; written down without a manual at hand.
FIVE9 = {
    "contact_id": "CALL ID", "started_at": "TIMESTAMP", "queue_id": "SKILL", "agent_id": "AGENT",
    "customer_id": "ANI", "outcome": "DISPOSITION", "direction": "CALL TYPE",
    "ivr_ms": "IVR TIME", "wait_ms": "QUEUE WAIT TIME", "talk_ms": "TALK TIME",
    "hold_ms": "HOLD TIME", "wrap_ms": "AFTER CALL WORK TIME", "reason_code": "CAMPAIGN",
}  # fmt: skip
TALKDESK = {
    "contact_id": "Interaction ID", "direction": "Call Type", "started_at": "Start Time",
    "ended_at": "End time", "customer_id": "Customer Phone Number", "wait_ms": "Waiting Time",
    "talk_ms": "Talk Time", "hold_ms": "Holding Time", "agent_id": "Agent Name", "team": "Team",
    "queue_id": "Ring Groups",
}  # fmt: skip


@pytest.fixture(scope="module")
def centre():
    return make("small", weeks=2, contacts=2_000).tables["contacts"]


def exported(frame, names, path, form, factor):
    "Write the simulated contacts as another system would."
    out = pd.DataFrame(index=frame.index)
    for column in [c for c in names if c in frame and frame[c].notna().any()]:
        values = frame[column]
        if column.endswith("_ms"):
            values = values / factor
        elif column.endswith("_at"):
            values = values.dt.strftime(form) if form else values
        out[names[column]] = values
    out["Remarks"] = "none"
    out.to_csv(path, index=False)
    return {("contacts", c): n for c, n in names.items() if n in out}


def measured(file, truth):
    "Draft, and one row per proposal of a column of the file: how sure, and whether it is right."
    draft = suggest(file)
    frame = draft.frame[draft.frame["source"] != ""]
    keys = list(zip(frame["table"], frame["column"], strict=True))
    right = [truth.get(k) == s for k, s in zip(keys, frame["source"], strict=True)]
    return draft, frame.assign(right=pd.Series(right, frame.index, dtype=bool))


def truths(data_dir, centre, folder):
    "File, truth, and whether the word lists were written with it in sight."
    iso, own = "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y %H:%M:%S"
    exports = [
        ("genesys.csv", GENESYS, "", 1, True),
        ("ctr.csv", AMAZON, iso, 1_000, True),
        ("calls_march.csv", HOME_MADE, own, 1_000, True),
        ("five9.csv", FIVE9, "%m/%d/%Y %I:%M:%S %p", 1_000, False),
        ("talkdesk.csv", TALKDESK, "%Y-%m-%d %H:%M:%S", 1_000, False),
    ]
    real = [
        ("pwc_call_centre.parquet", PWC, True),
        ("ibm_telco_33col.parquet", TELCO, True),
        ("cdnow_master.parquet", CDNOW, True),
        ("absenteeism.parquet", ABSENCES, True),
        ("zendesk_fivetran/ticket_data.csv", ZENDESK, True),
        ("zendesk_fivetran/ticket_comment_data.csv", COMMENTS, True),
        ("zendesk_fivetran/ticket_field_history_data.csv", HISTORY, True),
        ("zendesk_fivetran/user_data.csv", USERS, True),
        ("zendesk_fivetran/ticket_sla_policy_data.csv", SLA, True),
        ("uci_incident_event_log.parquet", UCI, False),
        ("anonymous_bank_1999_02_calls.txt", BANK, False),
        ("ecsi_mobi.parquet", {}, False),
    ]
    made = [
        (folder / name, exported(centre, names, folder / name, form, factor), known)
        for name, names, form, factor, known in exports
    ]
    return [(data_dir / name, truth, known) for name, truth, known in real] + made


@pytest.fixture(scope="module")
def drafts(data_dir, centre, tmp_path_factory):
    every = truths(data_dir, centre, tmp_path_factory.mktemp("exports"))
    return [(path, truth, known, *measured(path, truth)) for path, truth, known in every]


def test_sure_means_sure(drafts):
    """Precision by confidence, and recall over all columns that the truth names.

    "known": the word lists were written with these files in sight. "new": they were not, so this is
    the figure to expect of a file from elsewhere.
    The bound of .9 for "sure" is what the word promises. The bounds on recall are what was measured,
    rounded down, so that a change of the word lists that makes drafts worse is seen.
    """
    for path, truth, known, _, frame in drafts:
        wrong = frame[~frame["right"]][["column", "source", "confidence"]].values.tolist()
        found = f"{frame['right'].sum():2} of {len(truth):2} found"
        print(f"{path.name:32} {'known' if known else 'new':5} {found}, wrong: {wrong}")
    for is_known, least in ((True, 0.95), (False, 0.75)):
        some = [d for d in drafts if d[2] == is_known]
        frame = pd.concat([frame for *_, frame in some])
        by = frame.groupby("confidence")["right"].agg(["mean", "sum", "count"])
        n = sum(len(truth) for _, truth, *_ in some)
        print(
            f"{'known' if is_known else 'new'}, {n} columns: recall {frame['right'].sum() / n:.3f}"
        )
        print(by.round(3))
        assert by.loc["sure", "mean"] >= 0.9
        assert frame["right"].sum() / n >= least


def test_every_draft_can_be_read(drafts, tmp_path):
    for path, _, _, draft, _ in drafts:
        complete = [table for table in draft.tables if not draft.lacking(table)]
        if complete:
            assert [t.name for t in parse_mapping(str(draft), path.name)] == complete
        for table in draft.tables:
            assert (f"# {table} needs" in str(draft)) == bool(draft.lacking(table))


@pytest.mark.parametrize("names", [GENESYS, AMAZON, HOME_MADE], ids=["genesys", "amazon", "home"])
def test_an_export_comes_back_through_its_draft(names, centre, tmp_path):
    "Renamed, in other units and words; read by the draft as it is, only the zone put right."
    answered = centre[centre["outcome"] == "answered"]
    form, factor = ("%d.%m.%Y %H:%M:%S", 1_000) if names is HOME_MADE else ("", 1)
    exported(answered, names, tmp_path / "calls.csv", form, factor)
    (tmp_path / "mapping.toml").write_text(str(suggest(tmp_path / "calls.csv")), "utf-8")
    got = tabular.read(tmp_path / "calls.csv", tmp_path / "mapping.toml")
    assert not len(got.quarantine) and got.rows_kept == len(answered)
    found = contacts(got).set_index("contact_id").loc[answered["contact_id"]]
    checked = [c for c in names if c in found and c in answered and c != "contact_id"]
    assert len(checked) >= 11
    for column in checked:
        want = answered.set_index("contact_id")[column]
        if column.endswith("_at") and form:
            want = want.dt.floor("s")
        pd.testing.assert_series_equal(found[column], want, check_dtype=False, obj=column)


def test_days_and_months_that_could_change_places():
    "3 April or 4 March: both are told; the file runs forward in only one of them."
    april = pd.Series([f"{day:02}/04/2026 09:00" for day in range(1, 13)])
    assert time_formats(april) == ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]
    first_days = pd.Series([f"0{month}/01/2026 09:00" for month in range(1, 8)])
    assert len(time_formats(first_days)) == 2
    assert time_formats(pd.Series(["13/04/2026", "01/04/2026"])) == ["%d/%m/%Y"]
    assert time_formats(pd.Series(["04/13/2026", "04/01/2026"])) == ["%m/%d/%Y"]


def test_an_ambiguous_date_is_a_guess_and_says_so(tmp_path):
    days = "".join(f"c{day},{day:02}/04/2026,answered\n" for day in range(1, 12))
    (tmp_path / "calls.csv").write_text("Call ID,Call date,Outcome\n" + days)
    draft = suggest(tmp_path / "calls.csv")
    line = draft.frame.set_index("column").loc["started_at"]
    assert line["confidence"] == "guess"
    assert (
        "01/04/2026 could also be %m/%d/%Y; this way the file runs forward better" in line["reason"]
    )


@pytest.mark.parametrize("form", [f for f in FORMATS if f])
def test_formats_are_found(form):
    "Each format is found in what it writes; where another one fits as well, both are told."
    at = pd.Series(pd.date_range("2026-01-17 08:01:02", periods=40, freq="31h"))
    text = at.dt.tz_localize("UTC").dt.strftime(form.replace("%z", "+0000"))
    assert form in time_formats(text)


def test_doubts_are_told(tmp_path):
    rows = "".join(
        f"k{i},{'0' if i % 3 else i},{i},{'yes' if i % 2 else 'no'},02.03.2026 09:{i % 60:02}\n"
        for i in range(90)
    )
    (tmp_path / "calls.csv").write_text("Call ID,Customer ID,Wait time,Answered,Start\n" + rows)
    reasons = suggest(tmp_path / "calls.csv").frame.set_index("column")["reason"]
    assert "'0' stands in 68 % of the rows; does it mean nobody?" in reasons["customer_id"]
    assert "no unit is named; 45 in the middle looks like s" in reasons["wait_ms"]
    assert "yes and no are taken for words of the contract" in reasons["outcome"]
    text = str(suggest(tmp_path / "calls.csv"))
    assert 'zone = "UTC"  # guess: no time names its zone' in text


def test_drafts_of_other_files(tmp_path):
    excel(tmp_path / "b.xlsx", HEADER, *ROWS, sheet="Calls", more=("Empty",))
    draft = suggest(tmp_path / "b.xlsx")
    assert draft.tables == ["contacts"] and 'sheet = "Calls"' in str(draft)
    (tmp_path / "c.csv").write_bytes("Call ID,Agent\n1,Zoé\n2,Ann\n".encode("cp1252"))
    assert 'encoding = "cp1252"  # guess' in str(suggest(tmp_path / "c.csv"))
    (tmp_path / "d.csv").write_text("a,b\n1,2\n3,4\n")
    assert "No table of the contract looks like it" in str(suggest(tmp_path / "d.csv"))
    (tmp_path / "e.csv").write_text("a,b\n")
    with pytest.raises(BadInput, match="no rows to look at"):
        suggest(tmp_path / "e.csv")
    numbers = "".join(f"c{i};{1_772_442_000 + i};{i},5\n" for i in range(30))
    (tmp_path / "f.csv").write_text("Call ID;Start time;Wait time (s)\n" + numbers)
    text = str(suggest(tmp_path / "f.csv"))
    assert 'format = "epoch s"' in text and 'decimal = ","' in text and "zone" not in text


def test_the_word_lists_name_columns_of_the_contract():
    every = {c.name for table in tables.values() for c in table.columns if not c.derived}
    for name in SYNONYMS:
        table, _, column = name.rpartition(".")
        assert column in every and (not table or column in tables[table].names), name
    assert set(TABLE_WORDS) <= set(tables)
    for column, words in VALUES.items():
        allowed = {
            a for t in tables.values() for c in t.columns if c.name == column for a in c.allowed
        }
        assert set(words) <= allowed, column


def test_layout_is_that_of_the_mapping():
    (table,) = parse_mapping(MAPPING.replace("[contacts]", "[contacts]\nskip_rows = 3"))
    assert table.layout == Layout(skip_rows=3) and table.zone == "Europe/Berlin"


def test_days_of_tables_in_which_nothing_happens(tmp_path):
    "Local dates, keys of several columns, a sentinel for an open end, a folder with odd marks."
    rows = ["2026-03-01;IT;salary;1.234,50", "2026-04-01;IT;licences;-20", "2026-04-01;IT;luck;1"]
    (tmp_path / "costs.csv").write_text("Month;Centre;Kind;Amount\n" + "\n".join(rows) + "\n")
    (tmp_path / "staff.csv").write_text(
        "Who,Team,From,Until,Joined,Hours\n"
        "a,red,2026-01-01T00:00:00Z,9999-12-31T00:00:00Z,05.01.2026,38\n"
        "a,blue,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z,05.01.2026,38\n"
        "b,red,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,31.02.2026,38\n"
        "c,red,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,05.01.2026,380\n"
    )
    (tmp_path / "mapping.toml").write_text("""
[costs]
file = "costs.csv"
decimal = ","
thousands = "."
[costs.columns]
period_start_on = "Month"
cost_centre = "Centre"
kind = "Kind"
amount = "Amount"
[agents]
file = "staff.csv"
[agents.columns]
agent_id = "Who"
team = "Team"
valid_from = "From"
valid_to = {column = "Until", null = ["9999-12-31T00:00:00Z"]}
hired_on = {column = "Joined", format = "%d.%m.%Y"}
contract_hours = "Hours"
""")
    told = [
        tabular.load(
            None, tmp_path / f"{way} [1]", tmp_path / "mapping.toml", is_streamed=way == "b"
        )
        for way in "ab"
    ]
    assert {key: told[1][key] for key in told[0]} == told[0]
    assert (told[0]["rows_in"], told[0]["kept"], told[0]["quarantined"]) == (7, 3, 4)
    for name in ("costs", "agents", "quarantine"):
        here, there = (tmp_path / f"{way} [1]" / "data" / f"{name}.parquet" for way in "ab")
        pd.testing.assert_frame_equal(pd.read_parquet(here), pd.read_parquet(there))
    costs = pd.read_parquet(tmp_path / "b [1]/data/costs.parquet")
    assert costs["amount"].tolist() == [1234.5, -20] and costs["period_start_on"][0] == date(
        2026, 3, 1
    )
    assert pd.read_parquet(tmp_path / "b [1]/data/agents.parquet")["valid_to"].isna().all()
    # One who is in two teams at once, one who joined on 31 February, one who works 380 hours a week.
    assert set(told[0]["reasons"]) == {
        "kind is none of " + ", ".join(tables["costs"]["kind"].allowed),
        "valid_from is before the end of an earlier row of the same agent_id",
        "hired_on is not a time of the form %d.%m.%Y",
        "contract_hours is above 168",
    }


def test_a_day_of_a_moment_is_that_of_the_zone(read):
    rows = "id,team,value,on\n1,a,3,2026-03-01T23:30:00Z\n"
    mapping = (
        '[finance]\nzone = "Europe/Berlin"\n[finance.columns]\n'
        'period_start_on = "on"\nitem = "team"\namount = "value"\n'
    )
    got = read(rows, mapping)
    assert str(got.tables["finance"]["period_start_on"][0].date()) == "2026-03-02"
    got = read(rows, mapping.replace('zone = "Europe/Berlin"', ""))
    assert str(got.tables["finance"]["period_start_on"][0].date()) == "2026-03-01"


def test_a_few_odd_cells_do_not_condemn_a_column(read):
    "Ten values are needed to say that a mapping is wrong; two of four hundred are odd cells."
    head = [*HEADER, "Prio"]
    rows = [[f"c{i}", *ROWS[0][1:], "high" if i in (3, 9) else ""] for i in range(400)]
    got = read(text_of(rows, head), MAPPING + 'priority = "Prio"\n')
    assert got.quarantine["row"].tolist() == [4, 10]
