"""The Range header and what answers it: a whole body, a part (206), or the word that there is none (416)."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from coordinator.web.call import Reply

PIECE = 256 * 1024

_ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@dataclass(frozen=True, slots=True)
class Span:
    start: int
    end: int  # exclusive


ReadAt = Callable[[int, int], bytes]  # (offset, most) -> bytes


def range_reply(
    wanted: str, size: int, read_at: ReadAt, content_type: str, headers: Mapping[str, str], head: bool = False
) -> Reply:
    """Answer with the bytes that the Range header `wanted` names; several ranges get the whole."""
    common = {"Accept-Ranges": "bytes", **headers}
    span = _span(wanted, size)
    if span is None:
        unsatisfied = {**common, "Content-Range": f"bytes */{size}"}
        return Reply(b"", 416, content_type, unsatisfied)
    partial = wanted and span != Span(0, size)
    if partial:
        common["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    if span.start == span.end:  # no pieces, of which the last would close the file
        return Reply(b"", 200, content_type, common)
    common["Content-Length"] = str(span.end - span.start)
    body = iter(()) if head else _pieces(span, read_at)
    return Reply(body, 206 if partial else 200, content_type, common)


class ClosingPieces:
    """Pieces of a body, and what to close when the server is done with them, finished or not."""

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
        self._pieces = pieces
        self.close = close  # called by the WSGI server

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def _span(wanted: str, size: int) -> Span | None:
    """Tell the bytes meant: all where the header is absent or not understood; None where none are there."""
    match = _ONE_RANGE.fullmatch(wanted.strip()) if wanted else None
    if match is None or not any(match.groups()):
        return Span(0, size)
    first, last = match.groups()
    if not first:  # the last N bytes
        start = max(size - int(last), 0)
        return Span(start, size) if int(last) and size else None
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    return Span(start, end) if start < end else None


def _pieces(span: Span, read_at: ReadAt) -> Iterator[bytes]:
    place = span.start
    while place < span.end:
        piece = read_at(place, min(PIECE, span.end - place))
        if not piece:
            return  # the bytes vanished: a short body tells the client that something broke
        place += len(piece)
        yield piece
