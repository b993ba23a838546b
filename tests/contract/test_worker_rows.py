"""Workers in the store: a registration is kept whole, a report changes only what it tells."""

from dataclasses import replace

import pytest

from coordinator.domain.errors import NotFound
from coordinator.domain.worker import Worker, WorkerKind
from coordinator.use_cases.ports import AttemptEnd
from shared.vocabulary import AgentState, AttemptOutcome, OperatingSystem, SandboxLevel
from tests.builders import a_report, a_worker
from tests.fakes.house import House


def _save(house: House, worker: Worker) -> None:
    house.do(lambda tx: tx.workers.save(worker))


def _get(house: House, worker: str = "pc-1") -> Worker:
    return house.look(lambda tx: tx.workers.get(worker))


def test_a_worker_comes_out_as_it_went_in(house: House) -> None:
    made = Worker(
        id="pc-9",
        kind=WorkerKind.SEED,
        host_name="Büro \U0001f600",
        machine_mark="m",
        os=OperatingSystem.WINDOWS,
        cpus=3,
        memory_mb=77,
        labels=("a", "b=c"),
        sandbox_levels=(SandboxLevel.SANDBOX, SandboxLevel.NONE),
        version="9",
        created_at=1.5,
        last_contact=2.5,
        session="s",
        last_seq=1 << 53,
        availability=AgentState.PAUSED,
        reason="why",
        load=0.25,
        drain=True,
        bad_streak=2,
        address="::1",
    )
    _save(house, made)

    assert _get(house, "pc-9") == made
    assert house.look(lambda tx: tx.workers.of_session("s")) == made
    assert house.look(lambda tx: tx.workers.all()) == [made]


def test_a_second_registration_replaces_the_first(house: House) -> None:
    _save(house, a_worker())
    changed = a_worker(session="session-2", cpus=16, labels=(), drain=True)

    _save(house, changed)

    assert house.look(lambda tx: tx.workers.all()) == [changed]
    assert house.look(lambda tx: tx.workers.of_session("session-1")) is None


def test_an_unknown_worker_is_none_or_not_found(house: House) -> None:
    assert house.look(lambda tx: tx.workers.find("pc-x")) is None
    assert house.look(lambda tx: tx.workers.of_session("nobody")) is None
    with pytest.raises(NotFound):
        _get(house, "pc-x")


def test_a_report_changes_only_what_it_tells(house: House) -> None:
    before = a_worker(drain=True, bad_streak=2, load=0.1)
    _save(house, before)
    house.clock.advance(5)

    report = a_report(availability=AgentState.IN_USE, reason="In use.", load=None)
    house.do(lambda tx: tx.workers.contact("pc-1", report, 7))

    assert _get(house) == replace(
        before,
        last_contact=house.clock.now,
        availability=AgentState.IN_USE,
        reason="In use.",
        load=None,
        last_seq=7,
    )


def test_mere_contact_changes_only_the_time(house: House) -> None:
    _save(house, a_worker(reason="r", last_seq=4))
    house.clock.advance(5)

    house.do(lambda tx: tx.workers.contact("pc-1", None, None))

    assert _get(house) == a_worker(reason="r", last_seq=4, last_contact=house.clock.now)


def test_two_workers_never_share_a_session(house: House) -> None:
    _save(house, a_worker())

    with pytest.raises(Exception, match="UNIQUE"):
        _save(house, a_worker(id="pc-2"))


def test_a_list_tells_how_many_attempts_each_holds(house: House) -> None:
    _save(house, a_worker(id="pc-1", session="s1"))
    _save(house, a_worker(id="pc-2", session="s2"))
    _, ended = house.granted("pc-1")
    house.granted("pc-1")
    house.do(lambda tx: tx.attempts.end(ended.id, AttemptEnd(AttemptOutcome.LOST, tx.now)))

    counts = {worker.id: worker.open_attempts for worker in house.look(lambda tx: tx.workers.all())}

    assert counts == {"pc-1": 1, "pc-2": 0}


def test_faults_count_in_a_row(house: House) -> None:
    _save(house, a_worker())
    for good, streak in ((False, 1), (False, 2), (True, 0), (True, 0), (False, 1)):
        house.do(lambda tx, good=good: tx.workers.note_attempt("pc-1", good))
        assert _get(house).bad_streak == streak


def test_workers_of_the_older_interface_are_found_by_address_and_forgotten(house: House) -> None:
    old = {"kind": WorkerKind.SEED, "session": None, "address": "192.0.2.1"}
    _save(house, a_worker(id="silent", last_contact=100.0, **old))
    _save(house, a_worker(id="holds", last_contact=100.0, **old))
    _save(house, a_worker(id="heard", last_contact=200.0, **old))
    _save(house, a_worker(id="agent", last_contact=100.0, address="192.0.2.1"))
    house.granted("holds")

    found = house.look(lambda tx: tx.workers.seeds_at("192.0.2.1"))
    assert {worker.id for worker in found} == {"silent", "holds", "heard"}
    assert house.do(lambda tx: tx.workers.forget_silent_seeds(200.0)) == 1

    assert {worker.id for worker in house.look(lambda tx: tx.workers.all())} == {"holds", "heard", "agent"}
