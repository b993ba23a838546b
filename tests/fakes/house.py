"""A store under contract test, with short ways to fill it and a way past its ports."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from coordinator.domain.attempt import Attempt
from coordinator.domain.job import Job, JobOrder
from coordinator.domain.notices import Notice
from coordinator.storage.sqlite import SqliteStore, open_engine
from coordinator.use_cases.ports import Transaction
from tests.builders import an_attempt, an_order
from tests.fakes.clock import FakeClock

T = TypeVar("T")


@dataclass
class House:
    """A store, what it runs on, and short ways to fill it."""

    store: SqliteStore
    clock: FakeClock
    notices: list[Notice]
    path: Path
    engines: list[Engine] = field(default_factory=list)

    def do(self, work: Callable[[Transaction], T]) -> T:
        return self.store.transact(work)

    def look(self, work: Callable[[Transaction], T]) -> T:
        return self.store.read(work)

    def engine(self) -> Engine:
        """A second way into the same database, past the ports."""
        self.engines.append(open_engine(self.path))
        return self.engines[-1]

    def add(self, *orders: JobOrder) -> list[Job]:
        return self.do(lambda tx: tx.jobs.add(orders or [an_order()], "native"))

    def granted(self, worker: str = "pc-1") -> tuple[Job, Attempt]:
        """A new job with an open attempt."""
        [job] = self.add()

        def grant(tx: Transaction) -> Attempt:
            assert tx.jobs.grant(job, worker)
            now = tx.now
            return tx.attempts.open_attempt(
                an_attempt(job=job.id, worker=worker, granted_at=now, lease_until=now + 60)
            )

        attempt = self.do(grant)
        return self.job(job.id), attempt

    def job(self, job: str) -> Job:
        return self.look(lambda tx: tx.jobs.get(job))

    def attempt(self, job: str, number: int = 1) -> Attempt:
        found = self.look(lambda tx: tx.attempts.get(job, number))
        assert found is not None
        return found
