"""Finished results that cannot be told at once, and so go to disk by themselves."""

import math

from tray_agent.agent.attempt_desk import AttemptDesk
from tray_agent.agent.attempts import Attempt, Phase, Said
from tray_agent.agent.calls import spool
from tray_agent.agent.lanes import LaneState
from tray_agent.agent.news import log_behind

_LATEST_S = 0.25  # how long a result may wait for the call that is under way


def spool_waiting(desk: AttemptDesk, tell: LaneState, registered: bool, now: float) -> float:
    """Put on disk what would wait; tell when to look again. Told results are put there by their call."""
    waiting = [attempt for attempt in desk.attempts if _is_waiting(attempt)]
    if not waiting:
        return math.inf
    at = _due_at(tell, registered)
    if now < at and not any(attempt.files_wanted or log_behind(attempt) for attempt in waiting):
        return at
    spool(desk.tools.outbox, tuple(attempt.result for attempt in waiting if attempt.result))
    for attempt in waiting:
        attempt.spooled = True
    return math.inf


def _is_waiting(attempt: Attempt) -> bool:
    finished = attempt.phase is Phase.FINISHED and not attempt.abandoned
    return finished and not attempt.spooled and attempt.last_word is Said.NOT_YET


def _due_at(tell: LaneState, registered: bool) -> float:
    if tell.sent_at is not None and registered:
        return tell.sent_at + _LATEST_S
    return math.inf if tell.call is None and registered else -math.inf
