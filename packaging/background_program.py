"""Starts a program with .venv's Python in the background, with a log, and ends it again."""

import ctypes
import os
import signal
import socket
import subprocess
from typing import Any

from python_environment import DATA, PYTHON, ROOT, WINDOWS, ProblemError, child_environment, last_lines, say

# Windows has no SIGTERM that a program could hear; Ctrl-Break is 1 there and reaches the program's own group.
_ASK_TO_END = 1 if WINDOWS else signal.SIGTERM


class Program:
    """One process that quickstart started, with its log."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.name, self.log = name, DATA / f"{name}.log"
        group: dict[str, Any] = {"creationflags": 0x200} if WINDOWS else {"start_new_session": True}
        command = [str(PYTHON), "-m", *map(str, arguments)]
        with self.log.open(
            "wb"
        ) as log:  # its own group: Ctrl-C reaches quickstart alone, which ends it in order
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **group,
            )

    def check(self) -> None:
        """Raise ProblemError when the process has ended."""
        code = self.process.poll()
        if code is not None:
            end = last_lines(self.log)
            raise ProblemError(f"The {self.name} ended with exit code {code}. {self.log} ends:\n{end}")

    def stop(self) -> None:
        """Ask the process to end, and kill it after 10 s."""
        if self.process.poll() is None:
            self.process.send_signal(_ASK_TO_END)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            say(f"The {self.name} did not end within 10 s and is killed.")
            if WINDOWS:
                self.process.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def alive(pid: int) -> bool:
    """Say whether a process of this id runs."""
    if WINDOWS:  # os.kill would end it
        kernel = vars(ctypes)["windll"].kernel32
        handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        return bool(handle and kernel.CloseHandle(handle))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def free_port(first: int = 3000) -> int:
    """Return the first port of 127.0.0.1 from here that nobody listens on."""
    for port in range(first, first + 1000):
        with socket.socket() as probe:
            if not WINDOWS:  # there it would mean sharing a port with whoever listens
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ProblemError(f"No port from {first} to {first + 999} is free on 127.0.0.1.")
