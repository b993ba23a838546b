"""One HTTP call: what a handler may read of the request, each part checked here, and what it answers."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bottle import BaseRequest, request

from coordinator.domain.errors import Invalid, TooLarge
from coordinator.web.services import Services
from shared.codec import camel, decode, encode, field_types, from_json
from shared.field_rules import FieldError, Malformed

T = TypeVar("T")

MOST_JSON_BYTES = 8 * 1024 * 1024
PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: bytes whole or in pieces."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with a dataclass, a list of them, or plain JSON values."""
    body = json.dumps(encode(value), ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(body, status, headers=headers or {})


@dataclass(frozen=True, slots=True)
class Call:
    """The request of the running handler."""

    services: Services
    path: Mapping[str, str]  # the parts of the path that the route names
    # Bottle's own `request` is known on this thread only, and transactions run on the store's thread.
    request: BaseRequest = field(default_factory=lambda: BaseRequest(request.environ))

    def header(self, name: str, default: str = "") -> str:
        """Tell a header's bytes as Latin-1: Bottle takes UTF-8 for granted, and clients need not send it."""
        key = name.upper().replace("-", "_")
        plain = key in ("CONTENT_TYPE", "CONTENT_LENGTH")
        return str(self.request.environ.get(key if plain else f"HTTP_{key}", default))

    @property
    def address(self) -> str:
        return str(self.request.environ.get("REMOTE_ADDR", ""))

    @property
    def bearer(self) -> str:
        """Tell the credential of an Authorization header, whatever its scheme; "" without one."""
        _, _, credential = self.header("Authorization").partition(" ")
        return credential.strip()

    @property
    def principal(self) -> str:
        return "anyone"  # without accounts, everybody on this machine is one and the same

    def query(self, kind: type[T]) -> T:
        """Read the query string as `kind`. Raises Malformed naming each wrong parameter."""
        given: dict[str, Any] = {}
        types = {camel(name): hint for name, hint in field_types(kind).items()}
        for name in self.request.query.keys():  # noqa: SIM118  (a MultiDict iterates over pairs)
            values = self.request.query.getall(name)
            if len(values) > 1:
                raise Malformed([FieldError(name[:100], "is given twice")])
            given[name] = _number_if_wanted(values[0], types.get(name))
        return decode(kind, given)

    def json(self, kind: type[T], most: int = MOST_JSON_BYTES) -> T:
        """Read the body as `kind`. Raises Malformed, TooLarge."""
        return from_json(kind, self.body(most))

    def body(self, most: int) -> bytes:
        """Read the whole body, at most `most` bytes. Raises TooLarge."""
        declared = self.request.content_length
        if declared > most:
            raise TooLarge(f"The body has {declared} bytes; at most {most} are accepted here.")
        stream = self.request.environ["wsgi.input"]
        pieces, size = [], 0
        while piece := stream.read(PIECE):
            size += len(piece)
            if size > most:
                raise TooLarge(f"The body is larger than the {most} bytes that are accepted here.")
            pieces.append(piece)
        return b"".join(pieces)

    def offset_header(self, name: str) -> int:
        """Read a byte offset from a header. Raises Invalid."""
        text = self.header(name)
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise Invalid(
                f"The header {name} must hold a byte offset.", [FieldError(name, "must be a number")]
            )
        return int(text)


def _number_if_wanted(text: str, hint: Any) -> Any:
    """Query strings know only texts: turn one into the number or truth value that its field wants."""
    wanted = str(hint)
    if "int" in wanted and text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 20:
        return int(text)
    if "bool" in wanted and text in ("true", "false"):
        return text == "true"
    return text
