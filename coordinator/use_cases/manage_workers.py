"""See the workers, and tell one to finish and take no more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coordinator.domain.notices import WorkerCalled
from coordinator.domain.worker import Worker
from coordinator.use_cases.cursors import cursor_of, foreign_cursor, place_of
from coordinator.use_cases.ports import Transaction


@dataclass(frozen=True, slots=True)
class WorkerPage:
    workers: Sequence[Worker]
    next: str | None


def read_worker(tx: Transaction, worker_id: str) -> Worker:
    """Tell one worker with the number of its open attempts. Raises NotFound."""
    worker = tx.workers.get(worker_id)
    return replace(worker, open_attempts=len(tx.attempts.held_by(worker.id)))


def read_workers(tx: Transaction, after: str | None, limit: int) -> WorkerPage:
    """List workers in the order of their joining, after the cursor `after`. Raises Invalid."""
    workers = tx.workers.all()
    begin = _place_after(workers, after) if after is not None else 0
    page = workers[begin : begin + limit]
    more = begin + limit < len(workers)
    return WorkerPage(page, cursor_of(page[-1].id) if more else None)


def drain_worker(tx: Transaction, worker_id: str, drain: bool) -> Worker:
    """Let a worker finish what it runs and take no more, or let it take jobs again. Raises NotFound."""
    worker = tx.workers.get(worker_id)
    if worker.drain != drain:
        tx.workers.set_drain(worker.id, drain)
        tx.notify(WorkerCalled(worker.id))
    return read_worker(tx, worker.id)


def _place_after(workers: Sequence[Worker], cursor: str) -> int:
    last = place_of(cursor)
    found = next((n for n, worker in enumerate(workers) if worker.id == last), None)
    if found is None:
        raise foreign_cursor()
    return found + 1
