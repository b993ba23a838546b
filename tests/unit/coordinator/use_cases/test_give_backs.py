"""What becomes of a job that comes back: released, rejected, interrupted, failed with retries, lost."""

import pytest

from coordinator.domain.attempt import FIRST_CONTACT_S
from coordinator.domain.notices import JobChanged, WorkAvailable
from shared.messages import Lease
from shared.vocabulary import AgentState, AttemptOutcome, JobState, ResultOutcome
from tests.builders import a_failure, a_report, a_result, rejected, released, started
from tests.fakes.office import Office
from tests.fakes.scripted_agent import ScriptedAgent

PAUSED = a_report(availability=AgentState.PAUSED)


def _interrupted(lease: Lease) -> object:
    return a_result(lease, outcome=ResultOutcome.INTERRUPTED, exit_code=None, message="The owner came back.")


def test_a_released_job_waits_again_and_nothing_is_counted(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.heard()

    agent.exchange(released=(released(lease, reason="The owner came back."),), report=PAUSED)

    waiting = office.job(job.id)
    assert (waiting.state, waiting.leased, waiting.attempt) == (JobState.PENDING, False, 1)
    assert (waiting.failures, waiting.lost, waiting.interruptions) == (0, 0, 0)
    assert waiting.message == "The owner came back."
    assert office.heard() == [JobChanged(job.id), WorkAvailable(job.order.requirements)]
    assert office.attempt(job.id).outcome is AttemptOutcome.RELEASED
    assert agent.take_one().attempt == 2


def test_a_rejected_job_is_offered_to_others_only(office: Office) -> None:
    job = office.submit()
    behind = office.submit()
    agent = office.agent(cpus=1)

    reply = agent.exchange(released=(rejected(agent.take_one()),))

    assert [lease.job for lease in reply.leases] == [behind.id]
    assert office.attempt(job.id).outcome is AttemptOutcome.REJECTED
    assert office.agent("session-other").take_one().job == job.id


def test_a_worker_is_asked_again_once_it_registers_anew(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    agent.exchange(released=(rejected(agent.take_one()),))
    assert agent.take() == ()

    again = agent.restart("session-2")
    again.register()

    assert again.take_one().job == job.id


def test_a_job_may_be_rejected_by_the_same_worker_twice(office: Office) -> None:
    office.submit()
    agent = office.agent()
    agent.exchange(released=(rejected(agent.take_one()),))
    again = agent.restart("session-2")
    again.register()

    again.exchange(released=(rejected(again.take_one()),))

    assert again.take() == ()


def test_an_interruption_is_never_the_jobs_failure(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(started=(started(lease),))

    agent.exchange(results=(_interrupted(lease),), report=PAUSED)

    waiting = office.job(job.id)
    assert (waiting.state, waiting.leased, waiting.interruptions) == (JobState.PENDING, False, 1)
    assert (waiting.failures, waiting.lost, waiting.exit_code) == (0, 0, None)
    assert office.worker(agent.worker).bad_streak == 0


def test_after_ten_interruptions_the_job_says_what_it_needs(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    messages = []
    for _ in range(10):
        agent.exchange(results=(_interrupted(agent.take_one()),), report=PAUSED)
        messages.append(office.job(job.id).message)

    assert set(messages[:9]) == {"The owner came back."}
    assert messages[9] == "Interrupted 10 times by PC owners: it needs a PC that is away longer."
    assert office.job(job.id).state is JobState.PENDING


def test_a_failure_is_final_by_default(office: Office) -> None:
    job = office.submit()
    agent = office.agent()

    agent.exchange(results=(a_failure(agent.take_one()),))

    assert office.job(job.id).state is JobState.FAILED


def test_a_failure_is_retried_as_often_as_asked_with_growing_pauses(office: Office) -> None:
    job = office.submit(retries=2)
    agent = office.agent()
    for number, longest in ((1, 10.0), (2, 20.0)):
        agent.exchange(results=(a_failure(agent.take_one(), 3),))
        waiting = office.job(job.id)
        assert (waiting.state, waiting.failures, waiting.message) == (
            JobState.PENDING,
            number,
            "Exit code 3.",
        )
        assert waiting.not_before is not None
        assert longest * 0.75 <= waiting.not_before - office.clock.now <= longest
        office.ripen()
        assert agent.take() == ()  # not ripe yet
        office.clock.advance(longest)
        office.ripen()

    agent.exchange(results=(a_failure(agent.take_one(), 4),))

    failed = office.job(job.id)
    assert (failed.state, failed.failures, failed.exit_code, failed.attempt) == (JobState.FAILED, 3, 4, 3)


def test_a_ripe_job_wakes_a_waiter(office: Office) -> None:
    job = office.submit(retries=1, labels=("git",))
    agent = office.agent()
    agent.exchange(results=(a_failure(agent.take_one()),))
    assert office.heard()[-1] == JobChanged(job.id)  # nobody is woken for what cannot be claimed

    office.ripen()
    assert office.heard() == []
    office.clock.advance(10)
    office.ripen()

    assert office.heard() == [WorkAvailable(job.order.requirements)]
    office.ripen()
    assert office.heard() == []


def test_time_outs_are_retried_like_failures(office: Office) -> None:
    job = office.submit(retries=1)
    agent = office.agent()

    agent.exchange(results=(a_result(agent.take_one(), outcome=ResultOutcome.TIMED_OUT, exit_code=None),))

    assert (office.job(job.id).state, office.job(job.id).failures) == (JobState.PENDING, 1)


def test_lost_and_failed_are_counted_apart(office: Office) -> None:
    """As in contribsys/faktory 409: an expired reservation used up the retries of the job."""
    job = office.submit(retries=1)
    agent = office.agent(cpus=1)
    agent.take_one()
    agent.exchange(holding=(), report=PAUSED)
    agent.exchange(results=(a_failure(agent.take_one()),))

    waiting = office.job(job.id)

    assert (waiting.state, waiting.lost, waiting.failures) == (JobState.PENDING, 1, 1)


def test_a_job_that_was_lost_five_times_fails_and_names_the_pcs(office: Office) -> None:
    """As in contribsys/faktory 99: a job that kills its worker must not be tried for ever."""
    job = office.submit()
    for number in range(1, 6):
        host = "lab" if number % 2 else "reception"
        agent = office.agent(f"session-{number}", host_name=host)
        assert agent.take_one().attempt == number
        office.clock.advance(FIRST_CONTACT_S + 1)
        office.expire()

    failed = office.job(job.id)

    assert (failed.state, failed.lost, failed.failures) == (JobState.FAILED, 5, 0)
    assert failed.message == "Given up: the PCs that ran it went silent 5 times (lab, reception)."
    assert failed.finished_at == office.clock.now


def _fail_to_start(agent: ScriptedAgent) -> int:
    reply = agent.exchange(results=tuple(a_failure(lease, None) for lease in agent.leases.values()))
    return len(reply.leases)


def test_a_pc_that_swallows_jobs_is_parked_after_three(office: Office) -> None:
    for _ in range(10):
        office.submit(retries=9)
    agent = office.agent(cpus=1)

    given = [_fail_to_start(agent) for _ in range(6)]

    assert given == [1, 1, 1, 0, 0, 0]
    assert office.worker(agent.worker).is_parked
    assert len(office.agent("session-other").take()) == 2


def test_jobs_that_fail_by_themselves_park_no_pc(office: Office) -> None:
    agent = office.agent(cpus=1)
    for _ in range(5):
        office.submit()
        agent.exchange(results=(a_failure(agent.take_one(), 1),))

    assert office.worker(agent.worker).bad_streak == 0


def test_one_good_attempt_ends_the_streak(office: Office) -> None:
    for _ in range(4):
        office.submit()
    agent = office.agent(cpus=1)
    for _ in range(3):
        _fail_to_start(agent)
    assert office.worker(agent.worker).bad_streak == 2

    agent.exchange(results=(a_result(agent.leases.popitem()[1]),))

    assert office.worker(agent.worker).bad_streak == 0


def test_one_silence_is_one_fault_however_many_jobs_it_took(office: Office) -> None:
    for _ in range(5):
        office.submit()
    agent = office.agent(cpus=5)
    assert len(agent.take()) == 5
    office.clock.advance(FIRST_CONTACT_S + 1)

    office.expire()

    assert office.worker(agent.worker).bad_streak == 1


def test_an_agent_that_keeps_forgetting_its_jobs_is_parked(office: Office) -> None:
    for _ in range(9):
        office.submit()
    agent = office.agent(cpus=2)
    assert len(agent.take()) == 2

    given = [len(agent.exchange(holding=()).leases) for _ in range(3)]

    assert given == [2, 2, 0]
    assert office.worker(agent.worker).bad_streak == 3


def test_a_new_session_is_a_new_chance(office: Office) -> None:
    office.submit(retries=9)
    office.submit(retries=9)
    office.submit(retries=9)
    agent = office.agent(cpus=1)
    for _ in range(4):
        _fail_to_start(agent)
    assert office.worker(agent.worker).is_parked
    agent.register()
    assert office.worker(agent.worker).is_parked, "the same registration again must change nothing"

    agent.restart("session-2").register()

    assert not office.worker(agent.worker).is_parked


@pytest.mark.parametrize("outcome", [ResultOutcome.CANCELLED, ResultOutcome.INTERRUPTED])
def test_an_end_that_nobody_asked_for_puts_the_job_back(office: Office, outcome: ResultOutcome) -> None:
    job = office.submit()
    agent = office.agent()

    agent.exchange(results=(a_result(agent.take_one(), outcome=outcome, exit_code=None),), report=PAUSED)

    assert office.job(job.id).state is JobState.PENDING


def test_a_job_that_waits_again_shows_no_start(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(started=(started(lease),))
    assert office.job(job.id).started_at is not None

    agent.exchange(results=(a_result(lease, outcome=ResultOutcome.INTERRUPTED, exit_code=None),))
    again = agent.take_one() if not agent.leases else next(iter(agent.leases.values()))
    assert office.job(job.id).started_at is None

    office.clock.advance(5)
    agent.exchange(started=(started(again),))
    assert office.job(job.id).started_at == office.clock.now
