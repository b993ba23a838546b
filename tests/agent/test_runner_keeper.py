"""The pool's keeper: it sleeps while there is nothing to do, whatever its runners do."""

import logging
import sys
import threading
from pathlib import Path

import pytest

from tests.fakes.runner_rig import RunnerRig, wait_until
from tray_agent.agent import runner_pool
from tray_agent.agent.ports import StopReason
from tray_agent.agent.runner_link import fitting
from tray_agent.agent.runner_messages import line_of

# Says that its job has started, or has also ended; hears nothing more and does not die with its pipe.
DEAF = (
    "import json, os, sys, time\n"
    "order = json.loads(sys.stdin.readline())\n"
    "print(json.dumps({'ev': 'started', 'id': order['id'], 'pid': os.getpid()}), flush=True)\n"
)
ENDED = (
    "print(json.dumps({'ev': 'ended', 'id': order['id'], 'outcome': 'completed', 'exitCode': 0,"
    " 'message': '', 'logEnd': 0, 'durationS': 0.1, 'cpuS': 0.1}), flush=True)\n"
)
SLEEP = "time.sleep(300)\n"


def test_a_runner_that_takes_its_time_to_end_keeps_nobody_awake(tmp_path: Path) -> None:
    rig = RunnerRig(tmp_path, [sys.executable, "-c", DEAF + ENDED + SLEEP], idle_s=0.0)
    rig.ended(rig.start("true"))
    [link] = rig.pool._links
    wait_until(lambda: link.ending)
    assert rig.pool._next_duty_s() is None
    rig.pool.close(0.1)


def test_a_stuck_runner_is_killed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner_pool, "_STOP_S", 0.0)
    rig = RunnerRig(tmp_path, [sys.executable, "-c", DEAF + SLEEP])
    task = rig.start("true")
    rig.started(task)
    swept, go_on = threading.Event(), threading.Event()

    def sweep(*_: object) -> None:  # the runner is dead, and what it leaves takes long to find
        swept.set()
        assert go_on.wait(30)

    monkeypatch.setattr(rig.pool._platform, "sweep_after", sweep)
    with caplog.at_level(logging.WARNING):
        rig.pool.stop(task.ref, StopReason.CANCELLED)
        assert swept.wait(30)
        wait_until(rig.pool._wanted.empty)
        assert rig.pool._next_duty_s() is None
        go_on.set()
        rig.ended(task)
    assert [record.message for record in caplog.records].count("runner.stuck") == 1
    rig.pool.close(5)


def test_an_order_and_a_start_never_fill_the_smallest_pipe(tmp_path: Path) -> None:
    told = [fitting(b"x" * length + b"\n", tmp_path) for length in (100, 3000, 4000, 30_000)]
    stop = line_of({"op": "stop", "id": "j" * 200, "reason": "interrupted"})
    assert max(map(len, told)) + 2 * len(stop) <= 4096
    assert (tmp_path / "start.json").stat().st_size == 30_001
