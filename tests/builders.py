"""Makes the things that tests are about: each valid, with the parts that matter changed."""

from dataclasses import replace
from typing import Any

from coordinator.domain.attempt import Attempt
from coordinator.domain.job import Job, JobOrder
from coordinator.domain.requirements import Requirements
from coordinator.domain.worker import Worker, WorkerKind
from shared.log_records import pack_record
from shared.messages import (
    AttemptRef,
    ExchangeRequest,
    Lease,
    LogPart,
    RegisterRequest,
    Released,
    Report,
    Result,
    Started,
)
from shared.vocabulary import (
    AgentState,
    JobState,
    OperatingSystem,
    ReleaseOutcome,
    ResultOutcome,
    SandboxLevel,
    Stream,
)

NOON = 1_800_000_000.0  # when tests begin: seconds since the epoch
SHA = "ab" * 32


def an_order(*commands: str, **changes: Any) -> JobOrder:
    """An order; changes named like a requirement go into its requirements."""
    wanted = {name: changes.pop(name) for name in list(changes) if name in Requirements.__dataclass_fields__}
    requirements = changes.pop("requirements", Requirements())
    return JobOrder(
        commands=commands or ("echo hello",), requirements=replace(requirements, **wanted), **changes
    )


def a_job(**changes: Any) -> Job:
    job = Job(id="job-1", number=1, order=an_order(), state=JobState.PENDING, created_at=NOON)
    return replace(job, **changes)


def an_attempt(**changes: Any) -> Attempt:
    attempt = Attempt(
        id=0,
        job="job-1",
        number=1,
        worker="pc-1",
        session="session-1",
        seq=1,
        granted_at=NOON,
        lease_until=NOON + 60,
    )
    return replace(attempt, **changes)


def a_worker(**changes: Any) -> Worker:
    worker = Worker(
        id="pc-1",
        kind=WorkerKind.AGENT,
        host_name="Empfang Süd",
        machine_mark="mark-1",
        os=OperatingSystem.LINUX,
        cpus=4,
        memory_mb=8192,
        labels=("git", "python"),
        sandbox_levels=(SandboxLevel.NONE,),
        version="1.0.0",
        created_at=NOON,
        last_contact=NOON,
        session="session-1",
    )
    return replace(worker, **changes)


def a_registration(session: str = "session-1", **changes: Any) -> RegisterRequest:
    request = RegisterRequest(
        session=session,
        previous_sessions=(),
        worker=None,
        machine_mark="mark-1",
        host_name="reception",
        os=OperatingSystem.LINUX,
        cpus=2,
        memory_mb=4096,
        labels=("python", "git"),
        sandbox_levels=(SandboxLevel.NONE,),
        version="1.0.0",
    )
    return replace(request, **changes)


def a_report(**changes: Any) -> Report:
    return replace(Report(AgentState.AVAILABLE, "The owner is away.", free=2), **changes)


def an_exchange(seq: int = 1, session: str = "session-1", **changes: Any) -> ExchangeRequest:
    request = ExchangeRequest(
        session=session, seq=seq, ack=seq - 1, releases=None, report=a_report(), holding=()
    )
    return replace(request, **changes)


def ref_of(said: Lease | Result | Started | Released) -> AttemptRef:
    return AttemptRef(said.job, said.attempt)


def started(lease: Lease, ago_s: float = 0.0) -> Started:
    return Started(lease.job, lease.attempt, lease.token, ago_s)


def released(lease: Lease, outcome: ReleaseOutcome = ReleaseOutcome.RELEASED, reason: str = "") -> Released:
    return Released(lease.job, lease.attempt, lease.token, outcome, reason)


def rejected(lease: Lease, reason: str = "bash is not installed") -> Released:
    return released(lease, ReleaseOutcome.REJECTED, reason)


def a_result(lease: Lease, **changes: Any) -> Result:
    result = Result(
        job=lease.job,
        attempt=lease.attempt,
        token=lease.token,
        outcome=ResultOutcome.COMPLETED,
        exit_code=0,
        message="",
        log_end=0,
        artifacts=(),
        duration_s=1.0,
        cpu_s=0.5,
    )
    return replace(result, **changes)


def a_failure(lease: Lease, exit_code: int | None = 1, **changes: Any) -> Result:
    return a_result(lease, outcome=ResultOutcome.FAILED, exit_code=exit_code, **changes)


def log_part(lease: Lease, data: bytes, offset: int = 0) -> LogPart:
    return LogPart(lease.job, lease.attempt, lease.token, offset, data)


def out(data: bytes, time_ms: int = 1_800_000_000_000) -> bytes:
    """One framed record of standard output."""
    return pack_record(Stream.STDOUT, time_ms, data)


def err(data: bytes, time_ms: int = 1_800_000_000_000) -> bytes:
    return pack_record(Stream.STDERR, time_ms, data)
