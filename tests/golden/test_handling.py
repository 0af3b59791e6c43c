"""AHT, occupancy and volumes, by hand. 1e-9 is the rounding of one division."""

import pytest

from tests.builders import call, calls, codes, is_null, many, one, open_ws, states


@pytest.fixture(scope="module")
def two_contacts():
    """talk 100 + hold 20 + wrap 30 = 150 s and talk 200 + hold 0 + wrap 10 = 210 s."""
    return open_ws(
        [
            call(wait=1, talk=100, hold=20, wrap=30),
            call(wait=1, talk=200, hold=0, wrap=10),
            call("abandoned", wait=1),
        ]
    )


@pytest.mark.parametrize(
    ("components", "seconds"),
    [
        ("talk_hold_wrap", (150 + 210) / 2),  # Amazon
        ("talk_wrap", (130 + 210) / 2),  # Voximplant
        ("talk_hold", (120 + 200) / 2),
    ],
)
def test_aht(two_contacts, components, seconds):
    row = one(two_contacts, "aht", components=components)
    assert row["value"] == pytest.approx(seconds, rel=1e-9)
    assert row["n"] == 2


def test_aht_takes_every_component_by_default(two_contacts):
    assert one(two_contacts, "aht")["value"] == pytest.approx(180.0, rel=1e-9)


def test_aht_counts_in_and_outbound():
    "Amazon: in- and outbound. (100 + 40) ÷ 2 = 70 s."
    ws = open_ws([call(wait=1, talk=100), call(direction="outbound", talk=40)])
    assert one(ws, "aht")["value"] == pytest.approx(70.0, rel=1e-9)


def test_a_contact_with_no_service_time_at_all_stays():
    "Zero is a time, unlike null: (0 + 60) ÷ 2 = 30 s; the third, with nothing recorded, is not in it."
    ws = open_ws([call(wait=1, talk=0), call(wait=1, talk=60), call(wait=1)])
    row = one(ws, "aht")
    assert row["value"] == pytest.approx(30.0, rel=1e-9)
    assert row["n"] == 2


def test_nobody_handled_is_null_with_a_caveat():
    row = one(open_ws([call("abandoned", wait=3), call(talk=None, wait=1)]), "aht")
    assert is_null(row["value"])
    assert codes(row), "a null value says why"


def test_occupancy_on_the_golden_day():
    """5 h handling, 1 h idle, 1 h off-phone work, 0.5 h paid break, 0.5 h late.

    handling ÷ (handling + idle) = 5 ÷ 6 = 83.33 %
    """
    day = states(
        ("interacting", 3),
        ("idle", 1),
        ("interacting", 2),
        ("off_queue", 1, "back_office"),
        ("off_queue", 0.5, "break"),
    )
    row = one(open_ws(calls(1, wait=1), agent_states=day), "occupancy")
    assert row["value"] == pytest.approx(100 * 5 / 6, rel=1e-9)
    assert round(row["value"], 2) == 83.33


def test_not_responding_is_neither_handling_nor_idle():
    "1 h handling, 1 h idle, 2 h not responding: 50 %."
    day = states(("interacting", 1), ("not_responding", 2), ("idle", 1))
    row = one(open_ws(calls(1, wait=1), agent_states=day), "occupancy")
    assert row["value"] == pytest.approx(50.0, rel=1e-9)


def test_occupancy_of_two_agents_is_the_sum_over_the_sum():
    "3 of 4 h and 0 of 1 h: 60 %, not the mean of 75 and 0."
    both = states(("interacting", 3), ("idle", 1), agent="a") + states(("idle", 1), agent="b")
    ws = open_ws(calls(1, wait=1), agent_states=both)
    assert one(ws, "occupancy")["value"] == pytest.approx(60.0, rel=1e-9)
    by_agent = many(ws, "occupancy", by=["agent"]).set_index("agent")["value"]
    assert by_agent.to_dict() == {"a": 75.0, "b": 0.0}


def test_nobody_on_queue_is_null_with_a_caveat():
    ws = open_ws(calls(1, wait=1), agent_states=states(("off_queue", 8)))
    row = one(ws, "occupancy")
    assert is_null(row["value"])
    assert codes(row), "a null value says why"


def test_contact_volume_by_basis():
    """Twelve rows: what is offered, and what reached the centre.

    answered in queue 3, at once 2, abandoned 2 (one after 2 s), callback 1, flowed out 1,
    left the IVR 1, outbound 1, phantom 1

    queue 3+2+2+1+1 = 9; system 9 + 1 = 10; without the short abandon 8 and 9
    """
    ws = open_ws(
        [
            *calls(3, "answered", wait=10),
            *calls(2, "answered", wait=0, queued=False),
            call("abandoned", wait=2),
            call("abandoned", wait=30),
            call("callback", wait=40),
            call("flowed_out", wait=50),
            call("left_ivr", ivr=20),
            call("answered", direction="outbound", talk=60),
            call("phantom", wait=1),
        ]
    )
    assert one(ws, "contact_volume")["value"] == 9
    assert one(ws, "contact_volume", basis="system")["value"] == 10
    assert one(ws, "contact_volume", short_abandon_s=5)["value"] == 8
    assert one(ws, "contact_volume", basis="system", short_abandon_s=5)["value"] == 9


def test_the_rows_behind_a_number_add_up_to_it():
    "3 of 4 in time; the rows say which three and which four."
    ws = open_ws([*calls(3, wait=5), *calls(1, wait=50), *calls(2, "left_ivr")])
    rows = ws.rows("service_level")
    counted = rows[rows["is_denominator"].astype(bool)]
    assert len(counted) == 4
    assert int(counted["is_numerator"].sum()) == 3
    assert set(counted.loc[~counted["is_numerator"].astype(bool), "wait_ms"]) == {50_000}


def test_change_against_the_previous_week():
    "Week 1: 1 of 2 in time, week 2: 3 of 4. 75 - 50 = 25 points."
    ws = open_ws(
        [
            call(wait=1),
            call(wait=99),
            *calls(3, wait=1, at="2026-03-09 12:00:00"),
            *calls(1, wait=99, at="2026-03-15 12:00:00"),
        ]
    )
    asked = ws.kpis(["service_level"], by=["week"])
    frame = asked.change(against="previous").frame
    frame = frame[frame["period_start_on"].astype(str).str.startswith("2026-03-09")]
    assert len(frame) == 1
    row = frame.iloc[0]
    assert row["value"] == pytest.approx(75.0, rel=1e-9)
    assert row["value_before"] == pytest.approx(50.0, rel=1e-9)
    assert row["difference"] == pytest.approx(25.0, rel=1e-9)
