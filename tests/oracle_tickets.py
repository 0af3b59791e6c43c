"""The KPIs of tickets again, from the words of their definitions, one ticket at a time.

Nothing here is fast and nothing is shared with the library. Every KPI takes the raw frames, a list
of periods (first_day, last_day: local, both included) and the last local day that is known
(`as_of`), and gives {(period,): Answer} or, with `by`, {(period, group): Answer}.

How the words were read where they leave a choice:

- History ends with the local day `as_of`: what happened at its closing midnight or later does not
  exist, and so for tickets created then. What a ticket's row says about its state (status) is
  never read. Spam, deleted and merged have no history, so they count as they stand.
- Events of one ticket follow each other by instant, then by event_id. What a ticket goes from is
  what the event before it went to, never `from_value`; before its first status event it is `new`.
- A solve is a step from a not solved to a solved status, a reopen the step back. Solved to closed,
  or to the same status again, is neither. Events of kind `reopen` add nothing.
- Fully resolved: the last solve, if the ticket is solved or closed now. With end="closed" the last
  step into `closed` from another status, if the ticket is closed now.
- A limit is closed: a reopen exactly `window_d` x 24 hours after the first solve is inside, a target
  fulfilled exactly in target_ms is met, a window or target that ends exactly with `as_of` is over.
- A ticket that was reopened but whose window is open is pending all the same.
- A station before the first event is known from its `from_value`; a null is no station.
- Spam, deleted and merged tickets are out of ticket_volume and of the backlog only.
- The data cover the days from the first creation of any visible ticket to `as_of`.
- By `priority`, a target is under the priority that it was applied with.
- S(t) <= 1/2 and ECDF >= p are compared as fractions; p is the decimal number that was written.

With `by`, the groups are those of what is counted anywhere up to `as_of`, and every period has all.

`n` counts what the value is a share or mean of: tickets; solves for reopen_rate by events; targets
due; days for backlog_close_of_day; ticket-days for backlog_age. A Kaplan-Meier median has all
tickets of its cohort in n, the open ones in `pending` too.
"""

from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

MISSING = "(missing)"
UTC = ZoneInfo("UTC")
NOT_SOLVED = ("new", "open", "pending", "hold")
SOLVED = ("solved", "closed")
MS = timedelta(milliseconds=1)
HOUR_MS = 3_600_000


class Answer(NamedTuple):
    value: float | None
    n: int
    pending: int = 0


# --- time --------------------------------------------------------------------------------------


def local_day(at, zone):
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def end_of_day(day, zone):
    """The instant (naive UTC) of the midnight that closes a local day."""
    midnight = datetime.combine(day + timedelta(days=1), time(0), tzinfo=ZoneInfo(zone))
    return midnight.astimezone(UTC).replace(tzinfo=None)


def days_of(period):
    first, last = period
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def elapsed_ms(start, end, clock, business_ms):
    if clock == "calendar":
        return (end - start) / MS
    if clock == "business":
        return business_ms(start, end)
    raise ValueError(f"clock is {clock!r}")


# --- records -----------------------------------------------------------------------------------


def _plain(value):
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def rows_of(frame):
    return [{k: _plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def visible(tickets, events, as_of, zone):
    """Tickets as dictionaries that carry the events known at the end of `as_of`, in order."""
    end = end_of_day(as_of, zone)
    known = {}
    for row in rows_of(tickets):
        if row["created_at"] < end:
            known[row["ticket_id"]] = row | {"log": []}
    if events is not None:
        for event in sorted(rows_of(events), key=lambda e: (e["at"], e["event_id"])):
            if event["at"] < end and event["ticket_id"] in known:
                known[event["ticket_id"]]["log"].append(event)
    return list(known.values())


def group_of(row, by):
    if by == "status":
        raise ValueError("status is the last one known, not the one at the time")
    value = row.get(by)
    return MISSING if value is None else value


def per_cell(rows, periods, by, day_of, compute):
    """Share rows out over period and group, then compute each cell; day None is in no period."""
    groups = [None] if by is None else sorted({group_of(row, by) for row in rows}, key=str)
    out = {}
    for period in periods:
        first, last = period
        inside = [r for r in rows if day_of(r) is not None and first <= day_of(r) <= last]
        for group in groups:
            mine = [r for r in inside if by is None or group_of(r, by) == group]
            out[(period,) if by is None else (period, group)] = compute(mine)
    return out


# --- the life of a ticket ------------------------------------------------------------------------


def steps(ticket):
    """(instant, status before, status after) of each status event."""
    out, before = [], "new"
    for event in ticket["log"]:
        if event["kind"] == "status" and event["to_value"] is not None:
            after = event["to_value"]
            if after not in NOT_SOLVED + SOLVED:
                raise ValueError(f"status {after!r} of ticket {ticket['ticket_id']!r}")
            out.append((event["at"], before, after))
            before = after
    return out


def status_before(ticket, moment):
    """The status that a ticket has at the end of all that happened before a moment."""
    status = "new"
    for at, _, after in steps(ticket):
        if at < moment:
            status = after
    return status


def last_status(ticket):
    return status_before(ticket, datetime.max)


def solves(ticket):
    return [at for at, before, after in steps(ticket) if before in NOT_SOLVED and after in SOLVED]


def reopens(ticket):
    return [at for at, before, after in steps(ticket) if before in SOLVED and after in NOT_SOLVED]


def first_solve(ticket):
    return solves(ticket)[0] if solves(ticket) else None


def last_solve(ticket):
    """None for a ticket that was never solved or is open again."""
    return solves(ticket)[-1] if last_status(ticket) in SOLVED else None


def last_close(ticket):
    if last_status(ticket) != "closed":
        return None
    return [at for at, before, after in steps(ticket) if before != "closed" == after][-1]


def stations_of(ticket, kind):
    """The values that a ticket went through, nulls left out, neighbours alike taken together."""
    events = [event for event in ticket["log"] if event["kind"] == kind]
    values = [events[0]["from_value"]] if events else []
    values += [event["to_value"] for event in events]
    out = []
    for value in values:
        if value is not None and (not out or out[-1] != value):
            out.append(value)
    return out


def is_real(ticket):
    return not (ticket.get("spam") or ticket.get("deleted") or ticket.get("merged_into"))


# --- numbers -------------------------------------------------------------------------------------


def quantile(values, p):
    """The smallest value that at least a share p of all values does not exceed."""
    for value in sorted(values):
        if Fraction(sum(1 for v in values if v <= value), len(values)) >= Fraction(str(p)):
            return value
    return None


def kaplan_meier_median(times):
    """The smallest t with S(t) <= 1/2 of (time, was it the end); None when S stays above."""
    alive = Fraction(1)
    for moment in sorted({t for t, ended in times if ended}):
        at_risk = sum(1 for t, _ in times if t >= moment)
        ending = sum(1 for t, ended in times if ended and t == moment)
        alive *= 1 - Fraction(ending, at_risk)
        if alive <= Fraction(1, 2):
            return moment
    return None


def in_hours(ms):
    return None if ms is None else ms / HOUR_MS


def mean(values):
    return sum(values) / len(values) if values else None


def percent(part, whole):
    return 100 * part / whole if whole else None


# --- volume --------------------------------------------------------------------------------------


def ticket_volume(
    tickets,
    periods,
    as_of,
    by=None,
    zone="UTC",
    exclude_spam=True,
    exclude_deleted=True,
    exclude_merged=True,
    exclude_agent_created=False,
):
    def is_counted(ticket):
        if exclude_spam and ticket.get("spam"):
            return False
        if exclude_deleted and ticket.get("deleted"):
            return False
        if exclude_merged and ticket.get("merged_into") is not None:
            return False
        return not (exclude_agent_created and ticket.get("created_by_role") == "agent")

    def count(mine):
        counted = [ticket for ticket in mine if is_counted(ticket)]
        return Answer(len(counted), len(counted))

    rows = visible(tickets, None, as_of, zone)
    return per_cell(rows, periods, by, lambda t: local_day(t["created_at"], zone), count)


# --- resolution ----------------------------------------------------------------------------------


def _resolution_time(
    tickets, events, periods, as_of, by, zone, stat, cohort, clock, business_ms, resolved_at
):
    now = end_of_day(as_of, zone)

    def took(ticket, until):
        return elapsed_ms(ticket["created_at"], until, clock, business_ms)

    def of_created(mine):
        done = [took(t, resolved_at(t)) for t in mine if resolved_at(t) is not None]
        running = [took(t, now) for t in mine if resolved_at(t) is None]
        if stat == "mean":
            return Answer(in_hours(mean(done)), len(done), len(running))
        times = [(ms, True) for ms in done] + [(ms, False) for ms in running]
        return Answer(in_hours(kaplan_meier_median(times)), len(mine), len(running))

    def of_solved(mine):
        done = [took(t, resolved_at(t)) for t in mine]
        value = mean(done) if stat == "mean" else quantile(done, 0.5)
        return Answer(in_hours(value), len(done))

    def solved_on(ticket):
        return None if resolved_at(ticket) is None else local_day(resolved_at(ticket), zone)

    def created_on(ticket):
        return local_day(ticket["created_at"], zone)

    if stat not in ("median", "mean"):
        raise ValueError(f"stat is {stat!r}")
    rows = visible(tickets, events, as_of, zone)
    if cohort == "created":
        return per_cell(rows, periods, by, created_on, of_created)
    if cohort == "solved":
        return per_cell(rows, periods, by, solved_on, of_solved)
    raise ValueError(f"cohort is {cohort!r}")


def first_resolution_time(
    tickets,
    events,
    periods,
    as_of,
    by=None,
    zone="UTC",
    stat="median",
    cohort="created",
    clock="calendar",
    business_ms=None,
):
    """Hours from creation to the first solve."""
    return _resolution_time(
        tickets, events, periods, as_of, by, zone, stat, cohort, clock, business_ms, first_solve
    )


def full_resolution_time(
    tickets,
    events,
    periods,
    as_of,
    by=None,
    zone="UTC",
    stat="median",
    cohort="created",
    clock="calendar",
    end="last_solved",
    business_ms=None,
):
    """Hours from creation to the end that lasts; a ticket open again has none."""
    resolved_at = {"last_solved": last_solve, "closed": last_close}[end]
    return _resolution_time(
        tickets, events, periods, as_of, by, zone, stat, cohort, clock, business_ms, resolved_at
    )


# --- quality of the solution ---------------------------------------------------------------------


def reopen_rate(
    tickets,
    events,
    periods,
    as_of,
    by=None,
    zone="UTC",
    numerator="tickets",
    window_d=None,
):
    rows = visible(tickets, events, as_of, zone)
    now = end_of_day(as_of, zone)

    def first_solved_on(ticket):
        return None if first_solve(ticket) is None else local_day(first_solve(ticket), zone)

    def of_tickets(mine):
        if window_d is None:
            return Answer(percent(sum(1 for t in mine if reopens(t)), len(mine)), len(mine))
        window = timedelta(days=window_d)
        closed = [t for t in mine if first_solve(t) + window <= now]
        back = [t for t in closed if any(at - first_solve(t) <= window for at in reopens(t))]
        return Answer(percent(len(back), len(closed)), len(closed), len(mine) - len(closed))

    def of_events(mine):
        n = sum(1 for step in mine if step["is_solve"])
        return Answer(percent(len(mine) - n, n), n)

    if numerator == "tickets":
        return per_cell(rows, periods, by, first_solved_on, of_tickets)
    if numerator != "events" or window_d is not None:
        raise ValueError(f"numerator is {numerator!r} with window_d {window_d!r}")
    both = [t | {"step_at": at, "is_solve": True} for t in rows for at in solves(t)]
    both += [t | {"step_at": at, "is_solve": False} for t in rows for at in reopens(t)]
    return per_cell(both, periods, by, lambda step: local_day(step["step_at"], zone), of_events)


def handoff_count(tickets, events, periods, as_of, by=None, zone="UTC", stations="assignee"):
    if stations not in ("assignee", "group"):
        raise ValueError(f"stations is {stations!r}")

    def last_solved_on(ticket):
        return None if last_solve(ticket) is None else local_day(last_solve(ticket), zone)

    def handoffs(mine):
        return Answer(mean([max(len(stations_of(t, stations)) - 1, 0) for t in mine]), len(mine))

    rows = visible(tickets, events, as_of, zone)
    return per_cell(rows, periods, by, last_solved_on, handoffs)


# --- targets -------------------------------------------------------------------------------------


def sla_state(target, now):
    """met, missed or running, seen from the instant that closes as_of."""
    fulfilled, breached = (
        at if at is not None and at < now else None
        for at in (target["fulfilled_at"], target["breached_at"])
    )
    limit = None
    if target["target_ms"] is not None:
        limit = target["applied_at"] + timedelta(milliseconds=int(target["target_ms"]))
    if fulfilled is not None:
        was_breached = breached is not None and breached <= fulfilled
        was_late = limit is not None and fulfilled > limit
        return "missed" if was_breached or was_late else "met"
    if breached is not None or (limit is not None and limit <= now):
        return "missed"
    return "running"


def sla_attainment(tickets, sla, periods, as_of, by=None, zone="UTC", metric=None):
    now = end_of_day(as_of, zone)
    ticket_of = {row["ticket_id"]: row for row in rows_of(tickets)}
    targets = []
    for row in rows_of(sla):
        if row["applied_at"] < now and metric in (None, row["metric"]):
            of_ticket = dict(ticket_of.get(row["ticket_id"], {}))
            of_ticket["priority"] = row.get("priority_at_event")
            targets.append(of_ticket | row)

    def attained(mine):
        states = [sla_state(target, now) for target in mine]
        due = states.count("met") + states.count("missed")
        return Answer(percent(states.count("met"), due), due, states.count("running"))

    return per_cell(targets, periods, by, lambda t: local_day(t["applied_at"], zone), attained)


# --- backlog -------------------------------------------------------------------------------------


def open_at_close(rows, day, zone, statuses=NOT_SOLVED):
    """The tickets that are in the backlog when a local day ends."""
    close = end_of_day(day, zone)
    return [
        t
        for t in rows
        if is_real(t) and t["created_at"] < close and status_before(t, close) in statuses
    ]


def _per_days(rows, periods, as_of, by, zone, compute):
    """Compute each cell from its tickets and those of its days that the data cover."""
    first_day = min((local_day(t["created_at"], zone) for t in rows), default=None)
    groups = [None] if by is None else sorted({group_of(row, by) for row in rows}, key=str)
    out = {}
    for period in periods:
        days = [d for d in days_of(period) if first_day is not None and first_day <= d <= as_of]
        for group in groups:
            mine = [t for t in rows if by is None or group_of(t, by) == group]
            out[(period,) if by is None else (period, group)] = compute(mine, days)
    return out


def backlog_close_of_day(
    tickets,
    events,
    periods,
    as_of,
    by=None,
    zone="UTC",
    include_pending=True,
    include_hold=True,
):
    statuses = ["new", "open"]
    statuses += ["pending"] if include_pending else []
    statuses += ["hold"] if include_hold else []

    def mean_of_days(mine, days):
        return Answer(mean([len(open_at_close(mine, d, zone, statuses)) for d in days]), len(days))

    rows = visible(tickets, events, as_of, zone)
    return _per_days(rows, periods, as_of, by, zone, mean_of_days)


def backlog_age(
    tickets,
    events,
    periods,
    as_of,
    by=None,
    zone="UTC",
    p=0.5,
    clock="calendar",
    business_ms=None,
):
    """The p-quantile of the ages in hours of all tickets open at the close of all days."""

    def ages(mine, days):
        out = []
        for day in days:
            for ticket in open_at_close(mine, day, zone):
                close = end_of_day(day, zone)
                out.append(elapsed_ms(ticket["created_at"], close, clock, business_ms))
        return Answer(in_hours(quantile(out, p)), len(out))

    rows = visible(tickets, events, as_of, zone)
    return _per_days(rows, periods, as_of, by, zone, ages)


# --- a whole request -------------------------------------------------------------------------------

KPIS = {
    f.__name__: f
    for f in (
        ticket_volume, first_resolution_time, full_resolution_time, reopen_rate, handoff_count,
        sla_attainment, backlog_close_of_day, backlog_age,
    )
}  # fmt: skip
SECOND_FRAME = {"ticket_volume": None, "sla_attainment": "ticket_sla"}
HAS_CLOCK = ("first_resolution_time", "full_resolution_time", "backlog_age")


def kpis(frames, kpi, periods, as_of, by=None, zone="UTC", business_ms=None, **conventions):
    """One KPI on a dictionary of frames (tickets, ticket_events, ticket_sla)."""
    second = SECOND_FRAME.get(kpi, "ticket_events")
    given = [frames["tickets"]] + ([] if second is None else [frames[second]])
    if kpi in HAS_CLOCK:
        conventions["business_ms"] = business_ms
    return KPIS[kpi](*given, periods, as_of, by=by, zone=zone, **conventions)


# --- random histories ------------------------------------------------------------------------------

AGENTS, GROUPS = ("ann", "bob", "cy", "dee"), ("front", "tech", "billing")
PRIORITIES = ("low", "normal", "high", "urgent")
SLA_METRICS = ("first_reply_time", "next_reply_time", "requester_wait_time", "agent_work_time")
NEXT_STATUS = {
    "new": (("open", 0.75), ("pending", 0.10), ("hold", 0.05), ("solved", 0.10)),
    "open": (("pending", 0.30), ("hold", 0.15), ("solved", 0.55)),
    "pending": (("open", 0.45), ("hold", 0.05), ("solved", 0.50)),
    "hold": (("open", 0.60), ("pending", 0.10), ("solved", 0.30)),
    "solved": (("open", 0.35), ("pending", 0.10), ("new", 0.02), ("closed", 0.53)),
    "closed": (("open", 0.70), ("solved", 0.15), ("hold", 0.15)),
}
TICKET_TIMES, EVENT_TIMES = ("created_at",), ("at",)
SLA_TIMES = ("applied_at", "breached_at", "fulfilled_at")


def _pick(rng, weighted):
    names, weights = zip(*weighted, strict=True)
    return names[rng.choice(len(names), p=weights)]


def _some(rng, names, missing=0.0):
    return None if rng.random() < missing else names[rng.integers(len(names))]


def _later(rng, at, zone):
    """An instant not before `at`: often the same one, sometimes exactly a local midnight."""
    chance = rng.random()
    if chance < 0.12:
        return at
    if chance < 0.24:
        return end_of_day(local_day(at, zone) + timedelta(days=int(rng.integers(0, 3))), zone)
    if chance < 0.30:
        return at + timedelta(days=int(rng.integers(1, 4)))  # limits of windows
    return at + timedelta(milliseconds=int(rng.exponential(22 * HOUR_MS)) + 1)


def _status_log(rng, created, zone):
    """(instant, from, to) of one life; the steps after `closed` are rare."""
    log, status, at = [], "new", created
    before = _some(rng, ("new",), missing=0.5)  # of the first event: some systems leave it out
    if rng.random() < 0.10:
        return log
    if rng.random() < 0.40:  # logged with the creation itself, as some systems do
        to = _pick(rng, (("new", 0.35), ("open", 0.55), ("solved", 0.10)))
        log.append((created, None, to))
        status = to
    for _ in range(int(rng.integers(0, 13))):
        if status == "closed" and rng.random() < 0.80:
            break
        at = _later(rng, at, zone)
        to = status if rng.random() < 0.03 else _pick(rng, NEXT_STATUS[status])
        log.append((at, status if log else before, to))
        status = to
    return log


def _station_log(rng, created, zone, names, silent_start):
    """(instant, from, to); with a silent start the first value is known only as from_value."""
    value = _some(rng, names) if silent_start and rng.random() < 0.15 else None
    log, at = [], created
    if rng.random() < 0.15:
        return log
    for _ in range(int(rng.integers(0, 6))):
        at = _later(rng, at, zone)
        to = _some(rng, names[:2] if rng.random() < 0.6 else names, missing=0.20)
        log.append((at, value, to))
        value = to
    return log


def _comment_log(rng, created, zone):
    return [(_later(rng, created, zone), None, None) for _ in range(int(rng.integers(0, 3)))]


def _sla_rows(rng, ticket, zone):
    out, applied = {}, ticket["created_at"]
    for _ in range(int(rng.integers(0, 5))):
        if rng.random() < 0.6:
            applied = _later(rng, applied, zone)
        limit = _some(rng, (1, 4, 8, 24, 72), missing=0.15)
        due = applied + timedelta(hours=limit if limit else int(rng.integers(1, 48)))
        fulfilled = breached = None
        chance = rng.random()
        if chance < 0.10:
            fulfilled = due  # exactly at the limit
        elif chance < 0.75:
            fulfilled = applied + timedelta(milliseconds=int(rng.exponential(12 * HOUR_MS)))
        if (fulfilled is None or fulfilled > due) and rng.random() < 0.70:
            breached = due
        elif rng.random() < 0.08:  # the log's own opinion: before, at or after the fulfilment
            shift = int(rng.integers(-1, 2))
            breached = (fulfilled or due) + timedelta(minutes=30 * shift)
            breached = max(breached, applied)
        metric = _some(rng, SLA_METRICS)
        out[metric, applied] = {
            "ticket_id": ticket["ticket_id"],
            "metric": metric,
            "applied_at": applied,
            "target_ms": None if limit is None else limit * HOUR_MS,
            "breached_at": breached,
            "fulfilled_at": fulfilled,
            "priority_at_event": _some(rng, PRIORITIES, missing=0.05),
        }
    return list(out.values())


def typed(rows, columns, times):
    """A frame with these columns even when there is no row; instants in microseconds."""
    frame = pd.DataFrame(rows, columns=list(columns))
    for column in frame.columns:
        if column in times:
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
        elif column == "target_ms":
            frame[column] = frame[column].astype("Int64")
        elif column in ("spam", "deleted"):
            frame[column] = frame[column].astype("boolean")
        else:
            frame[column] = frame[column].astype("object").where(frame[column].notna(), None)
    return frame


TICKET_COLUMNS = (
    "ticket_id", "requester_id", "created_at", "channel", "priority", "type", "reason_code",
    "status", "spam", "deleted", "merged_into", "created_by_role",
)  # fmt: skip
EVENT_COLUMNS = ("event_id", "ticket_id", "at", "kind", "from_value", "to_value")
SLA_COLUMNS = (
    "ticket_id", "metric", "applied_at", "target_ms", "breached_at", "fulfilled_at",
    "priority_at_event",
)  # fmt: skip


def random_tickets(rng, n, zone="UTC", first_day=date(2026, 3, 2), days=42, silent_start=True):
    """Frames of `n` tickets created over some weeks, with histories that are valid and unkind.

    All instants are whole milliseconds. The order of event_id (text of one length) is the order in
    which things happened; the rows are shuffled. Lives go on for weeks after the last creation.
    """
    opening = end_of_day(first_day - timedelta(days=1), zone)
    tickets, events, sla = [], [], []
    for i in range(n):
        created = opening + timedelta(milliseconds=int(rng.integers(days * 24 * HOUR_MS)))
        if rng.random() < 0.08:
            created = end_of_day(local_day(created, zone), zone)
        ticket = {
            "ticket_id": f"t{i:05d}",
            "requester_id": _some(rng, [f"k{j}" for j in range(max(2, n // 4))], missing=0.10),
            "created_at": created,
            "channel": _some(rng, ("email", "web", "chat"), missing=0.04),
            "priority": _some(rng, PRIORITIES, missing=0.15),
            "type": _some(rng, ("question", "incident", "problem"), missing=0.20),
            "reason_code": _some(rng, ("bill", "fault", "move"), missing=0.15),
            "spam": bool(rng.random() < 0.04),
            "deleted": bool(rng.random() < 0.04),
            "merged_into": f"t{int(rng.integers(n)):05d}" if rng.random() < 0.05 else None,
            "created_by_role": _some(rng, ("customer", "agent"), missing=0.10),
        }
        if ticket["merged_into"] == ticket["ticket_id"]:
            ticket["merged_into"] = None
        lives = {
            "status": _status_log(rng, created, zone),
            "assignee": _station_log(rng, created, zone, AGENTS, silent_start),
            "group": _station_log(rng, created, zone, GROUPS, silent_start),
            "priority": _station_log(rng, created, zone, PRIORITIES, False)[:2],
            "comment_public_agent": _comment_log(rng, created, zone),
            "comment_internal": _comment_log(rng, created, zone),
            "comment_customer": _comment_log(rng, created, zone),
        }
        if rng.random() < 0.03:
            lives = {"status": []}  # nothing was ever logged
        life = lives["status"]
        ticket["status"] = life[-1][2] if life else "new"
        for kind, log in lives.items():
            events += [(at, ticket["ticket_id"], kind, before, to) for at, before, to in log]
        sla += _sla_rows(rng, ticket, zone)
        tickets.append(ticket)
    events.sort(key=lambda event: event[0])  # stable: simultaneous ones stay in their order
    log = [
        {"event_id": f"e{i:07d}", "ticket_id": ticket, "at": at, "kind": kind,
         "from_value": before, "to_value": to}
        for i, (at, ticket, kind, before, to) in enumerate(events)
    ]  # fmt: skip

    def shuffled(rows):
        return [rows[i] for i in rng.permutation(len(rows))]

    return {
        "tickets": typed(shuffled(tickets), TICKET_COLUMNS, TICKET_TIMES),
        "ticket_events": typed(shuffled(log), EVENT_COLUMNS, EVENT_TIMES),
        "ticket_sla": typed(shuffled(sla), SLA_COLUMNS, SLA_TIMES),
    }
