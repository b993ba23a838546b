"""Everything that an agent says to the coordinator and everything it is answered: two closed lists.

Seconds and bytes throughout; an agent is told durations, never dates.
"""

from dataclasses import dataclass
from typing import Annotated

from shared.field_rules import Items, Number, Text
from shared.vocabulary import (
    AgentState,
    Answer,
    OnError,
    OperatingSystem,
    OrderKind,
    ReleaseOutcome,
    ResultOutcome,
    SandboxLevel,
    Shell,
)

PROTOCOL = 1
INLINE_LOG_BYTES = 256 * 1024  # output of one attempt in one exchange; more has its own call
PART_BYTES = 8 * 1024 * 1024  # the largest part of an upload
LOG_PART_BYTES = 1024 * 1024  # the largest part of an attempt's log in a call of its own
MAX_RESULTS = 200  # results (or any other list) in one exchange

Name = Annotated[str, Text(200)]
Id = Annotated[str, Text(64, pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*")]
Label = Annotated[str, Text(64, pattern=r"[A-Za-z0-9][A-Za-z0-9._+:/=-]*")]
Sha256 = Annotated[str, Text(64, pattern=r"[0-9a-f]{64}")]
Token = Annotated[str, Text(128, pattern=r"[A-Za-z0-9_-]+")]
Seconds = Annotated[float, Number(0, 1e9)]
Bytes = Annotated[int, Number(0, 1 << 50)]
AttemptNumber = Annotated[int, Number(1, 1_000_000)]
Sequence = Annotated[int, Number(0, 1 << 53)]
Sentence = Annotated[str, Text(2000, lines=True)]


# --- said by the agent ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterRequest:
    """Open a session, one run of one agent program. The agent makes its id, so a repeat is harmless."""

    session: Id
    previous_sessions: Annotated[tuple[Id, ...], Items(16)]  # the sessions this data folder has been
    worker: Id | None  # kept from an earlier registration, or chosen by the person who started it
    machine_mark: Id
    host_name: Name
    os: OperatingSystem
    cpus: Annotated[int, Number(1, 4096)]
    memory_mb: Annotated[int, Number(1, 1 << 30)]
    labels: Annotated[tuple[Label, ...], Items(200)]
    sandbox_levels: Annotated[tuple[SandboxLevel, ...], Items(8)]
    version: Name
    protocol: Annotated[int, Number(1, 1000)] = PROTOCOL


@dataclass(frozen=True, slots=True)
class AttemptRef:
    job: Id
    attempt: AttemptNumber


@dataclass(frozen=True, slots=True)
class Report:
    """What the agent says of itself."""

    availability: AgentState
    reason: Sentence
    free: Annotated[int, Number(0, 4096)]  # slots it would fill now; the coordinator counts for itself
    load: Annotated[float, Number(0, 1e6)] | None = None
    give_backs: Annotated[tuple[Seconds, ...], Items(200)] = ()


@dataclass(frozen=True, slots=True)
class Started:
    job: Id
    attempt: AttemptNumber
    token: Token
    ago_s: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class Released:
    job: Id
    attempt: AttemptNumber
    token: Token
    outcome: ReleaseOutcome
    reason: Sentence


@dataclass(frozen=True, slots=True)
class ArtifactEntry:
    path: Annotated[str, Text(1000)]
    size: Bytes
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended. Its files and its log up to `log_end` go up first; else the answer is `need`."""

    job: Id
    attempt: AttemptNumber
    token: Token
    outcome: ResultOutcome
    exit_code: Annotated[int, Number(-(1 << 31), (1 << 32) - 1)] | None
    message: Sentence
    log_end: Bytes
    artifacts: Annotated[tuple[ArtifactEntry, ...], Items(20_000)]
    duration_s: Seconds
    cpu_s: Seconds


@dataclass(frozen=True, slots=True)
class LogPart:
    """Whole framed records of an attempt's log, from `offset` on (see shared/log_records.py)."""

    job: Id
    attempt: AttemptNumber
    token: Token
    offset: Bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """Heartbeat, renewal, small output, results and claim in one."""

    session: Id
    seq: Sequence  # rises with each new exchange; the same again repeats the same leases
    ack: Sequence  # the highest seq whose reply arrived
    releases: Sequence | None  # the seq of a held call of this agent that may end now
    report: Report
    holding: Annotated[tuple[AttemptRef, ...], Items(MAX_RESULTS)]  # run, prepared or yet to deliver
    started: Annotated[tuple[Started, ...], Items(MAX_RESULTS)] = ()
    released: Annotated[tuple[Released, ...], Items(MAX_RESULTS)] = ()
    results: Annotated[tuple[Result, ...], Items(MAX_RESULTS)] = ()
    logs: Annotated[tuple[LogPart, ...], Items(MAX_RESULTS)] = ()
    wait: Annotated[float, Number(0, 60)] = 0.0  # how long it would wait for a lease or an order


# --- answered by the coordinator -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterReply:
    worker: Id
    session: Id
    lease_s: Seconds
    next_poll_s: Seconds


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer to one thing said: `about` is started, released or result."""

    job: Id
    attempt: AttemptNumber
    about: Annotated[str, Text(16)]
    answer: Answer
    need: Annotated[tuple[str, ...], Items(MAX_RESULTS)] = ()  # "log" or the sha256 of a file
    message: Sentence = ""


@dataclass(frozen=True, slots=True)
class LogSettled:
    """How far the log is stored: go on from `next`, whatever was sent."""

    job: Id
    attempt: AttemptNumber
    answer: Answer
    next: Bytes


@dataclass(frozen=True, slots=True)
class ProjectRef:
    sha256: Sha256
    size: Bytes


@dataclass(frozen=True, slots=True)
class JobSpec:
    """All that an agent must know to run a job."""

    name: Annotated[str, Text(200)]
    commands: Annotated[tuple[Annotated[str, Text(32 * 1024, lines=True)], ...], Items(1000)]
    on_error: OnError
    shell: Shell
    environment: Annotated[dict[str, str], Items(500)]
    time_limit_s: Annotated[int, Number(1, 30 * 86400)] | None
    outputs: Annotated[tuple[str, ...], Items(200)]  # globs; empty means all new or changed files
    collect: bool  # false: no files come back
    output_limit_bytes: Bytes
    cpus: Annotated[int, Number(1, 4096)]
    memory_mb: Annotated[int, Number(0, 1 << 30)]  # 0: not limited
    sandbox: SandboxLevel
    project: ProjectRef | None


@dataclass(frozen=True, slots=True)
class Lease:
    job: Id
    attempt: AttemptNumber
    token: Token
    lease_s: Seconds  # until the first contact about it; then lease_s of the registration
    spec: JobSpec


@dataclass(frozen=True, slots=True)
class Order:
    kind: OrderKind
    job: Id | None = None
    attempt: AttemptNumber | None = None


@dataclass(frozen=True, slots=True)
class ExchangeReply:
    seq: Sequence
    settled: tuple[Settled, ...] = ()
    logs: tuple[LogSettled, ...] = ()
    leases: tuple[Lease, ...] = ()
    orders: tuple[Order, ...] = ()
    gone: tuple[AttemptRef, ...] = ()  # kill these before anything else
    log_flush_ms: Annotated[int, Number(10, 60_000)] = 250
    next_poll_s: Seconds = 0.0  # how long to wait before the next exchange that has nothing to say


@dataclass(frozen=True, slots=True)
class UploadOffer:
    """Declare a file before its bytes: it is refused here when it is too large or the disk too full."""

    sha256: Sha256
    size: Bytes


@dataclass(frozen=True, slots=True)
class UploadState:
    upload: Id | None  # null when the coordinator has the file already
    offset: Bytes
    complete: bool
    part_bytes: Bytes = PART_BYTES


@dataclass(frozen=True, slots=True)
class LogState:
    next: Bytes
    answer: Answer = Answer.ACCEPTED
