"""What people are told: the forms of all answers, made from the domain's records."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from urllib.parse import quote

from coordinator.domain.job import Job
from coordinator.domain.requirements import Requirements
from coordinator.domain.worker import Worker, WorkerKind, WorkerState
from coordinator.domain.worker_sentence import worker_sentence
from coordinator.use_cases.read_jobs import AttemptReading, JobReading
from shared.messages import ArtifactEntry
from shared.vocabulary import AttemptOutcome, JobState, Mode, OnError, OperatingSystem, Shell, Stream

JOBS = "/api/v1/jobs"


@dataclass(frozen=True, slots=True)
class RequirementsView:
    os: OperatingSystem | None
    cpus: int
    memory_mb: int
    labels: tuple[str, ...]
    worker: str | None


@dataclass(frozen=True, slots=True)
class JobLinks:
    """Addresses, relative to the coordinator's own."""

    self: str
    events: str
    log: str
    files: str
    cancel: str


@dataclass(frozen=True, slots=True)
class JobView:
    id: str
    name: str
    state: JobState
    mode: Mode
    commands: tuple[str, ...]
    on_error: OnError
    shell: Shell
    environment: dict[str, str]
    project: str | None
    project_name: str
    requirements: RequirementsView
    outputs: tuple[str, ...]
    collect: bool
    time_limit_s: int | None
    retries: int
    priority: int
    output_limit_bytes: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    exit_code: int | None
    message: str
    cancel_asked: bool
    worker: str | None
    worker_name: str | None
    attempt: int | None
    links: JobLinks


@dataclass(frozen=True, slots=True)
class AttemptView:
    attempt: int
    worker: str | None
    worker_name: str | None
    outcome: AttemptOutcome | None
    granted_at: str
    started_at: str | None
    finished_at: str | None
    exit_code: int | None
    message: str
    log_bytes: int


@dataclass(frozen=True, slots=True)
class JobDetail(JobView):
    attempts: tuple[AttemptView, ...]


@dataclass(frozen=True, slots=True)
class JobList:
    jobs: tuple[JobView, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class BatchView:
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordView:
    """A piece of output; of a gap, `bytes` says how many bytes are missing."""

    offset: int
    stream: Stream
    time: str
    text: str
    bytes: int


@dataclass(frozen=True, slots=True)
class OutputView:
    attempt: int | None
    records: tuple[RecordView, ...]
    next: int
    complete: bool


@dataclass(frozen=True, slots=True)
class FileView:
    path: str
    size: int
    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class FileList:
    files: tuple[FileView, ...]


@dataclass(frozen=True, slots=True)
class WorkerView:
    id: str
    host_name: str
    os: OperatingSystem
    cpus: int
    memory_mb: int
    labels: tuple[str, ...]
    state: WorkerState
    reason: str
    version: str
    kind: WorkerKind
    last_contact_at: str
    running_jobs: int
    drain: bool


@dataclass(frozen=True, slots=True)
class WorkerList:
    workers: tuple[WorkerView, ...]
    next: str | None


def iso_time(seconds: float) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds: 2027-01-15T08:00:00.000Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _maybe(seconds: float | None) -> str | None:
    return iso_time(seconds) if seconds is not None else None


def job_view(reading: JobReading) -> JobView:
    job, order = reading.job, reading.job.order
    return JobView(
        id=job.id,
        name=order.name,
        state=job.state,
        mode=order.requirements.mode,
        commands=order.commands,
        on_error=order.on_error,
        shell=order.shell,
        environment=dict(order.environment),
        project=order.project,
        project_name=order.project_name,
        requirements=_requirements_view(order.requirements),
        outputs=order.outputs,
        collect=order.collect,
        time_limit_s=order.time_limit_s,
        retries=order.retries,
        priority=order.priority,
        output_limit_bytes=order.output_limit_bytes,
        created_at=iso_time(job.created_at),
        started_at=_maybe(job.started_at),
        finished_at=_maybe(job.finished_at),
        exit_code=job.exit_code,
        message=reading.message,
        cancel_asked=job.cancel_asked,
        worker=job.worker,
        worker_name=reading.worker_name,
        attempt=job.attempt or None,
        links=_links(job),
    )


def job_detail(reading: JobReading, attempts: Sequence[AttemptReading]) -> JobDetail:
    view = job_view(reading)
    kept = {each.name: getattr(view, each.name) for each in fields(view)}
    return JobDetail(**kept, attempts=tuple(_attempt_view(attempt) for attempt in attempts))


def _requirements_view(wanted: Requirements) -> RequirementsView:
    return RequirementsView(wanted.os, wanted.cpus, wanted.memory_mb, wanted.labels, wanted.worker)


def _links(job: Job) -> JobLinks:
    own = f"{JOBS}/{job.id}"
    return JobLinks(own, f"{own}/events", f"{own}/log", f"{own}/files", f"{own}/cancel")


def _attempt_view(reading: AttemptReading) -> AttemptView:
    attempt = reading.attempt
    return AttemptView(
        attempt=attempt.number,
        worker=attempt.worker,
        worker_name=reading.worker_name,
        outcome=attempt.outcome,
        granted_at=iso_time(attempt.granted_at),
        started_at=_maybe(attempt.started_at),
        finished_at=_maybe(attempt.finished_at),
        exit_code=attempt.exit_code,
        message=attempt.message,
        log_bytes=attempt.stdout_bytes + attempt.stderr_bytes,
    )


def file_view(job: str, attempt: int, entry: ArtifactEntry) -> FileView:
    url = f"{JOBS}/{job}/files/{quote(entry.path)}?attempt={attempt}"
    return FileView(entry.path, entry.size, entry.sha256, url)


def worker_view(worker: Worker, now: float) -> WorkerView:
    return WorkerView(
        id=worker.id,
        host_name=worker.host_name,
        os=worker.os,
        cpus=worker.cpus,
        memory_mb=worker.memory_mb,
        labels=worker.labels,
        state=worker.state(now),
        reason=worker_sentence(worker, now),
        version=worker.version,
        kind=worker.kind,
        last_contact_at=iso_time(worker.last_contact),
        running_jobs=worker.open_attempts,
        drain=worker.drain,
    )
