"""Reads requests for Waitress, and refuses a body as soon as its size is known to be too large."""

import time
from collections.abc import Callable

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.utilities import BadRequest, RequestEntityTooLarge

from coordinator.server.body_limits import ROOM_EVERY_BYTES, SPOOLED_FROM_BYTES, BodyLimits


class DiskFull(BadRequest):  # type: ignore[misc]  # Waitress has no types
    code = 507
    reason = "Insufficient Storage"


class RequestParser(HTTPRequestParser):  # type: ignore[misc]
    """Waitress's own, with a limit per route. A refused request is completed, with `error` set."""

    def __init__(self, adj: Adjustments, limits: BodyLimits, on_refusal: Callable[[], None]) -> None:
        super().__init__(adj)
        self.on_refusal = on_refusal
        self.limits = limits
        self.started_at = time.monotonic()  # headers have a deadline from their first byte on
        self.next_look_at = SPOOLED_FROM_BYTES

    def received(self, data: bytes) -> int:
        """Take in `data`; tell how much of it was used. What follows a refused head is used up unread."""
        in_headers = not self.headers_finished
        consumed: int = super().received(data)
        if self.error is None and self.body_rcv is not None:
            if in_headers and self.headers_finished:
                self._judge_declared_size()
            elif not in_headers:
                self._judge_received_size()
        if self.error is None:
            return consumed
        self.on_refusal()
        self.completed = True
        self.expect_continue = False  # else Waitress would ask for the body that it has just refused
        return len(data)

    def _judge_declared_size(self) -> None:
        """Judge by the headers alone; a chunked body declares nothing."""
        limit = self.limits.of(self.command, self.path)
        if self.content_length > limit:
            self.error = _too_large(limit)
        elif self.content_length > SPOOLED_FROM_BYTES and not self.limits.has_room(self.content_length):
            self.error = _disk_full()

    def _judge_received_size(self) -> None:
        limit = self.limits.of(self.command, self.path)
        if self.body_bytes_received > limit:
            self.error = _too_large(limit)
        elif self.body_bytes_received >= self.next_look_at:
            # several bodies may come in at a time, each of which had room alone
            self.next_look_at += ROOM_EVERY_BYTES
            if not self.limits.has_room(0):
                self.error = _disk_full()


def _too_large(limit: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"This address takes at most {limit:,} bytes in one request.")


def _disk_full() -> DiskFull:
    return DiskFull(
        "The coordinator's disk is too full to take this in. Free some space there, then try again."
    )
