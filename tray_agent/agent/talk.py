"""When to call the coordinator and what to make of its answers: register, tell, hold, repeat."""

import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from shared.messages import AttemptRef, ExchangeReply, ExchangeRequest, RegisterReply, RegisterRequest, Report
from tray_agent.agent import news
from tray_agent.agent.attempt_desk import AttemptDesk
from tray_agent.agent.attempts import Said
from tray_agent.agent.calls import Calls
from tray_agent.agent.conversation import Conversation
from tray_agent.agent.errors import LinkError, SessionConflict, SessionUnknown, Unreachable
from tray_agent.agent.events import Call, CallFailed, Replied
from tray_agent.agent.lanes import Lanes, LaneState
from tray_agent.agent.settlement import settle, settle_log
from tray_agent.agent.spooling import spool_waiting
from tray_agent.agent.states import (
    UNREACHABLE_AFTER_S,
    Lane,
    Situation,
    availability,
    back_off_s,
    free_slots,
    hold_s,
)

log = logging.getLogger(__name__)

_UNSETTLED_S = 1.0
_LINGER_S = 0.05  # with every slot taken only orders can come: the jobs that run may end before
_REFUSED_S = 60.0


@dataclass(frozen=True, slots=True)
class Registrar:
    """How this agent registers, and what it does when another one has its identity."""

    request: Callable[[], RegisterRequest]
    accepted: Callable[[RegisterReply], None]
    conflict: Callable[[], bool]  # True: it has become somebody new; False: its identity is fixed


class Talk:
    """Used by the loop's thread alone; `act` is called after every event and whenever its time has come."""

    def __init__(self, desk: AttemptDesk, calls: Calls, registrar: Registrar, *, always: bool) -> None:
        self._desk = desk
        self._calls = calls
        self._registrar = registrar
        self._always = always
        self._session = registrar.request().session
        self._conversation = Conversation()
        self._lanes = Lanes(calls)
        self._most_items = news.ITEMS
        self._log_flush_s = 0.25
        self._log_due_at = math.inf
        self._hold_at = 0.0
        self._renewal: int | None = (
            None  # nothing starts before the reply to this seq; 0: it is yet to be sent
        )
        self._farewell = False  # told that this agent ends
        self.registered = False
        self.last_contact: float | None = None

    def replied(self, event: Replied, now: float) -> None:
        if not self._lanes.answered(event.call):
            return
        self.last_contact = now
        if isinstance(event.reply, RegisterReply):
            self.registered = True
            self._registrar.accepted(event.reply)
        elif isinstance(event.call.request, ExchangeRequest):
            self._note_spooled(event.call)
            self._take_in(event.call.request, event.reply, now)

    def failed(self, event: CallFailed, now: float) -> None:
        state = self._lanes.failed(event.call)
        if state is None:
            return
        self._note_spooled(event.call)
        error = event.error
        if isinstance(error, Unreachable):
            self._lanes.pause(state, now, error)
        elif isinstance(event.call.request, RegisterRequest):
            self._not_registered(state, now, error)
        elif isinstance(error, (SessionUnknown, SessionConflict)):
            log.info("session.unknown", extra={"session": self._session, "why": str(error)})
            self.registered = False
            self._lanes[Lane.NEWS].repeat_at = now + back_off_s(1, random.random())
        else:
            self._refused(event.call.request, state, now, error)

    def woke(self, now: float) -> None:
        """After a sleep: connections are dead, and leases may be gone. Ask before anything else."""
        log.info("agent.woke", extra={"attempts": len(self._desk.attempts)})
        self._renewal = 0
        self._lanes.woke(now)

    def act(self, now: float) -> float:
        """Make the calls that are due; tell when to look again at the latest."""
        self._lanes.replace_hanging(now)
        self._watch_logs(now)
        if not self.registered:
            self._register(now)
        else:
            for lane in Lane:
                self._lanes.repeat(lane, now)
            self._tell(now)
            self._hold(now)
        spool_look = spool_waiting(self._desk, self._lanes[Lane.NEWS], self.registered, now)
        return min(self._next_look(now), spool_look)

    @property
    def may_start(self) -> bool:
        """Tell whether attempts may begin: not while it is open whether they are still ours."""
        return self._renewal is None

    @property
    def all_told(self) -> bool:
        """Tell whether a stopping agent may end: all is settled, and no lease is on its way to it."""
        silent = self._lanes[Lane.NEWS].call is None and self._lanes[Lane.HELD].call is None
        return silent and self._farewell and not self._desk.attempts.holding()

    @property
    def answers(self) -> bool:
        """Tell whether the last call was answered."""
        return self._lanes.failures == 0

    def reachable(self, now: float) -> bool:
        recent = self.last_contact is not None and now - self.last_contact < UNREACHABLE_AFTER_S
        return self.answers or recent

    def situation(self) -> Situation:
        attempts = self._desk.attempts
        return Situation(
            always=self._always,
            draining=self._desk.draining,
            stopping=self._desk.stopping,
            running=attempts.running(),
            held=len(attempts),
            slots=self._desk.tools.facts.cpus,
            slots_used=attempts.slots_used(),
        )

    def _take_in(self, request: ExchangeRequest, reply: ExchangeReply, now: float) -> None:
        if request.session == self._session:  # else it was numbered under an identity given up since
            self._conversation.close(request.seq)
        if self._renewal and request.seq >= self._renewal:
            self._renewal = None
        self._desk.kill_gone(reply.gone)
        for part in reply.logs:
            settle_log(self._desk, part)
        for answer in reply.settled:
            settle(self._desk, answer, now)
        if news.take_back(self._desk.attempts, request, now + _UNSETTLED_S):
            log.warning("exchange.unsettled", extra={"seq": request.seq})
        self._desk.adopt(reply.leases)
        self._desk.obey(reply.orders)
        self._most_items = news.ITEMS
        self._log_flush_s = reply.log_flush_ms / 1000
        if reply.next_poll_s > 0 and not (reply.leases or reply.orders):
            self._hold_at = now + reply.next_poll_s
            self._calls.disconnect()
        elif request.wait == 0 and self._is_full():
            self._hold_at = now + _LINGER_S

    def _not_registered(self, state: LaneState, now: float, error: LinkError) -> None:
        state.call = None
        self._lanes.failures += 1
        state.repeat_at = now + back_off_s(self._lanes.failures, random.random())
        if isinstance(error, SessionConflict) and self._registrar.conflict():
            state.repeat_at = now
            self._session = self._registrar.request().session
            self._conversation = Conversation()
            held = self._lanes[Lane.HELD]
            if held.sent_at is None:
                held.call = None
        else:
            log.warning("register.refused", extra={"why": str(error)})

    def _refused(self, request: ExchangeRequest, state: LaneState, now: float, error: LinkError) -> None:
        """Never repeat what is malformed: say its parts one by one, and set aside the one at fault."""
        log.error("exchange.refused", extra={"seq": request.seq, "why": str(error)})
        self._conversation.close(request.seq)
        state.call = None
        said = {AttemptRef(item.job, item.attempt) for item in _items(request)}
        news.take_back(self._desk.attempts, request, now)
        if not said:
            state.repeat_at = self._hold_at = now + _REFUSED_S
        elif len(said) > 1:
            self._most_items = 1
        elif attempt := self._desk.attempts.get(said.pop()):
            attempt.start_said = Said.SETTLED
            attempt.log.closed = True
            if request.results:
                self._desk.orphan(attempt, f"the coordinator refused it: {error}")
            elif request.released:
                self._desk.forget(attempt)

    def _note_spooled(self, call: Call) -> None:
        for result in call.spool:
            attempt = self._desk.attempts.get(AttemptRef(result.job, result.attempt))
            if attempt is not None and attempt.result is result:
                attempt.spooled = True  # if the disk is full it stands in the log; it is told all the same

    def _watch_logs(self, now: float) -> None:
        """Give new output a moment to grow before it is told."""
        growing = any(news.log_inline(attempt) and not attempt.abandoned for attempt in self._desk.attempts)
        if not growing:
            self._log_due_at = math.inf
        elif self._log_due_at == math.inf:
            self._log_due_at = now + self._log_flush_s

    def _register(self, now: float) -> None:
        state = self._lanes[Lane.NEWS]
        if state.sent_at is not None or now < state.repeat_at:
            return
        if state.call is not None and isinstance(state.call.request, ExchangeRequest):
            # It said something to a session that is not known: after registering it is said anew.
            news.take_back(self._desk.attempts, state.call.request, now)
            self._conversation.close(state.call.request.seq)
        self._lanes.send(Call(Lane.NEWS, self._registrar.request()), now)

    def _tell(self, now: float) -> None:
        state = self._lanes[Lane.NEWS]
        if state.call is not None or now < state.repeat_at:
            return
        must_speak = self._renewal == 0 or (self._desk.stopping and not self._farewell)
        if not must_speak and self._news_due_at() > now:
            return
        gathered = news.gather(self._desk.attempts, now, self._most_items)
        if not gathered.items and not must_speak:
            return
        request = self._request(gathered, 0.0)
        self._farewell = self._desk.stopping
        if self._renewal == 0:
            self._renewal = request.seq
        self._log_due_at = math.inf
        unspooled = tuple(r for r in gathered.results if not self._is_spooled(r.job, r.attempt))
        self._lanes.send(Call(Lane.NEWS, request, unspooled), now)

    def _hold(self, now: float) -> None:
        held, tell = self._lanes[Lane.HELD], self._lanes[Lane.NEWS]
        if held.call is not None or tell.call is not None or self._desk.stopping:
            return
        if now >= max(self._hold_at, held.repeat_at) and self._renewal != 0:
            wait = hold_s(len(self._desk.attempts))
            self._lanes.send(Call(Lane.HELD, self._request(news.News(), wait)), now)

    def _request(self, gathered: news.News, wait: float) -> ExchangeRequest:
        situation = self.situation()
        state, reason = availability(situation)
        ack = self._conversation.ack
        return ExchangeRequest(
            session=self._session,
            seq=self._conversation.next_seq(),
            ack=ack,
            releases=self._lanes.held_seq,
            report=Report(state, reason, free_slots(situation)),
            holding=self._desk.attempts.holding()[: news.ITEMS],
            started=tuple(gathered.started),
            released=tuple(gathered.released),
            results=tuple(gathered.results),
            logs=tuple(gathered.logs),
            wait=wait,
        )

    def _news_due_at(self) -> float:
        due = (news.due_at(attempt, self._log_due_at) for attempt in self._desk.attempts)
        return min((at for at in due if at is not None), default=math.inf)

    def _next_look(self, now: float) -> float:
        looks = self._lanes.looks(now)
        if self._log_due_at > now:
            looks.append(self._log_due_at)
        if self.registered and self._lanes[Lane.NEWS].call is None:
            looks.append(max(self._news_due_at(), self._lanes[Lane.NEWS].repeat_at))
        if self._hold_at > now:
            looks.append(self._hold_at)
        return min(looks, default=math.inf)

    def _is_full(self) -> bool:
        return self._desk.attempts.slots_used() >= self._desk.tools.facts.cpus

    def _is_spooled(self, job: str, attempt: int) -> bool:
        found = self._desk.attempts.get(AttemptRef(job, attempt))
        return found is None or found.spooled


def _items(request: ExchangeRequest) -> list[AttemptRef]:
    said: list[news.Item] = [*request.started, *request.released, *request.results, *request.logs]
    return [AttemptRef(item.job, item.attempt) for item in said]
