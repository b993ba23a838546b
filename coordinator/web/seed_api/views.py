"""What the older interface answers. Times are milliseconds since the epoch."""

from dataclasses import dataclass

from coordinator.domain.worker import WorkerState
from coordinator.use_cases.seed_status import SeedReading, Tail
from coordinator.use_cases.seed_workers import WorkerReading
from shared.vocabulary import OperatingSystem

SYSTEMS: dict[OperatingSystem, str] = {
    OperatingSystem.WINDOWS: "win32",
    OperatingSystem.LINUX: "linux",
    OperatingSystem.MACOS: "darwin",
}


@dataclass(frozen=True, slots=True)
class SeedWorkerReply:
    success: bool
    worker_id: str
    message: str


@dataclass(frozen=True, slots=True)
class SeedBeatReply:
    success: bool
    worker_id: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class SeedWorkerView:
    worker_id: str
    hostname: str
    os: str
    cpu_count: int
    status: str  # idle, busy, offline; paused, draining, in_use, parked of our own workers
    last_heartbeat: int
    version: str


@dataclass(frozen=True, slots=True)
class SeedWorkerList:
    workers: tuple[SeedWorkerView, ...]
    count: int


@dataclass(frozen=True, slots=True)
class SeedJobReply:
    success: bool
    job_id: str
    message: str


@dataclass(frozen=True, slots=True)
class SeedReply:
    success: bool
    message: str


@dataclass(frozen=True, slots=True)
class SeedTask:
    job_id: str
    command: str
    file_url: str
    filename: str


@dataclass(frozen=True, slots=True)
class SeedTaskReply:
    """The task twice, because callers read it in either place."""

    success: bool
    job: SeedTask | None
    job_id: str
    command: str
    file_url: str
    filename: str


@dataclass(frozen=True, slots=True)
class SeedNoTaskReply:
    success: bool
    message: str
    job: None


@dataclass(frozen=True, slots=True)
class SeedCancelReply:
    success: bool
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class SeedExecuteReply:
    success: bool
    job_id: str
    mode: str
    message: str
    check_status_url: str


@dataclass(frozen=True, slots=True)
class SeedStopReply:
    stopped: bool


@dataclass(frozen=True, slots=True)
class SeedJobView:
    job_id: str
    status: str  # pending, running, completed, failed
    worker_id: str | None
    command: str
    filename: str | None
    stdout: str
    stderr: str
    stdout_truncated: bool
    stderr_truncated: bool
    exit_code: int | None
    error_message: str | None
    created_at: int
    started_at: int | None
    completed_at: int | None


@dataclass(frozen=True, slots=True)
class SeedJobList:
    jobs: tuple[SeedJobView, ...]  # the newest last
    count: int
    next: str | None  # where older jobs are listed


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def worker_view(reading: WorkerReading) -> SeedWorkerView:
    worker = reading.worker
    return SeedWorkerView(
        worker_id=worker.id,
        hostname=worker.host_name,
        os=SYSTEMS[worker.os],
        cpu_count=worker.cpus,
        status="idle" if reading.state is WorkerState.AVAILABLE else reading.state.value,
        last_heartbeat=milliseconds(worker.last_contact),
        version=worker.version,
    )


def job_view(reading: SeedReading, asked: str = "") -> SeedJobView:
    """Show a job under the id by which it was asked for."""
    job = reading.job
    return SeedJobView(
        job_id=asked or job.id,
        status=reading.state,
        worker_id=job.worker,
        command="\n".join(job.order.commands),
        filename=job.order.project_name or None,
        stdout=_text(reading.stdout),
        stderr=_text(reading.stderr),
        stdout_truncated=reading.stdout.truncated,
        stderr_truncated=reading.stderr.truncated,
        exit_code=job.exit_code,
        error_message=reading.error,
        created_at=milliseconds(job.created_at),
        started_at=_time(job.started_at),
        completed_at=_time(job.finished_at),
    )


def _time(seconds: float | None) -> int | None:
    return None if seconds is None else milliseconds(seconds)


def _text(tail: Tail) -> str:
    data = tail.data
    if tail.truncated:  # the cut may have gone through a letter, of which up to 3 bytes are left
        while data and len(tail.data) - len(data) < 3 and data[0] & 0xC0 == 0x80:
            data = data[1:]
    return data.decode("utf-8", "replace")
