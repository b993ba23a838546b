"""A worker: a registered PC, what it is, what its agent last said, and what a page shows for it."""

from dataclasses import dataclass, field
from enum import StrEnum

from shared.vocabulary import AgentState, OperatingSystem, SandboxLevel

OFFLINE_AFTER_S = 30.0  # without contact; a held call, renewed every 25 s, is contact
PARKED_AFTER = 3  # attempts lost or failed to start in a row: the PC swallows jobs


class WorkerKind(StrEnum):
    AGENT = "agent"
    BUILTIN = "builtin"  # the coordinator's own agent; takes Direct jobs and nothing else
    SEED = "seed"  # a worker program of the older interface


class WorkerState(StrEnum):
    """What a page shows."""

    AVAILABLE = "available"
    BUSY = "busy"
    IN_USE = "in_use"
    PAUSED = "paused"
    DRAINING = "draining"
    OFFLINE = "offline"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Worker:
    id: str
    kind: WorkerKind
    host_name: str
    machine_mark: str
    os: OperatingSystem
    cpus: int
    memory_mb: int
    labels: tuple[str, ...]
    sandbox_levels: tuple[SandboxLevel, ...]
    version: str
    created_at: float
    last_contact: float
    session: str | None = None
    last_seq: int = 0
    availability: AgentState = AgentState.AVAILABLE
    reason: str = ""
    load: float | None = None
    drain: bool = False
    bad_streak: int = 0  # attempts lost or failed to start, in a row
    address: str = ""  # where it calls from; the older interface tells its workers apart by it
    free_since: float = 0.0  # older interface: what was granted before, it does not hold
    open_attempts: int = field(default=0, compare=False)  # filled in by lists

    def is_offline(self, now: float) -> bool:
        return now - self.last_contact > OFFLINE_AFTER_S

    @property
    def is_parked(self) -> bool:
        return self.bad_streak >= PARKED_AFTER

    @property
    def takes_jobs(self) -> bool:
        """Tell whether its agent would start a job now, going by its own words."""
        lends = self.availability in (AgentState.AVAILABLE, AgentState.WORKING)
        return lends and not self.drain and not self.is_parked

    def state(self, now: float) -> WorkerState:
        if self.is_offline(now):
            return WorkerState.OFFLINE
        if self.is_parked:
            return WorkerState.PARKED
        if self.drain or self.availability is AgentState.DRAINING:
            return WorkerState.DRAINING
        if self.availability is AgentState.PAUSED:
            return WorkerState.PAUSED
        if self.availability in (AgentState.IN_USE, AgentState.SUSPENDED):
            return WorkerState.IN_USE
        return WorkerState.BUSY if self.open_attempts else WorkerState.AVAILABLE
