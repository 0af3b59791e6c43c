"""Laws that hold for any calendar, and agreement with a calendar that counts its ticks."""

import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from contact_kpis.data.calendar import (
    Calendar,
    FiscalYear,
    always_open,
    business_ms,
    business_ms_sequence,
    business_week,
    fiscal_period,
    is_working_day,
    local_date,
    next_close_of_business,
    open_spans,
    week_of,
)
from tests import oracle_calendar as oracle

ZONES = {  # with a day on which the clocks change, or the date jumps
    "UTC": date(2024, 2, 29),
    "Asia/Kathmandu": date(1986, 1, 1),
    "Asia/Jerusalem": date(2024, 10, 27),
    "America/Chicago": date(2024, 3, 10),
    "Europe/Berlin": date(2024, 10, 27),
    "Australia/Lord_Howe": date(2024, 4, 7),
    "Pacific/Apia": date(2011, 12, 30),
}
FAST = settings(max_examples=60, deadline=None)
SLOW = settings(max_examples=25, deadline=None)


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def moment(at: datetime) -> np.ndarray:
    return np.array([at], "datetime64[us]")


@st.composite
def spans(draw, unit: int) -> list[tuple[int, int]]:
    "None, one or two spans of a day; they may touch midnight but not one another."
    edges = st.integers(0, oracle.MIDNIGHT // unit)
    found = sorted(draw(st.lists(edges, unique=True, max_size=4)))
    return [(a * unit, b * unit) for a, b in zip(found[::2], found[1::2], strict=False)]


@st.composite
def sites(draw, unit: int = 60) -> tuple[oracle.Words, Calendar, date]:
    "The same calendar in words and as an object, and a day around which it is interesting."
    zone = draw(st.sampled_from(sorted(ZONES)))
    near = st.integers(-4, 4).map(lambda days: ZONES[zone] + timedelta(days=days))
    hours = {weekday: draw(spans(unit)) for weekday in range(7)}
    worked = [weekday for weekday in hours if hours[weekday]]
    made_up = st.dictionaries(near, st.sampled_from(worked), max_size=2) if worked else st.just({})
    words = oracle.Words(
        zone,
        hours,
        draw(st.sets(near, max_size=3)),
        draw(made_up),
        draw(st.dictionaries(near, spans(unit), max_size=2)),
    )
    return words, as_calendar(words), draw(near)


def as_calendar(words: oracle.Words) -> Calendar:
    def texts(hours):
        return tuple((clock(opens), clock(closes)) for opens, closes in hours)

    return Calendar(
        "drawn",
        words.zone,
        tuple(texts(words.hours[weekday]) for weekday in range(7)),
        tuple(words.holidays),
        makeup_days=tuple(words.makeup.items()),
        special_hours=tuple((day, texts(hours)) for day, hours in words.special.items()),
    )


def agrees(words: oracle.Words, calendar: Calendar, start: datetime, length: timedelta, step: int):
    end = start + length
    expected = oracle.business_ms(words, start, end, step)
    assert business_ms(moment(start), moment(end), calendar)[0] == expected


class TestAgainstTheTicks:
    @FAST
    @given(sites(), st.integers(0, 1440), st.integers(0, 3 * 1440))
    def test_minute_by_minute(self, site, minute, length):
        words, calendar, day = site
        start = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
        agrees(words, calendar, start, timedelta(minutes=length), 60_000)

    @FAST
    @given(sites(unit=1), st.integers(0, 86_400), st.integers(0, 7200))
    def test_second_by_second(self, site, second, length):
        words, calendar, day = site
        start = datetime(day.year, day.month, day.day) + timedelta(seconds=second)
        agrees(words, calendar, start, timedelta(seconds=length), 1000)

    @FAST
    @given(sites(unit=1), st.data())
    def test_millisecond_by_millisecond_around_an_edge(self, site, data):
        words, calendar, day = site
        listed = open_spans(calendar, day - timedelta(days=7), day + timedelta(days=7))
        edges = [*listed["opens_at"], *listed["closes_at"], pd.Timestamp(day)]
        edge = data.draw(st.sampled_from(edges)).to_pydatetime()
        before, after = data.draw(st.integers(0, 1500)), data.draw(st.integers(0, 1500))
        start = edge - timedelta(milliseconds=before)
        agrees(words, calendar, start, timedelta(milliseconds=before + after), 1)

    @SLOW
    @given(sites(), st.integers(0, 1439))
    def test_next_close(self, site, minute):
        words, calendar, day = site
        if not any(words.hours.values()):
            return
        start = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
        found = next_close_of_business(moment(start), calendar)[0]
        assert found == np.datetime64(oracle.next_close(words, start))

    @FAST
    @given(sites())
    def test_working_days(self, site):
        words, calendar, day = site
        days = [day + timedelta(days=i) for i in range(-10, 11)]
        expected = [bool(words.hours_on(d)) for d in days]
        assert is_working_day(np.array(days, "M8[D]"), calendar).tolist() == expected

    @FAST
    @given(
        st.sampled_from(sorted(ZONES)), st.datetimes(datetime(1970, 1, 3), datetime(2100, 12, 29))
    )
    def test_local_days(self, zone, at):
        words = oracle.Words(zone, {})
        assert local_date(moment(at), zone)[0] == np.datetime64(words.wall(at).date())

    @FAST
    @given(st.dates(date(1970, 1, 8), date(2100, 12, 24)), st.integers(0, 6))
    def test_weeks(self, day, week_start):
        found = week_of(np.array([day], "M8[D]"), week_start)[0]
        assert found == np.datetime64(oracle.week_of(day, week_start))

    @FAST
    @given(
        st.sampled_from(["4-4-5", "4-5-4", "5-4-4"]),
        st.dates(date(2023, 1, 1), date(2023, 12, 31)).filter(lambda d: d.month != 2 or d.day < 29),
        st.integers(0, 6),
        st.lists(st.dates(date(1985, 1, 1), date(2050, 12, 31)), min_size=1, max_size=5),
    )
    def test_fiscal_periods(self, pattern, earliest, weekday, days):
        first = (earliest.month, earliest.day)
        years = range(1980, 2060)
        starts = oracle.fiscal_years(first, weekday, years)
        known = starts[2021 - years.start]
        rule = FiscalYear(pattern, known, 2021, f"{earliest:%m-%d}")
        found = fiscal_period(np.array(days, "M8[D]"), business_week("UTC", fiscal=rule))
        weeks = tuple(int(n) for n in pattern.split("-")) * 4
        for day, row in zip(days, found.itertuples(), strict=True):
            index, period, week = oracle.fiscal_position(day, starts, weeks)
            assert (row.fiscal_year, row.period, row.week) == (years[index], period, week)
            assert row.period_start_on.date() <= day <= row.period_end_on.date()
            edges = np.array([row.period_start_on, row.period_end_on], "M8[D]")
            around = fiscal_period(np.r_[edges, edges + [-1, 1]], business_week("UTC", fiscal=rule))
            assert (around["period"] == period).tolist() == [True, True, False, False]


DAYS = st.datetimes(datetime(2023, 1, 1), datetime(2025, 12, 31))


class TestLaws:
    @FAST
    @given(sites(), st.lists(DAYS, min_size=3, max_size=3).map(sorted))
    def test_parts_add_up(self, site, times):
        a, b, c = (moment(at) for at in times)
        _, calendar, _ = site
        whole = business_ms(a, c, calendar)[0]
        assert whole == business_ms(a, b, calendar)[0] + business_ms(b, c, calendar)[0]

    @FAST
    @given(sites(), st.lists(DAYS, min_size=2, max_size=2).map(sorted))
    def test_never_more_than_the_calendar_and_never_less_than_nothing(self, site, times):
        start, end = (moment(at) for at in times)
        _, calendar, _ = site
        length = (end.astype("M8[ms]") - start.astype("M8[ms]")).astype(int)[0]
        assert 0 <= business_ms(start, end, calendar)[0] <= length
        assert business_ms(start, end, always_open(calendar.zone))[0] == length

    @SLOW
    @given(sites(), st.lists(DAYS, min_size=2, max_size=2).map(sorted))
    def test_a_row_does_not_depend_on_its_batch(self, site, times):
        "The years that other rows reach extend the table, not the answer."
        start, end = (moment(at) for at in times)
        _, calendar, _ = site
        alone = business_ms(start, end, calendar)[0]
        far = np.array(["1970-01-01", "2100-12-31"], "M8[us]")
        batch = business_ms(
            np.r_[far, start, moment(times[0])], np.r_[far, end, [np.datetime64("NaT")]], calendar
        )
        assert batch[2] == alone and batch[3] is pd.NA

    @FAST
    @given(sites(), st.lists(DAYS, min_size=3, max_size=3, unique=True).map(sorted))
    def test_a_change_to_the_same_schedule_changes_nothing(self, site, times):
        a, b, c = (moment(at) for at in times)
        _, calendar, _ = site
        history = pd.DataFrame({"key": "t", "since_at": np.r_[a, b], "calendar": ["one", "two"]})
        both = {"one": calendar, "two": calendar}
        expected = business_ms(a, c, calendar)[0]
        for rule in ("all", "last"):
            assert business_ms_sequence(a, c, ["t"], history, both, rule)[0] == expected

    def test_sequences_in_a_batch_are_those_of_each_ticket_alone(self):
        rng = np.random.default_rng(0)
        schedules = {"bank": business_week("Asia/Jerusalem", "sun-thu"), "all day": always_open()}
        n = 200
        start = np.datetime64("2024-01-01", "ms") + rng.integers(0, 10**10, n)
        end = start + rng.integers(0, 10**9, n)
        history = pd.DataFrame(
            {
                "key": rng.integers(0, n, 3 * n),
                "since_at": np.datetime64("2024-01-01", "ms")
                + rng.integers(-(10**9), 10**10, 3 * n),
                "calendar": rng.choice(list(schedules), 3 * n),
            }
        )
        for rule in ("all", "last"):
            together = business_ms_sequence(start, end, range(n), history, schedules, rule)
            for i in range(n):
                expected = naive_sequence(
                    start[i], end[i], history[history["key"] == i], schedules, rule
                )
                assert together[i] is expected or together[i] == expected
        assert 0 < together.isna().sum() < n

    def test_a_table_of_spans_is_the_business_time(self):
        calendar = business_week("America/Chicago", "mon-sat", "07:30", "19:45", "US", week_start=6)
        listed = open_spans(calendar, date(2020, 1, 1), date(2024, 12, 31))
        ends = np.array(["2020-01-01T06:00", "2025-01-01T06:00"], "M8[ms]")
        assert listed["open_ms"].sum() == business_ms(ends[:1], ends[1:], calendar)[0]
        assert (
            listed["opens_at"].iloc[1:].to_numpy() > listed["closes_at"].iloc[:-1].to_numpy()
        ).all()


def naive_sequence(start, end, history, schedules, rule):
    "One ticket, schedule by schedule."
    rows = [
        (r.since_at.to_datetime64(), r.calendar)
        for r in history.sort_values("since_at").itertuples()
    ]
    known = [row for row in rows if row[0] <= end]
    if not known or (rule == "all" and known[0][0] > start):
        return pd.NA
    if rule == "last":
        return business_ms(np.array([start]), np.array([end]), schedules[known[-1][1]])[0]
    total = 0
    for i, (since, name) in enumerate(known):
        until = min(end, known[i + 1][0]) if i + 1 < len(known) else end
        if until > max(start, since):
            total += business_ms(np.array([max(start, since)]), np.array([until]), schedules[name])[
                0
            ]
    return total


def test_the_oracle_by_hand():
    "Berlin, Monday 2024-01-08, 09:00-17:00 is 08:00-16:00 UTC: 07:59 to 08:02 has two open minutes."
    words = oracle.Words("Europe/Berlin", {0: [(9 * 3600, 17 * 3600)]})
    start = datetime(2024, 1, 8, 7, 59)
    assert oracle.business_ms(words, start, start + timedelta(minutes=3), 60_000) == 120_000
    assert oracle.next_close(words, start) == datetime(2024, 1, 8, 16)
    assert words.wall(start).utcoffset() == timedelta(hours=1)
    assert start.replace(tzinfo=UTC) == words.wall(start)


def test_ten_million_intervals():
    """Under 10 s on two cores. It runs in one thread, so its processor time is what it would take
    alone; the clock on the wall of a busy machine says little."""
    rng = np.random.default_rng(0)
    n = 10_000_000
    start = np.datetime64("2018-01-01", "us") + rng.integers(0, 7 * 365 * 86_400 * 10**6, n)
    end = start + rng.integers(0, 30 * 86_400 * 10**6, n)
    bank = business_week("Asia/Jerusalem", "sun-thu", country="IL")
    before = time.process_time()
    found = business_ms(start, end, bank)
    assert time.process_time() - before < 10
    some = slice(None, None, 99_991)
    assert found[some].tolist() == business_ms(start[some], end[some], bank).tolist()
