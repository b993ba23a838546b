"""A real pool with real runner processes, and what a test wants to know of them."""

import os
import queue
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from shared.log_records import LogRecord, read_records
from shared.messages import AttemptRef, JobSpec
from shared.vocabulary import OnError, SandboxLevel, Shell, Stream
from tray_agent.agent.ports import OutputGrew, RunEnded, RunEvent, RunStarted, RunTask
from tray_agent.agent.process_ports import PoolPlatform
from tray_agent.agent.runner_pool import RunnerPool
from tray_agent.platforms.choose import pool_platform

RUNNER = [sys.executable, "-m", "tray_agent", "--runner"]
DEADLINE_S = 30.0
PLAIN = JobSpec(
    name="test",
    commands=("true",),
    on_error=OnError.STOP,
    shell=Shell.DEFAULT,
    environment={},
    time_limit_s=60,
    outputs=(),
    collect=False,
    output_limit_bytes=1 << 20,
    cpus=1,
    memory_mb=0,
    sandbox=SandboxLevel.NONE,
    project=None,
)
DAEMON = (  # forks twice, leads a session of its own, deaf to polite signals, holds the job's output
    "import os, signal, sys, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(n, signal.SIG_IGN)\n"
    "        print(os.getpid(), file=open('daemon.part', 'w'))\n"
    "        os.rename('daemon.part', 'daemon')\n"
    "        time.sleep(300)\n"
    "    os._exit(0)\n"
    "while not os.path.exists('daemon'): time.sleep(.01)\n"
)
START_DAEMON = f'"{sys.executable}" -c "$DAEMON"'
E = TypeVar("E", bound=RunEvent)


class RunnerRig:
    """Starts jobs by their commands and waits for what becomes of them."""

    def __init__(
        self,
        root: Path,
        argv: list[str] | None = None,
        idle_s: float = 60.0,
        platform: PoolPlatform | None = None,
    ) -> None:
        self._root = root
        self._events: queue.Queue[RunEvent] = queue.Queue()
        self.seen: list[RunEvent] = []
        self.pool = RunnerPool(argv or RUNNER, self._events.put, platform or pool_platform(), idle_s)
        self._count = 0

    def start(self, *commands: str, **spec: Any) -> RunTask:
        """Start a job with an empty folder."""
        task = self.prepared(*commands, **spec)
        self.pool.start(task)
        return task

    def prepared(self, *commands: str, **spec: Any) -> RunTask:
        self._count += 1
        folder = self._root / f"attempt {self._count} für Ωmega"
        (folder / "work").mkdir(parents=True)
        return RunTask(
            AttemptRef(f"job-{os.getpid()}-{self._count}", 1),
            folder,
            replace(PLAIN, commands=commands, **spec),
        )

    def run(self, *commands: str, **spec: Any) -> tuple[RunEnded, list[LogRecord]]:
        """Run a job to its end: how it ended, and its output."""
        task = self.start(*commands, **spec)
        ended = self.ended(task)
        return ended, self.records(task, ended)

    def started(self, task: RunTask) -> RunStarted:
        return self._wait(RunStarted, task)

    def grew(self, task: RunTask) -> OutputGrew:
        return self._wait(OutputGrew, task)

    def ended(self, task: RunTask) -> RunEnded:
        return self._wait(RunEnded, task)

    def records(self, task: RunTask, ended: RunEnded) -> list[LogRecord]:
        data = (task.folder / "output.log").read_bytes()
        assert len(data) == ended.log_end
        return list(read_records(data))

    def _wait(self, kind: type[E], task: RunTask) -> E:
        for event in self.seen:
            if isinstance(event, kind) and event.ref == task.ref:
                return event
        deadline = time.monotonic() + DEADLINE_S
        while True:
            event = self._events.get(timeout=max(0.01, deadline - time.monotonic()))
            self.seen.append(event)
            if isinstance(event, kind) and event.ref == task.ref:
                return event


def marked(folder: Path) -> dict[str, str]:
    """The environment of a job whose processes a test wants to find again."""
    return {"MARK": str(folder), "DAEMON": DAEMON}


def text(records: list[LogRecord], stream: Stream | None = None) -> str:
    return b"".join(r.data for r in records if stream in (None, r.stream)).decode()


def wait_until(fact: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Wait for something that tells nobody when it comes true."""
    deadline = time.monotonic() + deadline_s
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def written_number(path: Path) -> int:
    """Wait for a number with a line's end in a file."""
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def living(mark: str) -> set[int]:
    """Tell the processes that have `mark` (NAME=value) in their environment, zombies left out."""
    return {pid for pid in _pids() if mark.encode() in _read(pid, "environ").split(b"\0") and not _dead(pid)}


def runs(pid: int) -> bool:
    """Tell whether a process is there and not stopped nor dead."""
    return _state(pid) in ("R", "S", "D")


def alive(pid: int) -> bool:
    return _state(pid) not in ("", "Z", "X")


def state(pid: int) -> str:
    return _state(pid)


def children(pid: int) -> list[int]:
    return [p for p in _pids() if (_fields(p)[1:2] or [""])[0] == str(pid)]


def _dead(pid: int) -> bool:
    return _state(pid) in ("", "Z", "X")


def _state(pid: int) -> str:
    return (_fields(pid) or [""])[0]


def _fields(pid: int) -> list[str]:
    stat = _read(pid, "stat").decode("utf-8", "replace")
    return stat[stat.rfind(")") + 1 :].split()


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
