"""Projects and artifacts arrive: declared, then part by part, then checked and named by their hash."""

import secrets
from dataclasses import dataclass
from typing import BinaryIO

from coordinator.domain.attempt import Attempt, token_fits
from coordinator.domain.errors import (
    AttemptOver,
    Invalid,
    NoSpace,
    NotAllowed,
    NotFound,
    StaleAttempt,
    TooLarge,
    WrongOffset,
)
from coordinator.use_cases.ports import FileStore, Store, Transaction, Upload
from shared.archive import verify_archive
from shared.archive_directory import ArchiveRefused
from shared.field_rules import FieldError
from shared.messages import UploadOffer, UploadState

MOST_PROJECT_BYTES = 4 << 30
MOST_ARTIFACT_BYTES = 64 << 30
PROJECT, ARTIFACT = "project", "artifact"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a project holds."""

    entries: int
    bytes: int


def offer_project(store: Store, files: FileStore, offer: UploadOffer, name: str) -> UploadState:
    """Declare a project: complete at once where it is known. Raises TooLarge, NoSpace."""
    if store.read(lambda tx: tx.files.project_size(offer.sha256)) is not None:
        return UploadState(None, offer.size, True)
    _check_size(files, offer, MOST_PROJECT_BYTES)
    return _begin(store, PROJECT, offer, name, None)


def offer_artifact(store: Store, files: FileStore, attempt: Attempt, offer: UploadOffer) -> UploadState:
    """Declare a file that an attempt gives back. Raises TooLarge, NoSpace."""
    if store.read(lambda tx: tx.files.stored_size(offer.sha256)) is not None:
        return UploadState(None, offer.size, True)
    _check_size(files, offer, MOST_ARTIFACT_BYTES)
    state = _begin(store, ARTIFACT, offer, "", attempt.id)
    if offer.size == 0 and state.upload is not None:  # an empty file has no part that could complete it
        return receive_part(store, files, state.upload, 0, b"")
    return state


def find_upload(store: Store, upload: str, kind: str) -> Upload:
    found = store.read(lambda tx: tx.files.upload(upload))
    if found is None or found.kind != kind:
        raise NotFound("There is no such upload; it may have been completed or given up.")
    return found


def upload_state(files: FileStore, upload: Upload) -> UploadState:
    return UploadState(upload.id, files.received(upload.id), False)


def receive_part(store: Store, files: FileStore, upload_id: str, offset: int, data: bytes) -> UploadState:
    """Store a part; check the whole with the last one.

    Raises NotFound, WrongOffset, TooLarge, NoSpace, and Invalid where the whole breaks a rule.
    """
    upload = store.read(lambda tx: tx.files.upload(upload_id))
    if upload is None:
        raise NotFound("There is no such upload; it may have been completed or given up.")
    if offset + len(data) > upload.size:
        raise TooLarge(f"The file was declared with {upload.size} bytes, and this part goes beyond them.")
    _check_offset(files, upload, offset)
    end = files.append(upload.id, offset, data)
    if end < upload.size:
        return UploadState(upload.id, end, False)
    _complete(store, files, upload)
    return UploadState(None, end, True)


def drop_upload(store: Store, files: FileStore, upload: str) -> None:
    """Give an upload up."""
    store.transact(lambda tx: tx.files.end_upload(upload))
    files.discard(upload)


def current_attempt(tx: Transaction, job_id: str, number: int, token: str) -> Attempt:
    """Tell the open attempt that `token` belongs to. Raises NotAllowed, StaleAttempt, AttemptOver."""
    if not token_fits(tx.token_key, job_id, number, token):
        raise NotAllowed("This token does not belong to that attempt.")
    attempt = tx.attempts.get(job_id, number)
    if attempt is None:
        raise AttemptOver("This job is gone.")
    if not attempt.open:
        _refuse_closed(tx, attempt)
    return attempt


def _refuse_closed(tx: Transaction, attempt: Attempt) -> None:
    if tx.jobs.get(attempt.job).finished:
        raise AttemptOver("The job of this attempt has ended.")
    raise StaleAttempt("This attempt has ended; the job goes on in another one.")


def _check_size(files: FileStore, offer: UploadOffer, most: int) -> None:
    if offer.size > most:
        raise TooLarge(f"The file has {offer.size} bytes; at most {most} are accepted.")
    if not files.room_for(offer.size):
        raise NoSpace("The coordinator's disk is too full for this file. An administrator must make room.")


def _begin(store: Store, kind: str, offer: UploadOffer, name: str, attempt: int | None) -> UploadState:
    upload_id = f"up-{secrets.token_hex(12)}"

    def begin(tx: Transaction) -> None:
        tx.files.add_upload(Upload(upload_id, kind, offer.sha256, offer.size, name, tx.now, attempt))

    store.transact(begin)
    return UploadState(upload_id, 0, False)


def _check_offset(files: FileStore, upload: Upload, offset: int) -> None:
    received = files.received(upload.id)
    if offset != received:
        raise WrongOffset(received)


def _complete(store: Store, files: FileStore, upload: Upload) -> None:
    try:
        if files.hash_of(upload.id) != upload.sha256:
            message = "is not the hash of the bytes that arrived"
            raise Invalid(
                "The file was damaged on its way. Upload it again.", [FieldError("sha256", message)]
            )
        unpacked = _unpacked(files, upload) if upload.kind == PROJECT else None
    except Invalid:
        drop_upload(store, files, upload.id)
        raise
    files.settle(upload.id, upload.sha256)
    store.transact(lambda tx: _note_stored(tx, upload, unpacked))


def _note_stored(tx: Transaction, upload: Upload, unpacked: Unpacked | None) -> None:
    tx.files.add_stored(upload.sha256, upload.size)
    if unpacked is not None:
        tx.files.add_project(upload.sha256, upload.name, unpacked.entries, unpacked.bytes)
    tx.files.end_upload(upload.id)


def _unpacked(files: FileStore, upload: Upload) -> Unpacked:
    with files.open_upload(upload.id) as file:
        return check_project(file)


def check_project(file: BinaryIO) -> Unpacked:
    """Apply the ZIP rules. Raises Invalid naming the entry."""
    try:
        listing = verify_archive(file)
    except ArchiveRefused as error:
        field = f"project: {error.entry}" if error.entry else "project"
        where = f" (entry {error.entry})" if error.entry else ""
        detail = f"The project cannot be accepted{where}: {error.reason}"
        raise Invalid(detail, [FieldError(field, error.reason)]) from None
    return Unpacked(len(listing.entries), listing.unpacked_bytes)
