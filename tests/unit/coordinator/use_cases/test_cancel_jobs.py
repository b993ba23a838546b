"""Cancelling: at once while a job waits, by an order while it runs; whichever end arrives first stands."""

import pytest

from coordinator.domain.attempt import FIRST_CONTACT_S
from coordinator.domain.errors import Conflict, NotFound
from coordinator.domain.notices import JobChanged, WorkerCalled
from coordinator.use_cases.end_attempts import end_attempt
from coordinator.use_cases.ports import AttemptEnd, Transaction
from shared.messages import Lease
from shared.vocabulary import Answer, AttemptOutcome, JobState, OrderKind, ResultOutcome
from tests.builders import a_failure, a_result, an_attempt, rejected, released, started
from tests.fakes.office import Office


def _cancelled(lease: Lease) -> object:
    return a_result(lease, outcome=ResultOutcome.CANCELLED, exit_code=None)


def test_a_waiting_job_is_cancelled_at_once(office: Office) -> None:
    job = office.submit()
    office.heard()

    cancelled = office.cancel(job.id)

    assert (cancelled.state, cancelled.finished_at) == (JobState.CANCELLED, office.clock.now)
    assert cancelled.message == "Cancelled before it started."
    assert office.heard() == [JobChanged(job.id)]
    assert office.agent().take() == ()


def test_a_job_that_waits_for_its_retry_is_cancelled_at_once(office: Office) -> None:
    job = office.submit(retries=1)
    agent = office.agent()
    agent.exchange(results=(a_failure(agent.take_one()),))

    cancelled = office.cancel(job.id)
    assert cancelled.state is JobState.CANCELLED
    assert cancelled.message == "Cancelled while it waited to run again."
    office.clock.advance(600)
    office.ripen()
    assert agent.take() == ()


def test_a_leased_job_ends_by_an_order_to_its_worker(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.heard()

    asked = office.cancel(job.id)

    assert (asked.state, asked.cancel_asked, asked.leased) == (JobState.PENDING, True, True)
    assert office.heard() == [JobChanged(job.id), WorkerCalled(agent.worker)]
    assert [(o.kind, o.job, o.attempt) for o in agent.exchange().orders] == [(OrderKind.CANCEL, job.id, 1)]
    agent.exchange(released=(released(lease),))
    ended = office.job(job.id)
    assert (ended.state, ended.message) == (JobState.CANCELLED, "Cancelled.")


def test_a_running_job_is_cancelled_when_its_agent_says_so(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(started=(started(lease),))
    assert office.cancel(job.id).state is JobState.RUNNING

    reply = agent.exchange(results=(_cancelled(lease),))

    assert [s.answer for s in reply.settled] == [Answer.ACCEPTED]
    ended = office.job(job.id)
    assert (ended.state, ended.finished_at) == (JobState.CANCELLED, office.clock.now)
    assert office.attempt(job.id).outcome is AttemptOutcome.CANCELLED


def test_asking_again_changes_nothing(office: Office) -> None:
    job = office.submit()
    office.agent().take_one()
    first = office.cancel(job.id)

    assert office.cancel(job.id) == first


def test_a_cancelled_job_may_be_cancelled_again(office: Office) -> None:
    job = office.submit()
    first = office.cancel(job.id)
    office.clock.advance(5)

    assert office.cancel(job.id) == first


@pytest.mark.parametrize("code", [0, 1])
def test_a_finished_job_cannot_be_cancelled(office: Office, code: int) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(results=(a_result(lease) if code == 0 else a_failure(lease, code),))
    before = office.job(job.id)

    with pytest.raises(Conflict, match="ended already"):
        office.cancel(job.id)
    assert office.job(job.id) == before


def test_an_unknown_job_cannot_be_cancelled(office: Office) -> None:
    with pytest.raises(NotFound):
        office.cancel("job-nowhere")


def test_a_result_that_arrives_after_the_cancel_still_stands(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.cancel(job.id)

    agent.exchange(results=(a_result(lease),))

    assert office.job(job.id).state is JobState.COMPLETED


def test_a_failure_that_arrives_after_the_cancel_stands_and_is_not_retried(office: Office) -> None:
    job = office.submit(retries=5)
    agent = office.agent()
    lease = agent.take_one()
    office.cancel(job.id)

    agent.exchange(results=(a_failure(lease),))

    assert office.job(job.id).state is JobState.FAILED


@pytest.mark.parametrize("end", ["released", "rejected", "interrupted", "forgotten", "silent"])
def test_any_end_but_a_result_makes_an_unwanted_job_cancelled(office: Office, end: str) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.cancel(job.id)

    if end == "released":
        agent.exchange(released=(released(lease),))
    elif end == "rejected":
        agent.exchange(released=(rejected(lease),))
    elif end == "interrupted":
        agent.exchange(results=(a_result(lease, outcome=ResultOutcome.INTERRUPTED, exit_code=None),))
    elif end == "forgotten":
        agent.exchange(holding=())
    else:
        office.clock.advance(FIRST_CONTACT_S + 1)
        office.expire()

    ended = office.job(job.id)
    assert (ended.state, ended.leased, ended.exit_code) == (JobState.CANCELLED, False, None)
    assert not office.attempt(job.id).open


def _grant_by_the_older_interface(office: Office, job_id: str) -> None:
    def grant(tx: Transaction) -> None:
        tx.jobs.grant(tx.jobs.get(job_id), None)
        tx.attempts.open_attempt(an_attempt(job=job_id, worker=None, session=None, address="192.0.2.9"))

    office.store.transact(grant)


def test_a_worker_that_cannot_be_told_is_not_waited_for(office: Office) -> None:
    job = office.submit()
    _grant_by_the_older_interface(office, job.id)

    ended = office.cancel(job.id)

    assert (ended.state, ended.leased) == (JobState.CANCELLED, False)
    assert office.attempt(job.id).outcome is AttemptOutcome.CANCELLED


def test_what_ended_is_not_ended_again(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    agent.exchange(results=(a_result(agent.take_one()),))
    done, attempt = office.job(job.id), office.attempt(job.id)

    end = AttemptEnd(AttemptOutcome.LOST, office.clock.now)

    assert not office.store.transact(lambda tx: end_attempt(tx, done, attempt, end))
    assert (office.job(job.id), office.attempt(job.id)) == (done, attempt)


def test_a_pc_that_does_not_obey_a_cancel_cannot_hold_the_job(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(started=(started(lease),))
    office.cancel(job.id)
    for _ in range(10):  # it goes on listing the attempt, which renews any other lease
        office.clock.advance(10)
        agent.exchange()
        office.expire()

    assert office.job(job.id).state is JobState.CANCELLED
    assert agent.exchange().leases == ()
