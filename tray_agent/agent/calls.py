"""The two threads that speak to the coordinator: one waits there, one tells; each posts what came of it."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from shared.messages import ExchangeReply, RegisterReply, RegisterRequest, Result
from tray_agent.agent.errors import LinkError, Unreachable
from tray_agent.agent.events import Call, CallFailed, Event, Replied
from tray_agent.agent.outbox import Outbox
from tray_agent.agent.ports import Link
from tray_agent.agent.states import Lane

log = logging.getLogger(__name__)


class Calls(Protocol):
    """Make calls; each ends as one event, Replied or CallFailed."""

    def send(self, call: Call) -> None: ...
    def replace(self, lane: Lane) -> None:
        """Give up the lane's call that hangs: what comes of it is ignored."""

    def disconnect(self) -> None:
        """Close idle connections: before a long pause, and after a sleep that has broken them."""


class CallThreads:
    """One lifelong thread per lane, replaced only when it hangs."""

    def __init__(self, link: Link, outbox: Outbox, post: Callable[[Event], None]) -> None:
        self._link = link
        self._outbox = outbox
        self._post = post
        self._threads: dict[Lane, SimpleQueue[Call | None]] = {}

    def send(self, call: Call) -> None:
        queue = self._threads.get(call.lane)
        if queue is None:
            queue = self._threads[call.lane] = SimpleQueue()
            threading.Thread(
                target=self._serve, args=(call.lane, queue), name=f"calls-{call.lane}", daemon=True
            ).start()
        queue.put(call)

    def replace(self, lane: Lane) -> None:
        queue = self._threads.pop(lane, None)
        if queue is not None:
            queue.put(None)

    def disconnect(self) -> None:
        self._link.disconnect()

    def _serve(self, lane: Lane, queue: "SimpleQueue[Call | None]") -> None:
        while (call := queue.get()) is not None:
            event = self._make(call)
            if self._threads.get(lane) is not queue:  # replaced meanwhile: the call is being repeated
                return
            self._post(event)

    def _make(self, call: Call) -> Event:
        spool(self._outbox, call.spool)
        try:
            return Replied(call, self._ask(call))
        except LinkError as error:
            return CallFailed(call, error)
        except Exception as error:  # a mistake of ours must not end the thread: then nobody would call again
            log.exception("call.broken", extra={"lane": call.lane})
            return CallFailed(call, Unreachable(f"The call could not be made: {error!r}."))

    def _ask(self, call: Call) -> ExchangeReply | RegisterReply:
        if isinstance(call.request, RegisterRequest):
            return self._link.register(call.request)
        return self._link.exchange(call.request)


def spool(outbox: Outbox, results: tuple[Result, ...]) -> None:
    """Put results on disk before they are told; if the disk does not take them they are told all the same."""
    try:
        if results:
            outbox.add(results)
    except OSError as error:
        log.error("spool.failed", extra={"error": str(error), "results": len(results)})
