"""Read what a job printed: a page of records, a whole log by byte ranges, or ever on as it comes."""

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.domain.attempt import Attempt
from coordinator.domain.errors import NotFound
from coordinator.domain.job import Job
from coordinator.use_cases.ports import Transaction
from shared.log_records import LogRecord, read_records
from shared.vocabulary import Stream


@dataclass(frozen=True, slots=True)
class OutputPage:
    attempt: int | None  # None: the job has had no attempt yet
    records: Sequence[LogRecord]
    next: int
    complete: bool  # nothing will follow


@dataclass(frozen=True, slots=True)
class LogExtent:
    """The printed bytes of an attempt, without frames, as they were at one moment."""

    attempt: Attempt | None
    size: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a follower of a job is: all before this offset of this attempt was told."""

    attempt: int  # 0: before the first
    offset: int


@dataclass(frozen=True, slots=True)
class Followed:
    """What a follower hears next."""

    job: Job
    place: Place  # after the records
    records: Sequence[LogRecord]
    more: bool  # there is more already
    end: bool  # the job is finished and nothing will follow


def attempt_of(tx: Transaction, job: Job, number: int | None) -> Attempt | None:
    """Tell the attempt asked for, or the job's last; None when it has had none. Raises NotFound."""
    found = tx.attempts.get(job.id, number if number is not None else job.attempt)
    if found is None and number is not None:
        raise NotFound(f"The job has no attempt {number}.")
    return found


def read_output(tx: Transaction, job_id: str, number: int | None, after: int, limit: int) -> OutputPage:
    """Read about `limit` framed bytes of one attempt from the offset `after` on. Raises NotFound."""
    job = tx.jobs.get(job_id)
    attempt = attempt_of(tx, job, number)
    if attempt is None:
        return OutputPage(None, (), 0, job.finished)
    records = _records(tx, attempt, after, limit)
    end = records[-1].end if records else min(after, attempt.log_end)
    drained = not records or end >= attempt.log_end
    return OutputPage(attempt.number, records, end, drained and not attempt.open)


def log_extent(tx: Transaction, job_id: str, number: int | None, stream: Stream | None) -> LogExtent:
    """Tell how long an attempt's log is: one stream's, or that of both in the order of reading."""
    job = tx.jobs.get(job_id)
    attempt = attempt_of(tx, job, number)
    if attempt is None:
        return LogExtent(None, 0, job.finished)
    sizes = {Stream.STDOUT: attempt.stdout_bytes, Stream.STDERR: attempt.stderr_bytes}
    size = sizes[stream] if stream is not None else sum(sizes.values())
    return LogExtent(attempt, size, not attempt.open)


def follow(tx: Transaction, job_id: str, place: Place | None, limit: int) -> Followed:
    """Read on from `place`, attempt by attempt; without one, from the start of the last attempt."""
    job = tx.jobs.get(job_id)
    here = place or Place(job.attempt, 0)
    while True:
        attempt = tx.attempts.get(job.id, here.attempt)
        records = _records(tx, attempt, here.offset, limit) if attempt is not None else ()
        if records or here.attempt >= job.attempt:
            break
        here = Place(here.attempt + 1, 0)
    if records:
        here = Place(here.attempt, records[-1].end)
    last = here.attempt >= job.attempt
    # Without records there are none: the text of an attempt may have been replaced by an empty one.
    drained = not records or attempt is None or here.offset >= attempt.log_end
    return Followed(job, here, records, more=not (last and drained), end=job.finished and last and drained)


def _records(tx: Transaction, attempt: Attempt, offset: int, limit: int) -> Sequence[LogRecord]:
    first, data = tx.output.framed(attempt.id, offset, limit)
    return tuple(read_records(data, first))
