"""The exchange: repeats change nothing, only the newest word about holding counts, leases live by contact."""

import pytest

from coordinator.domain.attempt import FIRST_CONTACT_S, LEASE_S
from coordinator.domain.errors import SessionUnknown
from coordinator.use_cases.exchange import claim_for_held_call, exchange
from shared.messages import AttemptRef
from shared.vocabulary import AgentState, Answer, AttemptOutcome, JobState, OrderKind
from tests.builders import a_report, a_result, an_exchange, ref_of, started
from tests.fakes.office import Office


def test_a_repeated_seq_gives_the_same_leases_with_the_same_tokens(office: Office) -> None:
    office.submit()
    office.submit()
    agent = office.agent(cpus=2)
    request = agent.next_request()

    first = agent.say(request)
    again = agent.say(request)

    assert len(first.leases) == 2
    assert again.leases == first.leases
    assert office.attempt(first.leases[0].job).number == 1


def test_a_repeat_gives_again_only_what_is_still_open(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    request = agent.next_request()
    agent.say(request)
    office.clock.advance(FIRST_CONTACT_S + 1)
    office.expire()
    office.cancel(job.id)

    assert agent.say(request).leases == ()


def test_the_next_seq_does_not_repeat_leases(office: Office) -> None:
    office.submit()
    agent = office.agent()
    agent.take_one()

    assert agent.take() == ()


def test_tokens_differ_between_attempts_and_jobs(office: Office) -> None:
    office.submit()
    office.submit()
    agent = office.agent()
    first = agent.take()

    second = agent.exchange(holding=()).leases  # the first two are lost, and granted anew

    assert [lease.attempt for lease in second] == [2, 2]
    assert len({lease.token for lease in (*first, *second)}) == 4


def test_an_unlisted_attempt_is_lost_once_its_grant_was_acknowledged(office: Office) -> None:
    job = office.submit()
    agent = office.agent(cpus=1)
    agent.take_one()

    agent.exchange(holding=(), report=a_report(availability=AgentState.PAUSED))

    assert office.attempt(job.id).outcome is AttemptOutcome.LOST
    waiting = office.job(job.id)
    assert (waiting.state, waiting.leased, waiting.lost) == (JobState.PENDING, False, 1)


def test_an_unlisted_attempt_stays_while_its_grant_may_still_be_on_its_way(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    agent.say(agent.next_request())  # granted at seq 1, and the reply never arrives

    agent.exchange()  # seq 2, ack 0

    assert office.attempt(job.id).open
    agent.exchange()  # seq 3, ack 2
    assert office.attempt(job.id).outcome is AttemptOutcome.LOST


def test_a_late_older_call_does_not_count_as_holding(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    late = agent.next_request(ack=9)
    agent.next_request()
    agent.take_one()

    reply = agent.say(late)

    assert office.attempt(job.id).open
    assert reply.gone == ()
    assert reply.leases == ()


def test_a_late_older_call_takes_no_job_and_changes_no_report(office: Office) -> None:
    agent = office.agent()
    late = agent.next_request(report=a_report(availability=AgentState.AVAILABLE))
    agent.exchange(report=a_report(availability=AgentState.PAUSED, reason="Paused until noon."))
    job = office.submit()

    reply = agent.say(late)

    assert reply.leases == ()
    assert not office.job(job.id).leased
    worker = office.worker(agent.worker)
    assert (worker.availability, worker.reason, worker.last_seq) == (
        AgentState.PAUSED,
        "Paused until noon.",
        2,
    )


def test_a_late_older_call_of_a_pc_that_lends_takes_no_job(office: Office) -> None:
    agent = office.agent()
    late = agent.next_request()
    agent.exchange()
    job = office.submit()

    assert agent.say(late).leases == ()
    assert not office.job(job.id).leased
    assert len(agent.take()) == 1


def test_a_late_older_call_still_settles_its_results(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    late = agent.next_request(results=(a_result(lease),))
    agent.exchange()

    assert [s.answer for s in agent.say(late).settled] == [Answer.ACCEPTED]
    assert office.job(job.id).state is JobState.COMPLETED


def test_a_late_older_call_renews_nothing_but_is_contact(office: Office) -> None:
    office.submit()
    agent = office.agent()
    lease = agent.take_one()
    late = agent.next_request()
    agent.exchange()
    until = office.attempt(lease.job).lease_until
    office.clock.advance(20)

    agent.say(late)

    assert office.attempt(lease.job).lease_until == until
    assert office.worker(agent.worker).last_contact == office.clock.now


def test_what_is_listed_but_unknown_is_gone(office: Office) -> None:
    agent = office.agent()
    strange = AttemptRef("job-of-yesterday", 3)

    assert agent.exchange(holding=(strange,)).gone == (strange,)


def test_what_expired_is_gone_when_its_agent_comes_back(office: Office) -> None:
    office.submit()
    agent = office.agent(cpus=1)
    ref = ref_of(agent.take_one())
    office.clock.advance(FIRST_CONTACT_S + 1)
    office.expire()

    assert agent.exchange().gone == (ref,)


def test_a_settled_attempt_is_not_also_gone(office: Office) -> None:
    office.submit()
    agent = office.agent()
    lease = agent.take_one()

    reply = agent.exchange(results=(a_result(lease),))
    repeated = agent.exchange(results=(a_result(lease),), holding=(ref_of(lease),))

    assert (reply.gone, repeated.gone) == ((), ())


def test_the_first_contact_is_due_in_a_minute_and_each_call_renews(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    agent.take_one()
    assert office.attempt(job.id).lease_until == office.clock.now + FIRST_CONTACT_S

    office.clock.advance(30)
    agent.exchange()

    assert office.attempt(job.id).lease_until == office.clock.now + LEASE_S


def test_only_the_listed_attempts_are_renewed(office: Office) -> None:
    office.submit()
    agent = office.agent()
    agent.say(agent.next_request())
    until = office.clock.now + FIRST_CONTACT_S
    office.clock.advance(10)

    lost_reply = office.store.read(lambda tx: tx.attempts.held_by(agent.worker))
    agent.exchange()

    assert office.attempt(lost_reply[0].job).lease_until == until


def test_a_worker_cannot_renew_what_another_holds(office: Office) -> None:
    office.submit()
    ref = ref_of(office.agent("session-a").take_one())
    until = office.attempt(ref.job).lease_until
    other = office.agent("session-b")
    office.clock.advance(10)

    reply = other.exchange(holding=(ref,))

    assert reply.gone == (ref,)
    assert office.attempt(ref.job).lease_until == until


def test_an_unknown_session_must_register(office: Office) -> None:
    with pytest.raises(SessionUnknown, match="Register again"):
        office.store.transact(lambda tx: claim_for_held_call(tx, an_exchange(1, "nobody")))


def test_a_held_call_is_given_what_came_meanwhile(office: Office) -> None:
    agent = office.agent()
    held = agent.next_request()
    assert agent.say(held).leases == ()
    job = office.submit()

    exchanged = office.store.transact(lambda tx: claim_for_held_call(tx, held))

    assert [lease.job for lease in exchanged.reply.leases] == [job.id]
    assert agent.say(held).leases == exchanged.reply.leases  # and its repeat is given the same


def test_a_held_call_that_a_newer_one_overtook_claims_nothing(office: Office) -> None:
    agent = office.agent()
    held = agent.next_request()
    agent.say(held)
    agent.exchange()
    job = office.submit()

    reply = office.store.transact(lambda tx: claim_for_held_call(tx, held)).reply

    assert reply.leases == ()
    assert not office.job(job.id).leased


def test_a_held_call_hears_of_a_cancel(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(started=(started(lease),))
    held = agent.next_request()
    agent.say(held)
    office.cancel(job.id)

    reply = office.store.transact(lambda tx: claim_for_held_call(tx, held)).reply

    assert [(o.kind, o.job, o.attempt) for o in reply.orders] == [(OrderKind.CANCEL, job.id, 1)]


def test_an_order_is_repeated_until_it_is_obeyed(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.cancel(job.id)

    assert [len(agent.exchange().orders) for _ in range(3)] == [1, 1, 1]
    assert agent.exchange(results=(a_result(lease),)).orders == ()


def test_what_a_held_call_would_take_is_told_by_its_room(office: Office) -> None:
    office.submit(cpus=1, memory_mb=1000)
    agent = office.agent(cpus=2, memory_mb=1500)
    request = agent.next_request()

    exchanged = office.store.transact(lambda tx: exchange(tx, request))

    wanted = office.submit().order.requirements
    assert exchanged.would_take(wanted)
    assert not exchanged.would_take(office.submit(cpus=2).order.requirements)
    assert not exchanged.would_take(office.submit(memory_mb=501).order.requirements)
    assert not exchanged.would_take(office.submit(labels=("cuda",)).order.requirements)
