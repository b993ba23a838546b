"""The coordinator's own agent, which runs Direct jobs: a child process that is kept alive and ends with us.

Its credential goes through its standard input, and its end is the end of that pipe: it cannot outlive us.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0  # before a child that died is started again; doubles up to LONGEST_PAUSE_S
LONGEST_PAUSE_S = 60.0
STEADY_S = 60.0  # a child that lived this long starts the count anew


class BuiltinAgent:
    def __init__(self, url: str, data: Path, secret: str, monotonic: Callable[[], float]) -> None:
        self._command = _command(url, data)
        self._secret = secret
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep_alive, name="builtin-agent", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Let it hand back what it runs and end; kill it after `timeout_s`."""
        self._stopping.set()
        with self._lock:
            child = self._child
        if child is not None:
            _close_pipe(child)
            try:
                child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                child.kill()
        self._thread.join(timeout_s)

    def _keep_alive(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = self._monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            log.warning("builtin_agent.died", extra={"exit_code": code})
            pause = (
                FIRST_PAUSE_S if self._monotonic() - started > STEADY_S else min(pause * 2, LONGEST_PAUSE_S)
            )
            self._stopping.wait(pause)

    def _run_once(self) -> int:
        with self._lock:
            if self._stopping.is_set():
                return 0
            child = subprocess.Popen(self._command, stdin=subprocess.PIPE, env=_environment())
            self._child = child
        try:
            assert child.stdin is not None
            child.stdin.write(self._secret.encode() + b"\n")
            child.stdin.flush()
        except OSError:
            log.debug("builtin_agent.deaf")  # it died at once: wait() tells how
        return child.wait()


def _command(url: str, data: Path) -> list[str]:
    options = ["--headless", "--builtin", "--server", url, "--data", str(data)]
    return [sys.executable, "-m", "tray_agent", *options]


def _environment() -> dict[str, str]:
    """Let the child find the package even when we were started from elsewhere."""
    home = str(Path(__file__).resolve().parent.parent)
    others = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home, others]) if others else home}


def _close_pipe(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin is not None
    try:
        child.stdin.close()
    except OSError:
        log.debug("builtin_agent.gone")
