"contact_kpis.toml: what is read is what was written, whatever can be written."

import re
import tomllib
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from contact_kpis import settings as module
from contact_kpis.data.calendar import always_open, calendar_of, calendars_of, open_spans
from contact_kpis.errors import BadSettings, UnknownName
from contact_kpis.settings import (
    WEEKDAYS,
    Settings,
    hours_of,
    lines_of,
    read_settings,
    seconds_of_day,
    settings_text,
    time_of_day,
    weekdays,
    weekly_hours,
    zone_of,
)
from tests.test_project import python


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    "Read a text, or bytes, as the settings of a project."
    path = tmp_path_factory.mktemp("project") / "contact_kpis.toml"

    def read(text: str | bytes) -> Settings:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_settings(path)

    return read


# --- all that can be written ----------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAME = TEXT.filter(bool) | st.sampled_from(
    ["a.b", 'VIP, "gold"', "客服", "תמיכה", "x\n[centre]", "\\"]
)
ZONE = st.sampled_from(["UTC", "Asia/Jerusalem", "Europe/London", "America/Chicago"])
WEEKDAY = st.sampled_from(WEEKDAYS)
DAY = st.dates(date(1971, 1, 1), date(2100, 1, 1))
CURRENCY = st.sampled_from(["EUR", "ILS", "GBP", "CNY"])
WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
FLOAT = st.floats(-1e15, 1e15, allow_nan=False)
CONVENTIONS = st.dictionaries(
    TEXT.filter(lambda key: key not in ("queue", "channel")),
    TEXT | st.booleans() | WHOLE | FLOAT,
    max_size=3,
)


@st.composite
def hours(draw):
    "One span or several of one day, in any order; or closed."
    ends = sorted(draw(st.sets(st.integers(0, 86_400), max_size=6)))
    pairs = zip(ends[::2], ends[1::2], strict=False)
    spans = [f"{time_of_day(opens)}-{time_of_day(closes)}" for opens, closes in pairs]
    return spans[0] if len(spans) == 1 and draw(st.booleans()) else draw(st.permutations(spans))


@st.composite
def fiscal(draw):
    year = draw(st.none() | st.integers(1970, 2100))
    named = {} if year is None else {"year": year}
    if draw(st.booleans()):
        return {"start": draw(DAY).replace(day=1)} | named
    start = draw(DAY)
    values = {"pattern": draw(st.sampled_from(["4-4-5", "4-5-4", "5-4-4"])), "start": start}
    first = start - timedelta(days=draw(st.integers(0, 6)))
    if f"{first:%m-%d}" != "02-29" and draw(st.booleans()):
        values["earliest"] = f"{first:%m-%d}"
    return values | named


@st.composite
def calendar(draw):
    own = draw(st.dictionaries(WEEKDAY, hours(), max_size=7))
    span = {
        "days": draw(st.sampled_from(["mon-fri", "sunday-thursday", "sat, mon"])),
        "hours": draw(hours()),
    }
    week = draw(st.sampled_from([{"always_open": True}, span, span | own, own or span]))
    some = draw(
        st.sets(st.sampled_from(["zone", "country", "holidays", "special_hours", "week_start"]))
    )
    more = {
        "zone": draw(ZONE),
        "country": draw(st.sampled_from(["IL", "CN", "US"])),
        "holidays": draw(st.lists(DAY, max_size=3)),
        "special_hours": draw(st.dictionaries(DAY.map(str), hours(), max_size=3)),
        "week_start": draw(WEEKDAY),
    }
    values = week | {key: value for key, value in more.items() if key in some}
    if "country" in values and draw(st.booleans()):
        values |= {"country": "DE", "subdivision": "BY"}
    works = [day for day, spans in zip(WEEKDAYS, weekly_hours(values), strict=True) if spans]
    if works and draw(st.booleans()):
        like = st.sampled_from(works + [day[:3] for day in works])
        values["makeup_days"] = draw(st.dictionaries(DAY.map(str), like, max_size=3))
    return values | ({"fiscal": draw(fiscal())} if draw(st.booleans()) else {})


@st.composite
def everything(draw):
    "Any settings that a file can hold."
    calendars = draw(st.dictionaries(NAME, calendar(), max_size=2))
    known = st.sampled_from(["", *calendars])
    site = st.fixed_dictionaries(
        {},
        optional={"zone": ZONE, "calendar": known, "week_start": WEEKDAY, "currency": CURRENCY},
    )
    own = st.tuples(st.sampled_from(["queue", "channel"]), NAME, CONVENTIONS)
    rules = st.lists(own, max_size=3, unique_by=lambda rule: rule[:2]).map(tuple)
    minutes = draw(st.integers(0, 719))
    return Settings(
        name=draw(TEXT),
        zone=draw(ZONE),
        week_start=draw(WEEKDAY),
        currency=draw(CURRENCY),
        language=draw(st.sampled_from(["en", "zh", "he"])),
        source=draw(TEXT),
        simulated=draw(st.booleans()),
        conventions=draw(st.dictionaries(NAME, CONVENTIONS, max_size=2)),
        day_cutoff=f"{minutes // 60:02}:{minutes % 60:02}",
        calendar=draw(known),
        report_days=draw(st.sampled_from(["site", "centre"])),
        pseudonyms=draw(st.booleans()),
        calendars=calendars,
        sites=draw(st.dictionaries(NAME, site, max_size=2)),
        overrides=draw(st.dictionaries(NAME, rules, max_size=2)),
    )


def kinds(values):
    "Types of a nested value: 1, 1.0 and true are equal in Python and not in a definition."
    if isinstance(values, dict):
        return {key: kinds(value) for key, value in values.items()}
    return [kinds(v) for v in values] if isinstance(values, (list, tuple)) else type(values)


class TestRoundTrip:
    @effort(max_examples=150)
    @given(everything())
    @example(Settings())
    @example(Settings(name='a "b" \\ \x7f \x00 \u2028 😀'))
    @example(Settings(overrides={"asa": (("channel", "a", {}), ("queue", "b", {"x": 1}))}))
    def test_written_and_read(self, read, mine):
        again = read(settings_text(mine))
        assert again == mine
        assert kinds(again.conventions) == kinds(mine.conventions)
        assert kinds(again.overrides) == kinds(mine.overrides)
        assert settings_text(again) == settings_text(mine)

    @effort(max_examples=150)
    @given(everything())
    def test_what_is_read_can_be_built(self, mine):
        "The settings refuse at least what a Calendar would refuse: their error has the line."
        built = calendars_of(mine)
        assert list(built) == list(mine.calendars)
        for site in mine.sites:
            assert calendar_of(mine, site=site).zone
        assert calendar_of(mine).name == (mine.calendar or "always open")

    @effort(max_examples=50)
    @given(everything())
    def test_every_line_is_found(self, mine):
        "All that is written stands in one line, so the parser can say where it begins."
        lines = settings_text(mine).split("\n")
        found = lines_of("\n".join(lines))
        for place, line in found.items():
            assert holds(lines[:line], place) and not holds(lines[: line - 1], place)
        set_here = {i for i, line in enumerate(lines, 1) if line and not line.startswith("#")}
        assert set(found.values()) == set_here

    def test_a_value_without_a_form(self):
        with pytest.raises(BadSettings, match="None has no form in TOML"):
            settings_text(Settings(conventions={"service_level": {"short_abandon_s": None}}))


def holds(lines: list[str], place: tuple[str, ...]) -> bool:
    "Whether the lines name a section or key."
    found = tomllib.loads("\n".join(lines))
    for key in place:
        if key not in found:
            return False
        found = found[key]
    return True


# --- the file -------------------------------------------------------------------------------------


class TestFile:
    def test_an_empty_file_is_all_defaults(self, read):
        assert read("") == read("# nothing\n") == read("[centre]\n") == Settings()

    def test_what_a_fresh_file_shows_is_understood(self, read):
        "Every default and example that stands there as a comment, with the # taken away."
        lines = settings_text(Settings()).split("\n")
        shown = [line.removeprefix("# ") for line in lines if re.match(r"(# )?(\[|\w+ = )", line)]
        told = read("\n".join(shown))
        assert told.calendars["main"]["days"] == "monday-friday"
        assert told.sites["haifa"]["calendar"] == "main"
        assert [rule[:2] for rule in told.overrides["service_level"]] == [
            ("queue", "complaints"),
            ("channel", "chat"),
        ]
        assert calendar_of(told, site="haifa").country == "DE"
        assert told.changes["service_level"] == ((date(2026, 4, 1), {"threshold_s": 20}),)
        rest = Settings(calendars=told.calendars, sites=told.sites, overrides=told.overrides)
        rest = replace(rest, changes=told.changes)
        assert told == replace(rest, conventions=told.conventions)

    def test_every_key_is_shown(self):
        shown = settings_text(Settings())
        sections = (module._CENTRE, module._PRIVACY, module._CALENDAR, module._SITE)
        for key in {key for keys in sections for key in keys} - set(WEEKDAYS[1:]):
            assert re.search(rf"^(# )?{key} = ", shown, re.M), key

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    def test_editors_of_all_systems(self, read, mark, end):
        text = end.join(["[centre]", 'name = "בנק"', "", "[calendars.x]", "always_open = true", ""])
        assert read(mark + text.encode()).name == "בנק"
        with pytest.raises(BadSettings, match="line 6: unknown key 'dys'"):
            read(mark + (text + 'dys = "mon"').encode())

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(BadSettings, match="contact_kpis.toml cannot be read: No such file"):
            read_settings(tmp_path / "contact_kpis.toml")
        with pytest.raises(BadSettings, match="cannot be read: Is a directory"):
            read_settings(tmp_path)

    def test_a_file_of_before(self, read):
        "Keys and keywords that were there first."
        old = '[centre]\nname = "Bank"\nzone = "Asia/Jerusalem"\n[kpis.asa]\n[kpis.service_level]\nthreshold_s = 30\n'
        conventions = {"asa": {}, "service_level": {"threshold_s": 30}}
        assert read(old) == Settings("Bank", "Asia/Jerusalem", conventions=conventions)

    def test_ways_to_write_the_same(self, read):
        braces = (
            'calendars = { x = { days = "mon", hours = "09:00-17:00", fiscal = { year = 2024 } } }'
        )
        dots = 'calendars.x.days = "mon"\ncalendars.x.hours = "09:00-17:00"\ncalendars.x.fiscal.year = 2024'
        headers = (
            '[calendars.x]\ndays = "mon"\nhours = "09:00-17:00"\n[calendars.x.fiscal]\nyear = 2024'
        )
        assert read(braces) == read(dots) == read(headers)
        for text, line in ((braces, 1), (dots, 3), (headers, 5)):
            with pytest.raises(BadSettings, match=f"line {line}: unknown key 'yaer'"):
                read(text.replace("year", "yaer"))

    def test_a_list_over_several_lines(self, read):
        text = "[calendars.x]\nalways_open = true\nholidays = [\n  2026-12-24, # eve\n  2026-13-25,\n]\n"
        with pytest.raises(BadSettings, match="line 3: 'holidays' is not TOML: .*line 5"):
            read(text)
        assert len(read(text.replace("-13-", "-12-")).calendars["x"]["holidays"]) == 2
        with pytest.raises(BadSettings, match="line 7: unknown key 'x'"):
            read(text.replace("-13-", "-12-") + "x = 1")

    def test_a_header_inside_a_text_is_none(self, read):
        text = '[centre]\nname = """\n[privacy]\nzone = 1\n"""\nzoen = "UTC"'
        with pytest.raises(BadSettings, match="line 6: unknown key 'zoen'; did you mean 'zone'"):
            read(text)

    def test_reading_loads_nothing_of_the_data(self):
        code = "import contact_kpis.settings, sys; print(*sys.modules)"
        loaded = set(python(code).split())
        assert not [name for name in loaded if name.startswith("contact_kpis.data")]
        assert loaded.isdisjoint({"pandas", "numpy", "holidays"})


# --- conventions ----------------------------------------------------------------------------------


class TestOverrides:
    def test_in_the_order_of_the_file(self, read):
        """queue a, channel b, queue c: TOML would give a, c, b."""
        text = "".join(
            f"[kpis.asa.{place}]\nx = {i}\n"
            for i, place in enumerate(["queue.a", "channel.b", "queue.c"])
        )
        found = read(text + "[kpis.asa]\ny = true\n")
        assert found.overrides["asa"] == (
            ("queue", "a", {"x": 0}),
            ("channel", "b", {"x": 1}),
            ("queue", "c", {"x": 2}),
        )
        assert found.conventions == {"asa": {"y": True}}

    def test_a_kpi_with_nothing_but_overrides_is_known(self):
        "The workspace looks at `conventions` for KPIs that do not exist."
        mine = Settings(overrides={"asa": (("queue", "a", {"x": 1}),), "aht": ()})
        assert mine.conventions == {"asa": {}} and list(mine.overrides) == ["asa"]

    @pytest.mark.parametrize("name", ["a.b", 'VIP "gold"', "客服 1", "queue", "1", " "])
    def test_names_of_queues(self, read, name):
        mine = Settings(overrides={"asa": (("queue", name, {"x": 1}),)})
        assert read(settings_text(mine)).overrides["asa"][0][1] == name


# --- sites and calendars --------------------------------------------------------------------------

CENTRE = Settings(
    zone="Europe/Berlin",
    week_start="sunday",
    calendar="main",
    calendars={
        "main": {"days": "mon-fri", "hours": "09:00-17:00"},
        "tokyo": {"always_open": True, "zone": "Asia/Tokyo", "week_start": "saturday"},
    },
    sites={
        "bare": {},
        "own": {"zone": "Europe/London", "week_start": "monday"},
        "by calendar": {"calendar": "tokyo"},
        "both": {"calendar": "tokyo", "zone": "Asia/Manila", "week_start": "friday"},
        "never closed": {"calendar": ""},
    },
)


@pytest.mark.parametrize(
    ("site", "zone", "name", "hours_in", "week_start"),
    [
        ("", "Europe/Berlin", "main", "Europe/Berlin", "sunday"),
        ("not in the file", "Europe/Berlin", "main", "Europe/Berlin", "sunday"),
        ("bare", "Europe/Berlin", "main", "Europe/Berlin", "sunday"),
        ("own", "Europe/London", "main", "Europe/London", "monday"),
        ("by calendar", "Asia/Tokyo", "tokyo", "Asia/Tokyo", "saturday"),
        ("both", "Asia/Manila", "tokyo", "Asia/Tokyo", "friday"),
        ("never closed", "Europe/Berlin", "always open", "Europe/Berlin", "sunday"),
    ],
)
def test_what_a_site_inherits(site, zone, name, hours_in, week_start):
    "Its own, else its calendar's, else the centre's; the hours are in the calendar's zone first."
    found = calendar_of(CENTRE, site=site)
    assert zone_of(CENTRE, site) == zone
    assert (found.name, found.zone) == (name, hours_in)
    assert WEEKDAYS[found.week_start] == week_start


def test_without_a_calendar_nothing_closes():
    assert calendar_of(Settings(zone="Asia/Tokyo")) == always_open("Asia/Tokyo")
    assert calendars_of(Settings()) == {}


def test_a_calendar_that_is_not_there():
    for asked in ({"name": "mian"}, {"settings": replace(CENTRE, calendar="mian")}):
        with pytest.raises(UnknownName, match="unknown calendar 'mian'; did you mean 'main'"):
            calendar_of(**{"settings": CENTRE} | asked)


def test_a_calendar_with_everything(read):
    """Israel, by hand: special hours, make-up day, holiday, weekday, the first that applies."""
    text = """
    [centre]
    zone = "Asia/Jerusalem"
    week_start = "sunday"
    [calendars.bank]
    days = "sun-thu"
    hours = ["08:30-13:00", "14:00-16:00"]
    friday = "08:30-12:00"
    wednesday = []
    country = "IL"
    holidays = [2024-05-05]
    makeup_days = { "2024-05-04" = "fri" }
    special_hours = { "2024-05-07" = [], "2024-05-08" = "10:00-11:00" }
    fiscal = { start = 2024-04-01, year = 2025 }
    """
    bank = calendars_of(read(text))["bank"]
    assert bank.hours[6] == (("08:30", "13:00"), ("14:00", "16:00"))
    assert (bank.hours[4], bank.hours[2], bank.weekend) == ((("08:30", "12:00"),), (), (2, 5))
    assert bank.fiscal.start == date(2024, 4, 1) and bank.fiscal.year == 2025
    spans = open_spans(bank, date(2024, 5, 4), date(2024, 5, 9)).set_index("day_on")["open_ms"]
    hours_open = (spans.groupby(level=0).sum() / 3_600_000).to_dict()
    # Sat 4 like a Friday; Sun 5 own holiday; Mon 6 as usual; Tue 7 closed; Wed 8 an hour; Thu 9 usual.
    assert {f"{day:%d}": h for day, h in hours_open.items()} == {
        "04": 3.5,
        "06": 6.5,
        "08": 1,
        "09": 6.5,
    }


# --- small things ---------------------------------------------------------------------------------


class TestWords:
    @pytest.mark.parametrize(
        ("days", "numbers"),
        [
            ("monday", [0]),
            ("Mon - FRI", [0, 1, 2, 3, 4]),
            ("fri-mon", [4, 5, 6, 0]),
            ("sat,sun", [5, 6]),
            ("sun-sun", [6]),
            ("tue, thu-fri", [1, 3, 4]),
        ],
    )
    def test_weekdays(self, days, numbers):
        assert weekdays(days) == numbers

    @given(st.integers(0, 86_400))
    def test_times_of_the_day(self, second):
        assert seconds_of_day(time_of_day(second), "") == second

    def test_hours(self):
        assert hours_of("09:00 - 17:00") == hours_of("09:00–17:00:00") == (("09:00", "17:00"),)
        assert hours_of(["14:00-18:00", "09:00-14:00"]) == (("09:00", "14:00"), ("14:00", "18:00"))

    def test_a_digit_is_a_latin_one(self):
        with pytest.raises(BadSettings, match="a local time"):
            hours_of("٠٩:٠٠-١٧:٠٠")

    @pytest.mark.parametrize(("cutoff", "minutes"), [("00:00", 0), ("04:30", 270), ("11:59", 719)])
    def test_the_end_of_a_day(self, read, cutoff, minutes):
        assert read(f'[centre]\nday_cutoff = "{cutoff}"').day_cutoff_minutes == minutes
