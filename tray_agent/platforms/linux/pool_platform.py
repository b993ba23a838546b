"""Linux's part of the pool, in the agent's own process."""

import contextlib
import logging
import os
import shutil
import signal
import time
from collections.abc import Collection, Iterable
from typing import Any

from tray_agent.agent.process_ports import Shells
from tray_agent.platforms.linux import processes, system_calls
from tray_agent.platforms.linux.process_tree import AGENT_PID
from tray_agent.platforms.posix.environment import allowed_environment

log = logging.getLogger(__name__)

_SWEEP_S = 5.0
_LOOK_S = 0.01


class LinuxPoolPlatform:
    @property
    def shells(self) -> Shells:
        return Shells(
            False, bash=shutil.which("bash"), sh=shutil.which("sh"), powershell=shutil.which("pwsh")
        )

    def is_batch_program(self, name: str) -> bool:
        return False

    def adopt_strays(self) -> None:
        system_calls.inherit_strays()

    def popen_options(self) -> dict[str, Any]:
        return {"start_new_session": True, "env": {**os.environ, AGENT_PID: str(os.getpid())}}

    def base_environment(self) -> dict[str, str]:
        return allowed_environment(os.environ)

    def sweep_after(self, sessions: Collection[int], marks: Iterable[str]) -> None:
        wanted = {mark.encode() for mark in marks}
        deadline = time.monotonic() + _SWEEP_S
        while strays := _strays(set(sessions), wanted):
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in strays:
                    _signal(pid, number)
            for pid in strays:
                _reap(pid)
            if time.monotonic() > deadline:
                log.warning("runner.strays_left", extra={"pids": sorted(strays)})
                return
            time.sleep(_LOOK_S)


def kill_marked(attempts: Iterable[tuple[str, ...]]) -> int:
    """Kill every process that was started with all marks of an attempt. Returns how many there were."""
    wanted = [{mark.encode() for mark in marks} for marks in attempts]
    if not wanted:
        return 0
    found = {p.pid for p in processes.read_processes() if not p.dead and _is_marked(p.pid, wanted)}
    found.discard(os.getpid())
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in found:
            _signal(pid, number)
    return len(found)


def _strays(sessions: set[int], marks: set[bytes]) -> set[int]:
    """Tell our children that a dead runner left to us, with all that they started."""
    listed = processes.read_processes()
    ours = [p for p in listed if p.parent == os.getpid()]
    roots = {
        p.pid for p in ours if p.session in sessions or _is_marked(p.pid, [marks]) or _wiped_its_marks(p)
    }
    return processes.descendants(listed, roots) | roots


def _wiped_its_marks(process: processes.Process) -> bool:
    """Tell whether a child of ours has the score that only a runner and its job have, yet is no runner."""
    if process.dead or processes.oom_score_adj() == 1000 or processes.oom_score_adj(process.pid) != 1000:
        return False
    return f"{AGENT_PID}={os.getpid()}".encode() not in processes.environment_of(process.pid)


def _is_marked(pid: int, wanted: list[set[bytes]]) -> bool:
    environment = set(processes.environment_of(pid))
    return any(marks <= environment for marks in wanted)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _reap(pid: int) -> None:
    with contextlib.suppress(
        ChildProcessError
    ):  # a child of one of them: it becomes ours once its parent is gone
        os.waitpid(pid, os.WNOHANG)
