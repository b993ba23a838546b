"""What the web layer needs of the waiting room: a seat to wait in, or the word that there is none."""

from collections.abc import Callable
from typing import Protocol

from coordinator.domain.requirements import Requirements


class Seat(Protocol):
    """One held call. Take it before looking, so that nothing that happens in between is missed."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for a wake-up; tell whether one came. The next call waits for the next one."""

    def pass_on(self) -> None:
        """Say that a wake-up for work was not used, so that the next matching waiter gets it."""

    @property
    def released(self) -> bool:
        """Tell whether the call must end now: released by its agent, or the coordinator is stopping."""

    def leave(self) -> None: ...


class WaitingRoom(Protocol):
    def seat_for_worker(
        self, worker: str, call: str, would_take: Callable[[Requirements], bool]
    ) -> Seat | None:
        """Hold an exchange; None when the room is full. An older held call of this worker is released."""

    def release(self, worker: str, call: str) -> None:
        """End the held call that this worker made with `call`, now or as soon as it sits down."""

    def seat_for_job(self, job: str, who: str) -> Seat | None:
        """Follow a job; None when the room is full or `who` follows too many already."""

    @property
    def closing(self) -> bool:
        """Tell whether the coordinator is stopping: no claims any more, no call is held."""
