"""Builds ZIP files for tests byte by byte: sound ones, and every lie that a hostile one may tell."""

import stat
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

STORED, DEFLATED = 0, 8
UNIX, WINDOWS = 3, 0
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF


def deflated(data: bytes) -> bytes:
    """Compress to a raw Deflate stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@dataclass
class Member:
    """One entry. What is None is filled in truthfully; local_ fields speak for its own header alone."""

    name: str | bytes = "a.txt"
    data: bytes = b"hello\n"
    method: int = STORED
    mode: int = stat.S_IFREG | 0o644
    system: int = UNIX
    flags: int = 0x800
    packed: bytes | None = None  # the bytes in the file
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    disk: int = 0
    offset: int | None = None
    local_name: bytes | None = None
    local_flags: int | None = None
    local_method: int | None = None
    local_crc: int | None = None
    local_size: int | None = None
    local_packed_size: int | None = None
    local_extra: bytes = b""
    descriptor: bytes = b""
    local_signature: bytes = b"PK\x03\x04"
    central_signature: bytes = b"PK\x01\x02"

    def raw_name(self) -> bytes:
        return self.name if isinstance(self.name, bytes) else self.name.encode()

    def packed_bytes(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflated(self.data) if self.method == DEFLATED else self.data

    def sums(self) -> tuple[int, int, int]:
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        packed_size = len(self.packed_bytes()) if self.packed_size is None else self.packed_size
        return crc, packed_size, len(self.data) if self.size is None else self.size

    def local(self) -> bytes:
        crc, packed, size = self.sums()
        name = self.raw_name() if self.local_name is None else self.local_name
        header = struct.pack(
            "<4s5H3L2H",
            self.local_signature,
            20,
            _or(self.local_flags, self.flags),
            _or(self.local_method, self.method),
            0,
            0x21,
            _or(self.local_crc, crc),
            _or(self.local_packed_size, packed),
            _or(self.local_size, size),
            len(name),
            len(self.local_extra),
        )
        return header + name + self.local_extra + self.packed_bytes() + self.descriptor

    def central(self, offset: int) -> bytes:
        name = self.raw_name()
        header = struct.pack(
            "<4s2B5H3L5H2L",
            self.central_signature,
            30,
            self.system,
            20,
            self.flags,
            self.method,
            0,
            0x21,
            *self.sums(),
            len(name),
            len(self.extra),
            len(self.comment),
            self.disk,
            0,
            self.mode << 16,
            _or(self.offset, offset),
        )
        return header + name + self.extra + self.comment


@dataclass
class Ending:
    """The end records. What is None is filled in truthfully; `end64` adds ZIP64 records, so changed."""

    count: int | None = None
    count_here: int | None = None
    size: int | None = None
    offset: int | None = None
    disk: int = 0
    directory_disk: int = 0
    comment: bytes = b""
    comment_length: int | None = None
    end64: dict[str, int] | None = None


@dataclass
class Zip:
    """A whole file; `before`, `between` and `after` are bytes that do not belong."""

    members: Sequence[Member] = field(default_factory=lambda: [Member()])
    ending: Ending = field(default_factory=Ending)
    before: bytes = b""
    between: bytes = b""  # after each entry
    after_directory: bytes = b""
    after: bytes = b""

    def build(self) -> bytes:
        body = self.before
        directory = b""
        for member in self.members:
            directory += member.central(len(body))
            body += member.local() + self.between
        end = _ending(self.ending, len(self.members), len(body), len(directory))
        return body + directory + self.after_directory + end + self.after


def zip_of(*members: Member) -> bytes:
    """Build a ZIP that is sound but for what its members say."""
    return Zip(members).build()


def folder(name: str) -> Member:
    """A folder entry; `name` ends with a slash."""
    return Member(name, b"", mode=stat.S_IFDIR | 0o755)


def zip64_field(*values: int) -> bytes:
    """The ZIP64 extra field with these 8-byte values."""
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


def descriptor(member: Member, *, signed: bool = True, wide: bool = False) -> bytes:
    """The data descriptor that tells the truth about `member`."""
    sums = struct.pack("<LQQ" if wide else "<LLL", *member.sums())
    return (b"PK\x07\x08" if signed else b"") + sums


def streamed(name: str, data: bytes, *, signed: bool = True, wide: bool = False) -> Member:
    """An entry as a packer writes it that learns the sizes only at the end."""
    member = Member(name, data, DEFLATED, flags=0x808, local_crc=0, local_size=0, local_packed_size=0)
    member.descriptor = descriptor(member, signed=signed, wide=wide)
    return member


def overlapping_bomb(entries: int, kernel: bytes) -> bytes:
    """Build many entries that all quote one compressed kernel (CVE-2024-0450)."""
    packed = deflated(kernel)
    members = [
        Member(f"f{number:05}", kernel, DEFLATED, packed=packed, offset=0) for number in range(entries)
    ]
    body = members[0].local()
    directory = b"".join(member.central(0) for member in members)
    return body + directory + _ending(Ending(), entries, len(body), len(directory))


def _ending(ending: Ending, members: int, offset: int, size: int) -> bytes:
    count = _or(ending.count, members)
    size, offset = _or(ending.size, size), _or(ending.offset, offset)
    records = b""
    if ending.end64 is not None:
        records = _end64(ending.end64, count, size, offset)
        count, size, offset = FULL_16, FULL_32, FULL_32
    return (
        records
        + struct.pack(
            "<4s4H2LH",
            b"PK\x05\x06",
            ending.disk,
            ending.directory_disk,
            _or(ending.count_here, count),
            count,
            size,
            offset,
            _or(ending.comment_length, len(ending.comment)),
        )
        + ending.comment
    )


def _end64(changes: dict[str, int], count: int, size: int, offset: int) -> bytes:
    said = {
        "record": 44, "disk": 0, "directory_disk": 0, "count_here": count, "count": count, "size": size,
        "offset": offset, "locator_disk": 0, "place": offset + size, "disks": 1, **changes,
    }  # fmt: skip
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", said["record"], 45, 45, said["disk"], said["directory_disk"],
        said["count_here"], said["count"], said["size"], said["offset"],
    )  # fmt: skip
    return record + struct.pack("<4sLQL", b"PK\x06\x07", said["locator_disk"], said["place"], said["disks"])


def _or(said: int | None, truth: int) -> int:
    return truth if said is None else said
