"""A change of unit changes nothing but the unit.

    wait  10 s  30 s  50 s     T = 20 s   ->  service level 33.3 %, ASA 30 s
    wait  20 s  60 s 100 s     T = 40 s   ->  service level 33.3 %, ASA 60 s     all times doubled

Milliseconds given as integers, floats or text are the same milliseconds.
"""

import pytest

from tests.builders import call, contacts, one, open_ws

WAITS = (10, 30, 50)


def frame(factor=1):
    rows = [call(id=f"c{w}", wait=w * factor, talk=3 * w * factor, wrap=w * factor) for w in WAITS]
    left = [call("abandoned", id=f"a{w}", wait=w * factor) for w in (4, 25)]
    return contacts(rows + left)


@pytest.mark.parametrize("kpi", ["asa", "aht", "longest_wait", "avg_time_to_abandon"])
def test_times_scale(kpi):
    once, thrice = one(open_ws(frame()), kpi)["value"], one(open_ws(frame(3)), kpi)["value"]
    assert once > 0
    assert thrice == pytest.approx(3 * once, rel=1e-12)  # one division of whole milliseconds


def test_patience_scales():
    once = one(open_ws(frame()), "avg_time_to_abandon", estimator="kaplan_meier")["value"]
    thrice = one(open_ws(frame(3)), "avg_time_to_abandon", estimator="kaplan_meier")["value"]
    assert thrice == pytest.approx(3 * once, rel=1e-12)


@pytest.mark.parametrize("mode", ["negative", "positive", "ignore", "drop_all"])
def test_shares_do_not(mode):
    once = one(open_ws(frame()), "service_level", threshold_s=20, abandon_mode=mode)
    thrice = one(open_ws(frame(3)), "service_level", threshold_s=60, abandon_mode=mode)
    assert once["value"] == thrice["value"] > 0
    assert once["n"] == thrice["n"]


@pytest.mark.parametrize("kind", ["float64", "int64", "str"])
def test_the_type_of_a_column_does_not_matter(kind):
    given = frame()
    for column in ("wait_ms",):
        given[column] = given[column].astype("int64").astype(kind)
    assert one(open_ws(given), "asa")["value"] == pytest.approx(30.0, rel=1e-12)


def test_percent_is_a_hundred():
    "Three of five, in per cent: 60.0, with an interval in per cent around it."
    row = one(open_ws(frame()), "service_level", threshold_s=50)
    assert row["value"] == pytest.approx(60.0, rel=1e-12)
    assert row["unit"] == "%"
