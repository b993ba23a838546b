"""The seats of the waiting room: a bell to wait for, and for an agent what work it was rung for."""

import threading
from collections.abc import Callable

from coordinator.domain.requirements import Requirements


class HeldSeat:
    """What every held call has. A ring while nobody waits is kept for the next wait; several are one."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._released = False

    @property
    def released(self) -> bool:
        return self._released

    def ring(self) -> None:
        """Wake the call. A bell is cleared before its owner looks: one that still rings needs no second."""
        if not self._bell.is_set():
            self._bell.set()

    def end(self) -> None:
        self._released = True
        self._bell.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for a ring; tell whether one came. A released seat waits no more."""
        if self._released or not self._bell.wait(timeout_s) or self._released:
            return False
        self._bell.clear()
        return True


class FollowerSeat(HeldSeat):
    """Follows a job."""

    def __init__(self, job: str, who: str, on_leave: Callable[["FollowerSeat"], None]) -> None:
        super().__init__()
        self.job = job
        self.who = who
        self._on_leave = on_leave

    def pass_on(self) -> None:
        """Do nothing: every follower of a job is rung."""

    def leave(self) -> None:
        self._on_leave(self)


class WorkerSeat(HeldSeat):
    """Holds an agent's call. `lock` is the room's: it guards what the seat was rung for."""

    def __init__(
        self,
        number: int,
        worker: str,
        call: str,
        would_take: Callable[[Requirements], bool],
        lock: threading.Lock,
        desk: "Callable[[WorkerSeat, list[Requirements], bool], None]",
    ) -> None:
        super().__init__()
        self.number = number  # rises: the order of coming
        self.worker = worker
        self.call = call
        self.would_take = would_take
        self._lock = lock
        self._desk = desk
        self._unheard: list[Requirements] = []
        self._in_hand: list[Requirements] = []

    @property
    def has_unused_wake_up(self) -> bool:
        return bool(self._unheard or self._in_hand)

    def offer(self, wanted: Requirements, *, even_if_woken: bool) -> bool:
        """Ring for work of this kind; tell whether this seat sees to it."""
        with self._lock:
            if self._released or (self.has_unused_wake_up and not even_if_woken):
                return False
            if wanted not in self._unheard:
                self._unheard.append(wanted)
            self.ring()
            return True

    def wait(self, timeout_s: float) -> bool:
        rung = super().wait(timeout_s)
        if rung:
            with self._lock:
                self._in_hand += self._unheard
                self._unheard = []
        return rung

    def pass_on(self) -> None:
        """Say that a wake-up for work was not used, so that the next matching waiter gets it."""
        with self._lock:
            unused, self._in_hand = self._in_hand, []
        self._desk(self, unused, False)

    def leave(self) -> None:
        """End the call: what it never looked at goes to others; of several kinds, one may be left over."""
        with self._lock:
            unused, self._unheard = self._unheard, []
            if len(self._in_hand) > 1:
                unused += self._in_hand
            self._in_hand = []
        self._desk(self, unused, True)
