"""What others may be waiting to hear. Noted inside a transaction, told after its commit."""

from dataclasses import dataclass

from coordinator.domain.requirements import Requirements


@dataclass(frozen=True, slots=True)
class WorkAvailable:
    """A job of this requirement class may be claimed."""

    requirements: Requirements


@dataclass(frozen=True, slots=True)
class WorkerCalled:
    """The coordinator has something to say to this worker: an order, or its session is no longer the one."""

    worker: str


@dataclass(frozen=True, slots=True)
class JobChanged:
    """The state or the output of this job changed."""

    job: str


Notice = WorkAvailable | WorkerCalled | JobChanged
