"""A definition has one id, and the id changes with the definition and only then.

service_level(threshold_s=20)          id 1
service_level(threshold_s=20) again    id 1
service_level(threshold_s=30)          id 2
service_level, renamed in Hebrew       id 1
"""

import re
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace

import pytest

from tests.builders import call, metric, open_ws

CHANGES = {
    "contact_volume": [{"basis": "system"}, {"short_abandon_s": 5}],
    "abandonment_rate": [
        {"denominator": "queued"}, {"denominator": "handled_plus_abandoned"},
        {"denominator": "conversations"}, {"short_abandon_s": 5}, {"short_abandon_s": 6},
    ],
    "short_abandon_rate": [{"short_abandon_s": 6}],
    "service_level": [
        {"threshold_s": 30}, {"abandon_mode": "ignore"}, {"abandon_mode": "positive"},
        {"abandon_mode": "drop_all"}, {"short_abandon_s": 5}, {"include_flowouts": True},
        {"threshold_s": 30, "abandon_mode": "ignore"},
    ],
    "avg_time_to_abandon": [{"estimator": "kaplan_meier"}, {"short_abandon_s": 5}],
    "longest_wait": [{"include_abandoned": False}],
    "aht": [{"components": "talk_wrap"}, {"components": "talk_hold"}],
    "repeat_contact_rate": [
        {"window_d": 1}, {"same_reason": True}, {"cross_channel": False},
        {"direction": "look_forward"},
    ],
    "fcr_repeat_window": [{"window_d": 1}, {"same_reason": True}, {"cross_channel": False}],
}  # fmt: skip
ALL = [*CHANGES, "asa", "occupancy"]
TEXTS = (
    "name",
    "names",
    "text",
    "texts",
    "label",
    "labels",
    "title",
    "description",
    "formula",
    "traps",
)


def test_an_id_is_twelve_hex_digits():
    for kpi in ALL:
        assert re.fullmatch("[0-9a-f]{12}", metric(kpi).definition_id), kpi


def test_every_convention_gives_another_id():
    ids = [metric(kpi).definition_id for kpi in ALL]
    ids += [metric(kpi, **c).definition_id for kpi, several in CHANGES.items() for c in several]
    assert len(set(ids)) == len(ids)


def test_the_default_said_aloud_is_the_default():
    said = metric("service_level", threshold_s=20, abandon_mode="negative", include_flowouts=False)
    assert said.definition_id == metric("service_level").definition_id
    assert said == metric("service_level")
    assert metric("repeat_contact_rate", window_d=7) == metric("repeat_contact_rate")


def test_the_order_and_the_way_of_saying_do_not_matter():
    one = metric("service_level", threshold_s=30, abandon_mode="ignore")
    other = metric("service_level", abandon_mode="ignore", threshold_s=30)
    assert one.definition_id == other.definition_id
    stepwise = metric("service_level", threshold_s=30).using(abandon_mode="ignore")
    assert stepwise.definition_id == one.definition_id
    assert metric("service_level", threshold_s=30.0).definition_id == (
        metric("service_level", threshold_s=30).definition_id
    )


def test_back_to_the_default_is_the_first_id():
    there = metric("service_level", threshold_s=30).using(threshold_s=20)
    assert there.definition_id == metric("service_level").definition_id


def _changed(value):
    "The same kind of thing with other words in it; None when it holds no words."
    if isinstance(value, str):
        return value + " (renamed)"
    if isinstance(value, tuple) and value and all(isinstance(v, str) for v in value):
        return (*value, "renamed")
    if isinstance(value, tuple) and value and all(isinstance(v, tuple) for v in value):
        return (*value, value[0])
    if isinstance(value, dict):
        return {**value, "xx": "renamed"}
    return None


def test_names_and_texts_are_not_in_it():
    original = metric("service_level")
    assert is_dataclass(original)
    tried = 0
    for field in fields(original):
        changed = _changed(getattr(original, field.name)) if field.name in TEXTS else None
        if changed is not None:
            tried += 1
            renamed = replace(original, **{field.name: changed})
            assert renamed.definition_id == original.definition_id, field.name
    assert tried, f"no text among {[f.name for f in fields(original)]}"


def test_a_revision_is_in_it():
    original = metric("service_level")
    assert replace(original, revision=original.revision + 1).definition_id != original.definition_id


def test_another_process_gives_the_same_ids():
    "Nothing of this run (hash seeds, order of sets) is in an id."
    code = (
        "from contact_kpis import catalogue;"
        "print([catalogue[k].using(**c).definition_id for k, c in "
        f"{[(kpi, c) for kpi, several in CHANGES.items() for c in several]!r}])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [metric(k, **c).definition_id for k, several in CHANGES.items() for c in several]
    assert run.stdout.strip() == repr(here)


def test_results_carry_the_id_of_what_they_were_computed_with():
    ws = open_ws([call(wait=25)])
    asked = [metric("service_level"), metric("service_level", threshold_s=30)]
    found = ws.kpis(asked).frame.set_index("definition_id")["value"]
    assert [found[m.definition_id] for m in asked] == [0.0, 100.0]


@pytest.mark.parametrize("kpi", ALL)
def test_a_metric_is_frozen_and_hashable(kpi):
    one = metric(kpi)
    assert hash(one) == hash(metric(kpi))
    with pytest.raises(AttributeError):
        one.id = "other"
