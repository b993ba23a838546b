"""The agent's one thread that owns all state: it waits for events, handles them, and does what is due."""

import logging
import math
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

from tray_agent.agent.attempt_desk import AttemptDesk
from tray_agent.agent.attempts import Phase
from tray_agent.agent.deliveries import deliver
from tray_agent.agent.events import (
    CallFailed,
    Collected,
    Event,
    FilesSent,
    LogSent,
    Prepared,
    PrepareFailed,
    Replied,
    StopAsked,
)
from tray_agent.agent.ports import OutputGrew, RunEnded, RunStarted
from tray_agent.agent.settlement import files_sent, log_sent
from tray_agent.agent.states import overslept
from tray_agent.agent.status import Status, status_of
from tray_agent.agent.talk import Talk

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 10.0
LAST_CALLS_S = 5.0  # how long a stopping agent goes on telling
_EVENTS_AT_ONCE = 500


class Clock(Protocol):
    def monotonic(self) -> float: ...
    def wall(self) -> float: ...


class Loop:
    def __init__(self, desk: AttemptDesk, talk: Talk, show: Callable[[Status], None]) -> None:
        self._desk = desk
        self._talk = talk
        self._show = show
        self._shown: Status | None = None
        self._inbox: SimpleQueue[Event] = SimpleQueue()
        self._stop_at = math.inf

    def post(self, event: Event) -> None:
        """Hand an event to the loop, from any thread."""
        self._inbox.put(event)

    def run(self, clock: Clock) -> None:
        """Work until asked to stop, and a little longer to say so."""
        look_at = clock.monotonic()
        while True:
            began, began_wall = clock.monotonic(), clock.wall()
            wait = min(max(0.0, look_at - began), LONGEST_WAIT_S)
            event = self._next(wait)
            now = clock.monotonic()
            # Which of the clocks stands still while the PC sleeps differs between systems.
            if overslept(max(now - began, clock.wall() - began_wall), wait):
                self._talk.woke(now)
            look_at = self.step(event, now)
            if self.is_over(now):
                return

    def step(self, event: Event | None, now: float) -> float:
        """Handle what has come, do what is due; tell when to do so again at the latest."""
        handled = 0
        while event is not None:
            self.handle(event, now)
            handled += 1
            event = self._next(0.0) if handled < _EVENTS_AT_ONCE else None
        if self._talk.may_start and not self._desk.stopping:
            self._desk.start_waiting(self._desk.tools.facts.cpus)
        look = min(deliver(self._desk, now), self._talk.act(now), self._stop_at)
        self._show_changes(now)
        return now if handled == _EVENTS_AT_ONCE else look

    def handle(self, event: Event, now: float) -> None:
        """Change the state as the event says; nothing is sent yet."""
        desk = self._desk
        match event:
            case RunStarted() | OutputGrew() | RunEnded():
                desk.run_event(event, now)
            case Replied():
                self._talk.replied(event, now)
            case CallFailed():
                self._talk.failed(event, now)
            case Prepared():
                desk.prepared(event)
            case PrepareFailed():
                desk.prepare_failed(event)
            case Collected():
                desk.collected(event)
            case LogSent():
                log_sent(desk, event, now)
            case FilesSent():
                files_sent(desk, event, now)
            case StopAsked():
                self._stop(event, now)

    def is_over(self, now: float) -> bool:
        """Tell whether a stopping agent has nothing left to say, or nobody to say it to."""
        if not self._desk.stopping:
            return False
        running = any(a.phase in (Phase.RUNNING, Phase.COLLECTING) for a in self._desk.attempts)
        unheard = not self._talk.registered or not self._talk.answers
        return now >= self._stop_at or (not running and (self._talk.all_told or unheard))

    def _stop(self, event: StopAsked, now: float) -> None:
        if not self._desk.stopping:
            log.info("agent.stopping", extra={"why": event.reason})
            self._stop_at = now + LAST_CALLS_S
            self._desk.stop_all()

    def _next(self, wait: float) -> Event | None:
        try:
            return self._inbox.get(timeout=wait) if wait > 0 else self._inbox.get_nowait()
        except Empty:
            return None

    def _show_changes(self, now: float) -> None:
        attempts = self._desk.attempts
        status = status_of(
            self._talk.situation(),
            registered=self._talk.registered,
            reachable=self._talk.reachable(now),
            running=tuple(a.ref for a in attempts if a.phase is Phase.RUNNING),
            waiting_results=sum(a.phase is Phase.FINISHED for a in attempts),
        )
        if status != self._shown:
            self._shown = status
            self._show(status)
