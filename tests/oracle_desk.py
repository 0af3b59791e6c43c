"""Tickets, sales, retention and cost again, from the words of their definitions.

    f(tables, first, last, where=None, **conventions) -> float | None

`tables` are pandas frames as an opened workspace holds them; first and last are local days, both
included; where is {dimension: value} with None for a missing value. Every function also takes
`as_of` (the last day that is known; default: the last day of the tables it reads) and `zone` (the
centre's; default: found from the local days that the tables carry). Where there is a business
clock, `calendars` and `calendar` are those of Settings; without them the centre is always open.
An unknown convention is a TypeError.

How the words were read where they leave a choice:

Time
- All instants are whole microseconds of UTC. What happened at the end of `as_of` or later does not
  exist. The end of a day is the midnight of the centre; a ticket exists from its site's day on.
- Events before the opening count as of the opening; events of an instant go by event_id.
- Pending cases are in neither side, also those whose answer is known already.

Dimensions
- A table that lacks a dimension as a column takes it from its contact, and where it has no contact
  customer_segment and language from `customers`. A null in an own column stays missing.
- The team of a ticket is its group and its agent the assignee, the last ones known; where every
  solve counts, those at the solve, and in a backlog those at the close. Priority and status are not
  asked for: they change.
- A customer of a plan (retention, nrr, grr) has a row of that plan when the period opens; what they
  do later counts with whatever plan.
- The centre's calendar is that of all tickets until a schedule event says otherwise.

Tickets
- fcr_one_touch servicenow: no reopen, never pending, at most one public reply; up to `as_of`.
- fcr_no_reopen: a reopening after the window is none, so a ticket solved again later still counts.
- first_level_resolution with denominator=created is a cohort: of the tickets created in the period,
  those that are solved now inside level 1.
- backlog_weekend: before counts on the last working day, after and growth on the last free day;
  weekends of which a needed day lies before the data or after `as_of` are left out. Free weekdays
  are those without hours in the centre's calendar; always open: Saturday and Sunday.
- first_response_time, sla_applied: from the first first_reply promise; tickets without one are out;
  the reply is the first at or after the start. A censored ticket in business hours is followed to
  the end of `as_of`, like any other.
- next_reply_time: automatic comments are not there. median: Kaplan-Meier, waiting turns censored at
  the end of `as_of`, on a ticket solved now at its last solve (not before the turn began).
- requester_wait_time and its like: solved tickets are those solved at `as_of`.
- tickets_resolved: the owner is the last assignee up to `as_of`; where every solve counts, the last
  one up to that solve. Team and site are those of the ticket, whoever gets the credit.

Sales
- sales_total measure=margin: an order has kept its margin in the part of its value that it has kept.
- conversion_rate: an outcome that is not recorded is open. Qualified unknown is not qualified.

Retention
- Activity: an order at most horizon_d before the instant; two orders further apart are a gap.
- What happens at an instant is in the state at that instant: started_at <= t < ended_at.
- A lost customer's reason is that of their row that ended last by the end of the period.
- A period is cut at `as_of` only where one is given.
- Subscriptions may begin after the last contact: save_rate knows what the contacts reach to.
- nrr, grr: a customer with a row of unknown revenue at either end is in neither side. Who left and
  came back pays nothing at the end with reactivation=drop.
- profit_growth: whole months are compared with as many months before, other periods with as many
  days. A present period without a figure has no value either, nor has growth from nothing or less.
- acq_to_retention_cost: without a booking to win or to keep in the period there is no value. A year
  has 365.25 days.

Cost
- A cost centre is a site if `sites` lists it; without that table, if a contact is of it.
- Costs of days that the data do not cover, before the first contact (ticket) or after the last, are
  not there.
- handled_time: a centre that is no site is borne by all contacts of the day. All handled contacts,
  in- and outbound, take part. Cost of a day and site without handled time stays in the whole, and at
  its site; otherwise it has no dimension.
- cost_per_resolution: with same_reason, contacts without a reason are in no chain. cohort: the cost
  that the contacts of the closed chains bear, on whatever day.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pandas as pd

US_S, US_MIN, US_H, US_DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86_400 * 10**6
OPEN, SOLVED = ("new", "open", "pending", "hold"), ("solved", "closed")
EVENTS = {
    "contacts": "started", "tickets": "created", "ticket_events": "at", "orders": "at",
    "leads": "at", "checkout_sessions": "started", "subscriptions": "started",
}  # fmt: skip
COLUMNS = {"queue": "queue_id", "agent": "agent_id", "reason": "reason_code"}
DIMENSIONS = (
    "channel", "platform", "direction", "queue", "team", "agent", "site", "reason", "product",
    "customer_segment", "language", "plan",
)  # fmt: skip
LABOUR = ("salary", "overtime", "benefits", "contractor", "training", "recruiting", "travel")
SCOPES = {
    "labour": LABOUR,
    "building": ("facilities",),
    "ticket_system": ("ticket_system", "licences"),
    "utilities": ("utilities", "telecom"),
}
MONTH_D = 30.4375


# --- plain values --------------------------------------------------------------------------------


def plain(value):
    """None for every kind of nothing."""
    return None if value is None or value is pd.NaT or value is pd.NA or value != value else value


def values(frame, name):
    """A column as a list, None where it or the value is not there."""
    if name not in frame:
        return [None] * len(frame)
    return [plain(v) for v in frame[name].astype(object)]


def instants(frame, name):
    """Microseconds since 1970 in UTC."""
    if name not in frame:
        return [None] * len(frame)
    column = pd.to_datetime(frame[name]).astype("datetime64[us]")
    return [
        None if gone else at for at, gone in zip(column.astype("int64"), column.isna(), strict=True)
    ]


def days(frame, name):
    """Local days as dates."""
    if name not in frame:
        return [None] * len(frame)
    return [None if pd.isna(d) else d.date() for d in pd.to_datetime(frame[name])]


def true(frame, name):
    """A list of bool; unknown is False."""
    return [bool(v) if v is not None else False for v in values(frame, name)]


def as_day(day):
    return pd.Timestamp(day).date()


def share(part, whole):
    return 100 * part / whole if whole else None


def ratio(part, whole):
    return part / whole if whole else None


def check(name, value, *allowed):
    """A value of a convention that is not one of its words is an error."""
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, not one of {allowed}")


# --- days ----------------------------------------------------------------------------------------


def micros(moment):
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def opens_at(day, zone):
    """The instant of a local midnight."""
    return micros(datetime.combine(day, time(0), tzinfo=ZoneInfo(zone)))


def closes_at(day, zone):
    return opens_at(day + timedelta(days=1), zone)


def local_day(at, zone):
    seconds, rest = divmod(at, US_S)
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest)
    return moment.astimezone(ZoneInfo(zone)).date()


def fits(zone, frame, at, on, half):
    """Do these local days and half-hours belong to that zone?"""
    local = pd.to_datetime(frame[at]).dt.tz_localize("UTC").dt.tz_convert(zone)
    same = local.dt.tz_localize(None).dt.normalize() == pd.to_datetime(frame[on])
    return bool((same & (local.dt.hour * 2 + local.dt.minute // 30 == frame[half])).all())


def zone_of(tables):
    """The centre's zone: the first in which the days of a table without sites come out right."""
    sites = [] if "sites" not in tables else list(dict.fromkeys(values(tables["sites"], "zone")))
    for name, stem in EVENTS.items():
        frame = tables.get(name)
        if frame is None or frame.empty:
            continue
        report = f"{stem}_report_on" in frame
        on, half = (f"{stem}{'_report' if report else ''}_{end}" for end in ("on", "half_hour"))
        if on not in frame or ("site" in frame and not report and sites):
            continue
        at = "at" if stem == "at" else f"{stem}_at"
        some = frame.iloc[:: max(1, len(frame) // 200)]
        for zone in ("UTC", *sites, *sorted(available_timezones())):
            if fits(zone, some, at, on, half):
                return zone
    return "UTC"


def data_days(tables, *names):
    """All days on which rows of these tables count."""
    found = []
    for name in names:
        on = f"{EVENTS[name]}_on"
        if name in tables and on in tables[name] and tables[name][on].notna().any():
            found += [day for day in days(tables[name], on) if day is not None]
    return found


def last_day(tables, *names):
    """The last day on which a row of these tables counts."""
    return max(data_days(tables, *names), default=None)


class Span(NamedTuple):
    """What was asked: first and last day, zone, last known day and its end."""

    first: date
    last: date
    zone: str
    as_of: date
    end: int

    def holds(self, day):
        return day is not None and self.first <= day <= self.last


def span_of(tables, first, last, as_of, zone, *names):
    """Settle zone and last known day from the tables that a KPI reads."""
    zone = zone or zone_of(tables)
    known = as_day(as_of) if as_of is not None else last_day(tables, *names) or as_day(last)
    return Span(as_day(first), as_day(last), zone, known, closes_at(known, zone))


# --- dimensions ----------------------------------------------------------------------------------


def contact_rows(tables, names):
    """{contact_id: {dimension: value}} of all contacts."""
    frame = tables["contacts"]
    columns = [values(frame, COLUMNS.get(name, name)) for name in names]
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return dict(zip(values(frame, "contact_id"), rows, strict=True))


def customer_rows(tables):
    """{customer_id: {customer_segment, language}}"""
    if "customers" not in tables:
        return {}
    frame = tables["customers"]
    parts = zip(values(frame, "segment"), values(frame, "language"), strict=True)
    rows = ({"customer_segment": s, "language": lang} for s, lang in parts)
    return dict(zip(values(frame, "customer_id"), rows, strict=True))


def dimension(tables, frame, name, contact_key="", own=True):
    """The values of one dimension, a row each: its own, its contact's, its customer's."""
    column = COLUMNS.get(name, name)
    if own and column in frame:
        return values(frame, column)
    if contact_key in frame and "contacts" in tables and name in DIMENSIONS:
        found = contact_rows(tables, [name])
        return [found.get(key, {}).get(name) for key in values(frame, contact_key)]
    if name in ("customer_segment", "language") and "customer_id" in frame:
        found = customer_rows(tables)
        return [found.get(key, {}).get(name) for key in values(frame, "customer_id")]
    raise ValueError(f"no dimension {name!r} here")


def chosen(tables, frame, where, contact_key="", own=True):
    """The rows that `where` asks for."""
    for name, wanted in (where or {}).items():
        mine = dimension(tables, frame, name, contact_key, own)
        frame = frame[[value == plain(wanted) for value in mine]]
    return frame


def covered(tables, span, *names):
    """The part of the period that these tables cover."""
    known = data_days(tables, *names) or [span.first, span.last]
    until = min(span.last, span.as_of, max(known))
    return span._replace(first=max(span.first, min(known)), last=until)


def in_period(frame, on, span):
    return frame[[span.holds(day) for day in days(frame, on)]]


# --- business time -------------------------------------------------------------------------------

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def hours_texts(calendar, weekday):
    """The opening hours of a weekday as the settings write them."""
    if calendar.get("always_open"):
        return ["00:00-24:00"]
    if WEEK[weekday] in calendar:
        said = calendar[WEEK[weekday]]
    else:
        said = calendar.get("hours", []) if weekday in named_days(calendar.get("days", "")) else []
    return [said] if isinstance(said, str) else list(said)


def named_days(text):
    """`monday-friday` and `mon,wed` as numbers."""
    found = set()
    for part in filter(None, text.split(",")):
        ends = [[w[:3] for w in WEEK].index(name.strip()[:3]) for name in part.split("-")]
        found |= {(ends[0] + i) % 7 for i in range((ends[-1] - ends[0]) % 7 + 1)}
    return found


def clock_at(day, text, zone):
    """The instant of a local time of a day; 24:00 is the next midnight."""
    hour, minute = (int(part) for part in text.split(":"))
    day, hour = (day + timedelta(days=1), 0) if hour == 24 else (day, hour)
    return micros(datetime.combine(day, time(hour, minute), tzinfo=ZoneInfo(zone)))


def open_us(calendar, start, end, zone):
    """How long it was open between two instants, day by day; without a calendar all the time."""
    if calendar is None:
        return end - start
    zone, total = calendar.get("zone", zone), 0
    day = local_day(start, zone) - timedelta(days=1)
    while day <= local_day(end, zone):
        closed = day in calendar.get("holidays", ())
        for text in [] if closed else hours_texts(calendar, day.weekday()):
            opens, closes = (clock_at(day, part.strip(), zone) for part in text.split("-"))
            total += max(0, min(end, closes) - max(start, opens))
        day += timedelta(days=1)
    return total


class Clock(NamedTuple):
    """Which time counts."""

    kind: str  # calendar or business
    calendars: dict
    calendar: str  # name of the centre's
    zone: str
    rule: str = "all"

    @property
    def usual(self):
        return self.calendars[self.calendar] if self.calendar else None

    def between(self, ticket, start, end):
        """Microseconds of a ticket's time from start to end; None where a schedule is unknown."""
        if self.kind == "calendar" or not self.calendars:
            return end - start
        pieces = schedules(ticket, self)
        if self.rule == "last":
            at = [name for since, name in pieces if since is None or since <= end][-1]
            return self.open_under(at, start, end)
        total = 0
        for i, (since, name) in enumerate(pieces):
            until = pieces[i + 1][0] if i + 1 < len(pieces) else end
            begins, ends = start if since is None else max(start, since), min(end, until)
            if begins < ends:
                part = self.open_under(name, begins, ends)
                if part is None:
                    return None
                total += part
        return total

    def open_under(self, name, start, end):
        """Under the schedule of that name; "" is the centre's."""
        if name is None:
            return None
        return open_us(self.calendars[name] if name else self.usual, start, end, self.zone)


def schedules(ticket, clock):
    """[(since, name)] of a ticket; since None: from the beginning."""
    events = [e for e in ticket.log if e.kind == "schedule"]
    begins = events[0].before if events and events[0].before is not None else ""
    return [(None, begins), *((e.at, e.after) for e in events)]


# --- the life of a ticket ------------------------------------------------------------------------


class Event(NamedTuple):
    at: int
    on: date
    kind: str
    before: str | None
    after: str | None
    actor: str | None
    auto: bool


class Ticket(NamedTuple):
    ticket_id: str
    created: int
    created_on: date
    by_agent: bool
    channel: str | None
    dims: dict
    log: list


def real(frame):
    """Without spam, deleted and merged tickets."""
    out = [s or d for s, d in zip(true(frame, "spam"), true(frame, "deleted"), strict=True)]
    merged = [m is not None for m in values(frame, "merged_into")]
    return frame[[not (o or m) for o, m in zip(out, merged, strict=True)]]


def logs(tables, span):
    """{ticket_id: events known at the end, in order}"""
    out = {}
    if "ticket_events" not in tables:
        return out
    frame = tables["ticket_events"].sort_values(["ticket_id", "at", "event_id"], kind="stable")
    names = ("ticket_id", "kind", "from_value", "to_value", "actor_id")
    columns = [values(frame, name) for name in names]
    times = [instants(frame, "at"), days(frame, "at_on"), true(frame, "is_automatic")]
    for key, kind, before, after, actor, at, on, auto in zip(*columns, *times, strict=True):
        if at < span.end:
            out.setdefault(key, []).append(Event(at, on, kind, before, after, actor, auto))
    return out


def lives(tables, span, where=None):
    """The real tickets that are there at the end, each with its history."""
    where = dict(where or {})
    held = {HELD[name]: plain(where.pop(name)) for name in HELD if name in where}
    frame = chosen(tables, real(tables["tickets"]), where, "contact_id")
    history, out = logs(tables, span), []
    columns = [values(frame, n) for n in ("ticket_id", "created_by_role", "channel", "site")]
    times = [instants(frame, "created_at"), days(frame, "created_on")]
    for key, role, channel, site, created, on in zip(*columns, *times, strict=True):
        if on <= span.as_of:
            log = [from_opening(e, created, span.zone) for e in history.get(key, [])]
            out.append(Ticket(key, created, on, role == "agent", channel, {"site": site}, log))
    return [t for t in out if all(held_at(t, kind) == who for kind, who in held.items())]


HELD = {"team": "group", "agent": "assignee"}


def held_at(ticket, kind, at=None):
    """Whose a ticket is by the last word on it, or by the last one up to an instant."""
    said = [e.after for e in ticket.log if e.kind == kind and (at is None or e.at <= at)]
    return said[-1] if said else None


def from_opening(event, created, zone):
    """What was written down before the opening counts as of it."""
    if event.at >= created:
        return event
    return event._replace(at=created, on=local_day(created, zone))


def steps(ticket):
    """(event, status before, status after)"""
    out, before = [], "new"
    for event in ticket.log:
        if event.kind == "status" and event.after is not None:
            out.append((event, before, event.after))
            before = event.after
    return out


def status_at(ticket, end):
    """The status after all that happened before an instant."""
    known = [after for event, _, after in steps(ticket) if event.at < end]
    return known[-1] if known else "new"


def solves(ticket):
    return [e for e, before, after in steps(ticket) if before in OPEN and after in SOLVED]


def reopens(ticket):
    return [e for e, before, after in steps(ticket) if before in SOLVED and after in OPEN]


def last_solve(ticket):
    """None where the ticket was never solved or is open again."""
    said = steps(ticket)
    return solves(ticket)[-1] if said and said[-1][2] in SOLVED else None


def solved_in(tickets, span):
    """Those solved now whose last solve lies in the period."""
    return [t for t in tickets if last_solve(t) and span.holds(last_solve(t).on)]


def created_in(tickets, span):
    return [t for t in tickets if span.holds(t.created_on)]


def stations(ticket, kind):
    """How many times the ticket came to somebody: runs of one person or group, nulls left out."""
    events = [e for e in ticket.log if e.kind == kind]
    passed = [events[0].before] if events else []
    passed = [v for v in [*passed, *(e.after for e in events)] if v is not None]
    return sum(1 for i, v in enumerate(passed) if i == 0 or passed[i - 1] != v)


def replies(ticket, count_auto=False):
    """Public comments of agents."""
    said = [e for e in ticket.log if e.kind == "comment_public_agent"]
    return [e for e in said if count_auto or not e.auto]


def desk(tables, first, last, where, as_of, zone):
    """What was asked, and the tickets."""
    span = span_of(tables, first, last, as_of, zone, "tickets", "ticket_events")
    return span, lives(tables, span, where)


# --- durations -----------------------------------------------------------------------------------


def kaplan_meier(times, p):
    """The smallest t by which a share p has ended; times are (length, has it ended)."""
    alive, at_risk, here = 1.0, len(times), {}
    for length, ended in times:
        here.setdefault(length, []).append(ended)
    for length in sorted(here):
        alive *= 1 - sum(here[length]) / at_risk
        if any(here[length]) and alive <= 1 - p + 1e-9:
            return length
        at_risk -= len(here[length])
    return None


def summary(times, stat):
    """Median, p90 (both with what still runs) or mean (of what has ended), in minutes."""
    check("stat", stat, "median", "p90", "mean")
    if stat == "mean":
        done = [t for t, ended in times if ended]
        return ratio(sum(done) / US_MIN, len(done))
    found = kaplan_meier(times, {"median": 0.5, "p90": 0.9}[stat])
    return None if found is None else found / US_MIN


# --- solved at the first touch -------------------------------------------------------------------


def is_one_touch(ticket, rule):
    said = len(replies(ticket))
    if rule == "fivetran":
        return said == 1
    if rule == "zendesk":
        return said < 2
    if rule == "freshservice":
        later = [e for e in ticket.log if e.kind == "comment_customer" and e.at > ticket.created]
        return not later
    waited = any(after == "pending" for _, _, after in steps(ticket))
    return said <= 1 and not waited and not reopens(ticket)


def fcr_one_touch(
    tables, first, last, where=None, rule="fivetran", as_of=None, zone=None
) -> float | None:
    """Solved tickets that needed one answer, %."""
    check("rule", rule, "fivetran", "zendesk", "freshservice", "servicenow")
    span, tickets = desk(tables, first, last, where, as_of, zone)
    mine = solved_in(tickets, span)
    return share(sum(is_one_touch(t, rule) for t in mine), len(mine))


def fcr_no_reopen(
    tables, first, last, where=None, window_d=7, as_of=None, zone=None
) -> float | None:
    """Tickets not reopened in the days after their first solve, %."""
    span, tickets = desk(tables, first, last, where, as_of, zone)
    kept = closed = 0
    for ticket in tickets:
        solved = solves(ticket)
        if not solved or not span.holds(solved[0].on):
            continue
        window = solved[0].at + window_d * US_DAY
        if window <= span.end:
            closed += 1
            kept += not any(e.at <= window for e in reopens(ticket))
    return share(kept, closed)


def is_first_level(ticket, level1):
    escalated = any(e.kind == "escalate" for e in ticket.log)
    return not escalated and (level1 == "no_escalation" or stations(ticket, "group") <= 1)


def first_level_resolution(
    tables, first, last, where=None, level1="first_group", denominator="created", as_of=None,
    zone=None,
) -> float | None:  # fmt: skip
    """Tickets solved inside level 1, %."""
    check("level1", level1, "first_group", "no_escalation")
    check("denominator", denominator, "created", "solved")
    span, tickets = desk(tables, first, last, where, as_of, zone)
    mine = (created_in if denominator == "created" else solved_in)(tickets, span)
    good = [t for t in mine if last_solve(t) and is_first_level(t, level1)]
    return share(len(good), len(mine))


# --- demand --------------------------------------------------------------------------------------


def is_inbound(outcome, direction):
    return outcome != "phantom" and direction in (None, "inbound")


def inbound(frame):
    pairs = zip(values(frame, "outcome"), values(frame, "direction"), strict=True)
    return frame[[is_inbound(*pair) for pair in pairs]]


def channel_mix(
    tables, first, last, where=None, of="email", among="tickets", as_of=None, zone=None
) -> float | None:
    """Tickets (or contacts) of one channel, % of all."""
    check("among", among, "tickets", "contacts")
    if among == "tickets":
        span, tickets = desk(tables, first, last, where, as_of, zone)
        channels = [t.channel for t in created_in(tickets, span)]
    else:
        span = span_of(tables, first, last, as_of, zone, "contacts")
        mine = chosen(tables, inbound(tables["contacts"]), where)
        channels = values(in_period(mine, "started_on", span), "channel")
    return share(channels.count(of), len(channels))


# --- backlog -------------------------------------------------------------------------------------


def free_weekdays(clock):
    """Weekdays without hours; of a centre that is always open Saturday and Sunday."""
    if clock.usual is None or clock.usual.get("always_open"):
        return {5, 6}
    return {d for d in range(7) if not hours_texts(clock.usual, d)}


def weekends(since, until, free):
    """[(last working day before, last free day)] that end in these days."""
    out, day = [], since
    while day <= until:
        if day.weekday() in free and (day + timedelta(days=1)).weekday() not in free:
            before = day
            while before.weekday() in free:
                before -= timedelta(days=1)
            out.append((before, day))
        day += timedelta(days=1)
    return out


def backlog(tickets, day, zone, held):
    """Open tickets when a day ends, those that somebody holds then if asked."""
    close = closes_at(day, zone)
    there = [t for t in tickets if t.created < close and status_at(t, close) in OPEN]
    whose = held.items()
    return sum(all(held_at(t, kind, close - 1) == who for kind, who in whose) for t in there)


def backlog_weekend(
    tables, first, last, where=None, side="before", as_of=None, zone=None, calendars=None,
    calendar="",
) -> float | None:  # fmt: skip
    """Tickets open around the weekend, mean of the weekends."""
    check("side", side, "before", "after", "growth")
    where = dict(where or {})
    held = {HELD[name]: plain(where.pop(name)) for name in HELD if name in where}
    span, tickets = desk(tables, first, last, where, as_of, zone)
    free = free_weekdays(Clock("business", calendars or {}, calendar, span.zone))
    everyone = lives(tables, span)
    since = min((local_day(t.created, span.zone) for t in everyone), default=span.as_of)
    found = []
    for before, after in weekends(span.first, span.last + timedelta(days=7), free):
        counts_on, needed = (before, [before]) if side == "before" else (after, [after])
        needed = [before, after] if side == "growth" else needed
        if span.holds(counts_on) and all(since <= day <= span.as_of for day in needed):
            open_then = {day: backlog(tickets, day, span.zone, held) for day in needed}
            growth = side == "growth"
            found.append(open_then[counts_on] - (open_then[before] if growth else 0))
    return ratio(sum(found), len(found))


# --- waiting for an answer -----------------------------------------------------------------------


def promised_at(tables, span):
    """{ticket_id: when the first promise of a first reply was made}"""
    frame, out = tables["ticket_sla"], {}
    times = zip(
        values(frame, "ticket_id"), values(frame, "metric"), instants(frame, "applied_at"),
        strict=True,
    )  # fmt: skip
    for key, metric, at in times:
        if metric == "first_reply" and at < span.end:
            out[key] = min(at, out.get(key, at))
    return out


def response_of(ticket, start, clock, count_auto_ack, end):
    """(time to the first reply, True), or (age or time to the solve, False)."""
    said = [e.at for e in replies(ticket, count_auto_ack) if e.at >= start]
    if said:
        return clock.between(ticket, start, said[0]), True
    solved = last_solve(ticket)
    until = max(start, solved.at if solved else seen_until(ticket, clock, end))
    return clock.between(ticket, start, until), False


def seen_until(ticket, clock, end):
    """How far an open ticket is followed: by business hours to the last change of its state."""
    kinds = ("status", "assignee", "group", "priority")
    changes = [e.at for e in ticket.log if e.kind in kinds]
    return end if clock.kind == "calendar" else max(changes, default=ticket.created)


def in_scope(ticket, channel_scope):
    scopes = {"written": ("email", "message", "social"), "voicemail": ("voicemail",)}
    return channel_scope == "any" or ticket.channel in scopes[channel_scope]


def responses(
    tables, first, last, where, stat, clock, count_auto_ack, start, exclude_agent_created,
    channel_scope, rule, as_of, zone, calendars, calendar,
):  # fmt: skip
    """Minutes to the first answer of the tickets created in the period."""
    check("clock", clock, "calendar", "business")
    check("start", start, "created", "sla_applied")
    check("channel_scope", channel_scope, "any", "written", "voicemail")
    check("schedule_rule", rule, "all", "last")
    span, tickets = desk(tables, first, last, where, as_of, zone)
    counts = Clock(clock, calendars or {}, calendar, span.zone, rule)
    promised = promised_at(tables, span) if start == "sla_applied" else {}
    times = []
    for ticket in created_in(tickets, span):
        begins = ticket.created if start == "created" else promised.get(ticket.ticket_id)
        left_out = exclude_agent_created and ticket.by_agent
        if begins is not None and not left_out and in_scope(ticket, channel_scope):
            times.append(response_of(ticket, begins, counts, count_auto_ack, span.end))
    return summary([(t, ended) for t, ended in times if t is not None], stat)


def first_response_time(
    tables, first, last, where=None, stat="median", clock="calendar", count_auto_ack=False,
    start="created", exclude_agent_created=True, channel_scope="any", as_of=None, zone=None,
    calendars=None, calendar="",
) -> float | None:  # fmt: skip
    """Minutes from the opening to the first public answer of an agent."""
    return responses(
        tables, first, last, where, stat, clock, count_auto_ack, start, exclude_agent_created,
        channel_scope, "all", as_of, zone, calendars, calendar,
    )  # fmt: skip


def first_response_time_business(
    tables, first, last, where=None, stat="median", count_auto_ack=False,
    exclude_agent_created=True, schedule_rule="all", as_of=None, zone=None, calendars=None,
    calendar="",
) -> float | None:  # fmt: skip
    """The same, only minutes in which the desk was open."""
    return responses(
        tables, first, last, where, stat, "business", count_auto_ack, "created",
        exclude_agent_created, "any", schedule_rule, as_of, zone, calendars, calendar,
    )  # fmt: skip


def turns_of(ticket):
    """[(customer comment, the reply or None)]: each time the ball came back to the desk."""
    public = ("comment_customer", "comment_public_agent")
    said = [e for e in ticket.log if e.kind in public and not (e.kind == public[1] and e.auto)]
    out = []
    for i, event in enumerate(said):
        again = i > 0 and said[i - 1].kind == public[0]
        if event.kind == public[0] and event.at > ticket.created and not again:
            out.append((event, next((e for e in said[i:] if e.kind == public[1]), None)))
    return out


def next_reply_time(
    tables, first, last, where=None, stat="mean", as_of=None, zone=None
) -> float | None:
    """Minutes from a further question of the customer to the next answer."""
    check("stat", stat, "mean", "median")
    span, tickets = desk(tables, first, last, where, as_of, zone)
    times = []
    for ticket in tickets:
        solved = last_solve(ticket)
        until = solved.at if solved else span.end
        for asked, answer in turns_of(ticket):
            if span.holds(asked.on):
                ends = answer.at if answer else max(asked.at, until)
                times.append((ends - asked.at, answer is not None))
    return summary(times, stat)


# --- time in states ------------------------------------------------------------------------------


def time_in(ticket, statuses, clock, end):
    """Time that a ticket has spent in these states; None where a schedule is unknown."""
    marks = [(ticket.created, "new"), *((e.at, after) for e, _, after in steps(ticket))]
    total = 0
    for i, (at, status) in enumerate(marks):
        until = marks[i + 1][0] if i + 1 < len(marks) else max(at, end)
        if status in statuses and until > at:
            part = clock.between(ticket, at, until)
            if part is None:
                return None
            total += part
    return total


def status_time(
    tables, first, last, where, statuses, status, clock, as_of, zone, calendars, calendar
):
    """Minutes in these states per ticket created in the period."""
    check("status", status, "solved", "all")
    check("clock", clock, "calendar", "business")
    span, tickets = desk(tables, first, last, where, as_of, zone)
    counts = Clock(clock, calendars or {}, calendar, span.zone)
    mine = [t for t in created_in(tickets, span) if status == "all" or last_solve(t)]
    times = [time_in(t, statuses, counts, span.end) for t in mine]
    known = [t for t in times if t is not None]
    return ratio(sum(known) / US_MIN, len(known))


def requester_wait_time(
    tables, first, last, where=None, include_hold=True, clock="calendar", status="solved",
    as_of=None, zone=None, calendars=None, calendar="",
) -> float | None:  # fmt: skip
    """Minutes in new, open and hold per ticket."""
    statuses = ("new", "open", "hold") if include_hold else ("new", "open")
    return status_time(
        tables, first, last, where, statuses, status, clock, as_of, zone, calendars, calendar
    )


def agent_wait_time(
    tables, first, last, where=None, clock="calendar", status="solved", as_of=None, zone=None,
    calendars=None, calendar="",
) -> float | None:  # fmt: skip
    """Minutes in pending per ticket."""
    return status_time(
        tables, first, last, where, ("pending",), status, clock, as_of, zone, calendars, calendar
    )


def agent_work_time(
    tables, first, last, where=None, clock="calendar", status="solved", as_of=None, zone=None,
    calendars=None, calendar="",
) -> float | None:  # fmt: skip
    """Minutes in new and open per ticket."""
    statuses = ("new", "open")
    return status_time(
        tables, first, last, where, statuses, status, clock, as_of, zone, calendars, calendar
    )


# --- who solves ----------------------------------------------------------------------------------


def tickets_resolved(
    tables, first, last, where=None, net_of_reopens=True, credit="owner", as_of=None, zone=None
) -> float | None:
    """Tickets solved in the period; every solve, where reopens are not taken off."""
    check("credit", credit, "owner", "solver")
    where = dict(where or {})
    held = {HELD[name]: plain(where.pop(name)) for name in HELD if name in where}
    span, tickets = desk(tables, first, last, where, as_of, zone)
    found = []
    for ticket in tickets:
        final = [last_solve(ticket)] if last_solve(ticket) else []
        for event in final if net_of_reopens else solves(ticket):
            until = None if net_of_reopens else event.at
            mine = {kind: held_at(ticket, kind, until) for kind in HELD.values()}
            mine |= {"assignee": event.actor} if credit == "solver" else {}
            if span.holds(event.on) and all(mine[kind] == who for kind, who in held.items()):
                found.append(event)
    return float(len(found))


def fault_ownership_rate(
    tables, first, last, where=None, allowed_handoffs=0, as_of=None, zone=None
) -> float | None:
    """Solved tickets that one person kept from the first assignment on, %."""
    span, tickets = desk(tables, first, last, where, as_of, zone)
    owned = [stations(t, "assignee") for t in solved_in(tickets, span)]
    owned = [n for n in owned if n >= 1]
    return share(sum(n <= 1 + allowed_handoffs for n in owned), len(owned))


# --- sales ---------------------------------------------------------------------------------------


def checkout_abandonment_rate(
    tables, first, last, where=None, start="begin", window_h=24, as_of=None, zone=None
) -> float | None:
    """Checkouts that were not paid in time, %."""
    check("start", start, "begin", "email")
    span = span_of(tables, first, last, as_of, zone, "checkout_sessions")
    mine = chosen(tables, tables["checkout_sessions"], where)
    mine = in_period(mine, "started_on", span)
    begun = instants(mine, "started_at" if start == "begin" else "email_entered_at")
    lost = closed = 0
    for began, paid in zip(begun, instants(mine, "completed_at"), strict=True):
        window = None if began is None else began + round(window_h * US_H)
        if window is not None and window <= span.end:
            closed += 1
            lost += paid is None or paid > window
    return share(lost, closed)


def amount_of(frame, net):
    """Value of these orders, less what came back."""
    given, back = values(frame, "net_amount"), values(frame, "returned_amount")
    known = [(g, b or 0) for g, b in zip(given, back, strict=True) if g is not None]
    return float(sum(g - (b if net else 0) for g, b in known))


def margin_of(frame, net):
    """Margin of these orders, in the part of their value that was kept."""
    columns = (values(frame, name) for name in ("margin", "net_amount", "returned_amount"))
    total = 0.0
    for margin, given, back in zip(*columns, strict=True):
        kept = 1 - (back or 0) / given if net and given else 1
        total += (margin or 0) * kept
    return total


def attributed(frame):
    return frame[[key is not None for key in values(frame, "attributed_contact_id")]]


def sales_total(
    tables, first, last, where=None, net=True, scope="attributed", measure="revenue", as_of=None,
    zone=None,
) -> float | None:  # fmt: skip
    """Value of the orders that came through the centre."""
    check("scope", scope, "attributed", "all")
    check("measure", measure, "revenue", "margin")
    span = span_of(tables, first, last, as_of, zone, "orders")
    orders = tables["orders"] if scope == "all" else attributed(tables["orders"])
    mine = in_period(chosen(tables, orders, where, "attributed_contact_id"), "at_on", span)
    if measure == "margin":
        return margin_of(mine, net)
    return amount_of(mine, net)


def conversion_rate(
    tables, first, last, where=None, leads="qualified", open="pending", as_of=None, zone=None
) -> float | None:
    """Sales chances that became sales, %."""
    check("leads", leads, "qualified", "all")
    check("open", open, "pending", "lost")
    span = span_of(tables, first, last, as_of, zone, "leads")
    mine = in_period(chosen(tables, tables["leads"], where, "contact_id"), "at_on", span)
    mine = mine[true(mine, "qualified")] if leads == "qualified" else mine
    outcomes = values(mine, "outcome")
    if open == "pending":
        outcomes = [o for o in outcomes if o not in (None, "open")]
    return share(outcomes.count("sold"), len(outcomes))


def is_handled(outcome, talk):
    return outcome == "answered" and talk is not None


def handled(frame):
    pairs = zip(values(frame, "outcome"), values(frame, "talk_ms"), strict=True)
    return frame[[is_handled(*pair) for pair in pairs]]


def revenue_per_contact(
    tables, first, last, where=None, net=True, as_of=None, zone=None
) -> float | None:
    """Attributed revenue over handled contacts, both of the period."""
    span = span_of(tables, first, last, as_of, zone, "contacts", "orders")
    orders = attributed(tables["orders"])
    mine = chosen(tables, orders, where, "attributed_contact_id", own=False)
    contacts = chosen(tables, handled(tables["contacts"]), where)
    n = len(in_period(contacts, "started_on", span))
    return ratio(amount_of(in_period(mine, "at_on", span), net), n)


# --- retention -----------------------------------------------------------------------------------


class Row(NamedTuple):
    """A stretch in which a customer is there, [start, end)."""

    start: int
    end: int | None
    plan: str | None = None
    mrr: float | None = 0.0
    reason: str | None = None

    def holds(self, at):
        return self.start <= at and (self.end is None or at < self.end)


def subscription_rows(tables):
    """{customer_id: rows}"""
    frame, out = tables["subscriptions"], {}
    columns = [values(frame, n) for n in ("customer_id", "plan", "mrr", "end_reason")]
    times = [instants(frame, n) for n in ("started_at", "ended_at")]
    for customer, plan, mrr, reason, start, end in zip(*columns, *times, strict=True):
        out.setdefault(customer, []).append(Row(start, end, plan, mrr, reason))
    return out


def activity_rows(tables, horizon_d):
    """{customer_id: a stretch after each order}"""
    frame, out = tables["orders"], {}
    for customer, at in zip(values(frame, "customer_id"), instants(frame, "at"), strict=True):
        if customer is not None:
            out.setdefault(customer, []).append(Row(at, at + horizon_d * US_DAY + 1))
    return out


def active(rows, at):
    return any(row.holds(at) for row in rows)


def has_gap(rows, since, until):
    """Is there an instant in between at which none of the rows holds?"""
    reached = since
    for row in sorted(rows, key=lambda r: r.start):
        if row.start > reached:
            break
        reached = max(reached, until + 1 if row.end is None else row.end)
    return reached <= until


def asked_of(tables, where, at):
    """A test whether a customer is asked for: by segment, language, plan at that instant."""
    people = customer_rows(tables)

    def is_asked(customer, rows):
        for name, wanted in (where or {}).items():
            if name == "plan":
                found = [r.plan for r in rows if r.holds(at)]
            elif name in ("customer_segment", "language"):
                found = [people.get(customer, {}).get(name)]
            else:
                raise ValueError(f"no dimension {name!r} here")
            if plain(wanted) not in found:
                return False
        return True

    return is_asked


def ends_of(span, as_of):
    """The instants at which the period opens and closes, not after a given `as_of`."""
    ends = closes_at(span.last, span.zone)
    return opens_at(span.first, span.zone), ends if as_of is None else min(ends, span.end)


def retained(tables, first, last, where, reactivated, basis, horizon_d, as_of, zone):
    """(customers at the beginning, those of them who are lost, the two instants)"""
    check("reactivated", reactivated, "kept", "lost")
    check("basis", basis, "contract", "activity")
    contract = basis == "contract"
    span = span_of(tables, first, last, as_of, zone, "subscriptions" if contract else "orders")
    begins, ends = ends_of(span, as_of)
    rows_of = subscription_rows(tables) if contract else activity_rows(tables, horizon_d)
    is_asked = asked_of(tables, where, begins)
    there, lost = [], []
    for customer, rows in rows_of.items():
        if not active(rows, begins) or not is_asked(customer, rows):
            continue
        there.append(customer)
        broke = reactivated == "lost" and has_gap(rows, begins, ends)
        if broke or not active(rows, ends):
            lost.append(customer)
    return there, lost, (begins, ends)


def customer_retention_rate(
    tables, first, last, where=None, reactivated="kept", basis="contract", horizon_d=90,
    as_of=None, zone=None,
) -> float | None:  # fmt: skip
    """Customers of the beginning who are there at the end, %."""
    there, lost, _ = retained(
        tables, first, last, where, reactivated, basis, horizon_d, as_of, zone
    )
    return share(len(there) - len(lost), len(there))


def customer_churn_rate(
    tables, first, last, where=None, kind="all", reactivated="kept", basis="contract",
    horizon_d=90, as_of=None, zone=None,
) -> float | None:  # fmt: skip
    """Customers of the beginning who are lost at the end, %."""
    check("kind", kind, "all", "voluntary", "involuntary")
    there, lost, (_, ends) = retained(
        tables, first, last, where, reactivated, basis, horizon_d, as_of, zone
    )
    if kind != "all":
        rows_of = subscription_rows(tables)
        lost = [c for c in lost if end_reason(rows_of.get(c, []), ends) == kind]
    return share(len(lost), len(there))


def end_reason(rows, until):
    """Why the stretch that ended last by then has ended."""
    over = [row for row in rows if row.end is not None and row.end <= until]
    return max(over, key=lambda r: (r.end, r.start)).reason if over else None


def revenue_kept(tables, first, last, where, reactivation, as_of, zone):
    """[(monthly revenue at the beginning, at the end)] of the customers of the beginning."""
    check("reactivation", reactivation, "count", "drop")
    span = span_of(tables, first, last, as_of, zone, "subscriptions")
    begins, ends = ends_of(span, as_of)
    is_asked, out = asked_of(tables, where, begins), []
    for customer, rows in subscription_rows(tables).items():
        then, now = ([r.mrr for r in rows if r.holds(at)] for at in (begins, ends))
        if then and is_asked(customer, rows) and None not in then + now:
            away = reactivation == "drop" and has_gap(rows, begins, ends)
            out.append((sum(then), 0.0 if away else sum(now)))
    return out


def nrr(
    tables, first, last, where=None, reactivation="count", as_of=None, zone=None
) -> float | None:
    """Revenue of the customers of the beginning, at the end, %."""
    pairs = revenue_kept(tables, first, last, where, reactivation, as_of, zone)
    return share(sum(end for _, end in pairs), sum(base for base, _ in pairs))


def grr(
    tables, first, last, where=None, reactivation="count", as_of=None, zone=None
) -> float | None:
    """The same without what any of them pays more, %."""
    pairs = revenue_kept(tables, first, last, where, reactivation, as_of, zone)
    return share(sum(min(end, base) for base, end in pairs), sum(base for base, _ in pairs))


def lifetime_value(m, r, d, first_margin=False):
    """m r / (1 + d - r): margin a month, retention a month, discount a month."""
    return m * r / (1 + d - r) + (m if first_margin else 0)


def clv(
    tables, first, last, where=None, discount=0.01, margin_share=1.0, first_margin=False,
    as_of=None, zone=None,
) -> float | None:  # fmt: skip
    """What a customer of the beginning is worth from here on."""
    pairs = revenue_kept(tables, first, last, where, "count", as_of, zone)
    kept = customer_retention_rate(tables, first, last, where, as_of=as_of, zone=zone)
    if not pairs or kept is None:
        return None
    months = ((as_day(last) - as_day(first)).days + 1) / MONTH_D
    m = margin_share * sum(base for base, _ in pairs) / len(pairs)
    return lifetime_value(m, (kept / 100) ** (1 / months), discount, first_margin)


def save_rate(
    tables, first, last, where=None, horizon_d=90, reason="cancel", as_of=None, zone=None
) -> float | None:
    """Customers who came to cancel and are still there later, %."""
    span = span_of(tables, first, last, as_of, zone, "contacts")
    mine = chosen(tables, inbound(tables["contacts"]), where)
    mine = in_period(mine, "started_on", span)
    rows_of, saved, closed = subscription_rows(tables), 0, 0
    cases = zip(
        values(mine, "outcome"), values(mine, "reason_code"), values(mine, "customer_id"),
        instants(mine, "started_at"), strict=True,
    )  # fmt: skip
    for outcome, why, customer, at in cases:
        rows = rows_of.get(customer, [])
        if outcome == "answered" and why == reason and customer is not None and active(rows, at):
            later = at + horizon_d * US_DAY
            closed += later <= span.end
            saved += later <= span.end and active(rows, later)
    return share(saved, closed)


def figures(tables, item, since, until):
    """The sum of a figure over the periods that begin in these days; None without a row."""
    frame = tables.get("finance")
    if frame is None:
        return None
    rows = zip(
        values(frame, "item"), days(frame, "period_start_on"), values(frame, "amount"), strict=True
    )
    mine = [a for name, on, a in rows if name == item and since <= on <= until and a is not None]
    return sum(mine) if mine else None


def before(since, until):
    """First and last day of the period before: as many months, or else as many days."""
    end = until + timedelta(days=1)
    if since.day == end.day == 1:
        months = 12 * (end.year - since.year) + end.month - since.month
        year, month = divmod(12 * since.year + since.month - 1 - months, 12)
        return date(year, month + 1, 1), since - timedelta(days=1)
    return since - (end - since), since - timedelta(days=1)


def profit_growth(
    tables, first, last, where=None, item="profit", as_of=None, zone=None
) -> float | None:
    """A figure of the company against that of the period before, %."""
    no_dimensions(where)
    since, until = as_day(first), as_day(last)
    now = figures(tables, item, since, until)
    base = figures(tables, item, *before(since, until))
    return None if now is None or base is None or base <= 0 else 100 * (now - base) / base


def no_dimensions(where):
    if where:
        raise ValueError(f"no dimension {next(iter(where))!r} here")


def acquisition_costs(tables, span):
    """Costs of that kind on the days of the period; None without one."""
    if "costs" not in tables:
        return None
    kinds = values(tables["costs"], "kind")
    bought = tables["costs"][[kind == "acquisition" for kind in kinds]]
    booked = spread(bought, covered(tables, span, "contacts"))
    return sum(cost for _, _, cost in booked) if booked else None


def acq_to_retention_cost(
    tables, first, last, where=None, spent="finance", kept_for="period", as_of=None, zone=None
) -> float | None:
    """What it costs to win a customer over what it costs to keep one."""
    no_dimensions(where)
    check("spent", spent, "finance", "costs")
    check("kept_for", kept_for, "period", "year")
    span = span_of(tables, first, last, as_of, zone, "contacts")
    keeping = figures(tables, "retention_cost", span.first, span.last)
    if spent == "finance":
        winning = figures(tables, "acquisition_cost", span.first, span.last)
    else:
        winning = acquisition_costs(tables, span)
    if keeping is not None and kept_for == "year":
        keeping *= 365.25 / ((span.last - span.first).days + 1)
    begins, ends = opens_at(span.first, span.zone), closes_at(span.last, span.zone)
    since = [at for at in instants(tables["customers"], "created_at") if at is not None]
    new = sum(1 for at in since if begins <= at < ends)
    if "subscriptions" in tables:
        there = sum(active(rows, begins) for rows in subscription_rows(tables).values())
    else:
        there = sum(1 for at in since if at < begins)
    if winning is None or not keeping or not new or not there:
        return None
    return (winning / new) / (keeping / there)


# --- cost ----------------------------------------------------------------------------------------


def spread(costs, span):
    """(day, cost centre, amount) of each day of the period that a cost covers."""
    out = []
    rows = zip(
        days(costs, "period_start_on"), days(costs, "period_end_on"),
        values(costs, "cost_centre"), values(costs, "amount"), strict=True,
    )  # fmt: skip
    for since, until, centre, amount in rows:
        n = ((until or since) - since).days + 1
        for i in range(n if amount is not None else 0):
            if span.holds(since + timedelta(days=i)):
                out.append((since + timedelta(days=i), centre, amount / n))
    return out


def in_cost_scope(kind, scope):
    if kind == "acquisition":
        return False
    named = [k for kinds in SCOPES.values() for k in kinds]
    return scope == "all" or (kind in SCOPES[scope] if scope in SCOPES else kind not in named)


def service_costs(tables, scope, fixed, avoidable):
    """The rows of the table that are service cost of that sort."""
    check("scope", scope, "all", "other", *SCOPES)
    check("fixed", fixed, "all", "fixed", "variable")
    check("avoidable", avoidable, "all", "avoidable")
    frame = tables["costs"]
    mine = [in_cost_scope(kind, scope) for kind in values(frame, "kind")]
    if fixed != "all":
        said = [v is not None and bool(v) == (fixed == "fixed") for v in values(frame, "is_fixed")]
        mine = [m and s for m, s in zip(mine, said, strict=True)]
    if avoidable == "avoidable":
        mine = [m and a for m, a in zip(mine, true(frame, "is_avoidable"), strict=True)]
    return frame[mine]


def sites_of(tables):
    """All that is a site."""
    if "sites" in tables:
        return set(values(tables["sites"], "site_id"))
    found = values(tables["contacts"], "site") if "contacts" in tables else []
    return set(found) - {None}


def by_site(tables, costs, span):
    """(day, site or None, amount)"""
    known = sites_of(tables)
    return [(d, c if c in known else None, amount) for d, c, amount in spread(costs, span)]


def total_cost(tables, span, where, scope, fixed, avoidable):
    """Service cost of the period, of one site if asked."""
    if set(where or {}) - {"site"}:
        raise ValueError(f"only by site, not {where}")
    daily = by_site(tables, service_costs(tables, scope, fixed, avoidable), span)
    if where:
        daily = [row for row in daily if row[1] == plain(where["site"])]
    return float(sum(amount for _, _, amount in daily))


def operating_cost(
    tables, first, last, where=None, scope="all", fixed="all", avoidable="all", as_of=None,
    zone=None,
) -> float | None:  # fmt: skip
    """Service cost of the period."""
    span = span_of(tables, first, last, as_of, zone, "contacts")
    span = covered(tables, span, "contacts")
    return total_cost(tables, span, where, scope, fixed, avoidable)


def offered(frame):
    """Inbound, and queued or answered."""
    frame = inbound(frame)
    queued = "enqueued_at" if "enqueued_at" in frame else "wait_ms"
    pairs = zip(values(frame, "outcome"), values(frame, queued), strict=True)
    return frame[[outcome == "answered" or q is not None for outcome, q in pairs]]


def handled_time(tables, span):
    """[(contact_id, day, site, milliseconds)] of the handled contacts of the period."""
    mine = in_period(handled(tables["contacts"]), "started_on", span)
    parts = [values(mine, name) for name in ("talk_ms", "hold_ms", "wrap_ms")]
    times = [sum(p or 0 for p in row) for row in zip(*parts, strict=True)]
    ids, sites = values(mine, "contact_id"), values(mine, "site")
    return list(zip(ids, days(mine, "started_on"), sites, times, strict=True))


def bearing(tables, span, costs):
    """{contact_id: cost that it bears}, and [(site, cost that no contact bears)]

    A site's cost of a day goes to its contacts of that day, any other cost to all of that day.
    """
    rows, has_sites = handled_time(tables, span), "site" in tables["contacts"]
    worked, rate, free = {}, {}, []
    for _, day, site, ms in rows:
        for place in {site, None}:
            worked[day, place] = worked.get((day, place), 0) + ms
    for day, site, amount in by_site(tables, costs, span):
        place = (day, site if has_sites else None)
        if worked.get(place):
            rate[place] = rate.get(place, 0.0) + amount / worked[place]
        else:
            free.append((place[1], amount))
    mine = {
        contact: sum(ms * rate.get((day, place), 0.0) for place in {site, None})
        for contact, day, site, ms in rows
    }
    return mine, free


def cost_per_contact(
    tables, first, last, where=None, base="handled", scope="all", fixed="all", avoidable="all",
    allocate="none", as_of=None, zone=None,
) -> float | None:  # fmt: skip
    """Service cost over contacts."""
    check("base", base, "handled", "offered")
    check("allocate", allocate, "none", "handled_time")
    span = span_of(tables, first, last, as_of, zone, "contacts")
    span = covered(tables, span, "contacts")
    asked = in_period(chosen(tables, tables["contacts"], where), "started_on", span)
    n = len((handled if base == "handled" else offered)(asked))
    if allocate == "none":
        return ratio(total_cost(tables, span, where, scope, fixed, avoidable), n)
    borne, free = bearing(tables, span, service_costs(tables, scope, fixed, avoidable))
    cost = sum(borne.get(contact, 0.0) for contact in values(asked, "contact_id"))
    for site, amount in free:
        told = {name: site if name == "site" else None for name in where or {}}
        cost += amount * all(told[name] == plain(wanted) for name, wanted in (where or {}).items())
    return ratio(cost, n)


def chains(tables, span, gap_d, same_reason):
    """[(first day, contacts, is it closed)]: runs of one customer's contacts."""
    frame = inbound(tables["contacts"])
    columns = [values(frame, name) for name in ("customer_no", "reason_code", "contact_id")]
    times = [instants(frame, "started_at"), days(frame, "started_on")]
    of_matter = {}
    for customer, reason, contact, at, on in zip(*columns, *times, strict=True):
        known = customer is not None and (reason is not None or not same_reason)
        if known and on <= span.as_of:
            matter = (customer, reason if same_reason else None)
            of_matter.setdefault(matter, []).append((at, contact, on))
    out, gap = [], gap_d * US_DAY
    for mine in of_matter.values():
        mine.sort(key=lambda row: row[:2])
        for i, (at, contact, on) in enumerate(mine):
            if i == 0 or at - mine[i - 1][0] > gap:
                out.append([on, [], at])
            out[-1][1].append(contact)
            out[-1][2] = at
    return [(on, contacts, last_at + gap <= span.end) for on, contacts, last_at in out]


def cost_per_resolution(
    tables, first, last, where=None, gap_d=7, same_reason=False, matching="period", scope="all",
    fixed="all", avoidable="all", as_of=None, zone=None,
) -> float | None:  # fmt: skip
    """Service cost over the issues that have come to rest."""
    check("matching", matching, "period", "cohort")
    span = span_of(tables, first, last, as_of, zone, "contacts")
    asked = set(values(chosen(tables, tables["contacts"], where), "contact_id"))
    rest = [
        contacts for on, contacts, closed in chains(tables, span, gap_d, same_reason)
        if closed and span.holds(on) and contacts[0] in asked
    ]  # fmt: skip
    if matching == "period":
        mine = covered(tables, span, "contacts")
        return ratio(total_cost(tables, mine, where, scope, fixed, avoidable), len(rest))
    ever = span._replace(first=date.min, last=span.as_of)
    ever = covered(tables, ever, "contacts")
    borne, _ = bearing(tables, ever, service_costs(tables, scope, fixed, avoidable))
    return ratio(sum(borne.get(contact, 0.0) for issue in rest for contact in issue), len(rest))


def cost_per_case(
    tables, first, last, where=None, base="opened", scope="all", fixed="all", avoidable="all",
    as_of=None, zone=None,
) -> float | None:  # fmt: skip
    """Service cost over tickets."""
    check("base", base, "opened", "solved")
    span, tickets = desk(tables, first, last, where, as_of, zone)
    days_there = covered(tables, span, "tickets", "ticket_events")
    cost = total_cost(tables, days_there, where, scope, fixed, avoidable)
    return ratio(cost, len((created_in if base == "opened" else solved_in)(tickets, span)))


# --- all of them ---------------------------------------------------------------------------------

ORACLES: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        fcr_one_touch, fcr_no_reopen, first_level_resolution, channel_mix, backlog_weekend,
        first_response_time, first_response_time_business, next_reply_time, requester_wait_time,
        agent_wait_time, agent_work_time, tickets_resolved, fault_ownership_rate,
        checkout_abandonment_rate, sales_total, conversion_rate, revenue_per_contact,
        customer_retention_rate, customer_churn_rate, nrr, grr, save_rate, profit_growth,
        acq_to_retention_cost, operating_cost, cost_per_contact, cost_per_resolution,
        cost_per_case,
    )
}  # fmt: skip
DECLARED_ONLY: dict[str, Callable[..., Any]] = {"clv": clv}  # its KPI has an estimator instead
