"""What people said stays out of reports: a word planted in every free text is found in none.

The same for keys of people: a report names queues and teams, never a customer.
"""

import subprocess
import sys

import pandas as pd
import pytest

from contact_kpis import Settings
from contact_kpis.data.contract import tables
from contact_kpis.data.fitting import Imported, fit
from contact_kpis.data.tables import write_project
from tests.builders import call, contacts

PLANTED = "Xyzzy-said-so"
CUSTOMER = "Plugh-4711"


def planted(name, **known):
    "One row of a table with the word in each free text."
    free = {c.name: PLANTED for c in tables[name].columns if c.free_text}
    return pd.DataFrame([known | free])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    noon = pd.Timestamp("2026-03-02 12:00")
    rows = [
        call(at=noon + pd.Timedelta(hours=i), wait=10, talk=60, customer_id=CUSTOMER)
        for i in range(24 * 13)
    ]
    frames = {
        "contacts": contacts(rows),
        "surveys": planted(
            "surveys", survey_id="s", kind="transactional", invited_at=noon, customer_id=CUSTOMER
        ),
        "contact_texts": planted("contact_texts", text_id="t", contact_id="c", at=noon),
        "annotations": planted("annotations", annotation_id="a", from_at=noon),
        "customer_events": planted("customer_events", event_id="e", at=noon, kind="bill"),
    }
    fitted = {name: fit(name, frame) for name, frame in frames.items()}
    assert all(len(f.frame) for f in fitted.values())
    aside = pd.concat([f.quarantine for f in fitted.values()], ignore_index=True)
    kept = sum(len(f.frame) for f in fitted.values())
    made = {name: f.frame for name, f in fitted.items()}
    imported = Imported("test", made, aside, rows_in=kept, kept=kept)
    return write_project(imported, tmp_path_factory.mktemp("said") / "centre", Settings())


def test_no_free_text_and_no_customer_in_a_report(folder):
    program = "from contact_kpis.reporting.cli import main; main()"
    command = [sys.executable, "-c", program, "report", "weekly_scorecard"]
    done = subprocess.run(
        [*command, "--data", str(folder), "--as-of", "2026-03-15"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    files = [p for p in (folder / "runs").rglob("*") if p.is_file()]
    assert any(p.name == "report.html" for p in files) and len(files) >= 4
    for path in files:
        said = path.read_bytes()
        assert PLANTED.encode() not in said, path.name
        assert CUSTOMER.encode() not in said, path.name
    stored = b"".join(p.read_bytes() for p in (folder / "data").iterdir())
    assert PLANTED.encode() in stored, "the word was there to be found"
