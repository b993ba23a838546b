"""macOS's way to find a job's processes, without subreaper or /proc, run on this system through psutil."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.vocabulary import ResultOutcome
from tests.fakes.runner_rig import (
    START_DAEMON,
    RunnerRig,
    alive,
    living,
    marked,
    runs,
    state,
    text,
    wait_until,
    written_number,
)
from tray_agent.agent.ports import StopReason
from tray_agent.platforms.macos.pool_platform import MacPoolPlatform, kill_marked
from tray_agent.platforms.macos.process_tree import MacProcessTree

RUNNER = [
    sys.executable,
    "-c",
    "from tray_agent.agent.runner_program import run_runner\n"
    "from tray_agent.platforms.macos.process_tree import MacProcessTree\n"
    "from tray_agent.platforms.posix.job_host import PosixJobHost\n"
    "raise SystemExit(run_runner(PosixJobHost(MacProcessTree())))",
]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[RunnerRig]:
    rig = RunnerRig(tmp_path / "mac ü", RUNNER, platform=MacPoolPlatform())
    yield rig
    rig.pool.close(10)
    assert not living(f"MARK={tmp_path}")


def test_a_job_runs_and_its_daemon_dies_with_it(rig: RunnerRig, tmp_path: Path) -> None:
    task = rig.start(START_DAEMON, "echo done", environment=marked(tmp_path))
    ended = rig.ended(task)
    assert (ended.outcome, text(rig.records(task, ended))) == (ResultOutcome.COMPLETED, "done\n")
    assert not alive(written_number(task.folder / "work" / "daemon"))


def test_freezing_reaches_a_daemon(rig: RunnerRig, tmp_path: Path) -> None:
    task = rig.start(START_DAEMON, "sleep 300", environment=marked(tmp_path))
    daemon = written_number(task.folder / "work" / "daemon")
    rig.pool.freeze(task.ref)
    wait_until(lambda: state(daemon) == "T")
    rig.pool.thaw(task.ref)
    wait_until(lambda: runs(daemon))
    rig.pool.stop(task.ref, StopReason.CANCELLED)
    assert rig.ended(task).outcome is ResultOutcome.CANCELLED
    assert not alive(daemon)


def test_a_killed_runner_takes_its_job_along(rig: RunnerRig, tmp_path: Path) -> None:
    lines = (START_DAEMON, "echo $PPID > runner", "sleep 300")
    task = rig.start(*lines, environment=marked(tmp_path))
    os.kill(written_number(task.folder / "work" / "runner"), signal.SIGKILL)
    assert rig.ended(task).outcome is ResultOutcome.INTERRUPTED
    assert not living(f"MARK={tmp_path}")


def test_what_an_earlier_agent_left_is_known_by_its_marks(rig: RunnerRig, tmp_path: Path) -> None:
    task = rig.start("sleep 300", environment=marked(tmp_path))
    rig.started(task)
    wait_until(lambda: bool(living(f"SPARETIME_JOB={task.ref.job}")))
    assert kill_marked([(f"SPARETIME_JOB={task.ref.job}", "SPARETIME_ATTEMPT=2")]) == 0
    assert kill_marked([(f"SPARETIME_JOB={task.ref.job}", "SPARETIME_ATTEMPT=1")]) >= 1
    assert rig.ended(task).exit_code == 137
    assert kill_marked([]) == 0


def test_priorities_are_the_lowest(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "setpriority", lambda *call: calls.append(call))
    tree = MacProcessTree()
    tree.launched(123, {})
    assert calls == [(os.PRIO_PROCESS, 123, 20), (4, 123, 0x1000)]
