"Pseudonyms through the command line: a key file, and nobody's key in the project."

import os
import subprocess
import sys

import pandas as pd
import pytest

PROGRAM = [sys.executable, "-c", "from contact_kpis.reporting.cli import main; main()"]
KEY = b"0123456789abcdef0123456789abcdef\n"
MAPPING = """
[contacts.columns]
contact_id = "id"
started_at = "start"
customer_id = "customer"
agent_id = "agent"
channel = {value = "voice"}
outcome = {value = "answered"}
"""


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "secret.key").write_bytes(KEY)
    (tmp_path / "map.toml").write_text(MAPPING, encoding="utf-8")
    rows = {
        "id": ["a", "b", "c"],
        "start": ["2026-03-02 09:00:00", "2026-03-02 10:00:00", "2026-03-02 11:00:00"],
        "customer": ["Plugh", "Plugh", "Xyzzy"],
        "agent": ["Ann", None, "Ann"],
    }
    pd.DataFrame(rows).to_csv(tmp_path / "calls.csv", index=False)
    return tmp_path


def run(desk, *words, **env):
    command = [*PROGRAM, "import", "tabular", "calls.csv", "--mapping", "map.toml", "--zone", "UTC"]
    command += words
    return subprocess.run(command, cwd=desk, capture_output=True, text=True, env=os.environ | env)


def said(folder):
    return b"".join(f.read_bytes() for f in folder.rglob("*") if f.is_file())


def test_a_key_file_switches_pseudonyms_on(desk):
    done = run(desk, "--to", "centre", "--pseudonym-key", "secret.key")
    assert done.returncode == 0, done.stderr
    found = pd.read_parquet(desk / "centre" / "data" / "contacts.parquet").set_index("contact_id")
    assert found.loc["a", "customer_id"] == found.loc["b", "customer_id"] != "Plugh"
    assert "pseudonyms = true" in (desk / "centre" / "contact_kpis.toml").read_text("utf-8")
    for secret in (b"Plugh", b"Xyzzy", b"Ann", KEY.strip()):
        assert secret not in said(desk / "centre"), secret


def test_then_every_import_needs_it(desk):
    run(desk, "--to", "centre", "--pseudonym-key", "secret.key")
    before = said(desk / "centre" / "data")
    done = run(desk, "--to", "centre")
    assert done.returncode == 2 and "--pseudonym-key" in done.stderr
    assert said(desk / "centre" / "data") == before
    by_name = run(desk, "--to", "centre", CONTACT_KPIS_PSEUDONYM_KEY=KEY.decode().strip())
    assert by_name.returncode == 0, by_name.stderr


def test_a_key_inside_the_project_is_refused(desk):
    (desk / "centre").mkdir()
    (desk / "centre" / "contact_kpis.toml").write_text("[centre]\n", encoding="utf-8")
    (desk / "centre" / "secret.key").write_bytes(KEY)
    done = run(desk, "--to", "centre", "--pseudonym-key", "centre/secret.key")
    assert done.returncode == 2 and "inside the project" in done.stderr


def test_without_a_key_nothing_is_hidden_and_the_settings_say_so(desk):
    done = run(desk, "--to", "centre")
    assert done.returncode == 0, done.stderr
    assert b"Plugh" in said(desk / "centre" / "data")
    assert "pseudonyms = true" not in (desk / "centre" / "contact_kpis.toml").read_text("utf-8")
