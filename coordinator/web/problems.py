"""One table from error to HTTP status, and the form that errors have in the native interface (RFC 9457)."""

from dataclasses import dataclass

from bottle import HTTPError, request

from coordinator.domain import errors
from coordinator.web.call import Reply, json_reply
from shared.field_rules import FieldError, Malformed

MOST_ERRORS = 50  # a body of a million unknown fields needs no million sentences

STATUS: dict[type[Exception], tuple[int, str]] = {
    errors.NotFound: (404, "Not found"),
    errors.Invalid: (422, "Cannot be done as asked"),
    errors.Conflict: (409, "Not possible in the present state"),
    errors.KeyReused: (422, "Idempotency key used before"),
    errors.NotAllowed: (403, "Not allowed"),
    errors.SessionTaken: (409, "Another session is live"),
    errors.SessionUnknown: (401, "Session not known"),
    errors.StaleAttempt: (409, "Not the current attempt"),
    errors.AttemptOver: (410, "The attempt is over"),
    errors.WrongOffset: (416, "Wrong offset"),
    errors.TooLarge: (413, "Too large"),
    errors.NoSpace: (507, "Disk full"),
    errors.Unavailable: (503, "Not available now"),
}
RETRY_AFTER_S = 3


@dataclass(frozen=True, slots=True)
class Problem:
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[FieldError, ...] = ()


def problem_of(error: Exception) -> tuple[int, str] | None:
    """Tell status and title of an error; None for one that nobody foresaw."""
    if isinstance(error, Malformed):
        whole = all(not each.field for each in error.errors)
        return (400, "Not readable") if whole else (422, "Some fields are wrong")
    if isinstance(error, HTTPError):
        return error.status_code, str(error.status_line).partition(" ")[2]
    return next((known for kind, known in STATUS.items() if isinstance(error, kind)), None)


def problem_reply(error: Exception) -> Reply:
    """Answer with application/problem+json."""
    status, title = problem_of(error) or (500, "Internal error")
    details = tuple(getattr(error, "errors", None) or ())[:MOST_ERRORS]
    problem = Problem(
        type=f"urn:sparetime:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=_detail(error),
        instance=request.path[:200],
        errors=details,
    )
    reply = json_reply(problem, status, _headers(error, status))
    return Reply(reply.body, status, "application/problem+json", reply.headers)


def _detail(error: Exception) -> str:
    if isinstance(error, Malformed):
        return "What was sent does not have the form it must have. Each wrong field is named."
    return str(error.body) if isinstance(error, HTTPError) else str(error)


def _headers(error: Exception, status: int) -> dict[str, str]:
    if isinstance(error, errors.WrongOffset):
        return {"Upload-Offset": str(error.true_offset)}
    return {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
