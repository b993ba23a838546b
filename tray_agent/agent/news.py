"""What is to be told to the coordinator: found in the attempts themselves, so that nothing is forgotten."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from shared.log_records import whole_records_end
from shared.messages import (
    INLINE_LOG_BYTES,
    AttemptRef,
    ExchangeRequest,
    LogPart,
    Released,
    Result,
    Started,
)
from tray_agent.agent.attempts import Attempt, Attempts, Phase, Said
from tray_agent.agent.outputs import open_regular

START_LINGER_S = 0.015  # a job that ends at once is told with its start in one call
INLINE_BYTES = 1 << 20  # output of all attempts in one exchange
INLINE_FILES = 20_000  # artifact entries of all results in one exchange
ITEMS = 200


Item = Started | Released | Result | LogPart


@dataclass(slots=True)
class News:
    started: list[Started] = field(default_factory=list)
    released: list[Released] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    logs: list[LogPart] = field(default_factory=list)

    @property
    def items(self) -> int:
        return len(self.started) + len(self.released) + len(self.results) + len(self.logs)


def due_at(attempt: Attempt, log_due_at: float) -> float | None:
    """Tell when something of this attempt must be told; None when there is nothing (yet)."""
    due: float | None = None
    if attempt.abandoned:
        return None
    if _release_ready(attempt) or (_result_ready(attempt) and not log_behind(attempt)):
        due = 0.0
    elif attempt.start_said is Said.NOT_YET and attempt.started_at is not None:
        due = attempt.started_at + START_LINGER_S
    if due != 0.0 and log_inline(attempt):
        due = log_due_at if due is None else min(due, log_due_at)
    return None if due is None else max(due, attempt.quiet_until)


def gather(attempts: Attempts, now: float, most: int) -> News:
    """Collect what can be told now, `most` attempts at once, and mark it as on its way."""
    news = News()
    room, files, told = INLINE_BYTES, INLINE_FILES, 0
    for attempt in attempts:
        if attempt.abandoned or attempt.quiet_until > now:
            continue
        before = news.items
        _tell_start(attempt, now, news)
        sent = _tell_log(attempt, room, news)
        room -= sent
        files -= _tell_last_word(attempt, sent, files, news)
        told += news.items > before
        if told >= min(most, ITEMS):
            break
    return news


def take_back(attempts: Attempts, request: ExchangeRequest, quiet_until: float) -> int:
    """Mark what this request said and nobody settled as yet to be told; tell how many attempts that were."""
    unsettled: set[AttemptRef] = set()
    items: list[Item] = [*request.started, *request.released, *request.results, *request.logs]
    for item in items:
        attempt = attempts.get(AttemptRef(item.job, item.attempt))
        if attempt is None:
            continue
        if isinstance(item, LogPart):
            if not attempt.log.busy:
                continue
            attempt.log.busy = False
        elif isinstance(item, Started):
            if attempt.start_said is not Said.IN_FLIGHT:
                continue
            attempt.start_said = Said.NOT_YET
        elif attempt.last_word is Said.IN_FLIGHT:
            attempt.last_word = Said.NOT_YET
        else:
            continue
        attempt.quiet_until = max(attempt.quiet_until, quiet_until)
        unsettled.add(attempt.ref)
    return len(unsettled)


def log_lost(attempt: Attempt) -> None:
    """Settle for the part of the log that the coordinator has: the rest cannot be read or is not taken."""
    attempt.log.end = attempt.log.next
    if attempt.result is not None and attempt.result.log_end != attempt.log.next:
        attempt.result = replace(attempt.result, log_end=attempt.log.next)
        attempt.spooled = False


def read_log(folder: Path, offset: int, most: int) -> bytes:
    """Read whole records from `offset` on; nothing when they cannot be read."""
    try:
        file = open_regular(folder / "output.log")
    except OSError:
        return b""
    try:
        os.lseek(file, offset, os.SEEK_SET)
        data = os.read(file, most)
    except OSError:
        return b""
    finally:
        os.close(file)
    return data[: whole_records_end(data)]


def _tell_start(attempt: Attempt, now: float, news: News) -> None:
    if attempt.start_said is Said.NOT_YET and attempt.started_at is not None:
        attempt.start_said = Said.IN_FLIGHT
        ago = max(0.0, now - attempt.started_at)
        news.started.append(Started(attempt.ref.job, attempt.ref.attempt, attempt.token, ago))


def _tell_log(attempt: Attempt, room: int, news: News) -> int:
    most = min(room, INLINE_LOG_BYTES, attempt.log.pending)
    if not log_inline(attempt) or most <= 0:
        return 0
    data = read_log(attempt.folder, attempt.log.next, most)
    if data:
        attempt.log.busy = True
        news.logs.append(LogPart(attempt.ref.job, attempt.ref.attempt, attempt.token, attempt.log.next, data))
    elif room >= INLINE_LOG_BYTES:  # else it was only too large for what is left of this exchange
        log_lost(attempt)
    return len(data)


def log_inline(attempt: Attempt) -> bool:
    return 0 < attempt.log.pending <= INLINE_LOG_BYTES and not attempt.log.busy


def _tell_last_word(attempt: Attempt, log_sent: int, files: int, news: News) -> int:
    if _release_ready(attempt) and attempt.release:
        attempt.last_word = Said.IN_FLIGHT
        news.released.append(attempt.release)
    elif _result_ready(attempt) and attempt.log.pending == log_sent and attempt.result:
        needed = len(attempt.result.artifacts)
        if needed > files:
            return 0
        attempt.last_word = Said.IN_FLIGHT
        news.results.append(attempt.result)
        return needed
    return 0


def _release_ready(attempt: Attempt) -> bool:
    return attempt.phase is Phase.RETURNED and attempt.last_word is Said.NOT_YET


def _result_ready(attempt: Attempt) -> bool:
    if attempt.phase is not Phase.FINISHED or attempt.last_word is not Said.NOT_YET:
        return False
    return not attempt.files_wanted and not attempt.files_busy


def log_behind(attempt: Attempt) -> bool:
    """Tell whether the log must go up first by calls of its own; a small rest goes with the result itself."""
    return attempt.log.pending > INLINE_LOG_BYTES or (attempt.log.busy and attempt.log.pending > 0)
