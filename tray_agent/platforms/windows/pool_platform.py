"""Windows' part of the pool, in the agent's own process."""

import os
from collections.abc import Collection, Iterable
from typing import Any

from tray_agent.agent.process_ports import Shells
from tray_agent.platforms.windows import programs
from tray_agent.platforms.windows.environment import allowed_environment

_NO_WINDOW, _NEW_GROUP = 0x08000000, 0x200  # flags of CreateProcess; the group keeps our Ctrl+C away


class WindowsPoolPlatform:
    @property
    def shells(self) -> Shells:
        return programs.find_shells(os.environ)

    def is_batch_program(self, name: str) -> bool:
        return programs.is_batch_program(name)

    def adopt_strays(self) -> None:
        pass  # a job object holds them all

    def popen_options(self) -> dict[str, Any]:
        return {"creationflags": _NO_WINDOW | _NEW_GROUP}

    def base_environment(self) -> dict[str, str]:
        return allowed_environment(os.environ)

    def sweep_after(self, sessions: Collection[int], marks: Iterable[str]) -> None:
        pass  # with the runner its handle of the job object is gone, and so is all in it
