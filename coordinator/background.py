"""The periodic duties of the coordinator: one table, one thread."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coordinator.domain.attempt import LEASE_S
from coordinator.use_cases.expire_leases import BATCH, expire_leases, ripen_jobs
from coordinator.use_cases.ports import FileStore, Store
from coordinator.use_cases.purge import forget_old_keys, forget_silent_seeds, give_up_stale_uploads

log = logging.getLogger(__name__)

CLOCK_JUMP_S = 30.0


@dataclass(frozen=True, slots=True)
class Duty:
    name: str
    every_s: float
    run: Callable[[], None]


class LeaseGrace:
    """Nothing expires for one lease length after a start or a clock jump: agents get a chance to renew."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._until = monotonic() + LEASE_S
        self._offset = wall() - monotonic()

    def holds(self) -> bool:
        """Tell whether expiry must wait; notices clock jumps, so it wants to be asked often."""
        offset = self._wall() - self._monotonic()
        if abs(offset - self._offset) > CLOCK_JUMP_S:
            log.warning("clock.jumped", extra={"by_s": round(offset - self._offset, 1)})
            self._until = self._monotonic() + LEASE_S
        self._offset = offset
        return self._monotonic() < self._until


def duties(store: Store, files: FileStore, grace: LeaseGrace) -> list[Duty]:
    """Tell what is to be done, and how often."""

    def expire() -> None:
        while not grace.holds() and store.transact(expire_leases) == BATCH:
            pass  # each batch is a short transaction of its own

    return [
        Duty("expire leases", 10.0, expire),
        Duty("ripen jobs", 2.0, lambda: store.transact(ripen_jobs)),
        Duty("give up stale uploads", 3600.0, lambda: give_up_stale_uploads(store, files)),
        Duty("forget old idempotency keys", 3600.0, lambda: store.transact(forget_old_keys)),
        Duty("forget silent older workers", 3600.0, lambda: store.transact(forget_silent_seeds)),
    ]


class Background:
    """Runs the duties until stopped; a duty that fails is tried again at its next time."""

    def __init__(self, table: Sequence[Duty], monotonic: Callable[[], float]) -> None:
        self._due = {duty: monotonic() + duty.every_s for duty in table}
        self._monotonic = monotonic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the duty that runs now; may be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(max(min(self._due.values()) - self._monotonic(), 0)):
            self.run_due()

    def run_due(self) -> None:
        now = self._monotonic()
        for duty in [duty for duty, at in self._due.items() if at <= now]:
            try:
                duty.run()
            except Exception:
                log.exception("duty.failed", extra={"duty": duty.name})
            self._due[duty] = now + duty.every_s
