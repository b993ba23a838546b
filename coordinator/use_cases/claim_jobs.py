"""Give waiting jobs to a worker: what matches and fits, first in first out within a priority."""

from collections.abc import Iterable

from coordinator.domain.attempt import FIRST_CONTACT_S, Attempt, attempt_token
from coordinator.domain.job import Job
from coordinator.domain.matching import matches
from coordinator.domain.worker import Worker
from coordinator.use_cases.ports import Transaction
from shared.messages import Lease

MOST_AT_ONCE = 64


def claim_jobs(tx: Transaction, worker: Worker, held: Iterable[Attempt], seq: int) -> list[Lease]:
    """Lease to `worker` what its free slots take, counted here: its own word is not trusted."""
    if not worker.takes_jobs:
        return []
    holding = list(held)
    used = tx.jobs.get_many([attempt.job for attempt in holding]) if holding else {}
    cpus = worker.cpus - sum(job.order.requirements.cpus for job in used.values())
    memory = worker.memory_mb - sum(job.order.requirements.memory_mb for job in used.values())
    leases: list[Lease] = []
    for job in _candidates(tx, worker, cpus, memory):
        wanted = job.order.requirements
        if wanted.cpus <= cpus and wanted.memory_mb <= memory and tx.jobs.grant(job, worker.id):
            cpus, memory = cpus - wanted.cpus, memory - wanted.memory_mb
            leases.append(_lease(tx, job, worker, seq))
        if cpus <= 0:
            break
    return leases


def _candidates(tx: Transaction, worker: Worker, cpus: int, memory_mb: int) -> list[Job]:
    if cpus <= 0:
        return []
    classes = [
        number
        for number, wanted in tx.jobs.requirement_classes().items()
        if wanted.cpus <= cpus and wanted.memory_mb <= memory_mb and matches(wanted, worker)
    ]
    return tx.jobs.claimable(classes, worker.id, min(cpus, MOST_AT_ONCE)) if classes else []


def _lease(tx: Transaction, job: Job, worker: Worker, seq: int) -> Lease:
    attempt = Attempt(
        id=0,
        job=job.id,
        number=job.attempt + 1,
        worker=worker.id,
        session=worker.session,
        seq=seq,
        granted_at=tx.now,
        lease_until=tx.now + FIRST_CONTACT_S,
    )
    tx.attempts.open_attempt(attempt)
    return lease_of(tx, job, attempt.number)


def lease_of(tx: Transaction, job: Job, number: int) -> Lease:
    """Tell the agent all about one attempt; the same for a repeated call, as nothing in it is random."""
    project = job.order.project
    size = tx.files.project_size(project) if project else 0
    return Lease(
        job=job.id,
        attempt=number,
        token=attempt_token(tx.token_key, job.id, number),
        lease_s=FIRST_CONTACT_S,
        spec=job.order.spec(size or 0),
    )
