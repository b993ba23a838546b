"""A Windows job object: holds a job's whole tree, kills it when its last handle is closed, suspends it."""

import ctypes
from ctypes import wintypes
from typing import Any

_EXTENDED_LIMITS, _ACCOUNTING, _PROCESS_LIST = 9, 1, 3  # JOBOBJECTINFOCLASS
_KILL_ON_CLOSE, _PRIORITY_CLASS = 0x2000, 0x20  # JOB_OBJECT_LIMIT_...
_IDLE_PRIORITY = 0x40
_SUSPEND_RESUME = 0x0800  # PROCESS_SUSPEND_RESUME
_MOST_LISTED = 4096
_FREEZE_ROUNDS = 10
_TICKS_PER_S = 10_000_000


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Accounting(ctypes.Structure):
    """JOBOBJECT_BASIC_ACCOUNTING_INFORMATION."""

    _fields_ = (
        ("TotalUserTime", ctypes.c_int64),
        ("TotalKernelTime", ctypes.c_int64),
        ("ThisPeriodTotalUserTime", ctypes.c_int64),
        ("ThisPeriodTotalKernelTime", ctypes.c_int64),
        ("TotalPageFaultCount", ctypes.c_uint32),
        ("TotalProcesses", ctypes.c_uint32),
        ("ActiveProcesses", ctypes.c_uint32),
        ("TotalTerminatedProcesses", ctypes.c_uint32),
    )


class ProcessList(ctypes.Structure):
    """JOBOBJECT_BASIC_PROCESS_ID_LIST with room for as many as a job should ever have."""

    _fields_ = (
        ("NumberOfAssignedProcesses", ctypes.c_uint32),
        ("NumberOfProcessIdsInList", ctypes.c_uint32),
        ("ProcessIdList", ctypes.c_size_t * _MOST_LISTED),
    )


class JobObject:
    """`kernel` and `native` are the libraries kernel32 and ntdll, as `libraries` loads them."""

    def __init__(self, kernel: Any, native: Any) -> None:
        self._kernel = kernel
        self._native = native
        self._handle = _checked(kernel.CreateJobObjectW(None, None), "CreateJobObject")
        limits = ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_CLOSE | _PRIORITY_CLASS
        limits.BasicLimitInformation.PriorityClass = _IDLE_PRIORITY
        done = kernel.SetInformationJobObject(
            self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
        )
        _checked(done, "SetInformationJobObject")

    def take(self, process: int) -> None:
        """Put a suspended process (by handle) into the job and let it run. Raises OSError."""
        _checked(self._kernel.AssignProcessToJobObject(self._handle, process), "AssignProcessToJobObject")
        if self._native.NtResumeProcess(process) != 0:
            raise OSError("NtResumeProcess failed")

    def kill(self) -> None:
        self._kernel.TerminateJobObject(self._handle, 1)

    def close(self) -> None:
        self._kernel.CloseHandle(self._handle)

    def living(self) -> int:
        return int(self._accounting().ActiveProcesses)

    def cpu_s(self) -> float:
        used = self._accounting()
        return float(used.TotalUserTime + used.TotalKernelTime) / _TICKS_PER_S

    def pids(self) -> list[int]:
        listed = ProcessList()
        self._ask(_PROCESS_LIST, listed)
        return list(listed.ProcessIdList[: listed.NumberOfProcessIdsInList])

    def suspend(self) -> None:
        """Suspend every process; those started meanwhile are found by looking again."""
        suspended: set[int] = set()
        for _ in range(_FREEZE_ROUNDS):
            fresh = set(self.pids()) - suspended
            if not fresh:
                return
            for pid in fresh:
                self._each(pid, self._native.NtSuspendProcess)
            suspended |= fresh

    def resume(self) -> None:
        for pid in self.pids():
            self._each(pid, self._native.NtResumeProcess)

    def _each(self, pid: int, call: Any) -> None:
        handle = self._kernel.OpenProcess(_SUSPEND_RESUME, False, pid)
        if handle:  # else it has just ended
            call(handle)
            self._kernel.CloseHandle(handle)

    def _accounting(self) -> Accounting:
        answer = Accounting()
        self._ask(_ACCOUNTING, answer)
        return answer

    def _ask(self, what: int, answer: ctypes.Structure) -> None:
        done = self._kernel.QueryInformationJobObject(
            self._handle, what, ctypes.byref(answer), ctypes.sizeof(answer), None
        )
        _checked(done, "QueryInformationJobObject")


def libraries() -> tuple[Any, Any]:
    """Load kernel32 and ntdll with the types of what is called. Only on Windows."""
    load = getattr(ctypes, "WinDLL")  # noqa: B009 - does not exist where the type checker runs
    kernel, native = load("kernel32", use_last_error=True), load("ntdll")
    handle, number, yes = wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL
    signatures = {
        "CreateJobObjectW": (handle, [ctypes.c_void_p, wintypes.LPCWSTR]),
        "SetInformationJobObject": (yes, [handle, ctypes.c_int, ctypes.c_void_p, number]),
        "QueryInformationJobObject": (
            yes,
            [handle, ctypes.c_int, ctypes.c_void_p, number, ctypes.c_void_p],
        ),
        "AssignProcessToJobObject": (yes, [handle, handle]),
        "TerminateJobObject": (yes, [handle, wintypes.UINT]),
        "OpenProcess": (handle, [number, yes, number]),
        "CloseHandle": (yes, [handle]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(kernel, name)
        function.restype, function.argtypes = result, arguments
    for name in ("NtSuspendProcess", "NtResumeProcess"):
        function = getattr(native, name)
        function.restype, function.argtypes = ctypes.c_long, [handle]
    return kernel, native


def _checked(result: Any, call: str) -> Any:
    if not result:
        number = getattr(ctypes, "get_last_error", lambda: 0)()
        raise OSError(f"{call} failed with Windows error {number}")
    return result
