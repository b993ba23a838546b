"""A job inside a runner, moved by hand: limits, freezing, growth, ends. No process is started."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.vocabulary import ResultOutcome, Stream
from tray_agent.agent.job_run import JobRun
from tray_agent.agent.process_ports import Exit, Happened, Launch, Printed
from tray_agent.agent.runner_messages import RunOrder

NOTHING = Happened((), (), None, False)


class FakeHost:
    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.launched: list[list[str]] = []
        self.left: list[Printed] = []
        self.memory = 0
        self.swept = False
        self.sweeps = True

    def prepare(self) -> bool:
        return True

    def open_output(self) -> None: ...

    def launch(self, launch: Launch) -> int:
        self.launched.append(launch.argv)
        return 100 + len(self.launched)

    def wait(self, timeout_s: float | None) -> Happened:
        return NOTHING

    def say(self, line: bytes) -> None:
        self.told.append(json.loads(line))

    def sweep(self, timeout_s: float) -> bool:
        self.swept = True
        return self.sweeps

    def drain(self) -> Iterator[Printed]:
        while self.left:
            yield self.left.pop(0)

    def close_output(self) -> float:
        return 1.5

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def memory_mb(self) -> int:
        return self.memory

    @property
    def end(self) -> dict[str, Any]:
        return next(said for said in self.told if said["ev"] == "ended")


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


def begun(host: FakeHost, tmp_path: Path, **changes: Any) -> JobRun:
    order = RunOrder(
        id="job-1/1",
        steps=[["sh", "one"], ["sh", "two"]],
        folder=str(tmp_path),
        environment={},
        files={str(tmp_path / "script.cmd"): "grüß"},
        end_mark=None,
        temp=str(tmp_path / "tmp"),
        log=str(tmp_path / "output.log"),
        tail=str(tmp_path / "output.tail"),
        output_limit_bytes=10_000,
        time_limit_s=10,
        memory_mb=0,
    )
    run = JobRun(order._replace(**changes), host, 0.0)
    run.begin()
    return run


def printed(text: bytes) -> Happened:
    return Happened((), [(Stream.STDOUT, text)], None, False)


def exited(code: int) -> Happened:
    return Happened((), (), Exit(code), False)


def test_the_steps_follow_each_other_and_the_last_exit_code_counts(host: FakeHost, tmp_path: Path) -> None:
    run = begun(host, tmp_path)
    assert host.launched == [["sh", "one"]]
    assert (tmp_path / "script.cmd").read_text("utf-8") == "grüß"
    run.take(exited(5), 1)
    assert host.launched == [["sh", "one"], ["sh", "two"]]
    run.take(exited(0), 2)
    assert run.over
    assert (host.end["outcome"], host.end["exitCode"], host.end["cpuS"]) == ("completed", 0, 1.5)
    assert host.swept


def test_frozen_time_counts_against_no_limit(host: FakeHost, tmp_path: Path) -> None:
    run = begun(host, tmp_path)
    run.take(NOTHING, 4)
    assert run.wait_s(4) == 6
    run.freeze(4)
    assert run.wait_s(500) is None
    run.take(NOTHING, 500)
    assert not run.over
    run.thaw(1000)
    assert run.wait_s(1000) == 6
    run.take(NOTHING, 1005.9)
    assert not run.over
    run.take(NOTHING, 1006)
    assert host.end["outcome"] == "timed_out"
    assert host.end["message"] == "Stopped after its time limit of 10 s."


def test_a_step_that_ended_while_frozen_is_followed_after_the_thaw(host: FakeHost, tmp_path: Path) -> None:
    run = begun(host, tmp_path)
    run.freeze(1)
    run.take(exited(0), 2)
    assert len(host.launched) == 1
    run.thaw(3)
    assert len(host.launched) == 2
    run.stop(ResultOutcome.CANCELLED, "Stopped.")


def test_growth_is_told_at_once_and_then_in_pauses(host: FakeHost, tmp_path: Path) -> None:
    run = begun(host, tmp_path)
    run.take(printed(b"a"), 1.0)
    run.take(printed(b"b"), 1.01)
    assert [said["end"] for said in host.told if said["ev"] == "grew"] == [14]
    assert run.wait_s(1.01) == pytest.approx(0.04)
    run.take(NOTHING, 1.06)
    assert [said["end"] for said in host.told if said["ev"] == "grew"] == [14, 28]
    run.stop(ResultOutcome.CANCELLED, "Stopped.")


def test_what_is_left_in_the_pipes_belongs_to_the_log(host: FakeHost, tmp_path: Path) -> None:
    run = begun(host, tmp_path, steps=[["sh"]])
    host.left = [(Stream.STDERR, b"last words")]
    run.take(exited(1), 1)
    assert host.end["logEnd"] == 13 + len(b"last words")


def test_too_much_memory_ends_the_job(host: FakeHost, tmp_path: Path) -> None:
    run = begun(host, tmp_path, memory_mb=100)
    host.memory = 101
    run.take(NOTHING, 0.5)
    assert not run.over
    run.take(NOTHING, 1.0)
    assert host.end["outcome"] == "failed"
    assert host.end["message"] == "Stopped: it used 101 MiB of memory, more than its 100 MiB."


def test_a_script_that_does_not_reach_its_end_is_no_success(host: FakeHost, tmp_path: Path) -> None:
    mark = tmp_path / "script.end"
    begun(host, tmp_path, steps=[["cmd"]], end_mark=str(mark)).take(exited(0), 1)
    assert host.end["outcome"] == "failed"
    host.told.clear()
    mark.write_text("end")
    begun(host, tmp_path, steps=[["cmd"]], end_mark=str(mark)).take(exited(0), 1)
    assert host.end["outcome"] == "completed"


def test_a_process_that_cannot_be_killed_is_told(host: FakeHost, tmp_path: Path) -> None:
    host.sweeps = False
    run = begun(host, tmp_path)
    run.stop(ResultOutcome.CANCELLED, "Stopped.")
    assert host.end["message"] == "Stopped. One of its processes could not be killed."
    run.stop(ResultOutcome.INTERRUPTED, "Again.")
    assert len([said for said in host.told if said["ev"] == "ended"]) == 1
