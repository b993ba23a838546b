"""The data folder: made private, and held by one coordinator at a time."""

import sqlite3
from pathlib import Path


class FolderTaken(Exception):
    """Another coordinator works in this folder; `str()` says so."""


class DataFolder:
    """Holds the folder until closed or until the process dies, whatever the system."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        # SQLite's own lock: exclusive, free again when the process dies, and the same on every system.
        self._lock = sqlite3.connect(path / "lock", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            self._lock.close()
            raise FolderTaken(
                f"Another coordinator works in {path}. Stop it, or choose another folder with --data."
            ) from None

    @property
    def database(self) -> Path:
        return self.path / "sparetime.db"

    def close(self) -> None:
        self._lock.close()
