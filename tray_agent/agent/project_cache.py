"""Projects kept on this PC by their hash: fetched once, checked, and thrown away oldest first."""

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from shared.messages import ProjectRef
from tray_agent.agent.errors import CannotPrepare, NotCurrent, Refused

log = logging.getLogger(__name__)

MOST_BYTES = 10 << 30

Fetch = Callable[[str, int], Iterator[bytes]]  # hash and offset -> the bytes from there on


class ProjectCache:
    """Safe to use from several threads; one project is fetched by one of them."""

    def __init__(self, folder: Path, fetch: Fetch) -> None:
        self._folder = folder
        self._fetch = fetch
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, project: ProjectRef, wanted: Callable[[], bool]) -> Path:
        """Give the project's archive, fetched while `wanted` if need be. Raises CannotPrepare, LinkError."""
        with self._guard:
            lock = self._locks.setdefault(project.sha256, threading.Lock())
        with lock:
            path = self._folder / f"{project.sha256}.zip"
            if path.is_file() and path.stat().st_size == project.size:
                os.utime(path)  # used just now: the last to be thrown away
                return path
            self._make_room(project)
            self._download(project, wanted).replace(path)
            return path

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
        kept = sorted(
            (path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.glob("*.zip")
        )
        total = sum(size for _, size, _ in kept)
        free = shutil.disk_usage(self._folder).free
        most = min(MOST_BYTES, (free + total) // 2)
        for _, size, path in kept:
            if total + project.size <= most:
                break
            try:
                path.unlink()
                total -= size
            except OSError:  # being unpacked just now, on Windows
                log.debug("project.kept", extra={"path": str(path)}, exc_info=True)
        if shutil.disk_usage(self._folder).free < project.size:
            raise CannotPrepare(
                f"The disk has no room for the project's {project.size >> 20:,} MiB.", rejected=False
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
