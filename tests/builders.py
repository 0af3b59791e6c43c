"""Small frames for tests: a contact is a dictionary of what the test is about, the rest is filled in.

Waits and handling times are written in seconds (`wait=20`) because the worked examples are; the
frame holds milliseconds. The library's objects are reached through its public front door only.
"""

from itertools import count

import pandas as pd

TEXTS = (
    "customer_id", "queue_id", "agent_id", "team", "site", "reason_code", "product", "language",
    "customer_segment", "plan", "platform", "direction",
)  # fmt: skip
SECONDS = {
    "ivr": "ivr_ms",
    "wait": "wait_ms",
    "talk": "talk_ms",
    "hold": "hold_ms",
    "wrap": "wrap_ms",
}
NOON = "2026-03-02 12:00:00"  # a Monday
_numbers = count(1)


def call(outcome="answered", at=NOON, **known):
    """One contact. A contact with a wait has entered a queue, unless `queued=False`."""
    row = {
        "contact_id": known.pop("id", None) or f"c{next(_numbers)}",
        "channel": "voice",
        "direction": "inbound",
        "queue_id": "Q",
        "outcome": outcome,
        "started_at": pd.Timestamp(at),
    }
    queued = known.pop("queued", known.get("wait") is not None)
    row["enqueued_at"] = row["started_at"] if queued else pd.NaT
    for short, column in SECONDS.items():
        seconds = known.pop(short, None)
        row[column] = None if seconds is None else round(seconds * 1000)
    return row | known


def calls(n, outcome="answered", at=NOON, **known):
    """`n` contacts alike, one second apart so that no two share an instant."""
    start = pd.Timestamp(at)
    return [call(outcome, start + pd.Timedelta(seconds=i), **known) for i in range(n)]


def contacts(rows):
    """The contacts frame of these rows, every column typed."""
    frame = pd.DataFrame(rows)
    for column in SECONDS.values():
        frame[column] = frame[column].astype("Int64")
    for column in ("started_at", "enqueued_at"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    for column in TEXTS:
        if column not in frame:
            frame[column] = None
        frame[column] = frame[column].astype("object").where(frame[column].notna(), None)
    return frame


def states(*rows, agent="a1", at="2026-03-02 08:00:00"):
    """Consecutive states of one agent: (routing_status, hours) or (routing_status, hours, presence)."""
    out, clock = [], pd.Timestamp(at)
    for status, hours, *presence in rows:
        end = clock + pd.Timedelta(hours=hours)
        out.append(
            {
                "agent_id": agent,
                "started_at": clock,
                "ended_at": end,
                "presence": presence[0] if presence else "on_queue",
                "routing_status": status,
            }
        )
        clock = end
    return out


def open_ws(rows=None, zone="UTC", week_start="monday", agent_states=None):
    """A workspace of these rows (or of this frame) whose local days are those of `zone`."""
    from contact_kpis import open_workspace
    from contact_kpis.settings import Settings

    frames = {}
    if rows is not None:
        frames["contacts"] = rows if isinstance(rows, pd.DataFrame) else contacts(rows)
    if agent_states is not None:
        frames["agent_states"] = pd.DataFrame(agent_states)
    return open_workspace(frames, settings=Settings(zone=zone, week_start=week_start))


def metric(kpi, **conventions):
    """The KPI under these conventions."""
    from contact_kpis import catalogue

    return catalogue[kpi].using(**conventions) if conventions else catalogue[kpi]


def one(ws, kpi, by=(), where=None, since=None, until=None, as_of=None, **conventions):
    """The single row that a KPI gives."""
    asked = {"by": list(by), "where": where, "since": since, "until": until, "as_of": as_of}
    asked = {key: value for key, value in asked.items() if value}
    frame = ws.kpis([metric(kpi, **conventions)], **asked).frame
    assert len(frame) == 1, frame
    return frame.iloc[0]


def many(ws, kpi, by, where=None, since=None, until=None, as_of=None, **conventions):
    """The frame that a KPI gives, one row a cell."""
    asked = {"where": where, "since": since, "until": until, "as_of": as_of}
    asked = {key: value for key, value in asked.items() if value}
    return ws.kpis([metric(kpi, **conventions)], by=list(by), **asked).frame


def is_null(value):
    return value is None or value is pd.NA or value != value


def codes(row):
    """The caveats of a row, without their figures."""
    return {code.split("=")[0] for code in row["caveats"]}
