"""Locks and rights of files on Windows."""

import os
import subprocess
from pathlib import Path
from typing import Any

_NO_WINDOW = 0x08000000
_SYSTEM, _ADMINISTRATORS = (
    "*S-1-5-18",
    "*S-1-5-32-544",
)  # they could take the rights anyway; backup needs them


class WindowsFileLock:
    """Held until released or until this process ends, however it ends."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def lock_file(path: Path, locking: Any = None) -> WindowsFileLock | None:
    """Lock a file for this process alone, making it if need be. None if somebody else has it."""
    if locking is None:
        import msvcrt as locking  # only on Windows
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        locking.locking(fd, locking.LK_NBLCK, 1)
    except OSError:
        os.close(fd)
        return None
    return WindowsFileLock(fd)


def make_private(path: Path, run: Any = subprocess.run) -> None:
    """Let this user alone (with the system and its administrators) use a file or folder. Raises OSError."""
    user = f"{os.environ.get('USERDOMAIN', '.')}\\{os.environ.get('USERNAME', '')}"
    rights = ":(OI)(CI)F" if path.is_dir() else ":F"
    grants = [f"{who}{rights}" for who in (user, _SYSTEM, _ADMINISTRATORS)]
    command = ["icacls", str(path), "/inheritance:r", "/grant:r", *grants]
    done = run(command, capture_output=True, creationflags=_NO_WINDOW, check=False)
    if done.returncode != 0:
        raise OSError(f"icacls could not make {path} private: {done.stdout!r}")
