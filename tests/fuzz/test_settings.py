"""A settings file, damaged in many ways: each ends in words that name the file, the line and the cure.

A kind of damage is a whole file or a change of the sound one below. What is expected beside it: the
line, what is said to have been found, and, where there is one, the nearest name.
"""

import random
import re
from dataclasses import dataclass

import pytest

from contact_kpis.errors import BadSettings
from contact_kpis.settings import read_settings

SOUND = """\
[centre]
name = "Bank"
zone = "Asia/Jerusalem"
week_start = "sunday"
day_cutoff = "04:00"
currency = "ILS"
language = "he"
calendar = "branch"
report_days = "centre"
source = "seelab"
simulated = false

[privacy]
pseudonyms = true

[calendars.branch]
zone = "Asia/Jerusalem"
days = "sunday-thursday"
hours = ["08:30-13:00", "14:00-17:00"]
friday = "08:30-12:00"
country = "IL"
holidays = [2026-12-24, 2026-12-25]
makeup_days = { "2026-02-14" = "friday" }
special_hours = { "2026-12-31" = "09:00-12:00", "2027-01-01" = [] }
week_start = "sunday"

[calendars.retail]
always_open = true
country = "US"
subdivision = "CA"

[calendars.retail.fiscal]
pattern = "4-5-4"
start = 2023-01-29
year = 2023
earliest = "01-29"

[sites.london]
zone = "Europe/London"
calendar = "retail"
week_start = "monday"
currency = "GBP"

[kpis.service_level]
threshold_s = 20
abandon_mode = "ignore"

[kpis.service_level.queue."VIP, \\"gold\\" 1.0"]
threshold_s = 10

[kpis.service_level.channel.chat]
threshold_s = 45.5
"""
LINES = SOUND.split("\n")


def line_of(text: str, nth: int = 0) -> int:
    "Number of the nth line that begins with a text."
    return [i for i, line in enumerate(LINES, 1) if line.startswith(text)][nth]


@dataclass(frozen=True)
class Kind:
    "One kind of damage and what is said about it."

    name: str
    text: str | bytes
    line: int | None
    said: str  # pattern of what was found
    expected: str = ""  # pattern of what would have been right


def swap(name, old, new, said, expected="", nth=0, later=0):
    "Replace the nth line that begins with `old`; the fault is `later` lines below it."
    line = line_of(old, nth)
    text = "\n".join([*LINES[: line - 1], new, *LINES[line:]])
    return Kind(name, text, line + later, said, expected)


def file(name, text, line, said, expected=""):
    return Kind(name, text, line, said, expected)


ZONE, DAYS, HOURS = "zone", "days", "hours"
KINDS = [
    # Not TOML, not text.
    file("UTF-16", SOUND.encode("utf-16"), 1, "not text in UTF-8"),
    file("Latin-1", SOUND.replace("Bank", "Bänk").encode("latin-1"), 2, "not text in UTF-8"),
    file("NUL bytes", SOUND.encode("utf-16-le"), 1, "is not TOML"),
    file("random bytes", random.Random(1).randbytes(4000), 1, "not text in UTF-8"),
    file("a table of numbers", "day;calls\n" + "2026-01-01;17\n" * 3000, 1, "is not TOML"),
    file("JSON", '{"centre": {"zone": "UTC"}}', 1, "is not TOML"),
    file("YAML", 'centre:\n  zone: "UTC"', 1, "'centre:' is not TOML"),
    file("brackets in brackets", "[centre]\nname = " + "[" * 5000, 2, "'name' is not TOML"),
    file("10,000 digits", f"[centre]\nname = {'9' * 10_000}", 2, "'name' is not TOML"),
    file("2,000 dots", f"[centre]\nname{'.a' * 2000} = 1", 2, "name = a table", "a text in quotes"),
    file("10 MB in a key", f"[centre]\n{'x' * 10_000_000} = 1", 2, "unknown key 'xxx"),
    swap("quote left open", "name", 'name = "Bank', "'name' is not TOML: Illegal character"),
    swap("three quotes left open", "name", 'name = """Bank', "'name' is not TOML"),
    swap("list left open", "holidays", "holidays = [2026-12-24,", "'holidays' is not TOML"),
    swap("no quotes", "name", "name = Bank", "'name' is not TOML: Invalid value"),
    swap("no equals sign", "name", 'name "Bank"', "is not TOML: Expected '='"),
    swap("colon", "name", 'name: "Bank"', "is not TOML"),
    swap("True", "pseudonyms", "pseudonyms = True", "'pseudonyms' is not TOML: Invalid value"),
    swap("section left open", "[sites", "[sites.london", r"'\[sites.london' is not TOML"),
    swap("30 February", "holidays", "holidays = [2026-02-30]", "is not TOML: Invalid date"),
    swap("Windows path", "source", r'source = "C:\data"', "'source' is not TOML: Unescaped"),
    # Twice.
    swap("key twice", "zone", 'zone = "UTC"\nzone = "UTC"', "'zone' is already taken", later=1),
    swap("section twice", "[privacy]", "[centre]", r"'\[centre\]' is already taken", "each section"),
    swap("key of a table twice", "makeup", 'makeup_days = {"2026-02-14"="friday", "2026-02-14"="mon"}',
         "'makeup_days' is not TOML: Duplicate"),
    swap("value and section", "[calendars.retail.fiscal]", "fiscal = 1\n[calendars.retail.fiscal]",
         "fiscal.' is already taken", later=1),
    # Sections and keys that do not exist.
    swap("section misspelt", "[privacy]", "[privcy]", "section 'privcy'; did you mean 'privacy'"),
    swap("singular", "[calendars.branch]", "[calendar.branch]", "did you mean 'calendars'", "sites"),
    swap("section of another program", "[privacy]", "[tool.ruff]", "unknown section 'tool'"),
    file("above all sections", 'zone = "UTC"\n' + SOUND, 1, "'zone'; it belongs below .centre."),
    swap("section as a key", "[privacy]", "[centre.privacy]", "unknown key 'privacy'", "zone"),
    swap("key misspelt", "day_cutoff", 'day_cutof = "04:00"', "did you mean 'day_cutoff'"),
    swap("key of a calendar", "friday", 'firday = "08:30-12:00"', "did you mean 'friday'"),
    swap("key of a site", "currency", 'curency = "GBP"', "did you mean 'currency'", nth=1),
    swap("key of a fiscal year", "pattern", 'patern = "4-5-4"', "did you mean 'pattern'"),
    swap("the secret itself", "pseudonyms", 'key = "s3cret"', "unknown key 'key'", "^pseudonyms$"),
    swap("dimension misspelt", "[kpis.service_level.channel", "[kpis.service_level.chanel.chat]",
         "unknown section 'chanel'; did you mean 'channel'"),
    # A section where a value should be, and the other way round.
    file("a value for a section", "centre = 5", 1, "centre = 5", r"a section \[centre\]"),
    file("a value for sections", "\nsites = true", 2, "sites = true", r"\[sites.NAME\]"),
    file("a list of sections", "[[kpis]]\nx = 1", 1, "kpis = a list", r"\[kpis.NAME\]"),
    file("name forgotten", '[calendars]\ndays = "mon"', 2, 'days = "mon", right below', "calendars.NAME"),
    file("KPI forgotten", "[kpis]\nthreshold_s = 20", 2, "threshold_s = 20, right", "kpis.NAME"),
    file("queue forgotten", "[kpis.asa.queue]\nx = 1", 2, "x = 1, right below", "asa.queue.NAME"),
    file("queue as a value", '[kpis.asa]\nqueue = "vip"', 2, "no name", "kpis.asa.queue.NAME"),
    file("an empty name", '[sites.""]\nzone = "UTC"', 1, "no name", r"\[sites.NAME\]"),
    # Values of another kind.
    swap("number for a text", "name", "name = 5", "name = 5", "a text in quotes"),
    swap("text for a truth", "simulated", 'simulated = "no"', 'simulated = "no"', "true or false"),
    swap("one for true", "pseudonyms", "pseudonyms = 1", "pseudonyms = 1", "true or false"),
    swap("a time of TOML", "day_cutoff", "day_cutoff = 04:00:00", "day_cutoff = 04:00:00", "quotes"),
    swap("text for a date", "start", 'start = "2023-01-29"', "start = ", "a date without quotes"),
    swap("instant for a date", "start", "start = 2023-01-29T00:00:00Z", "start = ", "a date"),
    swap("date for a list", "holidays", "holidays = 2026-12-24", "holidays = 2026", "a list"),
    swap("list for a table", "makeup", "makeup_days = [2026-02-14]", "makeup_days = a list", "a table"),
    swap("number for hours", HOURS, "hours = 9", "hours = 9", "09:00-17:00"),
    swap("numbers for hours", HOURS, "hours = [[9, 17]]", "hours = a list", "09:00-17:00"),
    swap("list for a convention", "threshold_s", "threshold_s = [20]", "threshold_s = a list"),
    swap("date for a convention", "threshold_s", "threshold_s = 2026-01-01", "threshold_s = 2026"),
    swap("no number", "threshold_s", "threshold_s = nan", "threshold_s = nan", "a number"),
    swap("endless", "threshold_s", "threshold_s = -inf", "threshold_s = -inf", nth=1),
    swap("2^64", "threshold_s", f"threshold_s = {2**64}", "too many digits", nth=2),
    swap("5,000 hex digits", "threshold_s", f"threshold_s = 0x{'f' * 5000}", "too many digits"),
    # Values that do not exist.
    swap("zone", ZONE, 'zone = "Asia/Jerusalm"', "did you mean 'Asia/Jerusalem'", "IANA"),
    swap("zone of a calendar", ZONE, 'zone = "Asia/Jerusalm"', "did you mean 'Asia/Jer", nth=1),
    swap("zone of a site", ZONE, 'zone = "Europe/Lodnon"', "mean 'Europe/London'", nth=2),
    swap("zone as a path", ZONE, 'zone = "../../etc/hosts"', "unknown time zone"),
    swap("no zone", ZONE, 'zone = ""', "unknown time zone ''"),
    swap("weekday", "week_start", 'week_start = "sundy"', "did you mean 'sunday'", "tuesday"),
    swap("weekday in short", "week_start", 'week_start = "sun"', 'week_start = "sun"', "sunday"),
    swap("weekday of a site", "week_start", 'week_start = "mondy"', "mean 'monday'", nth=2),
    swap("language", "language", 'language = "heb"', "did you mean 'he'", "en, zh, he"),
    swap("currency in small", "currency", 'currency = "ils"', "did you mean 'ILS'", "ISO 4217"),
    swap("currency as a sign", "currency", 'currency = "£"', 'currency = "£"', "EUR", nth=1),
    swap("whose days", "report_days", 'report_days = "sites"', "did you mean 'site'", "site, centre"),
    swap("cut-off in the afternoon", "day_cutoff", 'day_cutoff = "13:00"', '"13:00"', "11:59"),
    swap("cut-off at noon", "day_cutoff", 'day_cutoff = "12:00"', '"12:00"', "11:59"),
    swap("cut-off without zero", "day_cutoff", 'day_cutoff = "4:00"', '"4:00"', "00:00"),
    swap("country", "country", 'country = "Isreal"', "unknown country 'Isreal'", "IL|one of"),
    swap("country in small", "country", 'country = "il"', "did you mean 'IL'"),
    swap("subdivision", "subdivision", 'subdivision = "CAL"', "of US 'CAL'; did you mean 'CA'"),
    swap("fiscal pattern", "pattern", 'pattern = "4-5-5"', "did you mean '4-5-4'", "months"),
    swap("calendar of the centre", "calendar =", 'calendar = "brnach"', "did you mean 'branch'"),
    swap("calendar of a site", "calendar =", 'calendar = "retial"', "did you mean 'retail'", nth=1),
    # Hours and days that cannot be meant.
    swap("days", DAYS, 'days = "sun-thr"', "unknown weekday 'thr'; did you mean 'thu'"),
    swap("no days", DAYS, 'days = ""', "unknown weekday ''"),
    swap("hours of one time", HOURS, 'hours = "09:00"', 'hours: "09:00"', "a span such as"),
    swap("hours of three", HOURS, 'hours = "08-13-17"', "hours: ", "a span such as"),
    swap("hours in words", HOURS, 'hours = "9am-5pm"', "hours: '9am'", "a local time"),
    swap("minute 60", HOURS, 'hours = "09:60-17:00"', "'09:60'", "a local time"),
    swap("hour 25", HOURS, 'hours = "09:00-25:00"', "'25:00'", "24:00"),
    swap("night shift", "friday", 'friday = "22:00-06:00"', "friday: opens 22:00, closes 06:00"),
    swap("midnight as zero", "friday", 'friday = "16:00-00:00"', "opens 16:00", "midnight is 24:00"),
    swap("overlap", HOURS, 'hours = ["08:00-13:00", "12:00-17:00"]', "13:00 and 12:00.* overlap"),
    swap("special hours", "special", 'special_hours = {"2026-12-31" = "12:00-09:00"}', "2026-12-31: op"),
    swap("date key in words", "special", 'special_hours = {"31.12." = []}', '"31.12." is no date'),
    swap("date key of a week", "special", 'special_hours = {"2026-W01-1" = []}', "is no date"),
    swap("date key in short", "special", 'special_hours = {"20261231" = []}', "is no date"),
    swap("make-up weekday", "makeup", 'makeup_days = {"2026-02-14" = "frday"}', "mean 'friday'"),
    swap("make-up weekday no.", "makeup", 'makeup_days = {"2026-02-14" = 5}', "weekday '5'"),
    swap("make-up of a free day", "makeup", 'makeup_days = {"2026-02-14" = "saturday"}',
         "2026-02-14 has the hours of saturday, which has none", "a weekday with hours"),
    swap("holiday in quotes", "holidays", 'holidays = ["2026-12-24"]', '"2026-12-24" is no date',
         "without quotes"),
    swap("holiday of year 26", "holidays", "holidays = [0026-12-24]", "the year 26", "1970 to 2100"),
    swap("fiscal year of 20", "year", "year = 23", "the year 23", "1970 to 2100"),
    # Keys that do not go together: the line of the section, or of the key that is too much.
    file("hours lost", '[calendars.x]\ncountry = "IL"', 1, "no opening hours", "always_open = true"),
    file("days alone", '\n[calendars.x]\ndays = "mon"', 2, "days alone", "both"),
    file("hours alone", '[calendars.x]\nhours = "09:00-17:00"', 1, "hours alone", "both"),
    file("open, with hours", '[calendars.x]\nalways_open = true\nmonday = []', 1,
         "always_open beside monday", "one of the two"),
    file("no country", '[calendars.x]\nalways_open = true\nsubdivision = "BY"', 3,
         "subdivision without a country", "country = "),
    swap("fiscal start", "start", "start = 2023-02-12", "2023-02-12, earliest 01-29",
         "within seven days"),
    swap("fiscal earliest", "earliest", 'earliest = "29.01."', 'earliest = "29.01."', "01-29"),
    file("months from the 2nd", "[calendars.x]\nalways_open = true\nfiscal = {start = 2024-04-02}", 3,
         "months from 2024-04-02", "the first of a month"),
]  # fmt: skip


def refused(tmp_path, text: str | bytes) -> BadSettings:
    path = tmp_path / "contact_kpis.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(BadSettings) as caught:
        read_settings(path)
    return caught.value


def test_there_are_many_kinds():
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 25


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_ends_in_words(kind, tmp_path):
    error = refused(tmp_path, kind.text)
    place = f"contact_kpis.toml, line {kind.line}: "
    assert error.found.startswith(place), str(error)
    assert re.search(kind.said, error.found.removeprefix(place)), str(error)
    assert re.search(kind.expected, error.expected), str(error)
    assert error.expected and len(str(error)) < 1000


def test_a_secret_is_not_repeated(tmp_path):
    assert "s3cret" not in str(refused(tmp_path, '[privacy]\nkey = "s3cret"'))
    assert "s3cret" not in str(refused(tmp_path, '[privacy]\nkey = "s3cret'))


KEYS = [(i, line.split(" =")[0]) for i, line in enumerate(LINES, 1) if re.match(r"\w+ = ", line)]
OURS = [(i, key) for i, key in KEYS if i < line_of("[kpis")]


@pytest.mark.parametrize(("line", "key"), OURS)
def test_any_key_with_a_letter_lost(line, key, tmp_path):
    "The catalogue knows conventions, the settings know all other keys."
    lines = list(LINES)
    lines[line - 1] = lines[line - 1].replace(key, key[:-2] + key[-1], 1)
    error = refused(tmp_path, "\n".join(lines))
    assert error.found.startswith(f"contact_kpis.toml, line {line}: unknown key"), str(error)
    assert f"did you mean {key!r}?" in error.found


@pytest.mark.parametrize(("line", "key"), KEYS)
def test_any_key_twice(line, key, tmp_path):
    error = refused(tmp_path, "\n".join([*LINES[:line], *LINES[line - 1 :]]))
    assert (
        error.found
        == f"contact_kpis.toml, line {line + 1}: {key!r} is already taken by a line above"
    )


USELESS = ["1.5", "[[1]]", "{ a.b.c = 1 }", "12:30:00", '"\\u0000"']


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        (*own, v)
        for own in OURS
        for v in USELESS
        if own[1] not in ("name", "source") or "u" not in v
    ],
)
def test_any_key_with_a_value_of_no_use(line, key, value, tmp_path):
    "Where any text will do, a text of one odd character is no damage and left out."
    lines = list(LINES)
    lines[line - 1] = f"{key} = {value}"
    assert refused(tmp_path, "\n".join(lines)).found.startswith(f"contact_kpis.toml, line {line}: ")


@pytest.mark.parametrize("seed", range(60))
def test_noise_ends_in_words_or_in_settings(seed, tmp_path):
    "Bytes lost, doubled or changed anywhere: never another error, and never one without a line."
    rng, path = random.Random(seed), tmp_path / "contact_kpis.toml"
    data = bytearray(SOUND.encode())
    for place in rng.sample(range(len(data)), 1 + seed % 3):
        data[place : place + 1] = rng.choice(
            [b"", data[place : place + 1] * 2, bytes([rng.randrange(256)])]
        )
    path.write_bytes(bytes(data))
    try:
        read_settings(path)
    except BadSettings as error:
        assert re.match(r"contact_kpis\.toml, line \d+: .", error.found), str(error)


def test_the_sound_file_is_read(tmp_path):
    "Otherwise everything above would prove nothing."
    path = tmp_path / "contact_kpis.toml"
    path.write_text(SOUND, encoding="utf-8")
    settings = read_settings(path)
    assert settings.sites["london"]["currency"] == "GBP" and settings.pseudonyms
