"""The route table's entry, and how a table of them becomes a Bottle application."""

import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bottle import Bottle, HTTPResponse, request

from coordinator.web.call import Call, Reply
from coordinator.web.guard import check_origin, check_path
from coordinator.web.problems import problem_of, problem_reply
from coordinator.web.services import Services

log = logging.getLogger(__name__)

Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of an interface; what the OpenAPI document says of it stands here."""

    method: str
    path: str  # as OpenAPI writes it: /api/v1/jobs/{job}; {file...} takes slashes too
    handler: Handler
    summary: str
    audience: str = "people"  # people, agents, or older (the interface of the first system)
    body: type | None = None  # a JSON body of this form
    raw_body: bool = False  # bytes as they are
    query: type | None = None
    answer: type | None = None  # a JSON answer of this form
    answer_type: str = "application/json"
    status: int = 200
    also: tuple[int, ...] = ()  # other statuses of success: with the same form of answer, or a part (206)
    headers: tuple[str, ...] = ()  # request headers that matter
    answer_headers: tuple[str, ...] = ()  # headers of the answer that matter
    errors: tuple[int, ...] = field(default=())


ErrorReply = Callable[[Exception], Reply]


def install(
    app: Bottle, routes: Sequence[Route], services: Services, error_reply: ErrorReply = problem_reply
) -> None:
    """Let `app` answer these routes."""
    for route in routes:
        path = re.sub(r"{(\w+)\.\.\.}", r"<\1:path>", route.path)
        path = re.sub(r"{(\w+)}", r"<\1>", path)
        app.route(path, method=route.method, callback=_callback(route.handler, services, error_reply))


def _callback(handler: Handler, services: Services, error_reply: ErrorReply) -> Callable[..., Any]:
    def answer(**path: str) -> HTTPResponse:
        try:
            check_origin(request, services.hosts)
            check_path(request)
            reply = handler(Call(services, path))
        except Exception as error:
            reply = _error_reply(error, error_reply)
        return to_bottle(reply)

    return answer


def _error_reply(error: Exception, error_reply: ErrorReply) -> Reply:
    if problem_of(error) is None:
        trace = secrets.token_hex(6)
        log.exception("request.failed", extra={"trace": trace, "path": request.path[:200]})
        return error_reply(RuntimeError(f"Something went wrong inside the coordinator (trace {trace})."))
    return error_reply(error)


def to_bottle(reply: Reply) -> HTTPResponse:
    headers = {"Content-Type": reply.content_type, "X-Content-Type-Options": "nosniff", **reply.headers}
    if isinstance(reply.body, bytes):
        headers["Content-Length"] = str(len(reply.body))  # also where empty: Waitress closes without it
        return HTTPResponse([reply.body] if reply.body else [], reply.status, headers)
    return HTTPResponse(reply.body, reply.status, headers)
