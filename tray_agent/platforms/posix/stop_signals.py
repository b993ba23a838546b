"""What asks the agent to end on Linux and macOS."""

import signal
from collections.abc import Callable


def install_stop_handler(callback: Callable[[], None]) -> None:
    """Call `callback` at SIGTERM, SIGINT and SIGHUP. Must be installed by the main thread."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: callback())
