"The repository itself: notebooks and library in step, light import, a wheel that holds everything."

import json
import os
import re
import statistics
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest

from tools import notebooks, readme

ROOT = notebooks.ROOT
HEAVY = ["matplotlib", "nbconvert", "pandas.plotting", "papermill", "seaborn", "statsmodels"]
IMPORT_BUDGET_S = 0.3  # over `import duckdb`, as issue 2 asks
KERNEL = {"display_name": "python3", "language": "python", "name": "python3"}
LARGEST_FILE = 2**20


def python(code: str, cwd: Path = ROOT) -> str:
    "What a fresh interpreter prints."
    run = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def project_files() -> list[Path]:
    "Files that are or could be committed."
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def lesson(*sources: str) -> nbformat.NotebookNode:
    "A notebook of code cells that prints something."
    nb = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    nb.cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    nb.cells[-1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    return nb


@pytest.fixture
def small(tmp_path) -> Path:
    "A project of one notebook that is in step with its module."
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "contact_kpis" / "data").mkdir(parents=True)
    for package in ("contact_kpis", "contact_kpis/data"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "nbs" / "data").mkdir(parents=True)
    nbformat.write(lesson("# a front page"), tmp_path / "nbs" / "index.ipynb")
    nbformat.write(
        lesson("#| default_exp data.one", "#| export\ndef one() -> int:\n    return 1", "one()"),
        tmp_path / "nbs" / "data" / "10_one.ipynb",
    )
    notebooks.write(tmp_path)
    assert notebooks.faults(tmp_path) == []
    return tmp_path


class TestInStep:
    def test_notebooks_library_and_readme(self):
        assert notebooks.faults() == []

    def test_a_module_edited_by_hand(self, small):
        module = small / "contact_kpis" / "data" / "one.py"
        module.write_text(module.read_text(encoding="utf-8").replace("return 1", "return 2"))
        assert "contact_kpis/data/one.py: not what is written" in notebooks.faults(small)[0]

    def test_a_notebook_that_is_gone(self, small):
        (small / "nbs" / "data" / "10_one.ipynb").unlink()
        assert notebooks.faults(small) == [
            "contact_kpis.data.one: no notebook names it",
            "contact_kpis/data/one.py: no notebook writes it; `make notebooks`",
        ]

    def test_a_folder_that_would_be_left_out_of_the_wheel(self, small):
        (small / "contact_kpis" / "data" / "__init__.py").unlink()
        fault = "contact_kpis/data/__init__.py: not written yet; `make notebooks`"
        assert notebooks.faults(small) == [fault]

    def test_one_module_of_two_notebooks(self, small):
        first = small / "nbs" / "data" / "10_one.ipynb"
        first.with_name("20_one.ipynb").write_bytes(first.read_bytes())
        faults = notebooks.naming_faults(small)
        assert len(faults) == 2 and all("data.one is not its alone" in fault for fault in faults)

    def test_a_stored_error_and_a_lesson_never_run(self, small):
        path = small / "nbs" / "data" / "10_one.ipynb"
        nb = nbformat.read(path, as_version=4)
        nb.cells[-1].outputs = []
        nbformat.write(nb, path)
        assert "no outputs" in notebooks.output_faults(small)[0]
        nb.cells[-1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]
        nbformat.write(nb, path)
        assert "a stored error" in notebooks.output_faults(small)[0]

    def test_the_tag_of_papermill_stays_and_counts_go(self, small):
        path = small / "reports" / "weekly.ipynb"
        path.parent.mkdir()
        nb = lesson("since = ''")
        nb.cells[0].metadata = {"tags": ["parameters"], "collapsed": True}
        nb.cells[0].execution_count = 3
        nbformat.write(nb, path)
        assert any("reports/weekly.ipynb" in fault for fault in notebooks.faults(small))
        notebooks.write(small)
        cell = nbformat.read(path, as_version=4).cells[0]
        assert cell.metadata == {"tags": ["parameters"]} and cell.execution_count is None

    def test_readme_comes_from_the_front_page(self, small):
        (small / "README.md").write_text("something else")
        assert notebooks.faults(small) == ["README.md: not what is written; `make notebooks`"]


class TestReadme:
    def render(self, folder: Path, *cells) -> str:
        nb = nbformat.v4.new_notebook()
        nb.cells = list(cells)
        (folder / "nbs").mkdir()
        nbformat.write(nb, folder / "nbs" / "index.ipynb")
        return readme.render(folder)

    def test_links_start_at_the_project(self, tmp_path):
        text = "[a](data/10.ipynb#x) [b](../LICENSE) [c](https://a.org/b) [d](#here)"
        said = self.render(tmp_path, nbformat.v4.new_markdown_cell(text))
        assert "[a](nbs/data/10.ipynb#x) [b](LICENSE) [c](https://a.org/b) [d](#here)" in said

    def test_a_table_without_its_looks(self, tmp_path):
        html = '<style>td {color: red}</style><table class="x"><tr><td style="y">1 < 2</td></tr></table>'
        cell = nbformat.v4.new_code_cell("#| echo: true\ntable")
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": html})]
        said = self.render(tmp_path, cell)
        assert "```python\ntable\n```\n\n<table><tr><td>1 &lt; 2</td></tr></table>\n" in said

    def test_a_figure_is_refused(self, tmp_path):
        cell = nbformat.v4.new_code_cell("figure")
        cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": "AAAA"})]
        with pytest.raises(ValueError, match="figure"):
            self.render(tmp_path, cell)


def importers_of_the_simulator(root: Path) -> set[str]:
    "Modules outside data.simulate that import it; none where there is no simulator yet."
    # import-linter refuses a contract on a module that does not exist, so the rule stands here.
    code = (
        "import grimp; graph = grimp.build_graph('contact_kpis', cache_dir=None)\n"
        "inside = {m for m in graph.modules if f'{m}.'.startswith('contact_kpis.data.simulate.')}\n"
        "found = {i for m in inside for i in graph.find_modules_that_directly_import(m)}\n"
        "print(*sorted(found - inside))"
    )
    return set(python(code, cwd=root).split())


class TestSimulator:
    def test_nothing_rests_on_it(self):
        assert importers_of_the_simulator(ROOT) == set()

    @pytest.mark.parametrize("module", ["simulate.py", "simulate/__init__.py", "simulate/world.py"])
    def test_an_import_is_noticed(self, small, module):
        path = small / "contact_kpis" / "data" / module
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text("x = 1\n")
        dotted = f"contact_kpis.data.{module.removesuffix('.py')}".replace("/", ".")
        user = f"from {dotted.removesuffix('.__init__')} import x\n"
        (small / "contact_kpis" / "user.py").write_text(user)
        assert importers_of_the_simulator(small) == {"contact_kpis.user"}


class TestImport:
    def test_costs_little_over_duckdb(self):
        code = (
            "import duckdb, time\nstart = time.perf_counter()\n"
            "import contact_kpis\nprint(time.perf_counter() - start)"
        )
        python(code)  # compiles what was never imported
        seconds = [float(python(code)) for _ in range(5)]
        assert statistics.median(seconds) < IMPORT_BUDGET_S, seconds

    def test_loads_nothing_heavy(self):
        loaded = set(python("import contact_kpis, sys; print(*sys.modules)").split())
        assert loaded.isdisjoint(HEAVY)

    def test_library_does_without_nbdev(self):
        library = (ROOT / "contact_kpis").rglob("*.py")
        users = [
            p.name
            for p in library
            if re.search(r"^\s*(from|import) (nbdev|fastcore)", p.read_text(), re.M)
        ]
        assert users == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    "The wheel of a copy of the project, so that no build folder stays in the checkout."
    folder = tmp_path_factory.mktemp("wheel")
    source = notebooks.copy_project(folder / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, source], check=True)
    (built,) = folder.glob("*.whl")
    return built


class TestWheel:
    def test_holds_library_templates_and_command(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
            commands = archive.read(f"{info}/entry_points.txt").decode()
            metadata = archive.read(f"{info}/METADATA").decode()
        library = {p.relative_to(ROOT).as_posix() for p in (ROOT / "contact_kpis").rglob("*.py")}
        assert {n for n in library if "_modidx" not in n} | {"contact_kpis/py.typed"} <= names
        templates = [*(ROOT / "reports").glob("*.ipynb"), *(ROOT / "reports").glob("*.toml")]
        assert {f"contact_kpis/templates/{path.name}" for path in templates} <= names
        assert f"{info}/licenses/LICENSE" in names
        assert re.search(r"^contact-kpis *= *contact_kpis\.reporting\.cli:main$", commands, re.M)
        assert "Requires-Python: >=3.11" in metadata
        assert "License-Expression: Apache-2.0" in metadata
        assert "Requires-Dist: duckdb" in metadata and "nbdev==" in metadata
        assert not [name for name in names if name.startswith(("tests", "tools", "nbs"))]

    @pytest.mark.slow
    def test_installs_into_an_empty_environment(self, wheel, tmp_path):
        venv.create(tmp_path / "env", with_pip=True)
        scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
        command = [
            scripts / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "-c",
            ROOT / "constraints.txt",
        ]
        subprocess.run([*command, wheel], check=True)
        code = (
            "import json, contact_kpis; from importlib.resources import files;"
            "print(json.dumps([p.name for p in files('contact_kpis.templates').iterdir()]))"
        )
        run = [scripts / "python", "-c", code]
        listed = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert {p.name for p in (ROOT / "reports").glob("*.ipynb")} <= set(
            json.loads(listed.stdout)
        )
        subprocess.run([scripts / "contact-kpis", "--help"], cwd=tmp_path, check=True)


class TestFiles:
    def test_no_path_of_a_machine(self):
        folders = "|".join(["work", "root", "tmp", "home"])
        pattern = re.compile(rf"(?<![\w.~-])/({folders})/".encode())
        found = [
            str(p.relative_to(ROOT)) for p in project_files() if pattern.search(p.read_bytes())
        ]
        assert found == []

    def test_no_large_file(self):
        sizes = {str(p.relative_to(ROOT)): p.stat().st_size for p in project_files()}
        assert {name: size for name, size in sizes.items() if size > LARGEST_FILE} == {}
