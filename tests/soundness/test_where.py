"""A filter chooses what is counted, not what is known.

March      2        3        4
A          sales    support  sales        in sales: 2 contacts; the one of the 4th is a repeat
B          sales                          of the contact with support on the 3rd
"""

import pytest

from tests.builders import call, contacts, many, one, open_ws


def visit(customer, day, queue, **known):
    return call(
        at=f"2026-03-{day:02d} 12:00", customer_id=customer, wait=1, queue_id=queue, **known
    )


@pytest.fixture(scope="module")
def ws():
    return open_ws(
        contacts(
            [
                visit("A", 2, "sales", reason_code="bill"),
                visit("A", 3, "support", reason_code="bill"),
                visit("B", 2, "sales", reason_code="move", channel="chat"),
                visit("C", 2, "support", reason_code="bill"),
                visit("C", 6, "sales", reason_code="bill"),
                visit("Z", 31, "other"),
            ]
        )
    )


def test_a_repeat_through_another_queue_is_a_repeat(ws):
    "Sales: A (first), B (first), C on the 6th (after support on the 2nd) -> 1 of 3."
    row = one(ws, "repeat_contact_rate", where={"queue": "sales"})
    assert row["n"] == 3
    assert row["value"] == pytest.approx(100 / 3, rel=1e-9)


def test_an_issue_that_failed_through_another_queue_failed(ws):
    "Issues that began in sales: A (followed in support) and B -> 1 of 2 solved; C began in support."
    row = one(ws, "fcr_repeat_window", where={"queue": "sales"})
    assert row["n"] == 2
    assert row["value"] == pytest.approx(50.0, rel=1e-9)


@pytest.mark.parametrize(
    "kpi", ["repeat_contact_rate", "fcr_repeat_window", "service_level", "asa"]
)
def test_filtering_one_group_is_reading_its_row(ws, kpi):
    by_queue = many(ws, kpi, by=["queue"]).set_index("queue")
    for queue in ("sales", "support"):
        row = one(ws, kpi, where={"queue": queue})
        assert row["value"] == pytest.approx(by_queue.loc[queue, "value"], rel=1e-12)
        assert row["n"] == by_queue.loc[queue, "n"]


def test_a_period_does_not_hide_what_came_before_it(ws):
    row = one(ws, "repeat_contact_rate", since="2026-03-06", until="2026-03-06")
    assert row["n"] == 1 and row["value"] == pytest.approx(100.0, rel=1e-9)


def test_a_filter_on_the_channel_does_not_make_the_window_a_channels_window(ws):
    rows = [visit("A", 2, "q"), visit("A", 3, "q", channel="chat"), visit("Z", 31, "q")]
    row = one(open_ws(contacts(rows)), "repeat_contact_rate", where={"channel": "chat"})
    assert row["n"] == 1 and row["value"] == pytest.approx(100.0, rel=1e-9)


def test_both_forms_of_where_agree(ws):
    import ibis

    mapping = one(ws, "contact_volume", where={"queue": ["sales", "support"], "channel": "voice"})
    condition = (ibis._.queue.isin(["sales", "support"])) & (ibis._.channel == "voice")
    expression = ws.kpis(["contact_volume"], where=condition).frame.iloc[0]
    assert mapping["value"] == expression["value"] == 4
