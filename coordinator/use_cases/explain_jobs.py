"""One plain sentence for each job: why it waits, where it runs, how it ended."""

from coordinator.domain.job import Job
from coordinator.domain.matching import Mismatch, Survey, matches, survey
from coordinator.domain.worker import WorkerKind, WorkerState
from coordinator.use_cases.ports import Transaction
from shared.vocabulary import JobState, Mode

STATE_WORDS: dict[WorkerState, tuple[str, str]] = {  # for one PC, for several
    WorkerState.AVAILABLE: ("free", "free"),
    WorkerState.BUSY: ("busy", "busy"),
    WorkerState.IN_USE: ("in use by its owner", "in use by their owners"),
    WorkerState.PAUSED: ("paused by its owner", "paused by their owners"),
    WorkerState.DRAINING: ("draining", "draining"),
    WorkerState.OFFLINE: ("offline", "offline"),
    WorkerState.PARKED: ("parked after failures", "parked after failures"),
}
ONE_LACKS: dict[Mismatch, str] = {
    Mismatch.NAMED: "is not the PC that the job names",
    Mismatch.OS: "has another operating system",
    Mismatch.CPUS: "has too few processors",
    Mismatch.MEMORY: "has too little memory",
    Mismatch.LABELS: "lacks a label",
    Mismatch.SANDBOX: "cannot give the sandbox level",
    Mismatch.OLD: "runs the older worker program, which cannot do what the job asks",
}


def job_sentence(tx: Transaction, job: Job) -> str:
    """Say what is the matter with `job` now."""
    if job.finished:
        return job.message or ("Completed." if job.state is JobState.COMPLETED else "Ended.")
    if job.cancel_asked:
        return f"Being cancelled on {_worker_name(tx, job)}."
    if job.state is JobState.RUNNING:
        return f"Running on {_worker_name(tx, job)}."
    if job.leased:
        return f"About to start on {_worker_name(tx, job)}."
    if job.not_before is not None and job.not_before > tx.now:
        seconds = max(round(job.not_before - tx.now), 1)
        return f"Tried again in {seconds} s. {job.message}".strip()
    return _with_history(job, _waiting(tx, job))


def _worker_name(tx: Transaction, job: Job) -> str:
    worker = tx.workers.find(job.worker) if job.worker else None
    return worker.host_name if worker else "a PC"


def _with_history(job: Job, sentence: str) -> str:
    return f"{sentence} Before: {job.message}" if job.message else sentence


def _waiting(tx: Transaction, job: Job) -> str:
    wanted = job.order.requirements
    direct = wanted.mode is Mode.DIRECT
    # A PC of the other mode is nothing that the submitter could do anything about.
    workers = [w for w in tx.workers.all() if (w.kind is WorkerKind.BUILTIN) == direct]
    if not workers:
        return "Waiting: " + (
            "the coordinator runs no Direct jobs now." if direct else "no PC has joined yet."
        )
    found = survey(wanted, workers, tx.jobs.rejected_by(job.id), tx.now)
    if not found.matching:
        return f"Waiting: no PC can run it; {_lacks(found, wanted.labels)}."
    able = [worker for worker in workers if matches(wanted, worker)]
    rivals = [
        number
        for number, other in tx.jobs.requirement_classes().items()
        if any(matches(other, worker) for worker in able)
    ]
    ahead = tx.jobs.waiting_before(job, rivals)
    queue = f"; {_count(ahead, 'job')} ahead" if ahead else ""
    return f"Waiting: {_matching(found)}{queue}."


def _matching(found: Survey) -> str:
    total = sum(found.matching.values())
    head = f"{_count(total, 'PC')} match" if total > 1 else "1 PC matches"
    if len(found.matching) == 1:
        [(state, _)] = found.matching.items()
        several = {1: "it is ", 2: "both "}.get(total, "all ")
        return f"{head}, {several}{STATE_WORDS[state][total > 1]}"
    parts = [f"{n} {STATE_WORDS[state][n > 1]}" for state, n in found.matching.most_common()]
    return f"{head}: {', '.join(parts)}"


def _lacks(found: Survey, labels: tuple[str, ...]) -> str:
    asked = f" ({', '.join(labels)})"
    parts = [
        (f"{n} PCs {reason.value}" if n > 1 else f"1 PC {ONE_LACKS.get(reason, reason.value)}")
        + (asked if reason is Mismatch.LABELS else "")
        for reason, n in found.lacking.most_common()
    ]
    if found.rejecting:
        parts.append(f"{_count(found.rejecting, 'PC')} tried and could not")
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    shown = "more than 10000" if number >= 10_000 else str(number)
    return f"{shown} {noun}{'' if number == 1 else 's'}"
