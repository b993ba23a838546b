"""One unit of work is stored whole or not at all, and troubles of one never reach another."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

from coordinator.domain.errors import Conflict, NotFound, Unavailable
from coordinator.domain.notices import JobChanged, Notice, WorkAvailable
from coordinator.domain.requirements import Requirements
from coordinator.storage import sqlite
from coordinator.storage.sqlite import SqliteStore
from coordinator.use_cases.ports import Transaction
from tests.builders import an_order
from tests.fakes.clock import FakeClock
from tests.fakes.databases import copy_of, sqlite_file
from tests.fakes.house import House


def _submit_and_fail(tx: Transaction) -> NoReturn:
    tx.jobs.add([an_order(labels=("never",))], "native")
    tx.notify(WorkAvailable(Requirements()))
    raise Conflict("on purpose")


def test_a_failing_use_case_leaves_nothing(house: House) -> None:
    with pytest.raises(Conflict, match="on purpose"):
        house.do(_submit_and_fail)

    assert house.look(lambda tx: tx.jobs.newest(None, None, 9)) == []
    assert house.look(lambda tx: dict(tx.jobs.requirement_classes())) == {}
    assert house.notices == []


def test_a_failing_use_case_does_not_harm_those_in_its_group(house: House) -> None:
    gate = threading.Event()
    entered = threading.Event()

    def hold(tx: Transaction) -> None:
        entered.set()
        assert gate.wait(20)

    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(house.do, hold)
        assert entered.wait(20)
        good = [
            pool.submit(house.do, lambda tx, n=n: tx.jobs.add([an_order(labels=(f"l{n}",))], "native"))
            for n in range(8)
        ]
        bad = [pool.submit(house.do, _submit_and_fail) for _ in range(8)]
        gate.set()
        first.result(20)
        jobs = [future.result(20)[0] for future in good]
        failures = [future.exception(20) for future in bad]

    assert all(isinstance(failure, Conflict) for failure in failures)
    for n, job in enumerate(sorted(jobs, key=lambda j: j.order.requirements.labels)):
        assert house.job(job.id).order.requirements.labels == (f"l{n}",)
    assert len(house.look(lambda tx: tx.jobs.newest(None, None, 99))) == 8


def test_a_class_that_was_undone_is_not_remembered(house: House) -> None:
    with pytest.raises(Conflict):
        house.do(_submit_and_fail)

    [job] = house.add(an_order(labels=("always",)))

    assert house.job(job.id).order.requirements.labels == ("always",)


def test_a_failure_of_the_program_is_told_as_it_is(house: House) -> None:
    def divide(tx: Transaction) -> float:
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        house.do(divide)
    with pytest.raises(ZeroDivisionError):
        house.look(divide)
    house.add()


def test_a_violated_rule_harms_only_the_one_who_violates_it(house: House) -> None:
    house.do(lambda tx: tx.jobs.remember_key("a", "k", "d", "j"))

    with pytest.raises(Exception, match="UNIQUE"):
        house.do(lambda tx: tx.jobs.remember_key("a", "k", "d", "j"))
    house.add()


def test_notices_are_told_after_the_commit_and_once(house: House) -> None:
    seen: list[int] = []

    def work(tx: Transaction) -> None:
        tx.jobs.add([an_order()], "native")
        for _ in range(3):
            tx.notify(JobChanged("job-1"))
            tx.notify(WorkAvailable(Requirements()))
        seen.append(len(house.notices))

    house.do(work)

    assert seen == [0]
    assert house.notices == [
        JobChanged("job-1"),
        WorkAvailable(Requirements()),
        WorkAvailable(Requirements()),
        WorkAvailable(Requirements()),
    ]


def test_a_listener_that_fails_stops_nobody(tmp_path: Path) -> None:
    def fail(notice: Notice) -> NoReturn:
        raise RuntimeError("a waiter broke")

    store = SqliteStore(sqlite_file(tmp_path), FakeClock(), fail)
    for _ in range(2):
        store.transact(lambda tx: tx.notify(JobChanged("job-1")))

    assert store.transact(lambda tx: len(tx.jobs.add([an_order()], "native"))) == 1
    store.close()


def test_what_was_answered_is_in_the_file(house: House) -> None:
    [job] = house.add()

    copy = SqliteStore(copy_of(house.path), house.clock, print)

    assert copy.read(lambda tx: tx.jobs.get(job.id)) == job
    copy.close()


def test_a_reader_sees_one_moment(house: House) -> None:
    [first] = house.add()

    def look_twice(tx: Transaction) -> tuple[int, int]:
        before = len(tx.jobs.newest(None, None, 9))
        house.add()
        return before, len(tx.jobs.newest(None, None, 9))

    assert house.look(look_twice) == (1, 1)
    assert house.job(first.id) == first


def test_a_reader_changes_nothing(house: House) -> None:
    house.look(lambda tx: tx.jobs.add([an_order()], "native"))

    assert house.look(lambda tx: tx.jobs.newest(None, None, 9)) == []
    house.add()


def test_time_is_supplied_by_the_store(house: House) -> None:
    house.clock.advance(7.5)

    assert house.do(lambda tx: tx.now) == house.look(lambda tx: tx.now) == house.clock.now


def test_the_token_key_outlives_the_process(house: House) -> None:
    key = house.look(lambda tx: tx.token_key)
    assert len(key) == 32
    again = SqliteStore(house.path, house.clock, print)

    assert again.read(lambda tx: tx.token_key) == key
    again.close()


def test_a_closed_store_refuses_instead_of_waiting(house: House) -> None:
    house.store.close()

    with pytest.raises(Unavailable):
        house.do(lambda tx: None)
    house.store.close()  # closing twice is no trouble


def test_closing_finishes_what_waits(tmp_path: Path) -> None:
    path, clock = sqlite_file(tmp_path), FakeClock()
    store = SqliteStore(path, clock, lambda _: None)
    gate, entered = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        entered.set()
        assert gate.wait(20)

    with ThreadPoolExecutor(20) as pool:
        pool.submit(store.transact, hold)
        assert entered.wait(20)
        waiting = [
            pool.submit(store.transact, lambda tx: tx.jobs.add([an_order()], "native")) for _ in range(9)
        ]
        closing = pool.submit(store.close)
        gate.set()
        closing.result(20)
        ends = [future.exception(20) for future in waiting]

    again = SqliteStore(path, clock, lambda _: None)
    stored = again.read(lambda tx: len(tx.jobs.newest(None, None, 99)))
    again.close()
    assert all(end is None or isinstance(end, Unavailable) for end in ends)
    assert stored == ends.count(None)


def test_a_locked_database_is_unavailable_and_works_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    path = sqlite_file(tmp_path)
    store = SqliteStore(path, FakeClock(), lambda _: None)
    other = sqlite.open_engine(path)
    with other.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="Try again"):
            store.transact(lambda tx: tx.jobs.add([an_order()], "native"))
        assert store.read(lambda tx: tx.jobs.newest(None, None, 9)) == []  # readers do not mind
        connection.exec_driver_sql("ROLLBACK")

    store.transact(lambda tx: tx.jobs.add([an_order()], "native"))
    assert len(store.read(lambda tx: tx.jobs.newest(None, None, 9))) == 1
    store.close()
    other.dispose()


def test_too_many_readers_at_once_are_told_to_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    store = SqliteStore(sqlite_file(tmp_path), FakeClock(), lambda _: None)

    def deeper(depth: int) -> NoReturn:
        store.read(lambda tx: deeper(depth + 1))
        raise AssertionError("the pool has no end")

    with pytest.raises(Unavailable):
        deeper(0)
    with pytest.raises(NotFound):
        store.read(lambda tx: tx.jobs.get("x"))
    store.close()


@pytest.mark.parametrize("name", ["a b", "ü 日本", "50%41", "what?x=1", "it's", 'q"q', "#1", "a&b;c"])
def test_the_folder_of_the_database_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    path = sqlite_file(folder).rename(folder / "x.db")

    store = SqliteStore(path, FakeClock(), lambda _: None)
    store.transact(lambda tx: tx.jobs.add([an_order()], "native"))
    store.close()

    assert {p.name for p in tmp_path.iterdir()} == {name}


def test_the_store_goes_on_when_a_group_could_not_even_be_rolled_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> NoReturn:
        raise OSError("the disk is gone")

    with monkeypatch.context() as trouble:
        trouble.setattr(sqlite, "_roll_back", broken)
        trouble.setattr(sqlite.SqliteStore, "_run", broken)
        with pytest.raises((OSError, TypeError, Unavailable)):
            house.do(lambda tx: tx.jobs.add([an_order()], "native"))

    assert len(house.do(lambda tx: tx.jobs.add([an_order()], "native"))) == 1
