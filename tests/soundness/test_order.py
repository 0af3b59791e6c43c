"""Row order does not matter.

    c1  A  10:00  10 s  answered          c4  B  10:00  50 s  abandoned
    c2  A  10:00  30 s  answered    ==    c2  A  10:00  30 s  answered     read in any order
    c3  A  12:00  50 s  abandoned         c1  A  10:00  10 s  answered
    c4  B  10:00  50 s  abandoned         c3  A  12:00  50 s  abandoned

c1 and c2 are of one customer at one instant: which of them is "the repeat" may not depend on order.
"""

import pandas as pd
import pytest

from tests.builders import call, contacts, open_ws

ASKED = [
    "contact_volume", "abandonment_rate", "service_level", "asa", "avg_time_to_abandon",
    "longest_wait", "aht", "repeat_contact_rate", "fcr_repeat_window",
]  # fmt: skip
FRAME = contacts(
    [
        call(id="c1", at="2026-03-02 10:00", customer_id="A", wait=10, talk=60, queue_id="X"),
        call(id="c2", at="2026-03-02 10:00", customer_id="A", wait=30, talk=30, queue_id="Y"),
        call("abandoned", id="c3", at="2026-03-02 12:00", customer_id="A", wait=50, queue_id="X"),
        call("abandoned", id="c4", at="2026-03-02 10:00", customer_id="B", wait=50, queue_id="Y"),
        call(id="c5", at="2026-03-10 10:00", customer_id="B", wait=5, talk=7, queue_id="X"),
        call(id="c6", at="2026-03-20 10:00", customer_id="C", wait=5, talk=9, queue_id=None),
    ]
)


def results(frame):
    found = open_ws(frame).kpis(ASKED, by=["week", "queue"]).frame
    found = found.sort_values(["metric", "period_start_on", "queue"]).reset_index(drop=True)
    return found.drop(columns=["caveats"])


@pytest.mark.parametrize("seed", range(3))
def test_any_order_gives_the_same_result(seed):
    shuffled = FRAME.sample(frac=1, random_state=seed).reset_index(drop=True)
    assert shuffled["contact_id"].tolist() != FRAME["contact_id"].tolist()
    # The engine adds whole milliseconds; 1e-12 is the rounding of the interval's square roots,
    # which may be added up in another order.
    pd.testing.assert_frame_equal(results(FRAME), results(shuffled), rtol=1e-12)


def test_of_two_contacts_at_one_instant_exactly_one_is_a_repeat():
    ws = open_ws(FRAME[FRAME["contact_id"].isin(["c1", "c2", "c6"])])
    row = ws.kpis(["repeat_contact_rate"]).frame.iloc[0]
    assert row["n"] == 3 and row["value"] == pytest.approx(100 / 3, rel=1e-9)


def test_the_fingerprint_does_not_depend_on_order_but_on_values():
    shuffled = FRAME.sample(frac=1, random_state=1)
    other = FRAME.assign(wait_ms=FRAME["wait_ms"].mask(FRAME["contact_id"] == "c1", 10_001))
    columns = ["table", "day", "rows", "hash"]
    kept = [open_ws(f).fingerprint()[columns].to_dict("list") for f in (FRAME, shuffled, other)]
    assert kept[0]["rows"] == kept[1]["rows"] == kept[2]["rows"]
    assert kept[0] != kept[2], "one changed millisecond changes the fingerprint of its day"
