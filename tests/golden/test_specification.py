"""The catalogue against the table of definitions, id by id and field by field.

specification.csv is the classification of the KPIs as it was agreed on: id, name, terms of the
source documents, unit, direction, perspective, nature, level, counter-metrics and sources. Its
last five rows came later, from practice.
"""

import csv
from pathlib import Path

import pytest

from contact_kpis import catalogue

with Path(__file__).with_name("specification.csv").open(encoding="utf-8") as lines:
    TABLE = {row["id"]: row for row in csv.DictReader(lines)}

# What the table prints, where a declaration says it shorter or by the default convention.
UNITS = {
    "% / year": "% per year",
    "% of failures": "%",
    "% vs expected": "%",
    "0–100": "0-100",
    "0–100 or level": "0-100",
    "1–5 or 1–7": "1-7",
    "count / month": "count",
    "count or % of goal": "count",
    "count; %": "%",
    "h (median, p90)": "h",
    "kappa / ICC": "ICC",
    "months; level": "months",
    "points (scale by variant)": "points",
    "points; 0–100": "points",
    "units of KPI": "unit of the KPI",
    "units of the KPI": "unit of the KPI",
    "−5…+5 / −100…+100": "points",
}

SHORTER = {"service_level": "Service level"}  # X% in T s: both are conventions


def terms(cell):
    "The cell as printed, and each of its terms with its remark, without it, or with its letters."
    parts = [part.strip() for by in (" / ", "; ") for part in cell.split(by)]
    bare = [part[: part.index("(")].strip() for part in parts if "(" in part]
    joined = [part.replace("(", "").replace(")", "") for part in parts]
    return {cell, *parts, *bare, *joined} - {""} or {""}


def test_the_ids_are_those_of_the_table():
    assert len(TABLE) == 114
    assert set(TABLE) - set(catalogue) == set(), "not declared"
    assert set(catalogue) - set(TABLE) == set(), "not in the table"


def said(metric):
    "What a declaration says, in the columns of the table."
    return {
        "direction": metric.direction,
        "perspective": metric.perspective,
        "level": metric.level,
        "counter": " ".join(metric.counter),
        "sources": " ".join(metric.sources),
    }


@pytest.mark.parametrize("kpi", TABLE)
def test_the_declaration_says_what_the_table_says(kpi):
    row, metric = TABLE[kpi], catalogue[kpi]
    wanted = {column: row[column] for column in said(metric)}
    if kpi == "ces":  # good when low in its first version, when high in its second
        assert wanted["direction"] == "down (v1) up (v2)"
        wanted["direction"], metric = "up", metric.using(version="v2")
    assert said(metric) == wanted
    printed = row["name"].replace("’", "'")
    assert metric.name in (printed, printed.split(" (")[0], SHORTER.get(kpi))
    assert metric.unit in (row["unit"], UNITS.get(row["unit"], row["unit"]))
    assert metric.nature in row["nature"].split(" or ")
    names = dict(metric.names)  # one of the terms of the documents, and none where they have none
    for language in ("zh", "he"):
        assert names.get(language, "") in terms(row[language])


def test_a_cell_with_several_terms():
    assert terms("重复呼叫(率)") >= {"重复呼叫(率)", "重复呼叫", "重复呼叫率"}
    assert "ASA" in terms("平均接听时间 / ASA")
    assert terms("") == {""}  # no term, no name
