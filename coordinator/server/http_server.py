"""Waitress, built for many held calls: limits per route, eviction of stalled clients, an orderly end."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from coordinator.host_os import has_poll
from coordinator.server.body_limits import SPOOLED_FROM_BYTES, BodyLimits
from coordinator.server.capacity import Capacity
from coordinator.server.channel import Channel
from coordinator.server.listening import url_of
from coordinator.server.patience import Patience, Phase, is_over, look_again

log = logging.getLogger(__name__)

CROWDED_PART = 0.8  # of the connections, from which on idle ones are closed sooner
BACKPRESSURE_BYTES = 1 << 20  # unread output of one answer from which on its thread waits for the client
LOOK_EVERY_S = 1  # at stalled clients; Waitress takes whole seconds
_LAST_WORDS_S = 2.0  # for threads to end after the loop has

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Listener(TcpWSGIServer):  # type: ignore[misc]  # Waitress has no types
    """One listening socket of the server, with the connections that came in by it."""

    channel_class = Channel

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        *,
        shared: dict[str, Any],
        limits: BodyLimits,
        patience: Patience,
    ) -> None:
        self.limits = limits
        self.patience = patience
        self.draining = False
        sockinfo = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(application, _sock=listener, bind_socket=False, sockinfo=sockinfo, **shared)

    def maintenance(self, _wall: float) -> None:
        """Cut off the clients that are over their time; called by Waitress's loop."""
        now = time.monotonic()
        crowded = len(self._map) >= self.adj.connection_limit * CROWDED_PART
        for channel in list(self.active_channels.values()):
            seen = channel.activity()
            channel.mark = look_again(channel.mark, seen, now, self.patience)
            if not channel.will_close and is_over(channel.mark, seen, now, self.patience, crowded):
                log.info("connection.evicted", extra={"phase": seen.phase.name, "client": channel.addr[0]})
                _cut_off(channel)

    def stop_listening(self) -> None:
        """Take no new connection. The trigger stays: answers still under way need it."""
        self.draining = True
        wasyncore.dispatcher.close(self)

    def close_quiet_connections(self) -> None:
        for channel in list(self.active_channels.values()):
            if channel.activity().phase in (Phase.IDLE, Phase.SILENT, Phase.HEADERS):
                channel.will_close = True


class HttpServer:
    """Serves `app` on sockets that listen already. `run` in one thread; the rest from any."""

    def __init__(
        self,
        app: Application,
        listeners: Sequence[socket.socket],
        *,
        capacity: Capacity,
        limits: BodyLimits | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.urls = [url_of(listener) for listener in listeners]
        self.port: int = listeners[0].getsockname()[1]
        self._map: dict[int, Any] = {}
        self._dispatcher = ThreadedTaskDispatcher()
        self._dispatcher.set_thread_count(capacity.threads)
        limits = limits or BodyLimits()
        adj = _adjustments(capacity, limits)
        shared = {"map": self._map, "dispatcher": self._dispatcher, "adj": adj}
        self._listeners = [
            Listener(app, listener, shared=shared, limits=limits, patience=patience or Patience())
            for listener in listeners
        ]
        self._drain_until: float | None = None
        self._ended = threading.Event()
        self._ticked_at = time.monotonic()

    def run(self) -> None:
        """Serve until `drain` has done its work."""
        try:
            while self._drain_until is None:
                self._turn(1.0)
            self._finish(self._drain_until)
        finally:
            self._dispatcher.shutdown(timeout=_LAST_WORDS_S)
            self._close_all()
            self._ended.set()

    def drain(self, timeout_s: float) -> bool:
        """Take nothing new, finish what is under way, end `run`; not from the thread that runs it.

        Tell whether `run` has ended. After `timeout_s` what is still under way is cut off.
        """
        self._drain_until = time.monotonic() + timeout_s
        if not self._ended.is_set():
            self._listeners[0].pull_trigger()
        return self._ended.wait(timeout_s + _LAST_WORDS_S + 1)

    def seconds_since_turn(self) -> float:
        """Tell how long ago the loop last went round; it does so every second even when nothing happens."""
        return time.monotonic() - self._ticked_at

    def _turn(self, timeout_s: float) -> None:
        self._ticked_at = time.monotonic()
        wasyncore.loop(timeout=timeout_s, use_poll=has_poll(), map=self._map, count=1)

    def _finish(self, until: float) -> None:
        log.info("server.draining", extra={"connections": self._connections()})
        for listener in self._listeners:
            listener.stop_listening()
        while (left := until - time.monotonic()) > 0 and self._connections():
            for listener in self._listeners:
                listener.close_quiet_connections()
            self._turn(min(left, 1.0))
        if cut := self._connections():
            log.warning("server.cut_off", extra={"connections": cut})

    def _connections(self) -> int:
        return sum(len(listener.active_channels) for listener in self._listeners)

    def _close_all(self) -> None:
        for listener in self._listeners:
            for channel in list(listener.active_channels.values()):
                channel.handle_close()  # wakes a thread that waits for its client, which close() does not
            listener.close()
        wasyncore.close_all(self._map, ignore_all=True)


def _adjustments(capacity: Capacity, limits: BodyLimits) -> Adjustments:
    return Adjustments(
        threads=capacity.threads,
        connection_limit=capacity.connections,
        channel_request_lookahead=1,  # without it a client that went away is never noticed
        cleanup_interval=LOOK_EVERY_S,
        recv_bytes=64 * 1024,
        inbuf_overflow=SPOOLED_FROM_BYTES,
        outbuf_high_watermark=BACKPRESSURE_BYTES,
        outbuf_overflow=4 * BACKPRESSURE_BYTES,  # so that waiting output is never written to disk
        max_request_header_size=32 * 1024,
        max_request_body_size=limits.largest + 1,  # the parser knows the limit of each route
        ident=None,
        server_name="localhost",
        asyncore_use_poll=has_poll(),
    )


def _cut_off(channel: Channel) -> None:
    """Have the loop close `channel`: to close it here would pull it out from under the loop's own pass."""
    channel.will_close = True
    try:
        channel.socket.shutdown(socket.SHUT_RDWR)
    except OSError:  # the client has left by itself
        log.debug("connection.gone", extra={"client": channel.addr[0]})
