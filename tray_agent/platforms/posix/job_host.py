"""A runner's hold on a POSIX system: one poll over the agent, both pipes and the deaths of children."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from typing import Protocol

from shared.vocabulary import Stream
from tray_agent.agent.process_ports import Exit, Happened, Launch, Printed

_PIECE_BYTES = 64 * 1024  # a pipe's usual capacity, and a log record's limit
_DRAIN_BYTES = 2 << 20  # twice the largest pipe an unprivileged process can make
_SWEEP_LOOK_MS = 10
_FREEZE_ROUNDS = 50
# Python ignores SIGPIPE and SIGXFSZ, and an ignored signal stays so over exec: `yes | head` would fail.
_DEFAULT_SIGNALS = (
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGTERM,
    signal.SIGCHLD,
)


class ProcessTree(Protocol):
    """What differs between Linux and macOS."""

    inherits_strays: bool  # every process whose parent dies becomes ours: no children left means nothing left

    def bind_to_agent(self) -> bool:
        """Die with the agent, inherit strays, take a low priority. False if the agent is gone."""

    def begin_job(self) -> None:
        """Forget the job before."""

    def launched(self, pid: int, environment: dict[str, str]) -> None:
        """Give a program that has just been started the lowest priority, before it starts others."""

    def members(self) -> set[int]:
        """Tell the living processes of the job, as far as they can be found."""

    def some_members(self) -> set[int]:
        """Tell what is found of them at once: for killing in a loop until none is left."""

    def memory_mb(self, pids: set[int]) -> int: ...


class PosixJobHost:
    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree
        self._poll = select.poll()
        self._wake = self._wake_end = -1
        self._asked_to_end = False
        self._heard = b""  # of the agent, without a line's end so far
        self._pipes: dict[int, Stream] = {}  # reading ends
        self._ends: dict[Stream, int] = {}  # writing ends, kept open: the pipes never end before the job does
        self._main = 0
        self._exit: Exit | None = None
        self._cpu_s = 0.0

    def prepare(self) -> bool:
        self._wake, self._wake_end = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wake_end, False)
        signal.set_wakeup_fd(self._wake_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(0, select.POLLIN)
        return self._tree.bind_to_agent()

    def open_output(self) -> None:
        self._cpu_s, self._exit, self._main = 0.0, None, 0
        self._tree.begin_job()
        for stream in (Stream.STDOUT, Stream.STDERR):
            reading, self._ends[stream] = os.pipe()
            os.set_blocking(reading, False)
            self._pipes[reading] = stream
            self._poll.register(reading, select.POLLIN)

    def launch(self, launch: Launch) -> int:
        os.chdir(launch.folder)  # posix_spawn knows no folder; the runner has one job at a time
        try:
            self._main = os.posix_spawn(
                launch.argv[0],
                launch.argv,
                launch.environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, self._ends[Stream.STDOUT], 1),
                    (os.POSIX_SPAWN_DUP2, self._ends[Stream.STDERR], 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=_DEFAULT_SIGNALS,
            )
        finally:
            os.chdir("/")
        self._tree.launched(self._main, launch.environment)
        self._exit = None
        return self._main

    def wait(self, timeout_s: float | None) -> Happened:
        if self._asked_to_end:  # noticed while sweeping
            timeout_s = 0
        ready = {fd for fd, _ in self._poll.poll(None if timeout_s is None else timeout_s * 1000 + 1)}
        printed = [item for fd in self._pipes if fd in ready for item in self._read(fd)]
        lines, over = self._listen() if 0 in ready else ((), False)
        exit_ = None
        if self._wake in ready:
            self._read_signals()
            self._reap()
            exit_, self._exit = self._exit, None
        return Happened(lines, printed, exit_, over or self._asked_to_end)

    def say(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(1, line) :]
        except BrokenPipeError:
            pass  # the end of our input tells the same, a moment later

    def sweep(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        killed: set[int] = set()
        # The dead are taken in before each look: thousands would slow it down, and a storm wins by that.
        while self._reap() or (not self._tree.inherits_strays and self._tree.members()):
            self._signal_group(signal.SIGKILL)
            members = self._tree.some_members()
            for pid in members:
                _signal(pid, signal.SIGKILL)
            if members <= killed:
                self._await_death()
            killed |= members
            if time.monotonic() > deadline:
                return False
        return True

    def drain(self) -> Iterator[Printed]:
        left = _DRAIN_BYTES
        more = True
        while more and left > 0:
            more = False
            for fd in self._pipes:
                for item in self._read(fd):
                    left -= len(item[1])
                    more = True
                    yield item

    def close_output(self) -> float:
        for fd in self._pipes:
            self._poll.unregister(fd)
            os.close(fd)
        for fd in self._ends.values():
            os.close(fd)
        self._pipes.clear()
        self._ends.clear()
        return self._cpu_s

    def freeze(self) -> None:
        self._signal_group(signal.SIGSTOP)
        stopped: set[int] = set()
        for _ in range(_FREEZE_ROUNDS):  # a fork storm runs on until its last member is stopped
            self._reap()
            running = self._tree.members() - stopped
            if not running:
                return
            for pid in running:
                _signal(pid, signal.SIGSTOP)
            stopped |= running

    def thaw(self) -> None:
        for pid in self._tree.members():
            _signal(pid, signal.SIGCONT)

    def memory_mb(self) -> int:
        return self._tree.memory_mb(self._tree.members())

    def _listen(self) -> tuple[list[bytes], bool]:
        data = os.read(0, _PIECE_BYTES)
        *lines, self._heard = (self._heard + data).split(b"\n")
        return lines, not data

    def _read(self, fd: int) -> Iterator[Printed]:
        try:
            data = os.read(fd, _PIECE_BYTES)
        except BlockingIOError:
            return
        if data:
            yield self._pipes[fd], data

    def _reap(self) -> bool:
        """Take the dead children in. True if there are living ones."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._cpu_s += usage.ru_utime + usage.ru_stime
            if pid == self._main:
                code = os.waitstatus_to_exitcode(status)
                self._exit = Exit(code) if code >= 0 else Exit(128 - code, -code)
                self._main = 0

    def _signal_group(self, number: int) -> None:
        if self._main:  # not reaped yet, so the number cannot be anybody else's
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._main, number)

    def _await_death(self) -> None:
        waiting = select.poll()
        waiting.register(self._wake, select.POLLIN)
        if waiting.poll(_SWEEP_LOOK_MS):
            self._read_signals()

    def _read_signals(self) -> None:
        if signal.SIGTERM in os.read(self._wake, 4096):
            self._asked_to_end = True


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
