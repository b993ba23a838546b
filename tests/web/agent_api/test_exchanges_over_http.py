"""POST /api/v1/agent/exchange: at once where there is something to say, held where there is not."""

from dataclasses import replace
from pathlib import Path

from coordinator.domain.notices import WorkerCalled
from coordinator.use_cases.cancel_jobs import cancel_job
from coordinator.web.agent_api.exchanges import CROWDED_POLL_S
from shared.messages import AttemptRef, ExchangeRequest
from shared.vocabulary import AgentState, OrderKind
from tests.builders import a_registration, a_report, a_result, an_exchange, ref_of
from tests.web.agent_api.conftest import AgentOffice

LONG_S = 20.0


def _waiting(seq: int, session: str = "session-1", **said: object) -> ExchangeRequest:
    return an_exchange(seq, session, wait=LONG_S, **said)


def test_an_unknown_session_must_register_again(web: AgentOffice) -> None:
    answer = web.client.post(
        "/api/v1/agent/exchange",
        b'{"session": "x", "seq": 1, "ack": 0, "holding": [], '
        b'"report": {"availability": "available", "reason": "", "free": 1}}',
    )
    assert answer.status == 401
    assert "Register again" in answer.json()["detail"]


def test_a_waiting_job_is_leased_at_once(web: AgentOffice) -> None:
    web.register()
    job = web.submit("echo now")
    [lease] = web.exchange(_waiting(1)).leases
    assert (lease.job, lease.attempt, lease.spec.commands) == (job, 1, ("echo now",))


def test_a_held_call_is_answered_by_the_job_that_comes(web: AgentOffice) -> None:
    web.register()
    reply = web.held(_waiting(1))
    job = web.submit("echo later")
    assert [lease.job for lease in reply().leases] == [job]


def test_two_jobs_reach_two_waiting_pcs(web: AgentOffice) -> None:
    web.register(a_registration("s1", cpus=1))
    web.register(a_registration("s2", machine_mark="mark-2", cpus=1))
    replies = {session: web.held(_waiting(1, session)) for session in ("s1", "s2")}
    web.submit()
    web.submit()
    assert [len(replies[session]().leases) for session in ("s1", "s2")] == [1, 1]


def test_a_pc_that_lacks_the_label_is_not_woken(web: AgentOffice) -> None:
    web.register(a_registration("s1", labels=()))
    web.register(a_registration("s2", machine_mark="mark-2", labels=("gpu",)))
    without, having = (web.held(_waiting(1, session)) for session in ("s1", "s2"))
    web.submit(requirements={"labels": ["gpu"]})
    assert len(having().leases) == 1
    web.exchange(an_exchange(2, "s1", releases=1))
    assert without().leases == ()


def test_a_second_call_lets_the_held_one_end(web: AgentOffice) -> None:
    web.register()
    held = web.held(_waiting(1))
    web.exchange(an_exchange(2, releases=1))
    assert held().leases == ()


def test_a_full_waiting_room_answers_at_once_and_says_when_to_come_back(tmp_path: Path) -> None:
    office = AgentOffice(tmp_path, seats=0)
    office.register()
    reply = office.exchange(_waiting(1))
    assert CROWDED_POLL_S[0] <= reply.next_poll_s <= CROWDED_POLL_S[1]
    office.store.close()


def test_a_cancel_reaches_the_pc_that_waits_with_the_job_in_hand(web: AgentOffice) -> None:
    web.register()
    job = web.submit()
    [lease] = web.exchange(an_exchange(1)).leases
    held = web.held(_waiting(2, holding=(ref_of(lease),)))
    web.store.transact(lambda tx: cancel_job(tx, job))
    [order] = held().orders
    assert (order.kind, order.job, order.attempt) == (OrderKind.CANCEL, job, 1)


def test_an_order_just_told_does_not_make_the_next_call_return_at_once(web: AgentOffice) -> None:
    web.register()
    job = web.submit()
    [lease] = web.exchange(an_exchange(1)).leases
    web.store.transact(lambda tx: cancel_job(tx, job))
    assert web.exchange(_waiting(2, holding=(ref_of(lease),))).orders
    held = web.held(_waiting(3, holding=(ref_of(lease),)))  # held() fails when the call is not held
    web.exchange(an_exchange(4, holding=(ref_of(lease),), releases=3))
    assert held().orders


def test_drain_is_told_at_once_and_then_held_while_it_is_obeyed(web: AgentOffice) -> None:
    worker = web.register().json()["worker"]
    held = web.held(_waiting(1))
    web.client.call("PUT", f"/api/v1/workers/{worker}/drain", b'{"drain": true}')
    assert [order.kind for order in held().orders] == [OrderKind.DRAIN]
    obeying = a_report(availability=AgentState.DRAINING)
    held = web.held(_waiting(2, report=obeying))
    web.client.call("PUT", f"/api/v1/workers/{worker}/drain", b'{"drain": false}')
    assert held().orders == ()


def test_a_stopping_coordinator_releases_held_calls_and_gives_nothing_more(web: AgentOffice) -> None:
    web.register()
    held = web.held(_waiting(1))
    web.real_room.close()
    assert held().leases == ()
    web.submit()
    assert web.exchange(_waiting(2)).leases == ()


def test_a_result_and_the_next_lease_share_a_call(web: AgentOffice) -> None:
    web.register(a_registration(cpus=1))
    first, second = web.submit(), web.submit()
    [lease] = web.exchange(an_exchange(1)).leases
    reply = web.exchange(an_exchange(2, holding=(ref_of(lease),), results=(a_result(lease),)))
    assert [(s.job, s.answer.value) for s in reply.settled] == [(first, "accepted")]
    assert [lease.job for lease in reply.leases] == [second]
    assert web.client.get(f"/api/v1/jobs/{first}").json()["state"] == "completed"


def test_what_only_the_agent_knows_is_gone(web: AgentOffice) -> None:
    web.register()
    ghost = AttemptRef("job-0123456789abcdef", 1)
    assert web.exchange(_waiting(1, holding=(ghost,))).gone == (ghost,)


def test_a_call_for_a_worker_wakes_nobody_else(web: AgentOffice) -> None:
    web.register(a_registration("s1"))
    held = web.held(_waiting(1, "s1"))
    web.real_room.publish(WorkerCalled("pc-of-somebody-else"))
    web.submit()
    assert len(held().leases) == 1


def test_a_release_meant_for_the_session_before_does_not_end_a_call_of_this_one(web: AgentOffice) -> None:
    worker = web.register(a_registration("s1")).json()["worker"]
    web.exchange(an_exchange(5, "s1", releases=1))  # its call 1 never came
    web.register(a_registration("s2", worker=worker, previous_sessions=("s1",)))
    held = web.held(_waiting(1, "s2"))  # fails where the call is not held
    job = web.submit()
    assert [lease.job for lease in held().leases] == [job]


def test_a_wake_up_is_left_to_others_when_its_call_fails(web: AgentOffice) -> None:
    web.register(a_registration("s1", cpus=1))
    web.register(a_registration("s2", machine_mark="mark-2", cpus=1))
    failing = web.held_to_fail(_waiting(1, "s1"))
    other = web.held(_waiting(1, "s2"))
    worker = web.store.read(lambda tx: tx.workers.of_session("s1"))
    assert worker is not None
    web.store.transact(lambda tx: tx.workers.save(replace(worker, session="s1-again")))
    job = web.submit()
    assert [lease.job for lease in other().leases] == [job]
    assert failing().status == 401
