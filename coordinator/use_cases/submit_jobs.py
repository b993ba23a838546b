"""Accept a job: check what only the store knows, queue it, once for each idempotency key."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.domain.errors import Invalid, KeyReused
from coordinator.domain.job import Job, JobOrder
from coordinator.domain.notices import WorkAvailable
from coordinator.use_cases.ports import Transaction
from shared.field_rules import FieldError


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    principal: str
    key: str
    body: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def submit_job(
    tx: Transaction, order: JobOrder, key: IdempotencyKey | None = None, origin: str = "native"
) -> tuple[Job, bool]:
    """Queue `order`; tell the job and whether it is new. Raises Invalid, KeyReused."""
    if key is not None:
        known = tx.jobs.recall_key(key.principal, key.key)
        if known is not None:
            check_same_body(known, key)
            return tx.jobs.get(known[1]), False
    [job] = submit_jobs(tx, [order], origin)
    if key is not None:
        tx.jobs.remember_key(key.principal, key.key, key.digest, job.id)
    return job, True


def submit_jobs(tx: Transaction, orders: Sequence[JobOrder], origin: str = "native") -> list[Job]:
    """Queue all of `orders`, or none. Raises Invalid."""
    for order in orders:
        check_order(tx, order)
    return queue_jobs(tx, orders, origin)


def queue_jobs(tx: Transaction, orders: Sequence[JobOrder], origin: str = "native") -> list[Job]:
    """Queue orders that were checked."""
    jobs = tx.jobs.add(orders, origin)
    for job in jobs:
        tx.notify(WorkAvailable(job.order.requirements))
    return jobs


def check_same_body(known: tuple[str, str], key: IdempotencyKey) -> None:
    """Make sure that a key came back with the body that it came with before. Raises KeyReused."""
    digest, _ = known
    if digest != key.digest:
        raise KeyReused(
            "This Idempotency-Key was used for a job with another content. Use a new key for a new job."
        )


def check_order(tx: Transaction, order: JobOrder) -> None:
    """Check what only the store knows. Raises Invalid."""
    if order.project is not None and tx.files.project_size(order.project) is None:
        message = "names no uploaded project: upload the ZIP first"
        raise Invalid("The project is not here.", [FieldError("project", message)])
    worker = order.requirements.worker
    if worker is not None and tx.workers.find(worker) is None:
        raise Invalid("The PC is not known.", [FieldError("requirements.worker", "names no registered PC")])
