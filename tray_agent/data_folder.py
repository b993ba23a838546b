"""Which folder an agent works in: one per WORKER_ID, else the next free one, locked while it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tray_agent.agent.errors import FolderBusy

_MOST = 1000


class Lock(Protocol):
    def release(self) -> None: ...


TryLock = Callable[[Path], Lock | None]


def take_folder(
    chosen: Path | None, root: Callable[[], Path], worker_id: str | None, try_lock: TryLock
) -> tuple[Path, Lock]:
    """Make and lock a data folder. Raises FolderBusy when the one that was asked for is in use."""
    if chosen is not None:
        return _take_this(chosen, "Choose another --data folder.", try_lock)
    base = root()
    if worker_id is not None:
        return _take_this(base / f"worker-{worker_id}", "Give this one another WORKER_ID.", try_lock)
    for number in range(1, _MOST):
        folder = base / ("agent" if number == 1 else f"agent-{number}")
        if lock := _lock(folder, try_lock):
            return folder, lock
    raise FolderBusy(f"{_MOST - 1} agents run on this PC already; name a folder with --data.")


def _take_this(folder: Path, advice: str, try_lock: TryLock) -> tuple[Path, Lock]:
    lock = _lock(folder, try_lock)
    if lock is None:
        raise FolderBusy(f"Another agent works in {folder}. {advice}")
    return folder, lock


def _lock(folder: Path, try_lock: TryLock) -> Lock | None:
    folder.mkdir(parents=True, exist_ok=True)
    return try_lock(folder / "agent.lock")
