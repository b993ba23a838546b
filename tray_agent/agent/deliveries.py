"""Which files and large logs go up now, each by calls of its own."""

import math

from tray_agent.agent.attempt_desk import AttemptDesk
from tray_agent.agent.attempts import Attempt, Phase
from tray_agent.agent.news import log_behind


def deliver(desk: AttemptDesk, now: float) -> float:
    """Begin what can go up; tell when something that waits may be tried again."""
    look = math.inf
    for attempt in desk.attempts:
        if attempt.abandoned or attempt.phase is Phase.RETURNED:
            continue
        wants_log = log_behind(attempt) and not attempt.log.busy
        wants_files = (
            bool(attempt.files_wanted) and not attempt.files_busy and attempt.phase is Phase.FINISHED
        )
        if not (wants_log or wants_files):
            continue
        if attempt.quiet_until > now:
            look = min(look, attempt.quiet_until)
            continue
        if wants_log:
            _send_log(desk, attempt)
        if wants_files:
            _send_files(desk, attempt)
    return look


def _send_log(desk: AttemptDesk, attempt: Attempt) -> None:
    attempt.log.busy = True
    log = attempt.log
    desk.tools.transfers.send_log(attempt.ref, attempt.token, attempt.folder, log.next, log.end)


def _send_files(desk: AttemptDesk, attempt: Attempt) -> None:
    attempt.files_busy = True
    found = attempt.result.artifacts if attempt.result else ()
    wanted = tuple(entry for entry in found if entry.sha256 in attempt.files_wanted)
    desk.tools.transfers.send_files(attempt.ref, attempt.token, attempt.folder, wanted)
