"""Who is whose child: one pass over /proc."""

import os
from typing import NamedTuple


class Process(NamedTuple):
    pid: int
    parent: int
    group: int
    session: int
    dead: bool  # a zombie: gone but for its entry


def read_processes() -> list[Process]:
    """List the processes of this machine (of this container) as far as they can be read."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib is slower, and this runs while an owner waits
        if name.isdigit():
            process = _read(name)
            if process is not None:
                found.append(process)
    return found


def descendants(processes: list[Process], roots: set[int]) -> set[int]:
    """Tell all that `roots` started, directly or not, without the roots and without the dead."""
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: set[int] = set()
    waiting = list(roots)
    seen = set(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child.pid not in seen:
                seen.add(child.pid)
                waiting.append(child.pid)
                if not child.dead:
                    found.add(child.pid)
    return found


def descendants_by_lists(root: int) -> set[int]:
    """Tell what `root` started by the kernel's lists of children: quick, yet some may be missed.

    The lists are exact only while nothing forks or ends (proc_pid_children(5)).
    """
    found: set[int] = set()
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        for child in _listed_children(pid):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _listed_children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - as above
    except OSError:
        return []
    return [int(n) for thread in threads for n in _bytes_of(f"/proc/{pid}/task/{thread}/children").split()]


def environment_of(pid: int) -> list[bytes]:
    """Tell the NAME=value entries a process was started with; none if it may not be read."""
    return _bytes_of(f"/proc/{pid}/environ").split(b"\0")


def oom_score_adj(pid: int | str = "self") -> int:
    return int(_bytes_of(f"/proc/{pid}/oom_score_adj") or b"0")


def resident_pages(pid: int) -> int:
    fields = _bytes_of(f"/proc/{pid}/statm").split()
    return int(fields[1]) if len(fields) > 1 else 0


def _read(name: str) -> Process | None:
    stat = _bytes_of(f"/proc/{name}/stat")
    # The program's name stands in brackets and may hold anything, brackets and blanks included.
    fields = stat[stat.rfind(b")") + 2 :].split(None, 4)
    if len(fields) < 5:
        return None
    state, parent, group, session = fields[:4]
    return Process(int(name), int(parent), int(group), int(session), state in (b"Z", b"X"))


def _bytes_of(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return b"".join(iter(lambda: os.read(fd, 1 << 16), b""))
    except OSError:
        return b""
    finally:
        os.close(fd)
