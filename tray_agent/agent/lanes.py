"""The calls on their way: one per lane, repeated after growing pauses, replaced when they hang."""

import logging
import random
from dataclasses import dataclass

from shared.messages import ExchangeRequest
from tray_agent.agent.calls import Calls
from tray_agent.agent.errors import Unreachable
from tray_agent.agent.events import Call
from tray_agent.agent.states import Lane, back_off_s

log = logging.getLogger(__name__)

_OVERDUE_S = 55.0  # beyond its wait: 10 s to connect and 15 s to read, twice, and a little


@dataclass(slots=True)
class LaneState:
    call: Call | None = None
    sent_at: float | None = None  # None: it failed and waits to be repeated
    repeat_at: float = 0.0  # no call before


class Lanes:
    """Used by the loop's thread alone."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._states = {lane: LaneState() for lane in Lane}
        self.failures = 0  # in a row, on whichever lane

    def __getitem__(self, lane: Lane) -> LaneState:
        return self._states[lane]

    @property
    def held_seq(self) -> int | None:
        """The seq of the call that is being held, if any."""
        held = self._states[Lane.HELD].call
        return held.request.seq if held and isinstance(held.request, ExchangeRequest) else None

    def send(self, call: Call, now: float) -> None:
        state = self._states[call.lane]
        state.call, state.sent_at = call, now
        self._calls.send(call)

    def answered(self, call: Call) -> bool:
        """Free the lane; False for the late answer to a call that was given up."""
        state = self._states[call.lane]
        if state.call is not call:
            return False
        state.call, state.sent_at = None, None
        self.failures = 0
        for each in self._states.values():  # the coordinator is there: what waits to be repeated goes at once
            each.repeat_at = 0.0
        return True

    def failed(self, call: Call) -> LaneState | None:
        """Note that a call brought nothing; None for one that was given up."""
        state = self._states[call.lane]
        if state.call is not call:
            return None
        state.call, state.sent_at = Call(call.lane, call.request), None  # its results were spooled before
        return state

    def pause(self, state: LaneState, now: float, error: Unreachable) -> None:
        """Repeat after a pause that grows with each failure."""
        self.failures += 1
        wait = max(back_off_s(self.failures, random.random()), error.retry_after_s)
        state.repeat_at = now + wait
        if self.failures in (1, 5) or self.failures % 50 == 0:
            log.warning("coordinator.unreachable", extra={"why": str(error), "again_s": round(wait, 1)})

    def repeat(self, lane: Lane, now: float) -> None:
        """Send a failed call again when its time has come: the same request, so the same seq."""
        state = self._states[lane]
        if state.call is not None and state.sent_at is None and now >= state.repeat_at:
            self.send(Call(lane, state.call.request, state.call.spool), now)

    def woke(self, now: float) -> None:
        """Give up what was on its way when the PC fell asleep, and repeat it now."""
        self._calls.disconnect()
        for lane, state in self._states.items():
            if state.sent_at is not None:
                self._calls.replace(lane)
                state.sent_at = None
            state.repeat_at = min(state.repeat_at, now)

    def replace_hanging(self, now: float) -> None:
        """Give up calls that are beyond all their time limits: their thread is stuck."""
        for lane, state in self._states.items():
            sent_at, call = state.sent_at, state.call
            if call is not None and sent_at is not None and now >= sent_at + _limit(call):
                log.error("call.hanging", extra={"lane": lane, "seconds": round(now - sent_at)})
                self._calls.replace(lane)
                state.sent_at = None
                self.pause(state, now, Unreachable("The call hung beyond all its time limits."))

    def looks(self, now: float) -> list[float]:
        """Tell when calls are to be repeated, or to be given up."""
        looks = []
        for state in self._states.values():
            if state.call is not None and state.sent_at is not None:
                looks.append(state.sent_at + _limit(state.call))
            elif state.repeat_at > now:
                looks.append(state.repeat_at)
        return looks


def _limit(call: Call) -> float:
    wait = call.request.wait if isinstance(call.request, ExchangeRequest) else 0.0
    return wait + _OVERDUE_S
