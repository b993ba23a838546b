"""What the coordinator's answers do to the attempts that they are about."""

import logging
from dataclasses import replace

from shared.messages import AttemptRef, LogSettled, Settled
from shared.vocabulary import Answer
from tray_agent.agent.attempt_desk import AttemptDesk
from tray_agent.agent.attempts import Attempt, Phase, Said
from tray_agent.agent.events import FilesSent, LogSent
from tray_agent.agent.news import log_lost
from tray_agent.agent.states import back_off_s

log = logging.getLogger(__name__)

_TAKEN = (Answer.ACCEPTED, Answer.DUPLICATE)


def settle(desk: AttemptDesk, answer: Settled, now: float) -> None:
    """Take in the answer to a start, a release or a result."""
    attempt = desk.attempts.get(AttemptRef(answer.job, answer.attempt))
    if attempt is None:
        return
    if answer.about == "started":
        _settle_start(desk, attempt, answer)
    elif answer.about == "released" and attempt.phase is Phase.RETURNED:
        desk.forget(attempt)
    elif answer.about == "result" and attempt.phase is Phase.FINISHED:
        _settle_result(desk, attempt, answer, now)


def settle_log(desk: AttemptDesk, answer: LogSettled) -> None:
    """Go on from where the coordinator's copy of the log ends."""
    attempt = desk.attempts.get(AttemptRef(answer.job, answer.attempt))
    if attempt is None:
        return
    attempt.log.busy = False
    attempt.log.next = answer.next
    if answer.answer in (Answer.STALE, Answer.OVER, Answer.REFUSED):
        attempt.log.closed = True
        if answer.answer is Answer.REFUSED:
            log_lost(attempt)


def log_sent(desk: AttemptDesk, event: LogSent, now: float) -> None:
    attempt = desk.attempts.get(event.ref)
    if attempt is None:
        return
    attempt.log.busy = False
    attempt.log.next = event.next
    if event.closed:
        attempt.log.closed = True
        log_lost(attempt)
    elif event.error:
        set_back(attempt, now, event.error)
    else:
        attempt.setbacks = 0


def files_sent(desk: AttemptDesk, event: FilesSent, now: float) -> None:
    attempt = desk.attempts.get(event.ref)
    if attempt is None or attempt.result is None:
        return
    attempt.files_busy = False
    attempt.files_wanted -= event.sent | event.refused.keys()
    if event.not_current:
        desk.orphan(attempt, "the attempt is no longer the current one")
        return
    if event.refused:
        _leave_out(attempt, event.refused)
    if event.error:
        set_back(attempt, now, event.error)


def set_back(attempt: Attempt, now: float, why: str) -> None:
    """Leave an attempt alone for a while that grows with each setback."""
    attempt.setbacks += 1
    attempt.quiet_until = now + back_off_s(attempt.setbacks, 0.5)
    ref = attempt.ref
    log.info("attempt.delayed", extra={"job": ref.job, "attempt": ref.attempt, "why": why})


def _settle_start(desk: AttemptDesk, attempt: Attempt, answer: Settled) -> None:
    if answer.answer in _TAKEN:
        attempt.start_said = Said.SETTLED
    elif answer.answer is not Answer.NEED:
        attempt.start_said = Said.SETTLED
        desk.give_up(attempt)


def _settle_result(desk: AttemptDesk, attempt: Attempt, answer: Settled, now: float) -> None:
    if answer.answer in _TAKEN:
        desk.forget(attempt)
    elif answer.answer is Answer.NEED:
        attempt.last_word = Said.NOT_YET
        _bring(attempt, answer.need)
        set_back(attempt, now, "the coordinator needs " + ", ".join(answer.need)[:200])
    else:
        desk.orphan(attempt, answer.message or f"the coordinator answered {answer.answer}")


def _bring(attempt: Attempt, need: tuple[str, ...]) -> None:
    if "log" in need:
        if attempt.log.next >= attempt.log.end or attempt.log.closed:
            attempt.log.next = 0  # the next answer tells the true place
        attempt.log.closed = False
    if attempt.result is not None:
        known = {entry.sha256 for entry in attempt.result.artifacts}
        attempt.files_wanted |= known.intersection(need)


def _leave_out(attempt: Attempt, refused: dict[str, str]) -> None:
    if attempt.result is None:
        return
    kept = tuple(entry for entry in attempt.result.artifacts if entry.sha256 not in refused)
    left = [entry for entry in attempt.result.artifacts if entry.sha256 in refused]
    first = left[0]
    why = f"{first.path[:200]}: {refused[first.sha256][:300]}"
    note = f"{len(left)} of its files could not be given back, as {why}"
    message = f"{attempt.result.message} {note}".strip()[:2000]
    attempt.result = replace(attempt.result, artifacts=kept, message=message)
    attempt.spooled = False
