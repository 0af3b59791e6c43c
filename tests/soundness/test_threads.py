"""Threads cut into sessions: nothing measured is counted twice, nothing is cut undecided.

thread  messages at (March, UTC)                 gap of 24 h
t1      2nd 09:00, 3rd 09:00, 5th 10:00          two sessions: 24 h exactly does not end one
t2      2nd 12:00                                one
call    (voice) 2nd 10:00, 9th 10:00             never cut
"""

import pandas as pd
import pytest

from contact_kpis import Settings, open_workspace
from contact_kpis.data.threads import sessions
from contact_kpis.errors import BadInput
from tests.builders import call, contacts

WROTE = [("t1", "02 09:00"), ("t1", "03 09:00"), ("t1", "05 10:00"), ("t2", "02 12:00")]
WROTE += [("call", "02 10:00"), ("call", "09 10:00")]


def frames(outcome="answered"):
    threads = [
        call(outcome, "2026-03-02 09:00", id="t1", channel="message", customer_id="k", talk=600,
             wait=30),
        call("answered", "2026-03-02 12:00", id="t2", channel="email", customer_id="m", talk=60,
             wait=10),
        call("answered", "2026-03-02 10:00", id="call", customer_id="n", talk=90, wait=5),
    ]  # fmt: skip
    texts = [
        {"text_id": f"x{i}", "contact_id": of, "at": pd.Timestamp(f"2026-03-{at}"), "text": "…"}
        for i, (of, at) in enumerate(WROTE)
    ]
    return {"contacts": contacts(threads), "contact_texts": pd.DataFrame(texts)}


def table(ws, name):
    return ws.tables[name].execute()


def test_without_a_decision_nothing_is_cut():
    ws = open_workspace(frames())
    assert sorted(table(ws, "contacts")["contact_id"]) == ["call", "t1", "t2"]


def test_sessions_are_contacts_of_one_chain():
    ws = open_workspace(frames(), Settings(thread_gap_h=24))
    found = table(ws, "contacts").set_index("contact_id")
    assert sorted(found.index) == ["call", "t1", "t1#1", "t2"]
    assert found.loc["t1#1", "root_id"] == "t1" and found.loc["t1#1", "customer_id"] == "k"
    assert found.loc["t1#1", "started_at"] == pd.Timestamp("2026-03-05 10:00")
    assert found.loc["t1", "ended_at"] == pd.Timestamp("2026-03-03 09:00")
    assert any("1 threads cut into sessions, 1 more" in note for note in ws.notes)


def test_what_was_measured_for_the_thread_is_counted_once():
    plain, cut = (open_workspace(frames(), Settings(thread_gap_h=g)) for g in (0, 24))
    for kpi in ("aht", "asa"):
        one, other = (ws.kpis(kpi).frame.iloc[0] for ws in (plain, cut))
        assert one["value"] == other["value"] and one["n"] == other["n"]
    assert plain.kpis("contact_volume").frame["value"][0] == 3
    assert cut.kpis("contact_volume").frame["value"][0] == 4
    caveats = cut.kpis("aht").frame["caveats"][0]
    assert "unknown_handle_time=1" in caveats


def test_messages_follow_their_session():
    ws = open_workspace(frames(), Settings(thread_gap_h=24))
    found = table(ws, "contact_texts").sort_values("text_id")["contact_id"].tolist()
    assert found == ["t1", "t1", "t1#1", "t2", "call", "call"]
    assert not (ws.check().frame["rule"] == "reference").any()


def test_who_gives_a_thread_up_does_so_once():
    ws = open_workspace(frames("abandoned"), Settings(thread_gap_h=24))
    assert ws.kpis("abandonment_rate").frame["value"][0] == pytest.approx(100 / 3)
    assert sorted(table(ws, "contacts")["contact_id"]) == ["call", "t1", "t2"]


def test_order_of_messages_changes_nothing():
    messages = frames()["contact_texts"]
    mixed = messages.sample(frac=1, random_state=2024)
    assert sessions(mixed, 24).sort_index().tolist() == sessions(messages, 24).tolist()


def test_a_gap_of_nothing_is_refused():
    with pytest.raises(BadInput, match="0 hours"):
        sessions(frames()["contact_texts"], 0)


def test_a_gap_changed_after_the_import_is_refused(tmp_path):
    from contact_kpis.data.fitting import Imported, empty_quarantine, fit
    from contact_kpis.data.tables import write_project

    made = {name: fit(name, frame).frame for name, frame in frames().items()}
    imported = Imported("test", made, empty_quarantine(), rows_in=3)
    folder = write_project(imported, tmp_path / "centre", Settings(thread_gap_h=24))
    assert len(table(open_workspace(folder), "contacts")) == 4
    with pytest.raises(BadInput, match="thread_gap_h = 24"):
        open_workspace(folder, Settings(thread_gap_h=48))
