"""The command line as a user meets it: another process, its two streams and its exit code."""

import csv
import io
import json
import subprocess
import sys
import time

import nbformat
import nbformat.v4 as nbf
import pytest

from tests.builders import calls, contacts

BANK = "anonymous_bank_1999_02_calls.txt"
PROGRAM = [sys.executable, "-c", "from contact_kpis.reporting.cli import main; main()"]
COMMANDS = ["import", "simulate", "report", "kpis", "catalogue"]
WEEKLY = """
from contact_kpis import open_workspace
ws = open_workspace(data)
week = {"since": as_of - datetime.timedelta(6), "until": as_of, "as_of": as_of, "level": level}
found = ws.kpis(["contact_volume", "asa"], **week)
found.frame.to_csv(f"{out}/kpis.csv", index=False)
found
"""


def shell(*words, at=None):
    return subprocess.run(
        [*PROGRAM, *map(str, words)], cwd=at, capture_output=True, text=True, timeout=300
    )


def template(project, source=WEEKLY, name="tiny"):
    first = "import datetime\ndata: str = '.'\nas_of: datetime.date = None\nout: str = '.'\n"
    first += "level: float = 0.95"
    cells = [nbf.new_code_cell(first, metadata={"tags": ["parameters"]}), nbf.new_code_cell(source)]
    (project / "reports").mkdir(exist_ok=True)
    nbformat.write(nbf.new_notebook(cells=cells), project / "reports" / f"{name}.ipynb")


def everything(folder):
    return {
        str(f.relative_to(folder)): f.read_bytes() if f.is_file() else None
        for f in folder.rglob("*")
    }


@pytest.fixture
def centre(tmp_path):
    "Two queues, two weeks from Monday 2 March 2026, and a template of its own."
    from contact_kpis.data.tables import Imported, empty_quarantine, write_project

    rows = []
    for day in range(2, 16):
        noon = f"2026-03-{day:02} 12:00:00"
        rows += calls(4, at=noon, queue_id="NW", wait=day, talk=100)
        rows += calls(2, "abandoned", at=noon, queue_id="PS", wait=30)
    frame = contacts(rows)
    imported = Imported("test", {"contacts": frame}, empty_quarantine(), len(frame))
    write_project(imported, tmp_path / "centre")
    template(tmp_path / "centre")
    return tmp_path / "centre"


@pytest.fixture(scope="module")
def bank(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bank") / "centre"
    done = shell("import", "seelab", data_dir / BANK, "--to", folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_shows_an_example(command):
    done = shell(command, "--help")
    assert done.returncode == 0 and f"  contact-kpis {command} " in done.stdout


def test_help_names_the_commands_and_the_exit_codes():
    done = shell("--help")
    assert done.returncode == 0 and "Exit codes: 0 done" in done.stdout
    assert all(f"  {command}" in done.stdout for command in COMMANDS)
    assert shell("--version").stdout.startswith("contact_kpis 0.")


def test_help_loads_nothing_heavy_and_answers_at_once():
    heavy = "pandas numpy duckdb ibis papermill nbconvert matplotlib seaborn statsmodels".split()
    probe = (
        f"import sys, contact_kpis.reporting.cli; print([m for m in {heavy} if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert loaded.stdout.strip() == "[]"
    took = []
    for _ in range(3):
        start = time.perf_counter()
        shell("--help")
        took.append(time.perf_counter() - start)
    assert min(took) < 1, took


# The bank log, from the export to the reports


def test_import_adds_up(bank):
    folder, said = bank
    assert "33,344 rows in = 33,247 kept + 97 set aside + 0 repeated" in said
    assert "97 × HANG with a service time" in said
    assert {"contacts.parquet", "quarantine.parquet", "import.json"} <= {
        f.name for f in (folder / "data").iterdir()
    }
    assert (folder / "contact_kpis.toml").is_file()


def test_reports_of_a_month_are_made_once(bank):
    folder, _ = bank
    template(folder, "print(as_of)")
    month = ["--since", "1999-02-01", "--until", "1999-02-28"]
    first = shell("report", "tiny", "--data", folder.name, *month, at=folder.parent)
    assert first.returncode == 0, first.stderr
    assert "4 made, 0 up to date, 0 failed. See centre/runs/index.html" in first.stdout
    runs = folder / "runs" / "tiny"
    weeks = ["1999-02-01", "1999-02-08", "1999-02-15", "1999-02-22"]
    assert sorted(f.name for f in runs.iterdir()) == weeks
    before = everything(runs)

    second = shell("report", "tiny", "--data", folder, *month)
    assert "0 made, 4 up to date, 0 failed" in second.stdout, second.stderr
    assert everything(runs) == before
    forced = shell("report", "tiny", "--data", folder, "--as-of", "1999-02-28", "--force")
    assert "1 made, 0 up to date" in forced.stdout and "running (forced)" in forced.stderr

    told = json.loads((runs / "1999-02-22" / "manifest.json").read_text("utf-8"))
    assert told["data"]["rows"]["contacts"] == 33247
    index = (folder / "runs" / "index.html").read_text("utf-8")
    assert all(f"tiny/{week}/report.html" in index for week in weeks)


# KPIs


def test_the_three_forms_agree(centre):
    ask = ["kpis", "asa", "--data", centre, "--by", "week,queue", "--where", "queue=NW"]
    table, text, rows = (shell(*ask, "--format", form) for form in ("table", "csv", "json"))
    assert [done.returncode for done in (table, text, rows)] == [0, 0, 0]
    found = json.loads(rows.stdout)
    # Waits of the first week are 2 to 8 s, four calls a day: mean 5; of the second 9 to 15: 12.
    assert [row["value"] for row in found] == [5.0, 12.0]
    assert [row["queue"] for row in found] == ["NW", "NW"]
    read = list(csv.DictReader(io.StringIO(text.stdout)))
    assert [float(row["value"]) for row in read] == [5.0, 12.0]
    assert "12.0 s" in table.stdout and "5.0 s" in table.stdout


def test_a_condition_named_twice_means_either(centre):
    ask = ["kpis", "contact_volume", "--data", centre, "--format", "json"]
    both = shell(*ask, "--where", "queue=NW", "--where", "queue=PS")
    assert [row["value"] for row in json.loads(both.stdout)] == [84.0]


def test_what_cannot_be_computed_is_listed(centre):
    done = shell("kpis", "asa", "occupancy", "--data", centre)
    assert done.returncode == 1
    assert "asa" in done.stdout and "occupancy: Not computable: needs agent_states" in done.stderr


def test_the_catalogue_in_words():
    listed, card = shell("catalogue"), shell("catalogue", "service_level")
    assert "abandonment_rate" in listed.stdout and "threshold_s = 20" in card.stdout


# Reports


def test_a_failed_week_gives_exit_code_1(centre):
    template(centre, "assert as_of.day == 15, 'the first week is bad'")
    done = shell("report", "tiny", "--data", centre, "--weeks", 2)
    assert done.returncode == 1 and "1 made, 0 up to date, 1 failed" in done.stdout
    assert "AssertionError: the first week is bad" in done.stderr and "Traceback" not in done.stderr


def test_parameters_and_another_place_for_runs(centre, tmp_path):
    template(centre, WEEKLY + "print(f'at {level}')")
    words = ["--param", "level=0.9", "--runs", tmp_path / "elsewhere", "--as-of", "2030-01-01"]
    done = shell("report", "tiny", "--data", centre, *words)
    assert done.returncode == 0 and "the data end on 2026-03-15" in done.stderr
    run = tmp_path / "elsewhere" / "tiny" / "2026-03-09"
    assert "at 0.9" in (run / "report.html").read_text("utf-8")
    told = json.loads((run / "manifest.json").read_text("utf-8"))
    assert set(told["definitions"]) == {"contact_volume", "asa"}
    assert told["data"]["path"] == "../../../centre" and not (centre / "runs").exists()


def test_simulated_data_say_so(centre):
    template(centre, "'a report'")
    file = centre / "contact_kpis.toml"
    file.write_text(
        file.read_text("utf-8").replace("# simulated = false", "simulated = true"), "utf-8"
    )
    assert shell("report", "tiny", "--data", centre).returncode == 0
    for page in ("tiny/2026-03-09/report.html", "index.html"):
        html = (centre / "runs" / page).read_text("utf-8")
        assert "<b>SIMULATED.</b>" in html and "<title>SIMULATED" in html


def test_simulate_writes_a_project_that_says_so(tmp_path):
    size = ("--contacts", 2_000, "--weeks", 3, "--truth", "beside")
    done = shell("simulate", "small", "--to", "example", "--seed", 7, *size, at=tmp_path)
    assert done.returncode == 0 and "contacts in" in done.stdout and "seed 7" in done.stdout
    assert (tmp_path / "beside" / "visits.parquet").is_file()
    assert "\nsimulated = true" in (tmp_path / "example" / "contact_kpis.toml").read_text("utf-8")


# What is refused

REFUSED = {
    "no such command": (["reprot"], "Did you mean 'report'"),
    "no such option": (["kpis", "asa", "--dat", "centre"], "--data"),
    "absent export": (["import", "seelab", "absent.txt", "--to", "new"], "absent.txt"),
    "unknown source": (["import", "selab", "log.txt", "--to", "new"], "did you mean 'seelab'"),
    "not the log": (["import", "seelab", "log.txt", "--to", "new"], "log.txt"),
    "no project": (["kpis", "asa", "--data", "absent"], "absent"),
    "empty folder": (["kpis", "asa", "--data", "empty"], "contact-kpis import"),
    "unknown KPI": (["kpis", "sevice_level", "--data", "centre"], "did you mean 'service_level'"),
    "unknown card": (["catalogue", "azz"], "unknown KPI 'azz'"),
    "unknown dimension": (["kpis", "asa", "--data", "centre", "--by", "weak"], "'week'"),
    "unknown value": (["kpis", "asa", "--data", "centre", "--where", "queue=NV"], "NW, PS"),
    "no condition": (["kpis", "asa", "--data", "centre", "--where", "queue NW"], "NAME=VALUE"),
    "unknown format": (["kpis", "asa", "--data", "centre", "--format", "xml"], "csv"),
    "no such day": (["kpis", "asa", "--data", "centre", "--since", "2026-02-30"], "2026-02-30"),
    "no data then": (["kpis", "asa", "--data", "centre", "--since", "2031-01-01"], "2026"),
    "unknown report": (["report", "tinny", "--data", "centre"], "did you mean 'tiny'"),
    "report, no project": (["report", "tiny", "--data", "absent"], "absent"),
    "no week": (
        ["report", "tiny", "--data", "centre", "--as-of", "2026-03-04"],
        "no complete week",
    ),
    "both spans": (
        ["report", "tiny", "--data", "centre", "--as-of", "2026-03-15", "--since", "2026-03-02"],
        "either the one or the others",
    ),
    "unknown parameter": (
        ["report", "tiny", "--data", "centre", "--param", "levle=1"],
        "did you mean 'level'",
    ),
    "mistyped parameter": (
        ["report", "tiny", "--data", "centre", "--param", "level=high"],
        "level = 'high'",
    ),
    "runs not writable": (
        ["report", "tiny", "--data", "centre", "--runs", "log.txt/runs"],
        "cannot write",
    ),
    "unknown plan": (["simulate", "smal", "--to", "new"], "did you mean 'small'"),
    "simulate over observed": (["simulate", "small", "--to", "centre"], "observed data"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_one_message_and_nothing_written(case, centre):
    words, said = REFUSED[case]
    (centre.parent / "log.txt").write_text("this is not a call log\n")
    (centre.parent / "empty").mkdir()
    before = everything(centre.parent)
    done = shell(*words, at=centre.parent)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr and done.stdout == ""
    assert everything(centre.parent) == before


@pytest.mark.parametrize("target", ["full", "log.txt", "log.txt/new", "made_up"])
def test_an_import_never_writes_where_it_should_not(target, data_dir, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("forty years of work")
    (tmp_path / "log.txt").write_text("a file")
    (tmp_path / "made_up").mkdir()
    (tmp_path / "made_up" / "contact_kpis.toml").write_text("[centre]\nsimulated = true\n")
    few = (data_dir / BANK).read_text("utf-8").splitlines(keepends=True)[:200]
    (tmp_path / "few.txt").write_text("".join(few))
    before = everything(tmp_path)
    done = shell("import", "seelab", "few.txt", "--to", target, at=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip() and "Traceback" not in done.stderr
    assert everything(tmp_path) == before
