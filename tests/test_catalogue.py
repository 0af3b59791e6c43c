"""What the catalogue promises of every KPI, what its pages say, and which rules it keeps.

No number is computed here but where a rule is about numbers: declarations can be checked as they are.
"""

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache

import mistune
import pytest

from contact_kpis import catalogue
from contact_kpis.errors import BadInput, ContactKpisError, NotComputable, UnknownName
from contact_kpis.metrics.metric import PERSPECTIVES, Convention, Diagnosis
from contact_kpis.metrics.pages import page
from contact_kpis.metrics.rules import check_pool, check_target
from contact_kpis.metrics.sources import cite
from contact_kpis.metrics.vendors import VENDORS, vendors_of
from tests.builders import call, calls, codes, is_null, one, open_ws

KPIS = list(catalogue)
DIMENSIONS = {
    "agent", "channel", "complexity", "customer_segment", "day", "direction", "hour",
    "interval30", "language", "month", "plan", "platform", "product", "quarter", "queue",
    "reason", "site", "team", "week",
}  # fmt: skip

# --- every KPI ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kpi", KPIS)
def test_a_declaration_is_whole(kpi):
    metric = catalogue[kpi]
    assert metric.id == kpi and re.fullmatch("[a-z][a-z0-9_]*", kpi)
    assert metric.perspective in PERSPECTIVES
    assert PERSPECTIVES == ("customer", "efficiency", "business", "people")
    assert metric.name and metric.formula and metric.unit and metric.example and metric.traps
    assert {language for language, _ in metric.names} <= {"zh", "he"}
    assert all(name.strip() for _, name in metric.names)
    assert len(cite(metric.sources)) == len(metric.sources)


@pytest.mark.parametrize("kpi", KPIS)
def test_what_to_watch_beside_it_exists(kpi):
    counter = catalogue[kpi].counter
    assert set(counter) <= set(catalogue)
    assert kpi not in counter and len(set(counter)) == len(counter)


@pytest.mark.parametrize("kpi", KPIS)
def test_a_diagnosis_can_be_looked_at(kpi):
    for diagnosis in catalogue[kpi].diagnoses:
        assert diagnosis.cause and diagnosis.contradicted
        assert diagnosis.look_at in catalogue
        assert diagnosis.by and set(diagnosis.by) <= DIMENSIONS


def test_the_dimensions_are_those_that_a_question_knows():
    with pytest.raises(UnknownName) as caught:
        open_ws([call(wait=1)]).kpis("asa", by=["no such thing"])
    assert set(caught.value.expected.removeprefix("one of ").split(", ")) == DIMENSIONS


def other_values(convention):
    "Values of a convention that are not its default."
    values = [*convention.allowed, *convention.others, *convention.words]
    if not convention.allowed and not convention.free:
        least = 0 if convention.minimum is None else convention.minimum
        values += [v for v in (least, least + 1, least + 3) if v <= convention.maximum]
    if convention.free:
        values += ["one name", "another name"]
    known = convention.default

    def is_default(value):
        return value == known and isinstance(value, bool) == isinstance(known, bool)

    return [v for v in dict.fromkeys(values) if not is_default(v)]


@pytest.mark.parametrize("kpi", KPIS)
def test_each_value_of_a_convention_is_another_definition(kpi):
    metric = catalogue[kpi]
    ids = [metric.definition_id]
    for convention in metric.conventions:
        assert convention.text.strip(), convention.name
        others = other_values(convention)
        assert others or len(convention.allowed) == 1, f"{convention.name} can be nothing else"
        ids += [metric.using(**{convention.name: v}).definition_id for v in others]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{12}", i) for i in ids)


def test_no_two_kpis_share_a_definition():
    assert len({m.definition_id for m in catalogue.values()}) == len(catalogue)


# --- what belongs where -------------------------------------------------------------------------

FAMILY = ["fcr_repeat_window", "fcr_survey", "fcr_no_transfer", "fcr_one_touch", "fcr_no_reopen"]
PLACES = {
    "customer": ["abandonment_rate", "answer_rate", "asa", *FAMILY],
    "efficiency": ["occupancy", "aht", "transfer_rate", "cost_per_contact"],
    "business": ["sales_total", "conversion_rate", "customer_retention_rate"],
    "people": ["agent_attrition", "unplanned_absence_rate", "qa_score"],
}


@pytest.mark.parametrize(("place", "kpi"), [(p, k) for p, kpis in PLACES.items() for k in kpis])
def test_the_perspective_of_a_kpi(place, kpi):
    assert catalogue[kpi].perspective == place


CAUSES = {
    "abandonment_rate": "shift|dispatch",
    "answer_rate": "shift|dispatch",
    "asa": "shift|dispatch",
    "fcr_repeat_window": "process|train",
    "occupancy": "staff",
    "aht": "skill|process|tool",
    "transfer_rate": "initial routing",
}


@pytest.mark.parametrize("kpi", CAUSES)
def test_what_a_bad_value_may_mean(kpi):
    causes = " ".join(d.cause for d in catalogue[kpi].diagnoses)
    missing = [word for word in CAUSES[kpi].split("|") if word not in causes]
    assert not missing, causes


# --- definitions as data ------------------------------------------------------------------------


def test_definitions_are_plain_data():
    stored = catalogue.definitions()
    assert json.loads(json.dumps(stored)) == stored
    assert set(stored) == set(catalogue)
    assert all(stored[k]["definition_id"] == m.definition_id for k, m in catalogue.items())


@pytest.mark.parametrize("old", [catalogue, catalogue.definitions()], ids=["catalogue", "stored"])
def test_no_difference_is_an_empty_list(old):
    found = catalogue.diff(old)
    assert found.empty and list(found.columns) == ["kpi", "change", "what"]


def of(*metrics):
    "A catalogue of these metrics."
    return type(catalogue)(metrics)


SL, ASA, AHT = catalogue["service_level"], catalogue["asa"], catalogue["aht"]


@pytest.mark.parametrize("stored", [False, True])
def test_what_differs_between_catalogues(stored):
    old = of(SL, ASA)
    new = of(SL.using(threshold_s=30), AHT)
    found = new.diff(old.definitions() if stored else old).set_index("kpi")
    assert found["change"].to_dict() == {
        "service_level": "changed",
        "asa": "removed",
        "aht": "added",
    }
    assert re.search("threshold_s.*20.*30", found["what"]["service_level"])


def test_a_revision_is_a_change():
    found = of(replace(ASA, revision=ASA.revision + 1)).diff(of(ASA))
    assert found[["kpi", "change"]].values.tolist() == [["asa", "changed"]]
    assert "revision" in found["what"][0]


def test_a_convention_of_one_queue_is_a_change():
    found = of(SL.where("queue", "sales", threshold_s=30)).diff(of(SL))
    assert found["change"].tolist() == ["changed"] and found["what"][0]


def test_a_new_convention_is_a_change():
    grown = replace(ASA, conventions=(*ASA.conventions, Convention("whisper", True, "with it")))
    found = of(grown).diff(of(ASA).definitions())
    assert found["change"].tolist() == ["changed"] and "whisper" in found["what"][0]


# --- vendors ------------------------------------------------------------------------------------


def test_the_catalogue_of_a_vendor():
    amazon = catalogue.by_vendor("amazon_connect")
    assert set(amazon) == set(catalogue)
    assert amazon["service_level"].values["abandon_mode"] == "positive"
    assert amazon["service_level"].definition_id != SL.definition_id
    untold = [k for k in KPIS if "amazon_connect" not in {p.vendor for p in vendors_of(k)}]
    assert untold and all(amazon[k] == catalogue[k] for k in untold)


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_catalogue_of_every_vendor(vendor):
    theirs = catalogue.by_vendor(vendor)
    for kpi, metric in theirs.items():
        told = {n: v for p in vendors_of(kpi) if p.vendor == vendor for n, v in p.chosen}
        assert {name: metric.values[name] for name in told} == told
        assert told or metric == catalogue[kpi]


@pytest.mark.parametrize("asked", ["amazon_conect", "Amazon_Connect", "amazonconnect"])
def test_an_unknown_vendor(asked):
    with pytest.raises(UnknownName, match="did you mean 'amazon_connect'"):
        catalogue.by_vendor(asked)


# --- rules --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"), [("csat_t2b", "csi"), ("nps_transactional", "nps_relationship")]
)
def test_a_contact_and_a_relationship_are_not_one_number(one, other):
    for pair in ([one, other], [other, one], [one, one, other]):
        with pytest.raises(BadInput, match=one):
            check_pool([catalogue[kpi] for kpi in pair])


def test_two_definitions_of_one_kpi_are_not_one_number():
    with pytest.raises(BadInput, match="threshold_s=30"):
        check_pool([SL, SL.using(threshold_s=30)])
    with pytest.raises(BadInput):
        check_pool([SL, SL.where("queue", "sales", threshold_s=30)])
    with pytest.raises(BadInput):
        check_pool([SL, replace(SL, revision=SL.revision + 1)])


def test_one_definition_is_one_number():
    check_pool([SL, SL.using(threshold_s=20)])
    check_pool([catalogue["csat_t2b"]])


def test_occupancy_is_no_target_for_a_person():
    with pytest.raises(BadInput, match="occupancy"):
        check_target(catalogue["occupancy"], "agent")
    with pytest.raises(BadInput):
        check_target(catalogue["occupancy"], "agent", beside=["asa", "aht"])
    check_target(catalogue["occupancy"], "agent", allow=True)
    check_target(catalogue["occupancy"], "team")
    check_target(catalogue["occupancy"])


@pytest.mark.parametrize("who", ["Agent", "agnet", "individual"])
def test_a_person_by_another_word_is_no_way_round(who):
    with pytest.raises(ContactKpisError):
        check_target(catalogue["occupancy"], who)


@pytest.mark.parametrize("who", ["agent", "team", "centre"])
def test_interaction_time_is_no_target_by_itself(who):
    metric = catalogue["agent_interaction_time"]
    with pytest.raises(BadInput, match="agent_interaction_time"):
        check_target(metric, who)
    with pytest.raises(BadInput):
        check_target(metric, who, beside=["agent_interaction_time"])
    check_target(metric, who, beside=["csat_t2b"])
    check_target(metric, who, allow=True)


# --- what is easy to measure --------------------------------------------------------------------


@cache
def three_weeks():
    "Customers call again the next day, or never; one of three is lost."
    rows = []
    for day in range(2, 23):
        at = f"2026-03-{day:02} 10:00"
        rows += calls(3, at=at, wait=5, talk=60, hold=0, wrap=9, customer_id=f"k{day // 2}")
        rows += calls(1, "abandoned", at=at, wait=30, customer_id=f"lost{day}")
    return open_ws(rows)


REPEATS = {
    "repeat_contact_rate", "fcr_repeat_window", "repeat_customers", "agent_repeat_rate",
    "contacts_per_resolution", "contained_no_callback_rate",
}  # fmt: skip


@pytest.mark.parametrize("asked", [["aht"], ["asa"], ["asa", "aht", "abandonment_rate"]])
@pytest.mark.parametrize("by", [[], ["week"]])
def test_what_is_easy_to_measure_does_not_stand_alone(asked, by):
    found = three_weeks().kpis(asked, by=by)
    easy = found.frame[found.frame["metric"].isin(["aht", "asa"])]
    rest = found.frame[~found.frame["metric"].isin(["aht", "asa"])]
    assert all("easy_to_measure" in codes(row) for _, row in easy.iterrows())
    assert not any("easy_to_measure" in codes(row) for _, row in rest.iterrows())
    beside = found.beside.frame
    repeats = beside[beside["metric"].isin(REPEATS)]
    assert len(repeats) >= len(easy) / len(set(easy["metric"])), "in the same cells"
    assert repeats["value"].notna().all()
    assert set(asked).isdisjoint(beside["metric"])
    for shown in (repr(found), found._repr_html_()):
        assert set(repeats["metric"]) & set(re.findall("[a-z_]+", shown))


def test_what_stands_beside_is_the_number_itself():
    ws = three_weeks()
    beside = ws.kpis("aht", by=["week"]).beside.frame
    alone = ws.kpis("repeat_contact_rate", by=["week"]).frame
    mine = beside[beside["metric"] == "repeat_contact_rate"]
    assert mine[["week", "value", "n"]].values.tolist() == (
        alone[["week", "value", "n"]].values.tolist()
    )


@pytest.mark.parametrize("repeat", ["fcr_repeat_window", "repeat_contact_rate"])
def test_with_a_repeat_based_kpi_nothing_is_added(repeat):
    found = three_weeks().kpis(["aht", "asa", repeat])
    assert not any("easy_to_measure" in codes(row) for _, row in found.frame.iterrows())
    assert found.beside is None or not REPEATS & set(found.beside.frame["metric"])


# --- declared, and not yet computed -------------------------------------------------------------


def test_what_is_declared_only_says_so():
    ws = three_weeks()
    said = ws.computable()
    assert set(said) == set(catalogue)
    for kpi in [k for k, m in catalogue.items() if m.is_declared_only]:
        assert said[kpi] == "declared, not yet computed"
        batch = ws.kpis([kpi, "asa"]).frame.set_index("metric")
        assert is_null(batch.loc[kpi, "value"]) and batch.loc["asa", "value"] == 5
        assert batch.loc[kpi, "caveats"], "says why"
        with pytest.raises(NotComputable, match="declared, not yet computed"):
            ws.kpis(kpi)


def test_a_plain_part_says_that_it_is_one():
    ws = three_weeks()
    plain = [k for k, m in catalogue.items() if m.estimator and not m.is_declared_only]
    assert plain, "one of them at least is computed in part"
    here = [kpi for kpi in plain if not ws.computable()[kpi]]
    assert here, plain
    for kpi in here:
        assert "plain_part" in codes(one(ws, kpi))
    whole = [kpi for kpi in ("asa", "aht", "service_level") if not catalogue[kpi].estimator]
    assert not any("plain_part" in codes(one(ws, kpi)) for kpi in whole)


# --- pages --------------------------------------------------------------------------------------

RENDER = mistune.create_markdown(escape=False, plugins=["table"])


def section(text, title):
    "A section of a page, without its heading."
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("kpi", KPIS)
def test_the_page_of_a_kpi(kpi):
    metric, text = catalogue[kpi], page(catalogue[kpi])
    assert text.startswith("# ") and metric.definition_id in text and metric.unit in text
    plain = re.sub("<[^>]+>|\\s", "", RENDER(text))

    def said(words):
        return re.sub("<[^>]+>|\\s", "", RENDER(mistune.escape(words, quote=False))) in plain

    assert said(metric.name) and said(metric.formula) and said(metric.example)
    assert all(said(trap) for trap in metric.traps)
    assert all(said(source) for source in cite(metric.sources))
    for convention in metric.conventions:
        lines = section(text, "Conventions").splitlines()
        row = next(line for line in lines if f"`{convention.name}`" in line)
        assert str(convention.default) in row
        assert all(str(value) in row for value in convention.allowed)
    for preset in vendors_of(kpi):
        assert VENDORS[preset.vendor] in section(text, "Vendors")


def test_the_pages_of_all(tmp_path):
    program = "from contact_kpis.reporting.cli import main; main()"
    command = [sys.executable, "-c", program, "catalogue", "--pages", str(tmp_path / "kpis")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    written = {f.stem: f.read_text("utf-8") for f in (tmp_path / "kpis").glob("*.md")}
    assert written.keys() >= set(catalogue)
    assert all(written[kpi] == page(metric) for kpi, metric in catalogue.items())


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": '<img src=x onerror="alert(1)">',
    "out of a code span": "`<script>alert(1)</script>`",
    "out of a longer one": "``` <img src=x onerror=alert(1)> ``",
    "out of a cell": "a | b | <b>c</b>",
    "on a new line": "a\n\n<script>alert(1)</script>\n\n# heading",
    "a link": "[press](javascript:alert(1))",
    "a picture": "![x](http://example.org/x.png)",
    "the end of a comment": "--> <!-- <iframe src=x>",
    "escaped already": "&lt;script&gt; \\<script>alert(1)</script>",
    "right to left": "\u202e<script>alert(1)</script>\u202c",
}


def hostile(text):
    "A KPI that says the same thing everywhere."
    return replace(
        SL,
        name=text,
        unit=text,
        formula=text,
        example=text,
        traps=(text,),
        cautions=(text,),
        names=(("he", text),),
        inputs=(text,),
        conventions=(Convention(text, text, text, (text, "other")),),
        diagnoses=(Diagnosis(text, text, (text,), text),),
        counter=(text,),
        table=text,
    )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_words_do_not_become_html(text):
    calm, shown = (RENDER(page(hostile(words))) for words in ("calm", text))
    tags = "<(script|img|iframe|b|h[1-6]|a|pre)[ >]"
    assert sorted(re.findall(tags, shown)) == sorted(re.findall(tags, calm))
    assert calm.count("<td") == shown.count("<td") and calm.count("<li") == shown.count("<li")
    card = hostile(text)._repr_html_()
    assert not re.search("<(script|img|iframe|a)[ >]", card)
