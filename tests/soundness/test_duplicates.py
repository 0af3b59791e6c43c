"""The same contact_id twice is never two contacts.

c1  10 s            c1  10 s            c1  10 s
c2  30 s            c2  30 s            c2  30 s
                    c2  30 s  again     c2  99 s  another story
2 contacts          2, 1 left out       at most 2, 1 set aside with its reason
"""

import pytest

from tests.builders import call, contacts, one, open_ws

C1, C2 = call(id="c1", wait=10, customer_id="A"), call(id="c2", wait=30, customer_id="B")


def test_an_exact_repetition_is_left_out():
    ws = open_ws(contacts([C1, C2, C2]))
    assert one(ws, "contact_volume")["value"] == 2
    assert one(ws, "asa")["value"] == pytest.approx(20.0, rel=1e-12)
    assert ws.notes, "and that is said"


def test_a_redelivered_contact_is_no_repeat_of_its_customer():
    ws = open_ws(contacts([C1, C2, C2]))
    assert one(ws, "repeat_contact_rate")["value"] == 0.0


def test_a_contradiction_is_set_aside_and_counted():
    other = C2 | {"wait_ms": 99_000}
    ws = open_ws(contacts([C1, C2, other]))
    assert one(ws, "contact_volume")["value"] <= 2
    aside = ws.quarantine
    assert len(aside) == 1
    assert set(aside["key"]) == {"c2"}
    assert aside["reason"].str.len().gt(0).all()
    assert aside["row"].tolist() == [3]


def test_rows_given_are_kept_set_aside_or_repeated():
    rows = [C1, C2, C2, C2 | {"wait_ms": 99_000}, C1 | {"contact_id": None}]
    ws = open_ws(contacts(rows))
    kept = one(ws, "contact_volume", basis="system")["value"]
    assert kept == 2
    assert len(ws.quarantine) == 2, "the contradiction, and the row without a key"


def test_legs_do_not_multiply_contacts():
    "Two legs and two stays in queues of one contact: one contact, its wait counted once."
    import pandas as pd

    from contact_kpis import open_workspace

    at = C1["started_at"]
    stays = pd.DataFrame(
        {
            "event_id": ["e1", "e2"],
            "contact_id": ["c1", "c1"],
            "queue_id": ["Q", "R"],
            "enqueued_at": [at, at + pd.Timedelta("1min")],
            "flowed_out_at": [at + pd.Timedelta("10s"), pd.NaT],
            "answered_at": [pd.NaT, at + pd.Timedelta("2min")],
        }
    )
    legs = pd.DataFrame(
        {
            "segment_id": ["s1", "s2"],
            "contact_id": ["c1", "c1"],
            "seq": [0, 1],
            "type": ["talk", "talk"],
            "started_at": [at, at + pd.Timedelta("3min")],
            "talk_ms": [1000, 2000],
        }
    )
    frames = {"contacts": contacts([C1, C2]), "queue_events": stays, "contact_segments": legs}
    ws = open_workspace(frames)
    assert one(ws, "contact_volume")["value"] == 2
    assert one(ws, "asa")["value"] == pytest.approx(20.0, rel=1e-12)
