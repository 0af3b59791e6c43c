"""A missing key is a group of its own, and groups add up to the whole.

queue   A   A   B   -       by queue: A 2, B 1, (missing) 1
team    -   -   -   -       by team: (missing) 4
"""

import pytest

from tests.builders import call, many, one, open_ws

KEYS = {
    "queue": "queue_id", "agent": "agent_id", "reason": "reason_code", "platform": "platform",
    "team": "team", "site": "site", "product": "product", "language": "language",
    "customer_segment": "customer_segment", "plan": "plan", "direction": "direction",
}  # fmt: skip


@pytest.fixture(scope="module", params=list(KEYS))
def dimension(request):
    return request.param


def rows_of(column):
    value = "inbound" if column == "direction" else "A"
    first = {column: value}
    return value, [
        call(wait=5, talk=5, **first),
        call(wait=50, talk=5, **first),
        call(wait=5, talk=5, **{column: None}),
    ]


def test_missing_is_a_group(dimension):
    value, rows = rows_of(KEYS[dimension])
    found = many(open_ws(rows), "service_level", by=[dimension]).set_index(dimension)
    assert set(found.index) == {value, "(missing)"}
    assert found.loc["(missing)", "n"] == 1 and found.loc["(missing)", "value"] == 100.0
    assert found.loc[value, "n"] == 2 and found.loc[value, "value"] == pytest.approx(50, rel=1e-9)


def test_missing_can_be_asked_for(dimension):
    _, rows = rows_of(KEYS[dimension])
    assert one(open_ws(rows), "contact_volume", where={dimension: "(missing)"})["value"] == 1


def test_the_groups_add_up_to_the_whole(dimension):
    _, rows = rows_of(KEYS[dimension])
    ws = open_ws(rows)
    parts = many(ws, "contact_volume", by=[dimension])["value"].sum()
    assert parts == one(ws, "contact_volume")["value"] == 3


def test_an_empty_text_is_missing_too():
    ws = open_ws([call(wait=1, queue_id=""), call(wait=1, queue_id="  "), call(wait=1)])
    found = many(ws, "contact_volume", by=["queue"]).set_index("queue")["value"]
    assert found.to_dict() == {"(missing)": 2, "Q": 1}


def test_a_customer_that_is_missing_is_not_the_customer_named_missing():
    rows = [call(at=f"2026-03-0{d} 12:00", wait=1, customer_id=None) for d in (2, 3)]
    rows += [call(at=f"2026-03-0{d} 13:00", wait=1, customer_id="(missing)") for d in (2, 3)]
    row = one(open_ws(rows), "repeat_contact_rate")
    assert row["n"] == 2 and row["value"] == pytest.approx(50.0, rel=1e-9)
