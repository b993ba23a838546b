"""Projects kept on this PC by their hash: fetched once, checked, and thrown away oldest first."""

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from shared.messages import ProjectRef
from tray_agent.agent.errors import CannotPrepare, NotCurrent, Refused

log = logging.getLogger(__name__)

MOST_BYTES = 10 << 30
KEEP_PARTS_S = 7 * 86400.0

Fetch = Callable[[str, int], Iterator[bytes]]  # hash and offset -> the bytes from there on


class ProjectCache:
    """Safe to use from several threads; one project is fetched by one of them."""

    def __init__(self, folder: Path, fetch: Fetch) -> None:
        self._folder = folder
        self._fetch = fetch
        self._guard = threading.Lock()  # also over removing and opening: none is removed before it is open
        self._locks: dict[str, threading.Lock] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, project: ProjectRef, wanted: Callable[[], bool]) -> BinaryIO:
        """Open the project's archive, fetched while `wanted` if need be. Raises CannotPrepare, LinkError."""
        with self._guard:
            lock = self._locks.setdefault(project.sha256, threading.Lock())
        with lock:
            path = self._folder / f"{project.sha256}.zip"
            with self._guard:
                if path.is_file() and path.stat().st_size == project.size:
                    os.utime(path)  # used just now: the last to be thrown away
                    return path.open("rb")
                self._make_room(project)
            part = self._download(project, wanted)
            with self._guard:
                part.replace(path)
                return path.open("rb")

    def purge(self, now: float) -> None:
        """Remove downloads that nobody went on with for a week; `now` is seconds since 1970."""
        with self._guard:
            for changed, _, path in self._abandoned():
                if now - changed > KEEP_PARTS_S:
                    _remove(path)

    def _download(self, project: ProjectRef, wanted: Callable[[], bool]) -> Path:
        part = self._folder / f"{project.sha256}.part"
        with part.open("ab") as file:
            if file.tell() > project.size:
                file.truncate(0)
                file.seek(0)
            if file.tell() < project.size:
                try:
                    self._append(file.fileno(), project, file.tell(), wanted)
                except (NotCurrent, Refused) as error:
                    raise CannotPrepare(f"The project cannot be fetched: {error}", rejected=False) from error
        if _sha256(part) != project.sha256:
            part.unlink()
            raise CannotPrepare("The project arrived damaged; it will be fetched anew.", rejected=False)
        return part

    def _append(self, file: int, project: ProjectRef, offset: int, wanted: Callable[[], bool]) -> None:
        for piece in self._fetch(project.sha256, offset):
            offset += len(piece)
            if offset > project.size:
                os.ftruncate(file, 0)
                raise CannotPrepare("The project arrived longer than announced.", rejected=False)
            view = memoryview(piece)
            while view:
                view = view[os.write(file, view) :]
            if not wanted():
                raise CannotPrepare("The project is not needed any more.", rejected=False)

    def _make_room(self, project: ProjectRef) -> None:
        # What never arrived whole goes first.
        kept = self._abandoned() + _by_age(self._folder.glob("*.zip"))
        total = sum(size for _, size, _ in kept)
        free = shutil.disk_usage(self._folder).free
        most = min(MOST_BYTES, (free + total) // 2)
        for _, size, path in kept:
            if total + project.size <= most:
                break
            if _remove(path):
                total -= size
        if shutil.disk_usage(self._folder).free < project.size:
            raise CannotPrepare(
                f"The disk has no room for the project's {project.size >> 20:,} MiB.", rejected=False
            )

    def _abandoned(self) -> list[tuple[float, int, Path]]:
        """List parts that no thread works on."""
        busy = {sha256 for sha256, lock in self._locks.items() if lock.locked()}
        return _by_age(path for path in self._folder.glob("*.part") if path.stem not in busy)


def _by_age(paths: Iterable[Path]) -> list[tuple[float, int, Path]]:
    return sorted((path.stat().st_mtime, path.stat().st_size, path) for path in paths)


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:  # being unpacked just now, on Windows
        log.debug("project.kept", extra={"path": str(path)}, exc_info=True)
        return False
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
