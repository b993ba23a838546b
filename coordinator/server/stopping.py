"""Turns the signals that ask this program to stop into one orderly end within ten seconds."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from coordinator.host_os import stop_signals
from coordinator.server.http_server import HttpServer

log = logging.getLogger(__name__)

DRAIN_S = 6.0
LAST_RESORT_S = 9.5  # a service control kills after ten


@contextmanager
def stopping_on_signals(server: HttpServer, before_drain: Callable[[], None]) -> Iterator[None]:
    """While inside, a stop signal runs `before_drain` (release the held calls), then drains `server`.

    Should a thread hang, the process ends with exit code 1 all the same.
    """
    stop = _Stop(server, before_drain)
    earlier = {number: signal.signal(number, stop.asked) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class _Stop:
    def __init__(self, server: HttpServer, before_drain: Callable[[], None]) -> None:
        self._server = server
        self._before_drain = before_drain
        self._begun = False

    def asked(self, number: int, _frame: FrameType | None) -> None:
        """Handle the signal: only start threads, for the main thread may hold any lock just now."""
        if self._begun:  # a terminal and a parent process often send one each
            return
        self._begun = True
        last_resort = threading.Timer(LAST_RESORT_S, os._exit, args=(1,))
        last_resort.daemon = True
        last_resort.start()
        threading.Thread(target=self._stop, args=(number,), name="stopping", daemon=True).start()

    def _stop(self, number: int) -> None:
        log.info("server.stopping", extra={"signal": signal.Signals(number).name})
        try:
            self._before_drain()
        finally:
            self._server.drain(DRAIN_S)
