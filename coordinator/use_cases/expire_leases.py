"""Take back what silent workers hold, and let jobs be claimed whose waiting time is over."""

from coordinator.domain.attempt import Attempt
from coordinator.domain.notices import WorkAvailable
from coordinator.use_cases.end_attempts import end_attempt
from coordinator.use_cases.ports import AttemptEnd, Transaction
from shared.vocabulary import AttemptOutcome

BATCH = 200  # short transactions, so that nobody waits for them


def expire_leases(tx: Transaction) -> int:
    """End the attempts whose lease ran out; tell how many were seen. Call again while it returns BATCH."""
    expired = tx.attempts.expired(BATCH)
    jobs = tx.jobs.get_many([attempt.job for attempt in expired])
    silent: set[str] = set()
    for attempt in expired:
        job = jobs.get(attempt.job)
        end = AttemptEnd(AttemptOutcome.LOST, tx.now, message="The PC went silent.")
        if job is not None and end_attempt(tx, job, attempt, end, only_expired=True) and attempt.worker:
            silent.add(attempt.worker)
    for worker in silent:  # one silence is one fault, however many jobs it took
        tx.workers.note_attempt(worker, good=False)
    return len(expired)


def lose_attempt(tx: Transaction, attempt: Attempt, why: str) -> None:
    """End an open attempt that its worker does not know of."""
    job = tx.jobs.get(attempt.job)
    end_attempt(tx, job, attempt, AttemptEnd(AttemptOutcome.LOST, tx.now, message=why))


def ripen_jobs(tx: Transaction) -> None:
    """Let the jobs be claimed whose back-off has passed."""
    for requirements in tx.jobs.ripen():
        tx.notify(WorkAvailable(requirements))
