"""Where held calls wait: counted seats for agents and for followers of jobs, rung by notices."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from coordinator.domain.notices import JobChanged, Notice, WorkAvailable, WorkerCalled
from coordinator.domain.requirements import Requirements
from coordinator.server.seats import FollowerSeat, WorkerSeat

PER_PERSON = 6  # a browser opens no more connections to one host
EARLY_RELEASES_PER_WORKER = 4  # releases that overtook the call they mean
EARLY_RELEASES_OF_WORKERS = 1024


class WaitingRoom:
    """Safe from any thread. `would_take` of a seat must neither wait nor call the room."""

    def __init__(self, workers: int = 200, followers: int = 56, per_person: int = PER_PERSON) -> None:
        self._lock = threading.Lock()
        self._free_for_workers = workers
        self._free_for_followers = followers
        self._per_person = per_person
        self._workers: dict[str, WorkerSeat] = {}  # in the order of their coming
        self._followers: dict[
            str, tuple[FollowerSeat, ...]
        ] = {}  # by job; each replaced whole: read unlocked
        self._people: dict[str, int] = {}
        self._early: OrderedDict[str, deque[str]] = OrderedDict()
        self._came = 0
        self._closing = False

    @property
    def closing(self) -> bool:
        """Tell whether the coordinator is stopping."""
        return self._closing

    def seat_for_worker(
        self, worker: str, call: str, would_take: Callable[[Requirements], bool]
    ) -> WorkerSeat | None:
        """Hold an exchange; None when the room is full or closing. An older held call of it is released."""
        with self._lock:
            if older := self._workers.get(worker):
                self._free(older)
            self._came += 1
            seat = WorkerSeat(self._came, worker, call, would_take, self._lock, self._settle)
            if self._closing or not self._free_for_workers:
                return None
            if self._was_released_early(worker, call):
                seat.end()
            else:
                self._free_for_workers -= 1
                self._workers[worker] = seat
            return seat

    def release(self, worker: str, call: str) -> None:
        """End the held call that this worker made with `call`, now or as soon as it sits down."""
        with self._lock:
            seat = self._workers.get(worker)
            if seat is not None and seat.call == call:
                self._free(seat)
            else:
                self._remember_release(worker, call)

    def seat_for_job(self, job: str, who: str) -> FollowerSeat | None:
        """Follow a job; None when the room is full or closing, or `who` follows too many already."""
        with self._lock:
            of_person = self._people.get(who, 0)
            if self._closing or not self._free_for_followers or of_person >= self._per_person:
                return None
            self._free_for_followers -= 1
            self._people[who] = of_person + 1
            seat = FollowerSeat(job, who, self._follower_left)
            self._followers[job] = (*self._followers.get(job, ()), seat)
            return seat

    def publish(self, notice: Notice) -> None:
        """Wake whom `notice` concerns: one waiter for work, a worker's own call, all followers of a job."""
        match notice:
            case JobChanged(job):
                for follower in self._followers.get(job, ()):
                    follower.ring()
            case WorkAvailable(requirements):
                self._offer(requirements, after=0)
            case WorkerCalled(worker):
                if seat := self._workers.get(worker):
                    seat.ring()

    def close(self) -> None:
        """Release every held call, and hold none any more."""
        with self._lock:
            self._closing = True
            for worker_seat in list(self._workers.values()):
                self._free(worker_seat)
            for seats in self._followers.values():
                for seat in seats:
                    seat.end()

    def _offer(self, wanted: Requirements, after: int) -> None:
        """Wake the oldest matching waiter that came after number `after` and has no unused wake-up.

        When all have one, the oldest of them is told of this work too: it may be in the middle of a claim
        that began before this work was there.
        """
        with self._lock:
            waiting = [seat for seat in self._workers.values() if seat.number > after]
        for even_if_woken in (False, True):
            for seat in waiting:
                if not even_if_woken and seat.has_unused_wake_up:
                    continue
                if seat.would_take(wanted) and seat.offer(wanted, even_if_woken=even_if_woken):
                    return

    def _settle(self, seat: WorkerSeat, unused: list[Requirements], leaves: bool) -> None:
        """Offer what `seat` did not use; while it stays only to later ones, lest it go in circles."""
        if leaves:
            with self._lock:
                if self._workers.get(seat.worker) is seat:
                    self._free(seat)
        for wanted in unused:
            self._offer(wanted, after=0 if leaves else seat.number)

    def _free(self, seat: WorkerSeat) -> None:
        """Let the next call have this place already: this one is on its way out."""
        del self._workers[seat.worker]
        self._free_for_workers += 1
        seat.end()

    def _follower_left(self, seat: FollowerSeat) -> None:
        with self._lock:
            present = self._followers.get(seat.job, ())
            if seat not in present:
                return
            self._free_for_followers += 1
            self._followers[seat.job] = tuple(other for other in present if other is not seat)
            if not self._followers[seat.job]:
                del self._followers[seat.job]
            self._people[seat.who] -= 1
            if not self._people[seat.who]:
                del self._people[seat.who]

    def _remember_release(self, worker: str, call: str) -> None:
        early = self._early.setdefault(worker, deque(maxlen=EARLY_RELEASES_PER_WORKER))
        early.append(call)
        self._early.move_to_end(worker)
        if len(self._early) > EARLY_RELEASES_OF_WORKERS:
            self._early.popitem(last=False)

    def _was_released_early(self, worker: str, call: str) -> bool:
        early = self._early.get(worker)
        if early is None or call not in early:
            return False
        early.remove(call)
        return True
