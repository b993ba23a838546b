"""The agent's journal: which attempts it holds, and the finished results that wait to be settled.

One append-only file of lines, each a checksum and a JSON object. What is only held must survive a kill of the
agent, so it is written; a result must survive a power cut, so it is synced, several at once in one go.
"""

import json
import logging
import os
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.codec import decode, encode
from shared.messages import AttemptRef, Result

log = logging.getLogger(__name__)

_COMPACT_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one attempt that is not settled."""

    ref: AttemptRef
    token: str
    started: bool = False
    result: Result | None = None


class Outbox:
    """Safe to use from several threads. Raises OSError when the disk does not take it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "journal"
        self._lock = threading.Lock()
        self._open = _read(self._path)
        self._size = 0
        self._file = self._rewrite()

    def entries(self) -> tuple[Entry, ...]:
        """List what an earlier run of this agent left unsettled."""
        return tuple(self._open.values())

    def hold(self, entries: list[Entry]) -> None:
        """Write down that these attempts are held, or started."""
        with self._lock:
            for entry in entries:
                self._open[entry.ref] = entry
            self._append(b"".join(_line(entry) for entry in entries))

    def add(self, results: tuple[Result, ...]) -> None:
        """Put finished results where a power cut cannot take them."""
        with self._lock:
            lines = b""
            for result in results:
                entry = Entry(AttemptRef(result.job, result.attempt), result.token, True, result)
                self._open[entry.ref] = entry
                lines += _line(entry)
            self._append(lines)
            os.fsync(self._file)

    def settle(self, refs: list[AttemptRef]) -> None:
        """Forget attempts that need nothing more."""
        with self._lock:
            known = [ref for ref in refs if self._open.pop(ref, None)]
            self._append(b"".join(_frame({"over": ref.job, "attempt": ref.attempt}) for ref in known))

    def set_aside(self) -> None:
        """Start an empty journal and keep the old one: it belongs to another PC's agent."""
        with self._lock:
            os.close(self._file)
            _keep_copy(self._path, "copied")
            self._open = {}
            self._file = self._rewrite()

    def close(self) -> None:
        with self._lock:
            os.close(self._file)

    def _append(self, lines: bytes) -> None:
        _write_all(self._file, lines)
        self._size += len(lines)
        if self._size > _COMPACT_BYTES:
            os.close(self._file)
            self._file = self._rewrite()

    def _rewrite(self) -> int:
        lines = b"".join(_line(entry) for entry in self._open.values())
        fresh = self._path.with_suffix(".new")
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        try:
            _write_all(file, lines)
            os.fsync(file)
        finally:
            os.close(file)
        fresh.replace(self._path)
        _sync_folder(self._path.parent)
        self._size = len(lines) if len(lines) < _COMPACT_BYTES // 2 else 0
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))


def _line(entry: Entry) -> bytes:
    if entry.result is not None:
        return _frame({"result": encode(entry.result)})
    ref = entry.ref
    return _frame({"job": ref.job, "attempt": ref.attempt, "token": entry.token, "started": entry.started})


def _frame(value: dict[str, Any]) -> bytes:
    body = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _read(path: Path) -> dict[AttemptRef, Entry]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    found: dict[AttemptRef, Entry] = {}
    *lines, torn = data.split(b"\n")  # what stands after the last line break was never completed
    damaged = 0
    for line in lines:
        try:
            _apply(line, found)
        except (ValueError, KeyError, TypeError):
            damaged += 1
    if damaged or torn:
        log.warning("journal.damaged", extra={"lines": damaged, "torn_bytes": len(torn)})
    if damaged:
        _keep_copy(path, "unreadable")
    return found


def _apply(line: bytes, found: dict[AttemptRef, Entry]) -> None:
    checksum, _, body = line.partition(b" ")
    if int(checksum, 16) != zlib.crc32(body):
        raise ValueError("the checksum is wrong")
    value = json.loads(body)
    if "result" in value:
        result = decode(Result, value["result"])
        ref = AttemptRef(result.job, result.attempt)
        found[ref] = Entry(ref, result.token, True, result)
    elif "over" in value:
        found.pop(AttemptRef(value["over"], value["attempt"]), None)
    else:
        ref = decode(AttemptRef, {"job": value["job"], "attempt": value["attempt"]})
        found[ref] = Entry(ref, str(value["token"]), bool(value["started"]))


def _keep_copy(path: Path, why: str) -> None:
    for number in range(1, 1000):
        kept = path.with_name(f"{path.name}-{why}-{number}")
        if not kept.exists():
            path.replace(kept)
            return


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders; its rename is journalled
        return
    try:
        os.fsync(handle)
    except OSError:
        log.debug("folder.not_synced", exc_info=True)
    finally:
        os.close(handle)
