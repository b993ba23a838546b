"""Which files a job gives back: what is new or changed in its folder, or what its patterns name."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from shared.archive_names import path_fault, printable
from shared.messages import ArtifactEntry
from tray_agent.agent.globs import compile_globs

MAX_FILES = 20_000
_PIECE_BYTES = 1 << 20
_REPARSE_POINT = 0x400  # Windows: a junction calls itself a folder, but lies elsewhere
_MAX_NOTES = 5

Mark = tuple[int, int, int]  # size, time of change in ns, inode: a copy that keeps the time has a new inode
Snapshot = dict[str, Mark]


def take_snapshot(work: Path) -> Snapshot:
    """Remember every file below `work`, by its path with / between the parts."""
    return {path: _mark(found) for path, found in _files(work)}


def is_empty(work: Path) -> bool:
    """Tell whether nothing at all lies in `work`."""
    try:
        with os.scandir(work) as entries:
            return next(iter(entries), None) is None
    except OSError:
        return True


def collect(
    work: Path, patterns: tuple[str, ...], before: Snapshot, *, ignore_case: bool
) -> tuple[tuple[ArtifactEntry, ...], tuple[str, ...]]:
    """List the files that go back, each with size and hash, and notes on those that cannot."""
    entries: list[ArtifactEntry] = []
    notes: list[str] = []
    for path, _ in _chosen(work, patterns, before, ignore_case, notes):
        if fault := _fault(path):
            notes.append(f"Not taken: {printable(path, 100)}. {fault}")
        elif len(entries) == MAX_FILES:
            notes.append(f"Only the first {MAX_FILES:,} files were taken.")
            break
        else:
            try:
                entries.append(ArtifactEntry(path, *_hash(work / path)))
            except OSError as error:
                notes.append(f"Not taken: {printable(path, 100)}. It could not be read: {error.strerror}.")
    return tuple(entries), _shortened(notes)


def open_regular(path: Path) -> int:
    """Open a file for reading, never through a link and never waiting on a pipe. Raises OSError."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    return os.open(path, flags)


def read_at(file: int, offset: int, most: int) -> bytes:
    """Read exactly `most` bytes from `offset` on, fewer only at the end of the file. Raises OSError."""
    os.lseek(file, offset, os.SEEK_SET)
    data = b""
    while len(data) < most and (piece := os.read(file, most - len(data))):
        data += piece
    return data


def _chosen(
    work: Path, patterns: tuple[str, ...], before: Snapshot, ignore_case: bool, notes: list[str]
) -> Iterator[tuple[str, os.stat_result]]:
    found = sorted(_files(work), key=lambda pair: pair[0])
    if not patterns:
        yield from ((path, info) for path, info in found if before.get(path) != _mark(info))
        return
    matchers = compile_globs(patterns, ignore_case=ignore_case)
    for pattern, matches in zip(patterns, matchers, strict=True):
        if not any(matches(path) for path, _ in found):
            notes.append(f"No file matches {printable(pattern, 100)}.")
    yield from ((path, info) for path, info in found if any(matches(path) for matches in matchers))


def _files(work: Path) -> Iterator[tuple[str, os.stat_result]]:
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(work / folder if folder else work) as entries:
                listed = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        except OSError:  # a folder that the job made unreadable, or that is gone
            continue
        for name, info in listed:
            path = f"{folder}/{name}" if folder else name
            if stat.S_ISREG(info.st_mode):
                yield path, info
            elif stat.S_ISDIR(info.st_mode) and not getattr(info, "st_file_attributes", 0) & _REPARSE_POINT:
                folders.append(path)


def _mark(info: os.stat_result) -> Mark:
    return info.st_size, info.st_mtime_ns, info.st_ino


def _hash(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(open_regular(path), "rb", buffering=0) as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()


def _fault(path: str) -> str | None:
    try:
        path.encode()
    except UnicodeEncodeError:
        return "Its name is not valid Unicode."
    return path_fault(path)


def _shortened(notes: list[str]) -> tuple[str, ...]:
    if len(notes) <= _MAX_NOTES:
        return tuple(notes)
    return (*notes[:_MAX_NOTES], f"{len(notes) - _MAX_NOTES:,} more remarks are left out.")
