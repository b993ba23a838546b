"""quickstart.py as a person uses it: real coordinator, real agent, real job, in an awkward folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("coordinator", "docs", "packaging", "shared", "tray_agent", "pyproject.toml", "quickstart.py")
SHORT = "RESAMPLES = 100  #"  # in place of five seconds of work


def copy_product(folder: Path) -> Path:
    """Copy what a person would have cloned, with an example that takes less time."""
    for part in (*PARTS, "requirements.txt"):
        source, target = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "dist", "build"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    report = folder / "docs" / "example_project" / "make_report.py"
    report.write_text(report.read_text("utf-8").replace("RESAMPLES =", SHORT), "utf-8")
    return folder


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of processes that work in this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A clone whose .venv sees the packages of the tests: pip finds all there and asks no network."""
    folder = copy_product(tmp_path / "Büro Ω 1")
    environment = folder / ".venv"
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(environment)
    bases = {"base": str(environment), "platbase": str(environment)}
    Path(sysconfig.get_path("purelib", "venv", bases), "tests.pth").write_text(sysconfig.get_path("purelib"))
    if (ROOT / ".venv" / "pip-wheel").exists():
        shutil.copytree(ROOT / ".venv" / "pip-wheel", environment / "pip-wheel")
    yield folder
    assert processes_of(folder) == []


def start(home: Path, *words: str) -> subprocess.Popen[str]:
    """Start quickstart.py there."""
    return subprocess.Popen(
        [sys.executable, "-X", "utf8", "quickstart.py", *words],
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(home: Path, *words: str, answers: str = "") -> tuple[int, str, str]:
    """Run quickstart.py there to its end and return (exit code, output, errors)."""
    with start(home, *words) as program:
        out, errors = program.communicate(answers)
    return program.returncode, out, errors


def read_until(program: subprocess.Popen[str], words: str) -> str:
    """Read the program's output up to the line with these words (the test's time limit is the deadline)."""
    read = ""
    for line in program.stdout or ():
        read += line
        if words in line:
            return read
    raise AssertionError(f"{words!r} was never said: {read}")


def test_one_command_runs_the_example_on_an_agent_and_fetches_its_file(home: Path) -> None:
    with ExitStack() as stack:
        taken = stack.enter_context(socket.socket())
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 3000))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        code, out, errors = run(home, "--once")
    assert code == 0, errors
    assert "because 3000 is taken" in out
    assert "[6/6] Ρόδος: " in out
    assert "Exit code: 0." in out
    assert "9 days have no temperature" in errors
    assert "9 days have no temperature" not in out
    (report,) = (home / ".sparetime" / "results").rglob("report.html")
    assert "Ρόδος" in report.read_text("utf-8")


def test_direct_mode_runs_on_the_coordinator_and_a_failing_job_gives_its_exit_code(home: Path) -> None:
    report = home / "docs" / "example_project" / "make_report.py"
    report.write_text("import sys\nprint('no data')\nsys.exit(7)\n")
    (home / "docs" / "example_project" / "test_weather.py").unlink()
    (home / "docs" / "example_project" / "test_one.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_one(self): pass\n"
    )
    code, out, _ = run(home, "--once", "--direct")
    assert code == 7, out
    assert "as a Direct job" in out
    assert "no data" in out


def test_it_stays_up_and_a_second_start_uses_it_until_ctrl_c_ends_all(home: Path) -> None:
    with start(home) as first:
        said = read_until(first, "stays up at")
        url = said.rpartition("stays up at ")[2].split()[0]
        code, out, errors = run(home)
        assert code == 0, errors
        assert f"already running at {url}" in out
        assert "Installing" not in out
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url + "/readyz", timeout=10) as answer:
            assert answer.status == 200
        first.send_signal(signal.SIGINT)
        assert first.wait() == 0


def test_ctrl_c_during_the_job_cancels_it_and_ends_all(home: Path) -> None:
    report = home / "docs" / "example_project" / "make_report.py"
    report.write_text("print('at work', flush=True)\nimport threading\nthreading.Event().wait()\n")
    for test in report.parent.glob("test_*.py"):
        test.write_text("import unittest\nclass T(unittest.TestCase):\n    def test_one(self): pass\n")
    with start(home) as program:
        read_until(program, "at work")
        program.send_signal(signal.SIGINT)
        assert program.wait() == 130
    report.write_text("print('done')")
    code, out, errors = run(home, "--once")
    assert code == 0, errors
    assert "at work" not in out
    assert "ahead" not in out


def test_a_killed_coordinator_is_reported_and_the_agent_ended(home: Path) -> None:
    with start(home) as program:
        read_until(program, "stays up at")
        for process in psutil.Process(program.pid).children():
            if "coordinator" in process.cmdline():
                process.kill()
        _, errors = program.communicate()
    assert program.returncode == 1
    assert "The coordinator ended with exit code" in errors


def test_a_coordinator_that_cannot_start_shows_its_last_words(home: Path) -> None:
    (home / "coordinator" / "__main__.py").write_text("raise SystemExit('the disk is full')")
    code, _, errors = run(home, "--once")
    assert code == 1
    assert "the disk is full" in errors


def test_the_menu_goes_step_by_step(home: Path) -> None:
    code, out, errors = run(home, "--menu", answers="1\n2\n4\n0\n")
    assert code == 0, errors
    steps = ["Sparetime is ready", "as a Distributed job", "Wrote report.html", "Stopping what was started"]
    assert [step for step in steps if step in out] == steps, out
    assert sorted(steps, key=out.index) == steps, out


@pytest.mark.long
def test_an_empty_folder_is_enough_and_the_second_start_asks_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_product(tmp_path / "Büro Ω 1")
    code, out, errors = run(home, "--once")
    assert code == 0, errors
    assert "Installing" in out
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    code, out, errors = run(home, "--once")
    assert code == 0, errors
    assert "Installing" not in out
    (home / ".venv" / ("Scripts" if os.name == "nt" else "bin")).rename(home / ".venv" / "moved")
    monkeypatch.delenv("PIP_INDEX_URL")
    assert "Remaking .venv" in run(home, "--once")[1]
