"""How an answer is asked for: cells with few rows, another interval, many values, many looks."""

from functools import cache

import pandas as pd
import pytest

from contact_kpis import catalogue, open_workspace
from contact_kpis.errors import BadInput, ContactKpisError, UnknownName
from tests.builders import call, calls, codes, is_null, one, open_ws
from tests.small_centre import small_centre

# --- min_n --------------------------------------------------------------------------------------

ASKED = ["service_level", "contact_volume", "aht", "asa", "longest_wait", "abandonment_rate"]
COUNTS = {2: 3, 9: 20, 16: 20, 23: 4}  # calls on Mondays in March 2026


@cache
def weeks():
    rows = []
    for day, n in COUNTS.items():
        at = f"2026-03-{day:02} 10:00"
        for queue, part in (("big", n), ("small", 2)):
            rows += calls(part, at=at, wait=7, talk=60, hold=0, wrap=0, customer_id="k", queue_id=queue)  # fmt: skip
    return open_ws(rows)


SMALL_WEEKS = ["2026-03-02", "2026-03-23"]


def weeks_of(frame):
    return frame["week"].astype(str).str[:10]


def withheld(row):
    return all(is_null(row[c]) for c in ("value", "lower", "upper", "se"))


@pytest.mark.parametrize("kpi", ASKED)
def test_few_rows_are_withheld(kpi):
    asked = {"by": ["week"], "where": {"queue": "big"}}
    found = weeks().kpis(kpi, min_n=10, **asked).frame
    plain = weeks().kpis(kpi, **asked).frame
    small = weeks_of(found).isin(SMALL_WEEKS)
    assert small.sum() == 2 and (plain.loc[~small, "n"] >= 10).all()
    for _, row in found[small].iterrows():
        assert withheld(row) and row["n"] in (0, None, pd.NA)
        assert row["status"] == "refused" and "suppressed=10" in row["caveats"]
    for (_, row), (_, known) in zip(
        found[~small].iterrows(), plain[~small].iterrows(), strict=True
    ):
        assert (row["value"], row["n"], row["status"]) == (
            known["value"],
            known["n"],
            known["status"],
        )
        assert "suppressed" not in codes(row)


def test_the_limit_itself_is_shown():
    for n, shown in ((3, True), (4, False)):
        found = weeks().kpis("asa", by=["week"], where={"queue": "big"}, min_n=n).frame
        assert is_null(found["value"][0]) is not shown


@pytest.mark.parametrize("kpi", ASKED)
@pytest.mark.parametrize("since", [None, "2026-03-09", "2026-03-16"])
def test_a_difference_does_not_bring_them_back(kpi, since):
    asked = {"by": ["week"], "where": {"queue": "big"}, "min_n": 10}
    asked |= {"since": pd.Timestamp(since).date()} if since else {}
    found = weeks().kpis(kpi, **asked).change().frame
    for _, row in found.iterrows():
        now = str(row["period_start_on"])[:10] in SMALL_WEEKS
        before = str(row["before_start_on"])[:10] in SMALL_WEEKS
        assert not now or is_null(row["value"]), "withheld, and not 0"
        assert not before or is_null(row["value_before"])
        if now or before:
            assert is_null(row["difference"]) and is_null(row["lower"]) and is_null(row["upper"])


def test_weeks_with_rows_enough_are_compared():
    asked = {"by": ["week"], "where": {"queue": "big"}, "min_n": 10}
    found = weeks().kpis("contact_volume", **asked).change().frame.set_index("week")
    row = found.loc[found.index.astype(str).str.startswith("2026-03-16")].iloc[0]
    assert (row["value"], row["value_before"], row["difference"]) == (20, 20, 0)


def test_what_stands_beside_is_withheld_too():
    beside = weeks().kpis("aht", by=["week", "queue"], min_n=10).beside.frame
    assert len(beside)
    for _, row in beside.iterrows():
        small = row["queue"] == "small" or str(row["week"])[:10] in SMALL_WEEKS
        assert not small or (is_null(row["value"]) and not row["n"] >= 1)


def test_what_is_shown_does_not_hold_them():
    found = weeks().kpis("contact_volume", by=["week", "queue"], min_n=10)
    assert not any(abs(sums.num[sums.num > 0]).min() < 10 for sums in found.sums if len(sums.num))


@pytest.mark.parametrize("min_n", [-1, "ten"])
def test_a_limit_that_is_none_is_refused(min_n):
    with pytest.raises(ContactKpisError):
        weeks().kpis("asa", min_n=min_n)


# --- another interval ---------------------------------------------------------------------------


@pytest.mark.parametrize("by", [[], ["day", "queue"], ["agent"]])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_clopper_pearson_is_never_narrower_where_rows_are_few(by, level):
    shares = ["abandonment_rate", "service_level"]
    plain, exact = (
        small_centre().kpis(shares, by=by, level=level, interval=interval).frame
        for interval in ("", "clopper_pearson")
    )
    assert plain["value"].equals(exact["value"]) and plain["n"].equals(exact["n"])
    both = plain["lower"].notna() & exact["lower"].notna()
    assert both.any() and (plain["lower"].isna() == exact["lower"].isna()).all()
    few = both & (plain["n"] < 30)
    wide = exact["upper"] - exact["lower"]
    assert (wide >= plain["upper"] - plain["lower"] - 1e-9)[few].all()
    inside = (exact["lower"] <= exact["value"]) & (exact["value"] <= exact["upper"])
    assert inside[both].all() and exact.loc[both, "lower"].ge(0).all()
    assert exact.loc[both, "upper"].le(100).all()
    assert exact.loc[both, "method"].str.contains("Clopper-Pearson").all()


@pytest.mark.parametrize("given_up", [0, 1, 5, 9, 10])
def test_ten_days_of_one_call_each(given_up):
    outcomes = ["abandoned"] * given_up + ["answered"] * (10 - given_up)
    days = enumerate(outcomes, start=2)
    ws = open_ws([call(o, at=f"2026-03-{day:02} 10:00", wait=9) for day, o in days])
    plain, exact = (one_interval(ws, interval) for interval in ("", "clopper_pearson"))
    assert exact["upper"] - exact["lower"] >= plain["upper"] - plain["lower"]


def one_interval(ws, interval):
    return ws.kpis("abandonment_rate", interval=interval).frame.iloc[0]


def test_a_mean_has_its_own_interval():
    plain, exact = (
        small_centre().kpis("asa", interval=i).frame[["value", "lower", "upper", "method"]]
        for i in ("", "clopper_pearson")
    )
    assert plain.equals(exact)


@pytest.mark.parametrize("interval", ["clopper-pearson", "cloper_pearson", "Clopper_Pearson"])
def test_an_unknown_interval(interval):
    with pytest.raises(UnknownName, match="did you mean 'clopper_pearson'"):
        small_centre().kpis("service_level", interval=interval)


# --- zero over zero -----------------------------------------------------------------------------


@pytest.mark.parametrize("kpi", ["asa", "aht", "fcr_repeat_window"])
def test_nothing_over_nothing_is_null(kpi):
    row = one(open_ws(calls(3, "abandoned", wait=9)), kpi)
    assert is_null(row["value"]) and is_null(row["lower"]) and row["n"] == 0
    assert "zero_denominator" in codes(row) and row["status"] == "no_data"


def test_nothing_over_something_is_zero():
    row = one(open_ws(calls(30, "abandoned", wait=9)), "service_level")
    assert row["value"] == 0 and "zero_denominator" not in codes(row)


def test_one_empty_cell_among_others():
    rows = calls(3, wait=9, queue_id="Q") + calls(3, "abandoned", wait=9, queue_id="R")
    found = open_ws(rows).kpis("asa", by=["queue"]).frame.set_index("queue")
    assert found["value"]["Q"] == 9 and is_null(found["value"]["R"])
    assert "zero_denominator" in codes(found.loc["R"]) - codes(found.loc["Q"])


# --- many looks ---------------------------------------------------------------------------------


@cache
def differences():
    asked = ["asa", "abandonment_rate"]
    return small_centre().kpis(asked, by=["week", "queue"]).change()


def test_adjusted_values_keep_their_order():
    found = {method: differences().adjusted(method) for method in ("bh", "holm", "by")}
    p = found["bh"]["p"]
    known = p.notna()
    assert known.sum() > 50
    assert (found["bh"]["looks"] == known.sum()).all()
    for frame in found.values():
        assert frame["p"].equals(p)
        adjusted = frame["p_adjusted"]
        assert (adjusted.notna() == known).all()
        assert (adjusted >= p - 1e-12)[known].all() and adjusted[known].le(1).all()
    bh, holm, by = (found[m]["p_adjusted"] for m in ("bh", "holm", "by"))
    assert (holm >= bh - 1e-12)[known].all() and (by >= bh - 1e-12)[known].all()
    assert differences().adjusted().equals(found["bh"])
    ordered = found["holm"][known].sort_values("p")["p_adjusted"]
    assert ordered.is_monotonic_increasing


def test_one_look_is_not_adjusted():
    found = small_centre().kpis("abandonment_rate", by=["week"]).change()
    last = type(found)(found.frame.tail(1).reset_index(drop=True), found.against, found.df[-1:])
    for method in ("bh", "holm", "by"):
        row = last.adjusted(method).iloc[0]
        assert row["p_adjusted"] == row["p"] and row["looks"] == 1


@pytest.mark.parametrize(("method", "near"), [("hohm", "holm"), ("BH", "bh"), ("hlom", "holm")])
def test_an_unknown_method(method, near):
    with pytest.raises(UnknownName, match=f"did you mean '{near}'"):
        differences().adjusted(method)


# --- many values --------------------------------------------------------------------------------


@cache
def crowded():
    "100,001 queues with a call each; by reason they are 100,000."
    n = 100_001
    start = pd.Timestamp("2026-03-02 10:00") + pd.to_timedelta(range(n), unit="ms")
    rows = pd.DataFrame({"contact_id": [f"c{i}" for i in range(n)], "started_at": start})
    rows = rows.assign(channel="voice", outcome="answered", enqueued_at=start, wait_ms=5000)
    rows["queue_id"] = [f"q{i}" for i in range(n)]
    rows["reason_code"] = [f"r{i % (n - 1)}" for i in range(n)]
    return open_workspace({"contacts": rows})


def test_too_many_values_are_refused_with_their_number():
    with pytest.raises(BadInput, match="100,001"):
        crowded().kpis("asa", by=["queue"])
    assert len(crowded().kpis("asa", by=["queue"], many=True).frame) == 100_001
    assert len(crowded().kpis("asa", by=["reason"]).frame) == 100_000


def test_a_narrow_cut_of_many_is_no_crowd():
    found = crowded().kpis("asa", by=["queue"], where={"reason": "r5"}).frame
    assert found["n"].tolist() == [1]
    assert crowded().kpis("asa").frame["n"].tolist() == [100_001]


def test_ids_are_one_or_several():
    ws = open_ws([call(wait=5, talk=1)])
    asked = ["asa", catalogue["asa"], ["asa"], ("asa",), [catalogue["asa"]]]
    assert [ws.kpis(ids).frame["value"].tolist() for ids in asked] == [[5.0]] * len(asked)
