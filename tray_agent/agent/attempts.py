"""The attempts that this agent holds: their state, and what of it the coordinator has been told."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path

from shared.messages import AttemptRef, JobSpec, Released, Result
from tray_agent.agent.outputs import Snapshot

_REMEMBERED = 10_000  # attempts that were here: a reply that arrives twice must not run one again


class Phase(StrEnum):
    WAITING = "waiting"  # leased, no free slot yet
    PREPARING = "preparing"  # its project is fetched and unpacked
    RUNNING = "running"  # handed to a runner
    COLLECTING = "collecting"  # its files are looked through
    FINISHED = "finished"  # its result waits to be told and settled
    RETURNED = "returned"  # its release waits to be told and settled


class Said(Enum):
    NOT_YET = 0
    IN_FLIGHT = 1
    SETTLED = 2


USES_SLOT = frozenset({Phase.PREPARING, Phase.RUNNING})
UNSTARTED = frozenset({Phase.WAITING, Phase.PREPARING})


@dataclass(slots=True)
class LogProgress:
    end: int = 0  # whole records on disk
    next: int = 0  # where the coordinator's copy ends
    busy: bool = False  # a part of it is on its way
    closed: bool = False  # the coordinator wants no more of it

    @property
    def pending(self) -> int:
        return 0 if self.closed else max(0, self.end - self.next)


@dataclass(slots=True)
class Attempt:
    ref: AttemptRef
    token: str
    folder: Path
    spec: JobSpec | None  # None after a restart: it will not be run again
    phase: Phase = Phase.WAITING
    snapshot: Snapshot = field(default_factory=dict)
    started_at: float | None = None
    start_said: Said = Said.NOT_YET
    stopping: bool = False
    abandoned: bool = False  # gone at the coordinator: nothing of it is told any more
    log: LogProgress = field(default_factory=LogProgress)
    result: Result | None = None
    spooled: bool = False
    files_wanted: frozenset[str] = frozenset()  # hashes that the coordinator does not have yet
    files_busy: bool = False
    release: Released | None = None
    last_word: Said = Said.NOT_YET  # its result or its release
    quiet_until: float = 0.0  # nothing of it is told before
    setbacks: int = 0

    @property
    def cpus(self) -> int:
        return self.spec.cpus if self.spec else 0


class Attempts:
    """Every attempt held, in the order of arrival, and a memory of those that were."""

    def __init__(self) -> None:
        self._held: dict[AttemptRef, Attempt] = {}
        self._seen: OrderedDict[AttemptRef, None] = OrderedDict()

    def add(self, attempt: Attempt) -> bool:
        """Take an attempt up; False when it is or was here already."""
        if attempt.ref in self._seen:
            return False
        self._held[attempt.ref] = attempt
        self._seen[attempt.ref] = None
        while len(self._seen) > max(_REMEMBERED, len(self._held)):
            oldest = next(iter(self._seen))
            self._seen.pop(oldest)
            if oldest in self._held:
                self._seen[oldest] = None
        return True

    def get(self, ref: AttemptRef) -> Attempt | None:
        return self._held.get(ref)

    def drop(self, ref: AttemptRef) -> None:
        self._held.pop(ref, None)

    def __iter__(self) -> Iterator[Attempt]:
        return iter(tuple(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def holding(self) -> tuple[AttemptRef, ...]:
        """List what the coordinator must keep for this agent."""
        return tuple(ref for ref, attempt in self._held.items() if not attempt.abandoned)

    def slots_used(self) -> int:
        return sum(attempt.cpus for attempt in self._held.values() if attempt.phase in USES_SLOT)

    def running(self) -> int:
        return sum(attempt.phase is Phase.RUNNING for attempt in self._held.values())
