"""`contact-kpis import tabular`: the draft, the import, and every combination that is not one."""

import json
import subprocess
import sys

import pandas as pd
import pytest

PROGRAM = [sys.executable, "-c", "from contact_kpis.reporting.cli import main; main()"]
MAPPING = """
[contacts]
[contacts.columns]
contact_id = "Call ID"
channel = {value = "voice"}
started_at = {column = "Start", format = "%d.%m.%Y %H:%M"}
queue_id = "Queue"
wait_ms = {column = "Wait (s)", unit = "s"}
outcome = {column = "Result", map = {ANSW = "answered", LEFT = "left_ivr"}}
"""


def shell(*words, at=None):
    return subprocess.run(
        [*PROGRAM, *map(str, words)], cwd=at, capture_output=True, text=True, timeout=300
    )


def everything(folder):
    return {
        str(f.relative_to(folder)): f.read_bytes() if f.is_file() else None
        for f in folder.rglob("*")
    }


@pytest.fixture
def place(tmp_path):
    "Two weeks of calls from Monday 2 March 2026, one word that nobody knows, and a mapping."
    days = [f"{day:02}.03.2026 09:{minute:02}" for day in range(2, 16) for minute in range(6)]
    rows = "".join(
        f"c{i};{day};{('bills', 'orders')[i % 2]};{i % 20};{'BUSY' if i == 9 else 'ANSW'}\n"
        for i, day in enumerate(days)
    )
    (tmp_path / "calls.csv").write_text("Call ID;Start;Queue;Wait (s);Result\n" + rows)
    (tmp_path / "mapping.toml").write_text(MAPPING)
    return tmp_path


def test_from_the_draft_to_a_kpi(place):
    drafted = shell("import", "tabular", "calls.csv", "--suggest", at=place)
    assert drafted.returncode == 0 and drafted.stderr == ""
    assert 'contact_id = "Call ID"  # sure' in drafted.stdout

    words = ["import", "tabular", "calls.csv", "--mapping", "draft.toml"]
    written = shell(*words, "--suggest", at=place)
    assert written.returncode == 0 and "Draft written to draft.toml" in written.stdout
    assert (place / "draft.toml").read_text("utf-8") == drafted.stdout

    draft = (place / "draft.toml").read_text("utf-8").replace('"UTC"', '"Europe/Berlin"')
    (place / "draft.toml").write_text(draft, "utf-8")
    done = shell(*words, "--to", "centre", at=place)
    assert done.returncode == 0, done.stderr
    assert "84 rows in = 83 kept + 1 set aside + 0 repeated" in done.stdout
    assert "1 × outcome: a word that the mapping does not name" in done.stdout
    assert 'zone = "Europe/Berlin"' in (place / "centre/contact_kpis.toml").read_text()

    ask = ["kpis", "contact_volume", "--data", "centre", "--by", "week", "--format", "json"]
    asked = shell(*ask, at=place)
    assert [row["value"] for row in json.loads(asked.stdout)] == [41.0, 42.0]


def test_the_zone_of_a_mapping_that_names_none(place):
    words = ["import", "tabular", "calls.csv", "--mapping", "mapping.toml", "--to"]
    lacking = shell(*words, "a", at=place)
    assert lacking.returncode == 2 and "do not say whose clock they show" in lacking.stderr
    assert not (place / "a").exists()
    done = shell(*words, "b", "--zone", "Asia/Jerusalem", at=place)
    assert done.returncode == 0, done.stderr
    first = pd.read_parquet(place / "b/data/contacts.parquet")["started_at"].min()
    assert str(first) == "2026-03-02 07:00:00"


def test_files_that_the_mapping_names(place):
    text = MAPPING.replace("[contacts]\n", '[contacts]\nfile = "calls*.csv"\nzone = "UTC"\n', 1)
    (place / "mapping.toml").write_text(text)
    (place / "elsewhere").mkdir()
    words = ["import", "tabular", "--mapping", place / "mapping.toml", "--to", place / "centre"]
    done = shell(*words, at=place / "elsewhere")
    assert done.returncode == 0, done.stderr
    assert "84 rows in" in done.stdout


def test_other_sources_take_a_zone_and_their_own_options(data_dir, place):
    few = (data_dir / "anonymous_bank_1999_02_calls.txt").read_text("utf-8").splitlines(True)[:99]
    (place / "few.txt").write_text("".join(few))
    done = shell("import", "seelab", "few.txt", "--to", "bank", "--zone", "UTC", at=place)
    assert done.returncode == 0, done.stderr
    assert 'zone = "UTC"' in (place / "bank/contact_kpis.toml").read_text()


TABULAR = ["import", "tabular", "calls.csv"]
REFUSED = {
    "no mapping": ([*TABULAR, "--to", "new"], "--suggest"),
    "absent mapping": ([*TABULAR, "--to", "new", "--mapping", "maping.toml"], "'mapping.toml'"),
    "absent file": (
        ["import", "tabular", "call.csv", "--to", "new", "--mapping", "mapping.toml"],
        "did you mean 'calls.csv'",
    ),
    "no folder": ([*TABULAR, "--mapping", "mapping.toml"], "'--to'"),
    "no file": (["import", "seelab", "--to", "new"], "'FILE'"),
    "no file in the mapping": (
        ["import", "tabular", "--to", "new", "--mapping", "mapping.toml"],
        "names no file, and none was given",
    ),
    "unknown zone": (
        [*TABULAR, "--to", "new", "--mapping", "mapping.toml", "--zone", "Europe/Berln"],
        "did you mean 'Europe/Berlin'",
    ),
    "mapping for another source": (
        ["import", "seelab", "calls.csv", "--to", "new", "--mapping", "mapping.toml"],
        "seelab takes no --mapping",
    ),
    "draft for another source": (
        ["import", "seelab", "calls.csv", "--suggest"],
        "seelab needs no mapping",
    ),
    "draft and folder": ([*TABULAR, "--suggest", "--to", "new"], "--suggest and --to"),
    "draft and zone": ([*TABULAR, "--suggest", "--zone", "UTC"], "--suggest and --zone"),
    "draft and option": ([*TABULAR, "--suggest", "--option", "a=b"], "--suggest and --option"),
    "draft of nothing": (["import", "tabular", "--suggest"], "--suggest without a file"),
    "draft over a mapping": (
        [*TABULAR, "--suggest", "--mapping", "mapping.toml"],
        "mapping.toml exists",
    ),
    "unknown option": (
        [*TABULAR, "--to", "new", "--mapping", "mapping.toml", "--option", "speed=1"],
        "unknown option of tabular 'speed'",
    ),
    "option without value": (
        ["import", "seelab", "calls.csv", "--to", "new", "--option", "speed"],
        "NAME=VALUE",
    ),
    "unknown source": (["import", "tabulr", "calls.csv", "--to", "new"], "did you mean 'tabular'"),
    "column that is not there": (
        ["import", "tabular", "other.csv", "--to", "new", "--mapping", "mapping.toml"],
        "column 'Wait (s)' (mapping.toml, line 8) is missing; the nearest column found is 'Wait'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_one_message_and_nothing_written(case, place):
    words, said = REFUSED[case]
    (place / "other.csv").write_text("Call ID;Start;Queue;Wait;Result\n1;2;3;4;5\n")
    before = everything(place)
    done = shell(*words, at=place)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr and done.stdout == ""
    assert everything(place) == before


def test_help_shows_both_steps():
    done = shell("import", "--help")
    assert "contact-kpis import tabular calls.csv --suggest" in done.stdout
    assert "--mapping mapping.toml --to centre/" in done.stdout
