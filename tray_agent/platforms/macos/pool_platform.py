"""macOS's part of the pool, in the agent's own process."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Collection, Iterable
from typing import Any

from tray_agent.agent.process_ports import Shells
from tray_agent.platforms.macos import processes
from tray_agent.platforms.macos.process_tree import AGENT_PID
from tray_agent.platforms.posix.environment import allowed_environment

_SWEEP_S = 5.0
_LOOK_S = 0.05


class MacPoolPlatform:
    @property
    def shells(self) -> Shells:
        return Shells(
            False, bash=shutil.which("bash"), sh=shutil.which("sh"), powershell=shutil.which("pwsh")
        )

    def is_batch_program(self, name: str) -> bool:
        return False

    def adopt_strays(self) -> None:
        pass  # macOS hands strays to launchd

    def popen_options(self) -> dict[str, Any]:
        return {"start_new_session": True, "env": {**os.environ, AGENT_PID: str(os.getpid())}}

    def base_environment(self) -> dict[str, str]:
        return allowed_environment(os.environ)

    def sweep_after(self, sessions: Collection[int], marks: Iterable[str]) -> None:
        attempts = [frozenset(marks)]
        deadline = time.monotonic() + _SWEEP_S
        while time.monotonic() < deadline:
            found = {
                process.pid
                for process in processes.living()
                if processes.session_of(process.pid) in sessions or processes.is_marked(process, attempts)
            }
            if not found:
                return
            _kill(found)
            time.sleep(_LOOK_S)


def kill_marked(attempts: Iterable[tuple[str, ...]]) -> int:
    """Kill every process that was started with all marks of an attempt. Returns how many there were."""
    wanted = [frozenset(marks) for marks in attempts]
    if not wanted:
        return 0
    found = {process.pid for process in processes.living() if processes.is_marked(process, wanted)}
    _kill(found)
    return len(found)


def _kill(pids: Collection[int]) -> None:
    for number in (signal.SIGSTOP, signal.SIGKILL):  # stop all first: parents would start new ones
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
