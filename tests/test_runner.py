"""The strict runner: what it refuses, what it leaves behind, what it does not do twice.

The templates here import nothing but the standard library, and the workspace is a stand-in that
says what the runner asks a workspace for; tests/e2e has the real ones.
"""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import nbformat
import nbformat.v4 as nbf
import pandas as pd
import pytest

from contact_kpis.errors import BadInput, NotComputable, RunFailed, UnknownName
from contact_kpis.reporting import manifest, page, runner, spec
from contact_kpis.settings import Settings

PARAMETERS = """
import datetime
data: str = "."
as_of: datetime.date = None
out: str = "."
level: float = 0.95
"""
COUNT = """
with open(out + "/kpis.csv", "w") as file:
    file.write("metric,definition_id,value\\nasa,4be1c0ffee00,41.5\\n")
print("ASA", level, as_of, type(as_of).__name__, data)
"""


def template(folder, *sources, name="tiny", parameters=PARAMETERS, tags=("parameters",)):
    "Write a template into a project, with as many tagged cells as `tags` has entries."
    cells = [nbf.new_markdown_cell("# Tiny")]
    cells += [nbf.new_code_cell(parameters, metadata={"tags": [tag]}) for tag in tags]
    cells += [nbf.new_code_cell(source) for source in sources]
    path = Path(folder) / "reports" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbf.new_notebook(cells=cells), path)
    return path


def workspace(path, **hashes):
    "Four weeks of a bank in February 1999; `hashes` corrects days, d1=… to d28=…."
    days = pd.date_range("1999-02-01", "1999-02-28")
    marks = [hashes.get(f"d{day.day}", day.day) for day in days]
    prints = pd.DataFrame({"table": "contacts", "day": days, "rows": 10, "hash": marks})
    return SimpleNamespace(
        path=Path(path),
        settings=Settings(name="Bank"),
        is_simulated=False,
        span=(date(1999, 2, 1), date(1999, 2, 28)),
        fingerprint=lambda: prints,
    )


def visible(folder):
    return sorted(f.name for f in Path(folder).iterdir() if not f.name.startswith("."))


def hidden(folder):
    return sorted(f.name for f in Path(folder).iterdir() if f.name.startswith("."))


# What a template asks for


@pytest.mark.parametrize("tags", [(), ("parameters", "parameters"), ("parameter",)])
def test_exactly_one_tagged_cell(tmp_path, tags):
    path = template(tmp_path, COUNT, tags=tags)
    with pytest.raises(BadInput, match="cells tagged 'parameters'"):
        spec.read_spec(path)


def test_a_markdown_cell_with_the_tag_does_not_count(tmp_path):
    cell = nbf.new_markdown_cell("as_of = 1", metadata={"tags": ["parameters"]})
    path = tmp_path / "x.ipynb"
    nbformat.write(nbf.new_notebook(cells=[cell]), path)
    with pytest.raises(BadInput, match="no code cells"):
        spec.read_spec(path)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("as_of = date.today()", "is computed"),
        ("as_of = None", "has no type"),
        ("level: flaot = 0.9", "did you mean 'float'"),
        ("level: float = '0.9'", "level: float = '0.9'"),
        ("level: int = True", "level: int = True"),
        ("level = 0.9\nlevel = 0.8", "assigned twice"),
        ("for x in y:\n    pass", "assignments only"),
        ("a, b = 1, 2", "assignments only"),
        ("a = b = 1", "assignments only"),
        ("level: = 1", "is not Python"),
        ("x: int | str = 1", "type of parameter x"),
        ("x = {'a': 1}", "type of parameter x 'dict'"),
    ],
)
def test_parameters_that_are_not_understood(source, said):
    with pytest.raises((BadInput, UnknownName)) as error:
        spec.read_parameters(source)
    assert said in str(error.value)


def test_kinds_are_read_without_running_the_cell():
    found = spec.read_parameters(
        "from datetime import date\nimport absent_module\n"
        "a = 1\nb = 0.5\nc = 'x'\nd = True\ne = [1, 2]\nf = date(1999, 2, 1)\ng: list[date] = []"
    )
    assert [p.kind for p in found] == ["int", "float", "str", "bool", "list", "date", "list[date]"]
    assert not any(p.is_required for p in found) and found[5].default == date(1999, 2, 1)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"levle": 0.9}, UnknownName, "did you mean 'level'"),
        ({"level": "0.9"}, BadInput, "is a str"),
        ({"level": True}, BadInput, "is a bool"),
        ({"level": float("nan")}, BadInput, "level = nan"),
        ({"data": "elsewhere"}, BadInput, "given by the runner"),
        ({"as_of": date(1999, 2, 28)}, BadInput, "given by the runner"),
    ],
)
def test_values_that_are_refused_leave_nothing(tmp_path, given, kind, said):
    template(tmp_path, COUNT)
    with pytest.raises(kind) as error:
        runner.run_report("tiny", workspace(tmp_path), parameters=given)
    assert said in str(error.value)
    assert visible(tmp_path) == ["reports"]


def test_a_missing_value_is_refused_by_name(tmp_path):
    template(tmp_path, COUNT, parameters=PARAMETERS + "queue: str = None\n")
    with pytest.raises(UnknownName, match=r"lacks a value for queue: str \(required\)"):
        runner.run_report("tiny", workspace(tmp_path))


@pytest.mark.parametrize("lacking", ["data", "as_of", "out"])
def test_a_template_must_take_what_the_runner_gives(tmp_path, lacking):
    lines = [line for line in PARAMETERS.splitlines() if not line.startswith(lacking)]
    template(tmp_path, COUNT, parameters="\n".join(lines))
    with pytest.raises(UnknownName, match=f"unknown parameter of tiny '{lacking}'"):
        runner.run_report("tiny", workspace(tmp_path))


def test_an_untyped_date_parameter_is_refused(tmp_path):
    template(tmp_path, COUNT, parameters=PARAMETERS.replace("datetime.date", "str"))
    with pytest.raises(BadInput, match="as_of"):
        runner.run_report("tiny", workspace(tmp_path))


def test_outputs_do_not_change_the_hash_and_tags_do(tmp_path):
    first = spec.read_spec(template(tmp_path, COUNT)).sha256
    path = template(tmp_path, COUNT)
    book = nbformat.read(path, 4)
    book.cells[-1].outputs = [nbf.new_output("stream", text="seen")]
    nbformat.write(book, path)
    assert spec.read_spec(path).sha256 == first
    book.cells[-1].metadata["tags"] = ["hide"]
    nbformat.write(book, path)
    assert spec.read_spec(path).sha256 != first


def test_a_project_template_wins(tmp_path, monkeypatch):
    library = tmp_path / "library"
    theirs = template(library, COUNT)
    monkeypatch.setattr(spec, "_library_folder", lambda: theirs.parent)
    assert spec.find_spec("tiny").path == theirs
    ours = template(tmp_path / "centre", COUNT)
    assert spec.find_spec("tiny", tmp_path / "centre").path == ours
    with pytest.raises(UnknownName, match="did you mean 'tiny'"):
        spec.find_spec("tiyn", tmp_path / "centre")


@pytest.mark.parametrize("text", ["", "{}", '{"cells": 1}', "not json", '{"cells": [{}]}'])
def test_a_file_that_is_no_notebook(tmp_path, text):
    path = tmp_path / "x.ipynb"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match="is not a notebook"):
        spec.read_spec(path)


# Which weeks


@pytest.mark.parametrize(
    ("asked", "starts"),
    [
        ({}, [22]),
        ({"as_of": date(1999, 2, 28)}, [22]),
        ({"as_of": date(1999, 2, 27)}, [15]),
        ({"as_of": date(2026, 1, 1)}, [22]),
        ({"last": 3}, [8, 15, 22]),
        ({"last": 99}, [1, 8, 15, 22]),
        ({"since": date(1999, 2, 2), "until": date(1999, 2, 21)}, [8, 15]),
        ({"since": date(1999, 2, 8)}, [8, 15, 22]),
        ({"until": date(1999, 2, 14)}, [1, 8]),
    ],
)
def test_complete_weeks(tmp_path, asked, starts):
    found = runner.periods(workspace(tmp_path), **asked)
    assert [p.since.day for p in found] == starts
    assert all((p.until - p.since).days == 6 and p.since.weekday() == 0 for p in found)


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"as_of": date(1999, 2, 6)}, NotComputable),
        ({"as_of": date(1998, 2, 6)}, NotComputable),
        ({"since": date(1999, 2, 23)}, NotComputable),
        ({"since": date(1999, 2, 20), "until": date(1999, 2, 1)}, NotComputable),
        ({"as_of": date(1999, 2, 28), "since": date(1999, 2, 1)}, BadInput),
        ({"last": 0}, BadInput),
    ],
)
def test_weeks_that_there_are_not(tmp_path, asked, kind):
    with pytest.raises(kind):
        runner.periods(workspace(tmp_path), **asked)


def test_the_week_begins_where_the_settings_say(tmp_path):
    ws = workspace(tmp_path)
    ws.settings = Settings(week_start="sunday")
    assert [p.since.day for p in runner.periods(ws, last=9)] == [7, 14, 21]


# Runs


@pytest.fixture
def wrong_python(tmp_path, monkeypatch):
    "A kernel called python3 that is found before any other, and cannot start."
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    wrong = {"argv": [str(tmp_path / "no-python")], "display_name": "other", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(wrong), "utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


def test_a_run_is_whole_and_done_once(tmp_path, wrong_python):
    centre = tmp_path / "centre"
    template(centre, COUNT, "import sys; print(sys.executable)")
    ws = workspace(centre)
    (run,) = runner.run_report("tiny", ws, parameters={"level": 0.9})
    assert run.status == "ok" and run.folder == centre / "runs" / "tiny" / "1999-02-22"
    names = ["kpis.csv", "manifest.json", "report.html", "report.ipynb"]
    assert visible(run.folder) == names and hidden(run.folder.parent) == []

    book = nbformat.read(run.folder / "report.ipynb", 4)
    said = [o.text for c in book.cells if c.cell_type == "code" for o in c.outputs]
    assert said[0] == "ASA 0.9 1999-02-28 date ../../..\n"
    assert said[1].strip() == sys.executable

    text = (run.folder / "manifest.json").read_text("utf-8")
    told = json.loads(text)
    assert str(tmp_path) not in text and told["data"]["path"] == "../../.."
    assert told["parameters"] == {"as_of": "1999-02-28", "level": 0.9}
    assert told["definitions"] == {"asa": ["4be1c0ffee00"]} and told["is_simulated"] is False
    assert set(told["files"]) == set(names) - {"manifest.json"}
    assert told["days"]["contacts"]["1999-02-28"] == "10:1c" and len(told["days"]["contacts"]) == 28
    assert {"python", "duckdb", "ibis-framework", "pandas"} <= set(told["versions"])
    assert "1999-02-22/report.html" in (centre / "runs" / "index.html").read_text("utf-8")

    (again,) = runner.run_report("tiny", ws, parameters={"level": 0.9})
    assert again.status == "skipped" and json.loads(text) == told


def test_what_makes_a_done_run_due_again(tmp_path):
    template(tmp_path, COUNT)
    (run,) = runner.run_report("tiny", workspace(tmp_path))

    def due(ws=None, force=False, until=date(1999, 2, 28), **given):
        ws = ws or workspace(tmp_path)
        found = spec.find_spec("tiny", tmp_path)
        values = spec.bind(found, {"as_of": until, **given})
        days = manifest.data_days(ws.fingerprint(), until)
        asked = manifest.identity(found.sha256, values, ws.settings, days)
        job = SimpleNamespace(folder=run.folder.parent)
        return runner._due(job, runner.Period(date(1999, 2, 22), until), asked, force)

    assert due() == ""
    assert due(force=True) == "forced"
    assert due(level=0.9) == "changed: parameter level"
    assert due(workspace(tmp_path, d3=999)) == "changed: contacts of 1999-02-03"
    other = workspace(tmp_path)
    other.settings = Settings(name="Bank", conventions={"service_level": {"threshold_s": 30}})
    assert due(other) == "changed: the settings"
    (run.folder / "report.html").unlink()
    assert due() == "files are missing"
    template(tmp_path, COUNT, "1 + 1")
    assert due() == "changed: the template"


def test_later_days_do_not_touch_an_earlier_week(tmp_path):
    early, late = workspace(tmp_path), workspace(tmp_path, d23=999)
    days = [manifest.data_days(ws.fingerprint(), date(1999, 2, 21)) for ws in (early, late)]
    assert days[0] == days[1]


def test_a_failed_week_is_marked_and_stops_nothing(tmp_path):
    template(tmp_path, COUNT, "if as_of.day == 21:\n    raise ValueError('no agents on duty')")
    bad, good = runner.run_report("tiny", workspace(tmp_path), last=2)
    assert (bad.status, good.status) == ("failed", "ok")
    assert bad.error == "ValueError: no agents on duty"
    assert visible(bad.folder) == ["kpis.csv", "manifest.json", "report.ipynb"]
    told = manifest.read_manifest(bad.folder)
    assert told["status"] == "failed" and told["error"]["message"] == "no agents on duty"
    assert "no agents on duty" in (bad.folder / "report.ipynb").read_text("utf-8")
    index = (tmp_path / "runs" / "index.html").read_text("utf-8")
    assert "1 failed" in index and "no agents on duty" in index

    template(tmp_path, COUNT)
    mended, remade = runner.run_report("tiny", workspace(tmp_path), last=2)
    assert mended.reason == "failed before" and mended.status == "ok"
    assert remade.reason == "changed: the template"
    assert visible(mended.folder) == ["kpis.csv", "manifest.json", "report.html", "report.ipynb"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import sys; sys.exit()", "Incomplete"),
        ("import os; os._exit(3)", "DeadKernelError"),
        (
            "from IPython.display import HTML\nHTML('<img src=\"https://x.org/a.png\">')",
            "RunFailed",
        ),
        ("open(out + '/kpis.csv', 'w').write('kpi;value')", "RunFailed"),
    ],
)
def test_failures_that_are_no_exception(tmp_path, source, kind):
    template(tmp_path, source, "'the end'")
    (run,) = runner.run_report("tiny", workspace(tmp_path))
    told = manifest.read_manifest(run.folder)
    assert run.status == "failed" and told["error"]["kind"] == kind
    assert "report.html" not in visible(run.folder) and "report.ipynb" in visible(run.folder)


def test_a_good_report_survives_later_failures(tmp_path):
    folder = tmp_path / "tiny"
    for name, keep in [("good", False), ("bad", True), ("worse", True)]:
        stage = folder / f".{name}"
        stage.mkdir(parents=True)
        (stage / name).touch()
        runner.put_in_place(stage, folder / "1999-02-22", keep=keep)
    assert visible(folder / "1999-02-22") == ["previous", "worse"] and hidden(folder) == []
    assert visible(folder / "1999-02-22" / "previous") == ["good"]


def test_a_killed_run_leaves_the_earlier_one_whole(tmp_path):
    template(tmp_path, COUNT)
    (before,) = runner.run_report("tiny", workspace(tmp_path))
    kept = {f.name: f.read_bytes() for f in before.folder.iterdir()}
    template(tmp_path, COUNT, "open('started', 'w').close()\nimport time; time.sleep(60)")
    program = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.test_runner import runner, workspace\n"
        "runner.run_report('tiny', workspace(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parents[1])]
    process = subprocess.Popen(command)
    waiting = time.monotonic() + 60
    while not list(before.folder.parent.glob(".*/started")):
        assert time.monotonic() < waiting and process.poll() is None, "the run did not begin"
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert {f.name: f.read_bytes() for f in before.folder.iterdir()} == kept
    assert len(hidden(before.folder.parent)) == 1

    template(tmp_path, COUNT)
    (after,) = runner.run_report("tiny", workspace(tmp_path))
    assert after.status == "skipped" and hidden(before.folder.parent) == []


def test_another_process_at_work_is_left_alone(tmp_path):
    at_work = runner._beside(tmp_path / "1999-02-22", "new")
    foreign = tmp_path / ".1999-02-22.new.other-machine.99999999.ab12cd"
    at_work.mkdir()
    foreign.mkdir()
    assert runner.tidy(tmp_path) == [] and len(hidden(tmp_path)) == 2


def test_a_runs_folder_that_cannot_be_written(tmp_path):
    template(tmp_path, COUNT)
    (tmp_path / "runs").write_text("a file is in the way")
    with pytest.raises(BadInput, match="cannot write in runs/tiny"):
        runner.run_report("tiny", workspace(tmp_path))
    assert visible(tmp_path) == ["reports", "runs"]


def test_data_outside_a_project_are_refused(tmp_path):
    ws = workspace(tmp_path)
    ws.path = None
    with pytest.raises(BadInput, match="not in a project folder"):
        runner.run_report("tiny", ws)


# Pages


def test_the_page_fetches_nothing_and_hides_code():
    cells = [
        nbf.new_markdown_cell("# T\n\n![plot](attachment:a.png)\n\n[a link](https://example.org)"),
        nbf.new_code_cell("secret = 1", outputs=[nbf.new_output("stream", text="<b>shown</b>")]),
        nbf.new_code_cell(
            "plot",
            outputs=[nbf.new_output("display_data", data={"image/svg+xml": "<svg/>"})],
            metadata={"tags": ["hide"]},
        ),
    ]
    cells[0]["attachments"] = {"a.png": {"image/png": "AAAA"}}
    html = page.page(nbf.new_notebook(cells=cells), "T & <T>", {"Centre": "A<B"}, is_simulated=True)
    assert page.fetched(html) == [] and "<script" not in html
    assert "secret" not in html and "&lt;b&gt;shown" in html and "svg" not in html
    assert "<title>SIMULATED · T &amp; &lt;T&gt;</title>" in html and "A&lt;B" in html
    assert 'name="viewport"' in html and "@media print" in html and "https://example.org" in html


@pytest.mark.parametrize(
    "html",
    [
        '<script src="//cdn.example.org/x.js"></script>',
        '<link rel="stylesheet" href="style.css">',
        "<p style='background: url(paper.png)'>",
        "<style>@import url(https://fonts.example.org/a);</style>",
        '<img srcset="a.png 2x">',
        "<iframe src='other.html'></iframe>",
        '<svg><image xlink:href="a.png"/></svg>',
    ],
)
def test_what_would_be_fetched_is_found(html):
    assert page.fetched(html)


def test_wide_tables_have_a_box_each():
    html = page.in_boxes("<p>a</p><TABLE><tr></tr></TABLE><table class='x'></table>")
    assert html.count('<div class="scroll"') == 2 and html.startswith("<p>a</p>")


def test_kpis_without_definitions_are_refused(tmp_path):
    (tmp_path / "kpis.csv").write_text("")
    with pytest.raises(RunFailed, match="columns nothing"):
        manifest.definitions(tmp_path)
