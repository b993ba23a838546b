"""A project that comes whole with a form: stored as it comes, hashed on the way, checked at its end."""

import hashlib
import secrets

from coordinator.domain.errors import NoSpace, TooLarge
from coordinator.use_cases.ports import FileStore, Store, Transaction, Upload
from coordinator.use_cases.transfer_files import MOST_PROJECT_BYTES, check_project

FORM = "form"  # a kind of upload that nobody can go on with
PIECE = 1 << 20


class ProjectIntake:
    """One file on its way in. Call `settle` or `drop`; what a crash leaves is given up as a stale upload."""

    def __init__(self, store: Store, files: FileStore, name: str, announced: int) -> None:
        """Begin. `announced` is about how many bytes will come. Raises NoSpace."""
        if not files.room_for(announced):
            raise NoSpace(
                "The coordinator's disk is too full for this file. An administrator must make room."
            )
        self.name = name
        self.size = 0
        self._store, self._files = store, files
        self._upload = f"up-{secrets.token_hex(12)}"
        self._digest = hashlib.sha256()
        self._waiting = bytearray()
        store.transact(lambda tx: tx.files.add_upload(Upload(self._upload, FORM, "", 0, name, tx.now)))

    def take(self, data: bytes) -> None:
        """Store the next bytes. Raises TooLarge, NoSpace."""
        self._waiting += data
        if self.size + len(self._waiting) > MOST_PROJECT_BYTES:
            raise TooLarge(f"A project has at most {MOST_PROJECT_BYTES} bytes.")
        if len(self._waiting) >= PIECE:
            self._flush()

    def settle(self) -> str:
        """Check the ZIP and keep it; tell its SHA-256. Raises Invalid naming the entry."""
        self._flush()
        with self._files.open_upload(self._upload) as file:
            unpacked = check_project(file)
        sha256 = self._digest.hexdigest()
        self._files.settle(self._upload, sha256)

        def note(tx: Transaction) -> None:
            tx.files.add_stored(sha256, self.size)
            tx.files.add_project(sha256, self.name, unpacked.entries, unpacked.bytes)
            tx.files.end_upload(self._upload)

        self._store.transact(note)
        return sha256

    def drop(self) -> None:
        """Forget what came."""
        self._store.transact(lambda tx: tx.files.end_upload(self._upload))
        self._files.discard(self._upload)

    def _flush(self) -> None:
        data = bytes(self._waiting)
        self._waiting.clear()
        self._files.append(self._upload, self.size, data)
        self._digest.update(data)
        self.size += len(data)
