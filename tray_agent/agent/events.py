"""Everything that can reach the agent's loop: each event is handled on its one thread."""

from dataclasses import dataclass

from shared.messages import (
    ArtifactEntry,
    AttemptRef,
    ExchangeReply,
    ExchangeRequest,
    RegisterReply,
    RegisterRequest,
    Result,
)
from tray_agent.agent.errors import LinkError
from tray_agent.agent.outputs import Snapshot
from tray_agent.agent.ports import RunEvent
from tray_agent.agent.states import Lane


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way; `spool` are the results that must be on disk before it is sent."""

    lane: Lane
    request: ExchangeRequest | RegisterRequest
    spool: tuple[Result, ...] = ()


@dataclass(frozen=True, slots=True)
class Replied:
    call: Call
    reply: ExchangeReply | RegisterReply


@dataclass(frozen=True, slots=True)
class CallFailed:
    call: Call
    error: LinkError


@dataclass(frozen=True, slots=True)
class Prepared:
    ref: AttemptRef
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class PrepareFailed:
    ref: AttemptRef
    reason: str
    rejected: bool


@dataclass(frozen=True, slots=True)
class Collected:
    ref: AttemptRef
    artifacts: tuple[ArtifactEntry, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogSent:
    """A large log went up by calls of its own; `closed`: the coordinator wants no more of it."""

    ref: AttemptRef
    next: int
    closed: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FilesSent:
    """What became of the files of a result; `refused` names files that the coordinator will not take."""

    ref: AttemptRef
    sent: frozenset[str]
    refused: dict[str, str]
    not_current: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class StopAsked:
    reason: str


Event = (
    Replied | CallFailed | Prepared | PrepareFailed | Collected | LogSent | FilesSent | StopAsked | RunEvent
)
