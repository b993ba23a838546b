"""The places of the entries in a ZIP file: one after the other, nothing before, between or on top of them."""

import struct
from typing import BinaryIO

from shared.archive_directory import (
    ENCRYPTED,
    LOCAL_SIGNATURE,
    MAX_32,
    PATCH,
    UTF_8_NAME,
    ZIP64_EXTRA,
    ArchiveRefused,
    Directory,
    Header,
    extra_fields,
    read_at,
    zip64_values,
)

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR_FOLLOWS = 0x8


def lay_out(file: BinaryIO, directory: Directory, headers: list[Header]) -> dict[int, int]:
    """Tell where each entry's data begins, by the offset of its header.

    The entries must fill the file from its first byte to the directory, one after the other: so none can
    overlap another (CVE-2024-0450) and nothing can hide before or between them.
    """
    data_starts: dict[int, int] = {}
    end = 0
    before: Header | None = None
    for header in sorted(headers, key=lambda h: h.offset):
        _check_gap(file, before, end, header.offset, header.name)
        data_start = _check_local(file, header)
        data_starts[header.offset] = data_start
        before, end = header, data_start + header.packed
        if end > directory.offset:
            raise ArchiveRefused(header.name, "The entry is longer than the place it has in the archive.")
    _check_gap(file, before, end, directory.offset, None)
    return data_starts


def _check_gap(file: BinaryIO, before: Header | None, end: int, start: int, entry: str | None) -> None:
    """Refuse anything between the end of one entry and the `start` of the next but a data descriptor."""
    if start == end:
        return
    if before is None:
        raise ArchiveRefused(
            entry, "Other data stands before the first entry of this ZIP archive; pack it anew."
        )
    if start < end:
        raise ArchiveRefused(entry or before.name, "The entry overlaps another one.")
    allowed = [
        signature + struct.pack(sizes, before.crc, before.packed, before.size)
        for sizes in ("<LQQ", "<LLL")
        for signature in (b"", b"PK\x07\x08")
        if sizes == "<LQQ" or max(before.packed, before.size) <= MAX_32
    ]
    length = start - end
    if length > 24 or read_at(file, end, length) not in allowed:
        raise ArchiveRefused(
            before.name, "The entry is followed by data that belongs to no entry; pack it anew."
        )


def _check_local(file: BinaryIO, header: Header) -> int:
    """Compare the entry's own header with the directory's; return where the entry's data begins."""
    fixed = read_at(file, header.offset, _LOCAL.size + len(header.raw_name), header.name)
    signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack_from(
        fixed
    )
    if signature != LOCAL_SIGNATURE:
        raise ArchiveRefused(header.name, "The entry's own header is missing.")
    if name_length != len(header.raw_name) or fixed[_LOCAL.size :] != header.raw_name:
        raise ArchiveRefused(header.name, "The entry's own header has another name than the directory.")
    extra_start = header.offset + len(fixed)
    real = (crc, size, packed)
    if MAX_32 in (size, packed):
        extra = extra_fields(read_at(file, extra_start, extra_length, header.name), header.name)
        real = (crc, *zip64_values(extra.get(ZIP64_EXTRA, b""), (size, packed), header.name))
    unknown = (flags | header.flags) & _DESCRIPTOR_FOLLOWS  # a streaming packer wrote sizes after the data
    compared = ENCRYPTED | PATCH | UTF_8_NAME
    if method != header.method or (flags ^ header.flags) & compared:
        raise ArchiveRefused(header.name, "The entry's own header contradicts the directory.")
    if not unknown and real != (header.crc, header.size, header.packed):
        raise ArchiveRefused(
            header.name, "The entry's own header gives another size or checksum than the directory."
        )
    data_start: int = extra_start + extra_length
    return data_start
