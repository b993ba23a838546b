"""The job object's calls, answered by a fake of kernel32 and ntdll. Never run on Windows itself so far."""

import ctypes
from typing import Any

import pytest

from tray_agent.platforms.windows.job_object import Accounting, ExtendedLimits, JobObject, ProcessList


class FakeWindows:
    """Both libraries in one: keeps a job with processes, and a list of the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.pids = [11, 12]
        self.limits = (0, 0)
        self.fails = ""
        self.starts_another_at: int | None = None

    def CreateJobObjectW(self, security: None, name: None) -> int:  # noqa: N802
        return 0 if self.fails == "create" else 7

    def SetInformationJobObject(self, job: int, what: int, limits: Any, size: int) -> int:  # noqa: N802
        assert (job, what, size) == (7, 9, ctypes.sizeof(ExtendedLimits))
        basic = limits._obj.BasicLimitInformation
        self.limits = (basic.LimitFlags, basic.PriorityClass)
        return 1

    def AssignProcessToJobObject(self, job: int, process: int) -> int:  # noqa: N802
        self.calls.append(("assign", job, process))
        return 0 if self.fails == "assign" else 1

    def TerminateJobObject(self, job: int, code: int) -> int:  # noqa: N802
        self.pids = []
        return 1

    def QueryInformationJobObject(self, job: int, what: int, answer: Any, size: int, _: None) -> int:  # noqa: N802
        answer = answer._obj
        if isinstance(answer, Accounting):
            assert what == 1
            answer.ActiveProcesses = len(self.pids)
            answer.TotalUserTime, answer.TotalKernelTime = 15_000_000, 5_000_000
        else:
            assert isinstance(answer, ProcessList)
            assert what == 3
            answer.NumberOfProcessIdsInList = len(self.pids)
            for n, pid in enumerate(self.pids):
                answer.ProcessIdList[n] = pid
        return 1

    def OpenProcess(self, rights: int, inherit: bool, pid: int) -> int:  # noqa: N802
        assert rights == 0x0800
        return 0 if pid == 12 and self.fails == "open" else pid + 1000

    def CloseHandle(self, handle: int) -> int:  # noqa: N802
        self.calls.append(("close", handle))
        return 1

    def NtSuspendProcess(self, process: int) -> int:  # noqa: N802
        self.calls.append(("suspend", process))
        if self.starts_another_at == process:
            self.pids.append(13)
        return 0

    def NtResumeProcess(self, process: int) -> int:  # noqa: N802
        self.calls.append(("resume", process))
        return 1 if self.fails == "resume" else 0


@pytest.fixture
def windows() -> FakeWindows:
    return FakeWindows()


def test_the_structures_have_the_sizes_of_64_bit_windows() -> None:
    assert ctypes.sizeof(ExtendedLimits) == 144
    assert ctypes.sizeof(Accounting) == 48
    assert ProcessList.ProcessIdList.offset == 8


def test_the_job_dies_with_its_handle_and_runs_idle(windows: FakeWindows) -> None:
    job = JobObject(windows, windows)
    assert windows.limits == (0x2000 | 0x20, 0x40)
    job.close()
    assert windows.calls == [("close", 7)]


def test_a_process_is_assigned_before_it_runs(windows: FakeWindows) -> None:
    JobObject(windows, windows).take(99)
    assert windows.calls == [("assign", 7, 99), ("resume", 99)]


@pytest.mark.parametrize("fails", ["create", "assign", "resume"])
def test_a_refused_call_is_an_error(windows: FakeWindows, fails: str) -> None:
    windows.fails = fails
    with pytest.raises(OSError, match="failed"):
        JobObject(windows, windows).take(99)


def test_killing_and_accounting(windows: FakeWindows) -> None:
    job = JobObject(windows, windows)
    assert (job.living(), job.pids(), job.cpu_s()) == (2, [11, 12], 2.0)
    job.kill()
    assert job.living() == 0


def test_suspending_finds_those_that_were_started_meanwhile(windows: FakeWindows) -> None:
    windows.starts_another_at = 1011
    JobObject(windows, windows).suspend()
    assert {call for call in windows.calls if call[0] == "suspend"} == {
        ("suspend", 1011),
        ("suspend", 1012),
        ("suspend", 1013),
    }
    assert ("close", 1013) in windows.calls


def test_one_that_has_just_ended_does_not_matter(windows: FakeWindows) -> None:
    windows.fails = "open"
    JobObject(windows, windows).resume()
    assert [call for call in windows.calls if call[0] == "resume"] == [("resume", 1011)]
