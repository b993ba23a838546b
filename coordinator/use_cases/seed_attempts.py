"""Hand jobs to workers of the older interface, which ask without saying who they are.

What is handed out is an alias of the job's id that names the attempt, so that its reports name it too.
"""

import re
from dataclasses import dataclass

from coordinator.domain.attempt import FIRST_CONTACT_S, SEED_SILENCE_S, Attempt
from coordinator.domain.errors import NotFound
from coordinator.domain.job import Job
from coordinator.domain.matching import matches
from coordinator.domain.notices import JobChanged
from coordinator.domain.requirements import Requirements
from coordinator.domain.seed_holders import abandoned, is_live
from coordinator.domain.worker import Worker, WorkerKind
from coordinator.use_cases.end_attempts import end_attempt
from coordinator.use_cases.ports import AttemptEnd, Transaction
from coordinator.use_cases.seed_workers import beat
from shared.vocabulary import AttemptOutcome, Mode

_ALIAS = re.compile(r"(.+)-([1-9][0-9]{0,6})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Handed:
    job: Job
    alias: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What an id of the older interface means: a job, and the attempt that an alias names, else the last."""

    job: Job
    attempt: Attempt | None
    is_alias: bool


def alias_of(job: str, attempt: int) -> str:
    return f"{job}-{attempt}"


def find_reference(tx: Transaction, text: str) -> Reference:
    """Tell what the creator's id or an alias means. Raises NotFound."""
    match = _ALIAS.fullmatch(text)
    jobs = tx.jobs.get_many([text, match[1]] if match else [text])
    if text in jobs:
        job = jobs[text]
        return Reference(job, tx.attempts.get(job.id, job.attempt), False)
    if match and match[1] in jobs:
        attempt = tx.attempts.get(match[1], int(match[2]))
        if attempt is not None:
            return Reference(jobs[match[1]], attempt, True)
    raise NotFound(f"There is no job {text[:80]}.")


def hand_out(tx: Transaction, address: str, worker_id: str | None) -> Handed | None:
    """Give the first job that fits to whoever asks from `address`; None when there is none."""
    worker = _known(tx, address, worker_id)
    seeds = tx.workers.seeds_at(address)
    _take_back_abandoned(tx, address, seeds)
    live = [seed for seed in seeds if is_live(seed, tx.now)]
    asking = [worker] if worker is not None else live
    if asking and all(seed.drain for seed in asking):
        return None
    classes = [n for n, wanted in tx.jobs.requirement_classes().items() if _all_can_run(wanted, asking)]
    name = worker.id if worker is not None else None
    for job in tx.jobs.claimable(classes, name or "", 1) if classes else []:
        if tx.jobs.grant(job, name):
            return _open(tx, job, name, address, SEED_SILENCE_S if asking else FIRST_CONTACT_S)
    return None


def _known(tx: Transaction, address: str, worker_id: str | None) -> Worker | None:
    """Tell the worker that named itself; one that never registered asks as if it had not."""
    worker = tx.workers.find(worker_id) if worker_id else None
    if worker is None or worker.kind is not WorkerKind.SEED:
        return None
    return beat(tx, worker.id, address)


def _all_can_run(wanted: Requirements, asking: list[Worker]) -> bool:
    """Tell whether whichever of these workers asks can run it; without any, only what runs everywhere."""
    if not wanted.plain or wanted.mode is not Mode.DISTRIBUTED:
        return False
    return all(matches(wanted, worker) for worker in asking) if asking else wanted.os is None


def _take_back_abandoned(tx: Transaction, address: str, seeds: list[Worker]) -> None:
    """Return to the queue what silent workers left: somebody here is idle, so who beats need not hold it."""
    for attempt, worker in abandoned(tx.attempts.unnamed_at(address), seeds, tx.now):
        name_worker(tx, attempt, worker.id)
        tx.workers.set_free(worker.id, tx.now)
        end = AttemptEnd(AttemptOutcome.LOST, tx.now, message="The PC went silent.")
        end_attempt(tx, tx.jobs.get(attempt.job), attempt, end)


def name_worker(tx: Transaction, attempt: Attempt, worker: str) -> None:
    """Bind an attempt that nobody has named yet."""
    tx.attempts.name_worker(attempt.id, worker)
    tx.jobs.name_worker(attempt.job, attempt.number, worker)


def _open(tx: Transaction, job: Job, worker: str | None, address: str, lease_s: float) -> Handed:
    """Open the attempt and start it: the older interface knows no time between the two."""
    number = job.attempt + 1
    attempt = tx.attempts.open_attempt(
        Attempt(
            id=0,
            job=job.id,
            number=number,
            worker=worker,
            session=None,
            seq=0,
            granted_at=tx.now,
            lease_until=tx.now + lease_s,
            address=address,
        )
    )
    tx.attempts.start(attempt.id, tx.now, tx.now + lease_s)
    tx.jobs.start(job.id, number, tx.now)
    tx.notify(JobChanged(job.id))
    return Handed(tx.jobs.get(job.id), alias_of(job.id, number))
