"""Business time, weeks and fiscal periods worked out by hand or printed by an authority."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

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
    local_time,
    next_close_of_business,
    open_spans,
    week_of,
    weekly_minutes,
)
from contact_kpis.errors import BadInput, BadSettings, UnknownName

LEVEL_1 = weekly_minutes("UTC", [(720 + 1440 * d, 1560 + 1440 * d) for d in range(7)])
LEVEL_2 = weekly_minutes(
    "UTC", [(2340, 2910), (3780, 4350), (5220, 5790), (6660, 7230), (8100, 8670)]
)
SCHEDULES = {"Level 1 Chicago": LEVEL_1, "Level 2 San Francisco": LEVEL_2}


def at(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[us]")


def day(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[D]")


def minutes(start: str, end: str, calendar: Calendar) -> float:
    return business_ms(at(start), at(end), calendar)[0] / 60_000


class TestDocumentedTicket:
    """Ticket 941606 of fivetran's Zendesk models, with exact arithmetic.

    Created Tue 2020-09-29 17:01:38 under Level 1 (daily 12:00-02:00 UTC), Level 2 (Mon to Fri
    15:00-00:30 UTC) from Wed 19:01:25, first public reply Wed 19:01:46.
      Level 1, Tue 17:01:38 -> Wed 02:00:00    8:58:22 = 538.3667 min
      Level 1, Wed 12:00:00 -> Wed 19:01:25    7:01:25 = 421.4167 min
      Level 2, Wed 19:01:25 -> Wed 19:01:46    0:00:21 =   0.3500 min     all:  960.1333
      Level 2, Tue 17:01:38 -> Wed 00:30:00    7:28:22 = 448.3667 min
      Level 2, Wed 15:00:00 -> Wed 19:01:46    4:01:46 = 241.7667 min     last: 690.1333
    """

    created, moved, replied = at(
        "2020-09-29T17:01:38", "2020-09-30T19:01:25", "2020-09-30T19:01:46"
    ).reshape(3, 1)
    history = pd.DataFrame(
        {"key": 941606, "since_at": np.r_[created, moved], "calendar": list(SCHEDULES)}
    )

    def measure(self, rule: str, history: pd.DataFrame | None = None):
        history = self.history if history is None else history
        return business_ms_sequence(self.created, self.replied, [941606], history, SCHEDULES, rule)[
            0
        ]

    def test_all_schedules(self):
        assert self.measure("all") == 57_608_000
        assert round(self.measure("all") / 60_000, 2) == 960.13

    def test_last_schedule(self):
        assert self.measure("last") == 41_408_000
        assert round(self.measure("last") / 60_000, 2) == 690.13

    def test_its_parts(self):
        assert minutes("2020-09-29T17:01:38", "2020-09-30T12:00", LEVEL_1) == 538 + 22 / 60
        assert minutes("2020-09-30T02:00", "2020-09-30T19:01:25", LEVEL_1) == 421 + 25 / 60
        assert minutes("2020-09-30T19:01:25", "2020-09-30T19:01:46", LEVEL_2) == 0.35

    def test_first_schedule_from_the_beginning(self):
        early = self.history.assign(since_at=np.r_[at("NaT"), self.moved])
        assert self.measure("all", early) == 57_608_000

    def test_an_unknown_stretch_is_null_under_all_and_none_of_last(self):
        late = self.history.iloc[1:]
        assert self.measure("all", late) is pd.NA
        assert self.measure("last", late) == 41_408_000

    def test_a_later_change_is_not_known_yet(self):
        later = self.history.assign(since_at=np.r_[self.created, at("2020-10-01")])
        assert (
            self.measure("last", later)
            == self.measure("all", later)
            == (538 * 60 + 22) * 1000 + (421 * 60 + 46) * 1000
        )

    def test_a_change_at_the_very_end_is_the_last_schedule(self):
        "It adds nothing to the sum: 538 min 22 s and 421 min 46 s of Level 1."
        at_the_end = self.history.assign(since_at=np.r_[self.created, self.replied])
        assert self.measure("last", at_the_end) == 41_408_000
        assert self.measure("all", at_the_end) == (538 * 60 + 22 + 421 * 60 + 46) * 1000

    def test_two_changes_within_one_millisecond_keep_their_order(self):
        "Level 1, Level 2 and back within 0.9 ms: Level 1 is the last, and its time is the whole."
        swaps = self.created + np.array([0, 400, 900], "m8[us]")
        names = ["Level 1 Chicago", "Level 2 San Francisco", "Level 1 Chicago"]
        history = pd.DataFrame({"key": 941606, "since_at": swaps, "calendar": names})
        only_level_1 = (538 * 60 + 22 + 421 * 60 + 46) * 1000
        for rule in ("all", "last"):
            assert self.measure(rule, history.iloc[[2, 0, 1]]) == only_level_1

    def test_a_ticket_without_a_schedule(self):
        ends = np.r_[self.replied, self.replied, at("NaT")]
        starts = np.r_[self.created, self.created, self.created]
        keys = [7, 941606, 941606]
        found = business_ms_sequence(starts, ends, keys, self.history, SCHEDULES)
        assert found[0] is pd.NA and found[1] == 57_608_000 and found[2] is pd.NA

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"calendar": ["Level 1 Chicago", "Level 2 San Fransisco"]}, "Level 2 San Francisco"),
            ({"since_at": at("2020-09-29", "2020-09-29")}, "two of one key"),
            ({"key": [None, 941606]}, "without a key"),
        ],
    )
    def test_a_history_that_cannot_be(self, change, said):
        with pytest.raises((UnknownName, BadInput), match=said):
            self.measure("all", self.history.assign(**change))

    def test_a_history_without_a_column(self):
        with pytest.raises(BadInput, match="since_at"):
            self.measure("all", self.history.drop(columns="since_at"))

    def test_an_unknown_rule(self):
        with pytest.raises(UnknownName, match="did you mean 'last'"):
            self.measure("lats")


class TestClocks:
    "Nights of 23 and 25 hours; the dates are those of the zone database and the laws behind it."

    def nights(self, zone: str, *spans: tuple[str, str]) -> Calendar:
        return Calendar("nights", zone, (spans,) * 7)

    def day_minutes(self, zone: str, on: str, *spans: tuple[str, str]) -> float:
        that = date.fromisoformat(on)
        return open_spans(self.nights(zone, *spans), that, that)["open_ms"].sum() / 60_000

    @pytest.mark.parametrize(
        ("zone", "on", "span", "expected"),
        [
            # Berlin, Sun 2024-03-31, 02:00 -> 03:00: of 01:00-04:00 two hours exist.
            ("Europe/Berlin", "2024-03-31", ("01:00", "04:00"), 120),
            ("Europe/Berlin", "2024-03-31", ("02:15", "02:45"), 0),
            ("Europe/Berlin", "2024-03-31", ("02:30", "03:30"), 30),
            # Berlin, Sun 2024-10-27, 03:00 -> 02:00: 02:00-03:00 happens twice.
            ("Europe/Berlin", "2024-10-27", ("01:00", "04:00"), 240),
            ("Europe/Berlin", "2024-10-27", ("02:15", "02:45"), 60),
            ("Europe/Berlin", "2024-10-27", ("02:30", "03:30"), 90),
            # Chicago, Sun 2024-03-10, 02:00 -> 03:00, and Sun 2024-11-03, 02:00 -> 01:00.
            ("America/Chicago", "2024-03-10", ("02:00", "03:00"), 0),
            ("America/Chicago", "2024-03-10", ("00:00", "24:00"), 23 * 60),
            ("America/Chicago", "2024-11-03", ("01:00", "01:30"), 60),
            ("America/Chicago", "2024-11-03", ("00:00", "24:00"), 25 * 60),
            # Jerusalem, Fri 2024-03-29, 02:00 -> 03:00, and Sun 2024-10-27, 02:00 -> 01:00.
            ("Asia/Jerusalem", "2024-03-29", ("01:30", "03:30"), 60),
            ("Asia/Jerusalem", "2024-10-27", ("00:30", "01:30"), 90),
            # Lord Howe moves by half an hour: Sun 2024-04-07, 02:00 -> 01:30.
            ("Australia/Lord_Howe", "2024-04-07", ("01:00", "02:30"), 120),
            # Samoa had no 30 December 2011: it went over the date line.
            ("Pacific/Apia", "2011-12-30", ("00:00", "24:00"), 0),
            ("Pacific/Apia", "2011-12-31", ("09:00", "17:00"), 480),
        ],
    )
    def test_hours_of_an_odd_night(self, zone, on, span, expected):
        assert self.day_minutes(zone, on, span) == expected

    def test_both_halves_of_a_repeated_half_hour(self):
        "Chicago 2024-11-03: 01:00-01:30 is 06:00-06:30 UTC and again 07:00-07:30 UTC."
        frame = open_spans(
            self.nights("America/Chicago", ("01:00", "01:30")), date(2024, 11, 3), date(2024, 11, 3)
        )
        assert frame["opens_at"].tolist() == [*pd.to_datetime(at("2024-11-03T06", "2024-11-03T07"))]
        assert (frame["open_ms"] == 1_800_000).all()

    def test_a_day_through_the_gap_is_one_span(self):
        "Berlin 2024-03-31 is 2024-03-30 23:00 to 2024-03-31 22:00 UTC, 23 hours in one piece."
        frame = open_spans(always_open("Europe/Berlin"), date(2024, 3, 31), date(2024, 3, 31))
        assert len(frame) == 1 and frame["open_ms"][0] == 23 * 3_600_000
        assert frame["opens_at"][0] == pd.Timestamp("2024-03-30T23:00")

    def test_wall_clock(self):
        "00:30 and 01:30 UTC are both 02:30 in Berlin on 2024-10-27."
        wall = local_time(at("2024-10-27T00:30", "2024-10-27T01:30"), "Europe/Berlin")
        assert (wall == np.datetime64("2024-10-27T02:30")).all()

    def test_local_days(self):
        times = at(
            "2024-03-28T21:59:59.999999", "2024-03-28T22:00", "NaT", "1970-01-01", "2100-12-31"
        )
        expected = day("2024-03-28", "2024-03-29", "NaT", "1970-01-01", "2100-12-31")
        assert np.array_equal(local_date(times, "Asia/Jerusalem"), expected, equal_nan=True)

    def test_a_summer_of_the_seventies(self):
        "Germany had no summer time in 1979 and has it from 6 April 1980."
        times = at("1979-07-01T12:00", "1980-04-06T00:59:59", "1980-04-06T01:00")
        wall = local_time(times, "Europe/Berlin")
        assert wall.astype("datetime64[s]").astype(str).tolist() == [
            "1979-07-01T13:00:00",
            "1980-04-06T01:59:59",
            "1980-04-06T03:00:00",
        ]


class TestMilliseconds:
    office = business_week("UTC", open="09:00", close="17:00")

    def test_the_edges_of_a_day(self):
        "Mon 2024-01-08: 1 ms before opening to 1 ms after; the same at closing; the first and last."
        start = at("2024-01-08T08:59:59.999", "2024-01-08T16:59:59.999", "2024-01-08T09:00")
        end = at("2024-01-08T09:00:00.001", "2024-01-08T17:00:00.001", "2024-01-08T09:00:00.001")
        assert business_ms(start, end, self.office).tolist() == [1, 1, 1]

    def test_microseconds_are_floored_on_both_sides(self):
        "0.9 ms is no millisecond; 0.9 to 1.1 ms is one; so touching intervals still add up."
        t = at("2024-01-08T10:00", "2024-01-08T10:00:00.000900", "2024-01-08T10:00:00.001100")
        assert business_ms(t[:2], t[1:], self.office).tolist() == [0, 1]
        assert business_ms(t[:1], t[2:], self.office).tolist() == [1]

    def test_hours_with_seconds(self):
        odd = business_week("UTC", open="09:00:30", close="09:00:45")
        assert minutes("2024-01-08", "2024-01-13", odd) == 5 * 15 / 60

    def test_a_hundred_years(self):
        "1980-01-01 to 2080-01-01: 36,525 days of 86,400,000 ms."
        found = business_ms(at("1980-01-01"), at("2080-01-01"), always_open("Europe/Berlin"))
        assert found[0] == 36_525 * 86_400_000

    def test_any_unit_and_pandas_too(self):
        start, end = at("2024-01-08T09:00"), at("2024-01-08T10:00")
        for unit in ("s", "ms", "us", "ns"):
            frame = pd.DataFrame({"a": start.astype(f"M8[{unit}]"), "b": end.astype(f"M8[{unit}]")})
            assert business_ms(frame["a"], frame["b"], self.office)[0] == 3_600_000

    def test_missing_times_are_null(self):
        start = at("NaT", "2024-01-08T09:00", "NaT", "2024-01-08T09:00")
        end = at("2024-01-08T09:00", "NaT", "NaT", "2024-01-08T09:00")
        found = business_ms(start, end, self.office)
        assert found.isna().tolist() == [True, True, True, False] and found[3] == 0
        assert business_ms(at("NaT"), at("NaT"), self.office).isna().all()
        assert len(business_ms(at(), at(), self.office)) == 0
        assert found.dtype == "Int64"


class TestHolidaysAndWeekends:
    def test_israel(self):
        """October 2024: 31 days less 4 Fridays, 4 Saturdays.

        Rosh Hashanah Thu 3, Fri 4; Yom Kippur Sat 12; Sukkot Thu 17; Simchat Torah Thu 24.
        23 days from Sunday to Thursday, less three Thursdays: 20 days of 8 hours.
        """
        bank = business_week("Asia/Jerusalem", "sun-thu", country="IL")
        found = is_working_day(np.arange("2024-10-01", "2024-11-01", dtype="M8[D]"), bank)
        assert found.sum() == 20 and bank.weekend == (4, 5) and bank.week_start == 6
        assert minutes("2024-09-30T21:00", "2024-10-31T22:00", bank) == 20 * 480

    def test_china(self):
        """The State Council's notice for 2024: Spring Festival 10 to 17 February off, work on
        Sunday 4 and Sunday 18 February.

        February has 21 weekdays (Thu 1 to Thu 29); 12 to 16 are off, 4 and 18 worked: 18 days.
        """
        office = business_week("Asia/Shanghai", country="CN")
        february = np.arange("2024-02-01", "2024-03-01", dtype="M8[D]")
        works = is_working_day(february, office)
        assert works.sum() == 18
        assert february[np.asarray(works, bool) & (office_weekday(february) > 4)].tolist() == [
            date(2024, 2, 4),
            date(2024, 2, 18),
        ]
        assert minutes("2024-01-31T16:00", "2024-02-29T16:00", office) == 18 * 480

    def test_chinese_new_year_moves(self):
        "22 January 2023 (Sunday), 10 February 2024, 29 January 2025 (Wednesday)."
        every_day = business_week("Asia/Shanghai", "mon-sun", country="CN")
        new_years = day("2023-01-22", "2024-02-10", "2025-01-29")
        assert not is_working_day(new_years, every_day).any()
        assert is_working_day(new_years[:2] + 366, every_day).all()

    def test_eid_moves(self):
        "Eid al-Fitr in Saudi Arabia: Friday 21 April 2023, Wednesday 10 April 2024."
        every_day = business_week("Asia/Riyadh", "mon-sun", country="SA")
        found = is_working_day(
            day("2023-04-21", "2024-04-10", "2024-04-21", "2023-04-10"), every_day
        )
        assert found.tolist() == [False, False, True, True]

    def test_a_holiday_of_one_state(self):
        "Corpus Christi, Thursday 30 May 2024: off in Bavaria, worked in Berlin."
        bavaria, berlin = (
            business_week("Europe/Berlin", country="DE", subdivision=state)
            for state in ("BY", "BE")
        )
        assert is_working_day(day("2024-05-30"), bavaria).tolist() == [False]
        assert is_working_day(day("2024-05-30"), berlin).tolist() == [True]

    def test_which_rule_wins(self):
        """Mon to Thu eight hours, Fri four. Special hours beat a make-up day beats a holiday.

        Sat 6 works as a Friday (4 h); Mon 8 is a holiday but made up as a Friday (4 h); Tue 9 a
        holiday with special hours (1 h); Wed 10 closed by special hours; Thu 11 a holiday.
        """
        usual, friday = (("09:00", "17:00"),), (("08:00", "12:00"),)
        site = Calendar(
            "site",
            "UTC",
            (*(usual,) * 4, friday, (), ()),
            holidays=tuple(date(2024, 1, d) for d in (8, 9, 11)),
            makeup_days=((date(2024, 1, 6), 4), (date(2024, 1, 8), 4), (date(2024, 1, 10), 0)),
            special_hours=((date(2024, 1, 10), ()), (date(2024, 1, 9), (("10:00", "11:00"),))),
        )
        days = np.arange("2024-01-05", "2024-01-13", dtype="M8[D]")
        open_h = business_ms(days.astype("M8[ms]"), (days + 1).astype("M8[ms]"), site) / 3_600_000
        assert open_h.tolist() == [4, 4, 0, 4, 1, 0, 0, 4]
        assert is_working_day(days, site).tolist() == [h > 0 for h in open_h]

    def test_a_made_up_sunday_keeps_a_site_that_works_on_sundays(self):
        "Sunday 4 February 2024 is a working day in China; who works 4 hours on Sundays stays at 4."
        hours = (*((("09:00", "17:00"),),) * 5, (), (("10:00", "14:00"),))
        shop = Calendar("shop", "UTC", hours, country="CN")
        assert minutes("2024-02-04", "2024-02-05", shop) == 240

    def test_missing_days(self):
        found = is_working_day(day("NaT", "2024-01-08"), business_week("UTC"))
        assert found[0] is pd.NA and found[1]


def office_weekday(days: np.ndarray) -> np.ndarray:
    return pd.DatetimeIndex(days).day_of_week.to_numpy()


class TestMinutesOfTheWeek:
    def test_over_midnight_and_over_the_end_of_the_week(self):
        "Saturday 12:00 to Sunday 02:00 are the minutes 9360 to 10200; Sunday's part comes first."
        one = weekly_minutes("UTC", [(9360, 10200)])
        assert one.hours[5] == (("12:00", "24:00"),) and one.hours[6] == (("00:00", "02:00"),)
        assert minutes("2024-01-06", "2024-01-08", one) == 840

    def test_the_whole_week_in_one_span(self):
        assert weekly_minutes("UTC", [(0, 10080)]).hours == always_open().hours

    def test_in_a_zone(self):
        "Monday 09:00 (minute 1980) in Chicago is 15:00 UTC in January, 14:00 in July."
        site = weekly_minutes("America/Chicago", [(1980, 2460)])
        assert minutes("2024-01-08T14:00", "2024-01-08T15:30", site) == 30
        assert minutes("2024-07-08T13:00", "2024-07-08T14:30", site) == 30


class TestNextClose:
    site = Calendar(
        "site", "Europe/Berlin", (*((("09:00", "12:00"), ("13:00", "17:00")),) * 5, (), ())
    )

    @pytest.mark.parametrize(
        ("asked", "due"),
        [
            ("2024-01-08T06:00", "2024-01-08T16:00"),  # before opening
            ("2024-01-08T11:30", "2024-01-08T16:00"),  # a lunch break closes no business
            ("2024-01-08T15:59:59.999", "2024-01-08T16:00"),
            ("2024-01-08T16:00", "2024-01-09T16:00"),  # at the close: the next one
            ("2024-01-12T16:00", "2024-01-15T16:00"),  # over the weekend
            ("2024-12-31T23:00", "2025-01-01T16:00"),  # over the year
            ("2024-03-29T20:00", "2024-04-01T15:00"),  # over the change of the clocks
        ],
    )
    def test_of_an_office(self, asked, due):
        assert next_close_of_business(at(asked), self.site)[0] == np.datetime64(due)

    def test_a_site_that_never_closes_ends_its_day_at_midnight(self):
        found = next_close_of_business(
            at("2024-01-08T12:00", "2024-01-08T23:00"), always_open("Europe/Berlin")
        )
        assert found.tolist() == at("2024-01-08T23:00", "2024-01-09T23:00").tolist()

    def test_none_is_left(self):
        once = Calendar(
            "once", "UTC", ((),) * 7, special_hours=((date(2024, 1, 8), (("09:00", "10:00"),)),)
        )
        found = next_close_of_business(at("2024-01-08T09:30", "2024-01-08T10:00", "NaT"), once)
        assert found[0] == np.datetime64("2024-01-08T10:00") and np.isnat(found[1:]).all()

    def test_at_the_last_moment_that_is_known(self):
        found = next_close_of_business(at("2100-12-31T23:59"), business_week("UTC", country="IL"))
        assert found[0] == np.datetime64("2101-01-03T17:00")


class TestWeeksAndPeriods:
    def test_week_of(self):
        "2024-03-31 is a Sunday."
        sunday = day("2024-03-31")
        firsts = [week_of(sunday, start)[0].item().isoformat() for start in range(7)]
        assert firsts == [f"2024-03-{d}" for d in (25, 26, 27, 28, 29, 30, 31)]
        assert np.isnat(week_of(day("NaT"))[0])

    @pytest.mark.parametrize(
        ("first", "last", "weeks"),
        [
            # The National Retail Federation's 4-5-4 calendars; 2012, 2017 and 2023 have 53 weeks.
            ("2012-01-29", "2013-02-02", 53),
            ("2016-01-31", "2017-01-28", 52),
            ("2017-01-29", "2018-02-03", 53),
            ("2022-01-30", "2023-01-28", 52),
            ("2023-01-29", "2024-02-03", 53),
            ("2024-02-04", "2025-02-01", 52),
            ("2025-02-02", "2026-01-31", 52),
        ],
    )
    def test_american_retail(self, first, last, weeks):
        rule = FiscalYear("4-5-4", date(2024, 2, 4), earliest="01-29")
        frame = fiscal_period(day(first, last), business_week("UTC", fiscal=rule))
        assert frame["fiscal_year"].tolist() == [int(first[:4])] * 2
        assert frame["week"].tolist() == [1, weeks] and frame["period"].tolist() == [1, 12]
        assert frame["period_end_on"][1] == pd.Timestamp(last)

    def test_iso_weeks_are_a_fiscal_calendar(self):
        "The first Monday on or after 29 December: the rule of ISO 8601, as Python has it."
        rule = FiscalYear("4-4-5", date(2024, 1, 1), earliest="12-29")
        days = np.arange("1995-01-01", "2035-01-01", dtype="M8[D]")
        frame = fiscal_period(days, business_week("UTC", fiscal=rule))
        iso = pd.DatetimeIndex(days).isocalendar()
        assert frame["fiscal_year"].tolist() == iso["year"].tolist()
        assert frame["week"].tolist() == iso["week"].tolist()

    def test_a_year_that_ends_on_the_last_saturday_of_july(self):
        "Cisco's fiscal 2024 ran from 30 July 2023 to 27 July 2024; 2022 ended on 30 July 2022."
        rule = FiscalYear("4-4-5", date(2023, 7, 30), 2024, earliest="07-26")
        frame = fiscal_period(
            day("2023-07-29", "2023-07-30", "2024-07-27", "2024-07-28", "2022-07-30"),
            business_week("UTC", fiscal=rule),
        )
        assert frame["fiscal_year"].tolist() == [2023, 2024, 2024, 2025, 2022]

    def test_four_four_five(self):
        """A year of 52 weeks from Monday 1 January 2024: periods of 28, 28 and 35 days.

        Period 3 begins on day 56 (26 February) and ends on day 90 (31 March), the last of Q1.
        """
        rule = FiscalYear("4-4-5", date(2024, 1, 1), earliest="12-29")
        year = np.arange("2024-01-01", "2024-12-30", dtype="M8[D]")
        frame = fiscal_period(year, business_week("UTC", fiscal=rule))
        assert frame.groupby("period").size().tolist() == [28, 28, 35] * 4
        assert frame.groupby("quarter").size().tolist() == [91] * 4
        third = frame[frame["period"] == 3].iloc[0]
        assert third["period_start_on"] == pd.Timestamp("2024-02-26")
        assert third["period_end_on"] == pd.Timestamp("2024-03-31")

    def test_nearest_to_the_anniversary_without_a_rule(self):
        "From Sunday 1 September 2024: the Sundays nearest to it, 3 September 2023, 31 August 2025."
        rule = FiscalYear("4-4-5", date(2024, 9, 1))
        frame = fiscal_period(day("2023-09-03", "2025-08-31"), business_week("UTC", fiscal=rule))
        assert frame["week"].tolist() == [1, 1] and frame["fiscal_year"].tolist() == [2023, 2025]

    def test_months_from_april(self):
        "India's fiscal year 2025 runs from April 2024 to March 2025."
        rule = FiscalYear("months", date(2024, 4, 1), 2025)
        frame = fiscal_period(
            day("2024-03-31", "2024-04-01", "NaT", "2025-02-28"), business_week("UTC", fiscal=rule)
        )
        assert frame["fiscal_year"].tolist() == [2024, 2025, pd.NA, 2025]
        assert frame["period"].tolist() == [12, 1, pd.NA, 11]
        assert frame["quarter"].tolist() == [4, 1, pd.NA, 4]
        assert frame["week"].isna().all()
        assert frame["period_end_on"][3] == pd.Timestamp("2025-02-28")


class TestRefused:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"zone": "Asia/Jerusalm"}, "did you mean 'Asia/Jerusalem'"),
            ({"open": "17:00", "close": "09:00"}, "opens 17:00, closes 09:00"),
            ({"open": "09:00", "close": "09:00"}, "opens 09:00, closes 09:00"),
            ({"open": "9:00"}, "'9:00'"),
            ({"open": "09:61"}, "'09:61'"),
            ({"close": "24:01"}, "'24:01'"),
            ({"open": None}, "None"),
            ({"country": "XX"}, "unknown country 'XX'"),
            ({"country": "Isreal"}, "two letters"),
            ({"subdivision": "BY"}, "unknown country ''"),
            ({"country": "DE", "subdivision": "XY"}, "unknown subdivision of DE 'XY'"),
            ({"days": "sun-thr"}, "did you mean 'thu'"),
            ({"week_start": 7}, "week_start = 7"),
            ({"holidays": ["2024-01-01"]}, "'2024-01-01'"),
            ({"holidays": [pd.Timestamp("2024-01-01")]}, "without a time"),
            ({"makeup_days": [(date(2024, 1, 6), 6)]}, "weekday 6"),
            ({"makeup_days": [(date(2024, 1, 6), 0), (date(2024, 1, 6), 1)]}, "a date twice"),
            ({"special_hours": [(date(2024, 1, 6), [("12:00", "09:00")])]}, "2024-01-06: opens"),
        ],
    )
    def test_a_calendar_that_cannot_be(self, settings, said):
        with pytest.raises((BadSettings, UnknownName), match=said):
            business_week(**{"zone": "UTC"} | settings)

    def test_overlapping_spans(self):
        with pytest.raises(BadSettings, match="tuesday: 09:00–13:00 and 12:00–17:00 overlap"):
            Calendar("x", "UTC", ((), (("12:00", "17:00"), ("09:00", "13:00")), (), (), (), (), ()))
        with pytest.raises(BadSettings, match="overlap"):
            weekly_minutes("UTC", [(9360, 10200), (60, 180)])

    def test_six_weekdays(self):
        with pytest.raises(BadSettings, match="hours of 6 weekdays"):
            Calendar("x", "UTC", ((),) * 6)

    @pytest.mark.parametrize("span", [(-1, 60), (60, 60), (120, 60), (10080, 10140), (0, 10081)])
    def test_minutes_outside_the_week(self, span):
        with pytest.raises(BadSettings, match="minutes"):
            weekly_minutes("UTC", [span])

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            (("4-5-5",), "unknown fiscal pattern '4-5-5'"),
            (("months", date(2024, 4, 2)), "the first of a month"),
            (("months", date(2024, 4, 1), None, "04-01"), "no earliest"),
            (("4-4-5", date(2023, 2, 12), None, "01-29"), "within seven days"),
            (("4-4-5", date(2023, 2, 26), None, "02-29"), "a day of every year"),
            (("4-4-5", "2023-01-29"), "'2023-01-29'"),
        ],
    )
    def test_a_fiscal_year_that_cannot_be(self, rule, said):
        with pytest.raises((BadSettings, UnknownName), match=said):
            FiscalYear(*rule)

    def test_a_negative_interval(self):
        start = at("2024-01-08", "2024-01-09", "2024-01-09")
        end = at("2024-01-09", "2024-01-08", "2024-01-08")
        with pytest.raises(BadInput, match="2 intervals end before they start, first row 1"):
            business_ms(start, end, always_open())

    def test_lengths_that_differ(self):
        with pytest.raises(BadInput, match="1 starts and 2 ends"):
            business_ms(at("2024-01-08"), at("2024-01-08", "2024-01-09"), always_open())

    @pytest.mark.parametrize("far", ["9999-12-31", "1969-12-31", "2101-01-01", "0001-01-01"])
    def test_placeholders_for_times(self, far):
        for call in (
            lambda t: business_ms(t, t, always_open()),
            lambda t: local_date(t, "UTC"),
            lambda t: week_of(t),
            lambda t: fiscal_period(t, always_open()),
            lambda t: is_working_day(t, always_open()),
            lambda t: next_close_of_business(t, always_open()),
        ):
            with pytest.raises(BadInput, match=rf"1 times such as {far}"):
                call(at("2024-01-08", far))

    def test_times_where_days_are_asked_for(self):
        for call in (
            lambda t: week_of(t),
            lambda t: fiscal_period(t, always_open()),
            lambda t: is_working_day(t, always_open()),
        ):
            with pytest.raises(
                BadInput, match="1 times of the day such as 2024-01-08T00:00:00.001"
            ):
                call(at("2024-01-08", "2024-01-08T00:00:00.001", "NaT"))

    def test_times_with_a_zone_and_text(self):
        aware = pd.Series(pd.to_datetime(["2024-01-08"]).tz_localize("Europe/Berlin"))
        for wrong in (aware, pd.DatetimeIndex(aware), ["2024-01-08"], [1704672000]):
            with pytest.raises(BadInput, match="naive datetime64 in UTC"):
                local_date(wrong, "UTC")

    def test_a_week_that_starts_nowhere(self):
        with pytest.raises(BadSettings, match="week_start = 8"):
            week_of(day("2024-01-08"), 8)


class TestSameMeaning:
    def test_order_and_spelling_do_not_matter(self):
        a = business_week("UTC", holidays=[date(2024, 5, 1), date(2024, 1, 1)], open="09:00:00")
        b = business_week("UTC", holidays=(date(2024, 1, 1), date(2024, 5, 1), date(2024, 1, 1)))
        assert a == b and hash(a) == hash(b)
        assert a != business_week("UTC", holidays=[date(2024, 5, 1)])

    def test_days_by_name(self):
        assert business_week("UTC", "sat-wed").weekend == (3, 4)
        assert business_week("UTC", "Monday, wed").weekend == (1, 3, 4, 5, 6)

    def test_it_says_which(self):
        bank = business_week("Asia/Jerusalem", "sun-thu", country="IL", name="bank")
        assert str(bank) == (
            "bank: Sun, Mon, Tue, Wed, Thu 09:00–17:00 (Asia/Jerusalem), weekend Fri, Sat, "
            "holidays IL, week from Sun, fiscal months from 2024-01-01"
        )
