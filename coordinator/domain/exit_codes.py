"""What an exit code means, in words that a submitter can act on. Pure."""

from shared.vocabulary import OperatingSystem

_POSIX = {
    126: "a program was found but may not be executed; check its permission bits or its first line",
    127: "a program was not found on that PC",
    129: "it was ended by a hang-up (signal 1)",
    130: "it was interrupted (signal 2)",
    132: "it used a processor instruction that this PC does not know (signal 4)",
    134: "it aborted itself (signal 6)",
    135: "it touched memory that is not there (signal 7)",
    136: "it made an arithmetic error, such as a division by zero (signal 8)",
    137: "it was killed (signal 9), most often because memory ran out",
    139: "it crashed by touching memory that is not its own (signal 11)",
    141: "it wrote to a program that had ended already (signal 13)",
    143: "it was asked to end (signal 15)",
    152: "it used up its processor time (signal 24)",
    153: "it wrote a file larger than allowed (signal 25)",
}
_WINDOWS = {
    9009: "a program was not found on that PC",
    0xC0000005: "it crashed by touching memory that is not its own",
    0xC000013A: "it was interrupted",
    0xC0000135: "a library (DLL) that it needs was not found",
    0xC0000142: "a library (DLL) that it needs could not be started",
    0xC00000FD: "it ran out of stack, most often through endless recursion",
    0xC0000409: "it ended itself because its memory was damaged",
    0x40010004: "it was ended from outside",
}


def explain_exit_code(code: int, os: OperatingSystem | None) -> str:
    """Tell what `code` means as a half sentence, or "" where nothing general can be said."""
    if os is OperatingSystem.WINDOWS:
        return _WINDOWS.get(code & 0xFFFFFFFF, "")
    if code in _POSIX:
        return _POSIX[code]
    if os is None and code & 0xFFFFFFFF in _WINDOWS:
        return _WINDOWS[code & 0xFFFFFFFF]
    return f"it was ended by signal {code - 128}" if 128 < code < 160 else ""


def exit_sentence(code: int, os: OperatingSystem | None) -> str:
    """Say how a process ended: "Exit code 127: a program was not found on that PC."."""
    meaning = explain_exit_code(code, os)
    return f"Exit code {code}: {meaning}." if meaning else f"Exit code {code}."
