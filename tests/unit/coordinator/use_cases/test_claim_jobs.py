"""Claiming: what matches and fits, counted in the database, first come first served."""

from coordinator.use_cases.exchange import claim_for_held_call, exchange
from shared.vocabulary import AgentState, JobState, Mode, OperatingSystem, SandboxLevel
from tests.builders import SHA, a_report, a_result, an_exchange
from tests.fakes.office import Office


def test_the_oldest_jobs_go_first(office: Office) -> None:
    jobs = [office.submit() for _ in range(3)]

    leases = office.agent(cpus=2).take()

    assert [lease.job for lease in leases] == [jobs[0].id, jobs[1].id]


def test_priority_goes_before_age(office: Office) -> None:
    low, usual, high = office.submit(priority=-1), office.submit(), office.submit(priority=5)

    leases = office.agent(cpus=3).take()

    assert [lease.job for lease in leases] == [high.id, usual.id, low.id]


def test_age_counts_across_requirement_classes(office: Office) -> None:
    jobs = [office.submit(labels=labels) for labels in [("git",), (), ("python",), ("git",)]]

    leases = office.agent(cpus=4).take()

    assert [lease.job for lease in leases] == [job.id for job in jobs]


def test_what_the_worker_holds_is_counted_whatever_it_says_is_free(office: Office) -> None:
    for _ in range(5):
        office.submit()
    agent = office.agent(cpus=2)
    agent.take()

    reply = agent.exchange(report=a_report(free=4096))

    assert reply.leases == ()


def test_a_worker_that_says_nothing_is_free_is_still_given_its_slots(office: Office) -> None:
    office.submit()

    reply = office.agent(cpus=1).exchange(report=a_report(free=0))

    assert len(reply.leases) == 1


def test_attempts_of_an_earlier_session_count_too(office: Office) -> None:
    office.submit()
    office.submit()
    agent = office.agent(cpus=1)
    agent.take_one()
    again = agent.restart("session-2")
    again.register()

    reply = again.exchange(holding=agent.holding)

    assert reply.leases == ()


def test_the_slot_of_a_result_can_be_filled_by_the_same_call(office: Office) -> None:
    first, second = office.submit(), office.submit()
    agent = office.agent(cpus=1)
    lease = agent.take_one()
    assert lease.job == first.id

    reply = agent.exchange(results=(a_result(lease),))

    assert [lease.job for lease in reply.leases] == [second.id]


def test_processors_are_counted_per_job(office: Office) -> None:
    wide, wider, narrow = office.submit(cpus=3), office.submit(cpus=2), office.submit(cpus=1)
    agent = office.agent(cpus=4)

    assert [lease.job for lease in agent.take()] == [wide.id, narrow.id]
    assert agent.take() == ()
    assert office.job(wider.id).state is JobState.PENDING


def test_memory_is_counted_per_job(office: Office) -> None:
    first, second = office.submit(memory_mb=3000), office.submit(memory_mb=3000)
    small = office.submit(memory_mb=1000)
    agent = office.agent(cpus=4, memory_mb=4096)

    assert [lease.job for lease in agent.take()] == [first.id, small.id]
    assert agent.take() == ()
    assert not office.job(second.id).leased


def test_a_job_that_cannot_run_here_does_not_stop_those_behind_it(office: Office) -> None:
    for _ in range(200):
        office.submit(os=OperatingSystem.WINDOWS)
    fitting = office.submit()

    assert office.agent(cpus=1).take_one().job == fitting.id


def test_only_the_builtin_worker_takes_direct_jobs_and_nothing_else(office: Office) -> None:
    direct, distributed = office.submit(mode=Mode.DIRECT), office.submit()
    builtin = office.agent("session-b")
    lent = office.agent("session-l")

    assert [lease.job for lease in lent.take()] == [distributed.id]
    assert builtin.take() == ()
    own = type(builtin)(office.store, "session-own")
    own.register(builtin=True)
    assert [lease.job for lease in own.take()] == [direct.id]


def test_a_worker_that_does_not_lend_its_pc_gets_nothing(office: Office) -> None:
    office.submit()
    agent = office.agent()

    for state in set(AgentState) - {AgentState.AVAILABLE, AgentState.WORKING}:
        assert agent.exchange(report=a_report(availability=state)).leases == (), state
    assert len(agent.exchange(report=a_report(availability=AgentState.WORKING)).leases) == 1


def test_a_worker_gets_nothing_before_its_first_report(office: Office) -> None:
    office.submit()
    agent = office.agent()

    reply = office.store.transact(lambda tx: claim_for_held_call(tx, an_exchange(0, agent.session))).reply

    assert reply.leases == ()


def test_a_drained_worker_finishes_and_takes_no_more(office: Office) -> None:
    office.submit()
    office.submit()
    agent = office.agent(cpus=1)
    lease = agent.take_one()
    office.drain(agent, True)

    reply = agent.exchange(results=(a_result(lease),))

    assert [order.kind.value for order in reply.orders] == ["drain"]
    assert reply.leases == ()
    office.drain(agent, False)
    assert len(agent.take()) == 1


def test_a_call_that_may_not_claim_still_says_everything_else(office: Office) -> None:
    office.submit()
    agent = office.agent()

    reply = office.store.transact(lambda tx: exchange(tx, agent.next_request(), may_claim=False)).reply

    assert reply.leases == ()
    assert len(agent.take()) == 1


def test_a_lease_says_all_that_the_agent_must_know(office: Office) -> None:
    office.store.transact(lambda tx: tx.files.add_stored(SHA, 4711))
    office.store.transact(lambda tx: tx.files.add_project(SHA, "p.zip", 3, 9000))
    job = office.submit("a", "b", project=SHA, cpus=2, memory_mb=100, sandbox=SandboxLevel.NONE)

    lease = office.agent(cpus=2).take_one()

    assert (lease.job, lease.attempt, lease.lease_s) == (job.id, 1, 60.0)
    assert lease.spec == job.order.spec(4711)
    assert lease.spec.project is not None and lease.spec.project.size == 4711
    held = office.job(job.id)
    assert (held.leased, held.state, held.attempt) == (True, JobState.PENDING, 1)


def test_one_call_is_given_at_most_64_jobs(office: Office) -> None:
    for _ in range(70):
        office.submit()
    agent = office.agent(cpus=200)

    assert (len(agent.take()), len(agent.take())) == (64, 6)
