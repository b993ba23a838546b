"""One job inside a runner: its programs, output, limits and end."""

import errno
import os
import time
from collections.abc import Iterable
from pathlib import Path

from shared.vocabulary import ResultOutcome
from tray_agent.agent.output_log import OutputLog
from tray_agent.agent.process_ports import Exit, Happened, JobHost, Launch, Printed
from tray_agent.agent.runner_messages import RunOrder, line_of

_GROWTH_PAUSE_S = 0.05  # between two reports of growth
_MEMORY_LOOK_S = 1.0
_SWEEP_S = 20.0
_PC_TROUBLE = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EIO}


class JobRun:
    """Fed with what happened and the time of a steady clock; `over` once the agent has been told the end."""

    def __init__(self, order: RunOrder, host: JobHost, now: float) -> None:
        self._order = order
        self._host = host
        self._steps = iter(order.steps)
        self._log: OutputLog | None = None
        self._began = self._told_at = self._looked_at = now
        self._told_end = 0
        self._frozen_at: float | None = None
        self._frozen_s = 0.0
        self._held_exit: Exit | None = None  # a step ended while frozen: the next one waits
        self.over = False

    @property
    def id(self) -> str:
        return self._order.id

    def begin(self) -> None:
        """Write the scripts, open the log and start the first program."""
        try:
            Path(self._order.temp).mkdir(exist_ok=True)
            for path, text in self._order.files.items():
                Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
            self._log = OutputLog(
                Path(self._order.log), Path(self._order.tail), self._order.output_limit_bytes
            )
            self._host.open_output()
        except OSError as error:
            self._end(ResultOutcome.INTERRUPTED, None, f"This PC could not prepare the job: {_words(error)}.")
            return
        self._launch_next(Exit(0))

    def take(self, happened: Happened, now: float) -> None:
        """Store what was printed, go on when a program ended, and mind the limits."""
        self._store(happened.printed)
        if happened.exit is not None and not self.over:
            if self._frozen_at is None:
                self._launch_next(happened.exit)
            else:
                self._held_exit = happened.exit
        if not self.over:
            self._mind_limits(now)
        if not self.over:
            self._tell_growth(now)

    def wait_s(self, now: float) -> float | None:
        """Tell when something is due though nothing happens."""
        due = []
        if self._log and self._log.end > self._told_end:
            due.append(self._told_at + _GROWTH_PAUSE_S - now)
        if self._frozen_at is None:
            if self._order.time_limit_s is not None:
                due.append(self._order.time_limit_s - self._ran_s(now))
            if self._order.memory_mb:
                due.append(self._looked_at + _MEMORY_LOOK_S - now)
        return max(0.0, min(due)) if due else None

    def freeze(self, now: float) -> None:
        if self._frozen_at is None:
            self._host.freeze()
            self._frozen_at = now

    def thaw(self, now: float) -> None:
        if self._frozen_at is None:
            return
        self._frozen_s += now - self._frozen_at
        self._frozen_at = None
        self._host.thaw()
        if self._held_exit is not None:
            held, self._held_exit = self._held_exit, None
            self._launch_next(held)

    def stop(self, outcome: ResultOutcome, message: str) -> None:
        """Kill everything and tell `outcome`."""
        if not self.over:
            self._end(outcome, None, message)

    def _launch_next(self, exit_: Exit) -> None:
        argv = next(self._steps, None)
        if argv is None:
            self._end_by_itself(exit_)
            return
        if argv is not self._order.steps[0]:
            self._store(self._host.drain())  # keeps the lines' outputs apart where one wrote to both pipes
            if self.over:
                return
        try:
            pid = self._host.launch(Launch(argv, self._order.folder, self._order.environment))
        except ValueError as error:
            self._end(ResultOutcome.FAILED, 126, f"The job cannot be started: {error}.")
            return
        except OSError as error:
            self._end_unlaunched(error, argv[0])
            return
        self._host.say(line_of({"ev": "started", "id": self.id, "pid": pid}))

    def _end_unlaunched(self, error: OSError, program: str) -> None:
        if error.errno == errno.E2BIG:
            text = "The commands or the environment are too long for this PC's operating system."
            self._end(ResultOutcome.FAILED, 126, text)
        elif error.errno in _PC_TROUBLE or not os.path.isdir(self._order.folder):  # noqa: PTH112
            text = f"This PC could not start the job: {_words(error)}."
            self._end(ResultOutcome.INTERRUPTED, None, text)
        else:
            self._end(ResultOutcome.FAILED, 127, f"{program} could not be started: {_words(error)}.")

    def _end_by_itself(self, exit_: Exit) -> None:
        if exit_.code == 0 and self._order.end_mark and not os.path.exists(self._order.end_mark):  # noqa: PTH110
            text = "The commands ended before their last line, as by an exit inside a batch file."
            self._end(ResultOutcome.FAILED, 0, text)
            return
        outcome = ResultOutcome.COMPLETED if exit_.code == 0 else ResultOutcome.FAILED
        self._end(outcome, exit_.code, "")  # the coordinator says what a code or a signal means

    def _mind_limits(self, now: float) -> None:
        if self._frozen_at is not None:
            return
        limit = self._order.time_limit_s
        if limit is not None and self._ran_s(now) >= limit:
            self._end(ResultOutcome.TIMED_OUT, None, f"Stopped after its time limit of {limit:g} s.")
        elif self._order.memory_mb and now - self._looked_at >= _MEMORY_LOOK_S:
            self._looked_at = now
            used = self._host.memory_mb()
            if used > self._order.memory_mb:
                text = f"Stopped: it used {used} MiB of memory, more than its {self._order.memory_mb} MiB."
                self._end(ResultOutcome.FAILED, None, text)

    def _store(self, printed: Iterable[Printed]) -> None:
        if not printed or self._log is None:
            return
        time_ms = int(time.time() * 1000)
        try:
            for stream, data in printed:
                self._log.write(stream, time_ms, data)
        except OSError as error:
            log, self._log = self._log, None
            end = log.abandon()
            self._end(ResultOutcome.INTERRUPTED, None, _storage_words(error), log_end=end)

    def _tell_growth(self, now: float) -> None:
        if self._log is None or self._log.end == self._told_end:
            return
        if self._told_end and now - self._told_at < _GROWTH_PAUSE_S:
            return
        self._told_end, self._told_at = self._log.end, now
        self._host.say(line_of({"ev": "grew", "id": self.id, "end": self._told_end}))

    def _ran_s(self, now: float) -> float:
        until = now if self._frozen_at is None else self._frozen_at
        return until - self._began - self._frozen_s

    def _end(self, outcome: ResultOutcome, code: int | None, message: str, log_end: int = 0) -> None:
        """Kill what is left, complete the log and tell the agent, once."""
        self.over = True
        duration_s = self._ran_s(time.monotonic())
        if not self._host.sweep(_SWEEP_S):
            message = f"{message} One of its processes could not be killed.".strip()
        if self._log is not None:
            log_end, trouble = self._complete_log(self._log)
            if trouble:
                outcome, code, message = ResultOutcome.INTERRUPTED, None, trouble
        cpu_s = self._host.close_output()
        fields = {"ev": "ended", "id": self.id, "outcome": outcome, "exitCode": code, "message": message}
        self._host.say(line_of({**fields, "logEnd": log_end, "durationS": duration_s, "cpuS": cpu_s}))

    def _complete_log(self, log: OutputLog) -> tuple[int, str]:
        time_ms = int(time.time() * 1000)
        try:
            for stream, data in self._host.drain():
                log.write(stream, time_ms, data)
            return log.finish(time_ms), ""
        except OSError as error:
            return log.abandon(), _storage_words(error)


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def _storage_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "This PC's disk is full, so the job's output could not be kept."
    return f"This PC could not store the job's output: {_words(error)}."
