"""Attempts in the store: each change takes effect on an open attempt only, and at most once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from coordinator.domain.attempt import Attempt
from coordinator.use_cases.ports import AttemptEnd, Transaction
from shared.vocabulary import AttemptOutcome
from tests.builders import a_worker, an_attempt
from tests.fakes.house import House


def _end(at: float, outcome: AttemptOutcome = AttemptOutcome.COMPLETED) -> AttemptEnd:
    return AttemptEnd(outcome, at)


CHANGES: dict[str, Callable[[Transaction, Attempt], bool]] = {
    "start": lambda tx, attempt: tx.attempts.start(attempt.id, tx.now, tx.now + 90),
    "end": lambda tx, attempt: tx.attempts.end(attempt.id, _end(tx.now)),
    "end_expired": lambda tx, attempt: tx.attempts.end_expired(attempt, _end(tx.now)),
    "name_worker": lambda tx, attempt: tx.attempts.name_worker(attempt.id, "pc-9"),
}


def test_an_attempt_comes_out_as_it_went_in(house: House) -> None:
    [job] = house.add()
    made = house.do(
        lambda tx: tx.attempts.open_attempt(an_attempt(job=job.id, seq=1 << 53, address="192.0.2.7"))
    )

    assert house.attempt(job.id) == made
    assert made.id > 0
    assert house.look(lambda tx: tx.attempts.of_job(job.id)) == [made]


def test_an_end_writes_all_that_it_knows(house: House) -> None:
    job, attempt = house.granted()
    end = AttemptEnd(
        AttemptOutcome.FAILED,
        at=9.0,
        started_at=5.0,
        exit_code=-5,
        message="why",
        duration_s=4.0,
        cpu_s=1.5,
    )

    assert house.do(lambda tx: tx.attempts.end(attempt.id, end))

    assert house.attempt(job.id) == replace(
        attempt,
        outcome=AttemptOutcome.FAILED,
        finished_at=9.0,
        started_at=5.0,
        exit_code=-5,
        message="why",
        duration_s=4.0,
        cpu_s=1.5,
    )


def test_an_end_leaves_the_start_that_was_told_before(house: House) -> None:
    job, attempt = house.granted()
    house.do(lambda tx: tx.attempts.start(attempt.id, 3.0, 99.0))

    house.do(
        lambda tx: tx.attempts.end(attempt.id, AttemptEnd(AttemptOutcome.COMPLETED, 9.0, started_at=5.0))
    )

    assert house.attempt(job.id).started_at == 3.0


@pytest.mark.parametrize("change", CHANGES)
def test_an_ended_attempt_changes_no_more(house: House, change: str) -> None:
    job, attempt = house.granted()
    house.clock.advance(1000)
    house.do(lambda tx: tx.attempts.end(attempt.id, _end(tx.now, AttemptOutcome.LOST)))
    before = house.attempt(job.id)

    assert not house.do(lambda tx: CHANGES[change](tx, attempt))
    house.do(lambda tx: tx.attempts.renew([attempt.id], tx.now + 90))

    assert house.attempt(job.id) == before


@pytest.mark.parametrize("change", CHANGES)
def test_an_unknown_attempt_is_not_changed(house: House, change: str) -> None:
    assert not house.do(lambda tx: CHANGES[change](tx, an_attempt(id=999)))


def test_an_attempt_starts_once(house: House) -> None:
    job, attempt = house.granted()

    assert house.do(lambda tx: tx.attempts.start(attempt.id, 3.0, 77.0))
    assert not house.do(lambda tx: tx.attempts.start(attempt.id, 4.0, 88.0))

    assert (house.attempt(job.id).started_at, house.attempt(job.id).lease_until) == (3.0, 77.0)


def test_a_named_attempt_is_not_renamed(house: House) -> None:
    [job] = house.add()
    attempt = house.do(lambda tx: tx.attempts.open_attempt(an_attempt(job=job.id, worker=None, address="a")))
    assert house.look(lambda tx: tx.attempts.unnamed_at("a")) == [attempt]
    assert house.look(lambda tx: tx.attempts.unnamed_at("b")) == []

    assert house.do(lambda tx: tx.attempts.name_worker(attempt.id, "pc-1"))
    assert not house.do(lambda tx: tx.attempts.name_worker(attempt.id, "pc-2"))

    assert house.look(lambda tx: tx.attempts.unnamed_at("a")) == []
    assert [a.worker for a in house.look(lambda tx: tx.attempts.held_by("pc-1"))] == ["pc-1"]


def test_a_lease_that_was_renewed_is_not_expired(house: House) -> None:
    _, attempt = house.granted()
    house.clock.advance(61)
    assert house.look(lambda tx: tx.attempts.expired(9)) == [attempt]

    house.do(lambda tx: tx.attempts.renew([attempt.id], tx.now + 90))

    assert house.look(lambda tx: tx.attempts.expired(9)) == []
    assert not house.do(lambda tx: tx.attempts.end_expired(attempt, _end(tx.now, AttemptOutcome.LOST)))


def test_expiry_compares_the_stored_lease_and_not_the_one_in_hand(house: House) -> None:
    job, attempt = house.granted()
    in_hand = replace(attempt, lease_until=house.clock.now - 1000)

    assert not house.do(lambda tx: tx.attempts.end_expired(in_hand, _end(tx.now, AttemptOutcome.LOST)))
    assert house.attempt(job.id).open
    house.clock.advance(60.5)
    assert house.do(lambda tx: tx.attempts.end_expired(in_hand, _end(tx.now, AttemptOutcome.LOST)))


def test_the_longest_expired_come_first(house: House) -> None:
    ids = []
    for _ in range(4):
        ids.append(house.granted()[1].id)
        house.clock.advance(1)
    house.clock.advance(500)

    assert [attempt.id for attempt in house.look(lambda tx: tx.attempts.expired(3))] == ids[:3]


def test_only_open_attempts_are_held(house: House) -> None:
    _, ended = house.granted("pc-1")
    _, mine = house.granted("pc-1")
    house.granted("pc-2")
    house.do(lambda tx: tx.attempts.end(ended.id, _end(tx.now)))

    assert house.look(lambda tx: tx.attempts.held_by("pc-1")) == [mine]


def test_renewing_nothing_is_no_trouble(house: House) -> None:
    house.do(lambda tx: tx.attempts.renew([], 1.0))


def test_those_who_lost_a_job_are_named(house: House) -> None:
    [job] = house.add()
    house.do(lambda tx: tx.workers.save(a_worker(id="pc-1", host_name="Büro")))
    ends = [("pc-1", AttemptOutcome.LOST), ("pc-gone", AttemptOutcome.LOST), (None, AttemptOutcome.LOST)]
    for number, (worker, outcome) in enumerate([*ends, ("pc-1", AttemptOutcome.RELEASED)], 1):
        made = an_attempt(job=job.id, number=number, worker=worker)
        attempt = house.do(lambda tx, made=made: tx.attempts.open_attempt(made))
        house.do(lambda tx, a=attempt, o=outcome: tx.attempts.end(a.id, _end(tx.now, o)))

    assert house.look(lambda tx: tx.attempts.lost_workers(job.id)) == ["Büro", "pc-gone", "an unnamed PC"]


def test_many_attempts_can_be_renewed_at_once(house: House) -> None:
    attempts = [house.granted()[1] for _ in range(50)]

    house.do(lambda tx: tx.attempts.renew([a.id for a in attempts], 1e10))

    held = house.look(lambda tx: tx.attempts.held_by("pc-1"))
    assert {a.lease_until for a in held} == {1e10}
