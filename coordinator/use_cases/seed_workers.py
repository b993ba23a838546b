"""Workers of the older interface: they register, beat, and keep alive by it what they may hold."""

from dataclasses import dataclass, replace

from coordinator.domain.attempt import SEED_SILENCE_S
from coordinator.domain.errors import Conflict, NotFound
from coordinator.domain.seed_holders import likely_holders
from coordinator.domain.worker import Worker, WorkerKind, WorkerState
from coordinator.use_cases.ports import Transaction
from shared.vocabulary import AgentState, OperatingSystem, SandboxLevel


@dataclass(frozen=True, slots=True)
class SeedFacts:
    """What such a worker tells of itself."""

    worker: str
    host_name: str
    os: OperatingSystem
    cpus: int
    version: str


def register_seed(tx: Transaction, facts: SeedFacts, address: str) -> Worker:
    """Store the worker, or what is new of it. Raises Conflict where an agent has this id.

    Whoever registers again has started again: from then on only reports keep alive what it held before.
    """
    known = tx.workers.find(facts.worker)
    if known is not None and known.kind is not WorkerKind.SEED:
        raise Conflict(f"The id {facts.worker} belongs to another kind of worker. Choose another workerId.")
    worker = Worker(
        id=facts.worker,
        kind=WorkerKind.SEED,
        host_name=facts.host_name,
        machine_mark="",
        os=facts.os,
        cpus=facts.cpus,
        memory_mb=0,
        labels=(),
        sandbox_levels=(SandboxLevel.NONE,),
        version=facts.version,
        created_at=known.created_at if known else tx.now,
        last_contact=tx.now,
        availability=AgentState.AVAILABLE,
        drain=known.drain if known else False,
        address=address,
        free_since=tx.now,
    )
    tx.workers.save(worker)
    return worker


def beat(tx: Transaction, worker_id: str, address: str) -> Worker:
    """Note that the worker is there, and renew what workers at its address may hold. Raises NotFound."""
    worker = tx.workers.find(worker_id)
    if worker is None or worker.kind is not WorkerKind.SEED:
        raise NotFound(f"No worker {worker_id[:80]} is registered. Register first.")
    if worker.address == address:
        tx.workers.contact(worker.id, None, None)
    else:
        tx.workers.save(replace(worker, address=address, last_contact=tx.now))
    _renew_named(tx, worker)
    _renew_unnamed(tx, address)
    return worker


def _renew_named(tx: Transaction, worker: Worker) -> None:
    held = [a.id for a in tx.attempts.held_by(worker.id) if a.granted_at >= worker.free_since]
    if held:
        tx.attempts.renew(held, tx.now + SEED_SILENCE_S)


def _renew_unnamed(tx: Transaction, address: str) -> None:
    unnamed = tx.attempts.unnamed_at(address)
    if not unnamed:
        return
    holders = likely_holders(unnamed, tx.workers.seeds_at(address), tx.now)
    leases = {attempt.id: attempt.lease_until for attempt in unnamed}
    # Who holds which is a guess: when one falls silent, let it be the least likely attempt that ends.
    contacts = sorted((holder.last_contact for holder in holders.values()), reverse=True)
    for attempt, contact in zip(holders, contacts, strict=True):
        if leases[attempt] < contact + SEED_SILENCE_S:
            tx.attempts.renew([attempt], contact + SEED_SILENCE_S)


@dataclass(frozen=True, slots=True)
class WorkerReading:
    worker: Worker
    state: WorkerState


def list_workers(tx: Transaction) -> list[WorkerReading]:
    """List every worker of either interface; one that may hold an unnamed attempt counts as busy."""
    workers = tx.workers.all()
    busy: set[str] = set()
    for address in {w.address for w in workers if w.kind is WorkerKind.SEED}:
        here = [w for w in workers if w.kind is WorkerKind.SEED and w.address == address]
        holders = likely_holders(tx.attempts.unnamed_at(address), here, tx.now)
        busy |= {holder.id for holder in holders.values()}
    return [WorkerReading(w, _state(w, tx.now, w.id in busy)) for w in workers]


def _state(worker: Worker, now: float, may_hold: bool) -> WorkerState:
    state = worker.state(now)
    return WorkerState.BUSY if may_hold and state is WorkerState.AVAILABLE else state
