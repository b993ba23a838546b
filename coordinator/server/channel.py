"""One connection of the server: counts what moves, and lets a refused sender read why it was refused."""

import socket
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel

from coordinator.server.body_limits import PART_BYTES
from coordinator.server.patience import Activity, Mark, Phase
from coordinator.server.request_parser import RequestParser
from coordinator.server.tasks import ApplicationTask, ProblemTask

_SWALLOW_AT_ONCE = 256 * 1024
_SWALLOW_IN_ALL = 4 * PART_BYTES


class Channel(HTTPChannel):  # type: ignore[misc]  # Waitress has no types
    """Waitress's own, plus `activity` for the server's maintenance and a lingering close.

    A connection that is closed while its client still sends is reset, and the reset takes the answer with it;
    so after a refusal the rest is read and dropped for a while.
    """

    task_class = ApplicationTask
    error_task_class = ProblemTask

    def __init__(
        self, server: Any, sock: socket.socket, addr: Any, adj: Adjustments, map: Any = None
    ) -> None:
        now = time.monotonic()
        self.bytes_sent = 0
        self.emptied_at = now  # when nothing was left to send
        self.refused = False
        self.lingering_since: float | None = None
        self.swallowed = 0
        self.answered = 0
        self.active_at = now
        self.mark: Mark | None = None  # the server's maintenance judges progress by it
        super().__init__(server, sock, addr, adj, map)

    @property
    def last_activity(self) -> float:
        """Tell when something last happened; monotonic, where Waitress would keep wall time, which jumps."""
        return self.active_at

    @last_activity.setter
    def last_activity(self, _: float) -> None:
        self.active_at = time.monotonic()

    def activity(self) -> Activity:
        """Tell what the client is doing now, as a slow client would have it."""
        request = self.request
        if self.lingering_since is not None:
            return Activity(Phase.LINGERING, self.lingering_since, 0)
        if self.total_outbufs_len:
            return Activity(Phase.READING, self.emptied_at, self.bytes_sent)
        if self.requests:
            return Activity(Phase.ANSWERING, self.active_at, 0)
        if request is None:
            phase = Phase.IDLE if self.answered else Phase.SILENT
            return Activity(phase, self.active_at, 0)
        if not request.headers_finished:
            return Activity(Phase.HEADERS, request.started_at, 0)
        return Activity(Phase.BODY, request.started_at, request.body_bytes_received)

    def received(self, data: bytes) -> bool:
        if self.refused:
            return False
        taken: bool = super().received(data)
        return taken

    def parser_class(self, adj: Adjustments) -> RequestParser:
        return RequestParser(adj, self.server.limits, self._note_refusal)

    def _note_refusal(self) -> None:
        self.refused = True

    def service(self) -> None:
        self.answered += 1
        super().service()

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self.bytes_sent += sent
        return sent

    def _flush_some(self, do_close: bool = True) -> bool:
        flushed: bool = super()._flush_some(do_close)
        if not self.total_outbufs_len:
            self.emptied_at = time.monotonic()
        return flushed

    def readable(self) -> bool:
        if self.lingering_since is not None:
            return not self.will_close
        readable: bool = super().readable()
        return readable

    def handle_write(self) -> None:
        if not (self.refused and self.close_when_flushed) or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.connected and not self.total_outbufs_len and not self.will_close:
            self._start_lingering()

    def handle_read(self) -> None:
        if self.lingering_since is None:
            super().handle_read()
            return
        data = self.recv(_SWALLOW_AT_ONCE)  # closes the channel when the client has
        self.swallowed += len(data)
        if self.swallowed > _SWALLOW_IN_ALL:
            self.will_close = True

    def _start_lingering(self) -> None:
        self.close_when_flushed = False
        self.lingering_since = time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # gone already
            self.will_close = True
