"""What an HTTP status means to the agent, as the error that its loop acts upon."""

import json
from collections.abc import Mapping

from tray_agent.agent.errors import (
    LinkError,
    NotCurrent,
    Refused,
    SessionConflict,
    SessionUnknown,
    Unreachable,
)

_TRY_LATER = frozenset({408, 425, 429})
_LONGEST_RETRY_AFTER_S = 300.0


def error_of(call: str, status: int, headers: Mapping[str, str], body: bytes) -> LinkError:
    """Turn any answer but a good one into an error; `call` is register, exchange, attempt, part, project."""
    reason = f"{_detail(body)} (HTTP {status})"
    if status >= 500 or status in _TRY_LATER or 300 <= status < 400:
        return Unreachable(reason, _seconds(headers.get("Retry-After")))
    if call == "register" and status == 409:
        return SessionConflict(reason)
    if call == "exchange" and status in (401, 404, 409, 410):
        return SessionUnknown(reason)
    if call in ("attempt", "part") and status in (409, 410):
        return NotCurrent(reason)
    if call == "part" and status == 404:
        # An upload ends with its last part, whose answer may have been lost: offering the file again tells.
        return Unreachable(reason)
    if status == 401:
        return Unreachable(reason)  # the session is being opened anew
    return Refused(reason, status)


def _detail(body: bytes) -> str:
    try:
        problem = json.loads(body[:100_000])
        detail = problem.get("detail") or problem.get("title") or ""
        fields = [f"{each.get('field')}: {each.get('message')}" for each in problem.get("errors") or ()]
        return "; ".join([str(detail), *fields])[:500]
    except (ValueError, AttributeError):
        return "The coordinator gave an answer that is not its own; is there a proxy or another server?"


def _seconds(text: str | None) -> float:
    try:
        return min(max(0.0, float(text or 0)), _LONGEST_RETRY_AFTER_S)
    except ValueError:
        return 0.0
