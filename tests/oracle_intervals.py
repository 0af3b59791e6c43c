"""Half-hours of a switch, made naively from contacts: what the tests hold the library against.

Every convention is a keyword. Plain pandas on local clock times, contact by contact where that is
clearer; nothing of the library's counting is used.
"""

import numpy as np
import pandas as pd

ZONE = "Europe/Berlin"
COUNTS = ("offered", "answered", "abandoned", "short_abandoned", "answered_within")
COUNTS += ("abandoned_within", "flowed_out")
SPANS = ("wait_ms", "talk_ms", "hold_ms", "wrap_ms")


def centre(weeks=2, contacts=6_000, seed=2024):
    "The small centre, each channel with a queue of its own, as switches report."
    from contact_kpis.data.simulate.centre import make

    made = make("small", seed=seed, weeks=weeks, contacts=contacts)
    frame = made.tables["contacts"].copy()
    frame["queue_id"] = frame["queue_id"] + " " + frame["channel"]
    return frame, made.tables["agent_states"]


def legs(weeks=2, contacts=6_000, seed=2024):
    "Every leg of a contact with an agent: a transfer is work of two."
    from contact_kpis.data.simulate.centre import make

    made = make("small", seed=seed, weeks=weeks, contacts=contacts).tables["contact_segments"]
    return made[made["agent_id"].notna()].reset_index(drop=True)


def voice(weeks=2, contacts=14_000, seed=2024):
    "Only contacts that waited on the phone or in a chat: every wait is known."
    frame, _ = centre(weeks, contacts, seed)
    return frame[frame["channel"].isin(["voice", "chat"])].reset_index(drop=True)


def with_everything(frame, seed=7):
    "The same contacts, some of which flowed out, took a callback, were outbound or phantoms."
    out, rng = frame.copy(), np.random.default_rng(seed)
    luck = pd.Series(rng.random(len(out)), out.index)
    left = out["outcome"] == "abandoned"
    out.loc[left & (luck < 0.25), "outcome"] = "flowed_out"
    out.loc[left & (luck > 0.75), "outcome"] = "callback"
    served = out["outcome"] == "answered"
    out.loc[served & (luck < 0.06), "direction"] = "outbound"
    out.loc[served & (luck > 0.97), "outcome"] = "phantom"
    blank = out["direction"] == "outbound"
    out.loc[blank, "wait_ms"] = pd.NA
    out.loc[blank, "enqueued_at"] = pd.NaT
    return out


def moments(frame):
    "When a contact started, entered its queue, left it, ended, and was written up."
    entered = frame["enqueued_at"].fillna(frame["started_at"])
    wait = pd.to_timedelta(frame["wait_ms"].fillna(0).astype("int64"), unit="ms")
    spans = frame[["talk_ms", "hold_ms", "wrap_ms"]].fillna(0).astype("int64")
    handle = pd.to_timedelta(spans.sum(axis=1), unit="ms")
    left = entered + wait
    unknown = frame["wait_ms"].isna() & (frame["outcome"] == "answered")
    talk = pd.to_timedelta(spans["talk_ms"] + spans["hold_ms"], unit="ms")
    left = left.where(~unknown, frame["ended_at"] - talk)
    return {
        "start": frame["started_at"],
        "enqueue": entered,
        "answer": left,
        "end": frame["ended_at"],
        "wrap_end": left + handle,
    }


def _cell(times, minutes, shift_min):
    return (times + pd.Timedelta(minutes=shift_min)).dt.floor(f"{minutes}min")


def to_intervals(
    frame,
    minutes=30,
    counted=None,  # minutes that are really counted in each row; default: all
    at="start",
    threshold_s=20,
    abandon_mode="negative",
    short_s=None,  # limit of short abandons, as the rows say it
    short_out=None,  # short abandons up to this are dropped from offered and abandoned
    flowouts_in=True,
    callbacks_in=True,
    outbound_in=False,
    phantoms_in=False,
    menu_in=False,
    also_abandoned="",  # an outcome that is counted as abandoned too
    inclusive=True,
    handle="start",
    shift_min=0,
):
    "One row per queue and interval in which anything happened."
    wait = frame["wait_ms"].astype("Float64")
    inbound = (frame["direction"].fillna("inbound") == "inbound") & (frame["outcome"] != "phantom")
    is_in = inbound & frame["enqueued_at"].notna()
    ended = frame["outcome"]
    answered, left = inbound & (ended == "answered"), is_in & (ended == "abandoned")
    outbound = (frame["direction"] == "outbound") & (ended == "answered")
    dropped = left & (wait <= 1000 * short_out) if short_out is not None else left & False
    within = (wait <= 1000 * threshold_s) if inclusive else (wait < 1000 * threshold_s)
    within = within.fillna(False).astype(bool)
    offered = (is_in | answered) & ~dropped.fillna(False).astype(bool)
    offered &= flowouts_in | (ended != "flowed_out")
    offered &= callbacks_in | (ended != "callback")
    offered |= outbound if outbound_in else False
    offered |= (ended == "phantom") if phantoms_in else False
    offered |= (inbound & (ended == "left_ivr")) if menu_in else False
    served = answered | outbound if outbound_in else answered
    gave_up = left & ~dropped.fillna(False).astype(bool)
    counted_left = gave_up | (is_in & (ended == also_abandoned))
    short = left & (wait <= 1000 * (short_s or 0)).fillna(False)
    counts = {
        "offered": offered,
        "answered": served,
        "abandoned": counted_left,
        "short_abandoned": short,
        "answered_within": answered & within,
        "abandoned_within": gave_up & within,
        "flowed_out": is_in & (ended == "flowed_out") & flowouts_in,
        "wait_ms": wait.where(answered).fillna(0),
    }
    when = moments(frame)
    cells = pd.DataFrame({"queue_id": frame["queue_id"], "at": _cell(when[at], minutes, shift_min)})
    table = pd.DataFrame({c: v.astype("int64") for c, v in counts.items()})
    if counted:
        early = (when[at] + pd.Timedelta(minutes=shift_min)) - cells["at"]
        table = table.where(early < pd.Timedelta(minutes=counted), 0)
    sums = table.groupby([cells["queue_id"], cells["at"]]).sum()
    spans = handle_sums(frame[served], minutes, handle, shift_min, counted)
    rows = sums.join(spans, how="outer").fillna(0).astype("int64").reset_index()
    rows = rows.rename(columns={"at": "interval_start_at"})
    rows["length_ms"] = minutes * 60_000
    rows["threshold_ms"], rows["abandon_mode"] = 1000 * threshold_s, abandon_mode
    if short_s is not None:
        rows["short_abandon_ms"] = 1000 * short_s
    else:
        rows = rows.drop(columns="short_abandoned")
    return rows


def handle_sums(frame, minutes, handle="start", shift_min=0, counted=None):
    "Talk, hold and wrap per queue and interval; split over the clock second by second, if asked."
    when = moments(frame)
    spans = frame[["talk_ms", "hold_ms", "wrap_ms"]].fillna(0).astype("int64")
    if handle != "split":
        cells = _cell(when[handle], minutes, shift_min)
        if counted:
            early = when[handle] + pd.Timedelta(minutes=shift_min) - cells
            spans = spans.where(early < pd.Timedelta(minutes=counted), 0)
        return spans.groupby([frame["queue_id"], cells.rename("at")]).sum()
    parts = []
    for queue, start, total in zip(
        frame["queue_id"], when["answer"], spans.sum(axis=1), strict=True
    ):
        clock = start + pd.Timedelta(minutes=shift_min)
        end = clock + pd.Timedelta(milliseconds=int(total))
        while clock < end:
            cell = clock.floor(f"{minutes}min")
            stop = min(end, cell + pd.Timedelta(minutes=minutes))
            parts.append((queue, cell, (stop - clock) // pd.Timedelta(milliseconds=1)))
            clock = stop
    out = pd.DataFrame(parts, columns=["queue_id", "at", "talk_ms"])
    out = out.groupby(["queue_id", "at"]).sum()
    return out.assign(hold_ms=0, wrap_ms=0)


def agent_rows(states, served, minutes=30):
    "One row per agent and interval: handle time where a leg began, idle time likewise."
    began = states["started_at"].dt.floor(f"{minutes}min")
    length = (states["ended_at"] - states["started_at"]) // pd.Timedelta(milliseconds=1)
    idle = length.where(states["routing_status"] == "idle", 0)
    idle = idle.groupby([states["agent_id"], began.rename("at")]).sum().rename("idle_ms")
    spans = served[["talk_ms", "hold_ms", "wrap_ms"]].fillna(0).astype("int64")
    cell = served["started_at"].dt.floor(f"{minutes}min").rename("at")
    busy = spans.groupby([served["agent_id"], cell]).sum()
    answered = served.groupby([served["agent_id"], cell]).size().rename("answered")
    rows = pd.concat([busy, answered, idle], axis=1).fillna(0).astype("int64").reset_index()
    team = states.drop_duplicates("agent_id").set_index("agent_id")[["team", "site"]]
    rows = rows.join(team, on="agent_id").rename(columns={"at": "interval_start_at"})
    return rows.assign(length_ms=minutes * 60_000)
