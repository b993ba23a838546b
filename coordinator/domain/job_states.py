"""The table of legal moves of jobs, and what an attempt's end makes of its job. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from coordinator.domain.job import Job
from coordinator.domain.retry import LOST_LIMIT, backoff_s
from shared.vocabulary import AttemptOutcome, JobState


class Event(StrEnum):
    START = "start"  # the first sign that the attempt's process runs
    SUCCEED = "succeed"
    FAIL = "fail"
    RETURN = "return"  # back to the queue
    CANCEL = "cancel"


MOVES: dict[tuple[JobState, Event], JobState] = {
    (JobState.PENDING, Event.START): JobState.RUNNING,
    (JobState.PENDING, Event.SUCCEED): JobState.COMPLETED,  # start and result told in one breath
    (JobState.PENDING, Event.FAIL): JobState.FAILED,
    (JobState.PENDING, Event.RETURN): JobState.PENDING,
    (JobState.PENDING, Event.CANCEL): JobState.CANCELLED,
    (JobState.RUNNING, Event.SUCCEED): JobState.COMPLETED,
    (JobState.RUNNING, Event.FAIL): JobState.FAILED,
    (JobState.RUNNING, Event.RETURN): JobState.PENDING,
    (JobState.RUNNING, Event.CANCEL): JobState.CANCELLED,
}


def next_state(state: JobState, event: Event) -> JobState | None:
    """Tell where `event` leads from `state`; None when the move is not legal."""
    return MOVES.get((state, event))


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of a job when its open attempt ends."""

    event: Event
    not_before: float | None = None
    failed: bool = False  # counts against the retries that the job asked for
    lost: bool = False
    interrupted: bool = False


def ending_of(job: Job, outcome: AttemptOutcome, now: float, jitter: float) -> Ending:
    """Decide what `job`, whose attempt ended with `outcome`, becomes. `jitter` is between 0 and 1.

    A result stands even while cancel is asked; any other end then makes the job cancelled.
    """
    if outcome is AttemptOutcome.COMPLETED:
        return Ending(Event.SUCCEED)
    if outcome in (AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT):
        if job.cancel_asked or job.failures >= job.order.retries:
            return Ending(Event.FAIL, failed=True)
        return Ending(Event.RETURN, not_before=now + backoff_s(job.failures, jitter), failed=True)
    if job.cancel_asked:
        return Ending(Event.CANCEL)
    if outcome is AttemptOutcome.LOST:
        return Ending(Event.FAIL if job.lost + 1 >= LOST_LIMIT else Event.RETURN, lost=True)
    return Ending(Event.RETURN, interrupted=outcome is AttemptOutcome.INTERRUPTED)
