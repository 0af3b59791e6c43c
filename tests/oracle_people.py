"""The KPIs of workforce, staff, answers and quality again, from the words of their definitions.

Nothing here is fast and nothing is shared with the library. Every KPI takes the tables of an opened
workspace, the first and the last local day (both included), a cut such as {"team": "red"} (None
means missing) and its conventions, and gives one number in its unit or None.

How the words were read where they leave a choice:

People and days
- A dimension is the row's own column where its table has it; otherwise the contact's; what is then
  still missing is filled from `agents` (team, site) and `customers` (segment, language).
- Agent dimensions are team, site and agent, in the version that holds when the row begins. Heads
  and leavers take the last version of each agent; who has no `hired_on` is not a head.
- A survey's answer counts on the local day of `answered_at`: the centre's, as `invited_on` is. With
  period="contact" an answer whose contact is unknown counts on no day.
- Emotions of a survey count with it; those of text and speech on the day the contact began.

Schedules and states
- `final` is what there is of that name in the whole table. Only a table without any such row falls
  back, to the greatest name: a shift that the final plan withdrew does not come back.
- On queue in the plan is `productive`, as written: meetings and training with that mark count too.
- Available time of kind "scheduled" is all productive time, paid or not.
- A row's deviation is its length less the fitting part; one shorter than the grace is none, in
  both conventions of adherence.
- Work outside the shift is on-queue time outside every row of the plan, counted for adherence or
  not, on agent-days that have counted rows; it belongs to the day on which the state began.
- A cut of adherence is made on the plan's rows; conformance cuts plan and states.
- basis="states" takes all state time, breaks too, from the paid and productive plan.
- The leave that can be left out is of type `leave` or `planned`.
- Sick hours count when the absence is not marked as planned.

Forecasts
- Bias is forecast less actual over actual; net staffing gap is under less over.
- An interval of a target share is a queue's local half-hour with a contact in its service level
  (offered, not flowed out, wait known). A queue without a target has 0.8, without threshold 20 s.

Staff
- A reason to leave that is unknown is voluntary (it is none of the others).
- Costs of recruiting and training are due without leavers too.
- A person answers an employee survey under one `response_id`; the floor counts those.
- Recommending is asked on a scale of its own: the mean of "all" questions is without it.

Answers
- CSAT, its items, effort, and "resolved but negative" are of transactional surveys, CSI of
  relationship ones; NEV is of one kind, after contacts unless the company is asked for.
- On a scale of two steps and more the lowest step is never satisfied.
- The item "satisfied" is the rating itself where a survey has no such item: its top two boxes.
- First and last of a contact's answers are chosen in all data, before the period is cut.
- On a scale of two values the linear rescale gives 0 and 100, and nothing is neutral.
- CSI of a respondent without items is the CSAT of that survey, on its own scale.
- A survey without a positive or without a negative rating has no mean gap.
- Emotions without valence are not read; neutral picks are picks.
- A contact with several labels of its customer is what most of them are, on a tie neither.
- Solved but upset: unrated feelings are counted; by the mean, ratings of both sides are averaged
  where both were rated.
- Sentiment is the mean of rows; only what is negative turns its sign.
- An action without a due date is in neither side. Nothing after `as_of` is known to be done.

Quality
- An item without points is not applicable, one without weight weighs 1. A failed evaluation is 0
  by both methods; without items and not failed it has no score.
- competency_score reads every evaluation, calibrations too, unless those at random are asked for.
- An evaluation without criteria (or, by auto_fail, without that mark) cannot show a critical error.
- A pair of evaluations counts on the later of its two days, with the first one's dimensions; the
  ICC reads the column `score`.
"""

import numpy as np
import pandas as pd

CONTACT = {
    "channel": "channel",
    "platform": "platform",
    "direction": "direction",
    "queue": "queue_id",
    "team": "team",
    "agent": "agent_id",
    "site": "site",
    "reason": "reason_code",
    "product": "product",
    "customer_segment": "customer_segment",
    "language": "language",
    "plan": "plan",
}
AGENT = ("team", "site", "agent")
ON_QUEUE = ("interacting", "idle", "not_responding")
HOUR_MS = 3_600_000
HALF_HOUR = 0.5
MONTH_DAYS = 30.4375
HALF_YEAR_DAYS = 182.6
NOT_VOLUNTARY = (
    "dismissed",
    "dismissal",
    "redundancy",
    "retirement",
    "health",
    "end of contract",
)


# --- numbers -------------------------------------------------------------------------------------


def ratio(part, whole, scale=1.0):
    """None where there is nothing to divide by."""
    return None if not whole else float(scale * part / whole)


def mean(values, scale=1.0):
    """The mean of what is known."""
    values = pd.Series(values, dtype="float64").dropna()
    return ratio(values.sum(), len(values), scale)


def one_of(value, *allowed):
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {allowed}")
    return value


# --- frames --------------------------------------------------------------------------------------


def table(tables, name, *columns):
    """A table with these columns at least; a missing column holds nothing."""
    frame = tables.get(name)
    frame = pd.DataFrame() if frame is None else frame.reset_index(drop=True).copy()
    for column in columns:
        if column not in frame:
            frame[column] = pd.Series([None] * len(frame), dtype="object", index=frame.index)
    return frame


def is_true(column):
    return column.eq(True).fillna(False).astype(bool)


def is_false(column):
    return column.eq(False).fillna(False).astype(bool)


def days(column):
    return pd.to_datetime(column).astype("datetime64[us]")


def within(frame, day, first, last):
    """Rows whose day lies in the period, both ends included."""
    on = days(frame[day])
    return frame[(on >= pd.Timestamp(first)) & (on <= pd.Timestamp(last))]


def cut(frame, where):
    """Rows of one cell; a dimension that the rows do not have is refused."""
    for dimension, value in (where or {}).items():
        column = frame[f"by_{dimension}"]
        frame = frame[column.isna() if value is None else column.eq(value).fillna(False)]
    return frame


# --- dimensions ----------------------------------------------------------------------------------


def agent_versions(frame, tables, at):
    """For each row the version of its agent that holds at a time."""
    wanted = ["agent_id", "valid_from", "valid_to", "team", "site"]
    agents = table(tables, "agents", *wanted)[wanted]
    rows = frame[["agent_id", at]].rename(columns={at: "moment"})
    rows["row"] = frame.index
    pairs = rows.merge(agents, on="agent_id")
    begun = days(pairs["valid_from"]) <= days(pairs["moment"])
    still = pairs["valid_to"].isna() | (days(pairs["moment"]) < days(pairs["valid_to"]))
    return pairs[begun & still].drop_duplicates("row").set_index("row").reindex(frame.index)


def of_agents(frame, tables, at):
    """Team, site and agent of rows that belong to an agent."""
    out = frame.copy()
    versions = agent_versions(frame, tables, at)
    out["by_agent"] = frame["agent_id"]
    for dimension in ("team", "site"):
        out[f"by_{dimension}"] = frame[dimension] if dimension in frame else versions[dimension]
    return out


def fill(out, dimension, values):
    name = f"by_{dimension}"
    out[name] = out[name].astype("object").where(out[name].notna(), values)


def of_contacts(frame, tables, agent="agent_id", at=None):
    """The dimensions of a contact for rows that name one, or name an agent or a customer."""
    out = frame.copy()
    contacts = table(tables, "contacts", "contact_id", *CONTACT.values())
    contacts = contacts.drop_duplicates("contact_id").set_index("contact_id")
    for dimension, column in CONTACT.items():
        own = agent if dimension == "agent" else column
        found = frame["contact_id"].map(contacts[column])
        out[f"by_{dimension}"] = frame[own] if own in frame else found
    if at is not None and "agent_id" in frame:
        versions = agent_versions(frame, tables, at)
        for dimension in ("team", "site"):
            fill(out, dimension, versions[dimension])
    if "customer_id" in frame:
        customers = table(tables, "customers", "customer_id", "segment", "language")
        customers = customers.drop_duplicates("customer_id").set_index("customer_id")
        for dimension, column in (("customer_segment", "segment"), ("language", "language")):
            if dimension not in frame:
                fill(out, dimension, frame["customer_id"].map(customers[column]))
    return out


# --- workforce: states and schedules -------------------------------------------------------------


def states_of(tables, first, last, where=None):
    """States that began in the period."""
    frame = table(
        tables,
        "agent_states",
        "agent_id",
        "started_at",
        "started_on",
        "routing_status",
        "productive",
        "duration_ms",
    )
    return cut(of_agents(within(frame, "started_on", first, last), tables, "started_at"), where)


def plan(tables, version):
    """One version of all schedules."""
    frame = table(
        tables,
        "schedules",
        "agent_id",
        "started_at",
        "ended_at",
        "started_on",
        "activity",
        "productive",
        "paid",
        "counts_for_adherence",
        "version",
    )
    one_of(version, "final", "published")
    names = set(frame["version"].dropna())
    usual = "final" if "final" in names else max(names, default=None)
    own = frame.loc[frame["version"] == version, "agent_id"].unique()
    wanted = frame["agent_id"].isin(own).map({True: version, False: usual})
    frame = frame[frame["version"] == wanted].copy()
    frame["ms"] = (days(frame["ended_at"]) - days(frame["started_at"])) / pd.Timedelta("1ms")
    return frame


def schedules_of(tables, first, last, where, version):
    rows = within(plan(tables, version), "started_on", first, last)
    return cut(of_agents(rows, tables, "started_at"), where)


OFF_PHONE = ("meeting", "training", "coaching", "project", "admin")


def is_on_queue_in_plan(rows):
    """Planned to serve contacts: productive, and no meeting, training or the like."""
    return is_true(rows["productive"]) & ~rows["activity"].isin(OFF_PHONE)


def spent(states, *statuses):
    """Milliseconds in these states."""
    return float(states.loc[states["routing_status"].isin(statuses), "duration_ms"].sum())


def occupancy(tables, first, last, where=None, convention="aws"):
    """Time on contacts over time on contacts or ready for them."""
    states = states_of(tables, first, last, where)
    one_of(convention, "aws", "copc", "icmi")
    if convention == "aws":
        return ratio(spent(states, "interacting"), spent(states, "interacting", "idle"), 100)
    if convention == "copc":
        return ratio(spent(states, "interacting"), spent(states, *ON_QUEUE), 100)
    whole = float(states["duration_ms"].sum())
    return ratio(whole - spent(states, "idle"), whole, 100)


def handled_ms(tables, first, last, where):
    """Talk, hold and wrap of the contacts handled."""
    frame = table(tables, "contacts", "talk_ms", "hold_ms", "wrap_ms", "outcome", "started_on")
    frame = of_contacts(within(frame, "started_on", first, last), tables)
    frame = cut(frame, where)
    frame = frame[(frame["outcome"] == "answered") & frame["talk_ms"].notna()]
    return sum(float(frame[part].sum()) for part in ("talk_ms", "hold_ms", "wrap_ms"))


def utilization(tables, first, last, where=None, convention="productive_paid", version="final"):
    """Used time over paid time."""
    one_of(convention, "productive_paid", "available_paid", "service_desk", "icmi")
    states = states_of(tables, first, last, where)
    ready = spent(states, "interacting", "idle")
    if convention == "icmi":
        return ratio(ready, float(states["duration_ms"].sum()), 100)
    rows = schedules_of(tables, first, last, where, version)
    paid = float(rows.loc[is_true(rows["paid"]), "ms"].sum())
    if convention == "available_paid":
        return ratio(ready, paid, 100)
    if convention == "service_desk":
        return ratio(handled_ms(tables, first, last, where), paid, 100)
    other = is_true(states["productive"]) & ~states["routing_status"].isin(["interacting", "idle"])
    used = spent(states, "interacting") + float(states.loc[other, "duration_ms"].sum())
    return ratio(used, paid, 100)


def shrinkage(tables, first, last, where=None, base="paid", kind="scheduled", version="final"):
    """The part of paid or scheduled time in which nobody was there for contacts."""
    one_of(base, "paid", "scheduled")
    one_of(kind, "scheduled", "actual")
    rows = schedules_of(tables, first, last, where, version)
    whole = float(
        rows["ms"].sum() if base == "scheduled" else rows["ms"][is_true(rows["paid"])].sum()
    )
    if kind == "scheduled":
        there = float(rows.loc[is_on_queue_in_plan(rows), "ms"].sum())
    else:
        there = spent(states_of(tables, first, last, where), *ON_QUEUE)
    return ratio(whole - there, whole, 100)


def _spans(frame):
    """Start and end of each row in whole microseconds."""
    at = [days(frame[name]).to_numpy().astype("int64") for name in ("started_at", "ended_at")]
    return at[0], at[1]


def overlap_ms(rows, others):
    """For each row the milliseconds that it shares with other rows of the same agent."""
    out = pd.Series(0.0, index=rows.index)
    theirs = dict(list(others.groupby("agent_id")))
    for agent, mine in rows.groupby("agent_id"):
        if agent in theirs:
            start, end = _spans(mine)
            other_start, other_end = _spans(theirs[agent])
            shared = np.minimum(end[:, None], other_end) - np.maximum(start[:, None], other_start)
            out[mine.index] = np.clip(shared, 0, None).sum(axis=1) / 1000
    return out


def adherence(
    tables,
    first,
    last,
    where=None,
    convention="amazon",
    grace_s=0,
    count_work_outside_shift=True,
    version="final",
):
    """The part of the plan that was kept."""
    one_of(convention, "amazon", "genesys")
    everything = table(tables, "agent_states", "agent_id", "started_at", "ended_at", "started_on")
    working = everything[everything["routing_status"] != "off_queue"]
    rows = schedules_of(tables, first, last, where, version)
    rows = rows[is_true(rows["counts_for_adherence"])].copy()
    on_queue = overlap_ms(rows, working)
    rows["off"] = on_queue.where(~is_on_queue_in_plan(rows), rows["ms"] - on_queue)
    attended = overlap_ms(rows, everything[everything["routing_status"] == "off_queue"])
    away = is_true(rows["productive"]) & ~is_on_queue_in_plan(rows)  # a meeting needs a state
    rows["off"] = rows["off"].where(~away, rows["ms"] - attended)
    rows["off"] = rows["off"].where(rows["off"] >= grace_s * 1000, 0.0)
    scheduled = float(rows["ms"].sum())
    if convention == "amazon":
        return ratio(scheduled - rows["off"].sum(), scheduled, 100)
    outside = within(working, "started_on", first, last).copy()
    outside["ms"] = outside["duration_ms"] - overlap_ms(outside, plan(tables, version))
    by_day = outside.groupby(["agent_id", "started_on"])["ms"].sum().to_dict()
    kept = 0.0
    for agent_day, mine in rows.groupby(["agent_id", "started_on"]):
        exception = mine["off"].sum()
        if count_work_outside_shift:
            exception += by_day.get(agent_day, 0.0)
        kept += max(0.0, mine["ms"].sum() - exception)
    return ratio(kept, scheduled, 100)


def conformance(tables, first, last, where=None, cap_at_100=False, version="final"):
    """On-queue time over planned on-queue time, whenever it was."""
    states = states_of(tables, first, last, where)
    states = states[states["routing_status"] != "off_queue"]
    rows = schedules_of(tables, first, last, where, version)
    rows = rows[is_on_queue_in_plan(rows)]
    planned = rows.groupby(["agent_id", "started_on"])["ms"].sum()
    actual = states.groupby(["agent_id", "started_on"])["duration_ms"].sum().astype("float64")
    if cap_at_100:
        capped = [min(actual.get(agent_day, 0.0), ms) for agent_day, ms in planned.items()]
        return ratio(sum(capped), planned.sum(), 100)
    return ratio(actual.sum(), planned.sum(), 100)


# --- workforce: forecasts ------------------------------------------------------------------------


def offered(tables):
    """Inbound contacts that entered a queue or were answered."""
    frame = table(
        tables, "contacts", "contact_id", "direction", "outcome", "queue_id", "wait_ms",
        "sl_threshold_ms", "started_at", "started_on", "started_half_hour",
    )  # fmt: skip
    inbound = (frame["outcome"] != "phantom") & (
        frame["direction"].isna() | (frame["direction"] == "inbound")
    )
    column = "enqueued_at" if "enqueued_at" in frame else "wait_ms"
    return frame[inbound & (frame[column].notna() | (frame["outcome"] == "answered"))]


def forecasts_of(tables, first, last, where, lead):
    one_of(lead, "day_ahead", "week_ahead")
    frame = table(
        tables, "forecasts", "queue_id", "interval_start_at", "interval_start_on", "version",
        "volume", "required_staff", "scheduled_staff",
    )  # fmt: skip
    frame = within(frame[frame["version"] == lead], "interval_start_on", first, last).copy()
    frame["by_queue"] = frame["queue_id"]
    return cut(frame, where)


def forecast_error(
    tables, first, last, where=None, measure="wape", lead="day_ahead", grain="interval"
):
    """How far the forecast of volume was off, as a share of what came."""
    one_of(measure, "wape", "bias")
    one_of(grain, "interval", "day")
    rows = forecasts_of(tables, first, last, where, lead)
    rows = rows[rows["volume"].notna()].copy()
    came = offered(tables)
    slot = days(came["started_at"]).dt.floor("30min")
    counts = came.groupby([came["queue_id"], slot]).size().to_dict()
    keys = zip(rows["queue_id"], days(rows["interval_start_at"]), strict=True)
    rows["actual"] = [counts.get(key, 0) for key in keys]
    by = ["queue_id", "interval_start_at" if grain == "interval" else "interval_start_on"]
    cells = rows.groupby(by)[["volume", "actual"]].sum()
    miss = cells["volume"] - cells["actual"]
    return ratio(miss.sum() if measure == "bias" else miss.abs().sum(), cells["actual"].sum(), 100)


def targets_of(rows, tables):
    """The target of each contact's queue when the contact came."""
    wanted = ["queue_id", "valid_from", "valid_to", "sl_target"]
    queues = table(tables, "queues", *wanted)[wanted]
    pairs = rows[["contact_id", "queue_id", "started_at"]].merge(queues, on="queue_id")
    begun = days(pairs["valid_from"]) <= days(pairs["started_at"])
    still = pairs["valid_to"].isna() | (days(pairs["started_at"]) < days(pairs["valid_to"]))
    found = pairs[begun & still].drop_duplicates("contact_id").set_index("contact_id")["sl_target"]
    return rows["contact_id"].map(found).astype("float64").fillna(0.8)


def interval_target_share(tables, first, last, where=None, target=0.8):
    """The share of a queue's half-hours that reached their service level."""
    rows = of_contacts(within(offered(tables), "started_on", first, last), tables)
    rows = cut(rows, where)
    rows = rows[(rows["outcome"] != "flowed_out") & rows["wait_ms"].notna()].copy()
    threshold = rows["sl_threshold_ms"].astype("float64").fillna(20_000)
    rows["met"] = (rows["outcome"] == "answered") & (rows["wait_ms"].astype("float64") <= threshold)
    rows["target"] = targets_of(rows, tables) if target == "queue" else float(target)
    cells = rows.groupby(["queue_id", "started_on", "started_half_hour"])
    reached = cells["met"].mean() >= cells["target"].first()
    return ratio(reached.sum(), len(reached), 100)


def staffing_gap_hours(tables, first, last, where=None, side="under", lead="day_ahead"):
    """Hours of staff missing or too many, by the plan of the forecast."""
    one_of(side, "under", "over", "net")
    rows = forecasts_of(tables, first, last, where, lead)
    missing = (rows["required_staff"] - rows["scheduled_staff"]).astype("float64").dropna()
    gap = {"under": missing.clip(lower=0), "over": (-missing).clip(lower=0), "net": missing}[side]
    return float(gap.sum() * HALF_HOUR)


# --- staff ---------------------------------------------------------------------------------------


def absences_of(tables, first, last, where):
    frame = table(
        tables, "absences", "agent_id", "started_at", "started_on", "hours", "type", "approved",
        "planned",
    )  # fmt: skip
    rows = within(frame, "started_on", first, last)
    return cut(of_agents(rows, tables, "started_at"), where)


def lost_service_hours(
    tables, first, last, where=None, basis="absences", include_leave=True, cause="any",
    version="final",
):  # fmt: skip
    """Hours of service planned and not given."""
    one_of(basis, "absences", "states")
    if basis == "states":
        rows = schedules_of(tables, first, last, where, version)
        planned = rows.loc[is_true(rows["productive"]) & is_true(rows["paid"]), "ms"].sum()
        states = states_of(tables, first, last, where)
        ready = states["routing_status"].isin(["interacting", "idle", "not_responding"])
        worked = states.loc[ready | is_true(states["productive"]), "duration_ms"].sum()
        return float(planned - worked) / HOUR_MS
    rows = absences_of(tables, first, last, where)
    if not include_leave:
        rows = rows[~rows["type"].isin(["leave", "planned"])]
    if cause != "any":
        rows = rows[rows["type"] == cause]
    return float(rows["hours"].sum())


def unplanned_absence_rate(tables, first, last, where=None, count_sick=False, version="final"):
    """Hours of absence that nobody approved over scheduled paid hours."""
    rows = absences_of(tables, first, last, where)
    counted = is_false(rows["approved"])
    if count_sick:
        counted |= (rows["type"] == "sick") & ~is_true(rows["planned"])
    scheduled = schedules_of(tables, first, last, where, version)
    paid = scheduled.loc[is_true(scheduled["paid"]), "ms"].sum() / HOUR_MS
    return ratio(rows.loc[counted, "hours"].sum(), paid, 100)


def people(tables, where):
    """One row per agent, as last known."""
    frame = table(
        tables, "agents", "agent_id", "valid_from", "team", "site", "hired_on", "left_on",
        "leave_reason",
    )  # fmt: skip
    frame = frame.sort_values("valid_from").drop_duplicates("agent_id", keep="last").copy()
    frame["by_agent"], frame["by_team"], frame["by_site"] = (
        frame["agent_id"], frame["team"], frame["site"],
    )  # fmt: skip
    frame["hired_on"], frame["left_on"] = days(frame["hired_on"]), days(frame["left_on"])
    return cut(frame, where)


def heads(agents, day):
    """How many are there on a day, the last one included."""
    there = agents["left_on"].isna() | (agents["left_on"] >= day)
    return int(((agents["hired_on"] <= day) & there).sum())


def leavers(agents, first, last):
    return agents[
        (agents["left_on"] >= pd.Timestamp(first)) & (agents["left_on"] <= pd.Timestamp(last))
    ]


def agent_attrition(
    tables, first, last, where=None, denominator="average", annualise="sum", kind="all"
):
    """Leavers over heads."""
    one_of(kind, "all", "voluntary", "early")
    one_of(denominator, "average", "opening", "daily")
    one_of(annualise, "sum", "none")
    agents, first, last = people(tables, where), pd.Timestamp(first), pd.Timestamp(last)
    left = leavers(agents, first, last)
    if kind == "voluntary":
        why = left["leave_reason"].astype("object").fillna("").str.lower().str.replace("_", " ")
        left = left[~why.isin(NOT_VOLUNTARY)]
    if kind == "early":
        left = left[(left["left_on"] - left["hired_on"]) <= pd.Timedelta(days=90)]
    gone_before, gone_after = agents["left_on"] < first, agents["left_on"] <= last
    opening = int(((agents["hired_on"] < first) & ~gone_before).sum())
    closing = int(((agents["hired_on"] <= last) & ~gone_after).sum())
    every_day = pd.date_range(first, last)
    base = {
        "average": (opening + closing) / 2,
        "opening": opening,
        "daily": sum(heads(agents, day) for day in every_day) / len(every_day),
    }[denominator]
    yearly = 365 / len(every_day) if annualise == "sum" else 1
    return ratio(len(left) * yearly, base, 100)


def attrition_cost(tables, first, last, where=None, ramp_cost=0):
    """What hiring and training cost in the period, and the slow start of those who follow."""
    costs = table(
        tables, "costs", "period_start_on", "period_end_on", "cost_centre", "kind", "amount"
    )
    costs = costs[costs["kind"].isin(["recruiting", "training"])].copy()
    sites = set(table(tables, "sites", "site_id")["site_id"])
    costs["by_site"] = [c if c in sites else None for c in costs["cost_centre"]]
    first, last = pd.Timestamp(first), pd.Timestamp(last)
    total = 0.0
    for row in cut(costs, where).to_dict("records"):
        start = row["period_start_on"]
        end = start if pd.isna(row["period_end_on"]) else row["period_end_on"]
        shared = (min(end, last) - max(start, first)).days + 1
        if shared > 0 and not pd.isna(row["amount"]):
            total += row["amount"] * shared / ((end - start).days + 1)
    return float(total + len(leavers(people(tables, where), first, last)) * ramp_cost)


def certification_attainment(tables, first, last, where=None, per="count"):
    """Certificates passed."""
    one_of(per, "count", "per_agent_half_year")
    frame = table(tables, "certifications", "agent_id", "passed_at", "passed_on")
    rows = cut(of_agents(within(frame, "passed_on", first, last), tables, "passed_at"), where)
    if per == "count":
        return float(len(rows))
    agents = people(tables, where)
    head_days = sum(heads(agents, day) for day in pd.date_range(first, last))
    return ratio(len(rows), head_days / HALF_YEAR_DAYS)


def agent_engagement(
    tables, first, last, where=None, stat="enps", item="all", wave="all", min_answers=5
):
    """What employees answered; nothing where too few did. Waves are no days: the period is not read."""
    one_of(stat, "enps", "mean")
    frame = table(tables, "employee_surveys", "response_id", "team", "wave", "item", "value")
    frame["by_team"] = frame["team"]
    rows = cut(frame, where)
    rows = rows[rows["value"].notna()]
    if wave != "all":
        rows = rows[rows["wave"] == wave]
    if stat == "enps":
        rows = rows[rows["item"] == "recommend"]
    else:
        rows = rows[rows["item"] != "recommend"] if item == "all" else rows[rows["item"] == item]
    if rows["response_id"].nunique() < min_answers:
        return None
    return net_promoters(rows["value"]) if stat == "enps" else mean(rows["value"])


def skill_levels(tables, states):
    """Mean level of the skills that the agent of each state had then."""
    found = pd.Series(float("nan"), states.index)
    for agent, mine in tables["agent_skills"].groupby("agent_id"):
        own = days(states.loc[states["agent_id"] == agent, "started_at"])
        total, held = 0.0 * own.index, 0 * own.index
        for skill in mine.to_dict("records"):
            ends = pd.Timestamp.max if pd.isna(skill["valid_to"]) else skill["valid_to"]
            holds = ((own >= skill["valid_from"]) & (own < ends)).to_numpy()
            total, held = total + holds * skill["level"], held + holds
        found[own.index] = total / held
    return found


def tenure_mix(tables, first, last, where=None, measure="tenure"):
    """Months since hiring (or level of skill), weighted by staffed time."""
    states = states_of(tables, first, last, where)
    if one_of(measure, "tenure", "level") == "level":
        levels = skill_levels(tables, states)
        weights = states["duration_ms"].astype("float64")[levels.notna()]
        return ratio((weights * levels).sum(), weights.sum())
    hired = people(tables, None).set_index("agent_id")["hired_on"]
    since = days(states["started_on"]) - days(states["agent_id"].map(hired))
    months = since / pd.Timedelta(days=1) / MONTH_DAYS
    weights = states["duration_ms"].astype("float64")[months.notna()]
    return ratio((weights * months).sum(), weights.sum())


# --- answers -------------------------------------------------------------------------------------


def net_promoters(scores):
    """Share of 9 and 10 less share of 0 to 6, in points."""
    scores = pd.Series(scores, dtype="float64").dropna()
    return ratio((scores >= 9).sum() - (scores <= 6).sum(), len(scores), 100)


def centre_zone(tables):
    """The zone in which the days of invitations are told."""
    surveys = table(tables, "surveys", "invited_at", "invited_on")
    surveys = surveys[surveys["invited_at"].notna() & surveys["invited_on"].notna()]
    at, on = days(surveys["invited_at"]), days(surveys["invited_on"])
    zones = [*sorted(set(table(tables, "sites", "zone")["zone"].dropna())), "UTC"]
    agree = {zone: int((local_day(at, zone) == on).sum()) for zone in ["UTC", *zones]}
    return max(agree, key=agree.get)


def local_day(at, zone):
    local = days(at).dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    return local.dt.normalize().astype("datetime64[us]")


def answers(tables, kind, period="answer"):
    """Answered surveys of a kind with `day` and dimensions."""
    one_of(period, "answer", "contact")
    frame = table(
        tables, "surveys", "survey_id", "contact_id", "customer_id", "agent_at_rating", "kind",
        "invited_on", "answered_at", "csat", "scale_max", "nps", "ces", "ces_version", "fcr_item",
    )  # fmt: skip
    frame = frame[frame["answered_at"].notna()]
    frame = of_contacts(frame, tables, agent="agent_at_rating")
    began = table(tables, "contacts", "contact_id", "started_on").set_index("contact_id")
    if period == "contact":
        of_contact = days(frame["contact_id"].map(began["started_on"]))
        is_company = frame["kind"] == "relationship"
        frame["day"] = of_contact.where(~is_company, days(frame["invited_on"]))
    elif "answered_on" in frame:
        frame["day"] = days(frame["answered_on"])
    else:
        frame["day"] = local_day(frame["answered_at"], centre_zone(tables))
    return frame if kind is None else frame[frame["kind"] == kind]


def answers_of(tables, first, last, where, kind, period):
    return cut(within(answers(tables, kind, period), "day", first, last), where)


def top_of(rows):
    return rows["scale_max"].astype("float64").fillna(5)


def one_a_contact(rows, which):
    """The first or last answer of each contact; an answer without a contact stands alone."""
    if which == "all":
        return rows
    rows = rows.sort_values(["answered_at", "survey_id"])
    own = rows["contact_id"].astype("object").where(rows["contact_id"].notna(), rows["survey_id"])
    return rows[~own.duplicated(keep=which)]


def satisfied(csat, top, boxes):
    return (csat > (top - boxes).clip(lower=1)).where(top > 1, csat == 1)


def csat_t2b(
    tables, first, last, where=None, boxes=2, neutral="count", which="all", period="answer"
):
    """The share of answers in the top boxes."""
    one_of(neutral, "count", "drop")
    one_of(which, "all", "first", "last")
    rows = answers(tables, "transactional", period)
    rows = one_a_contact(rows[rows["csat"].notna()], which)
    rows = cut(within(rows, "day", first, last), where)
    top, csat = top_of(rows), rows["csat"].astype("float64")
    good = satisfied(csat, top, boxes)
    counted = pd.Series(True, index=rows.index)
    if neutral == "drop":
        counted = (top == 1) | (csat != (1 + top) / 2)
    return ratio((good & counted).sum(), counted.sum(), 100)


def linear(value, top):
    """0 to 100 from a scale of 1 to its top, or of 0 and 1."""
    steps = (top - 1).where(top > 1, 1)
    return (value - 1).where(top > 1, value) / steps * 100


def csat_mean(tables, first, last, where=None, rescale="none", period="answer"):
    """The mean answer, on its scale or on 0 to 100."""
    one_of(rescale, "none", "linear")
    rows = answers_of(tables, first, last, where, "transactional", period)
    csat = rows["csat"].astype("float64")
    return mean(csat if rescale == "none" else linear(csat, top_of(rows)))


def items_of(tables):
    frame = table(tables, "survey_items", "survey_id", "item", "value")
    return frame[frame["value"].notna()]


def csat_items(tables, first, last, where=None, item="satisfied", top=4, period="answer"):
    """The share of top answers to one question."""
    rows = answers_of(tables, first, last, where, "transactional", period)
    found = items_of(tables)
    found = found[(found["item"] == item) & found["survey_id"].isin(rows["survey_id"])]
    good, asked = (found["value"] >= top).sum(), len(found)
    if item == "satisfied":
        rows = rows[rows["csat"].notna() & ~rows["survey_id"].isin(found["survey_id"])]
        good += satisfied(rows["csat"].astype("float64"), top_of(rows), 2).sum()
        asked += len(rows)
    return ratio(good, asked, 100)


def csi(
    tables, first, last, where=None, items="all", scale_max=10, weights="equal", period="answer"
):
    """The mean over respondents of the mean of their items, on 0 to 100."""
    one_of(weights, "equal")
    rows = answers_of(tables, first, last, where, "relationship", period)
    found = items_of(tables)
    if items != "all":
        found = found[found["item"] == items]
    scaled = (found["value"].astype("float64") - 1) / (scale_max - 1) * 100
    of_items = scaled.groupby(found["survey_id"]).mean()
    of_csat = linear(rows["csat"].astype("float64"), top_of(rows))
    return mean(rows["survey_id"].map(of_items).astype("float64").fillna(of_csat))


def nps_transactional(tables, first, last, where=None, period="answer"):
    """Promoters less detractors, after a contact."""
    rows = answers_of(tables, first, last, where, "transactional", period)
    return net_promoters(rows["nps"])


def nps_relationship(tables, first, last, where=None, period="answer"):
    """Promoters less detractors, of the company."""
    rows = answers_of(tables, first, last, where, "relationship", period)
    return net_promoters(rows["nps"])


def ces(tables, first, last, where=None, version="v2", stat="mean", period="answer"):
    """Effort, by one version of the question."""
    one_of(version, "v1", "v2")
    one_of(stat, "mean", "share")
    rows = answers_of(tables, first, last, where, "transactional", period)
    scores = rows.loc[rows["ces_version"] == version, "ces"].astype("float64").dropna()
    if stat == "mean":
        return mean(scores)
    return ratio((scores >= 5).sum() if version == "v2" else (scores <= 2).sum(), len(scores), 100)


def survey_response_rate(tables, first, last, where=None, base="delivered", kind="transactional"):
    """Answered over invited."""
    one_of(base, "delivered", "invited")
    one_of(kind, "transactional", "relationship", "all")
    frame = table(
        tables, "surveys", "contact_id", "customer_id", "agent_at_rating", "kind", "invited_at",
        "invited_on", "delivered", "answered_at",
    )  # fmt: skip
    frame = frame[frame["invited_at"].notna()]
    if kind != "all":
        frame = frame[frame["kind"] == kind]
    if base == "delivered":
        frame = frame[~is_false(frame["delivered"])]
    rows = of_contacts(frame, tables, agent="agent_at_rating")
    rows = cut(within(rows, "invited_on", first, last), where)
    return ratio(rows["answered_at"].notna().sum(), len(rows), 100)


def last_day(tables):
    """The last day of the data: of contacts, or of actions where there are none."""
    for name, column in (("contacts", "started_on"), ("actions", "created_on")):
        on = days(table(tables, name, column)[column])
        if on.notna().any():
            return on.max()
    return pd.Timestamp("1970-01-01")


def follow_up_rate(tables, first, last, where=None, as_of=None):
    """Follow-ups done in time over those due or done."""
    frame = table(tables, "actions", "kind", "created_on", "due_at", "done_at")
    rows = within(frame[frame["kind"] == "follow_up"], "created_on", first, last)
    rows = cut(rows, where)
    night = pd.Timestamp(last_day(tables) if as_of is None else as_of) + pd.Timedelta(days=1)
    end = night.tz_localize(centre_zone(tables)).tz_convert("UTC").tz_localize(None)
    due, done = days(rows["due_at"]), days(rows["done_at"])
    done = done.where(done < end)
    counted = due.notna() & ((due <= end) | done.notna())
    return ratio((counted & (done <= due)).sum(), counted.sum(), 100)


# --- emotions ------------------------------------------------------------------------------------

SIGN = {"positive": 1, "negative": -1, "neutral": 0}
CLUSTER = {"advocacy": 1.0, "recommendation": 0.66, "attention": 0.33, "destroying": -1.0}


def emotions(tables, *sources):
    frame = table(
        tables, "emotions", "contact_id", "survey_id", "speaker", "variant", "cluster", "source",
        "intensity", "valence",
    )  # fmt: skip
    frame = frame[frame["source"].isin(sources)].copy()
    frame["sign"] = frame["valence"].map(SIGN).astype("float64")
    return frame


def felt_in_surveys(tables, first, last, where, variant, kind, period):
    """Emotions of one variant in the surveys answered in the period."""
    rows = answers_of(tables, first, last, where, kind, period)
    found = emotions(tables, "survey")
    return found[(found["variant"] == variant) & found["survey_id"].isin(rows["survey_id"])]


def heard_in_contacts(tables, first, last, where, variant):
    """Labels of text and speech in the contacts that began in the period."""
    found = emotions(tables, "text", "speech")
    found = of_contacts(found[found["variant"] == variant], tables)
    began = table(tables, "contacts", "contact_id", "started_on").set_index("contact_id")
    found["day"] = found["contact_id"].map(began["started_on"])
    return cut(within(found, "day", first, last), where)


def mean_gap(found):
    """Per survey, the mean of what is good less the mean of what is bad."""
    gaps = []
    for _, mine in found[found["intensity"].notna()].groupby("survey_id"):
        good = mine.loc[mine["sign"] == 1, "intensity"]
        bad = mine.loc[mine["sign"] == -1, "intensity"]
        if len(good) and len(bad):
            gaps.append(good.mean() - bad.mean())
    return mean(gaps)


def nev(
    tables,
    first,
    last,
    where=None,
    variant="mean_gap",
    neutral="keep",
    kind="transactional",
    period="answer",
):
    """What is felt for less what is felt against, by one instrument."""
    one_of(neutral, "keep", "drop")
    one_of(kind, "transactional", "relationship")
    one_of(variant, "mean_gap", "pick_share", "one_word", "evi", "class_share")
    if variant == "class_share":
        labels = heard_in_contacts(tables, first, last, where, variant)
        labels = labels[labels["speaker"].isna() | (labels["speaker"] == "customer")]
        labels = labels[labels["sign"].notna()]
        return mean(np.sign(labels.groupby("contact_id")["sign"].sum()), 100)
    found = felt_in_surveys(tables, first, last, where, variant, kind, period)
    if variant == "evi":
        return mean(found["cluster"].map(CLUSTER).fillna(0.0), 100)
    found = found[found["sign"].notna()]
    if variant == "mean_gap":
        return mean_gap(found)
    if variant == "one_word" and neutral == "drop":
        found = found[found["sign"] != 0]
    return mean(found["sign"], 100)


def says_yes(column):
    return column.astype("string").str.strip().str.lower().isin(["yes", "true", "1", "1.0"])


def resolved_but_negative_rate(tables, first, last, where=None, period="answer", net="mean"):
    """Of those who say that it was settled, the share whose feeling is negative."""
    rows = answers_of(tables, first, last, where, "transactional", period)
    rows = rows[says_yes(rows["fcr_item"])]
    one_of(net, "mean", "sum")
    found = emotions(tables, "survey")
    found = found[found["survey_id"].isin(rows["survey_id"])]
    totals = []
    for _, mine in found.groupby("survey_id"):
        rating, sign = mine["intensity"].astype("float64"), mine["sign"].fillna(0)
        good, bad = rating[sign == 1].mean(), rating[sign == -1].mean()
        both_rated = pd.notna(good) and pd.notna(bad)
        by_sum = (rating.fillna(1.0) * sign).sum()
        totals.append(good - bad if net == "mean" and both_rated else by_sum)
    return ratio(sum(total < 0 for total in totals), len(totals), 100)


def sentiment_score(tables, first, last, where=None, vendor="amazon", customer_only=True):
    """The mean score of wording."""
    one_of(vendor, "amazon", "genesys")
    found = heard_in_contacts(tables, first, last, where, "sentiment")
    if customer_only:
        found = found[found["speaker"] == "customer"]
    score = found["intensity"].astype("float64")
    return mean(score.where(found["valence"] != "negative", -score))


# --- quality -------------------------------------------------------------------------------------


def evaluations(tables):
    frame = table(
        tables, "qa_evaluations", "evaluation_id", "contact_id", "sample_rule", "calibration_id",
        "agent_id", "evaluator", "score", "auto_fail", "released_at", "released_on",
    )  # fmt: skip
    return of_contacts(frame, tables, at="released_at")


def evaluations_of(tables, first, last, where, sample):
    one_of(sample, "random", "all")
    rows = cut(within(evaluations(tables), "released_on", first, last), where)
    if sample == "random":
        rows = rows[rows["sample_rule"].isna() | (rows["sample_rule"] == "random")]
    return rows


def applicable_items(tables):
    frame = table(
        tables, "qa_items", "evaluation_id", "competency_id", "weight", "points", "max_points",
        "critical", "not_applicable",
    )  # fmt: skip
    known = frame["points"].notna() & frame["max_points"].notna()
    frame = frame[known & ~is_true(frame["not_applicable"])].copy()
    frame["weight"] = frame["weight"].astype("float64").fillna(1.0)
    return frame


def quality(rows, tables, method, autofail):
    """The mean score of evaluations."""
    one_of(method, "items", "score")
    one_of(autofail, "zero", "flag")
    items = applicable_items(tables)
    reached = (items["weight"] * items["points"]).groupby(items["evaluation_id"]).sum()
    possible = (items["weight"] * items["max_points"]).groupby(items["evaluation_id"]).sum()
    of_items = (reached / possible.where(possible > 0) * 100).astype("float64")
    score = rows["evaluation_id"].map(of_items) if method == "items" else rows["score"]
    if autofail == "zero":
        score = score.where(~is_true(rows["auto_fail"]), 0.0)
    return mean(score)


def qa_score(tables, first, last, where=None, method="items", autofail="zero", sample="random"):
    """Points reached over points possible."""
    rows = evaluations_of(tables, first, last, where, sample)
    return quality(rows, tables, method, autofail)


def email_quality_score(
    tables,
    first,
    last,
    where=None,
    written="email",
    method="items",
    autofail="zero",
    sample="random",
):
    """The same for what was written."""
    one_of(written, "email", "all_written")
    channels = ["email"] if written == "email" else ["email", "message", "chat", "social"]
    rows = evaluations_of(tables, first, last, where, sample)
    return quality(rows[rows["by_channel"].isin(channels)], tables, method, autofail)


def critical_error_rate(tables, first, last, where=None, error="zero", sample="random"):
    """The share of evaluations with a fatal error."""
    one_of(error, "zero", "any_loss", "auto_fail")
    rows = evaluations_of(tables, first, last, where, sample)
    if error == "auto_fail":
        rows = rows[rows["auto_fail"].notna()]
        return ratio(is_true(rows["auto_fail"]).sum(), len(rows), 100)
    rows = rows[
        rows["evaluation_id"].isin(table(tables, "qa_items", "evaluation_id").evaluation_id)
    ]
    items = applicable_items(tables)
    lost = items["points"] == 0 if error == "zero" else items["points"] < items["max_points"]
    fatal = items[is_true(items["critical"]) & lost]
    return ratio(rows["evaluation_id"].isin(fatal["evaluation_id"]).sum(), len(rows), 100)


def competency_score(tables, first, last, where=None, competency="accuracy", sample="all"):
    """The mean rating of one competency."""
    one_of(sample, "all", "random")
    rows = evaluations_of(tables, first, last, where, sample)
    items = applicable_items(tables)
    items = items[(items["competency_id"] == competency) & (items["max_points"] > 0)]
    items = items[items["evaluation_id"].isin(rows["evaluation_id"])]
    return mean(100 * items["points"] / items["max_points"])


def pairs_of(tables, first, last, where, value):
    """Both values of every pair of evaluators in one calibration."""
    rows = evaluations(tables)
    rows = rows[rows["calibration_id"].notna() & rows[value].notna()]
    rows = rows.sort_values("evaluation_id")
    by = [name for name in rows if name.startswith("by_")]
    kept = ["calibration_id", "evaluation_id", "evaluator", "released_on", value]
    both = rows[kept + by].merge(rows[kept], on="calibration_id", suffixes=("", "_other"))
    both = both[both["evaluation_id"] < both["evaluation_id_other"]]
    both = both[both["evaluator"] != both["evaluator_other"]].copy()
    both["day"] = both[["released_on", "released_on_other"]].apply(days).max(axis=1, skipna=False)
    both = cut(within(both, "day", first, last), where)
    return both[value].astype("float64"), both[f"{value}_other"].astype("float64")


def qa_agreement(tables, first, last, where=None, statistic="icc"):
    """How far two evaluators of one contact agree, beyond chance."""
    one_of(statistic, "icc", "kappa")
    x, y = pairs_of(tables, first, last, where, "score" if statistic == "icc" else "auto_fail")
    if not len(x):
        return None
    centre = (x.sum() + y.sum()) / (2 * len(x))
    if statistic == "icc":
        together = ((x - centre) * (y - centre)).sum()
        return ratio(together, (((x - centre) ** 2 + (y - centre) ** 2) / 2).sum())
    by_chance = centre**2 + (1 - centre) ** 2
    return ratio((x == y).mean() - by_chance, 1 - by_chance)


ORACLES = {
    function.__name__: function
    for function in (
        occupancy,
        utilization,
        shrinkage,
        adherence,
        conformance,
        forecast_error,
        interval_target_share,
        staffing_gap_hours,
        lost_service_hours,
        unplanned_absence_rate,
        agent_attrition,
        attrition_cost,
        certification_attainment,
        agent_engagement,
        tenure_mix,
        csat_t2b,
        csat_mean,
        csat_items,
        csi,
        nps_transactional,
        nps_relationship,
        ces,
        survey_response_rate,
        follow_up_rate,
        nev,
        resolved_but_negative_rate,
        sentiment_score,
        qa_score,
        email_quality_score,
        critical_error_rate,
        competency_score,
        qa_agreement,
    )
}
