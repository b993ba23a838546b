"""A coordinator without its web server: the use cases over a real SQLite store and a fake clock."""

from typing import Any

from coordinator.domain.attempt import Attempt
from coordinator.domain.job import Job
from coordinator.domain.notices import Notice
from coordinator.domain.worker import Worker
from coordinator.storage.sqlite import SqliteStore
from coordinator.use_cases.cancel_jobs import cancel_job
from coordinator.use_cases.expire_leases import expire_leases, ripen_jobs
from coordinator.use_cases.submit_jobs import submit_job
from tests.builders import an_order
from tests.fakes.clock import FakeClock
from tests.fakes.scripted_agent import ScriptedAgent


class Office:
    """A coordinator without its web server."""

    def __init__(self, store: SqliteStore, clock: FakeClock, notices: list[Notice]) -> None:
        self.store = store
        self.clock = clock
        self.notices = notices

    def submit(self, *commands: str, **changes: Any) -> Job:
        order = an_order(*commands, **changes)
        return self.store.transact(lambda tx: submit_job(tx, order))[0]

    def job(self, job: str) -> Job:
        return self.store.read(lambda tx: tx.jobs.get(job))

    def agent(self, session: str = "session-1", **registration: Any) -> ScriptedAgent:
        agent = ScriptedAgent(self.store, session, **registration)
        agent.register()
        return agent

    def worker(self, worker: str) -> Worker:
        return self.store.read(lambda tx: tx.workers.get(worker))

    def attempt(self, job: str, number: int = 1) -> Attempt:
        found = self.store.read(lambda tx: tx.attempts.get(job, number))
        assert found is not None
        return found

    def cancel(self, job: str) -> Job:
        return self.store.transact(lambda tx: cancel_job(tx, job))

    def expire(self) -> int:
        return self.store.transact(expire_leases)

    def ripen(self) -> None:
        self.store.transact(ripen_jobs)

    def drain(self, agent: ScriptedAgent, on: bool) -> None:
        worker = agent.worker
        self.store.transact(lambda tx: tx.workers.set_drain(worker, on))

    def heard(self) -> list[Notice]:
        """Take the notices since the last call."""
        taken, self.notices[:] = list(self.notices), []
        return taken
