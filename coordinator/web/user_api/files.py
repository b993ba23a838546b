"""The files that a job gave back."""

from coordinator.domain.attempt import Attempt
from coordinator.domain.errors import NotFound
from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.read_output import attempt_of
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.stored_files import stored_file_reply
from coordinator.web.user_api.downloads import download_headers
from coordinator.web.user_api.forms import AttemptQuery
from coordinator.web.user_api.views import FileList, FileView, file_view
from shared.messages import ArtifactEntry


def list_files(call: Call) -> Reply:
    """List the files of the job's last attempt, or of the one asked for."""
    query, job = call.query(AttemptQuery), call.path["job"]

    def views(tx: Transaction) -> tuple[FileView, ...]:
        attempt = attempt_of(tx, tx.jobs.get(job), query.attempt)
        entries = tx.files.artifacts(attempt.id) if attempt is not None else []
        return tuple(file_view(job, attempt.number, entry) for entry in entries if attempt is not None)

    return json_reply(FileList(call.services.store.read(views)))


def download(call: Call) -> Reply:
    """Hand out one file, whole or in ranges."""
    query = call.query(AttemptQuery)
    entry = call.services.store.read(lambda tx: _entry(tx, call, query.attempt))
    headers = {**download_headers(entry.path.rsplit("/", 1)[-1]), "ETag": f'"{entry.sha256}"'}
    return stored_file_reply(call, entry.sha256, entry.size, "application/octet-stream", headers)


def _entry(tx: Transaction, call: Call, number: int | None) -> ArtifactEntry:
    attempt: Attempt | None = attempt_of(tx, tx.jobs.get(call.path["job"]), number)
    entry = tx.files.artifact(attempt.id, call.path["file"]) if attempt is not None else None
    if entry is None:
        raise NotFound("The job gave no such file back.")
    return entry
