"""The threads and the queue of the Windows host, with real programs of this system and a fake job object."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.vocabulary import Stream
from tray_agent.agent.process_ports import Exit, Launch
from tray_agent.platforms.windows.job_host import WindowsJobHost, command_line

FLAGS = 0x4 | 0x40 | 0x08000000


class FakeJob:
    """Holds what was started; dies as a job object does."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.told: list[str] = []
        self.refuses = False

    def take(self, process: int) -> None:
        if self.refuses:
            raise OSError("AssignProcessToJobObject failed with Windows error 5")

    def kill(self) -> None:
        for process in self.processes:
            process.kill()

    def living(self) -> int:
        return sum(process.poll() is None for process in self.processes)

    def cpu_s(self) -> float:
        return 0.25

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes]

    def close(self) -> None:
        self.told.append("closed")

    def suspend(self) -> None:
        self.told.append("suspended")

    def resume(self) -> None:
        self.told.append("resumed")


class Rig:
    def __init__(self, folder: Path) -> None:
        self.job = FakeJob()
        self.lines: list[str] = []
        self.folder = folder
        self.host = WindowsJobHost(lambda: self.job, self._spawn)  # type: ignore[arg-type, return-value]

    def _spawn(self, line: str, executable: str, creationflags: int, **options: Any) -> Any:
        assert creationflags == FLAGS
        self.lines.append(line)
        process = subprocess.Popen([executable, "-c", line.rpartition("|")[2].strip('"')], **options)
        process._handle = 4711  # type: ignore[attr-defined]
        self.job.processes.append(process)
        return process

    def launch(self, program: str) -> int:
        return self.host.launch(Launch([sys.executable, "|" + program], str(self.folder), dict(os.environ)))

    def until_exit(self) -> tuple[list[tuple[Stream, bytes]], Exit]:
        printed: list[tuple[Stream, bytes]] = []
        while True:
            happened = self.host.wait(20)
            printed += happened.printed
            if happened.exit is not None:
                return printed, happened.exit


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.host.open_output()
    return rig


def test_output_and_exit_arrive(rig: Rig) -> None:
    rig.launch("import os; os.write(1, b'out'); os.write(2, b'err'); os._exit(3)")
    printed, exit_ = rig.until_exit()
    assert exit_ == Exit(3)
    assert rig.host.sweep(5)
    printed += rig.host.drain()
    assert sorted(printed) == [(Stream.STDERR, b"err"), (Stream.STDOUT, b"out")]
    assert rig.host.close_output() == 0.25
    assert rig.job.told == ["closed"]


def test_endless_output_waits_for_its_reader_and_ends_with_the_job(rig: Rig) -> None:
    rig.launch("while True: print('x' * 1000)")
    assert rig.host.wait(20).printed
    assert rig.host.sweep(5)
    assert sum(len(data) for _, data in rig.host.drain()) < 5 << 20
    rig.host.close_output()


def test_a_second_job_hears_nothing_of_the_first(rig: Rig) -> None:
    rig.launch("print('old')")
    rig.job.processes[0].wait()
    rig.host.sweep(5)
    rig.host.close_output()
    rig.job = FakeJob()
    rig.host.open_output()
    rig.launch("print('new')")
    printed, _ = rig.until_exit()
    rig.host.sweep(5)
    printed += rig.host.drain()
    rig.host.close_output()
    assert b"".join(data for _, data in printed) == b"new\n"


def test_a_program_that_cannot_be_held_is_killed(rig: Rig) -> None:
    rig.job.refuses = True
    with pytest.raises(OSError, match="AssignProcess"):
        rig.launch("import time; time.sleep(60)")
    assert rig.job.processes[0].wait(10) == -signal.SIGKILL
    rig.host.close_output()


def test_freezing_goes_to_the_job_object(rig: Rig) -> None:
    rig.host.freeze()
    rig.host.thaw()
    rig.host.close_output()
    assert rig.job.told == ["suspended", "resumed", "closed"]


def test_orders_come_in_whole_lines_and_their_end_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [b'{"a"', b': 1}\n{"b": 2}\n{"c', b""]
    real = os.read
    monkeypatch.setattr(os, "read", lambda fd, n: pieces.pop(0) if fd == 0 else real(fd, n))
    assert rig.host.prepare()
    lines: list[bytes] = []
    over = False
    while not over:
        happened = rig.host.wait(20)
        lines += happened.lines
        over = happened.over
    assert lines == [b'{"a": 1}', b'{"b": 2}']
    rig.host.close_output()


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["C:\\cmd.exe", "/d", "/s", "/c", "C:\\a b\\s.cmd"], 'C:\\cmd.exe /d /s /c ""C:\\a b\\s.cmd""'),
        (["C:\\p f\\pwsh.exe", "-File", "C:\\a b\\s.ps1"], '"C:\\p f\\pwsh.exe" -File "C:\\a b\\s.ps1"'),
        (["bash.exe", "-c", 'echo "a b"\ntrue'], 'bash.exe -c "echo \\"a b\\"\ntrue"'),
    ],
)
def test_command_lines_are_quoted_for_their_reader(argv: list[str], line: str) -> None:
    assert command_line(argv) == line
