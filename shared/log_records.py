"""The framing of an attempt's output: records (stream, time, length, bytes) in order of reading.

A record is a 13-byte header (stream 1 byte, milliseconds since the epoch 8, length 4, big-endian) and its
bytes. The offset of a record is its place in the concatenation of all records: one offset space per attempt.
A gap record holds 8 bytes: how many bytes of output were left out.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from shared.vocabulary import Stream

HEADER = struct.Struct(">BQI")
GAP = struct.Struct(">Q")
MAX_RECORD_BYTES = 64 * 1024

_CODE_OF = {Stream.STDOUT: 1, Stream.STDERR: 2, Stream.GAP: 3}
_STREAM_OF = {code: stream for stream, code in _CODE_OF.items()}
_LATEST_MS = 1 << 48


class BadRecords(ValueError):
    """Bytes that are not whole, well-formed records."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    offset: int  # of its header
    stream: Stream
    time_ms: int
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + HEADER.size + len(self.data)

    @property
    def left_out(self) -> int:
        """How many bytes a gap stands for; 0 for the other streams."""
        return int(GAP.unpack(self.data)[0]) if self.stream is Stream.GAP else 0


def pack_record(stream: Stream, time_ms: int, data: bytes) -> bytes:
    """Frame at most MAX_RECORD_BYTES of output."""
    if len(data) > MAX_RECORD_BYTES:
        raise BadRecords(f"A record holds at most {MAX_RECORD_BYTES} bytes, not {len(data)}.")
    return HEADER.pack(_CODE_OF[stream], time_ms, len(data)) + data


def pack_gap(time_ms: int, left_out: int) -> bytes:
    """Frame the remark that `left_out` bytes are missing here."""
    return pack_record(Stream.GAP, time_ms, GAP.pack(left_out))


def read_records(data: bytes, offset: int = 0) -> Iterator[LogRecord]:
    """Take framed bytes apart, the first at `offset`. Raises BadRecords at anything but whole records."""
    place = 0
    while place < len(data):
        record = _record_at(data, place, offset + place)
        place += HEADER.size + len(record.data)
        yield record


def whole_records_end(data: bytes) -> int:
    """Tell where the last whole record of `data` ends: what follows is the beginning of the next one."""
    place = 0
    while place + HEADER.size <= len(data):
        _, _, length = HEADER.unpack_from(data, place)
        if place + HEADER.size + length > len(data):
            break
        place += HEADER.size + length
    return place


def _record_at(data: bytes, place: int, offset: int) -> LogRecord:
    if place + HEADER.size > len(data):
        raise BadRecords(f"The record at offset {offset} has no whole header.")
    code, time_ms, length = HEADER.unpack_from(data, place)
    stream = _STREAM_OF.get(code)
    if stream is None or length > MAX_RECORD_BYTES or time_ms >= _LATEST_MS:
        raise BadRecords(f"The record at offset {offset} has an impossible header.")
    body = data[place + HEADER.size : place + HEADER.size + length]
    if len(body) < length:
        raise BadRecords(f"The record at offset {offset} is cut short.")
    if stream is Stream.GAP and length != GAP.size:
        raise BadRecords(f"The gap at offset {offset} does not say how many bytes are missing.")
    return LogRecord(offset, stream, time_ms, body)
