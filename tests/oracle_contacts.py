"""The KPIs of contacts again, from the words of their definitions: waiting, handling, repeats,
resolution, self-service and digital sessions.

Nothing here is fast and nothing is shared with the library but the opened tables. Every function of
ORACLES takes them, the first and the last local day asked (both included), a filter on dimensions
(None means missing) and conventions by keyword; it gives the KPI in its unit, None where there is
nothing to divide by. `as_of` is the last day that exists (default: all of it does); `known_until`,
where windows must close, is the instant up to which follow-ups are known.

How the words were read where they leave a choice:

- The end of the data is the end of the local day of the last visible start (contacts; with callbacks
  also queue_events, with sessions of any channel also sessions; digital leaks: contacts and digital
  events). A window that ends exactly there is closed, and `within` includes its limit.
- The centre's zone is in no table: it is the zone (of a site, or UTC) in which the tables without a
  site have their half-hours. A survey's day of answer and a period's midnights are in that zone.
- A row lacks a dimension when its table has no such column; a null of its own stays a null. The
  agent of a survey is `agent_at_rating`, its language is its own.
- Followers and forerunners are inbound contacts of identified customers, in the whole visible data,
  whatever the period and filter; at one instant the order is that of contact_id. With same_reason
  contacts without a reason are on neither side, of `repeat_customers` and of the chains too.
- callback_completion_rate: the customer is reached when the other stay was answered, not before the
  callback was taken; or when the contact that points back started, whatever the two clocks say.
  Without a window nothing is pending.
- transfer_rate, conference_rate, fcr_no_transfer: contacts without legs are on neither side.
- transfer_rate, conference_rate: handled needs a known talk time, on both sides. Legs are those of
  handled contacts, by day and dimensions of their contact. Segments without transfer_type are no
  transfers whatever their queues. The department of a queue is its skill when the leg began, a
  queue with one version has always had it; without queues each is a department. A move within one
  queue stays in its department.
- escalation_rate: an escalation to nobody named is neither functional nor hierarchic.
- overflow_share: an unknown route is no overflow; the agent's specialty is that of the contact's
  agent when the stay was answered.
- fcr_failure_mix: a review without a cause is a reviewed failure of no cause; reviews of a contact
  are all of them, in or out of the slice; a sampling chance of zero is unknown.
- fcr_survey, unit customer: the first answer with a yes or no by instant, then survey_id, before any
  filter; unknown customers are left out. Day of the contact: answers without a contact are out.
- fcr_no_transfer: an e-mail without an end is not solved while there is a limit.
- repeat_customers: contacts count on started_on, as everywhere.
- Chains: resolved by survey = closed, and any answered transactional survey of the last contact says
  yes. With self-service, sessions make chains of their own too, have no reason, and lend a chain
  that they begin their day, platform, channel, and the segment and language of `customers`.
- disloyalty_rate: the first answered contact in the span, then the filter. A null end_reason is
  unknown, but a stretch that goes on at that instant (change of plan) did not end. Intent: nps known.
- contained_no_callback_rate: sessions without a customer are on neither side. A visit without an end
  ends when it began. A return starts later than that.
- deflection_rate: a contained session that was handed over as well is one need, and met.
- digital_failure_rate: a session's customer is the first that an event names, else that of the
  self-service session of the same id; with `leak` the window begins with its last event, and any
  session whose window is open or whose customer is unknown is on neither side. Platform and channel
  come from the self-service session too.
"""

from collections import defaultdict
from functools import wraps
from typing import NamedTuple

import pandas as pd

COLUMN = {
    "channel": "channel", "platform": "platform", "direction": "direction", "queue": "queue_id",
    "team": "team", "agent": "agent_id", "site": "site", "reason": "reason_code",
    "product": "product", "customer_segment": "customer_segment", "language": "language",
    "plan": "plan",
}  # fmt: skip
OF_CUSTOMER = {"customer_segment": "segment", "language": "language"}
EVENT = {
    "contacts": "started", "queue_events": "enqueued", "contact_segments": "started",
    "agent_states": "started", "attempts": "at", "tickets": "created", "ticket_events": "at",
    "reviews": "reviewed", "surveys": "invited", "complaints": "at", "subscriptions": "started",
    "self_service_sessions": "started", "digital_events": "at", "orders": "at",
}  # fmt: skip
WITHOUT_SITE = ("orders", "attempts", "queue_events", "surveys", "subscriptions", "complaints")
AUTHORITY = ("manager", "supervisor", "lead", "management")
DAYS_IN_MONTH = 30.4375


class Ask(NamedTuple):
    first: pd.Timestamp
    last: pd.Timestamp
    where: dict


ORACLES = {}


def kpi(function):
    """Enter a function among the oracles, with what every one of them takes."""

    @wraps(function)
    def run(tables, first, last, where=None, *, as_of=None, **conventions):
        ask = Ask(pd.Timestamp(first), pd.Timestamp(last), where or {})
        return function(visible(tables, as_of), ask, **conventions)

    ORACLES[function.__name__] = run
    return run


# --- columns -------------------------------------------------------------------------------------


def col(frame, name):
    """A column, all null where the table lacks it."""
    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="object")


def number(frame, name):
    return pd.to_numeric(col(frame, name), errors="coerce").astype("float64")


def instant(frame, name):
    return pd.to_datetime(col(frame, name))


def same(values, wanted):
    """Which values are this one; unknown is not."""
    return values.eq(wanted).fillna(False).astype(bool)


def choose(value, *options):
    if value not in options:
        raise ValueError(f"{value!r} is none of {options}")
    return value


def ratio(numerator, denominator, scale=1.0):
    return scale * float(numerator) / float(denominator) if denominator else None


def share(hit, base):
    """Per cent of the rows of `base` that are marked in `hit`; both are masks."""
    return ratio((hit & base).sum(), base.sum(), 100)


# --- time ----------------------------------------------------------------------------------------


def local(times, zone):
    return pd.to_datetime(times).dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)


def centre_zone(tables):
    """The zone in which rows without a site have the half-hours that they carry."""
    sites = tables.get("sites")
    zones = [] if sites is None else list(dict.fromkeys(sites["zone"]))
    for zone in [*zones, "UTC"]:
        if all(_fits(tables[name], EVENT[name], zone) for name in WITHOUT_SITE if name in tables):
            return zone
    return "UTC"


def _fits(frame, stem, zone):
    event = "at" if stem == "at" else f"{stem}_at"
    known = frame[frame[event].notna()]
    there = local(known[event], zone)
    return bool((there.dt.hour * 2 + there.dt.minute // 30 == known[f"{stem}_half_hour"]).all())


def midnight(day, zone):
    """The instant (naive UTC) at which a local day begins."""
    return day.tz_localize(zone).tz_convert("UTC").tz_localize(None)


def answered_on(tables, surveys):
    if "answered_on" in surveys:
        return pd.to_datetime(surveys["answered_on"])
    return local(surveys["answered_at"], centre_zone(tables)).dt.normalize()


def visible(tables, as_of):
    """The tables as they stood at the end of that day."""
    if as_of is None:
        return tables
    day, out = pd.Timestamp(as_of), dict(tables)
    for name, stem in EVENT.items():
        if name in out:
            on = pd.to_datetime(out[name][f"{stem}_on"])
            out[name] = out[name][on.isna() | (on <= day)]
    if "surveys" in out:
        late = answered_on(tables, out["surveys"]) > day
        out["surveys"] = out["surveys"].assign(
            answered_at=out["surveys"]["answered_at"].mask(late),
        )
    return out


def end_of_data(tables, known_until, *names):
    """The instant up to which follow-ups are known."""
    if known_until is not None:
        return pd.Timestamp(known_until)
    events = {"queue_events": "enqueued_at", "digital_events": "at"}
    lasts = [tables[n][events.get(n, "started_at")].max() for n in names if n in tables]
    last = max((last for last in lasts if not pd.isna(last)), default=None)
    if last is None:
        return pd.NaT
    zone = centre_zone(tables)
    day = local(pd.Series([last]), zone)[0].normalize()
    return midnight(day + pd.Timedelta(days=1), zone)


# --- slices --------------------------------------------------------------------------------------


def in_days(days, ask):
    days = pd.to_datetime(days)
    return (days >= ask.first) & (days <= ask.last)


def dimension(tables, name, frame, wanted):
    """The value of a dimension for each row of (a part of) a table."""
    column = "agent_at_rating" if (name, wanted) == ("surveys", "agent") else COLUMN[wanted]
    if column in frame:
        return frame[column]
    contacts = tables.get("contacts")
    if name != "contacts" and "contact_id" in frame and contacts is not None:
        if column in contacts:
            return frame["contact_id"].map(contacts.set_index("contact_id")[column])
    if wanted in ("team", "site") and "agent_id" in frame and "agents" in tables:
        return pd.Series(agent_facts(tables, frame, frame["started_at"], wanted), frame.index)
    if wanted in OF_CUSTOMER and "customer_id" in frame and "customers" in tables:
        of = tables["customers"].set_index("customer_id")
        return frame["customer_id"].map(of[OF_CUSTOMER[wanted]])
    raise LookupError(f"{name} has no {wanted}")


def agent_facts(tables, frame, times, column):
    """What the agents' versions of the time say, one value a row."""
    versions = defaultdict(list)
    for row in tables["agents"].to_dict("records"):
        versions[row["agent_id"]].append((row["valid_from"], row.get("valid_to"), row.get(column)))
    return [
        next(
            (v for a, b, v in versions[agent] if a <= at and (pd.isna(b) or at < b)),
            None,
        )
        for agent, at in zip(frame["agent_id"], times, strict=True)
    ]


def fits(tables, name, frame, where):
    """Which rows the filter lets through."""
    mask = pd.Series(True, index=frame.index)
    for wanted, value in where.items():
        values = dimension(tables, name, frame, wanted)
        mask &= values.isna() if value is None else same(values, value)
    return mask


def slice_of(tables, name, ask, day=None):
    """The rows of a table that count in the period and fit the filter."""
    frame = tables[name]
    frame = frame[in_days(frame[f"{EVENT[name]}_on"] if day is None else day, ask)]
    return frame[fits(tables, name, frame, ask.where)]


# --- what a contact is ---------------------------------------------------------------------------


def is_inbound(contacts):
    direction = col(contacts, "direction")
    return ~same(contacts["outcome"], "phantom") & (direction.isna() | same(direction, "inbound"))


def is_answered(contacts):
    return is_inbound(contacts) & same(contacts["outcome"], "answered")


def is_queued(contacts):
    entered = "enqueued_at" if "enqueued_at" in contacts else "wait_ms"
    return is_inbound(contacts) & col(contacts, entered).notna()


def is_offered(contacts):
    return is_queued(contacts) | is_answered(contacts)


def is_handled(contacts):
    return same(contacts["outcome"], "answered") & number(contacts, "talk_ms").notna()


def handled(tables, ask):
    contacts = slice_of(tables, "contacts", ask)
    return contacts[is_handled(contacts)]


def customer(frame):
    return col(frame, "customer_no" if "customer_no" in frame else "customer_id")


def identified(tables, same_reason=False):
    """Inbound contacts whose customer (and reason, if asked) is known, in their order."""
    contacts = tables["contacts"]
    known = is_inbound(contacts) & customer(contacts).notna()
    if same_reason:
        known &= col(contacts, "reason_code").notna()
    contacts = contacts[known].assign(who=customer(contacts)[known])
    return contacts.sort_values(["started_at", "contact_id"])


# --- customer/waiting ----------------------------------------------------------------------------


@kpi
def answer_rate(tables, ask, treat_flowouts="keep", treat_callbacks="keep", short_abandon_s=None):
    """Answered of offered, per cent."""
    contacts = slice_of(tables, "contacts", ask)
    base = is_offered(contacts)
    if choose(treat_flowouts, "keep", "drop") == "drop":
        base &= ~same(contacts["outcome"], "flowed_out")
    if choose(treat_callbacks, "keep", "drop") == "drop":
        base &= ~same(contacts["outcome"], "callback")
    if short_abandon_s is not None:
        soon = number(contacts, "wait_ms") <= short_abandon_s * 1000
        base &= ~(same(contacts["outcome"], "abandoned") & soon)
    return share(is_answered(contacts), base)


@kpi
def blocked_rate(tables, ask):
    """Attempts that were refused, per cent of all."""
    attempts = slice_of(tables, "attempts", ask)
    return ratio(same(attempts["outcome"], "blocked").sum(), len(attempts), 100)


@kpi
def callback_completion_rate(tables, ask, window_h=None, known_until=None):
    """Accepted callbacks after which the customer was reached, per cent."""
    reached = _reached(tables)
    stays = slice_of(tables, "queue_events", ask)
    stays = stays[instant(stays, "callback_at").notna()]
    end = end_of_data(tables, known_until, "contacts", "queue_events") if len(stays) else None
    hits, base = 0, 0
    for row in stays.to_dict("records"):
        asked, limit = row["callback_at"], pd.Timestamp.max
        if window_h is not None:
            limit = asked + pd.Timedelta(hours=window_h)
            if limit > end:
                continue
        base += 1
        times = [
            at
            for event, at in reached[row["contact_id"]]
            if event is None or (event != row["event_id"] and asked <= at)
        ]
        hits += any(at <= limit for at in times)
    return ratio(hits, base, 100)


def _reached(tables):
    """For each contact the (stay, instant) at which its customer was rung back and answered."""
    out = defaultdict(list)
    stays = tables["queue_events"]
    back = stays[same(col(stays, "route_type"), "callback") & instant(stays, "answered_at").notna()]
    for row in back.to_dict("records"):
        out[row["contact_id"]].append((row["event_id"], row["answered_at"]))
    contacts = tables.get("contacts")
    if contacts is not None:
        back = same(col(contacts, "initiation"), "callback") & same(contacts["outcome"], "answered")
        for row in contacts[back].to_dict("records"):
            for link in {row.get("prev_id"), row.get("root_id"), row.get("related_id")}:
                if link != row["contact_id"]:
                    out[link].append((None, row["started_at"]))
    return out


@kpi
def hold_time_avg(tables, ask, denominator="held"):
    """Seconds on hold a contact."""
    hold = number(handled(tables, ask), "hold_ms").dropna()
    if choose(denominator, "held", "handled") == "held":
        hold = hold[hold > 0]
    return ratio(hold.sum(), len(hold), 0.001)


# --- efficiency/handling -------------------------------------------------------------------------


@kpi
def agent_interaction_time(tables, ask):
    """Seconds of talk a handled contact."""
    talk = number(handled(tables, ask), "talk_ms")
    return ratio(talk.sum(), len(talk), 0.001)


@kpi
def acw_time(tables, ask, cap_s=None):
    """Seconds of wrap-up a handled contact."""
    wrap = number(handled(tables, ask), "wrap_ms").dropna()
    if cap_s is not None:
        wrap = wrap.clip(upper=cap_s * 1000)
    return ratio(wrap.sum(), len(wrap), 0.001)


@kpi
def contacts_per_agent_day(tables, ask, denominator="agent_days"):
    """Handled contacts a day of an agent, or per eight hours logged in."""
    contacts = handled(tables, ask)
    contacts = contacts[contacts["agent_id"].notna()]
    if choose(denominator, "agent_days", "logged_hours") == "agent_days":
        return ratio(len(contacts), len(contacts[["agent_id", "started_on"]].drop_duplicates()))
    states = slice_of(tables, "agent_states", ask)
    return ratio(len(contacts), number(states, "duration_ms").sum() / 3_600_000 / 8)


@kpi
def inbound_calls_handled(tables, ask, channel_scope="voice"):
    """Inbound contacts that were connected to an agent."""
    contacts = slice_of(tables, "contacts", ask)
    mine = is_answered(contacts) & col(contacts, "agent_id").notna()
    if choose(channel_scope, "voice", "any") == "voice":
        mine &= same(contacts["channel"], "voice")
    return float(mine.sum())


def is_transfer(segments, scope="any", kind="all", include_queue_overflow=True):
    """Which legs passed the contact on, in the scope asked."""
    way = col(segments, "transfer_type")
    source, target = col(segments, "from_queue"), col(segments, "to_queue")
    known = source.notna() & target.notna()
    moved = known & source.ne(target).fillna(False).astype(bool)
    mask = way.notna()
    if choose(scope, "any", "department", "external") == "department":
        mask &= moved
    elif scope == "external":
        mask &= same(way, "external")
    if choose(kind, "all", "blind", "consult", "queue") != "all":
        mask &= same(way, kind)
    return mask if include_queue_overflow else mask & ~same(way, "queue")


def is_conference(segments):
    return same(col(segments, "conference"), True) | same(segments["type"], "conference")


def is_of_cause(tables, segments, cause):
    """Legs to another department (another skill), or within the same one."""
    if choose(cause, "any", "wrong_department", "system") == "any":
        return pd.Series(True, segments.index)
    versions = queue_versions(tables)
    found = []
    for leg in segments.to_dict("records"):
        source, target = leg.get("from_queue"), leg.get("to_queue")
        before, after = (department(versions, q, leg["started_at"]) for q in (source, target))
        if pd.isna(source) or pd.isna(target):
            found.append(None)
        elif source == target:
            found.append("system")
        elif pd.isna(before) or pd.isna(after):
            found.append(None)
        else:
            found.append("system" if before == after else "wrong_department")
    return same(pd.Series(found, segments.index, dtype="object"), cause)


def queue_versions(tables):
    """The versions of each queue in their order; None where no table tells of skills."""
    if "queues" not in tables or "skill" not in tables["queues"]:
        return None
    rows = tables["queues"].sort_values("valid_from")
    return {queue: own.to_dict("records") for queue, own in rows.groupby("queue_id")}


def department(versions, queue, at):
    """The skill of a queue at an instant; the queue itself where nothing tells of skills."""
    if versions is None:
        return queue
    mine = versions.get(queue, [])
    if len(mine) < 2:
        return mine[0]["skill"] if mine else None
    follows = [row["valid_from"] for row in mine[1:]] + [None]
    for row, following in zip(mine, follows, strict=True):
        until = row.get("valid_to")
        until = following if pd.isna(until) else until
        if row["valid_from"] <= at and (pd.isna(until) or at < until):
            return row["skill"]
    return None


def with_legs(tables, contacts):
    """Contacts of which a leg is known: of the others nobody can say what became of them."""
    return contacts[contacts["contact_id"].isin(tables["contact_segments"]["contact_id"])]


@kpi
def transfer_rate(
    tables, ask, scope="any", kind="all", unit="contacts", include_queue_overflow=True, cause="any"
):
    """Handled contacts (or their legs) that were passed on, per cent."""
    contacts = with_legs(tables, handled(tables, ask))
    segments = tables["contact_segments"]
    segments = segments[segments["contact_id"].isin(contacts["contact_id"])]
    passed = is_transfer(segments, scope, kind, include_queue_overflow)
    passed &= is_of_cause(tables, segments, cause)
    if choose(unit, "contacts", "legs") == "contacts":
        return ratio(segments.loc[passed, "contact_id"].nunique(), len(contacts), 100)
    legs = segments["type"].isin(["talk", "conference"]) & col(segments, "agent_id").notna()
    return ratio(passed.sum(), legs.sum(), 100)


@kpi
def conference_rate(tables, ask, include_consult=False):
    """Handled contacts with a conference, per cent."""
    contacts = with_legs(tables, handled(tables, ask))
    segments = tables["contact_segments"]
    mask = is_conference(segments)
    if not include_consult:
        mask &= ~same(col(segments, "transfer_type"), "consult")
    hit = contacts["contact_id"].isin(segments.loc[mask, "contact_id"])
    return ratio(hit.sum(), len(contacts), 100)


@kpi
def escalation_rate(tables, ask, kind="both"):
    """Tickets created that were escalated, per cent."""
    tickets = slice_of(tables, "tickets", ask)
    gone = same(col(tickets, "spam"), True) | same(col(tickets, "deleted"), True)
    tickets = tickets[~gone & col(tickets, "merged_into").isna()]
    events = tables["ticket_events"]
    events = events[same(events["kind"], "escalate")]
    if kind != "both" and not col(events, "to_value").notna().any():
        return None  # nobody wrote down to whom: neither kind is known
    hit = set()
    for ticket, to in zip(events["ticket_id"], col(events, "to_value"), strict=True):
        named = not pd.isna(to)
        above = named and any(word in str(to).lower() for word in AUTHORITY)
        if {"both": True, "hierarchic": above, "functional": named and not above}[kind]:
            hit.add(ticket)
    return ratio(tickets["ticket_id"].isin(hit).sum(), len(tickets), 100)


@kpi
def overflow_share(tables, ask, wrong="route"):
    """Answered stays that were served outside the primary skill, per cent."""
    stays = slice_of(tables, "queue_events", ask)
    stays = stays[instant(stays, "answered_at").notna()]
    if choose(wrong, "route", "specialty") == "route":
        return ratio(same(col(stays, "route_type"), "overflow").sum(), len(stays), 100)
    agent = stays["contact_id"].map(tables["contacts"].set_index("contact_id")["agent_id"])
    stays = stays.assign(agent_id=agent)
    trade = agent_facts(tables, stays, stays["answered_at"], "specialty")
    pairs = [
        (has, needs)
        for has, needs in zip(trade, col(stays, "primary_skill"), strict=True)
        if not pd.isna(has) and not pd.isna(needs)
    ]
    return ratio(sum(has != needs for has, needs in pairs), len(pairs), 100)


# --- efficiency/repeats --------------------------------------------------------------------------


@kpi
def fcr_agent_declared(tables, ask):
    """Handled contacts that the agent ticked as resolved, per cent of those ticked either way."""
    flag = col(handled(tables, ask), "agent_fcr_flag").dropna()
    return ratio(same(flag, True).sum(), len(flag), 100)


def neighbours(tables, window_d, same_reason, cross_channel):
    """Identified inbound contacts, and whether another lies within the window before and after."""
    contacts = identified(tables, same_reason)
    keys = ["who"] + ["reason_code"] * same_reason + ["channel"] * (not cross_channel)
    times = contacts.groupby(keys)["started_at"]
    window = pd.Timedelta(days=window_d)
    return contacts.assign(
        repeats=contacts["started_at"] - times.shift(1) <= window,
        repeated=times.shift(-1) - contacts["started_at"] <= window,
    )


@kpi
def agent_repeat_rate(
    tables, ask, window_d=7, same_reason=False, cross_channel=True, known_until=None
):
    """Contacts answered by an agent that the customer followed by another, per cent."""
    contacts = neighbours(tables, window_d, same_reason, cross_channel)
    mine = contacts[is_answered(contacts) & col(contacts, "agent_id").notna()]
    mine = slice_of(tables | {"contacts": mine}, "contacts", ask)
    end = end_of_data(tables, known_until, "contacts")
    closed = mine["started_at"] + pd.Timedelta(days=window_d) <= end
    return share(mine["repeated"], closed)


@kpi
def unnecessary_contact_rate(tables, ask, count_repeats=False):
    """Inbound contacts whose reason the map calls avoidable, per cent of those it judges."""
    contacts = slice_of(tables, "contacts", ask)
    contacts = contacts[is_inbound(contacts)]
    verdict = dict(
        zip(tables["reason_map"]["reason_code"], tables["reason_map"]["avoidable"], strict=True)
    )
    seen = neighbours(tables, 7, False, True) if count_repeats else None
    again = set() if seen is None else set(seen.loc[seen["repeats"], "contact_id"])
    hits, base = 0, 0
    for contact, reason in zip(contacts["contact_id"], col(contacts, "reason_code"), strict=True):
        found = None if pd.isna(reason) else verdict.get(reason)
        judged = found is not None and not pd.isna(found)
        if judged or contact in again:
            base += 1
            hits += contact in again or bool(found)
    return ratio(hits, base, 100)


@kpi
def fcr_failure_mix(tables, ask, cause="agent", weighted=True):
    """Weight of the reviewed failures with this cause, per cent of all."""
    choose(cause, "agent", "self_service", "process_policy", "other")
    per_contact = tables["reviews"]["contact_id"].value_counts()
    reviews = slice_of(tables, "reviews", ask)
    weight = 1 / reviews["contact_id"].map(per_contact).astype("float64")
    if weighted:
        chance = number(reviews, "sample_prob")
        weight /= chance.where(chance > 0).fillna(1.0)
    return ratio(weight[same(col(reviews, "cause"), cause)].sum(), weight.sum(), 100)


# --- customer/resolution -------------------------------------------------------------------------


def said_yes(surveys):
    """True for yes, False for no, None for anything else."""
    word = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    return col(surveys, "fcr_item").map(
        lambda v: None if pd.isna(v) else word.get(str(v).strip().lower())
    )


def resolution_answers(tables):
    """Answered transactional surveys that say yes or no, in the order of their answers."""
    surveys = tables["surveys"]
    yes = said_yes(surveys)
    good = same(surveys["kind"], "transactional") & surveys["answered_at"].notna() & yes.notna()
    surveys = surveys[good].assign(yes=yes[good].astype(bool))
    return surveys.sort_values(["answered_at", "survey_id"])


@kpi
def fcr_survey(tables, ask, unit="contact", period="answer", channel_scope="any"):
    """Answers that the matter was settled at first contact, per cent."""
    answers = resolution_answers(tables)
    if choose(unit, "contact", "customer") == "customer":
        who = customer(answers)
        answers = answers[who.notna() & ~who.duplicated()]
    if choose(channel_scope, "any", "voice") == "voice":
        answers = answers[same(dimension(tables, "surveys", answers, "channel"), "voice")]
    if choose(period, "answer", "contact") == "answer":
        day = answered_on(tables, answers)
    else:
        day = answers["contact_id"].map(tables["contacts"].set_index("contact_id")["started_on"])
    answers = slice_of(tables | {"surveys": answers}, "surveys", ask, day)
    return ratio(answers["yes"].sum(), len(answers), 100)


@kpi
def fcr_no_transfer(tables, ask, count_consult=True, count_conference=False, email_limit_h=1):
    """Handled contacts that nobody passed on, per cent; letters only if answered in time."""
    contacts = with_legs(tables, handled(tables, ask))
    segments = tables["contact_segments"]
    spoilt = is_transfer(segments)
    if not count_consult:
        spoilt &= ~same(col(segments, "transfer_type"), "consult")
    if count_conference:
        spoilt |= is_conference(segments)
    solved = ~contacts["contact_id"].isin(segments.loc[spoilt, "contact_id"])
    if email_limit_h != "none":
        took = instant(contacts, "ended_at") - contacts["started_at"]
        in_time = took <= pd.Timedelta(hours=email_limit_h)
        solved &= in_time | ~same(contacts["channel"], "email")
    return ratio(solved.sum(), len(contacts), 100)


@kpi
def repeat_customers(tables, ask, window_d=7, same_reason=False, cross_channel=True, **given):
    """Customers of the period who came again, per cent of its customers or their number."""
    counted = choose(given.pop("measure", "share"), "share", "count")
    if given:
        raise TypeError(f"unknown conventions: {sorted(given)}")
    contacts = neighbours(tables, window_d, same_reason, cross_channel)
    contacts = slice_of(tables | {"contacts": contacts}, "contacts", ask)
    again = contacts.loc[contacts["repeats"], "who"].nunique()
    return float(again) if counted == "count" else ratio(again, contacts["who"].nunique(), 100)


def members(tables, same_reason=False, include_self_service=False):
    """What chains are made of: contacts, and visits to self-service if asked."""
    contacts = identified(tables, same_reason).assign(key=lambda f: f["contact_id"])
    if not include_self_service or same_reason:
        return contacts
    visits = tables["self_service_sessions"]
    visits = visits[customer(visits).notna()]
    visits = visits.assign(who=customer(visits), key=visits["session_id"])
    visits = visits.drop(columns=["outcome"])
    for wanted, column in OF_CUSTOMER.items():
        if "customers" in tables:
            of = tables["customers"].set_index("customer_id")[column]
            visits[wanted] = visits["customer_id"].map(of)
    return pd.concat([contacts, visits], ignore_index=True)


def chains(tables, ask, gap_d, same_reason, known_until, include_self_service=False):
    """The members of closed chains that began in the period and fit the filter, chain by chain."""
    rows = members(tables, same_reason, include_self_service).sort_values(["started_at", "key"])
    names = ("contacts", "self_service_sessions") if include_self_service else ("contacts",)
    gap, end = pd.Timedelta(days=gap_d), end_of_data(tables, known_until, *names)
    owner = rows[["who", "reason_code"]] if same_reason else rows[["who"]]
    numbers, latest, made = [], {}, 0
    for key, at in zip(owner.itertuples(index=False, name=None), rows["started_at"], strict=True):
        before, mine = latest.get(key, (None, None))
        if before is None or at - before > gap:
            mine, made = made, made + 1
        latest[key] = (at, mine)
        numbers.append(mine)
    rows = rows.assign(chain=numbers)
    first, last = (rows.drop_duplicates("chain", keep=which) for which in ("first", "last"))
    asked = in_days(first["started_on"], ask) & fits(tables, "contacts", first, ask.where)
    closed = last["started_at"] + gap <= end
    return rows[
        rows["chain"].isin(first.loc[asked, "chain"])
        & rows["chain"].isin(last.loc[closed, "chain"])
    ]


@kpi
def contacts_per_resolution(
    tables, ask, gap_d=7, same_reason=False, resolved="quiet", known_until=None
):
    """Contacts a chain that came to rest (or whose last contact the customer called settled)."""
    rows = chains(tables, ask, gap_d, same_reason, known_until)
    if choose(resolved, "quiet", "survey") == "survey":
        answers = resolution_answers(tables)
        settled = answers.loc[answers["yes"], "contact_id"].dropna()
        last = rows.drop_duplicates("chain", keep="last")
        rows = rows[rows["chain"].isin(last.loc[last["key"].isin(settled), "chain"])]
    return ratio(len(rows), rows["chain"].nunique())


@kpi
def channel_switch_rate(
    tables, ask, gap_d=7, same_reason=False, include_self_service=False, count_as="share",
    known_until=None,
):  # fmt: skip
    """Chains on two channels or more, per cent; or channels a chain."""
    rows = chains(tables, ask, gap_d, same_reason, known_until, include_self_service)
    used = rows.groupby("chain")["channel"].nunique()
    if choose(count_as, "share", "mean") == "mean":
        return ratio(used.sum(), len(used))
    return ratio((used >= 2).sum(), len(used), 100)


@kpi
def contact_rate(tables, ask, per="period"):
    """Inbound contacts per 1,000 customers who were active in the period."""
    if set(ask.where) - set(OF_CUSTOMER):
        raise LookupError(f"customers have only {sorted(OF_CUSTOMER)}")
    contacts = slice_of(tables, "contacts", ask)
    zone = centre_zone(tables)
    opens, closes = midnight(ask.first, zone), midnight(ask.last + pd.Timedelta(days=1), zone)
    if "subscriptions" in tables:
        name, active = "subscriptions", tables["subscriptions"]
        ended = instant(active, "ended_at")
        active = active[(active["started_at"] < closes) & (ended.isna() | (ended > opens))]
    else:
        name, active = "customers", tables["customers"]
        active = active[instant(active, "created_at") < closes]
    active = active[fits(tables, name, active, ask.where)]
    value = ratio(is_inbound(contacts).sum(), active["customer_id"].nunique(), 1000)
    if choose(per, "period", "month") == "month" and value is not None:
        value /= ((ask.last - ask.first).days + 1) / DAYS_IN_MONTH
    return value


@kpi
def complaint_rate(tables, ask, what="all"):
    """Complaints per 1,000 inbound contacts."""
    complaints = tables["complaints"]
    complaints = complaints[in_days(complaints["at_on"], ask)]
    of_contact = complaints[["contact_id"]]
    complaints = complaints[fits(tables, "complaints", of_contact, ask.where)]
    if choose(what, "all", "linked") == "linked":
        complaints = complaints[complaints["contact_id"].notna()]
    contacts = slice_of(tables, "contacts", ask)
    return ratio(len(complaints), is_inbound(contacts).sum(), 1000)


@kpi
def disloyalty_rate(tables, ask, by="behaviour", horizon_d=90, known_until=None):
    """Customers who turned away after service, per cent."""
    served = identified(tables)
    served = served[is_answered(served)]
    horizon = pd.Timedelta(days=horizon_d)
    if choose(by, "behaviour", "intent") == "intent":
        return _said_no(tables, ask, served, horizon)
    served = served[in_days(served["started_on"], ask)].drop_duplicates("who")
    served = served[fits(tables, "contacts", served, ask.where)]
    end = end_of_data(tables, known_until, "contacts")
    left = _leavings(tables)
    hits, base = 0, 0
    for who, at in zip(served["customer_id"], served["started_at"], strict=True):
        if at + horizon <= end:
            base += 1
            hits += any(at < gone <= at + horizon for gone in left[who])
    return ratio(hits, base, 100)


def _leavings(tables):
    """When each customer ended a subscription of their own will, or for no known reason."""
    stretches = tables["subscriptions"]
    goes_on = set(zip(stretches["subscription_id"], stretches["started_at"], strict=True))
    out = defaultdict(list)
    for row in stretches[instant(stretches, "ended_at").notna()].to_dict("records"):
        changed = (row["subscription_id"], row["ended_at"]) in goes_on
        reason = row.get("end_reason")
        if reason == "voluntary" or (pd.isna(reason) and not changed):
            out[row["customer_id"]].append(row["ended_at"])
    return out


def _said_no(tables, ask, served, horizon):
    """Of customers asked after a contact, those who would not recommend, per cent."""
    surveys = tables["surveys"]
    nps = number(surveys, "nps")
    good = same(surveys["kind"], "relationship") & surveys["answered_at"].notna() & nps.notna()
    surveys = surveys[good].assign(nps=nps)
    day = answered_on(tables, surveys)
    surveys = slice_of(tables | {"surveys": surveys}, "surveys", ask, day)
    visits = defaultdict(list)
    for who, at in zip(served["customer_id"], served["started_at"], strict=True):
        visits[who].append(at)
    hits, base = 0, 0
    for who, at, score in zip(
        surveys["customer_id"], surveys["answered_at"], surveys["nps"], strict=True
    ):
        if any(visit <= at <= visit + horizon for visit in visits.get(who, ())):
            base += 1
            hits += score <= 6
    return ratio(hits, base, 100)


# --- efficiency/automation, customer/digital -----------------------------------------------------


@kpi
def self_service_automation_rate(tables, ask, include="contained"):
    """Visits that ended without an agent, per cent of those and inbound contacts."""
    visits = slice_of(tables, "self_service_sessions", ask)
    done = same(col(visits, "outcome"), "contained")
    if choose(include, "contained", "contained_and_abandoned") != "contained":
        done |= same(col(visits, "outcome"), "abandoned")
    contacts = slice_of(tables, "contacts", ask)
    return ratio(done.sum(), done.sum() + is_inbound(contacts).sum(), 100)


@kpi
def containment_rate(tables, ask, rule="resolved"):
    """Visits that stayed in self-service, per cent."""
    visits = slice_of(tables, "self_service_sessions", ask)
    kept = same(col(visits, "outcome"), "contained")
    if choose(rule, "resolved", "naive") == "naive":
        kept = col(visits, "handoff_contact_id").isna()
    return ratio(kept.sum(), len(visits), 100)


@kpi
def contained_no_callback_rate(
    tables, ask, window_h=24, any_channel=True, same_matter=False, reported=True, known_until=None
):
    """Contained visits after which the customer stayed away, per cent of known customers' visits."""
    came = defaultdict(list)
    inbound = identified(tables)
    for who, at, why in zip(
        inbound["who"], inbound["started_at"], col(inbound, "reason_code"), strict=True
    ):
        came[who].append((at, why))
    everything = tables["self_service_sessions"]
    if any_channel:
        for who, at, why in zip(
            customer(everything), everything["started_at"], col(everything, "intent"), strict=True
        ):
            came[who].append((at, why))
    names = ("contacts", "self_service_sessions") if any_channel else ("contacts",)
    window, end = pd.Timedelta(hours=window_h), end_of_data(tables, known_until, *names)
    visits = slice_of(tables, "self_service_sessions", ask)
    left = instant(visits, "ended_at").fillna(visits["started_at"])
    hits, base = 0, 0
    back = instant(visits, "returned_at")
    for who, at, outcome, why, told in zip(
        customer(visits), left, col(visits, "outcome"), col(visits, "intent"), back, strict=True
    ):
        if at + window <= end and not pd.isna(who):
            base += 1
            times = [t for t, what in came.get(who, []) if not same_matter or what == why]
            times += [told] if reported and not pd.isna(told) else []
            hits += outcome == "contained" and not any(at < t <= at + window for t in times)
    return ratio(hits, base, 100)


@kpi
def deflection_rate(tables, ask, identification="click_through"):
    """Contained visits, per cent of those and of visits handed over (a proxy)."""
    choose(identification, "click_through")
    visits = slice_of(tables, "self_service_sessions", ask)
    met = same(col(visits, "outcome"), "contained")
    raised = col(visits, "handoff_contact_id").notna()
    return ratio(met.sum(), (met | raised).sum(), 100)


def digital_sessions(tables):
    """One row per digital session: day, customer, last event, errors, outcome of its visit."""
    events = tables["digital_events"].sort_values(["at", "event_id"])
    broken = col(events, "error_code").notna() | same(col(events, "outcome"), "error")
    session = col(events, "session_id").fillna(events["event_id"])
    rows = events.assign(broken=broken, session=session, customer_id=col(events, "customer_id"))
    out = rows.groupby("session").agg(
        at_on=("at_on", "first"),
        customer_id=("customer_id", "first"),  # the first that is known
        last_at=("at", "max"),
        error=("broken", "max"),
    )
    visits = tables.get("self_service_sessions")
    if visits is not None:
        visits = visits.set_index("session_id")
        for name in ("outcome", "platform", "channel"):
            out[name] = out.index.map(col(visits, name))
        visitor = pd.Series(out.index.map(col(visits, "customer_id")), index=out.index)
        out["customer_id"] = out["customer_id"].where(out["customer_id"].notna(), visitor)
    return out


@kpi
def digital_failure_rate(tables, ask, variant="error", window_h=24, known_until=None):
    """Digital sessions with an error (or an unfinished task, or a call afterwards), per cent."""
    sessions = digital_sessions(tables)
    sessions = slice_of(tables | {"digital_events": sessions}, "digital_events", ask)
    failed = sessions["error"].astype(bool)
    if choose(variant, "error", "task", "leak") != "error":
        failed |= col(sessions, "outcome").isin(["failed", "abandoned"])
    if variant != "leak":
        return ratio(failed.sum(), len(sessions), 100)
    window = pd.Timedelta(hours=window_h)
    closed = sessions["last_at"] + window <= end_of_data(
        tables, known_until, "contacts", "digital_events"
    )
    calls = defaultdict(list)
    inbound = identified(tables)
    for who, at in zip(inbound["customer_id"], inbound["started_at"], strict=True):
        calls[who].append(at)
    leaked = pd.Series(
        [
            any(at < call <= at + window for call in calls.get(who, ()))
            for who, at in zip(sessions["customer_id"], sessions["last_at"], strict=True)
        ],
        index=sessions.index,
        dtype=bool,
    )
    known = sessions["customer_id"].notna()
    return share((failed & leaked)[known], closed[known])
