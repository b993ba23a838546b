"""The bytes of projects and artifacts: files named by their SHA-256, and uploads that grow part by part."""

import hashlib
import os
import shutil
import threading
from pathlib import Path
from typing import BinaryIO

from coordinator.domain.errors import NoSpace, NotFound, WrongOffset

PIECE = 1024 * 1024
LEAST_FREE_BYTES = 1 << 30
LOCKS = 64
LEAST_FREE_SHARE = 0.05


class DirectoryFileStore:
    def __init__(self, folder: Path) -> None:
        self._stored = folder / "files"
        self._uploads = folder / "uploads"
        self._locks = [threading.Lock() for _ in range(LOCKS)]  # two parts at one place must not mix
        for made in (self._stored, self._uploads):
            made.mkdir(parents=True, exist_ok=True)

    def received(self, upload: str) -> int:
        try:
            return self._upload(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, upload: str, offset: int, data: bytes) -> int:
        """Write a part at the end; tell the new end. Raises WrongOffset, NoSpace."""
        try:
            with self._locks[hash(upload) % LOCKS], self._upload(upload).open("ab") as file:
                end = file.seek(0, os.SEEK_END)
                if end != offset:
                    raise WrongOffset(end)
                file.write(data)
                return end + len(data)
        except OSError as error:
            raise NoSpace(f"The coordinator cannot store the file ({error.strerror}).") from error

    def open_upload(self, upload: str) -> BinaryIO:
        return self._upload(upload).open("rb")

    def hash_of(self, upload: str) -> str:
        digest = hashlib.sha256()
        with self.open_upload(upload) as file:
            while piece := file.read(PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def settle(self, upload: str, sha256: str) -> None:
        """Name the upload's bytes by their hash; they survive a power cut once this returns."""
        target = self._place(sha256)
        target.parent.mkdir(exist_ok=True)
        with self._upload(upload).open("rb+") as file:
            os.fsync(file.fileno())
        self._upload(upload).replace(target)
        for folder in (target.parent, self._stored):  # the second for the first, which may be new
            _sync_folder(folder)

    def discard(self, upload: str) -> None:
        self._upload(upload).unlink(missing_ok=True)

    def open_stored(self, sha256: str) -> BinaryIO:
        try:
            return self._place(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound("The file is no longer stored here.") from None

    def room_for(self, size: int) -> bool:
        """Tell whether the disk takes `size` bytes more and stays usable for the queue."""
        disk = shutil.disk_usage(self._stored)
        reserve = max(LEAST_FREE_BYTES, disk.total * LEAST_FREE_SHARE)
        return disk.free - size >= reserve

    def _place(self, sha256: str) -> Path:
        return self._stored / sha256[:2] / sha256

    def _upload(self, upload: str) -> Path:
        return self._uploads / upload


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Windows cannot open folders and needs no such call."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
