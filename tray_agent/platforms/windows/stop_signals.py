"""What asks the agent to end on Windows."""

import signal
from collections.abc import Callable


def install_stop_handler(callback: Callable[[], None]) -> None:
    """Call `callback` at Ctrl+C, Ctrl+Break and the closing of the console. Only on the main thread."""
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda *_: callback())
