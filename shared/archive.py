"""The rules for uploaded ZIP archives, checked at upload and once more by the agent that unpacks them."""

import stat
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from inspect import GEN_CLOSED, getgeneratorstate
from typing import BinaryIO

from shared.archive_directory import (
    ENCRYPTED,
    PATCH,
    ArchiveRefused,
    Header,
    find_directory,
    read_at,
    read_headers,
)
from shared.archive_layout import lay_out
from shared.archive_names import path_fault, tree_fault

__all__ = [
    "PIECE_BYTES",
    "ArchiveEntry",
    "ArchiveLimits",
    "ArchiveListing",
    "ArchiveRefused",
    "inspect_archive",
    "read_entries",
    "verify_archive",
]

PIECE_BYTES = 1 << 20
_CHUNK_BYTES = 256 * 1024  # compressed bytes read at once
_STORED, _DEFLATED = 0, 8
_METHOD_NAMES = {
    9: "Deflate64",
    12: "bzip2",
    14: "LZMA",
    20: "Zstandard",
    93: "Zstandard",
    95: "XZ",
    98: "PPMd",
}
_SPECIAL_TYPES = {
    stat.S_IFLNK: "a symbolic link; put the file that it points to in its place",
    stat.S_IFIFO: "a named pipe; leave it out",
    stat.S_IFSOCK: "a socket; leave it out",
    stat.S_IFCHR: "a device; leave it out",
    stat.S_IFBLK: "a device; leave it out",
}


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may grow to; the ratio is the whole archive's, and free up to `ratio_free_bytes`."""

    entries: int = 20_000
    unpacked_bytes: int = 4 << 30
    ratio: int = 200
    ratio_free_bytes: int = 10 << 20


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    path: str  # relative, parts separated by /, letters as stored; no slash at the end of a folder
    size: int
    is_folder: bool
    executable: bool


@dataclass(frozen=True, slots=True)
class ArchiveListing:
    entries: tuple[ArchiveEntry, ...]
    unpacked_bytes: int


@dataclass(frozen=True, slots=True)
class _Contents:
    entries: tuple[ArchiveEntry, ...]
    headers: list[Header]
    data_starts: dict[int, int]

    @property
    def unpacked_bytes(self) -> int:
        return sum(entry.size for entry in self.entries)


def inspect_archive(file: BinaryIO, limits: ArchiveLimits = ArchiveLimits()) -> ArchiveListing:
    """Check names, types, sizes and places by the headers alone. Raises ArchiveRefused."""
    contents = _contents(file, limits)
    return ArchiveListing(contents.entries, contents.unpacked_bytes)


def verify_archive(file: BinaryIO, limits: ArchiveLimits = ArchiveLimits()) -> ArchiveListing:
    """Check the headers, then unpack every byte into nothing: sizes, checksums. Raises ArchiveRefused."""
    contents = _contents(file, limits)
    for _, pieces in _entries(file, contents):
        for _ in pieces:
            pass
    return ArchiveListing(contents.entries, contents.unpacked_bytes)


def read_entries(
    file: BinaryIO,
    limits: ArchiveLimits = ArchiveLimits(),
) -> Iterator[tuple[ArchiveEntry, Iterator[bytes]]]:
    """Check the headers at once, then give each entry with its bytes in pieces of at most 1 MiB.

    Raises ArchiveRefused, at the latest when an entry's last piece has been taken: what was written by then
    must be thrown away. An entry whose pieces were not all taken is still read and checked to its end.
    """
    return _entries(file, _contents(file, limits))


def _contents(file: BinaryIO, limits: ArchiveLimits) -> _Contents:
    directory = find_directory(file)
    if directory.count > limits.entries:
        raise ArchiveRefused(
            None, f"This ZIP archive has {directory.count:,} entries; {limits.entries:,} are allowed."
        )
    headers: list[Header] = []
    entries: list[ArchiveEntry] = []
    unpacked = 0
    for header in read_headers(file, directory):
        entries.append(_entry(header))
        headers.append(header)
        unpacked += header.size
        if unpacked > limits.unpacked_bytes:
            raise ArchiveRefused(
                header.name,
                f"Up to this entry the archive unpacks to more than {limits.unpacked_bytes:,} bytes.",
            )
    if fault := tree_fault(((e.path, e.is_folder) for e in entries), limits.entries):
        raise ArchiveRefused(fault.path, fault.reason)
    data_starts = lay_out(file, directory, headers)
    _check_ratio(headers, unpacked, limits)
    return _Contents(tuple(entries), headers, data_starts)


def _entry(header: Header) -> ArchiveEntry:
    is_folder = header.name.endswith("/")
    path = header.name.removesuffix("/")
    fault = path_fault(path) or _kind_fault(header, is_folder) or _packing_fault(header)
    if fault:
        raise ArchiveRefused(header.name, fault)
    executable = not is_folder and bool(header.mode & stat.S_IXUSR)
    return ArchiveEntry(path, header.size, is_folder, executable)


def _kind_fault(header: Header, is_folder: bool) -> str | None:
    kind = stat.S_IFMT(header.mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"The entry is {_SPECIAL_TYPES.get(kind, 'of an unknown type; leave it out')}."
    if kind and is_folder != (kind == stat.S_IFDIR):
        return "The entry's name and its type disagree whether it is a folder."
    if is_folder and header.size:
        return "The entry is a folder, but has bytes of its own."
    return None


def _packing_fault(header: Header) -> str | None:
    if header.flags & ENCRYPTED:
        return "The entry is encrypted; pack it without a password."
    if header.flags & PATCH:
        return "The entry is a patch, not a file; pack the file itself."
    if header.method not in (_STORED, _DEFLATED):
        name = _METHOD_NAMES.get(header.method, f"number {header.method}")
        return f"The entry is compressed by the method {name}; choose Deflate, the usual one, when packing."
    if header.method == _STORED and header.packed != header.size:
        return "The entry is stored as it is, yet its two sizes differ."
    return None


def _check_ratio(headers: list[Header], unpacked: int, limits: ArchiveLimits) -> None:
    packed = sum(header.packed for header in headers)
    if unpacked > max(limits.ratio_free_bytes, limits.ratio * packed):
        worst = max(headers, key=lambda h: h.size - limits.ratio * h.packed)
        times = "" if packed == 0 else f", {unpacked // packed:,} times its size"
        raise ArchiveRefused(
            worst.name,
            f"The archive unpacks to {unpacked:,} bytes{times}; at most {limits.ratio} times is allowed.",
        )


def _entries(file: BinaryIO, contents: _Contents) -> Iterator[tuple[ArchiveEntry, Iterator[bytes]]]:
    for entry, header in zip(contents.entries, contents.headers, strict=True):
        start = contents.data_starts[header.offset]
        pieces = _pieces(file, header, start)
        yield entry, pieces
        # Pieces not taken to the end are checked all the same, and stay usable, as they may be taken later.
        if getgeneratorstate(pieces) != GEN_CLOSED:
            for _ in _pieces(file, header, start):
                pass


def _pieces(file: BinaryIO, header: Header, start: int) -> Generator[bytes, None, None]:
    left, crc = header.size, 0
    chunks = _chunks(file, header, start)
    # Some packers call an empty entry deflated, without the two bytes that this takes.
    whole = header.method == _STORED or header.packed == 0
    for piece in chunks if whole else _inflated(chunks, header.name):
        left -= len(piece)
        if left < 0:
            raise ArchiveRefused(
                header.name, f"The entry unpacks to more than the {header.size:,} bytes it declares."
            )
        crc = zlib.crc32(piece, crc)
        yield piece
    if left:
        raise ArchiveRefused(
            header.name, f"The entry unpacks to less than the {header.size:,} bytes it declares."
        )
    if crc != header.crc:
        raise ArchiveRefused(header.name, "The entry is damaged: its checksum does not match its bytes.")


def _chunks(file: BinaryIO, header: Header, start: int) -> Iterator[bytes]:
    end = start + header.packed
    while start < end:
        chunk = read_at(file, start, min(_CHUNK_BYTES, end - start), header.name)
        start += len(chunk)
        yield chunk


def _inflated(chunks: Iterator[bytes], entry: str) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in chunks:
            piece = decoder.decompress(chunk, PIECE_BYTES)
            while piece:
                yield piece
                piece = decoder.decompress(decoder.unconsumed_tail, PIECE_BYTES)
            if decoder.unused_data:
                raise ArchiveRefused(entry, "The entry holds other data after its compressed bytes.")
    except zlib.error:
        raise ArchiveRefused(entry, "The entry is damaged: its compressed bytes make no sense.") from None
    if not decoder.eof:
        raise ArchiveRefused(entry, "The entry is damaged: its compressed bytes end too early.")
