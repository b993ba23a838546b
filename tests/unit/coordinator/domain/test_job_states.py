"""The table of legal moves, and what the end of an attempt makes of its job."""

import itertools

import pytest

from coordinator.domain.job_states import MOVES, Ending, Event, ending_of, next_state
from coordinator.domain.retry import LOST_LIMIT
from shared.vocabulary import OPEN_JOB_STATES, AttemptOutcome, JobState
from tests.builders import NOON, a_job, an_order

LEGAL = [
    # said again here by hand, so that a slip in the table is seen
    (JobState.PENDING, Event.START, JobState.RUNNING),
    (JobState.PENDING, Event.SUCCEED, JobState.COMPLETED),
    (JobState.PENDING, Event.FAIL, JobState.FAILED),
    (JobState.PENDING, Event.RETURN, JobState.PENDING),
    (JobState.PENDING, Event.CANCEL, JobState.CANCELLED),
    (JobState.RUNNING, Event.SUCCEED, JobState.COMPLETED),
    (JobState.RUNNING, Event.FAIL, JobState.FAILED),
    (JobState.RUNNING, Event.RETURN, JobState.PENDING),
    (JobState.RUNNING, Event.CANCEL, JobState.CANCELLED),
]
ABSENT = [pair for pair in itertools.product(JobState, Event) if pair not in {(s, e) for s, e, _ in LEGAL}]


@pytest.mark.parametrize(("state", "event", "after"), LEGAL)
def test_a_legal_move_leads_where_it_should(state: JobState, event: Event, after: JobState) -> None:
    assert next_state(state, event) is after


@pytest.mark.parametrize(("state", "event"), ABSENT)
def test_every_other_move_is_refused(state: JobState, event: Event) -> None:
    assert next_state(state, event) is None


def test_the_table_has_no_other_rows() -> None:
    assert {(state, event): after for state, event, after in LEGAL} == MOVES


def test_nothing_leads_out_of_an_ended_state() -> None:
    assert {state for state, _ in MOVES} == OPEN_JOB_STATES


def _expected(outcome: AttemptOutcome, cancel: bool, retries_left: bool, last_loss: bool) -> Event:
    """The rules of the design once more, in its own words."""
    if outcome is AttemptOutcome.COMPLETED:
        return Event.SUCCEED
    if outcome in (AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT):  # a result stands, cancelled or not
        return Event.RETURN if retries_left and not cancel else Event.FAIL
    if cancel:
        return Event.CANCEL
    return Event.FAIL if outcome is AttemptOutcome.LOST and last_loss else Event.RETURN


@pytest.mark.parametrize("outcome", AttemptOutcome)
@pytest.mark.parametrize("cancel", [False, True])
@pytest.mark.parametrize("failures", [0, 1, 2, 3])
@pytest.mark.parametrize("lost", [0, LOST_LIMIT - 2, LOST_LIMIT - 1])
def test_each_end_of_an_attempt(outcome: AttemptOutcome, cancel: bool, failures: int, lost: int) -> None:
    job = a_job(order=an_order(retries=2), cancel_asked=cancel, failures=failures, lost=lost, attempt=9)

    ending = ending_of(job, outcome, NOON, 0.0)

    assert ending.event is _expected(outcome, cancel, failures < 2, lost == LOST_LIMIT - 1)
    assert ending.failed is (outcome in (AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT))
    assert ending.lost is (outcome is AttemptOutcome.LOST and not cancel)
    assert ending.interrupted is (outcome is AttemptOutcome.INTERRUPTED and not cancel)
    waits = ending.failed and ending.event is Event.RETURN
    assert (ending.not_before is not None) is waits
    for state in OPEN_JOB_STATES:
        assert next_state(state, ending.event) is not None


def test_a_retry_waits_longer_each_time() -> None:
    waits = []
    for failures in range(3):
        ending = ending_of(
            a_job(order=an_order(retries=9), failures=failures), AttemptOutcome.FAILED, NOON, 0.0
        )
        assert ending.not_before is not None
        waits.append(ending.not_before - NOON)

    assert waits == [10.0, 20.0, 40.0]


def test_interruptions_never_end_a_job() -> None:
    job = a_job(interruptions=1_000_000)

    assert ending_of(job, AttemptOutcome.INTERRUPTED, NOON, 0.5) == Ending(Event.RETURN, interrupted=True)
