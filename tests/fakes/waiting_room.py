"""A waiting room in which waiting takes no time: the clock moves on, or what a test planned happens."""

from collections import deque
from collections.abc import Callable

from coordinator.domain.notices import JobChanged, Notice
from coordinator.domain.requirements import Requirements
from tests.fakes.clock import FakeClock


class FakeSeat:
    def __init__(self, room: "FakeWaitingRoom", job: str, who: str) -> None:
        self.room = room
        self.job = job
        self.who = who
        self.rung = False
        self.released = False
        self.left = False

    def wait(self, timeout_s: float) -> bool:
        """Let the next planned thing happen, else the time pass."""
        self.room.waits.append(timeout_s)
        if not self.rung and self.room.plans:
            self.room.plans.popleft()()
        if self.rung:
            self.rung = False
            return not self.released
        self.room.clock.advance(timeout_s)
        return False

    def pass_on(self) -> None: ...

    def leave(self) -> None:
        self.left = True


class FakeWaitingRoom:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.full = False
        self.closing = False
        self.seats: list[FakeSeat] = []
        self.waits: list[float] = []
        self.plans: deque[Callable[[], object]] = deque()

    def publish(self, notice: Notice) -> None:
        for seat in self.seats:
            if notice == JobChanged(seat.job):
                seat.rung = True

    def seat_for_worker(
        self, worker: str, seq: int, would_take: Callable[[Requirements], bool]
    ) -> FakeSeat | None:
        return None

    def release(self, worker: str, seq: int) -> None: ...

    def seat_for_job(self, job: str, who: str) -> FakeSeat | None:
        if self.full or self.closing:
            return None
        self.seats.append(FakeSeat(self, job, who))
        return self.seats[-1]

    def close(self) -> None:
        self.closing = True
        for seat in self.seats:
            seat.released = seat.rung = True
