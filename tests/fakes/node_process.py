"""A Node program under test: what it prints is waited for line by line, and it never outlives the test."""

import os
import signal
import subprocess
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

SCRIPTS = Path(__file__).parent.parent / "end_to_end"
DEADLINE_S = 60.0


class NodeProcess:
    def __init__(self, script: str, *arguments: object) -> None:
        command = ["node", str(SCRIPTS / script), *map(str, arguments)]
        # A session of its own: its children die with it, as they do when a PC is switched off.
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
        )
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, beginning: str) -> str:
        """Read on to the next line that begins so, and tell what follows."""
        while (line := self._next_line()) is not None:
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        raise AssertionError(f"it ended without saying {beginning!r}; it said {self.said[-20:]}")

    def wait_for_next(self, beginning: str, times: int = 1) -> None:
        """Wait for lines that are printed from now on."""
        while True:
            try:
                self._lines.get_nowait()
            except Empty:
                break
        for _ in range(times):
            self.wait_for(beginning)

    def rest(self) -> str:
        """Wait for its end; tell all that it said."""
        self._process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return "\n".join(self.said)

    def kill(self) -> None:
        """End it and its children at once."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _next_line(self) -> str | None:
        try:
            return self._lines.get(timeout=DEADLINE_S)
        except Empty:
            raise AssertionError(f"it says nothing more; it said {self.said[-20:]}") from None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))
            self._lines.put(self.said[-1])
        self._lines.put(None)
