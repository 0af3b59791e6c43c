"The real data sets, and what a skip means."

import os
from pathlib import Path

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI") == "true"
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    "Folder of the real data sets, which the project does not contain."
    named = os.environ.get("CONTACT_KPIS_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            f"no real data sets: CONTACT_KPIS_DATA is {named or 'unset'}, no ../shared/data"
        )
    return folder


def pytest_collection_modifyitems(config, items):
    "Tests that take minutes run in CI, or where a marker expression asks for something."
    if IN_CI or config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


def _no_skip(report):
    "In CI everything is installed, so a skipped check is one that was lost."
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"{reason}\nNothing is skipped where CI=true."
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _no_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _no_skip((yield))


# A slow machine is no fault of the code: examples have no deadline of their own.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
