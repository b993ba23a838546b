"""Who is who in macOS's process table, by psutil: there is no /proc and no list of descendants."""

import contextlib
import os
from collections.abc import Collection, Iterator

import psutil


def living() -> Iterator[psutil.Process]:
    """Give the processes of this machine but our own, zombies left out."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid not in (0, 1, os.getpid()) and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def descendants() -> set[int]:
    """Tell what this process started, directly or through parents that still live."""
    try:
        return {child.pid for child in psutil.Process().children(recursive=True)}
    except psutil.Error:
        return set()


def is_marked(process: psutil.Process, attempts: Collection[frozenset[str]]) -> bool:
    """Tell whether a process was started with all NAME=value marks of one of `attempts`."""
    try:
        environment = {f"{name}={value}" for name, value in process.environ().items()}
    except (psutil.Error, OSError):  # another user's, or one that the system protects
        return False
    return any(marks <= environment for marks in attempts)


def session_of(pid: int) -> int:
    """Tell the session of a process; 0 if it is gone or not ours."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0
