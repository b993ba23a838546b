"""The periodic duties, and when expiry must wait."""

import threading

from coordinator.background import Background, Duty, LeaseGrace
from coordinator.domain.attempt import LEASE_S
from tests.fakes.clock import FakeClock


def test_nothing_expires_for_one_lease_length_after_a_start() -> None:
    wall, monotonic = FakeClock(), FakeClock()
    grace = LeaseGrace(wall, monotonic)
    for clock in (wall, monotonic):
        clock.advance(LEASE_S - 1)
    assert grace.holds()
    for clock in (wall, monotonic):
        clock.advance(2)
    assert not grace.holds()


def test_a_clock_that_jumps_begins_the_grace_anew() -> None:
    for jump in (3600.0, -3600.0, 31.0):
        wall, monotonic = FakeClock(), FakeClock()
        grace = LeaseGrace(wall, monotonic)
        for clock in (wall, monotonic):
            clock.advance(LEASE_S + 1)
        assert not grace.holds()
        wall.advance(jump)
        assert grace.holds()
        for clock in (wall, monotonic):
            clock.advance(LEASE_S + 1)
        assert not grace.holds()


def test_a_clock_that_drifts_does_not() -> None:
    wall, monotonic = FakeClock(), FakeClock()
    grace = LeaseGrace(wall, monotonic)
    for _ in range(100):
        wall.advance(11)
        monotonic.advance(10)
        grace.holds()
    assert not grace.holds()


def test_each_duty_runs_at_its_own_pace_and_a_failing_one_stops_no_other() -> None:
    clock = FakeClock()
    done: list[str] = []

    def fail() -> None:
        done.append("fails")
        raise OSError("the disk is gone")

    table = [Duty("often", 2, lambda: done.append("often")), Duty("fails", 2, fail)]
    table.append(Duty("seldom", 10, lambda: done.append("seldom")))
    background = Background(table, clock)
    for _ in range(5):
        clock.advance(2)
        background.run_due()
    assert [done.count(name) for name in ("often", "fails", "seldom")] == [5, 5, 1]


def test_it_ends_when_it_is_stopped() -> None:
    ran = threading.Event()
    background = Background([Duty("at once", 0.0, ran.set)], FakeClock())
    background.start()
    assert ran.wait(10)
    background.stop()
    background.stop()
