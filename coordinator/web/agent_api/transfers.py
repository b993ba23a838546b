"""What is too large for an exchange: output parts, artifacts, and projects on their way to the agent."""

from dataclasses import dataclass

from coordinator.domain.attempt import LEASE_S, Attempt
from coordinator.domain.errors import NotFound
from coordinator.use_cases.ports import Transaction, Upload
from coordinator.use_cases.receive_output import receive_output
from coordinator.use_cases.transfer_files import (
    ARTIFACT,
    current_attempt,
    find_upload,
    offer_artifact,
    receive_part,
    upload_state,
)
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.stored_files import stored_file_reply
from shared.messages import LOG_PART_BYTES, PART_BYTES, Bytes, LogState, UploadOffer


@dataclass(frozen=True, slots=True)
class LogPlace:
    offset: Bytes


def put_log(call: Call) -> Reply:
    """Store a part of an attempt's log; a wrong offset is answered 416 with the right one."""
    place = call.query(LogPlace)
    data = call.body(LOG_PART_BYTES)

    def store(tx: Transaction) -> int:
        attempt = _attempt_of_path(tx, call)
        tx.attempts.renew([attempt.id], tx.now + LEASE_S)
        return receive_output(tx, tx.jobs.get(attempt.job), attempt, place.offset, data)

    return json_reply(LogState(call.services.store.transact(store)))


def offer_file(call: Call) -> Reply:
    """Declare a file that the attempt gives back."""
    offer = call.json(UploadOffer)
    attempt = call.services.store.read(lambda tx: _attempt_of_path(tx, call))
    return json_reply(offer_artifact(call.services.store, call.services.files, attempt, offer))


def upload_offset(call: Call) -> Reply:
    """Tell how much of a declared file has arrived."""
    upload = _own_upload(call)
    state = upload_state(call.services.files, upload)
    return json_reply(state, headers={"Upload-Offset": str(state.offset)})


def put_part(call: Call) -> Reply:
    """Store a part of a declared file."""
    upload = _own_upload(call)
    data = call.body(PART_BYTES)
    offset = call.offset_header("Upload-Offset")
    state = receive_part(call.services.store, call.services.files, upload.id, offset, data)
    return json_reply(state, headers={"Upload-Offset": str(state.offset)})


def project(call: Call) -> Reply:
    """Hand out a project's bytes, whole or in ranges."""
    sha256 = call.path["sha256"]
    size = call.services.store.read(lambda tx: tx.files.project_size(sha256))
    if size is None:
        raise NotFound("There is no such project.")
    headers = {"ETag": f'"{sha256}"', "Content-Disposition": f'attachment; filename="{sha256[:12]}.zip"'}
    return stored_file_reply(call, sha256, size, "application/zip", headers)


def _attempt_of_path(tx: Transaction, call: Call) -> Attempt:
    number = call.path["attempt"]
    if not (number.isascii() and number.isdigit() and len(number) < 8):
        raise NotFound("There is no such attempt.")
    return current_attempt(tx, call.path["job"], int(number), call.bearer)


def _own_upload(call: Call) -> Upload:
    """Find the upload of the path; its attempt's token must come along, and its lease is renewed."""
    upload = find_upload(call.services.store, call.path["upload"], ARTIFACT)

    def renew(tx: Transaction) -> None:
        owner = tx.attempts.by_id(upload.attempt or 0)
        if owner is None:
            raise NotFound("The attempt of this upload is gone.")
        attempt = current_attempt(tx, owner.job, owner.number, call.bearer)
        tx.attempts.renew([attempt.id], tx.now + LEASE_S)

    call.services.store.transact(renew)
    return upload
