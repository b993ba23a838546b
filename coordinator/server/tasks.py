"""Answers a parsed request: by the application, or, where it could not be read, by a problem document."""

import json
from typing import Any

from waitress.task import ErrorTask, WSGITask


class ApplicationTask(WSGITask):  # type: ignore[misc]  # Waitress has no types
    """Waitress's own; while the server drains, each answer is the last of its connection."""

    def build_response_header(self) -> bytes:
        if self.channel.server.draining:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ["SERVER_SOFTWARE"] = "Sparetime"  # Waitress puts None here when it has no name to show
        return environ


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """Answers what Waitress or the parser refused in the form of all other errors of the interface."""

    def execute(self) -> None:
        error = self.request.error
        self.status = f"{error.code} {error.reason}"
        body = problem_body(error.code, error.reason, error.body, getattr(self.request, "path", ""))
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.response_headers.append(("Cache-Control", "no-store"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def problem_body(status: int, title: str, detail: str, path: str) -> bytes:
    """Write the problem document; the older interface finds its two fields in it as well."""
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    problem |= {"instance": path, "errors": []}
    if not path.startswith("/api/v1/"):
        problem |= {"error": detail, "statusCode": status}
    return json.dumps(problem).encode()
