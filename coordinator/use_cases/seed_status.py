"""Show jobs as the older interface shows them: four states, and the end of what was printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.domain.attempt import Attempt
from coordinator.domain.job import Job
from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.seed_attempts import find_reference
from shared.vocabulary import JobState, Stream

TAIL_BYTES = 1 << 20  # of each stream, of one job
LISTED_TAIL_BYTES = 16 * 1024  # of each job in a list
LISTED = 100

STATES: dict[JobState, str] = {
    JobState.PENDING: "pending",
    JobState.RUNNING: "running",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
}


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of what a stream holds."""

    data: bytes = b""
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class SeedReading:
    job: Job
    state: str
    error: str | None
    stdout: Tail
    stderr: Tail


@dataclass(frozen=True, slots=True)
class SeedPage:
    readings: Sequence[SeedReading]  # the newest last
    next: int | None  # ask for the jobs before this number


def read_status(tx: Transaction, text: str) -> SeedReading:
    """Read a job by its id or an alias. Raises NotFound."""
    return _reading(tx, find_reference(tx, text).job, TAIL_BYTES)


def list_jobs(tx: Transaction, before: int | None) -> SeedPage:
    """List the newest jobs, or the newest of those before the job numbered `before`."""
    jobs = tx.jobs.newest(None, before, LISTED + 1)
    shown = jobs[:LISTED]
    readings = [_reading(tx, job, LISTED_TAIL_BYTES) for job in reversed(shown)]
    return SeedPage(readings, shown[-1].number if len(jobs) > LISTED else None)


def _reading(tx: Transaction, job: Job, most: int) -> SeedReading:
    told = job.state is not JobState.PENDING  # what a lost attempt printed is not this job's output
    attempt = tx.attempts.get(job.id, job.attempt) if told else None
    stdout, stderr = (_tail(tx, attempt, s, most) for s in (Stream.STDOUT, Stream.STDERR))
    return SeedReading(job, STATES[job.state], _error(job), stdout, stderr)


def _error(job: Job) -> str | None:
    if job.state is JobState.CANCELLED:
        return f"The job was cancelled. {job.message}".removesuffix(" Cancelled.")
    return job.message or "The job failed." if job.state is JobState.FAILED else None


def _tail(tx: Transaction, attempt: Attempt | None, stream: Stream, most: int) -> Tail:
    if attempt is None:
        return Tail()
    size = attempt.stdout_bytes if stream is Stream.STDOUT else attempt.stderr_bytes
    if size == 0:
        return Tail()
    start = max(size - most, 0)
    return Tail(tx.output.text(attempt.id, stream, start, most), start > 0)
