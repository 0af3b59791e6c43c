"""Reports that are made from the contacts by a known rule: the rule must be named, and no other.

`tests/oracle_intervals.py` makes the half-hours naively; every case plants one convention (or several)
and says in which words it must come back. Waits of exactly the threshold are planted too, or
"inclusive or exclusive" could not be told apart.
"""

import numpy as np
import pandas as pd
import pytest

from contact_kpis import open_workspace
from contact_kpis.errors import NotComputable
from contact_kpis.metrics.reconcile import (
    MEASURES,
    QUARTER,
    best,
    limits_of,
    reconcile,
    split,
    verdict_of,
)
from contact_kpis.settings import Settings
from tests.oracle_intervals import ZONE, to_intervals, voice, with_everything

ENTERS = "counted when the contact enters the queue"
LEAVES = "counted when the contact leaves the queue"
ENDS = "counted when the contact ends"
SHORT = "abandons of up to 5 s left out"


@pytest.fixture(scope="module")
def contacts():
    frame = with_everything(voice())
    waits = frame["wait_ms"].notna() & (frame.index % 40 == 0)
    at_limit = frame["enqueued_at"] + pd.Timedelta(seconds=20)
    frame.loc[waits, "wait_ms"] = 20_000
    frame.loc[waits & (frame["outcome"] != "answered"), "ended_at"] = at_limit
    return frame


def opened(contacts, rows):
    return open_workspace(
        {"contacts": contacts, "queue_intervals": rows}, Settings(zone=ZONE)
    ).opened


def told(contacts, rows):
    "The result, and its lines by measure."
    result = reconcile(opened(contacts, rows))
    return result, {m: own.set_index("queue_id") for m, own in result.explained.groupby("measure")}


PLANTS = [
    # convention, measures that it touches, words
    ({"at": "enqueue"}, ("offered", "answered", "abandoned", "answered_within"), ENTERS),
    ({"at": "answer"}, ("offered", "answered", "answered_within"), LEAVES),
    ({"at": "end"}, ("offered", "answered", "answered_within"), ENDS),
    ({"short_out": 5, "short_s": 5}, ("offered", "abandoned", "abandoned_within"), SHORT),
    ({"short_out": 10}, ("offered", "abandoned"), "abandons of up to 10 s left out"),
    ({"flowouts_in": False}, ("offered",), "flow-outs left out"),
    ({"callbacks_in": False}, ("offered",), "callbacks left out"),
    ({"outbound_in": True}, ("offered", "answered", "handle"), "outbound contacts counted in"),
    ({"also_abandoned": "callback"}, ("abandoned",), "callbacks counted as abandoned"),
    ({"also_abandoned": "flowed_out"}, ("abandoned",), "flow-outs counted as abandoned"),
    ({"phantoms_in": True}, ("offered",), "phantoms counted in"),
    ({"menu_in": True}, ("offered",), "hang-ups in the menu counted in"),
    (
        {"inclusive": False},
        ("answered_within",),
        "a wait of exactly the threshold is late",
    ),
    ({"handle": "answer"}, ("handle",), LEAVES),
    ({"handle": "end"}, ("handle",), ENDS),
    ({"handle": "wrap_end"}, ("handle",), "booked when wrap-up ends"),
    ({"handle": "split"}, ("handle",), "split over the intervals that it lasts"),
    ({"shift_min": 60}, MEASURES, "the report's clock is an hour ahead"),
    ({"shift_min": -60}, MEASURES, "the report's clock is an hour behind"),
    ({"counted": 15}, MEASURES, "the rows hold 15 minutes"),
]


@pytest.fixture(scope="module", params=PLANTS, ids=lambda plant: str(plant[0]))
def planted(request, contacts):
    plant, measures, words = request.param
    return measures, words, told(contacts, to_intervals(contacts, **plant))[1]


def test_a_planted_convention_is_named(planted):
    measures, words, lines = planted
    for measure in MEASURES:
        verdicts = set(lines[measure]["verdict"])
        if measure in measures:
            ways = lines[measure]["explanation"].str.split(" | ", regex=False)
            assert verdicts <= {"explains", "agrees"} and "explains" in verdicts, lines[measure]
            told_apart = lines[measure]["verdict"] == "explains"
            assert all(words in way for way in ways[told_apart]), ways.tolist()
        elif measure not in ("abandoned", "abandoned_within"):
            assert verdicts == {"agrees"}, lines[measure]


def test_the_busy_queue_has_one_explanation(planted):
    "Naming everything that could be is not naming."
    measures, words, lines = planted
    assert words in [lines[m].loc["billing voice", "explanation"] for m in measures]


@pytest.mark.parametrize(
    ("column", "words"), [("hold_ms", "hold left out"), ("wrap_ms", "wrap-up left out")]
)
def test_a_part_of_handle_time_that_is_not_reported(contacts, column, words):
    _, lines = told(contacts, to_intervals(contacts).drop(columns=column))
    told_apart = lines["handle"][lines["handle"]["verdict"] != "agrees"]
    assert set(told_apart["explanation"]) == {words} and len(told_apart)


def test_a_combination_is_named(contacts):
    rows = to_intervals(contacts, at="end", short_out=5, short_s=5, outbound_in=True, shift_min=-60)
    _, lines = told(contacts, rows)
    parts = {ENDS, SHORT, "outbound contacts counted in", "the report's clock is an hour behind"}
    offered = lines["offered"].loc["billing voice"]
    assert offered["verdict"] == "explains" and set(offered["explanation"].split(" + ")) == parts
    answered = lines["answered"].loc["billing voice", "explanation"].split(" + ")
    assert set(answered) == parts - {SHORT}
    assert (lines["answered"]["verdict"] == "explains").all()


def test_quarters_that_are_called_half_hours(contacts):
    rows = to_intervals(contacts, minutes=15).assign(length_ms=1_800_000)
    _, lines = told(contacts, rows)
    assert (lines["answered"]["verdict"] == "explains").all()
    assert (lines["answered"]["explanation"] == "the rows hold 15 minutes").all()


def test_a_clock_that_does_not_know_summer_time():
    "The report was read as winter time all year: from the end of March it is an hour ahead."
    frame = voice(weeks=16, contacts=9_000)
    summer = frame["started_at"] >= pd.Timestamp("2026-03-29 01:00")
    late = [to_intervals(frame[~summer]), to_intervals(frame[summer], shift_min=60)]
    _, lines = told(frame, pd.concat(late, ignore_index=True))
    words = "the report's clock is an hour ahead while summer time is in force"
    assert set(lines["answered"]["explanation"]) == {words}
    assert (lines["answered"]["verdict"] == "explains").all()


def test_nothing_differs(contacts):
    result, lines = told(contacts, to_intervals(contacts))
    assert set(result.explained["verdict"]) == {"agrees"}
    assert len(result.frame) == 0 and (result.explained["in_no_row"] == 0).all()
    assert "agrees" in repr(result) and "<table" in result._repr_html_()


def test_random_edits_are_not_explained(contacts):
    "Numbers of somebody's own in one row in eight: whatever is found, it does not explain them."
    rows, rng = to_intervals(contacts), np.random.default_rng(3)
    some = rng.random(len(rows)) < 0.125
    rows.loc[some, "answered"] += rng.integers(3, 60, int(some.sum()))
    result, lines = told(contacts, rows)
    assert set(lines["answered"]["verdict"]) == {"unexplained"}
    assert (lines["answered"]["removed_share"] < 0.5).all()
    assert set(lines["offered"]["verdict"]) == {"agrees"}
    changed = result.frame[result.frame["measure"] == "answered"]
    assert len(changed) == int(some.sum())


def test_a_convention_with_a_few_edits_is_mostly(contacts):
    "The clock is an hour out and three rows of a queue are wrong by one: 95 % and not all."
    rows = to_intervals(contacts, shift_min=60)
    busy = rows.index[rows["queue_id"] == "billing voice"][:30:10]
    rows.loc[busy, "answered"] += 1
    _, lines = told(contacts, rows)
    line = lines["answered"].loc["billing voice"]
    assert line["verdict"] == "mostly" and line["residual"] == 3
    assert line["explanation"] == "the report's clock is an hour ahead"


def test_equal_explanations_are_all_listed(contacts):
    "Nobody waited between 5 and 6 s: both limits do the same, and both are said."
    wait = contacts["wait_ms"].fillna(0)
    frame = contacts[~((contacts["outcome"] == "abandoned") & wait.between(5001, 6000))]
    frame = frame.reset_index(drop=True)
    _, lines = told(frame, to_intervals(frame, short_out=6))
    line = lines["abandoned"].loc["billing voice"]
    assert line["ways"] == 2 and line["verdict"] == "explains"
    assert line["explanation"] == f"{SHORT} | abandons of up to 6 s left out"


def test_the_frame_is_the_difference(contacts):
    "Checked against plain pandas, interval by interval."
    rows, ours = to_intervals(contacts, at="end"), to_intervals(contacts)
    result, _ = told(contacts, rows)
    keys = ["queue_id", "interval_start_at"]
    both = rows[[*keys, "answered"]].merge(ours[[*keys, "answered"]], on=keys, how="left")
    both = both.fillna({"answered_y": 0})
    apart = both[both["answered_x"] != both["answered_y"]].sort_values(keys)
    found = result.frame[result.frame["measure"] == "answered"].sort_values(keys)
    assert found["reported"].tolist() == apart["answered_x"].tolist()
    assert found["counted"].tolist() == apart["answered_y"].astype(int).tolist()
    assert (found["difference"] == found["reported"] - found["counted"]).all()


def test_missing_rows_are_counted_and_not_explained(contacts):
    "A day that the report does not have: its contacts are in no row, the others agree."
    rows = to_intervals(contacts)
    rows = rows[rows["interval_start_at"].dt.date != pd.Timestamp("2026-01-06").date()]
    result, lines = told(contacts, rows)
    assert set(result.explained["verdict"]) == {"agrees"}
    assert (lines["answered"]["in_no_row"] > 0).all()


def test_other_thresholds_and_queues_are_said(contacts):
    rows = to_intervals(contacts)
    rows.loc[rows.index[:5], "threshold_ms"] = 60_000
    strange = rows.iloc[[0]].assign(queue_id="nobody's")
    result, lines = told(contacts, pd.concat([rows, strange], ignore_index=True))
    assert any(note.startswith("5 rows name no threshold") for note in result.notes)
    assert "queues in the report only: nobody's" in result.notes
    assert set(lines["answered_within"]["verdict"]) == {"agrees"}


def test_rows_off_the_quarters_are_left_out_and_said(contacts):
    rows = to_intervals(contacts)
    rows.loc[rows.index[:3], "interval_start_at"] += pd.Timedelta(minutes=7)
    result, _ = told(contacts, rows)
    assert any(note.startswith("3 rows do not lie on quarters") for note in result.notes)
    assert set(result.explained["verdict"]) == {"agrees"}


def test_both_tables_are_needed(contacts):
    with pytest.raises(NotComputable, match="no queue_intervals"):
        reconcile(open_workspace({"contacts": contacts}).opened)
    with pytest.raises(NotComputable, match="no contacts"):
        reconcile(open_workspace({"queue_intervals": to_intervals(contacts)}).opened)


def test_limits_are_those_of_most_rows(contacts):
    rows = to_intervals(contacts, short_s=7)
    rows.loc[rows.index[0], "threshold_ms"] = 5
    found = limits_of(opened(contacts, rows)).set_index("queue_id")
    assert (found["limit_ms"] == 20_000).all() and (found["short_0"] == 7000).all()
    assert found["short_1"].isna().all()


def test_split_is_what_cutting_gives():
    "500 spans of up to four quarters, cut millisecond by millisecond. Whole numbers: no tolerance."
    rng, length = np.random.default_rng(5), 40
    begin = rng.integers(0, (length - 5) * QUARTER, 500)
    end = begin + rng.integers(0, 4 * QUARTER, 500)
    naive = np.zeros(length, dtype=np.int64)
    for a, b in zip(begin, end, strict=True):
        while a < b:
            stop = min(b, (a // QUARTER + 1) * QUARTER)
            naive[a // QUARTER] += stop - a
            a = stop

    def sums(at):
        rest = QUARTER - at % QUARTER
        return [np.bincount(at // QUARTER, w, length).astype(np.int64) for w in (None, rest)]

    assert split(*sums(begin), *sums(end)).tolist() == naive.tolist()


def test_an_extra_reason_must_earn_its_place():
    "One departure leaves 4 of 100, two leave 3.5: half a point does not buy a second reason."
    left, made = np.array([4.0, 3.5, 2.0]), np.array([1, 2, 2])
    assert best(left, made, 100).tolist() == [2]
    assert best(left[:2], made[:2], 100).tolist() == [0]
    assert best(np.array([0.0, 1.0]), np.array([6, 1]), 100).tolist() == [0]


@pytest.mark.parametrize(
    ("residual", "verdict"),
    [(0, "explains"), (5, "mostly"), (5.1, "unexplained"), (100, "unexplained")],
)
def test_verdicts(residual, verdict):
    assert verdict_of(residual, 100) == verdict
    assert verdict_of(0, 0) == "agrees"
