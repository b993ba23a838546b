"""What older workers report: output as it comes, the question whether to stop, and the result."""

from dataclasses import dataclass, replace

from coordinator.domain.attempt import SEED_SILENCE_S, Attempt
from coordinator.domain.errors import NotAllowed
from coordinator.domain.notices import JobChanged
from coordinator.domain.worker import WorkerKind
from coordinator.use_cases.end_attempts import end_attempt
from coordinator.use_cases.ports import AttemptEnd, Transaction
from coordinator.use_cases.seed_attempts import Reference, find_reference, name_worker
from coordinator.use_cases.seed_output import Texts, add_piece, settle_output
from shared.vocabulary import AttemptOutcome, JobState, Stream

_RAN_ON = frozenset({AttemptOutcome.LOST, AttemptOutcome.CANCELLED})  # ended here, but not at its worker


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: by name where the call says one, and from where."""

    address: str
    worker: str | None = None


@dataclass(frozen=True, slots=True)
class SeedResult:
    exit_code: int | None  # None: it could not be run, or was killed
    message: str
    output: Texts


def hear_output(tx: Transaction, text: str, who: Reporter, stream: Stream, data: bytes) -> bool:
    """Store a piece of output; False where the attempt is over and it was dropped.

    Raises NotFound, NotAllowed.
    """
    reference = find_reference(tx, text)
    attempt = _open_attempt(tx, reference, who)
    if attempt is None:
        return False
    add_piece(tx, attempt, stream, data, reference.job.order.output_limit_bytes)
    tx.notify(JobChanged(attempt.job))
    return True


def should_stop(tx: Transaction, text: str, who: Reporter) -> bool:
    """Tell whether this run is wanted no more. Raises NotFound."""
    reference = find_reference(tx, text)
    job, attempt = reference.job, reference.attempt
    if job.cancel_asked or job.state is JobState.CANCELLED:
        return True
    if attempt is not None and attempt.open:
        if _speaks_for(reference, who) and attempt.session is None:
            tx.attempts.hear(attempt.id, tx.now, tx.now + SEED_SILENCE_S)
        return False
    return reference.is_alias and attempt is not None and attempt.outcome is AttemptOutcome.LOST


def hear_result(tx: Transaction, text: str, who: Reporter, result: SeedResult) -> bool:
    """Accept the result; False where the attempt is over and nothing changed. Raises NotFound, NotAllowed."""
    reference = find_reference(tx, text)
    if reference.attempt is None:
        raise NotAllowed("Nobody has fetched this job yet, so nobody can report it.")
    attempt = _open_attempt(tx, reference, who)
    if attempt is not None or reference.attempt.outcome in _RAN_ON:
        _note_free(tx, who)
    if attempt is None:
        return False
    settle_output(tx, attempt, result.output, reference.job.order.output_limit_bytes)
    completed = result.exit_code == 0
    end = AttemptEnd(
        outcome=AttemptOutcome.COMPLETED if completed else AttemptOutcome.FAILED,
        at=tx.now,
        exit_code=result.exit_code,
        message=result.message,
        duration_s=max(tx.now - (attempt.started_at or tx.now), 0.0),
    )
    end_attempt(tx, tx.jobs.get(attempt.job), attempt, end)
    if attempt.worker is not None:
        tx.workers.note_attempt(attempt.worker, good=True)  # it speaks: what failed was the job
    return True


def _open_attempt(tx: Transaction, reference: Reference, who: Reporter) -> Attempt | None:
    """Tell the attempt reported, bound and renewed; None where it is over. Raises NotAllowed."""
    attempt = reference.attempt
    if attempt is None:
        return None
    _refuse_others(reference, attempt, who)
    if not attempt.open:
        return None
    if attempt.worker is None and who.worker is not None:
        name_worker(tx, attempt, who.worker)
        attempt = replace(attempt, worker=who.worker)
    tx.attempts.hear(attempt.id, tx.now, tx.now + SEED_SILENCE_S)
    return attempt


def _refuse_others(reference: Reference, attempt: Attempt, who: Reporter) -> None:
    if attempt.session is not None:
        raise NotAllowed("Another worker runs this job.")
    taken_back = attempt.outcome is AttemptOutcome.LOST  # its worker may have been guessed
    if who.worker is not None and attempt.worker not in (None, who.worker) and not taken_back:
        raise NotAllowed(f"Another worker runs this job, not {who.worker[:80]}.")
    if attempt.open and not _speaks_for(reference, who):
        raise NotAllowed("Another worker runs this job: it was fetched from another address.")


def _speaks_for(reference: Reference, who: Reporter) -> bool:
    """Whoever knows the alias has fetched the job; the creator's id is known to others, too."""
    attempt = reference.attempt
    if reference.is_alias or attempt is None:
        return True
    return attempt.address == who.address or (who.worker is not None and attempt.worker == who.worker)


def _note_free(tx: Transaction, who: Reporter) -> None:
    """Whoever has just ended one run holds nothing that was handed out before."""
    worker = tx.workers.find(who.worker) if who.worker else None
    if worker is not None and worker.kind is WorkerKind.SEED:
        tx.workers.contact(worker.id, None, None)
        tx.workers.set_free(worker.id, tx.now)
