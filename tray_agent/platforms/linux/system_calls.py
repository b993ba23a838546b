"""The three Linux system calls that Python does not offer: prctl, ioprio_set, and who holds them."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13
_IOPRIO_SET_NUMBERS = {
    "x86_64": 251,
    "aarch64": 30,
    "riscv64": 30,
    "i686": 289,
    "armv7l": 314,
    "ppc64le": 273,
}


def die_with_parent_thread() -> None:
    """Get SIGTERM when the thread that started this process ends. Raises OSError."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def inherit_strays() -> None:
    """Become the parent of every descendant whose own parent dies. Raises OSError."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def use_disk_when_idle(machine: str) -> bool:
    """Read and write only when nobody else does, children included. False where the call is not known."""
    number = _IOPRIO_SET_NUMBERS.get(machine)
    if number is None:
        return False
    return bool(_libc().syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE) == 0)


def _prctl(option: int, value: int) -> None:
    if _libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} failed")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
