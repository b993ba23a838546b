"""Calls a WSGI application in the same thread, as a server would: an answer may be read piece by piece."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

HOST = "127.0.0.1:8080"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    pieces: Iterator[bytes]
    source: Any
    body: bytes = b""
    closed: bool = field(default=False)

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    def read(self) -> "Answer":
        self.body += b"".join(self.pieces)
        self.close()
        return self

    def close(self) -> None:
        if not self.closed and hasattr(self.source, "close"):
            self.source.close()
        self.closed = True

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [error["field"] for error in self.json()["errors"]]


class WsgiClient:
    def __init__(self, app: Any, host: str = HOST, address: str = "127.0.0.1") -> None:
        self.app = app
        self.host = host
        self.address = address

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.call("GET", path, headers=headers)

    def head(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.call("HEAD", path, headers=headers)

    def post(self, path: str, value: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON value, or bytes as they are."""
        body = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
        return self.call("POST", path, body, headers)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        declared: int | None = None,
    ) -> Answer:
        """Call and read the whole answer."""
        return self.open(method, path, body, headers, declared).read()

    def open(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        declared: int | None = None,
    ) -> Answer:
        """Call and leave the answer unread; `declared` is the Content-Length where not the body's."""
        begun: list[tuple[int, dict[str, str]]] = []

        def start_response(status: str, given: Iterable[tuple[str, str]], _error: Any = None) -> Any:
            begun.append((int(status.split(" ")[0]), {name.lower(): value for name, value in given}))
            return lambda data: None

        environ = self._environ(method, path, body, len(body) if declared is None else declared)
        for name, value in (headers or {}).items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value  # as WSGI has it
        source = self.app(environ, start_response)
        status, found = begun[-1]
        return Answer(status, found, iter(source), source)

    def _environ(self, method: str, path: str, body: bytes, declared: int) -> dict[str, Any]:
        plain, _, query = path.partition("?")
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(plain).decode("latin-1"),
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(declared),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8080",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.address,
            "HTTP_HOST": self.host,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
