"""A PC registers: a new session of a worker that is known, or a new worker."""

import secrets
from dataclasses import replace

from coordinator.domain.errors import Invalid, SessionTaken
from coordinator.domain.notices import WorkerCalled
from coordinator.domain.worker import Worker, WorkerKind
from coordinator.use_cases.ports import Transaction
from shared.field_rules import FieldError
from shared.messages import PROTOCOL, RegisterRequest
from shared.vocabulary import AgentState

BUILTIN_WORKER = "direct"  # the id of the coordinator's own worker


def register_worker(tx: Transaction, request: RegisterRequest, builtin: bool, address: str) -> Worker:
    """Open the session that `request` names; a repeat changes nothing. Raises SessionTaken, Invalid."""
    if request.protocol != PROTOCOL:
        message = f"must be {PROTOCOL}: install the agent of this coordinator's release"
        raise Invalid("This agent speaks another version of the protocol.", [FieldError("protocol", message)])
    known = _known_worker(tx, request, builtin)
    if known is not None:
        _refuse_clone(tx, known, request)
        if known.session not in (None, request.session):
            tx.notify(WorkerCalled(known.id))  # a call still held for the old session ends
    worker = _described(tx, request, builtin, address, known)
    tx.workers.save(worker)
    return worker


def _known_worker(tx: Transaction, request: RegisterRequest, builtin: bool) -> Worker | None:
    if builtin:
        return tx.workers.find(BUILTIN_WORKER)
    worker = tx.workers.of_session(request.session)
    if worker is None and request.worker:
        worker = tx.workers.find(request.worker)
    if request.worker == BUILTIN_WORKER or (worker is not None and worker.kind is not WorkerKind.AGENT):
        raise SessionTaken(
            f"The id {request.worker} belongs to another kind of worker. Choose another WORKER_ID."
        )
    return worker


def _refuse_clone(tx: Transaction, known: Worker, request: RegisterRequest) -> None:
    mine = (request.session, *request.previous_sessions)
    if known.session is None or known.session in mine or known.is_offline(tx.now):
        return
    if known.kind is WorkerKind.BUILTIN:
        return  # its secret proves that it is the coordinator's own child
    raise SessionTaken(
        f"Another agent uses the id {known.id} now. If this PC's disk was copied, let the agent join anew."
    )


def _described(
    tx: Transaction, request: RegisterRequest, builtin: bool, address: str, known: Worker | None
) -> Worker:
    same_session = known is not None and known.session == request.session
    fresh = Worker(
        id=_worker_id(request, builtin, known),
        kind=WorkerKind.BUILTIN if builtin else WorkerKind.AGENT,
        host_name=request.host_name,
        machine_mark=request.machine_mark,
        os=request.os,
        cpus=request.cpus,
        memory_mb=request.memory_mb,
        labels=tuple(sorted(set(request.labels))),
        sandbox_levels=request.sandbox_levels,
        version=request.version,
        created_at=known.created_at if known else tx.now,
        last_contact=tx.now,
        session=request.session,
        availability=AgentState.DRAINING,  # takes nothing before its first exchange says that it does
        address=address,
    )
    if known is None:
        return fresh
    if same_session:
        return replace(
            fresh,
            last_seq=known.last_seq,
            availability=known.availability,
            reason=known.reason,
            load=known.load,
            drain=known.drain,
            bad_streak=known.bad_streak,
        )
    return replace(fresh, drain=known.drain)


def _worker_id(request: RegisterRequest, builtin: bool, known: Worker | None) -> str:
    if builtin:
        return BUILTIN_WORKER
    if known is not None:
        return known.id
    return request.worker or f"pc-{secrets.token_hex(5)}"
