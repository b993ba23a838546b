"""The list of what could not run on this machine, and --long: a small suite runs with our conftest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="there is no node here")
def test_page(): pass

@pytest.mark.xfail(reason="known")
def test_known(): raise AssertionError

@pytest.mark.long
def test_million(): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with our conftest, one test that is skipped and one that is long."""
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = long: long\n")
    (tmp_path / "test_suite.py").write_text(SUITE)
    return tmp_path


def run(folder: Path, *words: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest there."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
    )


def test_a_skipped_test_is_listed_last_by_name_with_its_reason(suite: Path) -> None:
    done = run(suite)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2:] == [
        "Not run on this machine (1):",
        "  test_suite.py::test_page: there is no node here",
    ]


def test_in_ci_a_skipped_test_is_a_failure(suite: Path) -> None:
    assert run(suite, ci="true").returncode == 1
    assert run(suite, "-k", "test_runs", ci="true").returncode == 0


def test_a_module_that_skips_itself_is_listed(suite: Path) -> None:
    (suite / "test_other.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    assert "  test_other.py: could not import 'no_such_module'" in run(suite).stdout


def test_long_tests_are_left_out_unless_asked_for(suite: Path) -> None:
    assert "1 deselected" in run(suite).stdout
    assert "2 passed" in run(suite, "--long").stdout
