"""May this worker run a job with these requirements? If not, why not. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from coordinator.domain.requirements import Requirements
from coordinator.domain.worker import Worker, WorkerKind, WorkerState
from shared.vocabulary import Mode, SandboxLevel


class Mismatch(StrEnum):
    """Why a worker can never run a job as both are now; the value completes "N PCs ..."."""

    KIND = "take no jobs of this mode"
    NAMED = "are not the PC that the job names"
    OS = "have another operating system"
    CPUS = "have too few processors"
    MEMORY = "have too little memory"
    LABELS = "lack a label"
    SANDBOX = "cannot give the sandbox level"
    OLD = "run the older worker program, which cannot do what the job asks"


def mismatch(wanted: Requirements, worker: Worker) -> Mismatch | None:
    """Tell the first reason why `worker` cannot run such a job, or None when it can."""
    checks = (
        (Mismatch.KIND, (wanted.mode is Mode.DIRECT) != (worker.kind is WorkerKind.BUILTIN)),
        (Mismatch.NAMED, wanted.worker is not None and wanted.worker != worker.id),
        (Mismatch.OLD, worker.kind is WorkerKind.SEED and not wanted.plain),
        (Mismatch.OS, wanted.os is not None and wanted.os is not worker.os),
        (Mismatch.CPUS, wanted.cpus > worker.cpus),
        (Mismatch.MEMORY, wanted.memory_mb > worker.memory_mb),
        (Mismatch.LABELS, not set(wanted.labels) <= set(worker.labels)),
        (
            Mismatch.SANDBOX,
            wanted.sandbox is not SandboxLevel.NONE and wanted.sandbox not in worker.sandbox_levels,
        ),
    )
    return next((reason for reason, applies in checks if applies), None)


@dataclass(frozen=True, slots=True)
class Survey:
    """Why a job waits: the PCs that could run it by their state, and the others by what they lack."""

    matching: Counter[WorkerState]
    rejecting: int  # PCs that tried and cannot run it as they are
    lacking: Counter[Mismatch]


def survey(wanted: Requirements, workers: Iterable[Worker], rejecting: Collection[str], now: float) -> Survey:
    """Sort the workers by what keeps each from running a job with these requirements."""
    result = Survey(Counter(), 0, Counter())
    rejected = 0
    for worker in workers:
        reason = mismatch(wanted, worker)
        if reason is not None:
            result.lacking[reason] += 1
        elif worker.id in rejecting:
            rejected += 1
        else:
            result.matching[worker.state(now)] += 1
    return replace(result, rejecting=rejected)


def matches(wanted: Requirements, worker: Worker) -> bool:
    return mismatch(wanted, worker) is None
