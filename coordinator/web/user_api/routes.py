"""The calls of people and their programs."""

from coordinator.web.agent_api.transfers import project
from coordinator.web.routing import Route
from coordinator.web.user_api import files, jobs, output, uploads, workers
from coordinator.web.user_api.events import events
from coordinator.web.user_api.forms import (
    AttemptQuery,
    BatchForm,
    DrainForm,
    EventsQuery,
    JobForm,
    JobsQuery,
    LogQuery,
    OutputQuery,
    UploadForm,
    WorkersQuery,
)
from coordinator.web.user_api.views import (
    BatchView,
    FileList,
    JobDetail,
    JobList,
    JobView,
    OutputView,
    WorkerList,
    WorkerView,
)
from shared.messages import UploadState

_JOBS = "/api/v1/jobs"
_JOB = "/api/v1/jobs/{job}"
_UPLOAD = "/api/v1/uploads/{upload}"
_WORKER = "/api/v1/workers/{worker}"
_BYTES = "application/octet-stream"


def user_routes() -> list[Route]:
    return [*_job_routes(), *_output_routes(), *_file_routes(), *_upload_routes(), *_worker_routes()]


def _job_routes() -> list[Route]:
    return [
        Route(
            "POST",
            _JOBS,
            jobs.submit,
            "Submit a job",
            body=JobForm,
            answer=JobView,
            status=201,
            also=(200,),
            headers=("Idempotency-Key",),
            answer_headers=("Location",),
            errors=(400, 403, 413, 422, 503),
        ),
        Route(
            "POST",
            f"{_JOBS}/batch",
            jobs.submit_many,
            "Submit many jobs, all or none",
            body=BatchForm,
            answer=BatchView,
            status=201,
            also=(200,),
            headers=("Idempotency-Key",),
            errors=(400, 403, 413, 422, 503),
        ),
        Route(
            "GET",
            _JOBS,
            jobs.list_jobs,
            "List jobs, the newest first",
            query=JobsQuery,
            answer=JobList,
            errors=(422,),
        ),
        Route("GET", _JOB, jobs.one_job, "Tell all about one job", answer=JobDetail, errors=(404,)),
        Route(
            "POST",
            f"{_JOB}/cancel",
            jobs.cancel,
            "Cancel a job; again changes nothing",
            answer=JobView,
            errors=(403, 404, 409, 503),
        ),
    ]


def _output_routes() -> list[Route]:
    return [
        Route(
            "GET",
            f"{_JOB}/log",
            output.log,
            "Download what an attempt printed, of the last one unless told",
            query=LogQuery,
            answer_type=_BYTES,
            also=(206,),
            headers=("Range",),
            answer_headers=("X-Log-Complete", "Content-Range"),
            errors=(404, 416, 422),
        ),
        Route(
            "GET",
            f"{_JOB}/output",
            output.output,
            "Poll the records of an attempt's output",
            query=OutputQuery,
            answer=OutputView,
            errors=(404, 422),
        ),
        Route(
            "GET",
            f"{_JOB}/events",
            events,
            "Follow state and output as server-sent events: state, output, end",
            query=EventsQuery,
            answer_type="text/event-stream",
            headers=("Last-Event-ID",),
            errors=(404, 422, 503),
        ),
    ]


def _file_routes() -> list[Route]:
    return [
        Route(
            "GET",
            f"{_JOB}/files",
            files.list_files,
            "List the files that a job gave back",
            query=AttemptQuery,
            answer=FileList,
            errors=(404, 422),
        ),
        Route(
            "GET",
            f"{_JOB}/files/{{file...}}",
            files.download,
            "Download one file that a job gave back",
            query=AttemptQuery,
            answer_type=_BYTES,
            also=(206,),
            headers=("Range",),
            answer_headers=("ETag", "Content-Range"),
            errors=(404, 416, 422),
        ),
    ]


def _upload_routes() -> list[Route]:
    return [
        Route(
            "HEAD",
            "/api/v1/projects/{sha256}",
            project,
            "Tell whether a project is here already",
            errors=(404,),
        ),
        Route(
            "POST",
            "/api/v1/uploads",
            uploads.offer,
            "Declare a project before its bytes",
            body=UploadForm,
            answer=UploadState,
            status=201,
            also=(200,),
            answer_headers=("Location",),
            errors=(400, 403, 413, 422, 507),
        ),
        Route(
            "HEAD",
            _UPLOAD,
            uploads.offset,
            "Tell how much of a project has arrived",
            answer_headers=("Upload-Offset", "Upload-Length"),
            errors=(404,),
        ),
        Route(
            "PATCH",
            _UPLOAD,
            uploads.part,
            "Send a part of a project; with the last one it is checked",
            raw_body=True,
            answer=UploadState,
            headers=("Upload-Offset",),
            answer_headers=("Upload-Offset",),
            errors=(403, 404, 413, 416, 422, 507),
        ),
        Route("DELETE", _UPLOAD, uploads.give_up, "Give an upload up", status=204, errors=(403, 404)),
    ]


def _worker_routes() -> list[Route]:
    return [
        Route(
            "GET",
            "/api/v1/workers",
            workers.list_workers,
            "List the PCs in the order of their joining",
            query=WorkersQuery,
            answer=WorkerList,
            errors=(422,),
        ),
        Route("GET", _WORKER, workers.one_worker, "Tell all about one PC", answer=WorkerView, errors=(404,)),
        Route(
            "PUT",
            f"{_WORKER}/drain",
            workers.drain,
            "Let a PC finish what runs and take no more, or end that",
            body=DrainForm,
            answer=WorkerView,
            errors=(400, 403, 404, 413, 422, 503),
        ),
    ]
