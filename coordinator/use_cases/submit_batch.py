"""Accept many jobs in one call: all or none, once for each idempotency key."""

from collections.abc import Sequence

from coordinator.domain.errors import Invalid
from coordinator.domain.job import JobOrder
from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.submit_jobs import IdempotencyKey, check_order, check_same_body, queue_jobs
from shared.field_rules import FieldError


def submit_batch(
    tx: Transaction, orders: Sequence[JobOrder], key: IdempotencyKey | None = None
) -> tuple[list[str], bool]:
    """Queue all of `orders`; tell their ids in order, and whether they are new. Raises Invalid, KeyReused."""
    if key is not None:
        known = tx.jobs.recall_key(key.principal, key.key)
        if known is not None:
            check_same_body(known, key)
            return _queued_before(tx, known[1], len(orders)), False
    _check_all(tx, orders)
    jobs = queue_jobs(tx, orders)
    if key is not None:
        tx.jobs.remember_key(key.principal, key.key, key.digest, jobs[0].id)
    return [job.id for job in jobs], True


def _queued_before(tx: Transaction, first: str, count: int) -> list[str]:
    """Find the jobs of an earlier call by the number of its first: one call's jobs are numbered in a row."""
    end = tx.jobs.get(first).number + count
    return [job.id for job in reversed(tx.jobs.newest(None, end, count))]


def _check_all(tx: Transaction, orders: Sequence[JobOrder]) -> None:
    """Ask the store once for each project and PC, however many jobs name it."""
    judged: dict[tuple[str | None, str | None], list[FieldError]] = {}
    errors: list[FieldError] = []
    detail = ""
    for index, order in enumerate(orders):
        named = (order.project, order.requirements.worker)
        if named not in judged:
            judged[named] = []
            try:
                check_order(tx, order)
            except Invalid as error:
                judged[named] = error.errors
                detail = detail or f"jobs[{index}]: {error}"
        errors += [FieldError(f"jobs[{index}].{e.field}", e.message) for e in judged[named]]
    if errors:
        raise Invalid(detail, errors)
