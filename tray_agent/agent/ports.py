"""What the agent needs from outside: the coordinator, the runners, the machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from shared.messages import (
    AttemptRef,
    ExchangeReply,
    ExchangeRequest,
    JobSpec,
    LogState,
    RegisterReply,
    RegisterRequest,
    UploadOffer,
    UploadState,
)
from shared.vocabulary import OperatingSystem, ResultOutcome, SandboxLevel


class StopReason(StrEnum):
    CANCELLED = "cancelled"  # a person ended the job, or the coordinator says the attempt is gone
    INTERRUPTED = "interrupted"  # the owner, the PC or this agent takes the machine back


@dataclass(frozen=True, slots=True)
class RunTask:
    """One attempt, prepared: `folder` holds `work/` (the unpacked project) and receives `output.log`."""

    ref: AttemptRef
    folder: Path
    spec: JobSpec


@dataclass(frozen=True, slots=True)
class RunStarted:
    ref: AttemptRef


@dataclass(frozen=True, slots=True)
class OutputGrew:
    ref: AttemptRef
    end: int  # bytes of whole records in output.log


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The whole process tree of the attempt is gone and output.log is complete."""

    ref: AttemptRef
    outcome: ResultOutcome
    exit_code: int | None
    message: str
    log_end: int
    duration_s: float  # without the time it was frozen
    cpu_s: float


RunEvent = RunStarted | OutputGrew | RunEnded


class Runners(Protocol):
    """Run attempts in their own process trees. Calls return at once; events come in order on one thread."""

    def start(self, task: RunTask) -> None: ...
    def stop(self, ref: AttemptRef, reason: StopReason) -> None: ...
    def freeze(self, ref: AttemptRef) -> None: ...
    def thaw(self, ref: AttemptRef) -> None: ...
    def close(self, timeout_s: float) -> None:
        """Kill every tree and end every runner process."""


@dataclass(frozen=True, slots=True)
class MachineFacts:
    host_name: str
    machine_mark: str  # a hash of what identifies the machine, never the identity itself
    os: OperatingSystem
    cpus: int
    memory_mb: int
    labels: tuple[str, ...]
    sandbox_levels: tuple[SandboxLevel, ...]


class Link(Protocol):
    """The calls to the coordinator. Each raises a LinkError (see errors.py) and never hangs."""

    def register(self, request: RegisterRequest) -> RegisterReply: ...
    def exchange(self, request: ExchangeRequest) -> ExchangeReply: ...
    def send_log(self, ref: AttemptRef, token: str, offset: int, data: bytes) -> LogState: ...
    def offer_file(self, ref: AttemptRef, token: str, offer: UploadOffer) -> UploadState: ...
    def send_part(self, upload: str, token: str, offset: int, data: bytes) -> UploadState: ...
    def fetch_project(self, sha256: str, offset: int) -> Iterator[bytes]: ...
    def disconnect(self) -> None:
        """Close idle connections; the next call opens a new one."""
