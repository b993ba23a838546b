"""Settle what an agent says of its attempts, each thing by itself: one bad result blocks no other."""

from dataclasses import dataclass, field

from coordinator.domain.attempt import LEASE_S, Attempt, token_fits
from coordinator.domain.errors import Invalid, WrongOffset
from coordinator.domain.job import Job
from coordinator.domain.notices import JobChanged
from coordinator.domain.worker import Worker
from coordinator.use_cases.end_attempts import end_attempt
from coordinator.use_cases.ports import AttemptEnd, Transaction
from coordinator.use_cases.receive_output import receive_output
from shared.archive_names import path_fault
from shared.messages import (
    AttemptRef,
    ExchangeRequest,
    LogPart,
    LogSettled,
    Released,
    Result,
    Settled,
    Started,
)
from shared.vocabulary import Answer, AttemptOutcome, ReleaseOutcome


@dataclass(slots=True)
class Desk:
    """The attempts that one exchange speaks of: read once, and struck off as they end."""

    tx: Transaction
    worker: Worker
    held: dict[AttemptRef, Attempt]
    jobs: dict[str, Job]
    settled_refs: set[AttemptRef] = field(default_factory=set)

    def find(self, ref: AttemptRef) -> Attempt | None:
        return self.held.get(ref) or self.tx.attempts.get(ref.job, ref.attempt)

    def job(self, job: str) -> Job:
        if job not in self.jobs:
            self.jobs[job] = self.tx.jobs.get(job)
        return self.jobs[job]


def settle(desk: Desk, request: ExchangeRequest) -> tuple[list[LogSettled], list[Settled]]:
    """Settle output first, so that a result finds its log; a start told by its own result needs no write."""
    logs = [_settle_log(desk, part) for part in request.logs]
    results = [_settle_result(desk, result, request.started) for result in request.results]
    ended = {AttemptRef(s.job, s.attempt) for s in results if s.answer is Answer.ACCEPTED}
    starts = [_settle_start(desk, started, ended) for started in request.started]
    releases = [_settle_release(desk, released) for released in request.released]
    return logs, [*starts, *releases, *results]


def answer_closed(job: Job | None) -> Answer:
    """Answer what is said of an attempt that is no longer open."""
    return Answer.OVER if job is None or job.finished else Answer.STALE


def _ref(said: Started | Released | Result | LogPart) -> AttemptRef:
    return AttemptRef(said.job, said.attempt)


def _open_attempt(desk: Desk, said: Started | Released | Result | LogPart) -> tuple[Attempt | None, Answer]:
    if not token_fits(desk.tx.token_key, said.job, said.attempt, said.token):
        return None, Answer.REFUSED
    attempt = desk.find(_ref(said))
    if attempt is None:
        return None, Answer.OVER
    if attempt.open:
        return attempt, Answer.ACCEPTED
    if (
        isinstance(said, Result)
        and attempt.outcome is not None
        and attempt.outcome.value == said.outcome.value
    ):
        return attempt, Answer.DUPLICATE
    return attempt, answer_closed(desk.job(attempt.job))


def _settle_log(desk: Desk, part: LogPart) -> LogSettled:
    attempt, answer = _open_attempt(desk, part)
    if attempt is None or answer is not Answer.ACCEPTED:
        return LogSettled(part.job, part.attempt, answer, part.offset + len(part.data))
    try:
        end = receive_output(desk.tx, desk.job(part.job), attempt, part.offset, part.data)
    except WrongOffset as error:
        return LogSettled(part.job, part.attempt, Answer.ACCEPTED, error.true_offset)
    except Invalid:
        return LogSettled(part.job, part.attempt, Answer.REFUSED, part.offset)
    return LogSettled(part.job, part.attempt, Answer.ACCEPTED, end)


def _settle_start(desk: Desk, started: Started, ended: set[AttemptRef]) -> Settled:
    if _ref(started) in ended:
        fits = token_fits(desk.tx.token_key, started.job, started.attempt, started.token)
        answer = Answer.ACCEPTED if fits else Answer.REFUSED
    else:
        attempt, answer = _open_attempt(desk, started)
        if attempt is not None and answer is Answer.ACCEPTED:
            answer = _note_start(desk, attempt, started.ago_s)
    return Settled(started.job, started.attempt, "started", answer)


def _note_start(desk: Desk, attempt: Attempt, ago_s: float) -> Answer:
    tx = desk.tx
    if attempt.started_at is not None:
        return Answer.DUPLICATE
    at = _started_at(tx, attempt, ago_s)
    tx.attempts.start(attempt.id, at, tx.now + LEASE_S)
    tx.jobs.start(attempt.job, attempt.number, at)
    tx.notify(JobChanged(attempt.job))
    desk.jobs.pop(attempt.job, None)
    return Answer.ACCEPTED


def _started_at(tx: Transaction, attempt: Attempt, ago_s: float) -> float:
    return min(max(tx.now - ago_s, attempt.granted_at), tx.now)


def _settle_release(desk: Desk, released: Released) -> Settled:
    attempt, answer = _open_attempt(desk, released)
    if attempt is not None and answer is Answer.ACCEPTED:
        outcome = AttemptOutcome(released.outcome.value)
        if released.outcome is ReleaseOutcome.REJECTED:
            desk.tx.jobs.reject(attempt.job, desk.worker.id)
        _end(desk, attempt, AttemptEnd(outcome, desk.tx.now, message=released.reason))
    return Settled(released.job, released.attempt, "released", answer)


def _settle_result(desk: Desk, result: Result, starts: tuple[Started, ...]) -> Settled:
    attempt, answer = _open_attempt(desk, result)
    if attempt is None or answer is not Answer.ACCEPTED:
        desk.settled_refs.add(_ref(result))
        return Settled(result.job, result.attempt, "result", answer)
    fault = _manifest_fault(result)
    if fault:
        desk.settled_refs.add(_ref(result))
        return Settled(result.job, result.attempt, "result", Answer.REFUSED, message=fault)
    need = _missing(desk, attempt, result)
    if need:
        return Settled(result.job, result.attempt, "result", Answer.NEED, need=need)
    _accept(desk, attempt, result, starts)
    return Settled(result.job, result.attempt, "result", Answer.ACCEPTED)


def _manifest_fault(result: Result) -> str:
    paths = [artifact.path for artifact in result.artifacts]
    fault = next((f"{path}: {fault}" for path in paths if (fault := path_fault(path))), "")
    return fault or ("a file is listed twice" if len(set(paths)) < len(paths) else "")


def _missing(desk: Desk, attempt: Attempt, result: Result) -> tuple[str, ...]:
    stored_log = desk.tx.output.log_end(attempt.id)
    log = ("log",) if stored_log < result.log_end else ()
    hashes = list(dict.fromkeys(artifact.sha256 for artifact in result.artifacts))
    return (log + tuple(desk.tx.files.missing(hashes)))[:200] if hashes else log


def _accept(desk: Desk, attempt: Attempt, result: Result, starts: tuple[Started, ...]) -> None:
    if result.artifacts:
        desk.tx.files.add_artifacts(attempt.id, result.artifacts)
    ago_s = next((s.ago_s for s in starts if _ref(s) == _ref(result)), result.duration_s)
    ran = result.exit_code is not None or result.duration_s > 0
    end = AttemptEnd(
        outcome=AttemptOutcome(result.outcome.value),
        at=desk.tx.now,
        started_at=_started_at(desk.tx, attempt, ago_s) if ran else None,
        exit_code=result.exit_code,
        message=result.message,
        duration_s=result.duration_s,
        cpu_s=result.cpu_s,
    )
    _end(desk, attempt, end)


def _end(desk: Desk, attempt: Attempt, end: AttemptEnd) -> None:
    end_attempt(desk.tx, desk.job(attempt.job), attempt, end)
    ref = AttemptRef(attempt.job, attempt.number)
    desk.settled_refs.add(ref)
    desk.held.pop(ref, None)
    desk.jobs.pop(attempt.job, None)
