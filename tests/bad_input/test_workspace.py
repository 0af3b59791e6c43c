"""What a workspace is asked wrongly, and frames that break the contract.

A question that cannot be understood is refused with the nearest thing that can; a row that breaks
the contract is set aside with its reason, counted, and takes no other row with it.
"""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from contact_kpis.errors import BadInput, ContactKpisError, NotComputable, UnknownName
from tests.builders import call, calls, codes, contacts, is_null, many, metric, one, open_ws

FRAME = contacts(
    [
        *calls(3, wait=5, talk=60, queue_id="sales"),
        call("abandoned", at="2026-03-04 12:00", wait=30, queue_id="support"),
    ]
)


@pytest.fixture(scope="module")
def ws():
    return open_ws(FRAME)


# --- questions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["kpis", "rows"])
def test_an_unknown_kpi(ws, method):
    with pytest.raises(UnknownName, match="service_level") as caught:
        getattr(ws, method)("sevice_level")
    assert "sevice_level" in str(caught.value)
    assert "did you mean 'service_level'" in str(caught.value)


def test_an_unknown_kpi_among_known_ones_is_refused_as_a_whole(ws):
    with pytest.raises(UnknownName, match="'asa'"):
        ws.kpis(["service_level", "asaa"])


def test_an_unknown_kpi_of_the_catalogue():
    from contact_kpis import catalogue

    with pytest.raises(UnknownName, match="abandonment_rate"):
        catalogue["abandonement_rate"]
    with pytest.raises(KeyError):
        catalogue["abandonement_rate"]


def test_no_kpi(ws):
    with pytest.raises(ContactKpisError):
        ws.kpis([])


@pytest.mark.parametrize(
    ("dimension", "near"),
    [("ques", "queue"), ("chanel", "channel"), ("Week", "week"), ("months", "month")],
)
def test_an_unknown_dimension(ws, dimension, near):
    with pytest.raises(UnknownName, match=f"did you mean '{near}'") as caught:
        ws.kpis(["asa"], by=[dimension])
    assert dimension in str(caught.value)


def test_a_column_is_no_dimension(ws):
    with pytest.raises(UnknownName, match="reason"):
        ws.kpis(["asa"], by=["reason_code"])


def test_an_unknown_dimension_in_where(ws):
    with pytest.raises(UnknownName, match="did you mean 'queue'"):
        ws.kpis(["asa"], where={"queu": "sales"})


def test_a_value_that_is_not_in_the_data(ws):
    "A misspelt queue is not an empty result."
    with pytest.raises(UnknownName, match="did you mean 'support'"):
        ws.kpis(["asa"], where={"queue": "suport"})


def test_one_dimension_as_a_text(ws):
    "by='week' is either understood or refused; it is not five dimensions w, e, e, k."
    try:
        found = ws.kpis(["contact_volume"], by="week").frame
    except ContactKpisError as error:
        assert "week" in str(error) and "[" in str(error), "the list is shown"
    else:
        assert found["value"].sum() == 4


def test_a_dimension_twice(ws):
    try:
        found = ws.kpis(["contact_volume"], by=["queue", "queue"]).frame
    except ContactKpisError as error:
        assert "queue" in str(error)
    else:
        assert found.columns.is_unique and len(found) == 2


@pytest.mark.parametrize("where", ["queue = 'sales'", "queue == 'sales'", "sales"])
@pytest.mark.parametrize("method", ["kpis", "rows"])
def test_a_text_as_where(ws, where, method):
    with pytest.raises(BadInput) as caught:
        getattr(ws, method)("asa", where=where)
    said = str(caught.value)
    assert "{" in said and "queue" in said, "the mapping is shown"
    assert "ibis" in said or "_." in said, "the expression is shown"


@pytest.mark.parametrize("where", [["queue", "sales"], 5, ("queue", "sales")])
def test_anything_else_as_where(ws, where):
    with pytest.raises(BadInput):
        ws.kpis(["asa"], where=where)


# --- conventions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kpi", "conventions", "near"),
    [
        ("service_level", {"treshold_s": 30}, "threshold_s"),
        ("service_level", {"abandon_mod": "ignore"}, "abandon_mode"),
        ("fcr_repeat_window", {"window": 3}, "window_d"),
        ("aht", {"component": "talk_wrap"}, "components"),
    ],
)
def test_an_unknown_convention(kpi, conventions, near):
    with pytest.raises(UnknownName, match=f"did you mean '{near}'") as caught:
        metric(kpi, **conventions)
    assert kpi in str(caught.value)


@pytest.mark.parametrize(
    ("kpi", "conventions", "near"),
    [
        ("service_level", {"abandon_mode": "ingore"}, "ignore"),
        ("abandonment_rate", {"denominator": "qeued"}, "queued"),
        ("aht", {"components": "talk-wrap"}, "talk_wrap"),
        ("avg_time_to_abandon", {"estimator": "kaplan-meier"}, "kaplan_meier"),
        ("repeat_contact_rate", {"direction": "lookback"}, "look_back"),
        ("occupancy", {"convention": "awss"}, "aws"),
        ("contact_volume", {"basis": "queues"}, "queue"),
    ],
)
def test_an_unknown_value_of_a_convention(kpi, conventions, near):
    with pytest.raises(ContactKpisError, match=f"'{near}'") as caught:
        metric(kpi, **conventions)
    assert str(next(iter(conventions.values()))) in str(caught.value)


@pytest.mark.parametrize(
    ("kpi", "conventions"),
    [
        ("service_level", {"threshold_s": "20"}),
        ("service_level", {"threshold_s": -1}),
        ("service_level", {"threshold_s": float("nan")}),
        ("service_level", {"threshold_s": None}),
        ("service_level", {"threshold_s": True}),
        ("service_level", {"include_flowouts": "yes"}),
        ("service_level", {"include_flowouts": 1}),
        ("service_level", {"short_abandon_s": "5"}),
        ("service_level", {"short_abandon_s": -5}),
        ("fcr_repeat_window", {"window_d": 0}),
        ("fcr_repeat_window", {"window_d": -7}),
        ("fcr_repeat_window", {"same_reason": "no"}),
        ("longest_wait", {"include_abandoned": 0}),
        ("asa", {"threshold_s": 20}),
    ],
    ids=lambda value: str(value),
)
def test_a_value_of_the_wrong_kind(kpi, conventions):
    """A number as text, a truth as a number, a negative time, a convention the KPI does not have."""
    with pytest.raises(ContactKpisError) as caught:
        metric(kpi, **conventions)
    assert next(iter(conventions)) in str(caught.value)


def test_settings_for_a_convention_that_does_not_exist():
    from contact_kpis import open_workspace
    from contact_kpis.settings import Settings

    for conventions in (
        {"service_level": {"treshold_s": 30}},
        {"sevice_level": {"threshold_s": 30}},
        {"service_level": {"abandon_mode": "ingore"}},
    ):
        with pytest.raises(ContactKpisError, match="did you mean"):
            open_workspace({"contacts": FRAME}, settings=Settings(conventions=conventions))


# --- periods --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "span",
    [
        {"since": "2026-04-01", "until": "2026-04-30"},
        {"since": date(2026, 4, 1)},
        {"until": "2026-02-28"},
        {"since": "2025-01-01", "until": "2025-12-31"},
        {"as_of": "2026-02-28"},
    ],
    ids=lambda span: "-".join(span),
)
def test_a_period_wholly_outside_the_data(ws, span):
    with pytest.raises(ContactKpisError) as caught:
        ws.kpis(["asa"], **span)
    said = str(caught.value)
    assert "2026-03-02" in said and "2026-03-04" in said, f"the span is named: {said}"


def test_a_period_half_outside_the_data_is_what_there_is(ws):
    row = one(ws, "contact_volume", since="2026-01-01", until="2026-12-31")
    assert row["value"] == 4


def test_a_day_without_contacts_inside_the_data_is_no_error(ws):
    found = many(ws, "asa", by=["day"], since="2026-03-03", until="2026-03-03")
    assert found.empty or all(is_null(v) for v in found["value"])


def test_until_before_since(ws):
    with pytest.raises(ContactKpisError) as caught:
        ws.kpis(["asa"], since="2026-03-04", until="2026-03-02")
    assert "2026-03-04" in str(caught.value) and "2026-03-02" in str(caught.value)


@pytest.mark.parametrize("name", ["since", "until", "as_of"])
@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "03/04/2026", 20260302, ""])
def test_a_day_that_is_none(ws, name, value):
    with pytest.raises(ContactKpisError, match=name) as caught:
        ws.kpis(["asa"], **{name: value})
    assert str(value) in str(caught.value)


def test_a_misspelt_argument(ws):
    with pytest.raises((TypeError, ContactKpisError), match="untill"):
        ws.kpis(["asa"], untill="2026-03-04")


# --- frames ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("started_at", "start_at"), ("contact_id", "contactid"), ("outcome", "outcomes"),
        ("channel", "chanel"),
    ],
)  # fmt: skip
def test_a_required_column_under_another_name(column, name):
    with pytest.raises(BadInput, match=f"'{column}'") as caught:
        open_ws(FRAME.rename(columns={column: name}))
    assert f"'{name}'" in str(caught.value), "the nearest name found"


@pytest.mark.parametrize("column", ["contact_id", "channel", "outcome", "started_at"])
def test_a_required_column_that_is_absent(column):
    with pytest.raises(BadInput, match=f"'{column}'"):
        open_ws(FRAME.drop(columns=column))


def test_an_optional_column_that_is_absent_is_named_by_the_kpi_that_needs_it():
    ws = open_ws(FRAME.drop(columns=["wait_ms", "customer_id"]))
    with pytest.raises(NotComputable, match="wait_ms"):
        ws.kpis(["asa"])
    with pytest.raises(NotComputable, match="customer_id"):
        ws.kpis(["repeat_contact_rate"])
    reasons = ws.computable()
    assert "wait_ms" in reasons["asa"] and "customer_id" in reasons["fcr_repeat_window"]
    assert reasons["aht"] == ""


def test_a_dimension_whose_column_is_absent():
    ws = open_ws(FRAME.drop(columns=["product"]))
    with pytest.raises(ContactKpisError, match="product"):
        ws.kpis(["asa"], by=["product"])


def test_a_table_that_is_absent(ws):
    with pytest.raises(NotComputable, match="agent_states"):
        ws.kpis(["occupancy"])
    assert "agent_states" in ws.computable()["occupancy"]


def test_one_kpi_that_cannot_be_computed_does_not_stop_the_others(ws):
    found = ws.kpis(["occupancy", "asa"]).frame.set_index("metric")
    assert found.loc["asa", "value"] == pytest.approx(5.0, rel=1e-9)
    assert is_null(found.loc["occupancy", "value"])
    assert found.loc["occupancy", "status"] in ("refused", "no_data")
    assert codes(found.loc["occupancy"]), "and says why"


def test_a_table_that_does_not_exist():
    from contact_kpis import open_workspace

    with pytest.raises(UnknownName, match="did you mean 'contacts'"):
        open_workspace({"contact": FRAME})


def test_a_folder_that_does_not_exist(tmp_path):
    from contact_kpis import open_workspace

    with pytest.raises(BadInput, match="nowhere"):
        open_workspace(tmp_path / "nowhere")


def test_a_folder_without_tables(tmp_path):
    from contact_kpis import open_workspace

    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    with pytest.raises(BadInput, match=r"contact_kpis\.toml"):
        open_workspace(tmp_path)


@pytest.mark.parametrize("source", [None, 5, FRAME], ids=["none", "number", "frame"])
def test_something_that_is_no_source(source):
    from contact_kpis import open_workspace

    with pytest.raises(BadInput, match="contacts"):
        open_workspace(source)


@pytest.mark.parametrize("frames", [{}, {"contacts": FRAME.head(0)}], ids=["nothing", "no rows"])
def test_nothing_to_open(frames):
    "Refused when it is opened, or when it is asked; in words either way."
    from contact_kpis import open_workspace

    with pytest.raises(ContactKpisError):
        open_workspace(frames).kpis(["asa"])


def test_a_project_whose_table_is_gone(tmp_path):
    from contact_kpis import open_workspace

    (tmp_path / "contact_kpis.toml").write_text('[centre]\nzone = "UTC"\n', encoding="utf-8")
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput, match="contacts"):
        open_workspace(tmp_path)


def test_a_parquet_file_that_is_cut_off(tmp_path):
    from contact_kpis import open_workspace

    FRAME.to_parquet(tmp_path / "contacts.parquet")
    whole = (tmp_path / "contacts.parquet").read_bytes()
    (tmp_path / "contacts.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"contacts\.parquet"):
        open_workspace(tmp_path)


# --- values ---------------------------------------------------------------------------------------


def test_nan_is_null_and_not_zero():
    "Waits 5, NaN, 15 s: ASA 10 s over two contacts, not 6.67 over three."
    frame = contacts(calls(3, wait=5)).astype({"wait_ms": "float64"})
    frame.loc[1, "wait_ms"] = np.nan
    frame.loc[2, "wait_ms"] = 15_000.0
    row = one(open_ws(frame), "asa")
    assert row["value"] == pytest.approx(10.0, rel=1e-9)
    assert row["n"] == 2
    assert one(open_ws(frame), "contact_volume")["value"] == 3, "it is still a contact"


def test_infinity_is_set_aside():
    frame = contacts(calls(3, wait=5)).astype({"wait_ms": "float64"})
    frame.loc[1, "wait_ms"] = np.inf
    ws = open_ws(frame)
    assert len(ws.quarantine) == 1 and "wait_ms" in ws.quarantine["reason"].iloc[0]
    assert one(ws, "asa")["value"] == pytest.approx(5.0, rel=1e-9)


@pytest.mark.parametrize("column", ["wait_ms", "talk_ms", "hold_ms", "wrap_ms", "ivr_ms"])
def test_a_negative_duration_is_set_aside(column):
    frame = contacts(calls(3, wait=5, talk=1, hold=1, wrap=1, ivr=1))
    frame.loc[1, column] = -1
    ws = open_ws(frame)
    aside = ws.quarantine
    assert aside["row"].tolist() == [2], "1-based"
    assert column in aside["reason"].iloc[0]
    assert one(ws, "contact_volume")["value"] == 2


@pytest.mark.parametrize("bad", ["31.02.2026 25:00", "not a date", "2026-02-30 10:00:00"])
def test_a_start_that_does_not_parse_is_set_aside(bad):
    frame = contacts(calls(3, wait=5))
    frame["started_at"] = frame["started_at"].astype(str)
    frame.loc[1, "started_at"] = bad
    ws = open_ws(frame)
    assert ws.quarantine["row"].tolist() == [2]
    assert "started_at" in ws.quarantine["reason"].iloc[0]
    assert bad in ws.quarantine["raw"].iloc[0], "the row as it was"
    assert one(ws, "contact_volume")["value"] == 2


def test_starts_none_of_which_parse_are_refused_with_an_example():
    frame = contacts(calls(3, wait=5))
    frame["started_at"] = "yesterday noon"
    with pytest.raises(BadInput, match="started_at") as caught:
        open_ws(frame)
    assert "yesterday noon" in str(caught.value)


def test_a_start_that_is_missing_is_set_aside():
    frame = contacts(calls(3, wait=5))
    frame.loc[1, "started_at"] = pd.NaT
    ws = open_ws(frame)
    assert ws.quarantine["row"].tolist() == [2]
    assert one(ws, "contact_volume")["value"] == 2


def test_a_contact_without_an_id_is_set_aside():
    frame = contacts(calls(3, wait=5))
    frame.loc[1, "contact_id"] = None
    ws = open_ws(frame)
    assert ws.quarantine["row"].tolist() == [2]
    assert "contact_id" in ws.quarantine["reason"].iloc[0]


@pytest.mark.parametrize(("column", "value"), [("outcome", "hung up"), ("channel", "fax")])
def test_a_value_outside_the_contract_is_set_aside(column, value):
    frame = contacts(calls(3, wait=5))
    frame.loc[1, column] = value
    ws = open_ws(frame)
    assert ws.quarantine["row"].tolist() == [2]
    assert column in ws.quarantine["reason"].iloc[0]
    assert value in ws.quarantine["raw"].iloc[0]


def test_a_number_where_a_number_is_wanted_in_words_is_set_aside():
    frame = contacts(calls(3, wait=5))
    frame["talk_ms"] = ["1000", "about a minute", "3000"]
    ws = open_ws(frame)
    assert ws.quarantine["row"].tolist() == [2]
    assert one(ws, "aht")["value"] == pytest.approx(2.0, rel=1e-9)


def test_an_end_before_the_start_is_set_aside():
    frame = contacts(calls(2, wait=5))
    frame["ended_at"] = frame["started_at"] + pd.Timedelta("1min")
    frame.loc[1, "ended_at"] = frame.loc[1, "started_at"] - pd.Timedelta("1s")
    ws = open_ws(frame)
    assert ws.quarantine["row"].tolist() == [2]


def test_an_abandon_without_a_wait_is_set_aside():
    "When somebody left a queue is the one thing to know about an abandon."
    frame = contacts([*calls(2, wait=5), call("abandoned", wait=None, queued=True)])
    ws = open_ws(frame)
    assert ws.quarantine["row"].tolist() == [3]
    assert one(ws, "abandonment_rate")["value"] == 0.0


def test_everything_given_is_kept_or_set_aside():
    frame = contacts(calls(6, wait=5))
    frame.loc[1, "wait_ms"] = -1
    frame.loc[2, "outcome"] = "?"
    frame.loc[3, "started_at"] = pd.NaT
    ws = open_ws(frame)
    assert len(ws.quarantine) == 3
    assert one(ws, "contact_volume")["value"] + len(ws.quarantine) == len(frame)
    assert (ws.quarantine["reason"].str.len() > 0).all()


def test_the_frame_that_was_given_is_not_changed():
    frame = contacts(calls(3, wait=5))
    before = frame.copy(deep=True)
    one(open_ws(frame), "asa")
    pd.testing.assert_frame_equal(frame, before)


def test_a_name_like_an_error_is_data():
    "Quotes and percent signs in a queue's name are a queue's name."
    odd = 'O\'Brien "100%"; DROP TABLE contacts;--'
    ws = open_ws(contacts(calls(2, wait=5, queue_id=odd) + calls(1, wait=9)))
    assert one(ws, "asa", where={"queue": odd})["value"] == pytest.approx(5.0, rel=1e-9)
    assert set(many(ws, "asa", by=["queue"])["queue"]) == {odd, "Q"}
