"A skip is reported with its reason, and in CI it is a failure."

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = {
    "data": "def test_data(data_dir): pass",
    "call": "import pytest\ndef test_call(): pytest.skip('no Java')",
    "mark": "import pytest\n@pytest.mark.skip(reason='no Java')\ndef test_mark(): pass",
    "module": "import pytest\npytest.skip('no Java', allow_module_level=True)",
    "xfail": "import pytest\n@pytest.mark.xfail\ndef test_xfail(): assert False",
    "slow": "import pytest\n@pytest.mark.slow\ndef test_slow(): pass\ndef test_quick(): pass",
}


def run(folder: Path, kind: str, **env: str) -> tuple[int, str]:
    "Exit code and last line of a pytest run of one small test beside the project's conftest."
    tests = folder / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tests / f"test_{kind}.py").write_text(TESTS[kind], encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = slow: minutes\n", encoding="utf-8")
    clean = {k: v for k, v in os.environ.items() if k not in ("CI", "CONTACT_KPIS_DATA")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=folder,
        env={**clean, **env},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("kind", ["data", "call", "mark", "module"])
def test_a_skip_is_a_failure_in_ci_only(tmp_path, kind):
    for name in ("here", "ci"):
        (tmp_path / name).mkdir()
    code, last = run(tmp_path / "here", kind)
    assert code in (0, 5) and "1 skipped" in last
    code, last = run(tmp_path / "ci", kind, CI="true")
    assert code not in (0, 5) and "skipped" not in last


def test_an_expected_failure_is_not_a_skip(tmp_path):
    code, last = run(tmp_path, "xfail", CI="true")
    assert code == 0 and "1 xfailed" in last


def test_data_dir_is_the_folder_that_is_named(tmp_path):
    code, last = run(tmp_path, "data", CONTACT_KPIS_DATA=str(tmp_path))
    assert code == 0 and "1 passed" in last


def test_slow_tests_run_in_ci(tmp_path):
    for name in ("here", "ci"):
        (tmp_path / name).mkdir()
    assert "1 passed, 1 deselected" in run(tmp_path / "here", "slow")[1]
    assert "2 passed" in run(tmp_path / "ci", "slow", CI="true")[1]
