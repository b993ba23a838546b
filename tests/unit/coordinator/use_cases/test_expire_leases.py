"""Expiry takes back what is silent and nothing else, whatever happens between looking and taking."""

from dataclasses import replace

import pytest

from coordinator.domain.attempt import FIRST_CONTACT_S, LEASE_S
from coordinator.domain.notices import JobChanged, WorkAvailable
from coordinator.use_cases.end_attempts import end_attempt
from coordinator.use_cases.expire_leases import BATCH, expire_leases
from coordinator.use_cases.ports import AttemptEnd, Transaction
from shared.messages import Lease
from shared.vocabulary import Answer, AttemptOutcome, JobState, Mode
from tests.builders import a_failure, a_result, ref_of, started
from tests.fakes.office import Office
from tests.fakes.scripted_agent import ScriptedAgent


def test_an_expired_lease_puts_the_job_back(office: Office) -> None:
    job = office.submit()
    office.agent().take_one()
    office.clock.advance(FIRST_CONTACT_S + 0.001)
    office.heard()

    assert office.expire() == 1

    waiting = office.job(job.id)
    assert (waiting.state, waiting.leased, waiting.lost) == (JobState.PENDING, False, 1)
    assert waiting.message == "The PC went silent."
    assert office.heard() == [JobChanged(job.id), WorkAvailable(job.order.requirements)]


def test_a_lease_holds_until_its_last_moment(office: Office) -> None:
    job = office.submit()
    office.agent().take_one()
    office.clock.advance(FIRST_CONTACT_S)

    assert office.expire() == 0
    assert office.attempt(job.id).open


def test_only_the_silent_are_taken_from(office: Office) -> None:
    silent_job, lively_job = office.submit(), office.submit()
    office.agent("session-s", cpus=1).take_one()
    lively = office.agent("session-l", cpus=1)
    lively.take_one()
    for _ in range(4):
        office.clock.advance(20)
        lively.exchange()
        office.expire()

    assert office.job(silent_job.id).lost == 1
    assert office.job(lively_job.id).lost == 0
    assert office.attempt(lively_job.id).open


def test_a_long_job_keeps_its_pc_as_long_as_it_is_heard_of(office: Office) -> None:
    """As in hexpm/hexpm 1825: a rescue by run time started 2 or 3 copies of each long job."""
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(started=(started(lease),))
    for _ in range(100):
        office.clock.advance(LEASE_S - 1)
        agent.exchange()
        assert office.expire() == 0

    assert office.job(job.id).attempt == 1


def _look_then(office: Office, agent: ScriptedAgent, **said: object) -> bool:
    """Look for expired leases, let the agent be heard, then take back what was seen: a slow expiry."""
    office.clock.advance(FIRST_CONTACT_S + 1)
    [seen] = office.store.read(lambda tx: tx.attempts.expired(10))
    job = office.job(seen.job)
    agent.exchange(**said)

    def take_back(tx: Transaction) -> bool:
        end = AttemptEnd(AttemptOutcome.LOST, tx.now)
        return end_attempt(tx, job, seen, end, only_expired=True)

    return office.store.transact(take_back)


def test_a_lease_renewed_after_expiry_looked_is_not_taken(office: Office) -> None:
    """As in riverqueue/river 1302: the rescuer read stuck rows, then updated them by id alone."""
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()

    assert not _look_then(office, agent, holding=(ref_of(lease),))

    assert office.attempt(job.id).open
    assert office.job(job.id).leased


def test_a_job_completed_after_expiry_looked_stays_completed(office: Office) -> None:
    """As in riverqueue/river 1302: completed jobs went back to be retried."""
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()

    assert not _look_then(office, agent, results=(a_result(lease),))

    assert office.job(job.id).state is JobState.COMPLETED
    assert office.attempt(job.id).outcome is AttemptOutcome.COMPLETED


def test_a_fresh_attempt_is_not_stolen_for_the_one_before(office: Office) -> None:
    """As in riverqueue/river 1302: fresh attempts were taken for the stuck ones."""
    job = office.submit(retries=1)
    agent = office.agent()
    lease = agent.take_one()
    old = office.attempt(job.id)
    agent.exchange(results=(a_failure(lease),))
    office.clock.advance(600)
    office.ripen()
    agent.take_one()
    stale_view = office.job(job.id)

    def take_back(tx: Transaction) -> bool:
        return end_attempt(tx, stale_view, old, AttemptEnd(AttemptOutcome.LOST, tx.now), only_expired=True)

    assert not office.store.transact(take_back)
    assert office.attempt(job.id, 2).open
    assert office.job(job.id).attempt == 2


def test_a_late_failure_of_an_older_attempt_changes_nothing(office: Office) -> None:
    """As in oban-bg/oban 532: attempt 2 failed after attempt 3 had ended and put the job back."""
    job = office.submit(retries=3)
    slow, quick = office.agent("session-slow", cpus=1), office.agent("session-quick", cpus=1)
    old = slow.take_one()
    office.clock.advance(FIRST_CONTACT_S + 1)
    office.expire()
    new = quick.take_one()
    quick.exchange(started=(started(new),))
    running = office.job(job.id)

    [while_running] = slow.exchange(results=(a_failure(old),)).settled
    assert (while_running.answer, office.job(job.id)) == (Answer.STALE, running)
    quick.exchange(results=(a_result(new),))
    [when_over] = slow.exchange(results=(a_failure(old),)).settled

    assert when_over.answer is Answer.OVER
    assert office.job(job.id).state is JobState.COMPLETED


def test_a_pc_that_restarts_under_the_same_name_keeps_nothing_alive(office: Office) -> None:
    """As in oban-bg/oban 862: orphans of the old process were believed alive because the name came back."""
    job = office.submit()
    agent = office.agent(cpus=1)
    agent.take_one()
    again = agent.restart("session-2")
    assert again.register().id == agent.worker

    again.exchange()

    assert office.attempt(job.id).outcome is AttemptOutcome.LOST
    assert office.job(job.id).lost == 1


def test_a_result_whose_reply_was_lost_is_not_a_failure(office: Office) -> None:
    """As in FoldingAtHome/fah-client-bastet 352: the server had accepted, the client noted a failure."""
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    request = agent.next_request(results=(a_result(lease),))

    answers = [agent.say(request).settled[0].answer for _ in range(3)]

    assert answers == [Answer.ACCEPTED, Answer.DUPLICATE, Answer.DUPLICATE]
    assert office.job(job.id).state is JobState.COMPLETED


def test_a_second_result_never_changes_the_accepted_one(office: Office) -> None:
    """As in BOINC 1489: a second upload changed a result that had been validated."""
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(results=(a_result(lease),))
    before = office.job(job.id), office.attempt(job.id)

    for other in (a_failure(lease), a_result(lease, exit_code=5), a_result(lease, duration_s=99.0)):
        agent.exchange(results=(other,))

    assert (office.job(job.id), office.attempt(job.id)) == before


def test_a_claim_whose_worker_dies_at_once_is_free_after_a_minute(office: Office) -> None:
    """As in actions/runner 4598: a worker died before its start and the job stayed bound to it."""
    job = office.submit()
    office.agent("session-dead", cpus=1).take_one()
    office.clock.advance(FIRST_CONTACT_S + 1)
    office.expire()

    assert office.agent("session-b").take_one().job == job.id


def test_many_leases_expire_in_short_transactions(office: Office) -> None:
    for _ in range(BATCH + 5):
        office.submit()
    agent = office.agent(cpus=4096)
    taken: list[Lease] = []
    while leases := agent.take():
        taken += leases
    office.clock.advance(LEASE_S + 1)

    assert [office.expire() for _ in range(3)] == [BATCH, 5, 0]
    assert len(taken) == BATCH + 5


def test_expiry_of_a_direct_job_puts_it_back_for_the_builtin_worker(office: Office) -> None:
    job = office.submit(mode=Mode.DIRECT)
    builtin = ScriptedAgent(office.store, "session-own")
    builtin.register(builtin=True)
    builtin.take_one()
    office.clock.advance(FIRST_CONTACT_S + 1)

    office.store.transact(expire_leases)

    assert office.job(job.id).state is JobState.PENDING
    assert builtin.exchange(holding=()).leases[0].attempt == 2


@pytest.mark.parametrize("step", [-3600.0, -1.0])
def test_a_clock_that_steps_back_takes_nothing(office: Office, step: float) -> None:
    job = office.submit()
    agent = office.agent()
    agent.take_one()
    office.clock.advance(step)

    assert office.expire() == 0
    agent.exchange()
    assert office.attempt(job.id).open
    assert office.job(job.id).leased


def test_a_stale_view_of_the_job_is_refused(office: Office) -> None:
    job = office.submit()
    office.agent().take_one()
    attempt = office.attempt(job.id)
    view = replace(office.job(job.id), attempt=7)

    end = AttemptEnd(AttemptOutcome.LOST, office.clock.now)

    assert not office.store.transact(lambda tx: end_attempt(tx, view, attempt, end))
    assert office.attempt(job.id).open
