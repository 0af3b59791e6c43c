"""No estimator can have learned from the simulation: nothing else of the library knows it.

The sources are read, not run: every import is resolved, and every text that could name a module
to be imported later is looked at.
"""

import ast
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import contact_kpis
from contact_kpis.data.contract import tables as contracts
from contact_kpis.data.simulate.centre import make
from contact_kpis.data.simulate.plan import Plan
from contact_kpis.metrics.catalogue import catalogue

PACKAGE = Path(contact_kpis.__file__).parent
SIMULATION = "contact_kpis.data.simulate"
ALLOWED = {"contact_kpis.reporting.cli"}  # contact-kpis simulate


def modules():
    "Every module of the package, by name."
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = (file, parts[-1] == "__init__")
    return found


MODULES = modules()
OTHERS = [name for name in MODULES if not name.startswith(SIMULATION) and name not in ALLOWED]
PARTS = [name for name in MODULES if name.startswith(SIMULATION)]


def imported(name):
    "The modules, or names in modules, that a module imports, inside functions too."
    file, is_package = MODULES[name]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".") if is_package else name.split(".")[:-1]
            base = base[: len(base) - node.level + 1] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            yield whole
            yield from (f"{whole}.{alias.name}" for alias in node.names)


def texts(name):
    "Texts of a module that are not its documentation."
    tree = ast.parse(MODULES[name][0].read_text("utf-8"))
    lone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    words = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in lone)
    return [node.value for node in words if isinstance(node.value, str)]


def test_the_walk_sees_what_it_should():
    assert len(OTHERS) > 40 and len(PARTS) > 15
    assert f"{SIMULATION}.plan" in set(imported(f"{SIMULATION}.centre"))
    assert SIMULATION in texts("contact_kpis.reporting.cli")
    assert "contact_kpis.data.tables.write_project" in set(imported("contact_kpis.reporting.cli"))


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_module_imports_the_simulation(name):
    assert [found for found in imported(name) if found.startswith(SIMULATION)] == []
    assert [text for text in texts(name) if "data.simulate" in text] == []


def test_no_other_module_loads_the_simulation():
    script = f"import sys, {', '.join(OTHERS)}; print([m for m in sys.modules if '.simulate' in m])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PACKAGE.parent, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


@pytest.mark.parametrize("name", PARTS)
def test_the_simulation_uses_no_estimator(name):
    "Of the library it knows how tables look and are written, not how they are judged."
    judges = ("metrics", "reporting", "workspace", "experience", "outcomes", "operations")
    judges += ("governance", "data.checks")
    own = [found for found in imported(name) if found.startswith("contact_kpis.")]
    assert [f for f in own if f.removeprefix("contact_kpis.").startswith(judges)] == []


# Names

COLUMNS = {column for contract in contracts.values() for column in contract.names}
USED = COLUMNS | set(catalogue) | set(contracts)
SAME_WORD = {  # may only shrink: name of a plan or of truth -> why it may be a column's name too
    "name": "of a plan; the contract's names are those of attributes and certificates",
    "contacts": "how many; the contract's is the table of them",
    "day": "number of a day of the plan, not a date",
    "spam": "whether a ticket was made as spam; the same word for the same thing",
    "eligible": "whether the simulation could ask; the same word for the same thing",
    "answered": "whether a survey was; the contract's is a count of contacts in a half-hour",
    "segment": "log hazard of a segment, a number; the contract's is a word",
    "skill": "log-odds of an agent; the contract's is a word for a trade",
    "site": "number of a site; the contract's is its name",
}


@pytest.fixture(scope="module")
def truth():
    return make("small", contacts=1_000, weeks=5).truth


def test_settings_of_a_plan_are_no_names_of_columns_or_kpis():
    assert {f.name for f in fields(Plan)} & USED <= set(SAME_WORD)


def test_columns_of_truth_are_no_names_of_columns_or_kpis(truth):
    found = {str(column) for frame in truth.values() for column in frame} & USED
    own = found | ({f.name for f in fields(Plan)} & USED)
    assert found - set(SAME_WORD) == set()
    assert set(SAME_WORD) - own == set(), "used no more: take it off the list"


def test_tables_of_truth_are_no_tables_of_the_contract(truth):
    "Else a folder of truth would open as a folder of tables."
    assert set(truth) & set(contracts) == set()
