"""A ring of whole log records in a file of bounded size: keeps the newest, counts what it lets go."""

from pathlib import Path
from typing import BinaryIO

from shared.log_records import HEADER

_COPY_BYTES = 64 * 1024


class OutputTail:
    """At most `capacity` bytes of records; the oldest ones make room for new ones."""

    def __init__(self, path: Path, capacity: int) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._capacity = capacity
        self._start = 0  # of the oldest record, in the file
        self._used = 0
        self.left_out = 0  # bytes of output, without headers

    def add(self, record: bytes) -> None:
        """Keep one packed record, which must fit into the capacity. Raises OSError when the disk is full."""
        if self._file is None:
            self._file = open(self._path, "w+b", buffering=0)  # noqa: SIM115, PTH123 - closed by discard
        while self._used + len(record) > self._capacity:
            self._drop_oldest()
        self._write((self._start + self._used) % self._capacity, record)
        self._used += len(record)

    def copy_to(self, file: BinaryIO) -> int:
        """Append the records from oldest to newest and tell how many bytes that were. Raises OSError."""
        copied = 0
        while copied < self._used:
            piece = self._read((self._start + copied) % self._capacity, min(_COPY_BYTES, self._used - copied))
            write_whole(file, piece)
            copied += len(piece)
        return copied

    def discard(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._path.unlink(missing_ok=True)

    def _drop_oldest(self) -> None:
        _, _, length = HEADER.unpack(self._read(self._start, HEADER.size))
        self._start = (self._start + HEADER.size + length) % self._capacity
        self._used -= HEADER.size + length
        self.left_out += length

    def _read(self, place: int, count: int) -> bytes:
        first = min(count, self._capacity - place)
        data = self._read_straight(place, first)
        return data if first == count else data + self._read_straight(0, count - first)

    def _read_straight(self, place: int, count: int) -> bytes:
        assert self._file is not None
        self._file.seek(place)
        data = self._file.read(count)
        if len(data) < count:
            raise OSError(f"{self._path.name} was cut short by somebody else")
        return data

    def _write(self, place: int, data: bytes) -> None:
        assert self._file is not None
        first = min(len(data), self._capacity - place)
        self._file.seek(place)
        write_whole(self._file, data[:first])
        if first < len(data):
            self._file.seek(0)
            write_whole(self._file, data[first:])


def write_whole(file: BinaryIO, data: bytes) -> None:
    """Write all of `data` to an unbuffered file, which may take it in parts. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
