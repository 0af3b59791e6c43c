"""Every KPI again, from the words of its definition, one contact at a time.

Nothing here is fast and nothing is shared with the library. `contacts_of` turns a frame into plain
records with local time; `value_of` computes one KPI on the records of one cell.

How the words were read where they leave a choice:

- A phantom is no contact: it is in no KPI and in no customer's history.
- Offered: inbound, and a queue was entered or an agent answered at once (a wait of zero). Whether
  the wait is known has no part in it. Left in the IVR is not offered.
- A contact whose wait is not known can meet no threshold and miss none: it is on neither side.
- An hour-glass of seconds is closed: a wait of exactly T meets T, a repeat after exactly N days is
  one, an abandon after exactly s seconds is short.
- Repeats are looked for in the customer's whole visible history, whatever period or filter is asked
  for; contacts without the keys that the comparison needs are on neither side.
- Patience is that of contacts which entered a queue: whoever was answered at once had no wait to bear.
- A window is closed when all of it lies before the last visible contact: what came after that instant
  nobody has seen, although the day went on.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pandas as pd

MISSING = "(missing)"
UTC = ZoneInfo("UTC")
PERIODS = ("day", "week", "month", "quarter")
COLUMN = {
    "channel": "channel", "platform": "platform", "direction": "direction", "queue": "queue_id",
    "team": "team", "agent": "agent_id", "site": "site", "reason": "reason_code",
    "product": "product", "customer_segment": "customer_segment", "language": "language",
    "plan": "plan",
}  # fmt: skip


# --- records -----------------------------------------------------------------------------------


def _plain(value):
    return None if value is None or value is pd.NaT or value is pd.NA or value != value else value


_kept = {}  # records of the frames seen, so that a thousand tests convert a frame once


def records(frame, zone):
    """Dictionaries with None for what is missing, and the local start as a naive datetime."""
    if (id(frame), zone) in _kept:
        return _kept[id(frame), zone][1]
    out = []
    for row in frame.to_dict("records"):
        row = {key: _plain(value) for key, value in row.items()}
        at = row["started_at"].to_pydatetime().replace(tzinfo=UTC)
        row["utc"] = at
        row["local"] = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        out.append(row)
    _kept[id(frame), zone] = (frame, out)  # the frame too, or its id could be given again
    return out


def dimension(row, name):
    """The group of a contact."""
    local = row["local"]
    if name == "hour":
        return local.hour
    if name == "interval30":
        return local.hour * 2 + local.minute // 30
    if name == "day":
        return local.date()
    if name == "week":
        return local.date() - timedelta(days=local.weekday())
    if name == "month":
        return local.date().replace(day=1)
    if name == "quarter":
        return local.date().replace(month=(local.month - 1) // 3 * 3 + 1, day=1)
    value = row.get(COLUMN[name])
    return MISSING if value is None else value


# --- what a contact is -------------------------------------------------------------------------


def is_contact(row):
    return row["outcome"] != "phantom"


def is_inbound(row):
    return row["direction"] != "outbound"


def is_queued(row):
    return is_contact(row) and is_inbound(row) and row["enqueued_at"] is not None


def is_answered(row):
    return row["outcome"] == "answered"


def is_answered_at_once(row):
    return is_inbound(row) and is_answered(row) and row["wait_ms"] == 0


def is_offered(row):
    return is_queued(row) or is_answered_at_once(row)


def is_abandoned(row):
    return is_inbound(row) and row["outcome"] == "abandoned"


def is_short(row, short_abandon_s):
    if short_abandon_s is None or not is_abandoned(row):
        return False
    return row["wait_ms"] <= short_abandon_s * 1000


def share(numerator, denominator):
    """(value in per cent, n); no value on an empty denominator."""
    n = len(denominator)
    return (100 * len(numerator) / n if n else None), n


def mean_s(milliseconds):
    n = len(milliseconds)
    return (sum(milliseconds) / n / 1000 if n else None), n


# --- one function a KPI: records of one cell in, (value, n) out -----------------------------------


def contact_volume(rows, basis="queue", short_abandon_s=None):
    if basis == "queue":
        counted = [r for r in rows if is_offered(r)]
    else:
        counted = [r for r in rows if is_contact(r) and is_inbound(r)]
    counted = [r for r in counted if not is_short(r, short_abandon_s)]
    return len(counted), len(counted)


def abandonment_rate(rows, denominator="offered", short_abandon_s=None):
    rows = [r for r in rows if is_inbound(r) and not is_short(r, short_abandon_s)]
    abandoned = [r for r in rows if is_abandoned(r)]
    if denominator == "queued":
        base = [r for r in rows if is_queued(r)]
    elif denominator == "offered":
        base = [r for r in rows if is_offered(r)]
    elif denominator == "handled_plus_abandoned":
        base = [r for r in rows if is_answered(r) or is_abandoned(r)]
    else:  # every conversation there was, the abandoned ones included
        base = [r for r in rows if is_contact(r)]
    return share(abandoned, base)


def short_abandon_rate(rows, short_abandon_s=5):
    short = [r for r in rows if is_short(r, short_abandon_s)]
    return share(short, [r for r in rows if is_offered(r)])


def service_level(
    rows, threshold_s=20, abandon_mode="negative", short_abandon_s=None, include_flowouts=False
):
    limit = threshold_s * 1000
    rows = [r for r in rows if is_offered(r) and r["wait_ms"] is not None]
    rows = [r for r in rows if not is_short(r, short_abandon_s)]
    if not include_flowouts:
        rows = [r for r in rows if r["outcome"] != "flowed_out"]
    answered_in = [r for r in rows if is_answered(r) and r["wait_ms"] <= limit]
    abandoned_in = [r for r in rows if is_abandoned(r) and r["wait_ms"] <= limit]
    if abandon_mode == "negative":
        return share(answered_in, rows)
    if abandon_mode == "ignore":
        removed = {r["contact_id"] for r in abandoned_in}
        return share(answered_in, [r for r in rows if r["contact_id"] not in removed])
    if abandon_mode == "positive":  # whatever was removed from the queue in time
        callback_in = [r for r in rows if r["outcome"] == "callback" and r["wait_ms"] <= limit]
        return share(answered_in + abandoned_in + callback_in, rows)
    kept = ("answered", "flowed_out") if include_flowouts else ("answered",)
    return share(answered_in, [r for r in rows if r["outcome"] in kept])


def asa(rows):
    return mean_s(
        [
            r["wait_ms"]
            for r in rows
            if is_inbound(r) and is_answered(r) and r["wait_ms"] is not None
        ]
    )


def avg_time_to_abandon(rows, estimator="mean", short_abandon_s=None):
    rows = [r for r in rows if not is_short(r, short_abandon_s)]
    if estimator == "mean":
        return mean_s([r["wait_ms"] for r in rows if is_abandoned(r)])
    waited = [r for r in rows if is_queued(r) and r["wait_ms"] is not None]
    return kaplan_meier([(r["wait_ms"], is_abandoned(r)) for r in waited]), len(waited)


def kaplan_meier(waits):
    """Restricted mean patience in s: the area under the curve up to the largest observed wait."""
    if not any(left for _, left in waits):
        return None
    area, alive, before = 0.0, 1.0, 0
    for moment in sorted({wait for wait, _ in waits}):
        area += alive * (moment - before)
        at_risk = sum(1 for wait, _ in waits if wait >= moment)
        leaving = sum(1 for wait, left in waits if left and wait == moment)
        alive *= 1 - leaving / at_risk
        before = moment
    return area / 1000


def longest_wait(rows, include_abandoned=True):
    waited = [r for r in rows if is_offered(r) and r["wait_ms"] is not None]
    if not include_abandoned:
        waited = [r for r in waited if not is_abandoned(r)]
    return max((r["wait_ms"] / 1000 for r in waited), default=None), len(waited)


COMPONENTS = {
    "talk_hold_wrap": ("talk_ms", "hold_ms", "wrap_ms"),
    "talk_wrap": ("talk_ms", "wrap_ms"),
    "talk_hold": ("talk_ms", "hold_ms"),
}


def aht(rows, components="talk_hold_wrap"):
    """In- and outbound. Hold or wrap that were not recorded add nothing; unknown talk is not zero."""
    handled = []
    for r in rows:
        parts = [r[column] for column in COMPONENTS[components] if r[column] is not None]
        if is_answered(r) and r["talk_ms"] is not None:
            handled.append(sum(parts))
    return mean_s(handled)


def occupancy(rows, convention="aws"):
    """Records of agent_states here."""
    spent = {"interacting": 0, "idle": 0, "not_responding": 0, "off_queue": 0}
    for r in rows:
        spent[r["routing_status"]] += (r["ended_at"] - r["started_at"]).total_seconds()
    on_queue = spent["interacting"] + spent["idle"]
    return (100 * spent["interacting"] / on_queue if on_queue else None), None


# --- repeats -------------------------------------------------------------------------------------


def same_matter(a, b, same_reason, cross_channel):
    if a["customer_id"] != b["customer_id"]:
        return False
    if same_reason and a["reason_code"] != b["reason_code"]:
        return False
    return cross_channel or a["channel"] == b["channel"]


def is_comparable(row, same_reason):
    known = row["customer_id"] is not None and (row["reason_code"] is not None or not same_reason)
    return is_contact(row) and is_inbound(row) and known


def mark(history, window_d=7, same_reason=False, cross_channel=True, closed_at=None):
    """For each comparable contact: was there one before, is there one after, is the window closed."""
    window = timedelta(days=window_d)
    usable = sorted(
        (r for r in history if is_comparable(r, same_reason)),
        key=lambda r: (r["utc"], r["contact_id"]),
    )
    of_customer = {}
    for row in usable:
        of_customer.setdefault(row["customer_id"], []).append(row)
    marks = {}
    for mine in of_customer.values():
        for i, row in enumerate(mine):
            alike = lambda other: same_matter(row, other, same_reason, cross_channel)  # noqa: B023, E731
            before = [r for r in mine[:i] if alike(r) and row["utc"] - r["utc"] <= window]
            after = [r for r in mine[i + 1 :] if alike(r) and r["utc"] - row["utc"] <= window]
            marks[row["contact_id"]] = {
                "before": bool(before),
                "after": bool(after),
                "closed": row["utc"] + window <= closed_at,
            }
    return marks


def repeat_contact_rate(rows, marks, direction="look_back", **_):
    known = [r for r in rows if r["contact_id"] in marks]
    mark_of = {r["contact_id"]: marks[r["contact_id"]] for r in known}
    if direction == "look_back":
        return share([r for r in known if mark_of[r["contact_id"]]["before"]], known)
    closed = [r for r in known if mark_of[r["contact_id"]]["closed"]]
    return share([r for r in closed if mark_of[r["contact_id"]]["after"]], closed)


def fcr_repeat_window(rows, marks, **_):
    """An issue is the first contact of a chain; solved when nothing follows it within N days."""
    first = [r for r in rows if r["contact_id"] in marks and not marks[r["contact_id"]]["before"]]
    closed = [r for r in first if marks[r["contact_id"]]["closed"]]
    return share([r for r in closed if not marks[r["contact_id"]]["after"]], closed)


def pending_issues(rows, marks):
    return sum(
        1
        for r in rows
        if r["contact_id"] in marks
        and not marks[r["contact_id"]]["before"]
        and not marks[r["contact_id"]]["closed"]
    )


KPIS = {
    f.__name__: f
    for f in (
        contact_volume, abandonment_rate, short_abandon_rate, service_level, asa,
        avg_time_to_abandon, longest_wait, aht, occupancy, repeat_contact_rate, fcr_repeat_window,
    )
}  # fmt: skip
LOOKING_AROUND = ("repeat_contact_rate", "fcr_repeat_window")


# --- a whole request -------------------------------------------------------------------------------


def kpis(
    frame, kpi, by=(), where=None, since=None, until=None, as_of=None, zone="UTC", **conventions
):
    """{cell: (value, n)} where a cell is the tuple of its groups in the order of `by`."""
    rows = records(frame, zone)
    last = as_of or max(r["local"].date() for r in rows)
    visible = [r for r in rows if r["local"].date() <= last]
    extra = {}
    if kpi in LOOKING_AROUND:
        window = {k: v for k, v in conventions.items() if k != "direction"}
        extra["marks"] = mark(visible, closed_at=max(r["utc"] for r in visible), **window)
    cells = {}
    for row in visible:
        day = row["local"].date()
        if (since and day < since) or (until and day > until):
            continue
        wanted = {
            name: value if isinstance(value, (list, tuple, set)) else [value]
            for name, value in (where or {}).items()
        }
        if all(dimension(row, name) in values for name, values in wanted.items()):
            cells.setdefault(tuple(dimension(row, name) for name in by), []).append(row)
    return {cell: KPIS[kpi](mine, **extra, **conventions) for cell, mine in cells.items()}
