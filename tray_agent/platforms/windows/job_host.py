"""A runner's hold on Windows: a job object for the tree, a thread for each pipe, one queue for all news.

Windows cannot wait for a pipe together with anything else, hence the threads.
"""

import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from shared.vocabulary import Stream
from tray_agent.agent.process_ports import Exit, Happened, Launch, Printed
from tray_agent.platforms.windows.job_object import JobObject, libraries

_PIECE_BYTES = 64 * 1024
_MOST_WAITING = 64  # pieces of output read ahead: 4 MiB
_DRAIN_S = 2.0
_LOOK_S = 0.01
_SUSPENDED, _IDLE_PRIORITY, _NO_WINDOW = 0x4, 0x40, 0x08000000  # flags of CreateProcess

_News = tuple[str, int, Any]  # kind, the job's number, what


def command_line(argv: list[str]) -> str:
    """Quote arguments as C programs read them; what follows cmd's /s /c goes between plain quotes."""
    if argv[1:4] == ["/d", "/s", "/c"]:
        return f'{subprocess.list2cmdline(argv[:4])} ""{argv[4]}""'
    return subprocess.list2cmdline(argv)


class WindowsJobHost:
    """`make_job` and `spawn` are the system's; tests hand in their own."""

    def __init__(
        self,
        make_job: Callable[[], JobObject] | None = None,
        spawn: Callable[..., Any] = subprocess.Popen,
    ) -> None:
        self._make_job = make_job or (lambda: JobObject(*libraries()))
        self._spawn = spawn
        self._news: queue.Queue[_News] = queue.Queue(_MOST_WAITING)
        self._job: JobObject | None = None
        self._number = 0  # of the job; news of an older one are dropped
        self._ends: dict[Stream, int] = {}  # writing ends, kept open until the job's end
        self._reading = 0  # pipes that have not ended

    def prepare(self) -> bool:
        self._thread(self._listen)
        return True

    def open_output(self) -> None:
        self._number += 1
        self._job = self._make_job()
        for stream in (Stream.STDOUT, Stream.STDERR):
            reading, self._ends[stream] = os.pipe()
            self._reading += 1
            self._thread(self._read, self._number, reading, stream)

    def launch(self, launch: Launch) -> int:
        assert self._job is not None
        process = self._spawn(
            command_line(launch.argv),
            executable=launch.argv[0],
            cwd=launch.folder,
            env=launch.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._ends[Stream.STDOUT],
            stderr=self._ends[Stream.STDERR],
            creationflags=_SUSPENDED | _IDLE_PRIORITY | _NO_WINDOW,
        )
        try:
            self._job.take(int(process._handle))  # what subprocess itself uses; it tells it no other way
        except OSError:
            process.kill()
            raise
        self._thread(self._await_exit, self._number, process)
        return int(process.pid)

    def wait(self, timeout_s: float | None) -> Happened:
        lines: list[bytes] = []
        printed: list[Printed] = []
        exit_: Exit | None = None
        over = False
        for kind, _, what in self._take(timeout_s):
            if kind == "printed":
                printed.append(what)
            elif kind == "exit":
                exit_ = what
            elif kind == "lines":
                lines += what
            elif kind == "over":
                over = True
        return Happened(lines, printed, exit_, over)

    def say(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(1, line) :]
        except OSError:
            pass  # the end of our input tells the same, a moment later

    def sweep(self, timeout_s: float) -> bool:
        if self._job is None:
            return True
        deadline = time.monotonic() + timeout_s
        self._job.kill()
        while self._job.living():
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_S)
            self._job.kill()
        return True

    def drain(self) -> Iterator[Printed]:
        """With every writer dead and our ends closed, both pipes end by themselves."""
        self._close_ends()
        deadline = time.monotonic() + _DRAIN_S
        kept: list[_News] = []
        while self._reading and time.monotonic() < deadline:
            for news in self._take(_LOOK_S):
                if news[0] == "printed":
                    yield news[2]
                elif news[0] in ("lines", "over"):
                    kept.append(news)
        for news in kept:
            self._thread(self._news.put, news)

    def close_output(self) -> float:
        self._close_ends()
        self._reading = 0
        if self._job is None:
            return 0.0
        used = self._job.cpu_s()
        self._job.close()
        self._job = None
        return used

    def freeze(self) -> None:
        if self._job is not None:
            self._job.suspend()

    def thaw(self) -> None:
        if self._job is not None:
            self._job.resume()

    def memory_mb(self) -> int:
        import psutil  # only for jobs with a memory limit

        total = 0
        for pid in self._job.pids() if self._job is not None else ():
            try:
                total += psutil.Process(pid).memory_info().rss
            except psutil.Error:
                continue
        return int(total >> 20)

    def _take(self, timeout_s: float | None) -> Iterator[_News]:
        """Give the next news, waiting for it, and all others that are there."""
        try:
            news = self._news.get(timeout=timeout_s)
            while True:
                if news[0] == "end" and news[1] == self._number:
                    self._reading -= 1
                elif news[1] in (self._number, 0):
                    yield news
                news = self._news.get_nowait()
        except queue.Empty:
            return

    def _listen(self) -> None:
        rest = b""
        while data := os.read(0, _PIECE_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            if lines:
                self._news.put(("lines", 0, lines))
        self._news.put(("over", 0, None))

    def _read(self, number: int, fd: int, stream: Stream) -> None:
        try:
            while data := os.read(fd, _PIECE_BYTES):
                self._news.put(("printed", number, (stream, data)))
        except OSError:
            pass  # Windows tells a broken pipe where others tell the end
        finally:
            os.close(fd)
            self._news.put(("end", number, None))

    def _await_exit(self, number: int, process: Any) -> None:
        code = process.wait()
        self._news.put(("exit", number, Exit(code)))

    def _close_ends(self) -> None:
        for fd in self._ends.values():
            os.close(fd)
        self._ends.clear()

    def _thread(self, work: Callable[..., None], *arguments: Any) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()
