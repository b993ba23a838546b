"""The folders of attempts: made, filled from a project, and removed again, whatever the job left in them."""

import logging
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from shared.archive import ArchiveRefused, inspect_archive, read_entries
from shared.messages import AttemptRef
from tray_agent.agent.errors import CannotPrepare

log = logging.getLogger(__name__)

SPARE_BYTES = 256 << 20  # what must stay free on the disk after unpacking


class Workspace:
    """`folder`/<job>-<n> holds `work/`, in which the commands run, and `output.log`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = f"{folder}{os.sep}"
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, ref: AttemptRef) -> Path:
        return Path(self._name(ref))

    def _name(self, ref: AttemptRef) -> str:
        return f"{self._prefix}{ref.job}-{ref.attempt}"

    def make(self, ref: AttemptRef) -> Path:
        """Make an empty folder for an attempt. Raises OSError."""
        name = self._name(ref)
        try:
            os.mkdir(name)  # noqa: PTH102 - this and what follows is done for every job: pathlib doubles its cost
        except FileExistsError:
            self.remove(ref)
            os.mkdir(name)  # noqa: PTH102
        os.mkdir(name + "/work")  # noqa: PTH102
        return Path(name)

    def remove(self, ref: AttemptRef) -> bool:
        """Remove the folder and all that is in it, links themselves and not what they point to."""
        return remove_tree(self.path(ref))

    def remove_plain(self, ref: AttemptRef) -> bool:
        """Remove a folder in which only the agent's own files are left; False when there is more to do."""
        folder = self._name(ref)
        try:
            os.rmdir(folder + "/work")  # noqa: PTH106
            with os.scandir(folder) as entries:
                names = [entry.path for entry in entries]
            for name in names:
                os.unlink(name)  # noqa: PTH108
            os.rmdir(folder)  # noqa: PTH106
        except OSError:
            return not self.path(ref).exists()
        return True

    def leftovers(self, known: frozenset[AttemptRef]) -> list[Path]:
        """List folders that belong to no attempt still held."""
        names = {self.path(ref).name for ref in known}
        return [path for path in self.folder.iterdir() if path.name not in names]


def remove_tree(path: Path) -> bool:
    """Remove a folder, read-only parts too; False when something is still in use."""

    def make_writable(function: Callable[..., object], name: str, _error: object) -> None:
        try:
            Path(name).parent.chmod(stat.S_IRWXU)
            if not Path(name).is_symlink():
                Path(name).chmod(stat.S_IRWXU)
            if function in (os.rmdir, os.unlink, os.remove):
                function(name)
            elif Path(name).is_dir() and not Path(name).is_symlink():
                shutil.rmtree(name, ignore_errors=True)
        except OSError:
            log.debug("folder.not_removed", extra={"path": name}, exc_info=True)

    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.exists():
        shutil.rmtree(path, onerror=make_writable)
        if path.exists():  # what was made writable meanwhile goes at the second try
            shutil.rmtree(path, ignore_errors=True)
    return not path.exists()


def unpack(archive: BinaryIO, work: Path) -> None:
    """Unpack a project by the shared rules. Raises CannotPrepare naming the entry, or OSError."""
    try:
        needed = inspect_archive(archive).unpacked_bytes + SPARE_BYTES
        free = shutil.disk_usage(work).free
        if free < needed:
            raise CannotPrepare(
                f"The project needs {needed >> 20:,} MiB on the disk, and {free >> 20:,} MiB are free.",
                rejected=False,
            )
        for entry, pieces in read_entries(archive):
            target = work / entry.path
            if entry.is_folder:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                for piece in pieces:
                    out.write(piece)
            if entry.executable:
                target.chmod(target.stat().st_mode | stat.S_IXUSR)
    except ArchiveRefused as refused:
        raise CannotPrepare(f"The project cannot be unpacked: {refused}", rejected=True) from refused
