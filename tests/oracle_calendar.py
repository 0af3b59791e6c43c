"""A slow calendar, written from the words alone.

An instant is open when the clock on the site's wall shows an opening hour of that day. A day has
the hours of its own date if some were set for it; else those of the weekday it makes up for; else
none on a holiday; else those of its weekday. Business time is how many ticks of the clock were
open. Nothing here is shared with the library: no spans, no offsets, no sorting, no numpy.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MIDNIGHT = 24 * 3600


@dataclass
class Words:
    zone: str
    hours: dict[int, list[tuple[int, int]]]  # weekday (Monday 0) -> seconds since local midnight
    holidays: set[date] = field(default_factory=set)
    makeup: dict[date, int] = field(default_factory=dict)  # date -> weekday whose hours it has
    special: dict[date, list[tuple[int, int]]] = field(default_factory=dict)

    def hours_on(self, day: date) -> list[tuple[int, int]]:
        if day in self.special:
            return self.special[day]
        if day in self.makeup:
            return self.hours.get(self.makeup[day], [])
        if day in self.holidays:
            return []
        return self.hours.get(day.weekday(), [])

    def wall(self, at: datetime) -> datetime:
        return at.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone))

    def is_open(self, at: datetime) -> bool:
        clock = self.wall(at)
        second = clock.hour * 3600 + clock.minute * 60 + clock.second
        return any(opens <= second < closes for opens, closes in self.hours_on(clock.date()))


def ticks(start: datetime, end: datetime, step_ms: int) -> Iterator[datetime]:
    at = start
    while at < end:
        yield at
        at += timedelta(milliseconds=step_ms)


def business_ms(words: Words, start: datetime, end: datetime, step_ms: int = 1000) -> int:
    """Count the open ticks; exact when both ends and all hours are multiples of the step."""
    return step_ms * sum(words.is_open(at) for at in ticks(start, end, step_ms))


def next_close(words: Words, start: datetime, step_ms: int = 60_000) -> datetime:
    """Go forward to the first moment, later than the start, after the last open tick of its day."""
    at = start
    while True:
        if words.is_open(at):
            today, later = words.wall(at).date(), at + timedelta(milliseconds=step_ms)
            closing = later
            while words.wall(later).date() == today:
                later += timedelta(milliseconds=step_ms)
                if words.is_open(later - timedelta(milliseconds=step_ms)) and (
                    words.wall(later - timedelta(milliseconds=step_ms)).date() == today
                ):
                    closing = later
            return closing
        at += timedelta(milliseconds=step_ms)


def week_of(day: date, week_start: int) -> date:
    while day.weekday() != week_start:
        day -= timedelta(days=1)
    return day


def fiscal_years(first_possible: tuple[int, int], weekday: int, years: range) -> list[date]:
    """The first such weekday on or after a month and day, of each calendar year."""
    starts = []
    for year in years:
        day = date(year, *first_possible)
        while day.weekday() != weekday:
            day += timedelta(days=1)
        starts.append(day)
    return starts


def fiscal_position(day: date, starts: list[date], weeks: tuple[int, ...]) -> tuple[int, int, int]:
    """Walk day by day from the year's start: (index of the year, period, week), from 1."""
    index = max(i for i, start in enumerate(starts) if start <= day)
    week, at = 1, starts[index]
    while at + timedelta(days=7) <= day:
        at, week = at + timedelta(days=7), week + 1
    period, left = 1, week
    while period < 12 and left > weeks[period - 1]:
        left, period = left - weeks[period - 1], period + 1
    return index, period, week
