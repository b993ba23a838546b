"""Locks and rights of files on Linux and macOS."""

import fcntl
import os
from pathlib import Path


class PosixFileLock:
    """Held until released or until this process ends, however it ends."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def lock_file(path: Path) -> PosixFileLock | None:
    """Lock a file for this process alone, making it if need be. None if somebody else has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return PosixFileLock(fd)


def make_private(path: Path) -> None:
    """Let this user alone use a file or folder."""
    path.chmod(0o700 if path.is_dir() else 0o600)
