"""Every definition of the catalogue, as it was last decided.

A changed id means that numbers of the same name no longer mean the same. Whoever changes a formula
raises the KPI's `revision`, writes why into DECISIONS.md, and stores the new ids here.
"""

import json
from pathlib import Path

from contact_kpis import catalogue

STORED = Path(__file__).parent / "definition_ids.json"


def test_no_definition_changed_unnoticed():
    stored = json.loads(STORED.read_text("utf-8"))
    found = {kpi: [m.revision, m.definition_id] for kpi, m in catalogue.items()}
    changed = {kpi for kpi in stored | found if stored.get(kpi) != found.get(kpi)}
    assert not changed, f"{sorted(changed)}: raise the revision, say why in DECISIONS.md, store it"


def test_every_kpi_in_decisions_or_unrevised():
    "A revision above one has its reason in DECISIONS.md."
    decisions = (Path(__file__).parents[2] / "DECISIONS.md").read_text("utf-8")
    revised = [kpi for kpi, m in catalogue.items() if m.revision > 1 and kpi not in decisions]
    assert not revised
