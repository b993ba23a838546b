"""Registration and the exchange: answered at once where there is something to say, else held."""

import hmac
import random
from dataclasses import replace

from coordinator.domain.attempt import LEASE_S
from coordinator.domain.errors import NotAllowed
from coordinator.use_cases.exchange import (
    Exchanged,
    claim_for_held_call,
    exchange,
    has_answers,
    unheeded_orders,
)
from coordinator.use_cases.register_workers import register_worker
from coordinator.web.agent_api.order_pace import REPEAT_S, OrderPace
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.waiting import Seat
from shared.messages import ExchangeReply, ExchangeRequest, RegisterReply, RegisterRequest

HOLD_S = 25.0
HOLD_WITH_ATTEMPTS_S = 15.0  # their leases are renewed at the start of each call
CROWDED_POLL_S = (2.0, 10.0)  # how long to stay away when nothing more can be held


def register(call: Call) -> Reply:
    request = call.json(RegisterRequest)
    builtin = _is_builtin(call)
    worker = call.services.store.transact(lambda tx: register_worker(tx, request, builtin, call.address))
    return json_reply(RegisterReply(worker.id, request.session, LEASE_S, 0.0))


def _is_builtin(call: Call) -> bool:
    given, secret = call.bearer, call.services.builtin_secret
    if not given:
        return False
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        raise NotAllowed("This credential is not that of the coordinator's own agent.")
    return True


class Exchanges:
    """The exchange handler, with the memory of which orders were told when."""

    def __init__(self) -> None:
        self._pace = OrderPace()

    def answer(self, call: Call) -> Reply:
        request = call.json(ExchangeRequest)
        services = call.services
        closing = services.waiting.closing
        done = services.store.transact(lambda tx: exchange(tx, request, may_claim=not closing))
        if request.releases is not None:
            services.waiting.release(done.worker.id, _call_name(request.session, request.releases))
        if not self._urgent(call, request, done) and request.wait > 0 and not closing:
            return json_reply(self._hold(call, request, done))
        return json_reply(done.reply)

    def _urgent(self, call: Call, request: ExchangeRequest, done: Exchanged) -> bool:
        orders = unheeded_orders(done.reply, request)
        due = bool(orders) and self._pace.is_due(request.session, orders, call.services.monotonic())
        return due or has_answers(done.reply)

    def _hold(self, call: Call, request: ExchangeRequest, done: Exchanged) -> ExchangeReply:
        seat = call.services.waiting.seat_for_worker(
            done.worker.id, _call_name(request.session, request.seq), done.would_take
        )
        if seat is None:
            return replace(done.reply, next_poll_s=random.uniform(*CROWDED_POLL_S))
        try:
            return self._wait(call, request, seat)
        except BaseException:
            seat.pass_on()  # what this call was woken for is left to the next waiter
            raise
        finally:
            seat.leave()

    def _wait(self, call: Call, request: ExchangeRequest, seat: Seat) -> ExchangeReply:
        """Look, then wait for a wake-up, until there is something to say or the time is over."""
        clock = call.services.monotonic
        most = HOLD_WITH_ATTEMPTS_S if request.holding else HOLD_S
        deadline = clock() + min(request.wait, most)
        woken = False
        while True:
            done = call.services.store.transact(lambda tx: claim_for_held_call(tx, request))
            if woken and not done.reply.leases:
                seat.pass_on()
            left = deadline - clock()
            if self._urgent(call, request, done) or left <= 0 or seat.released:
                return done.reply
            woken = seat.wait(min(left, REPEAT_S) if unheeded_orders(done.reply, request) else left)


def _call_name(session: str, seq: int) -> str:
    """Name a held call: seq alone begins again with each session."""
    return f"{session}/{seq}"
