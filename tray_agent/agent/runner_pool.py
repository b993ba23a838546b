"""The runners of this agent: one process for each slot in use, kept for the next job, ended when unused."""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shared.messages import AttemptRef, JobSpec
from shared.vocabulary import ResultOutcome
from tray_agent.agent import script
from tray_agent.agent.job_environment import attempt_marks, job_environment
from tray_agent.agent.ports import OutputGrew, RunEnded, RunEvent, RunStarted, RunTask, StopReason
from tray_agent.agent.process_ports import PoolPlatform, Shells
from tray_agent.agent.runner_link import Run, RunnerLink, fitting
from tray_agent.agent.runner_messages import RunOrder, line_of, start_line

log = logging.getLogger(__name__)

_STOP_S = 30.0  # a runner that has not ended a stopped job by then is killed itself
_SHELLS_S = 10.0  # how long the search for shells stays valid
_DIED = "The runner process on this PC died, so the job was stopped."


class RunnerPool:
    """Implements ports.Runners. Every started task gets one RunEnded, whatever becomes of its runner."""

    def __init__(
        self,
        runner_argv: Sequence[str],
        on_event: Callable[[RunEvent], None],
        platform: PoolPlatform,
        idle_s: float = 60.0,
    ) -> None:
        self._argv = list(runner_argv)
        self._on_event = on_event
        self._platform = platform
        self._idle_s = idle_s
        self._lock = threading.RLock()
        self._links: set[RunnerLink] = set()
        self._runs: dict[str, Run] = {}
        self._found_shells: tuple[float, Shells] | None = None
        self._closed = False
        self._events: queue.SimpleQueue[RunEvent | None] = queue.SimpleQueue()
        self._wanted: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._base = platform.base_environment()
        platform.adopt_strays()
        self._dispatcher = threading.Thread(target=self._dispatch, name="runner-events", daemon=True)
        # A Linux runner dies with the thread that started it, so that thread lives as long as the pool.
        self._keeper = threading.Thread(target=self._keep, name="runner-keeper", daemon=True)
        self._dispatcher.start()
        self._keeper.start()

    def can_run(self, spec: JobSpec) -> str | None:
        """Tell why this PC must reject the job before it starts, None if it need not."""
        return script.can_run(spec, self._shells())

    def start(self, task: RunTask) -> None:
        """Run a prepared attempt in the next free runner, or in a new one."""
        run = Run(_id(task.ref), task)
        try:
            run.backlog.append(fitting(start_line(self._order(run)), task.folder))
        except (OSError, script.CannotRun) as error:
            rejected = isinstance(error, script.CannotRun)
            outcome = ResultOutcome.FAILED if rejected else ResultOutcome.INTERRUPTED
            text = str(error) if rejected else f"This PC could not prepare the job: {error}"
            self._events.put(_ended(run, outcome, text, 127 if rejected else None))
            return
        with self._lock:
            self._runs[run.id] = run
            idle = next((link for link in self._links if link.run is None and not link.ending), None)
            if idle is not None:
                self._hand_over(run, idle)
                return
        self._wanted.put(run)

    def stop(self, ref: AttemptRef, reason: StopReason) -> None:
        """Kill an attempt's tree. One that has ended, or ends right now, keeps its result."""
        with self._lock:
            run = self._runs.get(_id(ref))
            if run is None or run.stopping:
                return
            run.stopping = reason.value
            self._order_about(run, {"op": "stop", "id": run.id, "reason": reason.value})
            link = self._link_of(run)
            if link is not None:
                link.stop_asked_at = time.monotonic()
                self._wanted.put(None)  # the keeper has a new deadline to watch

    def freeze(self, ref: AttemptRef) -> None:
        """Let nothing of the attempt run. Frozen time counts against no limit."""
        self._order_by_ref("freeze", ref)

    def thaw(self, ref: AttemptRef) -> None:
        """Let it run on."""
        self._order_by_ref("thaw", ref)

    def close(self, timeout_s: float) -> None:
        """Kill every tree and end every runner process. Running attempts end as interrupted."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            self._closed = True
            links = list(self._links)
            unstarted = [run for run in self._runs.values() if self._link_of(run) is None]
            for run in unstarted:
                self._finish(run, _ended(run, ResultOutcome.INTERRUPTED, "The agent on this PC ended."))
        for link in links:
            link.end()
        for link in links:
            if not link.join(deadline - time.monotonic()):
                link.kill()
        for link in links:
            link.join(deadline + 1.0 - time.monotonic())
        self._wanted.put(None)
        self._events.put(None)
        for thread in (self._keeper, self._dispatcher):
            if thread is not threading.current_thread():
                thread.join(1.0)

    # --- starting -------------------------------------------------------------------------------------

    def _order(self, run: Run) -> RunOrder:
        task, shells = run.task, self._shells()
        folder, spec = task.folder.absolute(), task.spec
        temp = folder / "tmp"
        made = script.build_script(spec, shells, folder, self._platform.is_batch_program)
        return RunOrder(
            id=run.id,
            steps=made.steps,
            folder=str(folder / "work"),
            environment=job_environment(self._base, spec, task.ref, temp, shells.windows),
            files=made.files,
            end_mark=made.end_mark,
            temp=str(temp),
            log=str(folder / "output.log"),
            tail=str(folder / "output.tail"),
            output_limit_bytes=spec.output_limit_bytes,
            time_limit_s=spec.time_limit_s,
            memory_mb=spec.memory_mb,
        )

    def _shells(self) -> Shells:
        now = time.monotonic()
        if self._found_shells is None or now - self._found_shells[0] > _SHELLS_S:
            self._found_shells = (now, self._platform.shells)
        return self._found_shells[1]

    def _hand_over(self, run: Run, link: RunnerLink) -> None:
        link.run = run
        backlog, run.backlog = run.backlog, []
        link.say(b"".join(backlog))
        if run.stopping:
            link.stop_asked_at = time.monotonic()

    def _order_by_ref(self, op: str, ref: AttemptRef) -> None:
        with self._lock:
            run = self._runs.get(_id(ref))
            if run is not None:
                self._order_about(run, {"op": op, "id": run.id})

    def _order_about(self, run: Run, order: dict[str, Any]) -> None:
        link = self._link_of(run)
        if link is None:
            run.backlog.append(line_of(order))
        else:
            link.say(line_of(order))

    def _link_of(self, run: Run) -> RunnerLink | None:
        return next((link for link in self._links if link.run is run), None)

    # --- the keeper's thread --------------------------------------------------------------------------

    def _keep(self) -> None:
        while not self._closed:
            try:
                run = self._wanted.get(timeout=self._next_duty_s())
            except queue.Empty:
                run = None
            if run is not None:
                self._start_runner(run)
            self._do_duties(time.monotonic())

    def _start_runner(self, run: Run) -> None:
        with self._lock:
            if self._closed or run.id not in self._runs:
                return
            if run.stopping:
                self._finish(run, _ended(run, ResultOutcome(run.stopping), "Stopped before it started."))
                return
            try:
                options = self._platform.popen_options()
                link = RunnerLink(self._argv, options, self._heard, self._died)
            except OSError as error:
                text = f"This PC could not start a runner process: {error}"
                self._finish(run, _ended(run, ResultOutcome.INTERRUPTED, text))
                return
            self._links.add(link)
            self._hand_over(run, link)

    def _next_duty_s(self) -> float | None:
        with self._lock:
            links = [link for link in self._links if not link.ending]  # what ends needs nothing more
            due = [link.idle_since + self._idle_s for link in links if link.run is None]
            due += [link.stop_asked_at + _STOP_S for link in links if link.stop_asked_at is not None]
        return max(0.01, min(due) - time.monotonic()) if due else None

    def _do_duties(self, now: float) -> None:
        with self._lock:
            for link in self._links:
                if link.run is None and not link.ending and now - link.idle_since >= self._idle_s:
                    link.end()
                elif link.stop_asked_at is not None and now - link.stop_asked_at >= _STOP_S:
                    log.warning("runner.stuck", extra={"pid": link.pid})
                    link.stop_asked_at = None  # once is enough: its reader notices its death
                    link.kill()

    # --- the readers' threads -------------------------------------------------------------------------

    def _heard(self, link: RunnerLink, said: dict[str, Any]) -> None:
        run = link.run
        if run is None or run.id != said["id"]:
            return
        if said["ev"] == "started":
            run.sessions.add(said["pid"])
            if run.started_at is None:
                run.started_at = time.monotonic()
                self._events.put(RunStarted(run.task.ref))
        elif said["ev"] == "grew":
            run.log_end = said["end"]
            self._events.put(OutputGrew(run.task.ref, run.log_end))
        else:
            with self._lock:
                link.run, link.stop_asked_at, link.idle_since = None, None, time.monotonic()
                self._finish(run, _ended_as_said(run, said))
                only_idle = len([each for each in self._links if each.run is None]) == 1
            if only_idle:
                self._wanted.put(None)  # the keeper slept without a deadline

    def _died(self, link: RunnerLink) -> None:
        with self._lock:
            link.ending = True  # from here on nobody hands it a run
            run = link.run
        if run is not None:
            log.warning("runner.died", extra={"pid": link.pid, "job": run.task.ref.job})
            self._platform.sweep_after(run.sessions, attempt_marks(run.task.ref))
            _cut(run.task.folder / "output.log", run.log_end)
        with self._lock:
            self._links.discard(link)
            if run is not None:
                outcome = ResultOutcome(run.stopping or ResultOutcome.INTERRUPTED)
                self._finish(run, _ended(run, outcome, _DIED))

    def _finish(self, run: Run, event: RunEnded) -> None:
        if self._runs.pop(run.id, None) is not None:
            self._events.put(event)

    def _dispatch(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                self._on_event(event)
            except Exception:
                log.exception("runner.event_failed")


def _id(ref: AttemptRef) -> str:
    return f"{ref.job}/{ref.attempt}"


def _ended(run: Run, outcome: ResultOutcome, message: str, exit_code: int | None = None) -> RunEnded:
    duration_s = 0.0 if run.started_at is None else time.monotonic() - run.started_at
    return RunEnded(run.task.ref, outcome, exit_code, message, run.log_end, duration_s, 0.0)


def _ended_as_said(run: Run, said: dict[str, Any]) -> RunEnded:
    return RunEnded(
        run.task.ref,
        ResultOutcome(said["outcome"]),
        said["exitCode"],
        said["message"],
        said["logEnd"],
        said["durationS"],
        said["cpuS"],
    )


def _cut(path: Path, end: int) -> None:
    try:
        os.truncate(path, end)
    except OSError:
        log.warning("output.not_cut", extra={"path": str(path)})
