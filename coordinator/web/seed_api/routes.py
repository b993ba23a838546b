"""The calls of the older interface."""

from coordinator.web.routing import Route
from coordinator.web.seed_api import execute, jobs, results, uploads, workers
from coordinator.web.seed_api.forms import (
    SeedAskQuery,
    SeedCancelForm,
    SeedCreateForm,
    SeedFailureForm,
    SeedHeartbeatForm,
    SeedJobQuery,
    SeedListQuery,
    SeedRegisterForm,
    SeedResultForm,
    SeedStopForm,
    SeedStreamForm,
)
from coordinator.web.seed_api.views import (
    SeedBeatReply,
    SeedCancelReply,
    SeedExecuteReply,
    SeedJobList,
    SeedJobReply,
    SeedJobView,
    SeedReply,
    SeedStopReply,
    SeedTaskReply,
    SeedWorkerList,
    SeedWorkerReply,
)

_REGISTER = "/api/workers/register"
_CREATE = "/api/jobs/create"
_RESULT = "/api/jobs/submit-result"
_EXECUTE = "/api/execute"
OLDER = "older"


def seed_routes() -> list[Route]:
    return [*_worker_routes(), *_job_routes(), *_cancel_routes(), *_report_routes(), *_execute_routes()]


def _worker_routes() -> list[Route]:
    return [
        Route(
            "POST",
            _REGISTER,
            workers.register,
            "Register a worker, or update it",
            audience=OLDER,
            body=SeedRegisterForm,
            answer=SeedWorkerReply,
            errors=(400, 403, 409, 413),
        ),
        Route(
            "GET",
            _REGISTER,
            workers.list_all,
            "List all workers",
            audience=OLDER,
            answer=SeedWorkerList,
        ),
        Route(
            "GET",
            "/api/workers/list",
            workers.list_all,
            "List all workers",
            audience=OLDER,
            answer=SeedWorkerList,
        ),
        Route(
            "POST",
            "/api/workers/heartbeat",
            workers.heartbeat,
            "Note that a worker is there",
            audience=OLDER,
            body=SeedHeartbeatForm,
            answer=SeedBeatReply,
            errors=(400, 403, 404, 413),
        ),
    ]


def _job_routes() -> list[Route]:
    return [
        Route(
            "POST",
            _CREATE,
            jobs.create,
            "Create a job",
            audience=OLDER,
            body=SeedCreateForm,
            answer=SeedJobReply,
            errors=(400, 403, 413),
        ),
        Route(
            "GET",
            _CREATE,
            jobs.list_all,
            "List jobs, the newest last",
            audience=OLDER,
            query=SeedListQuery,
            answer=SeedJobList,
            errors=(400,),
        ),
        Route(
            "GET",
            "/api/jobs/get-job",
            jobs.get_job,
            "Fetch a job to run; 202 when there is none",
            audience=OLDER,
            query=SeedAskQuery,
            answer=SeedTaskReply,
            also=(202,),
            errors=(400,),
        ),
        Route(
            "GET",
            "/api/jobs/status",
            jobs.status,
            "Tell all about one job",
            audience=OLDER,
            query=SeedJobQuery,
            answer=SeedJobView,
            errors=(400, 404),
        ),
    ]


def _cancel_routes() -> list[Route]:
    return [
        Route(
            "POST",
            "/api/jobs/cancel",
            jobs.cancel,
            "Cancel a job",
            audience=OLDER,
            body=SeedCancelForm,
            answer=SeedJobReply,
            errors=(400, 403, 404, 413),
        ),
        Route(
            "GET",
            "/api/jobs/check-cancel",
            jobs.check_cancel,
            "Tell a worker whether to stop a job",
            audience=OLDER,
            query=SeedJobQuery,
            answer=SeedCancelReply,
            errors=(400, 404),
        ),
    ]


def _report_routes() -> list[Route]:
    return [
        Route(
            "POST",
            _RESULT,
            results.submit,
            "Report the result of a job",
            audience=OLDER,
            body=SeedResultForm,
            answer=SeedJobReply,
            errors=(400, 403, 404, 413),
        ),
        Route(
            "PUT",
            _RESULT,
            results.submit_failure,
            "Report that a job could not be run",
            audience=OLDER,
            body=SeedFailureForm,
            answer=SeedJobReply,
            errors=(400, 403, 404, 413),
        ),
        Route(
            "POST",
            "/api/jobs/stream-output",
            results.stream,
            "Report a piece of a job's output",
            audience=OLDER,
            body=SeedStreamForm,
            answer=SeedReply,
            errors=(400, 403, 404, 413),
        ),
    ]


def _execute_routes() -> list[Route]:
    return [
        Route(
            "POST",
            _EXECUTE,
            execute.execute,
            "Run commands on a ZIP: queued (JSON), or here with the output as the answer (event stream)",
            audience=OLDER,
            raw_body=True,
            answer=SeedExecuteReply,
            answer_headers=("X-Exec-Id",),
            errors=(400, 403, 413, 503, 507),
        ),
        Route(
            "DELETE",
            _EXECUTE,
            execute.stop,
            "Stop a Direct run",
            audience=OLDER,
            body=SeedStopForm,
            answer=SeedStopReply,
            errors=(400, 403, 404),
        ),
        Route(
            "GET",
            "/uploads/{name}",
            uploads.download,
            "Download the ZIP of a job",
            audience=OLDER,
            answer_type="application/zip",
            also=(206,),
            headers=("Range",),
            errors=(404, 416),
        ),
    ]
