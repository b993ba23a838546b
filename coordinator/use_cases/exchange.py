"""The agent's one call: heartbeat, renewal, output, results and claim in one transaction."""

from dataclasses import dataclass, replace

from coordinator.domain.attempt import LEASE_S, Attempt
from coordinator.domain.errors import SessionUnknown
from coordinator.domain.matching import matches
from coordinator.domain.requirements import Requirements
from coordinator.domain.worker import Worker
from coordinator.use_cases.claim_jobs import Room, claim_jobs, lease_of, room_of
from coordinator.use_cases.expire_leases import lose_attempt
from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.settle_reports import Desk, settle
from shared.messages import AttemptRef, ExchangeReply, ExchangeRequest, Lease, Order
from shared.vocabulary import AgentState, OrderKind


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The reply, and what is needed to hold the call: who spoke and what it could still take."""

    reply: ExchangeReply
    worker: Worker
    room: Room

    def would_take(self, wanted: Requirements) -> bool:
        return self.worker.takes_jobs and self.room.fits(wanted) and matches(wanted, self.worker)


def exchange(tx: Transaction, request: ExchangeRequest, may_claim: bool = True) -> Exchanged:
    """Settle, renew, order and lease. Raises SessionUnknown."""
    worker = _heard(tx, request)
    held = {AttemptRef(a.job, a.number): a for a in tx.attempts.held_by(worker.id)}
    jobs = tx.jobs.get_many([a.job for a in held.values()]) if held else {}
    desk = Desk(tx, worker, held, jobs)
    logs, settled = settle(desk, request)
    newest = request.seq >= worker.last_seq
    gone = _compare_holding(desk, request) if newest else ()
    if any(result.exit_code is None for result in request.results):
        desk.worker = tx.workers.get(worker.id)  # what never started may have parked the worker
    told = ExchangeReply(seq=request.seq, settled=tuple(settled), logs=tuple(logs), gone=gone)
    return _lease_and_order(desk, told, may_claim and newest)


def claim_for_held_call(tx: Transaction, request: ExchangeRequest) -> Exchanged:
    """Look again on behalf of a call that is being held: only leases and orders. Raises SessionUnknown."""
    worker = _worker(tx, request.session)
    held = {AttemptRef(a.job, a.number): a for a in tx.attempts.held_by(worker.id)}
    jobs = tx.jobs.get_many([a.job for a in held.values()]) if held else {}
    desk = Desk(tx, worker, held, jobs)
    return _lease_and_order(desk, ExchangeReply(seq=request.seq), request.seq >= worker.last_seq)


def has_answers(reply: ExchangeReply) -> bool:
    """Tell whether the agent waits for something in this reply, so that it must go out at once."""
    return bool(reply.settled or reply.logs or reply.leases or reply.gone)


def unheeded_orders(reply: ExchangeReply, request: ExchangeRequest) -> tuple[Order, ...]:
    """Tell the orders not obeyed yet. Drain stands in each reply while it lasts; absent, it is over."""
    orders = tuple(order for order in reply.orders if order.kind is not OrderKind.DRAIN)
    drain = any(order.kind is OrderKind.DRAIN for order in reply.orders)
    obeyed = drain == (request.report.availability is AgentState.DRAINING)
    return orders if obeyed else (*orders, Order(OrderKind.DRAIN))


def _worker(tx: Transaction, session: str) -> Worker:
    worker = tx.workers.of_session(session)
    if worker is None:
        raise SessionUnknown("This session is not known, or another one took its place. Register again.")
    return worker


def _heard(tx: Transaction, request: ExchangeRequest) -> Worker:
    """Note the contact; tell the worker as it now reports itself, with the seq heard before."""
    worker = _worker(tx, request.session)
    if request.seq < worker.last_seq:
        tx.workers.contact(worker.id, None, None)
        return worker
    tx.workers.contact(worker.id, request.report, request.seq)
    return replace(worker, availability=request.report.availability, reason=request.report.reason)


def _compare_holding(desk: Desk, request: ExchangeRequest) -> tuple[AttemptRef, ...]:
    """Renew what is held on both sides; lose what only we know; name what only the agent knows."""
    listed = set(request.holding)
    known = [attempt for ref, attempt in desk.held.items() if ref in listed]
    if known:
        desk.tx.attempts.renew([attempt.id for attempt in known], desk.tx.now + LEASE_S)
    unlisted = [ref for ref, a in desk.held.items() if ref not in listed and _reply_arrived(a, request)]
    for ref in unlisted:
        lose_attempt(desk.tx, desk.held.pop(ref), "The agent no longer knew of it.")
    if unlisted:  # one lapse of memory is one fault, however many jobs it took
        desk.tx.workers.note_attempt(desk.worker.id, good=False)
        desk.worker = desk.tx.workers.get(desk.worker.id)
    return tuple(ref for ref in request.holding if ref not in desk.held and ref not in desk.settled_refs)


def _reply_arrived(attempt: Attempt, request: ExchangeRequest) -> bool:
    """Tell whether the agent must know this attempt: it acknowledged the grant, or it has restarted since."""
    return attempt.session != request.session or attempt.seq <= request.ack


def _lease_and_order(desk: Desk, told: ExchangeReply, may_claim: bool) -> Exchanged:
    leases = _granted_before(desk, told.seq)
    room = room_of(desk.worker, [desk.job(attempt.job) for attempt in desk.held.values()])
    if may_claim:
        claimed, room = claim_jobs(desk.tx, desk.worker, room, told.seq)
        leases += claimed
    reply = replace(told, leases=tuple(leases), orders=tuple(_orders(desk)))
    return Exchanged(reply, desk.worker, room)


def _granted_before(desk: Desk, seq: int) -> list[Lease]:
    """Rebuild the leases of a call whose reply may have been lost."""
    again = [a for a in desk.held.values() if a.session == desk.worker.session and a.seq == seq]
    return [lease_of(desk.tx, desk.job(a.job), a.number) for a in again]


def _orders(desk: Desk) -> list[Order]:
    cancelled = [a for a in desk.held.values() if desk.job(a.job).cancel_asked]
    orders = [Order(OrderKind.CANCEL, a.job, a.number) for a in cancelled]
    return [*orders, Order(OrderKind.DRAIN)] if desk.worker.drain else orders
