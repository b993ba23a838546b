"""The directory of a ZIP file, read strictly: nothing is guessed, and what could be read two ways is refused.

The format is PKWARE's APPNOTE 6.3. Every length is checked against the file before it is used.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from shared.archive_names import printable

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_LOCATOR64 = struct.Struct("<4sLQL")
_LOCATOR64_SIGNATURE = b"PK\x06\x07"
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
LOCAL_SIGNATURE = b"PK\x03\x04"
_MAX_16, MAX_32 = 0xFFFF, 0xFFFFFFFF  # "the real value is in the ZIP64 record"
ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075
_UNIX_HOSTS = (3, 19)  # Unix and macOS
ENCRYPTED = 0x1 | 0x40 | 0x2000
PATCH = 0x20
UTF_8_NAME = 0x800

_CUT_SHORT = "This ZIP archive is cut short; it was probably not copied or uploaded whole."
_END_MISSING = "The end of this ZIP archive is missing: it was cut short, or other data follows it."


class ArchiveRefused(Exception):
    """An archive breaks a rule: `entry` is the printable name of the guilty entry, `reason` one sentence."""

    def __init__(self, entry: str | None, reason: str) -> None:
        self.entry = None if entry is None else printable(entry)
        self.reason = reason
        super().__init__(reason if entry is None else f"{self.entry}: {reason}")


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the list of entries lies in the file, and how many there are said to be."""

    offset: int
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class Header:
    """What the directory says of one entry."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int  # bytes in the archive
    size: int  # bytes unpacked
    mode: int  # Unix type and permission bits; 0 if the packing program wrote none
    offset: int  # of the entry's own header


def read_at(file: BinaryIO, offset: int, count: int, entry: str | None = None) -> bytes:
    """Read exactly `count` bytes. Raises ArchiveRefused where the file ends before."""
    file.seek(offset)
    data = file.read(count)
    while len(data) < count:
        more = file.read(count - len(data))
        if not more:
            raise ArchiveRefused(entry, _CUT_SHORT)
        data += more
    return data


def find_directory(file: BinaryIO) -> Directory:
    """Find the directory by the end record, which must be the last thing in the file."""
    file_size = file.seek(0, 2)
    start = max(0, file_size - _END.size - _MAX_16)
    tail = read_at(file, start, file_size - start)
    place = start + _end_place(tail, read_at(file, 0, min(4, file_size)))
    _, disk, directory_disk, count_here, count, size, offset, _ = _END.unpack_from(tail, place - start)
    said: tuple[int, ...] = (disk, directory_disk, count_here, count, size, offset)
    if place >= _LOCATOR64.size:
        locator = read_at(file, place - _LOCATOR64.size, _LOCATOR64.size)
        if locator.startswith(_LOCATOR64_SIGNATURE):
            place, said = _zip64_end(file, place - _LOCATOR64.size, locator, said)
    disk, directory_disk, count_here, count, size, offset = said
    if disk or directory_disk or count_here != count:
        raise ArchiveRefused(
            None, "This ZIP archive is one part of several; pack the project into a single file."
        )
    if offset + size != place:
        raise ArchiveRefused(
            None, "This ZIP archive's directory is not where its end record says; pack it anew."
        )
    if count * _CENTRAL.size > size:
        raise ArchiveRefused(None, "This ZIP archive claims more entries than its directory has room for.")
    return Directory(offset, size, count)


def _end_place(tail: bytes, head: bytes) -> int:
    places = []
    reasons = []
    place = tail.find(_END_SIGNATURE)
    while place >= 0:
        rest = len(tail) - place - _END.size
        comment = int.from_bytes(tail[place + _END.size - 2 : place + _END.size], "little")
        if rest == comment:
            places.append(place)
        elif rest > comment:
            reasons.append("Other data follows the end of this ZIP archive; pack it anew.")
        place = tail.find(_END_SIGNATURE, place + 1)
    if len(places) > 1:
        raise ArchiveRefused(
            None, "This ZIP archive has two end records, so programs would disagree what is in it."
        )
    if places:
        return places[0]
    if reasons:
        raise ArchiveRefused(None, reasons[0])
    is_zip = head == LOCAL_SIGNATURE or _END_SIGNATURE in tail
    raise ArchiveRefused(None, _END_MISSING if is_zip else "This file is not a ZIP archive.")


def _zip64_end(
    file: BinaryIO, locator_place: int, locator: bytes, said: tuple[int, ...]
) -> tuple[int, tuple[int, ...]]:
    _, disk, place, disks = _LOCATOR64.unpack(locator)
    lies = ArchiveRefused(None, "This ZIP archive's two end records contradict each other; pack it anew.")
    if disk or disks > 1 or place + _END64.size > locator_place:
        raise lies
    signature, size, _, _, *real = _END64.unpack(read_at(file, place, _END64.size))
    if signature != b"PK\x06\x06" or place + 12 + size != locator_place:
        raise lies
    for value, full, short in zip(real, (_MAX_16,) * 4 + (MAX_32,) * 2, said, strict=True):
        if short not in (full, value):
            raise lies
    return place, tuple(real)


def read_headers(file: BinaryIO, directory: Directory) -> Iterator[Header]:
    """Read the directory entry by entry; it must hold exactly what its end record says."""
    place, end = directory.offset, directory.offset + directory.size
    for number in range(1, directory.count + 1):
        here = f"Entry {number:,} of the directory is damaged."
        if place + _CENTRAL.size > end:
            raise ArchiveRefused(None, here)
        fields = _CENTRAL.unpack(read_at(file, place, _CENTRAL.size))
        place += _CENTRAL.size
        name_length, extra_length, comment_length = fields[11:14]
        if fields[0] != b"PK\x01\x02" or place + name_length + extra_length + comment_length > end:
            raise ArchiveRefused(None, here)
        text = read_at(file, place, name_length + extra_length)
        yield _header(fields, text[:name_length], text[name_length:])
        place += name_length + extra_length + comment_length
    if place != end:
        raise ArchiveRefused(None, "This ZIP archive's directory holds more than the entries it counts.")


def _header(fields: tuple[int, ...], raw_name: bytes, raw_extra: bytes) -> Header:
    _, _, system, _, flags, method, _, _, crc, packed, size, _, _, _, disk, _, attributes, offset = fields
    extra = extra_fields(raw_extra, raw_name.decode("utf-8", "backslashreplace"))
    name = _decoded_name(raw_name, flags, system, extra.get(_UNICODE_PATH_EXTRA, b""))
    if MAX_32 in (packed, size, offset) or disk == _MAX_16:
        zip64 = extra.get(ZIP64_EXTRA, b"")
        size, packed, offset, disk = zip64_values(zip64, (size, packed, offset, disk), name)
    if disk:
        raise ArchiveRefused(name, "The entry lies in another part of a split archive.")
    return Header(name, raw_name, flags, method, crc, packed, size, attributes >> 16, offset)


def extra_fields(extra: bytes, entry: str) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(extra):  # some packers pad with up to three zero bytes
        kind, length = struct.unpack_from("<2H", extra, place)
        place += 4
        if place + length > len(extra) or (kind in fields and kind in (ZIP64_EXTRA, _UNICODE_PATH_EXTRA)):
            raise ArchiveRefused(entry, "The entry's extra fields are damaged.")
        if kind in (ZIP64_EXTRA, _UNICODE_PATH_EXTRA):
            fields[kind] = extra[place : place + length]
        place += length
    return fields


def zip64_values(extra: bytes, short: tuple[int, ...], entry: str) -> tuple[int, ...]:
    """Replace each full value of size, packed size, offset and disk by the next one of the ZIP64 field."""
    values = []
    for value, full, length in zip(short, (MAX_32, MAX_32, MAX_32, _MAX_16), (8, 8, 8, 4), strict=False):
        if value != full:
            values.append(value)
            continue
        if len(extra) < length:
            raise ArchiveRefused(entry, "The entry's ZIP64 sizes are missing.")
        values.append(int.from_bytes(extra[:length], "little"))
        extra = extra[length:]
    return tuple(values)


def _decoded_name(raw: bytes, flags: int, system: int, unicode_path: bytes) -> str:
    if flags & UTF_8_NAME:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            shown = raw.decode("utf-8", "backslashreplace")
            raise ArchiveRefused(shown, "The name says that it is UTF-8, but it is not.") from None
    if unicode_path[:1] == b"\x01" and unicode_path[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
        try:
            return unicode_path[5:].decode("utf-8")
        except UnicodeDecodeError:
            shown = raw.decode("cp437")
            raise ArchiveRefused(shown, "The name's Unicode form is not UTF-8.") from None
    if system in _UNIX_HOSTS:
        # Finder and Info-ZIP's zip write UTF-8 without saying so.
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return raw.decode("cp437")
