"""The one place that asks which operating system this is. Everything else is imported only when wanted."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tray_agent.agent.process_ports import JobHost, PoolPlatform

if TYPE_CHECKING:  # the runner process gets by without these
    from shared.messages import AttemptRef
    from tray_agent.agent.ports import MachineFacts

_SYSTEM: str = sys.platform  # a name of its own: type checkers would leave the other systems' branches out
_UNSUPPORTED = f"Sparetime's agent runs on Windows, Linux and macOS, not on {_SYSTEM}."


class FileLock(Protocol):
    def release(self) -> None: ...


def job_host() -> JobHost:
    """Make the runner process's hold on this system."""
    if _SYSTEM == "linux":
        from tray_agent.platforms.linux.process_tree import LinuxProcessTree
        from tray_agent.platforms.posix.job_host import PosixJobHost

        return PosixJobHost(LinuxProcessTree())
    if _SYSTEM == "darwin":
        from tray_agent.platforms.macos.process_tree import MacProcessTree
        from tray_agent.platforms.posix.job_host import PosixJobHost

        return PosixJobHost(MacProcessTree())
    if _SYSTEM == "win32":
        from tray_agent.platforms.windows.job_host import WindowsJobHost

        return WindowsJobHost()
    raise NotImplementedError(_UNSUPPORTED)


def pool_platform() -> PoolPlatform:
    """Make what the pool needs in the agent's process."""
    if _SYSTEM == "linux":
        from tray_agent.platforms.linux.pool_platform import LinuxPoolPlatform

        return LinuxPoolPlatform()
    if _SYSTEM == "darwin":
        from tray_agent.platforms.macos.pool_platform import MacPoolPlatform

        return MacPoolPlatform()
    if _SYSTEM == "win32":
        from tray_agent.platforms.windows.pool_platform import WindowsPoolPlatform

        return WindowsPoolPlatform()
    raise NotImplementedError(_UNSUPPORTED)


def machine_facts() -> "MachineFacts":
    """Tell what this PC is and has."""
    from shared.vocabulary import OperatingSystem
    from tray_agent.platforms.machine_facts import read_facts

    if _SYSTEM == "linux":
        from tray_agent.platforms.linux.machine import read_machine_id as linux_id

        return read_facts(OperatingSystem.LINUX, linux_id)
    if _SYSTEM == "darwin":
        from tray_agent.platforms.macos.machine import read_machine_id as mac_id

        return read_facts(OperatingSystem.MACOS, mac_id)
    if _SYSTEM == "win32":
        from tray_agent.platforms.windows.machine import read_machine_id as windows_id
        from tray_agent.platforms.windows.programs import find_program

        return read_facts(OperatingSystem.WINDOWS, windows_id, find_program)
    raise NotImplementedError(_UNSUPPORTED)


def data_root() -> Path:
    """Tell the folder for this user's data of this program."""
    if _SYSTEM == "win32":
        from tray_agent.platforms.windows.machine import data_root as windows_root

        return windows_root()
    if _SYSTEM == "darwin":
        from tray_agent.platforms.macos.machine import data_root as mac_root

        return mac_root()
    from tray_agent.platforms.linux.machine import data_root as linux_root

    return linux_root()


def lock_file(path: Path) -> FileLock | None:
    """Lock a file for this process alone, making it if need be. None if somebody else has it."""
    if _SYSTEM == "win32":
        from tray_agent.platforms.windows import files as windows_files

        return windows_files.lock_file(path)
    from tray_agent.platforms.posix import files

    return files.lock_file(path)


def make_private(path: Path) -> None:
    """Let this user alone use a file or folder."""
    if _SYSTEM == "win32":
        from tray_agent.platforms.windows import files as windows_files

        windows_files.make_private(path)
    else:
        from tray_agent.platforms.posix import files

        files.make_private(path)


def install_stop_handler(callback: Callable[[], None]) -> None:
    """Call `callback` whenever the system or a person asks this program to end. Only on the main thread."""
    if _SYSTEM == "win32":
        from tray_agent.platforms.windows.stop_signals import install_stop_handler as install_windows

        install_windows(callback)
    else:
        from tray_agent.platforms.posix.stop_signals import install_stop_handler as install_posix

        install_posix(callback)


def kill_strays(refs: "Iterable[AttemptRef]") -> int:
    """Kill what attempts of a crashed agent and runner left behind. Returns how many processes that were."""
    from tray_agent.agent.job_environment import attempt_marks

    # Only the processes with both marks of one attempt: another agent may run the same job's next attempt.
    marks = [attempt_marks(ref) for ref in refs]
    if _SYSTEM == "linux":
        from tray_agent.platforms.linux.pool_platform import kill_marked as kill_on_linux

        return kill_on_linux(marks)
    if _SYSTEM == "darwin":
        from tray_agent.platforms.macos.pool_platform import kill_marked as kill_on_mac

        return kill_on_mac(marks)
    return 0  # Windows closes a job object, and kills all in it, with the death of its last holder
