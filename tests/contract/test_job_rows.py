"""Jobs in the store: claims in order, each change conditional on the attempt, nothing given away twice."""

import threading
from collections.abc import Callable

import pytest

from coordinator.domain.errors import NotFound
from coordinator.domain.job import Job
from coordinator.use_cases.ports import JobUpdate, Transaction
from shared.vocabulary import JobState
from tests.builders import a_worker, an_attempt, an_order
from tests.fakes.house import House

RETURN = JobUpdate(JobState.PENDING)


def _claimable(house: House, worker: str = "pc-1", limit: int = 100) -> list[str]:
    def claimable(tx: Transaction) -> list[Job]:
        return tx.jobs.claimable(list(tx.jobs.requirement_classes()), worker, limit)

    return [job.id for job in house.look(claimable)]


def test_jobs_are_numbered_in_a_row(house: House) -> None:
    house.add()
    jobs = house.add(*[an_order(f"echo {n}") for n in range(2500)])

    assert [job.number for job in jobs] == list(range(2, 2502))
    assert [job.order.commands for job in jobs] == [(f"echo {n}",) for n in range(2500)]


def test_no_job_is_no_trouble(house: House) -> None:
    assert house.do(lambda tx: tx.jobs.add([], "native")) == []
    assert house.look(lambda tx: tx.jobs.get_many([])) == {}


def test_what_is_claimable_comes_by_priority_then_age(house: House) -> None:
    orders = [an_order(priority=p, labels=(label,)) for p in (0, 9, -3) for label in ("x", "y", "x")]
    jobs = house.add(*orders)
    expected = sorted(jobs, key=lambda job: (-job.order.priority, job.number))

    assert _claimable(house) == [job.id for job in expected]
    assert _claimable(house, limit=4) == [job.id for job in expected[:4]]


def test_only_the_classes_asked_for_are_claimable(house: House) -> None:
    plain, labelled = house.add(an_order(), an_order(labels=("cuda",)))

    def of_plain(tx: Transaction) -> list[Job]:
        classes = tx.jobs.requirement_classes()
        return tx.jobs.claimable([n for n, wanted in classes.items() if not wanted.labels], "pc-1", 9)

    assert house.look(of_plain) == [plain]
    assert house.look(lambda tx: tx.jobs.claimable([], "pc-1", 9)) == []
    assert labelled.id in _claimable(house)


def test_equal_requirements_are_one_class(house: House) -> None:
    house.add(an_order("a", labels=("x",)), an_order("b", labels=("x",), priority=4), an_order("c"))
    house.add(an_order("d", labels=("x",)))

    assert len(house.look(lambda tx: dict(tx.jobs.requirement_classes()))) == 2


def test_the_classes_seen_do_not_change_under_a_reader(house: House) -> None:
    house.add(an_order(labels=("a",)))

    def reader(tx: Transaction) -> int:
        seen = 0
        for _ in tx.jobs.requirement_classes().items():
            house.add(an_order(labels=(f"new-{seen}",)))
            seen += 1
        return seen

    assert house.look(reader) == 1


def test_a_rejected_job_is_claimable_by_others_only(house: House) -> None:
    first, second = house.add(an_order(), an_order())
    house.do(lambda tx: tx.workers.save(a_worker(id="pc-1")))

    for _ in range(2):  # told twice, remembered once
        house.do(lambda tx: tx.jobs.reject(first.id, "pc-1"))

    assert _claimable(house, "pc-1") == [second.id]
    assert _claimable(house, "pc-1", limit=1) == [second.id]
    assert _claimable(house, "pc-2") == [first.id, second.id]
    house.do(lambda tx: tx.workers.save(a_worker(id="pc-1", session="session-2")))
    assert _claimable(house, "pc-1") == [first.id, second.id]


def test_a_job_is_granted_once(house: House) -> None:
    [job] = house.add()

    assert house.do(lambda tx: tx.jobs.grant(job, "pc-1"))
    assert not house.do(lambda tx: tx.jobs.grant(job, "pc-2"))

    granted = house.job(job.id)
    assert (granted.worker, granted.attempt, granted.leased) == ("pc-1", 1, True)
    assert granted.version == job.version + 1
    assert _claimable(house) == []


def test_an_old_view_of_a_job_grants_nothing(house: House) -> None:
    [job] = house.add()
    house.do(lambda tx: tx.jobs.grant(job, "pc-1"))
    house.do(lambda tx: tx.jobs.end_attempt(job.id, 1, RETURN))

    assert not house.do(lambda tx: tx.jobs.grant(job, "pc-2"))
    assert house.do(lambda tx: tx.jobs.grant(tx.jobs.get(job.id), "pc-2"))


def test_many_workers_at_once_are_given_each_job_once(house: House) -> None:
    house.add(*[an_order(labels=(f"l{n % 3}",)) for n in range(120)])
    taken: list[str] = []

    def claim(tx: Transaction) -> list[str]:
        jobs = tx.jobs.claimable(list(tx.jobs.requirement_classes()), "pc", 3)
        return [job.id for job in jobs if tx.jobs.grant(job, "pc")]

    def worker() -> None:
        while got := house.do(claim):
            taken.extend(got)

    threads = [threading.Thread(target=worker) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 120
    assert len(set(taken)) == 120


def _ended(house: House) -> Job:
    job, _ = house.granted()
    update = JobUpdate(JobState.COMPLETED, finished_at=house.clock.now)
    assert house.do(lambda tx: tx.jobs.end_attempt(job.id, 1, update))
    return house.job(job.id)


CHANGES: dict[str, Callable[[Transaction, str, int], bool]] = {
    "start": lambda tx, job, attempt: tx.jobs.start(job, attempt, tx.now),
    "end_attempt": lambda tx, job, attempt: tx.jobs.end_attempt(job, attempt, RETURN),
    "name_worker": lambda tx, job, attempt: tx.jobs.name_worker(job, attempt, "pc-9"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_for_another_attempt_changes_nothing(house: House, change: str) -> None:
    job, _ = house.granted()

    for attempt in (0, 2):
        assert not house.do(lambda tx, n=attempt: CHANGES[change](tx, job.id, n))  # type: ignore[misc]

    assert house.job(job.id) == job
    assert house.do(lambda tx: CHANGES[change](tx, job.id, 1))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_an_ended_job_changes_nothing(house: House, change: str) -> None:
    job = _ended(house)

    assert not house.do(lambda tx: CHANGES[change](tx, job.id, 1))
    assert not house.do(lambda tx: tx.jobs.ask_cancel(job.id))
    assert not house.do(lambda tx: tx.jobs.cancel_waiting(job.id, tx.now, "no"))
    assert not house.do(lambda tx: tx.jobs.grant(job, "pc-2"))
    assert house.job(job.id) == job


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_an_unknown_job_is_none(house: House, change: str) -> None:
    assert not house.do(lambda tx: CHANGES[change](tx, "job-nowhere", 1))


def test_a_job_starts_once(house: House) -> None:
    job, _ = house.granted()

    assert house.do(lambda tx: tx.jobs.start(job.id, 1, 5.0))
    assert not house.do(lambda tx: tx.jobs.start(job.id, 1, 6.0))

    running = house.job(job.id)
    assert (running.state, running.started_at) == (JobState.RUNNING, 5.0)


def test_a_cancel_is_asked_once_and_only_of_a_leased_job(house: House) -> None:
    [waiting] = house.add()
    leased, _ = house.granted()

    assert not house.do(lambda tx: tx.jobs.ask_cancel(waiting.id))
    assert house.do(lambda tx: tx.jobs.ask_cancel(leased.id))
    assert not house.do(lambda tx: tx.jobs.ask_cancel(leased.id))
    assert house.job(waiting.id) == waiting


def test_a_leased_job_is_not_cancelled_as_a_waiting_one(house: House) -> None:
    job, _ = house.granted()

    assert not house.do(lambda tx: tx.jobs.cancel_waiting(job.id, tx.now, "no"))
    assert house.job(job.id) == job


def test_an_end_writes_all_that_it_knows(house: House) -> None:
    job, _ = house.granted()
    update = JobUpdate(
        JobState.FAILED,
        started_at=1.0,
        finished_at=2.0,
        exit_code=0xFFFFFFFF,
        message="why",
        failures=1,
        lost=2,
        interruptions=3,
    )

    assert house.do(lambda tx: tx.jobs.end_attempt(job.id, 1, update))

    ended = house.job(job.id)
    for name in JobUpdate.__dataclass_fields__:
        assert getattr(ended, name) == getattr(update, name), name
    assert not ended.leased


def test_a_returned_job_waits_for_its_time_and_then_ripens(house: House) -> None:
    job, _ = house.granted()
    at = house.clock.now + 10
    house.do(lambda tx: tx.jobs.end_attempt(job.id, 1, JobUpdate(JobState.PENDING, not_before=at)))
    assert _claimable(house) == []
    assert house.do(lambda tx: tx.jobs.ripen()) == []

    house.clock.advance(10)

    assert house.do(lambda tx: tx.jobs.ripen()) == [job.order.requirements]
    assert _claimable(house) == [job.id]
    assert house.job(job.id).not_before is None
    assert house.do(lambda tx: tx.jobs.ripen()) == []


def test_the_newest_jobs_are_listed_in_pages(house: House) -> None:
    jobs = house.add(*[an_order(f"{n}") for n in range(5)])
    house.do(lambda tx: tx.jobs.cancel_waiting(jobs[1].id, tx.now, ""))

    def page(state: JobState | None, before: int | None, limit: int) -> list[int]:
        return [job.number for job in house.look(lambda tx: tx.jobs.newest(state, before, limit))]

    assert page(None, None, 2) == [5, 4]
    assert page(None, 4, 9) == [3, 2, 1]
    assert page(JobState.PENDING, None, 9) == [5, 4, 3, 1]
    assert page(JobState.CANCELLED, None, 9) == [2]
    assert page(JobState.RUNNING, None, 9) == []


def test_the_jobs_ahead_are_counted(house: House) -> None:
    low, usual, high, later = house.add(an_order(priority=-1), an_order(), an_order(priority=1), an_order())

    counts = {
        j.number: house.look(lambda tx, j=j: tx.jobs.waiting_before(j, list(tx.jobs.requirement_classes())))
        for j in (low, usual, high, later)
    }

    assert counts == {low.number: 3, usual.number: 1, high.number: 0, later.number: 2}


def test_a_number_is_never_used_twice(house: House) -> None:
    [job] = house.add()
    with house.engine().connect() as connection:
        connection.exec_driver_sql("DELETE FROM job")

    [following] = house.add()

    assert following.number == job.number + 1


def test_an_unknown_job_is_not_found_and_its_name_is_cut(house: House) -> None:
    with pytest.raises(NotFound) as refusal:
        house.job("x" * 5000)
    assert len(str(refusal.value)) < 120


def test_deleting_a_job_deletes_what_hangs_on_it(house: House) -> None:
    job, attempt = house.granted()
    house.do(lambda tx: tx.workers.save(a_worker()))
    house.do(lambda tx: tx.jobs.reject(job.id, "pc-1"))
    with house.engine().connect() as connection:
        connection.exec_driver_sql("DELETE FROM job")

    assert house.look(lambda tx: tx.attempts.get(job.id, attempt.number)) is None
    assert house.look(lambda tx: tx.attempts.held_by("pc-1")) == []


def test_an_idempotency_key_is_kept_for_its_person(house: House) -> None:
    house.do(lambda tx: tx.jobs.remember_key("anna", "k", "digest", "job-1"))

    assert house.look(lambda tx: tx.jobs.recall_key("anna", "k")) == ("digest", "job-1")
    assert house.look(lambda tx: tx.jobs.recall_key("bert", "k")) is None
    house.do(lambda tx: tx.jobs.forget_keys(house.clock.now))
    assert house.look(lambda tx: tx.jobs.recall_key("anna", "k")) is not None
    house.do(lambda tx: tx.jobs.forget_keys(house.clock.now + 1))
    assert house.look(lambda tx: tx.jobs.recall_key("anna", "k")) is None


def test_an_attempt_number_is_used_once_per_job(house: House) -> None:
    job, _ = house.granted()

    with pytest.raises(Exception, match="UNIQUE"):
        house.do(lambda tx: tx.attempts.open_attempt(an_attempt(job=job.id, number=1)))
