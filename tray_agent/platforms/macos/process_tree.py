"""macOS's part of the runner: no subreaper there, so strays are found by ancestry, session and mark."""

import contextlib
import os

import psutil

from tray_agent.platforms.macos import processes

AGENT_PID = "SPARETIME_AGENT_PID"  # in the runner's environment
_MARKS = ("SPARETIME_JOB", "SPARETIME_ATTEMPT")
_DARWIN_PROCESS, _DARWIN_BACKGROUND = 4, 0x1000  # <sys/resource.h>: low CPU, disk and network priority


class MacProcessTree:
    """A daemon that leads a session of its own *and* wipes its environment is not found."""

    inherits_strays = False

    def __init__(self) -> None:
        self._leaders: set[int] = set()
        self._marks: frozenset[str] = frozenset()

    def bind_to_agent(self) -> bool:
        if os.getppid() != int(os.environ.get(AGENT_PID, os.getppid())):
            return False  # later the end of our input tells it
        os.nice(10)
        return True

    def begin_job(self) -> None:
        self._leaders.clear()

    def launched(self, pid: int, environment: dict[str, str]) -> None:
        self._leaders.add(pid)
        self._marks = frozenset(f"{name}={environment.get(name)}" for name in _MARKS)
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, 20)
            os.setpriority(_DARWIN_PROCESS, pid, _DARWIN_BACKGROUND)

    def members(self) -> set[int]:
        if not self._leaders:
            return set()
        ours = processes.descendants()
        return {process.pid for process in processes.living() if self._belongs(process, ours)}

    def some_members(self) -> set[int]:
        return self.members()

    def memory_mb(self, pids: set[int]) -> int:
        total = 0
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                total += psutil.Process(pid).memory_info().rss
        return total >> 20

    def _belongs(self, process: psutil.Process, ours: set[int]) -> bool:
        return (
            process.pid in ours
            or processes.session_of(process.pid) in self._leaders
            or processes.is_marked(process, [self._marks])
        )
