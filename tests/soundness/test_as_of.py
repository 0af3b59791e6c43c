"""What lies after `as_of` does not exist, for a window that looks ahead neither.

March      2      4      6      9     11    ...   20
A          x                    x                       the 9th is a repeat, once it is there
B                 x                   x
as_of the 8th     |---- nothing of what follows is known ----
"""

import pandas as pd
import pytest

from tests.builders import call, contacts, metric, open_ws


def visit(customer, day, **known):
    return call(
        id=f"{customer}{day}", at=f"2026-03-{day:02d} 12:00", customer_id=customer, wait=day,
        talk=day, **known,
    )  # fmt: skip


PAST = [visit("A", 2), visit("B", 4), visit("C", 5), visit("C", 6), visit("D", 8)]
FUTURE = [visit("A", 9), visit("B", 11), visit("E", 20), visit("E", 31)]
ASKED = [
    ("contact_volume", {}), ("service_level", {}), ("asa", {}), ("aht", {}), ("longest_wait", {}),
    ("avg_time_to_abandon", {}), ("repeat_contact_rate", {}),
    ("repeat_contact_rate", {"direction": "look_forward", "window_d": 3}),
    ("fcr_repeat_window", {"window_d": 3}), ("fcr_repeat_window", {}),
]  # fmt: skip


def results(rows, by, as_of):
    asked = [metric(kpi, **conventions) for kpi, conventions in ASKED]
    found = open_ws(contacts(rows)).kpis(asked, by=by, as_of=as_of).frame
    order = ["definition_id", "period_start_on", *[d for d in by if d in found]]
    return found.sort_values(order).reset_index(drop=True)


@pytest.mark.parametrize(
    "by", [[], ["day"], ["week", "queue"]], ids=lambda by: "-".join(by) or "all"
)
def test_later_rows_do_not_change_a_past_result(by):
    then = results(PAST, by, "2026-03-08")
    now = results(PAST + FUTURE, by, "2026-03-08")
    pd.testing.assert_frame_equal(then, now)


def test_the_test_above_can_fail():
    "Seen from the 31st the same days look different: the future was not merely absent."
    rows = PAST + FUTURE
    asked = metric("fcr_repeat_window", window_d=3)
    ws = open_ws(contacts(rows))
    early = ws.kpis([asked], until="2026-03-08", as_of="2026-03-08").frame.iloc[0]
    late = ws.kpis([asked], until="2026-03-08", as_of="2026-03-31").frame.iloc[0]
    assert early["pending"] > 0 == late["pending"]
    assert early["n"] < late["n"]


def test_a_repeat_that_is_still_to_come_is_not_known():
    """A called on the 2nd and, within seven days, on the 9th.

    Seen on the 8th the issue is pending. Seen on the 31st it failed.
    """
    ws = open_ws(contacts(PAST + FUTURE))
    ask = {"since": "2026-03-02", "until": "2026-03-02"}
    before = ws.kpis(["fcr_repeat_window"], as_of="2026-03-08", **ask).frame.iloc[0]
    assert before["n"] == 0 and before["pending"] == 1
    after = ws.kpis(["fcr_repeat_window"], as_of="2026-03-31", **ask).frame.iloc[0]
    assert after["n"] == 1 and after["value"] == 0.0


def test_the_future_is_not_in_the_span():
    found = results(PAST + FUTURE, ["day"], "2026-03-08")
    assert pd.to_datetime(found["period_start_on"]).max() <= pd.Timestamp("2026-03-08")


def test_a_correction_of_the_future_leaves_the_past_rows_alone():
    ws = open_ws(contacts(PAST + FUTURE))
    rows = ws.rows("contact_volume", as_of="2026-03-08")
    assert set(rows["contact_id"]) == {r["contact_id"] for r in PAST}
