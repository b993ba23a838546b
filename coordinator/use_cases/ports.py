"""What the use cases need of storage: business verbs over jobs, attempts, output, workers and files.

A method that moves a job or an attempt on is one conditional update and tells whether it took effect.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeVar

from coordinator.domain.attempt import Attempt
from coordinator.domain.job import Job, JobOrder
from coordinator.domain.notices import Notice
from coordinator.domain.requirements import Requirements
from coordinator.domain.worker import Worker
from shared.messages import ArtifactEntry, Report
from shared.vocabulary import AttemptOutcome, JobState, Stream

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """What an attempt's end writes into its job."""

    state: JobState
    started_at: float | None = None  # of the attempt that finished the job; none while it waits again
    finished_at: float | None = None
    not_before: float | None = None
    exit_code: int | None = None
    message: str = ""
    failures: int = 0
    lost: int = 0
    interruptions: int = 0


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """What ends an attempt."""

    outcome: AttemptOutcome
    at: float
    started_at: float | None = None  # where the start was told only now
    exit_code: int | None = None
    message: str = ""
    duration_s: float = 0.0
    cpu_s: float = 0.0


class Jobs(Protocol):
    def add(self, orders: Sequence[JobOrder], origin: str) -> list[Job]:
        """Queue these orders, numbered in a row."""

    def get(self, job: str) -> Job:
        """Raise NotFound where there is none."""

    def get_many(self, jobs: Sequence[str]) -> dict[str, Job]: ...

    def newest(self, state: JobState | None, before: int | None, limit: int) -> list[Job]:
        """List jobs, the newest first, older than the job numbered `before`."""

    def requirement_classes(self) -> Mapping[int, Requirements]:
        """Tell every requirement class there is."""

    def claimable(self, classes: Sequence[int], worker: str, limit: int) -> list[Job]:
        """List the first jobs of these classes that may be claimed now and that `worker` has not rejected."""

    def waiting_before(self, job: Job, classes: Sequence[int]) -> int:
        """Count the claimable jobs of these classes that come before `job`."""

    def grant(self, job: Job, worker: str | None) -> bool:
        """Give the job's next attempt away."""

    def start(self, job: str, attempt: int, at: float) -> bool: ...
    def end_attempt(self, job: str, attempt: int, update: JobUpdate) -> bool: ...

    def ask_cancel(self, job: str) -> bool:
        """Ask for the end of a job whose attempt is open."""

    def cancel_waiting(self, job: str, at: float, message: str) -> bool:
        """Cancel a job that no attempt holds."""

    def name_worker(self, job: str, attempt: int, worker: str) -> bool: ...

    def ripen(self) -> list[Requirements]:
        """Let the jobs whose not-before has passed be claimed; tell their classes."""

    def reject(self, job: str, worker: str) -> None:
        """Remember that `worker` cannot run this job."""

    def rejected_by(self, job: str) -> frozenset[str]: ...

    def recall_key(self, principal: str, key: str) -> tuple[str, str] | None:
        """Tell (body digest, job) of an idempotency key."""

    def remember_key(self, principal: str, key: str, digest: str, job: str) -> None: ...
    def forget_keys(self, before: float) -> None: ...


class Attempts(Protocol):
    def open_attempt(self, attempt: Attempt) -> Attempt:
        """Store a new attempt and tell it with its id."""

    def get(self, job: str, number: int) -> Attempt | None: ...
    def by_id(self, attempt: int) -> Attempt | None: ...
    def of_job(self, job: str) -> list[Attempt]: ...

    def held_by(self, worker: str) -> list[Attempt]:
        """List the worker's open attempts."""

    def unnamed_at(self, address: str) -> list[Attempt]:
        """List the open attempts that the older interface handed to this address and nobody has named."""

    def start(self, attempt: int, at: float, lease_until: float) -> bool: ...
    def renew(self, attempts: Sequence[int], lease_until: float) -> None:
        """Prolong leases, but not of jobs whose cancel was asked: an agent that does not obey loses them."""

    def hear(self, attempt: int, at: float, lease_until: float) -> bool:
        """Note that the older interface's worker spoke of this open attempt."""

    def end(self, attempt: int, end: AttemptEnd) -> bool: ...

    def end_expired(self, attempt: Attempt, end: AttemptEnd) -> bool:
        """End it only if its lease, as stored now, has run out."""

    def expired(self, limit: int) -> list[Attempt]: ...
    def name_worker(self, attempt: int, worker: str) -> bool: ...
    def lost_workers(self, job: str) -> list[str]:
        """Name the PCs that lost attempts of this job."""


class Output(Protocol):
    def append(self, attempt: Attempt, offset: int, data: bytes) -> int:
        """Store whole records at the end; tell the new end. Raise WrongOffset, Invalid."""

    def replace(self, attempt: Attempt, data: bytes) -> None:
        """Store these records in place of all that was there."""

    def framed(self, attempt: int, offset: int, limit: int) -> tuple[int, bytes]:
        """Read whole records from the first at or after `offset`: its offset, and about `limit` bytes."""

    def text(self, attempt: int, stream: Stream | None, start: int, limit: int) -> bytes:
        """Read at most `limit` output bytes (of one stream, or of both in order) from byte `start` on."""

    def log_end(self, attempt: int) -> int: ...


class Workers(Protocol):
    def get(self, worker: str) -> Worker:
        """Raise NotFound where there is none."""

    def find(self, worker: str) -> Worker | None: ...
    def of_session(self, session: str) -> Worker | None: ...
    def all(self) -> list[Worker]: ...

    def save(self, worker: Worker) -> None:
        """Store a registration; what it rejected before, it may be asked again."""

    def contact(self, worker: str, report: Report | None, seq: int | None) -> None:
        """Note that the worker was heard now, and what it said of itself."""

    def seeds_at(self, address: str) -> list[Worker]:
        """List the workers of the older interface that call from `address`, with their open attempts."""

    def set_free(self, worker: str, since: float) -> None:
        """Note that a worker of the older interface holds nothing that was granted before."""

    def set_drain(self, worker: str, drain: bool) -> None: ...
    def note_attempt(self, worker: str, good: bool) -> None:
        """Count attempts that were lost or never started, in a row."""

    def forget_silent_seeds(self, before: float) -> int: ...


class Files(Protocol):
    """What is known of stored files; their bytes are in a FileStore."""

    def stored_size(self, sha256: str) -> int | None: ...
    def missing(self, hashes: Sequence[str]) -> list[str]: ...
    def add_stored(self, sha256: str, size: int) -> None: ...
    def add_project(self, sha256: str, name: str, entries: int, unpacked: int) -> None: ...
    def project_size(self, sha256: str) -> int | None: ...
    def add_artifacts(self, attempt: int, artifacts: Sequence[ArtifactEntry]) -> None: ...
    def artifacts(self, attempt: int) -> list[ArtifactEntry]: ...
    def artifact(self, attempt: int, path: str) -> ArtifactEntry | None: ...
    def add_upload(self, upload: "Upload") -> None: ...
    def upload(self, upload: str) -> "Upload | None": ...
    def end_upload(self, upload: str) -> None: ...
    def stale_uploads(self, before: float) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    kind: str  # project or artifact
    sha256: str
    size: int
    name: str
    created_at: float
    attempt: int | None = None  # whose token may write it


class Transaction(Protocol):
    """One unit of work: all of it is stored, or nothing."""

    @property
    def now(self) -> float:
        """Tell the time by the one clock that decides: seconds since the epoch."""

    @property
    def jobs(self) -> Jobs: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def output(self) -> Output: ...
    @property
    def workers(self) -> Workers: ...
    @property
    def files(self) -> Files: ...

    @property
    def token_key(self) -> bytes:
        """Tell the key that attempt tokens are derived from."""

    def notify(self, notice: Notice) -> None:
        """Tell those who wait, once this is stored."""


class Store(Protocol):
    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` and store what it did before returning."""

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work`, which changes nothing, on a snapshot."""


class FileStore(Protocol):
    """The bytes of projects and artifacts, named by their SHA-256."""

    def received(self, upload: str) -> int:
        """Tell how many bytes of an upload have arrived."""

    def append(self, upload: str, offset: int, data: bytes) -> int:
        """Write a part at the end; tell the new end. Raise WrongOffset, NoSpace."""

    def open_upload(self, upload: str) -> BinaryIO: ...

    def settle(self, upload: str, sha256: str) -> None:
        """Name the upload's bytes by their hash, durably."""

    def discard(self, upload: str) -> None: ...
    def hash_of(self, upload: str) -> str: ...
    def open_stored(self, sha256: str) -> BinaryIO:
        """Raise NotFound where the bytes are not there."""

    def room_for(self, size: int) -> bool:
        """Tell whether the disk takes `size` bytes more and stays usable."""
