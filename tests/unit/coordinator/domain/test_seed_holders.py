"""Guessing who holds what at an address whose workers do not say who they are."""

from coordinator.domain.attempt import Attempt
from coordinator.domain.seed_holders import abandoned, likely_holders
from coordinator.domain.worker import Worker, WorkerKind
from tests.builders import NOON, a_worker, an_attempt

NOW = NOON + 1000


def held(number: int, granted_ago: float, heard_ago: float | None = None) -> Attempt:
    heard_at = None if heard_ago is None else NOW - heard_ago
    return an_attempt(id=number, worker=None, session=None, granted_at=NOW - granted_ago, heard_at=heard_at)


def seed(name: str, silent: float = 0, free_for: float = 500, holds: int = 0) -> Worker:
    return a_worker(
        id=name,
        kind=WorkerKind.SEED,
        last_contact=NOW - silent,
        free_since=NOW - free_for,
        open_attempts=holds,
    )


def holders(attempts: list[Attempt], workers: list[Worker]) -> dict[int, str]:
    return {number: worker.id for number, worker in likely_holders(attempts, workers, NOW).items()}


def left_behind(attempts: list[Attempt], workers: list[Worker]) -> list[tuple[int, str]]:
    return [(attempt.id, worker.id) for attempt, worker in abandoned(attempts, workers, NOW)]


def test_each_attempt_has_a_worker_of_its_own() -> None:
    assert len(set(holders([held(1, 90), held(2, 80)], [seed("a"), seed("b")]).values())) == 2


def test_when_workers_are_too_few_the_oldest_silent_attempt_has_none() -> None:
    assert holders([held(1, 90), held(2, 80)], [seed("a")]) == {2: "a"}
    assert holders([held(1, 90, heard_ago=5), held(2, 80)], [seed("a")]) == {1: "a"}
    assert holders([held(1, 90, heard_ago=50), held(2, 80)], [seed("a")]) == {2: "a"}


def test_a_worker_does_not_hold_what_was_granted_before_it_was_free() -> None:
    assert holders([held(1, 90)], [seed("a", free_for=80)]) == {}
    assert holders([held(1, 90), held(2, 70)], [seed("a"), seed("b", free_for=80)]) == {2: "b", 1: "a"}


def test_a_worker_that_holds_a_named_attempt_holds_no_other() -> None:
    assert holders([held(1, 90)], [seed("a", holds=1)]) == {}


def test_a_silent_worker_keeps_nothing() -> None:
    assert holders([held(1, 90)], [seed("a", silent=31)]) == {}
    assert holders([held(1, 90)], [seed("a", silent=30)]) == {1: "a"}


def test_a_silent_worker_left_one_attempt_behind_the_oldest_that_it_may_have_held() -> None:
    both = [held(1, 90), held(2, 80)]
    assert left_behind(both, [seed("a", silent=60), seed("b")]) == [(1, "a")]
    assert left_behind(both, [seed("a", silent=60), seed("b", silent=50)]) == [(1, "a"), (2, "b")]


def test_a_silent_worker_did_not_hold() -> None:
    assert left_behind([held(1, 90)], [seed("what was granted before it was free", 60, free_for=80)]) == []
    assert left_behind([held(1, 90)], [seed("what was granted after its end", silent=106)]) == []
    assert left_behind([held(1, 90, heard_ago=40)], [seed("what was heard after its end", silent=60)]) == []
    assert left_behind([held(1, 90)], [seed("a second attempt", silent=60, holds=1)]) == []
    assert left_behind([held(1, 90)], [seed("anything, as it lives", silent=30)]) == []
