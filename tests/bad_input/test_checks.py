"""Tables that another program left behind, in every state that one can imagine.

A check ends in lines that say what is wrong, never in an error of the engine, and never in silence.
"""

import ibis
import numpy as np
import pandas as pd
import pytest

from contact_kpis.data.checks import check
from contact_kpis.data.contract import tables
from contact_kpis.data.fitting import empty_quarantine
from contact_kpis.data.tables import Opened
from contact_kpis.errors import BadInput
from contact_kpis.settings import Settings

NOON = pd.Timestamp("2026-03-02 12:00:00")
CALLS = {
    "contact_id": ["c1", "c2", "c3"],
    "channel": ["voice", "chat", "voice"],
    "outcome": ["answered", "answered", "abandoned"],
    "started_at": [NOON] * 3,
}


def put(settings=None, **frames):
    "Frames on an engine as they are: no contract has been near them."
    engine = ibis.duckdb.connect()
    there = {n: engine.create_table(n, obj=ibis.memtable(f)) for n, f in frames.items()}
    return Opened(engine, there, settings or Settings(), empty_quarantine())


def calls(**changed):
    return pd.DataFrame({k: v for k, v in (CALLS | changed).items() if v is not None})


def lines(opened, rule):
    frame = check(opened).frame
    return frame[frame["rule"] == rule]


# --- what is not a set of opened tables -----------------------------------------------------------


@pytest.mark.parametrize("given", [{"contacts": calls()}, None, "project", calls(), [calls()]])
def test_what_is_not_opened(given):
    with pytest.raises(BadInput, match="open_workspace") as caught:
        check(given)
    assert type(given).__name__ in str(caught.value)


def test_no_table():
    result = check(put())
    assert result.ok and result.frame.empty and result.skipped.empty
    assert repr(result) == "nothing to report"


@pytest.mark.parametrize("name", tables)
def test_a_table_without_rows(name):
    kinds = {"string": "str", "int64": "int64", "float64": "float64", "boolean": "bool"}
    kinds |= {"timestamp": "datetime64[us]"}
    frame = pd.DataFrame(
        {c.name: pd.Series(dtype=kinds.get(c.kind, "str")) for c in tables[name].columns}
    )
    dates = [c.name for c in tables[name].columns if c.kind == "date"]
    table = ibis.memtable(frame).mutate(**{c: ibis.null("date") for c in dates})
    engine = ibis.duckdb.connect()
    opened = Opened(
        engine, {name: engine.create_table(name, obj=table)}, Settings(), empty_quarantine()
    )
    result = check(opened)
    assert result.ok and result.frame.empty, result


def test_a_table_that_the_contract_does_not_know():
    result = check(put(contacts=calls(), weather=pd.DataFrame({"rain": [1]})))
    assert "weather" not in {*result.frame["table"], *result.skipped["table"]}
    assert len(result.skipped)


def test_columns_that_the_contract_does_not_know():
    known, more = check(put(contacts=calls())), check(put(contacts=calls(mood=["x"] * 3)))
    pd.testing.assert_frame_equal(more.frame, known.frame)
    pd.testing.assert_frame_equal(more.skipped, known.skipped)


# --- columns of another type -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("wait_ms", ["5", "soon", None], "string"),
        ("wait_ms", [5.0, 6.5, None], "float64"),
        ("wait_ms", [True, False, True], "boolean"),
        ("started_at", ["2026-03-02", "x", "y"], "string"),
        ("started_at", [1, 2, 3], "int64"),
        ("contact_id", [1, 2, 2], "int64"),
        ("channel", [1, 2, 3], "int64"),
        ("self_served", ["yes", "no", None], "string"),
        ("customer_key_quality", ["high", "low", None], "string"),
        ("customer_id", [[1], [2], None], "array"),
    ],
)
def test_a_column_of_another_type_is_one_error(column, values, kind):
    opened = put(contacts=calls(**{column: values}))
    line = lines(opened, "kind").iloc[0]
    assert (line["level"], line["column"], line["count"]) == ("error", column, 3)
    assert (
        kind in line["example"]
        and kind in line["do"]
        and tables["contacts"][column].kind in line["do"]
    )
    others = check(opened).frame
    assert column not in set(others[others["rule"] != "kind"]["column"]), "no rule is tried on it"


def test_rules_on_a_column_of_another_type_are_not_checked():
    opened = put(contacts=calls(wait_ms=["-5", "1", "2"]))
    left = check(opened).skipped
    assert {"minimum", "needed"} <= set(left[left["needs"] == "contacts.wait_ms"]["rule"])


@pytest.mark.parametrize("width", ["int8", "int16", "int32", "uint8", "uint32"])
def test_the_width_of_a_number_does_not_matter(width):
    opened = put(contacts=calls(wait_ms=np.array([5, 6, 7], dtype=width)))
    assert lines(opened, "kind").empty and lines(opened, "minimum").empty


def test_a_time_in_another_zone_is_none():
    "Beside times without a zone it would be read as local, and be an hour off."
    opened = put(contacts=calls(ended_at=[NOON] * 3))
    t = opened.tables["contacts"]
    berlin = t.mutate(ended_at=t.ended_at.cast("timestamp('Europe/Berlin')"))
    zoned = Opened(opened.backend, {"contacts": berlin}, Settings(), empty_quarantine())
    line = lines(zoned, "kind").iloc[0]
    assert line["column"] == "ended_at" and "Europe/Berlin" in line["example"]


def test_a_time_in_utc_is_a_time():
    utc = pd.to_datetime([NOON] * 3).tz_localize("UTC")
    opened = put(contacts=calls(started_at=utc, ended_at=utc - pd.Timedelta("1s")))
    assert lines(opened, "kind").empty
    assert lines(opened, "order").iloc[0]["count"] == 3


def test_a_key_of_another_type_does_not_stop_the_other_rules():
    opened = put(contacts=calls(contact_id=[1, 2, 2], channel=["fax", "voice", "chat"]))
    line = lines(opened, "allowed").iloc[0]
    assert (line["count"], line["example"]) == (1, "")
    assert lines(opened, "key").empty and "key" in set(check(opened).skipped["rule"])


# --- required columns and keys ------------------------------------------------------------------------


@pytest.mark.parametrize("column", CALLS)
def test_a_required_column_that_is_not_there(column):
    opened = put(contacts=calls(**{column: None}, wait_ms=[-1, 0, 1]))
    line = lines(opened, "required").iloc[0]
    assert (line["column"], line["count"], line["share"]) == (column, 3, 1.0)
    assert f"there is no {column}" in line["do"]
    left = check(opened).skipped
    assert left[(left["column"] == column) & (left["rule"] == "required")].empty, "said once"
    assert lines(opened, "minimum").iloc[0]["count"] == 1, (
        "the other rules are checked all the same"
    )


@pytest.mark.parametrize("column", CALLS)
def test_a_required_column_that_is_empty(column):
    line = lines(
        put(
            contacts=calls(
                **{
                    column: pd.Series(
                        [None] * 3, dtype="datetime64[us]" if column == "started_at" else "str"
                    )
                }
            )
        ),
        "required",
    ).iloc[0]
    assert (line["column"], line["count"]) == (column, 3)


def test_nobody_has_a_key():
    opened = put(contacts=calls(contact_id=pd.Series([None] * 3, dtype="str"), wait_ms=[-1, -1, 0]))
    line = lines(opened, "minimum").iloc[0]
    assert (line["count"], line["example"]) == (2, "")


# --- numbers that are none ------------------------------------------------------------------------------


def test_infinite_and_missing_numbers():
    "NaN is greater than everything on some engines; it breaks one rule, not two."
    answers = pd.DataFrame(
        {
            "survey_id": ["s1", "s2", "s3", "s4", "s5"],
            "kind": "transactional",
            "nps": [np.inf, -np.inf, 11.0, 5.0, -1.0],
        }
    )
    opened = put(surveys=answers)
    t = opened.tables["surveys"]
    nan = (t.survey_id == "s4").ifelse(ibis.literal(float("nan")), t.nps)
    odd = Opened(opened.backend, {"surveys": t.mutate(nps=nan)}, Settings(), empty_quarantine())
    assert lines(odd, "kind").iloc[0]["count"] == 3
    assert lines(odd, "maximum").iloc[0]["count"] == lines(odd, "minimum").iloc[0]["count"] == 1


def test_numbers_as_large_as_they_get():
    extreme = np.array([-(2**63), 2**63 - 1, 0])
    line = lines(put(contacts=calls(wait_ms=extreme)), "minimum").iloc[0]
    assert (line["count"], line["example"]) == (1, "c1")


# --- words ------------------------------------------------------------------------------------------------

WORDS = [
    "'; drop table contacts; --",
    'say "x"',
    "{share}",
    "%s",
    "a|b",
    "<b>x</b>",
    "電話",
    "",
    " ",
]


@pytest.mark.parametrize("word", WORDS)
def test_an_example_is_shown_as_it_is(word):
    opened = put(contacts=calls(contact_id=[word, "zz", "zzz"], channel=["fax", "voice", "voice"]))
    result = check(opened)
    assert result.errors.iloc[0]["example"] == word
    assert "<b>x</b>" not in result._repr_html_()


@pytest.mark.parametrize("word", WORDS)
def test_a_reference_that_leads_nowhere_is_shown_as_it_is(word):
    queues = pd.DataFrame({"queue_id": ["q"], "valid_from": [NOON]})
    opened = put(contacts=calls(queue_id=["q", word, "q"]), queues=queues)
    line = lines(opened, "reference").iloc[0]
    assert (line["count"], line["example"]) == (1, word) and word in line["do"]


@pytest.mark.parametrize("word", WORDS)
def test_a_reason_of_the_import_is_shown_as_it_is(word):
    aside = pd.DataFrame(
        {
            "table": "contacts",
            "row": 1,
            "key": word,
            "rule": "made",
            "reason": f"{word} is odd",
            "raw": "",
        },
        index=[0],
    )
    opened = put(contacts=calls())
    told = Opened(opened.backend, opened.tables, opened.settings, aside)
    line = lines(told, "made").iloc[0]
    assert (line["count"], line["share"], line["example"]) == (1, 1 / 4, word)


def test_rows_set_aside_of_a_table_that_is_gone():
    aside = pd.DataFrame(
        {
            "table": "leads",
            "row": [1, 2],
            "key": ["a", "b"],
            "rule": "kind",
            "reason": "odd",
            "raw": "",
        }
    )
    opened = put(contacts=calls())
    line = lines(Opened(opened.backend, opened.tables, opened.settings, aside), "kind").iloc[0]
    assert (line["table"], line["count"], line["share"]) == ("leads", 2, 1.0)


# --- zones ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Mars/Base", "", None])
def test_a_site_in_a_zone_that_does_not_exist_counts_as_the_centre(zone):
    days = {"started_on": [NOON.date()] * 3, "site": ["x", "x", None]}
    opened = put(
        contacts=calls(ended_at=[NOON, NOON + pd.Timedelta("12h"), None], **days),
        sites=pd.DataFrame({"site_id": ["x"], "zone": pd.Series([zone], dtype="str")}),
    )
    assert lines(opened, "midnight").iloc[0]["count"] == 1


def test_contacts_without_a_local_day_are_on_no_other_day():
    opened = put(contacts=calls(ended_at=[NOON + pd.Timedelta("2D")] * 3))
    t = opened.tables["contacts"].mutate(started_on=ibis.null("date"))
    bare = Opened(opened.backend, {"contacts": t}, Settings(), empty_quarantine())
    assert lines(bare, "midnight").empty
