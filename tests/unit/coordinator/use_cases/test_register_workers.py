"""Registering: a PC keeps its identity over restarts, and a copied disk never shares one."""

import pytest

from coordinator.domain.errors import SessionTaken, SessionUnknown
from coordinator.domain.notices import WorkerCalled
from coordinator.domain.worker import OFFLINE_AFTER_S, WorkerKind, WorkerState
from coordinator.use_cases.register_workers import BUILTIN_WORKER
from shared.vocabulary import AgentState
from tests.builders import a_report
from tests.fakes.office import Office
from tests.fakes.scripted_agent import ScriptedAgent


def test_a_new_pc_becomes_a_worker(office: Office) -> None:
    worker = office.agent(host_name="Büro 3", cpus=8, labels=("b", "a", "b")).register()

    assert worker.id.startswith("pc-")
    assert (worker.kind, worker.host_name, worker.cpus) == (WorkerKind.AGENT, "Büro 3", 8)
    assert worker.labels == ("a", "b")
    assert (worker.session, worker.address) == ("session-1", "192.0.2.1")
    assert office.worker(worker.id) == worker


def test_a_repeated_registration_makes_no_second_worker(office: Office) -> None:
    agent = office.agent()
    first = agent.worker

    agent.register()

    assert agent.worker == first
    assert len(office.store.read(lambda tx: tx.workers.all())) == 1


def test_a_repeated_registration_changes_nothing(office: Office) -> None:
    agent = office.agent()
    agent.exchange(report=a_report(availability=AgentState.PAUSED, reason="Until noon.", load=0.5))
    office.drain(agent, True)
    before = office.worker(agent.worker)
    office.heard()

    agent.register()

    assert office.worker(agent.worker) == before
    assert office.heard() == []


def test_a_chosen_id_is_kept(office: Office) -> None:
    assert office.agent(worker="lab-7").worker == "lab-7"


def test_two_new_pcs_are_two_workers(office: Office) -> None:
    assert office.agent("session-a").worker != office.agent("session-b").worker


def test_a_restarted_agent_is_the_same_worker_at_once(office: Office) -> None:
    agent = office.agent()
    agent.exchange()
    office.drain(agent, True)
    office.clock.advance(5)
    office.heard()

    worker = agent.restart("session-2", cpus=16).register()

    assert (worker.id, worker.session, worker.cpus) == (agent.worker, "session-2", 16)
    assert (worker.drain, worker.last_seq) == (True, 0)
    assert worker.created_at == office.clock.now - 5
    assert office.heard() == [WorkerCalled(worker.id)]  # a call held for the old session ends


def test_the_session_before_is_unknown_from_then_on(office: Office) -> None:
    agent = office.agent()
    agent.restart("session-2").register()

    with pytest.raises(SessionUnknown):
        agent.exchange()


def test_a_copied_disk_cannot_share_a_live_worker(office: Office) -> None:
    agent = office.agent()
    clone = ScriptedAgent(office.store, "session-clone", worker=agent.worker)

    with pytest.raises(SessionTaken, match="join anew"):
        clone.register()

    assert office.worker(agent.worker).session == agent.session
    agent.exchange()


def test_two_copies_with_the_same_history_part_ways(office: Office) -> None:
    """Both know the session before; the first to come goes on as the worker, the other must join anew."""
    original = office.agent()
    copies = [original.restart("session-copy-1"), original.restart("session-copy-2")]
    copies[0].register()

    with pytest.raises(SessionTaken):
        copies[1].register()
    copies[0].exchange()


def test_a_worker_that_went_offline_may_be_taken_over(office: Office) -> None:
    agent = office.agent()
    office.clock.advance(OFFLINE_AFTER_S)
    heir = ScriptedAgent(office.store, "session-new", worker=agent.worker)
    with pytest.raises(SessionTaken):
        heir.register()
    office.clock.advance(0.5)

    assert heir.register().id == agent.worker


def test_the_builtin_worker_is_always_the_same_one(office: Office) -> None:
    first = ScriptedAgent(office.store, "session-1").register(builtin=True)
    second = ScriptedAgent(office.store, "session-2").register(builtin=True)

    assert (first.id, second.id) == (BUILTIN_WORKER, BUILTIN_WORKER)
    assert (second.kind, second.session) == (WorkerKind.BUILTIN, "session-2")


@pytest.mark.parametrize("builtin_is_here", [True, False])
def test_no_pc_may_call_itself_the_builtin_worker(office: Office, builtin_is_here: bool) -> None:
    if builtin_is_here:
        ScriptedAgent(office.store, "session-own").register(builtin=True)
        office.clock.advance(3600)

    with pytest.raises(SessionTaken, match="another kind"):
        office.agent("session-evil", worker=BUILTIN_WORKER)

    assert ScriptedAgent(office.store, "session-own-2").register(builtin=True).kind is WorkerKind.BUILTIN


def test_no_pc_may_go_on_with_the_builtin_workers_session(office: Office) -> None:
    ScriptedAgent(office.store, "session-own").register(builtin=True)

    with pytest.raises(SessionTaken):
        office.agent("session-own")

    assert office.worker(BUILTIN_WORKER).kind is WorkerKind.BUILTIN


def test_a_page_shows_what_a_worker_does(office: Office) -> None:
    office.submit()
    agent = office.agent()
    agent.exchange()

    def shown() -> WorkerState:
        [worker] = office.store.read(lambda tx: tx.workers.all())
        return worker.state(office.clock.now)

    assert shown() is WorkerState.BUSY
    agent.exchange(holding=(), report=a_report(availability=AgentState.PAUSED))
    assert shown() is WorkerState.PAUSED
    office.clock.advance(OFFLINE_AFTER_S + 1)
    assert shown() is WorkerState.OFFLINE
