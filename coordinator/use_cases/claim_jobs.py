"""Give waiting jobs to a worker: what matches and fits, first in first out within a priority."""

from collections.abc import Iterable
from dataclasses import dataclass

from coordinator.domain.attempt import FIRST_CONTACT_S, Attempt, attempt_token
from coordinator.domain.job import Job
from coordinator.domain.matching import matches
from coordinator.domain.requirements import Requirements
from coordinator.domain.worker import Worker
from coordinator.use_cases.ports import Transaction
from shared.messages import Lease

MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Room:
    """What a worker has left beside the attempts that it holds."""

    cpus: int
    memory_mb: int

    def fits(self, wanted: Requirements) -> bool:
        return wanted.cpus <= self.cpus and wanted.memory_mb <= self.memory_mb

    def less(self, wanted: Requirements) -> "Room":
        return Room(self.cpus - wanted.cpus, self.memory_mb - wanted.memory_mb)


def room_of(worker: Worker, held: Iterable[Job]) -> Room:
    """Count what is left by what the store says that `worker` holds: its own word is not trusted."""
    room = Room(worker.cpus, worker.memory_mb)
    for job in held:
        room = room.less(job.order.requirements)
    return room


def claim_jobs(tx: Transaction, worker: Worker, room: Room, seq: int) -> tuple[list[Lease], Room]:
    """Lease to `worker` what its room takes; tell the leases and the room left."""
    leases: list[Lease] = []
    if not worker.takes_jobs or room.cpus <= 0:
        return leases, room
    for job in _candidates(tx, worker, room):
        wanted = job.order.requirements
        if room.fits(wanted) and tx.jobs.grant(job, worker.id):
            room = room.less(wanted)
            leases.append(_lease(tx, job, worker, seq))
    return leases, room


def _candidates(tx: Transaction, worker: Worker, room: Room) -> list[Job]:
    classes = [
        number
        for number, wanted in tx.jobs.requirement_classes().items()
        if room.fits(wanted) and matches(wanted, worker)
    ]
    return tx.jobs.claimable(classes, worker.id, min(room.cpus, MOST_AT_ONCE)) if classes else []


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
