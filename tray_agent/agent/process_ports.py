"""What the runner and its pool need from the operating system. Light to import: a runner starts with it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from shared.vocabulary import Stream

Printed = tuple[Stream, bytes]


class Launch(NamedTuple):
    """One program to start: nothing on its input, its output to the job's two pipes."""

    argv: list[str]
    folder: str
    environment: dict[str, str]


class Exit(NamedTuple):
    """How a launched program ended. `signal` is 0 unless a signal ended it; then `code` is 128 + signal."""

    code: int
    signal: int = 0


class Happened(NamedTuple):
    """What came in during one wait, in order of reading."""

    lines: Sequence[bytes]  # orders of the agent
    printed: Sequence[Printed]
    exit: Exit | None
    over: bool  # the agent is gone or asks to end: kill everything and go


class JobHost(Protocol):
    """One runner's hold on the operating system: starts a job's programs, reads them, kills all of them."""

    def prepare(self) -> bool:
        """Bind this process to the life of the agent, at low priority. False if it is gone already."""

    def open_output(self) -> None:
        """Make the pipes of a new job. Raises OSError."""

    def launch(self, launch: Launch) -> int:
        """Start a program in a session of its own and tell its process id. Raises OSError."""

    def wait(self, timeout_s: float | None) -> Happened: ...
    def say(self, line: bytes) -> None:
        """Tell the agent one line. A vanished agent is not an error; `wait` tells it."""

    def sweep(self, timeout_s: float) -> bool:
        """Kill all that the job started, however far it ran. False if something is left after `timeout_s`."""

    def drain(self) -> Iterator[Printed]:
        """Give what is still in the pipes, without waiting for their end."""

    def close_output(self) -> float:
        """Close the pipes and tell the CPU seconds that the job's processes took."""

    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def memory_mb(self) -> int:
        """Tell how much memory the job's processes hold now."""


class PoolPlatform(Protocol):
    """What the pool needs in the agent's own process."""

    @property
    def shells(self) -> "Shells":
        """The shells of this PC, looked up anew so that a fresh installation counts."""

    def is_batch_program(self, name: str) -> bool:
        """Tell whether a typed name leads to a batch file, which a batch file must `call`."""

    def adopt_strays(self) -> None:
        """Make this process the heir of what a dying runner leaves behind, where the system can."""

    def popen_options(self) -> dict[str, Any]:
        """Tell how to start a runner: no window, no signals of our terminal."""

    def base_environment(self) -> dict[str, str]:
        """Tell the allowed part of this process's environment."""

    def sweep_after(self, sessions: Collection[int], marks: Iterable[str]) -> None:
        """Kill what a dead runner's job left: `sessions` it led, `marks` in its environment (NAME=value)."""


class Shells(NamedTuple):
    """The paths of the shells found on this PC; None where there is none."""

    windows: bool
    bash: str | None = None
    sh: str | None = None
    cmd: str | None = None
    powershell: str | None = None
