"""The runner: a small process kept between jobs, which runs one job at a time for the agent."""

import json
import time
from typing import Any

from shared.vocabulary import ResultOutcome
from tray_agent.agent.job_run import JobRun
from tray_agent.agent.process_ports import JobHost
from tray_agent.agent.runner_messages import read_order

_STOP_WORDS = {
    "cancelled": "Stopped because a person cancelled it.",
    "interrupted": "Stopped because the PC was taken back.",
}


def run_runner(host: JobHost) -> int:
    """Obey the agent until it is gone or asks to end; then kill the job's tree. Returns the exit code."""
    if not host.prepare():
        return 0
    runner = _Runner(host)
    while runner.step():
        pass
    return 0


class _Runner:
    def __init__(self, host: JobHost) -> None:
        self._host = host
        self._run: JobRun | None = None

    def step(self) -> bool:
        """Wait for something and act on it. False when it is time to go."""
        happened = self._host.wait(self._run.wait_s(time.monotonic()) if self._run else None)
        if self._run:
            self._run.take(happened, time.monotonic())
        for line in happened.lines:
            self._obey(json.loads(line))
        if happened.over and self._run:
            self._run.stop(ResultOutcome.INTERRUPTED, "Stopped because the agent on this PC ended.")
        if self._run and self._run.over:
            self._run = None
        return not happened.over

    def _obey(self, order: dict[str, Any]) -> None:
        op = order["op"]
        now = time.monotonic()
        if op == "start":
            self._run = JobRun(read_order(order), self._host, now)
            self._run.begin()
        elif self._run is None or self._run.id != order["id"]:
            return  # it ended while the order was on its way
        elif op == "stop":
            reason = order["reason"]
            self._run.stop(ResultOutcome(reason), _STOP_WORDS[reason])
        elif op == "freeze":
            self._run.freeze(now)
        elif op == "thaw":
            self._run.thaw(now)
