"""What a KPI is asked wrongly, what is not there, and names that are written to do harm.

A name in the data is data: it is counted, found, cut by and shown, and it changes nothing else.
"""

import html
import re
from datetime import date
from functools import cache

import pandas as pd
import pytest

from contact_kpis import catalogue, open_workspace
from contact_kpis.errors import ContactKpisError, NotComputable, UnknownName
from contact_kpis.settings import Settings
from tests.builders import call, calls, codes, contacts, is_null, open_ws

# --- asked wrongly ------------------------------------------------------------------------------


@cache
def ws():
    return open_ws(calls(5, wait=9, talk=60, customer_id="k", agent_id="a", queue_id="sales"))


DOORS = {
    "kpis": lambda kpi, **how: ws().kpis(kpi, **how),
    "kpis of several": lambda kpi, **how: ws().kpis(["asa", kpi], **how),
    "rows": lambda kpi, **how: ws().rows(kpi, **how),
    "compare": lambda kpi, **how: ws().compare(kpi, **how),
    "near": lambda kpi, **how: ws().near(kpi, **how),
    "explain": lambda kpi, **how: ws().explain(kpi, **how),
}
WRONG = {
    "a KPI": (("sevice_level", {}), "did you mean 'service_level'"),
    "a dimension": (("service_level", {"where": {"qeue": "sales"}}), "did you mean 'queue'"),
    "a value": (("service_level", {"where": {"queue": "salse"}}), "did you mean 'sales'"),
}


@pytest.mark.parametrize(("asked", "said"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("door", DOORS)
def test_the_nearest_is_named_at_every_door(door, asked, said):
    kpi, how = asked
    if door == "explain" and "sales" in said:
        return  # what is in the data is not looked at where nothing is sent
    with pytest.raises(UnknownName, match=said):
        DOORS[door](kpi, **how)


@pytest.mark.parametrize("door", ["kpis", "compare", "explain"])
def test_an_unknown_dimension_to_cut_by(door):
    with pytest.raises(UnknownName, match="did you mean 'queue'"):
        DOORS[door]("service_level", by=["qeue"])


@pytest.mark.parametrize("kpi", [k for k, m in catalogue.items() if m.conventions])
def test_an_unknown_convention_of_every_kpi(kpi):
    metric = catalogue[kpi]
    name = metric.conventions[0].name
    wrong = name[:-2] + name[-1] if len(name) > 4 else name + "x"
    with pytest.raises(UnknownName, match=re.escape(f"did you mean '{name}'")):
        metric.using(**{wrong: metric.conventions[0].default})
    for convention in metric.conventions:
        if convention.free:
            continue
        for bad in ("", [], float("nan"), object(), "'; DROP TABLE contacts; --"):
            if bad in convention.allowed or bad in convention.words:
                continue
            with pytest.raises(UnknownName, match=convention.name):
                metric.using(**{convention.name: bad})


# --- a table that is not there ------------------------------------------------------------------

ELSEWHERE = ["occupancy", "csat_t2b", "reopen_rate", "sales_total", "qa_score", "digital_failure_rate"]  # fmt: skip


@pytest.mark.parametrize("kpi", ELSEWHERE)
def test_a_kpi_whose_table_is_not_there(kpi):
    row = ws().kpis(["asa", kpi]).frame.set_index("metric").loc[kpi]
    assert is_null(row["value"]) and row["n"] == 0 and "needs" in codes(row)
    assert any(catalogue[kpi].table in caveat for caveat in row["caveats"])
    assert ws().kpis([kpi, "asa"]).frame.set_index("metric")["value"]["asa"] == 9
    for ask in (ws().kpis, ws().rows, ws().compare, lambda k: ws().kpis([k])):
        with pytest.raises(NotComputable, match=catalogue[kpi].table):
            ask(kpi)


def test_all_kpis_at_once_are_a_line_each():
    found = ws().kpis(list(catalogue)).frame
    assert set(found["metric"]) == set(catalogue)
    lacking = {kpi for kpi, why in ws().computable().items() if why}
    rows = found[found["metric"].isin(lacking)]
    assert rows["value"].isna().all()
    for _, row in rows.iterrows():
        only_declared = catalogue[row["metric"]].is_declared_only
        assert ("declared" if only_declared else "needs") in codes(row)


def test_a_batch_of_which_nothing_can_be_computed():
    try:
        found = ws().kpis(["occupancy", "csat_t2b"]).frame
    except NotComputable as error:
        assert "occupancy" in str(error)
    else:
        assert found["value"].isna().all() and len(found) == 2


# --- names that are written to do harm ----------------------------------------------------------

NAMES = [
    "'; DROP TABLE contacts; --", '"quoted"', "O'Brien", "back\\slash", "\\", "a;b",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;b&gt;", "\u202eright\u202c",
    "\u200fmark", "100%", "_", "{queue}", "$1", ":name", "?", "NULL", "nan", "0",
    "line\nbreak", "tab\there", " in front", "behind ", "x" * 3000, "-- ",
    "/* */", "a,b", "=1+1",
]  # fmt: skip


def rows_of(names):
    "The i-th name has i + 1 calls answered in time, and one given up late."
    rows = []
    for i, name in enumerate(names):
        who = dict.fromkeys(("queue_id", "agent_id", "reason_code", "team", "product"), name)
        rows += calls(i + 1, at="2026-03-02 10:00", wait=5, talk=60, customer_id=name, **who)
        late = who | {"agent_id": None}
        rows += calls(1, "abandoned", at="2026-03-02 11:00", wait=60, customer_id=name, **late)
    return rows


@cache
def hostile():
    return open_ws(rows_of(NAMES))


@cache
def tame():
    return open_ws(rows_of([f"n{i}" for i in range(len(NAMES))]))


BY = ["queue", "reason"]
NUMBERS = ["value", "lower", "upper", "n", "status"]


def test_no_row_is_set_aside():
    assert len(hostile().quarantine) == 0
    assert set(hostile().tables) == set(tame().tables)


@pytest.mark.parametrize("kpi", ["service_level", "asa", "repeat_contact_rate"])
@pytest.mark.parametrize("by", BY)
def test_a_name_changes_no_number(kpi, by):
    found, wanted = (w.kpis(kpi, by=[by]).frame for w in (hostile(), tame()))
    assert set(found[by]) == set(NAMES)
    mine = found.set_index(by).loc[NAMES, NUMBERS]
    other = wanted.set_index(by).loc[[f"n{i}" for i in range(len(NAMES))], NUMBERS]
    assert mine.reset_index(drop=True).equals(other.reset_index(drop=True))
    total = [w.kpis(kpi).frame[NUMBERS] for w in (hostile(), tame())]
    assert total[0].equals(total[1])


@pytest.mark.parametrize("i", range(len(NAMES)), ids=lambda i: ascii(NAMES[i])[:20])
def test_a_name_in_a_filter(i):
    where = {"queue": NAMES[i], "team": NAMES[i]}
    (row,) = hostile().kpis("service_level", where=where).frame.to_dict("records")
    assert row["n"] == i + 2
    assert row["value"] == pytest.approx(100 * (i + 1) / (i + 2), abs=1e-9)
    rows = hostile().rows("service_level", where={"queue": NAMES[i]})
    assert len(rows) == i + 2 and set(rows["queue_id"]) == {NAMES[i]}
    assert rows["is_numerator"].sum() == i + 1


def test_several_names_in_a_filter():
    found = hostile().kpis("contact_volume", where={"queue": NAMES[:3]}).frame
    assert found["value"].tolist() == [2 + 3 + 4]


@pytest.mark.parametrize("per", ["agent", "customer"])
def test_names_of_people(per):
    people = hostile().rows("service_level", per=per)
    known = people.dropna(subset=f"{per}_id").set_index(f"{per}_id")
    assert set(known.index) == set(NAMES)
    assert known["numerator"].to_dict() == {name: i + 1 for i, name in enumerate(NAMES)}
    assert people["denominator"].sum() == hostile().kpis("service_level").frame["n"][0]


def test_names_in_a_comparison():
    found, wanted = (w.compare("service_level", by=["queue"]).frame for w in (hostile(), tame()))
    order = {f"n{i}": name for i, name in enumerate(NAMES)}
    wanted = wanted.assign(queue=wanted["queue"].map(order))
    keys = ["way", "queue"]
    columns = ["value", "n", "why"]
    mine, other = (
        f.dropna(subset="queue").astype({"queue": object}).set_index(keys)[columns]
        for f in (found, wanted)
    )
    assert len(mine) == len(other) > len(NAMES)
    assert mine.equals(other.loc[mine.index])


def test_what_is_near_a_name():
    for name in NAMES[:3]:
        near = hostile().near("fcr_repeat_window", where={"queue": name})
        assert set(near.agents.get("agent_id", pd.Series(dtype=object)).dropna()) <= {name}


TAGS = re.compile("<(script|img|b|iframe)[ >]", re.IGNORECASE)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_names_are_escaped_where_they_are_shown(name):
    asked = {"by": ["queue"], "where": {"queue": name}}
    estimates = hostile().kpis(["service_level", "aht"], **asked)
    shown = {
        "estimates": estimates,
        "changes": hostile().kpis("service_level", by=["week", "queue"]).change(),
        "beside": estimates.beside,
        "comparison": hostile().compare("service_level", **asked),
        "nearby": hostile().near("repeat_contact_rate", where={"queue": name}),
        "metric": catalogue["service_level"].where("queue", name, threshold_s=30),
    }
    for what, thing in shown.items():
        text = thing._repr_html_()
        tags = [t for t in TAGS.findall(text) if t.lower() != "b"]
        assert not tags, what
    assert html.escape(name, quote=False)[:12] in estimates._repr_html_()


def test_a_hostile_name_in_the_settings():
    for name in NAMES[:5]:
        overrides = {"service_level": (("queue", name, {"threshold_s": 1}),)}
        small = rows_of([name])
        opened = open_workspace({"contacts": contacts(small)}, settings=Settings(overrides=overrides))  # fmt: skip
        assert opened.kpis("service_level").frame["value"].tolist() == [0], name


def test_a_hostile_name_that_is_not_there():
    for name in ("'; DROP TABLE queues; --", "' OR '1'='1", 'x" OR 1=1', "%", "sal%"):
        with pytest.raises(UnknownName):
            ws().kpis("asa", where={"queue": name})
    assert ws().kpis("asa").frame["n"].tolist() == [5]


@pytest.mark.parametrize("bad", ["'; DROP TABLE contacts; --", "queue; --", "queue_id", "1", ""])
def test_a_hostile_dimension(bad):
    for ask in (lambda: ws().kpis("asa", by=[bad]), lambda: ws().kpis("asa", where={bad: "x"})):
        with pytest.raises(ContactKpisError):
            ask()
    assert ws().kpis("asa").frame["n"].tolist() == [5]


def test_a_queue_called_as_the_missing_ones_are():
    "(missing) is the word for no queue; a queue of that name is either told apart or refused."
    rows = calls(2, wait=5, queue_id="(missing)") + calls(3, wait=5, queue_id=None)
    rows += calls(1, wait=5, queue_id="Q")
    try:
        opened = open_ws(rows)
        found = opened.kpis("contact_volume", by=["queue"]).frame
    except ContactKpisError as error:
        assert "(missing)" in str(error)
        return
    by_cell = found.set_index("queue")["value"].to_dict()
    for name, value in by_cell.items():
        assert opened.kpis("contact_volume", where={"queue": name}).frame["value"][0] == value


def test_hostile_texts_of_changes_and_agents():
    log = {"change_id": ["c"], "at": [pd.Timestamp("2026-03-01 08:00")], "kind": ["process"],
           "scope": ["<b>all</b>"], "text": ["<script>alert(1)</script>"]}  # fmt: skip
    rows = [
        call(at=f"2026-03-{d:02} 10:00", wait=1, talk=9, customer_id="k", agent_id="<img src=x>")
        for d in (2, 5)
    ] + calls(1, at="2026-03-20 10:00", wait=1, talk=9)
    opened = open_workspace({"contacts": contacts(rows), "change_log": pd.DataFrame(log)})
    near = opened.near("fcr_repeat_window", since=date(2026, 3, 2))
    assert near.agents["agent_id"].tolist() == ["<img src=x>"]
    assert near.changes["text"].tolist() == ["<script>alert(1)</script>"]
    assert not re.search("<(script|img)[ >]", near._repr_html_())
