"""Fresh databases for tests: migrated once, then copied, because a migration costs more than a test."""

import functools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from coordinator.domain.notices import Notice
from coordinator.storage.migrate import migrate
from coordinator.storage.sqlite import SqliteStore, open_engine


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        engine = open_engine(path)
        migrate(engine)
        engine.dispose()  # the last connection moves the write-ahead log into the file
        return path.read_bytes()


def sqlite_file(folder: Path) -> Path:
    """Make a migrated, empty database in a folder whose name is not easy."""
    place = folder / "Büro Süd 100%"
    place.mkdir()
    path = place / "sparetime.db"
    path.write_bytes(_migrated())
    return path


def sqlite_store(
    folder: Path, clock: Callable[[], float], on_commit: Callable[[Notice], None]
) -> SqliteStore:
    return SqliteStore(sqlite_file(folder), clock, on_commit)


def copy_of(path: Path) -> Path:
    """Copy the database as a power cut would leave it, write-ahead log included."""
    target = path.with_name("copy.db")
    for suffix in ("", "-wal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            shutil.copyfile(source, target.with_name(target.name + suffix))
    return target
