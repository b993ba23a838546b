"""The agent's one call: heartbeat, renewal, output, results and claim in one transaction."""

from dataclasses import replace

from coordinator.domain.attempt import LEASE_S, Attempt
from coordinator.domain.errors import SessionUnknown
from coordinator.domain.worker import Worker
from coordinator.use_cases.claim_jobs import claim_jobs, lease_of
from coordinator.use_cases.expire_leases import lose_attempt
from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.settle_reports import Desk, settle
from shared.messages import AttemptRef, ExchangeReply, ExchangeRequest, Lease, Order
from shared.vocabulary import AgentState, OrderKind


def exchange(tx: Transaction, request: ExchangeRequest, may_claim: bool = True) -> ExchangeReply:
    """Settle, renew, order and lease. Raises SessionUnknown."""
    worker = _heard(tx, request)
    held = {AttemptRef(a.job, a.number): a for a in tx.attempts.held_by(worker.id)}
    jobs = tx.jobs.get_many([a.job for a in held.values()]) if held else {}
    desk = Desk(tx, worker, held, jobs)
    logs, settled = settle(desk, request)
    newest = request.seq >= worker.last_seq
    gone = _compare_holding(desk, request) if newest else ()
    return ExchangeReply(
        seq=request.seq,
        settled=tuple(settled),
        logs=tuple(logs),
        leases=tuple(_leases(desk, request.seq, may_claim and newest)),
        orders=tuple(_orders(desk)),
        gone=gone,
    )


def claim_for_held_call(tx: Transaction, request: ExchangeRequest) -> ExchangeReply:
    """Look again on behalf of a call that is being held: only leases and orders. Raises SessionUnknown."""
    worker = _worker(tx, request.session)
    held = {AttemptRef(a.job, a.number): a for a in tx.attempts.held_by(worker.id)}
    jobs = tx.jobs.get_many([a.job for a in held.values()]) if held else {}
    desk = Desk(tx, worker, held, jobs)
    newest = request.seq >= worker.last_seq
    leases = tuple(_leases(desk, request.seq, newest))
    return ExchangeReply(seq=request.seq, leases=leases, orders=tuple(_orders(desk)))


def has_something_to_say(reply: ExchangeReply, request: ExchangeRequest) -> bool:
    """Tell whether a reply must go out at once rather than be held."""
    draining = any(order.kind is OrderKind.DRAIN for order in reply.orders)
    drain_is_news = draining != (request.report.availability is AgentState.DRAINING)
    other_orders = any(order.kind is not OrderKind.DRAIN for order in reply.orders)
    return bool(reply.settled or reply.logs or reply.leases or reply.gone or other_orders or drain_is_news)


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
    for ref, attempt in list(desk.held.items()):
        if ref not in listed and _reply_arrived(attempt, request):
            lose_attempt(desk.tx, attempt, "The agent no longer knew of it.")
            del desk.held[ref]
    return tuple(ref for ref in request.holding if ref not in desk.held and ref not in desk.settled_refs)


def _reply_arrived(attempt: Attempt, request: ExchangeRequest) -> bool:
    """Tell whether the agent must know this attempt: it acknowledged the grant, or it has restarted since."""
    return attempt.session != request.session or attempt.seq <= request.ack


def _leases(desk: Desk, seq: int, may_claim: bool) -> list[Lease]:
    again = [a for a in desk.held.values() if a.session == desk.worker.session and a.seq == seq]
    leases = [lease_of(desk.tx, desk.job(a.job), a.number) for a in again]
    if may_claim:
        leases += claim_jobs(desk.tx, desk.worker, desk.held.values(), seq)
    return leases


def _orders(desk: Desk) -> list[Order]:
    cancelled = [a for a in desk.held.values() if desk.job(a.job).cancel_asked]
    orders = [Order(OrderKind.CANCEL, a.job, a.number) for a in cancelled]
    return [*orders, Order(OrderKind.DRAIN)] if desk.worker.drain else orders
