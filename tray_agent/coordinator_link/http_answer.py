"""Reads one HTTP/1.1 answer from a stream: the few forms that servers and proxies send, all else is refused.

The standard library reads headers with an e-mail parser, which costs more than all the rest of a call.
"""

import http.client
from dataclasses import dataclass
from typing import BinaryIO

from requests.structures import CaseInsensitiveDict

Headers = CaseInsensitiveDict[str]

MOST_REPLY_BYTES = 64 << 20
_MOST_LINE = 64 * 1024
_MOST_HEADERS = 200
_NO_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: Headers
    body: bytes


def read_answer(stream: BinaryIO) -> tuple[Answered, bool]:
    """Read an answer; tell too whether the connection can be used again. Raises OSError or HTTPException."""
    version, status = _status(stream)
    while 100 <= status < 200:  # "go on": the answer itself follows
        _headers(stream)
        version, status = _status(stream)
    headers = _headers(stream)
    body, delimited = _body(stream, headers) if status not in _NO_BODY else (b"", True)
    closes = "close" in headers.get("Connection", "").lower()
    return Answered(status, headers, body), delimited and not closes and version == b"HTTP/1.1"


def _status(stream: BinaryIO) -> tuple[bytes, int]:
    line = stream.readline(_MOST_LINE)
    if not line:
        raise http.client.RemoteDisconnected("the connection was closed without an answer")
    version, _, rest = line.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise http.client.BadStatusLine(repr(line[:100]))
    return version, int(rest[:3])


def _headers(stream: BinaryIO) -> Headers:
    headers = Headers()
    for _ in range(_MOST_HEADERS):
        line = _line(stream)
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon:
            raise http.client.HTTPException(f"not a header: {line[:100]!r}")
        headers[name] = value.strip()
    raise http.client.HTTPException("the answer has too many headers")


def _body(stream: BinaryIO, headers: Headers) -> tuple[bytes, bool]:
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return _chunks(stream), True
    length = headers.get("Content-Length")
    if length is None:
        body = stream.read(MOST_REPLY_BYTES + 1)
        _check_size(len(body))
        return body, False
    if not (length.isascii() and length.isdigit()):
        raise http.client.HTTPException(f"not a length: {length[:100]!r}")
    return _exactly(stream, int(length)), True


def _chunks(stream: BinaryIO) -> bytes:
    body = bytearray()
    while True:
        text = _line(stream).partition(";")[0].strip()
        try:
            size = int(text, 16)
        except ValueError:
            raise http.client.HTTPException(f"not the size of a chunk: {text[:100]!r}") from None
        _check_size(len(body) + max(0, size))
        if size <= 0:
            break
        body += _exactly(stream, size)
        _line(stream)
    while _line(stream):  # trailers
        pass
    return bytes(body)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    _check_size(size)
    data = stream.read(size)
    if len(data) < size:
        raise http.client.IncompleteRead(data, size - len(data))
    return data


def _line(stream: BinaryIO) -> str:
    line = stream.readline(_MOST_LINE)
    if not line.endswith(b"\n"):
        raise http.client.HTTPException("the answer was cut short or has a line that is too long")
    return line.rstrip(b"\r\n").decode("latin-1")


def _check_size(size: int) -> None:
    if size > MOST_REPLY_BYTES:
        raise http.client.HTTPException("the answer is too long")
