"""Cancel a job: at once while it waits, by an order to its worker while it runs."""

from coordinator.domain.errors import Conflict
from coordinator.domain.job import Job
from coordinator.domain.notices import JobChanged, WorkerCalled
from coordinator.use_cases.end_attempts import end_attempt
from coordinator.use_cases.ports import AttemptEnd, Transaction
from shared.vocabulary import AttemptOutcome, JobState


def cancel_job(tx: Transaction, job_id: str) -> Job:
    """End the job, or ask for its end; asking again changes nothing. Raises NotFound, Conflict."""
    job = tx.jobs.get(job_id)
    if job.finished:
        if job.state is JobState.CANCELLED:
            return job
        raise Conflict(f"The job has ended already ({job.state.value}): there is nothing to cancel.")
    if job.leased:
        _ask(tx, job)
    else:
        again = "Cancelled while it waited to run again." if job.attempt else "Cancelled before it started."
        tx.jobs.cancel_waiting(job.id, tx.now, again)
        tx.notify(JobChanged(job.id))
    return tx.jobs.get(job_id)


def _ask(tx: Transaction, job: Job) -> None:
    attempt = tx.attempts.get(job.id, job.attempt)
    assert attempt is not None  # a leased job has an open attempt
    tx.jobs.ask_cancel(job.id)
    tx.notify(JobChanged(job.id))
    if attempt.worker is not None:
        tx.notify(WorkerCalled(attempt.worker))
    if (
        attempt.session is None
    ):  # the older interface cannot be told: the job ends here and its late result is ignored
        end_attempt(tx, tx.jobs.get(job.id), attempt, AttemptEnd(AttemptOutcome.CANCELLED, tx.now))
