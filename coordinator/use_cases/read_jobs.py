"""Tell what has become of jobs: one with its attempts, or a page of many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coordinator.domain.attempt import Attempt
from coordinator.domain.job import Job
from coordinator.use_cases.cursors import cursor_of, foreign_cursor, place_of
from coordinator.use_cases.explain_jobs import job_sentence
from coordinator.use_cases.ports import Transaction
from shared.vocabulary import JobState


@dataclass(frozen=True, slots=True)
class JobReading:
    """A job, and what is said of it."""

    job: Job
    message: str
    worker_name: str | None


@dataclass(frozen=True, slots=True)
class AttemptReading:
    attempt: Attempt
    worker_name: str | None


@dataclass(frozen=True, slots=True)
class JobPage:
    jobs: Sequence[JobReading]
    next: str | None


def read_job(tx: Transaction, job_id: str) -> tuple[JobReading, list[AttemptReading]]:
    """Tell all about one job. Raises NotFound."""
    job = tx.jobs.get(job_id)
    attempts = tx.attempts.of_job(job.id)
    names = _names(tx, [attempt.worker for attempt in attempts])
    return explained(tx, job), [AttemptReading(a, names.get(a.worker or "")) for a in attempts]


def explained(tx: Transaction, job: Job) -> JobReading:
    """Tell one job with the sentence that says why it waits: that looks at every worker and at the queue."""
    return JobReading(job, job_sentence(tx, job), _names(tx, [job.worker]).get(job.worker or ""))


def unexplained(tx: Transaction, jobs: Sequence[Job]) -> list[JobReading]:
    """Tell jobs with what is stored of each, so that a list costs no more than its rows."""
    names = _names(tx, [job.worker for job in jobs])
    return [JobReading(job, job.message, names.get(job.worker or "")) for job in jobs]


def read_page(tx: Transaction, state: JobState | None, after: str | None, limit: int) -> JobPage:
    """List jobs, the newest first, older than the cursor `after`. Raises Invalid."""
    before = _number(after) if after is not None else None
    found = tx.jobs.newest(state, before, limit + 1)
    more = len(found) > limit
    return JobPage(unexplained(tx, found[:limit]), cursor_of(str(found[limit - 1].number)) if more else None)


def _number(cursor: str) -> int:
    place = place_of(cursor)
    if not (place.isascii() and place.isdigit() and len(place) < 19):
        raise foreign_cursor()
    return int(place)


def _names(tx: Transaction, workers: Iterable[str | None]) -> dict[str, str]:
    found = (tx.workers.find(worker) for worker in dict.fromkeys(workers) if worker is not None)
    return {worker.id: worker.host_name for worker in found if worker is not None}
