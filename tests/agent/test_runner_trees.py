"""Nothing of a job outlives it, its runner or its agent; all of it can be frozen. Real processes on Linux."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.messages import AttemptRef
from shared.vocabulary import OnError, ResultOutcome, Shell
from tests.fakes.runner_rig import (
    DAEMON,
    RUNNER,
    START_DAEMON,
    RunnerRig,
    alive,
    children,
    living,
    marked,
    runs,
    state,
    text,
    wait_until,
    written_number,
)
from tray_agent.agent.ports import StopReason
from tray_agent.platforms.choose import kill_strays

ROOT = Path(__file__).resolve().parents[2]
GONE_S = 5.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[RunnerRig]:
    rig = RunnerRig(tmp_path / "trees ü")
    yield rig
    rig.pool.close(10)
    assert not living(f"MARK={tmp_path}")


def test_a_daemon_dies_when_its_job_ends_and_does_not_delay_the_end(rig: RunnerRig, tmp_path: Path) -> None:
    task = rig.start(START_DAEMON, "echo done", environment=marked(tmp_path))
    ended = rig.ended(task)
    daemon = written_number(task.folder / "work" / "daemon")
    assert (ended.outcome, text(rig.records(task, ended))) == (ResultOutcome.COMPLETED, "done\n")
    assert not alive(daemon)
    assert not living(f"MARK={tmp_path}")


def test_stopping_kills_daemons_and_the_deaf(rig: RunnerRig, tmp_path: Path) -> None:
    lines = (START_DAEMON, "trap '' TERM INT HUP", "sleep 300 & sleep 300")
    task = rig.start(*lines, environment=marked(tmp_path))
    daemon = written_number(task.folder / "work" / "daemon")
    rig.pool.stop(task.ref, StopReason.INTERRUPTED)
    ended = rig.ended(task)
    assert (ended.outcome, ended.exit_code) == (ResultOutcome.INTERRUPTED, None)
    assert not alive(daemon)
    assert not living(f"MARK={tmp_path}")


def test_a_fork_storm_dies(rig: RunnerRig, tmp_path: Path) -> None:
    storm = (  # each member starts its own successors and ends; at most 60 at once
        "import os, time\n"
        "for _ in range(60):\n"
        "    if os.fork() == 0: break\n"
        "else: open('stormy', 'w'), time.sleep(300)\n"
        "while True:\n"
        "    if os.fork(): os._exit(0)\n"
        "    os.setsid()\n"
    )
    task = rig.start(f'"{sys.executable}" -c "$STORM"', environment={"MARK": str(tmp_path), "STORM": storm})
    wait_until((task.folder / "work" / "stormy").exists)
    rig.pool.stop(task.ref, StopReason.CANCELLED)
    assert rig.ended(task).outcome is ResultOutcome.CANCELLED
    assert not living(f"MARK={tmp_path}")


def test_freezing_stops_the_whole_tree_and_thawing_lets_it_run_on(rig: RunnerRig, tmp_path: Path) -> None:
    busy = "import os\nopen('busy', 'w').write(str(os.getpid()) + '\\n')\nwhile True: pass"
    lines = (START_DAEMON, f'setsid --wait "{sys.executable}" -c "$BUSY"')
    task = rig.start(*lines, environment={**marked(tmp_path), "BUSY": busy})
    pids = [written_number(task.folder / "work" / name) for name in ("daemon", "busy")]
    rig.pool.freeze(task.ref)
    wait_until(lambda: all(state(pid) == "T" for pid in pids))
    rig.pool.thaw(task.ref)
    wait_until(lambda: all(runs(pid) for pid in pids))
    rig.pool.freeze(task.ref)
    wait_until(lambda: all(state(pid) == "T" for pid in pids))
    rig.pool.stop(task.ref, StopReason.INTERRUPTED)
    assert rig.ended(task).outcome is ResultOutcome.INTERRUPTED


def test_the_next_line_waits_while_frozen(rig: RunnerRig, tmp_path: Path) -> None:
    lines = ("echo $$ > first; sleep 300", "echo second > second")
    task = rig.start(*lines, on_error=OnError.CONTINUE)
    shell = written_number(task.folder / "work" / "first")
    rig.pool.freeze(task.ref)
    wait_until(lambda: state(shell) == "T")
    for pid in [shell, *children(shell)]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(shell))
    assert not (task.folder / "work" / "second").exists()
    rig.pool.thaw(task.ref)
    assert rig.ended(task).outcome is ResultOutcome.COMPLETED
    assert (task.folder / "work" / "second").exists()


def test_a_killed_runner_takes_its_job_along(rig: RunnerRig, tmp_path: Path) -> None:
    lines = ("echo kept", START_DAEMON, "(env -i setsid sleep 301 &)", "echo $PPID > runner", "sleep 300")
    task = rig.start(*lines, environment=marked(tmp_path), shell=Shell.BASH)
    runner = written_number(task.folder / "work" / "runner")
    daemon = written_number(task.folder / "work" / "daemon")
    wait_until(lambda: len(_sleepers(os.getpid(), "301")) == 1)
    rig.grew(task)
    os.kill(runner, signal.SIGKILL)
    ended = rig.ended(task)
    assert (ended.outcome, "died" in ended.message) == (ResultOutcome.INTERRUPTED, True)
    assert text(rig.records(task, ended)) == "kept\n"
    assert not alive(daemon)
    assert not living(f"MARK={tmp_path}")
    assert not _sleepers(os.getpid(), "301")  # it had wiped the mark from its environment
    ended, _ = rig.run("true")
    assert ended.outcome is ResultOutcome.COMPLETED


def test_a_killed_runner_leaves_the_others_alone(rig: RunnerRig, tmp_path: Path) -> None:
    doomed = rig.start("echo $PPID > runner", "sleep 300", environment=marked(tmp_path))
    other = rig.start("mkfifo box", "echo ready > ready", "read word < box", "echo $word")
    runner = written_number(doomed.folder / "work" / "runner")
    wait_until((other.folder / "work" / "ready").exists)
    os.kill(runner, signal.SIGKILL)
    assert rig.ended(doomed).outcome is ResultOutcome.INTERRUPTED
    (other.folder / "work" / "box").write_text("alive\n")
    ended = rig.ended(other)
    assert text(rig.records(other, ended)) == "alive\n"


def test_closing_the_pool_ends_every_job_as_interrupted(tmp_path: Path) -> None:
    rig = RunnerRig(tmp_path)
    tasks = [rig.start(START_DAEMON, "sleep 300", environment=marked(tmp_path)) for _ in range(2)]
    for task in tasks:
        written_number(task.folder / "work" / "daemon")
    rig.pool.close(10)
    for task in tasks:
        assert rig.ended(task).outcome is ResultOutcome.INTERRUPTED
    assert not living(f"MARK={tmp_path}")
    assert not [pid for pid in children(os.getpid()) if alive(pid) and _is_runner(pid)]


@pytest.mark.parametrize("who", ["agent", "agent at once with runner"])
def test_a_killed_agent_leaves_nothing_behind(tmp_path: Path, who: str) -> None:
    """Killed together with its runner, the agent's next start must clean up."""
    commands = ("DAEMON='" + DAEMON.replace("'", '"') + "'", START_DAEMON, "sleep 300")
    argv = [sys.executable, "-m", "tests.fakes.pool_owner", str(tmp_path), *commands]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        work = next(tmp_path.glob("attempt*")) / "work"
        daemon = written_number(work / "daemon")
        victims = [owner.pid, *(children(owner.pid) if who != "agent" else [])]
        for pid in victims:
            os.kill(pid, signal.SIGSTOP)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
    if who != "agent":
        assert alive(daemon)
        assert kill_strays([AttemptRef(f"job-{owner.pid}-2", 1)]) == 0
        assert kill_strays([AttemptRef(f"job-{owner.pid}-1", 1)]) >= 2
    wait_until(lambda: not living(f"MARK={tmp_path}"), GONE_S)
    assert not alive(daemon)


def test_a_runner_needs_no_closed_pipe_to_notice_that_its_agent_died(tmp_path: Path) -> None:
    """Another process may hold the pipe's other end, as one that was started without care for it."""
    starter = "import subprocess, sys, time\nsubprocess.Popen(sys.argv[1:])\ntime.sleep(300)"
    mark = f"MARK={tmp_path}"
    argv = [sys.executable, "-c", starter, *RUNNER]
    environment = {**os.environ, "MARK": str(tmp_path)}
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, env=environment) as agent:
        wait_until(lambda: any(_is_runner(pid) and _catches_term(pid) for pid in children(agent.pid)))
        agent.kill()
        wait_until(lambda: not living(mark), GONE_S)


def test_runners_are_kept_for_the_next_job_and_ended_when_unused(tmp_path: Path) -> None:
    rig = RunnerRig(tmp_path, idle_s=0.3)
    first = text(rig.run("echo $PPID")[1])
    second = text(rig.run("echo $PPID")[1])
    assert first == second
    wait_until(lambda: not alive(int(first)))
    assert text(rig.run("echo $PPID")[1]) != first
    rig.pool.close(5)


def _sleepers(parent: int, seconds: str) -> list[int]:
    wanted = f"sleep\0{seconds}\0".encode()
    found = [p for p in Path("/proc").iterdir() if p.name.isdigit() and _line_of(p) == wanted]
    return [int(p.name) for p in found if alive(int(p.name))]


def _catches_term(pid: int) -> bool:
    """Tell whether a runner has come so far as to have bound itself to its agent."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = int(next(line for line in lines if line.startswith("SigCgt")).split()[1], 16)
    return (
        bool(caught >> (signal.SIGTERM - 1) & 1)
        and Path(f"/proc/{pid}/oom_score_adj").read_text() == "1000\n"
    )


def _is_runner(pid: int) -> bool:
    return b"--runner" in _line_of(Path(f"/proc/{pid}"))


def _line_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
