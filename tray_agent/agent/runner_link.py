"""The agent's end of one runner process: its pipes, the run it has, and its death."""

import contextlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tray_agent.agent.ports import RunTask

log = logging.getLogger(__name__)

_PIPE_BYTES = 3 * 1024  # of the 4 KiB that an empty pipe takes on Windows; the rest is for later orders


@dataclass(slots=True)
class Run:
    """A task from `start` to its end."""

    id: str
    task: RunTask
    backlog: list[bytes] = field(default_factory=list)  # orders given before it had a runner
    stopping: str | None = None  # the reason, once asked
    started_at: float | None = None
    log_end: int = 0
    sessions: set[int] = field(default_factory=set)


class RunnerLink:
    """One runner process. `on_line` gets what it says, `on_death` comes once, both on a thread of its own."""

    def __init__(
        self,
        argv: Sequence[str],
        options: dict[str, Any],
        on_line: Callable[["RunnerLink", dict[str, Any]], None],
        on_death: Callable[["RunnerLink"], None],
    ) -> None:
        self.run: Run | None = None
        self.idle_since = 0.0
        self.stop_asked_at: float | None = None
        self.ending = False
        self._on_line = on_line
        self._on_death = on_death
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr is not None else subprocess.DEVNULL,  # a windowed program has none
            bufsize=0,
            **options,
        )
        self._reader = threading.Thread(target=self._read, name=f"runner-{self.pid}", daemon=True)
        try:
            self._reader.start()
        except RuntimeError as error:  # no more threads
            self._process.kill()
            self._process.wait()
            raise OSError(str(error)) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, line: bytes) -> None:
        """Send one line; a dead runner is noticed by its reader."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while line:
                line = line[self._process.stdin.write(line) or 0 :]

    def end(self) -> None:
        """Let it kill its tree and go: the end of its input says so."""
        self.ending = True
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()

    def join(self, timeout_s: float) -> bool:
        """Wait until its death has been dealt with. False if that takes longer."""
        self._reader.join(max(0.0, timeout_s))
        return not self._reader.is_alive()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in iter(_Lines(self._process.stdout), b""):
                self._on_line(self, json.loads(line))
        except Exception:
            log.exception("runner.unreadable", extra={"pid": self.pid})
        self.kill()  # it may live on with a closed pipe: of no use to anybody
        self._process.wait()
        self._process.stdout.close()
        self._on_death(self)
        self.end()


class _Lines:
    """Whole lines of an unbuffered pipe, b"" at its end; a BufferedReader would wait for more than a line."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self._ready: list[bytes] = []
        self._rest = b""

    def __call__(self) -> bytes:
        while not self._ready:
            data = self._pipe.read(65536)
            if not data:
                return b""
            *self._ready, self._rest = (self._rest + data).split(b"\n")
            self._ready.reverse()
        return self._ready.pop()


def fitting(line: bytes, folder: Path) -> bytes:
    """Put a start message too long for the pipe into a file and name that instead. Raises OSError."""
    if len(line) <= _PIPE_BYTES:
        return line
    path = folder / "start.json"
    path.write_bytes(line)
    return json.dumps({"op": "start", "elsewhere": str(path)}).encode() + b"\n"
