"""End an attempt, and with it move its job on: the one way in which both change together."""

import random

from coordinator.domain.attempt import Attempt
from coordinator.domain.exit_codes import exit_sentence
from coordinator.domain.job import Job
from coordinator.domain.job_states import Ending, Event, ending_of, next_state
from coordinator.domain.notices import JobChanged, WorkAvailable
from coordinator.domain.retry import MANY_INTERRUPTIONS
from coordinator.use_cases.ports import AttemptEnd, JobUpdate, Transaction
from shared.vocabulary import AttemptOutcome, JobState

NO_FAULT_OF_THE_PC = frozenset(
    {AttemptOutcome.RELEASED, AttemptOutcome.REJECTED, AttemptOutcome.INTERRUPTED, AttemptOutcome.CANCELLED}
)


def end_attempt(
    tx: Transaction, job: Job, attempt: Attempt, end: AttemptEnd, only_expired: bool = False
) -> bool:
    """End `attempt` if it is still open and the job's current one; tell whether it was."""
    if job.attempt != attempt.number or job.finished:
        return False
    ended = tx.attempts.end_expired(attempt, end) if only_expired else tx.attempts.end(attempt.id, end)
    if not ended:
        return False
    ending = ending_of(job, end.outcome, end.at, random.random())
    state = next_state(job.state, ending.event)
    if state is None or not tx.jobs.end_attempt(
        job.id, attempt.number, _update(tx, job, attempt, end, ending, state)
    ):
        raise AssertionError(f"attempt {attempt.number} of {job.id} was open, but the job could not move on")
    _judge_worker(tx, attempt, end)
    tx.notify(JobChanged(job.id))
    if state is JobState.PENDING and ending.not_before is None:
        tx.notify(WorkAvailable(job.order.requirements))
    return True


def _update(
    tx: Transaction, job: Job, attempt: Attempt, end: AttemptEnd, ending: Ending, state: JobState
) -> JobUpdate:
    final = state is not JobState.PENDING
    interruptions = job.interruptions + ending.interrupted
    return JobUpdate(
        state=state,
        started_at=(job.started_at or end.started_at) if final else None,
        finished_at=end.at if final else None,
        not_before=ending.not_before,
        exit_code=end.exit_code if final and ending.event in (Event.SUCCEED, Event.FAIL) else None,
        message=_sentence(tx, job, attempt, end, ending, interruptions),
        failures=job.failures + ending.failed,
        lost=job.lost + ending.lost,
        interruptions=interruptions,
    )


def _sentence(
    tx: Transaction, job: Job, attempt: Attempt, end: AttemptEnd, ending: Ending, interruptions: int
) -> str:
    if ending.event is Event.CANCEL:
        return "Cancelled."
    if ending.event is Event.SUCCEED:
        return end.message
    if ending.lost and ending.event is Event.FAIL:
        names = ", ".join(dict.fromkeys(tx.attempts.lost_workers(job.id)))
        return f"Given up: the PCs that ran it went silent {job.lost + 1} times ({names})."
    if ending.interrupted and interruptions >= MANY_INTERRUPTIONS:
        return f"Interrupted {interruptions} times by PC owners: it needs a PC that is away longer."
    return failure_sentence(tx, attempt, end)


def failure_sentence(tx: Transaction, attempt: Attempt, end: AttemptEnd) -> str:
    """Say in words how an attempt ended that did not complete."""
    if end.outcome is AttemptOutcome.LOST:
        return "The PC went silent."
    if end.outcome is not AttemptOutcome.FAILED or not end.exit_code:
        return end.message
    worker = tx.workers.find(attempt.worker) if attempt.worker else None
    sentence = exit_sentence(end.exit_code, worker.os if worker else None)
    return f"{sentence} {end.message}".strip()


def _judge_worker(tx: Transaction, attempt: Attempt, end: AttemptEnd) -> None:
    if attempt.worker is None or end.outcome in NO_FAULT_OF_THE_PC or end.outcome is AttemptOutcome.LOST:
        return  # the loss of several attempts at once counts once: see expire_leases
    never_started = end.outcome is AttemptOutcome.FAILED and end.exit_code is None
    tx.workers.note_attempt(attempt.worker, good=not never_started)
