"""The hostile ZIP files that every reader of projects must refuse, each with words of the expected reason."""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.builders_zip import (
    DEFLATED,
    FULL_32,
    Ending,
    Member,
    Zip,
    deflated,
    descriptor,
    folder,
    overlapping_bomb,
    streamed,
    zip64_field,
    zip_of,
)


@dataclass(frozen=True)
class Hostile:
    title: str
    content: bytes
    entry: str | None  # that the refusal names
    reason: str  # a part of the refusal's sentence
    shown_by_headers: bool = True  # False if only reading the bytes shows it


_BAD_NAMES = {
    "..": "..",
    "../evil": "..",
    "a/../../evil": "..",
    "a/..": "..",
    "/etc/passwd": "absolute",
    "//server/share/a": "absolute",
    "C:/evil.exe": "drive letter",
    "c:evil": "drive letter",
    "C:": "drive letter",
    "..\\evil": "backslash",
    "\\\\?\\C:\\evil": "backslash",
    "a\\b.txt": "backslash",
    "CON": "device",
    "nul.txt": "device",
    "a/Com1.tar.gz": "device",
    "LPT9/a.txt": "device",
    "aux .c": "device",
    "COM².log": "device",
    "conin$": "device",
    "PRN/": "device",
    "ab:stream": "Windows forbids",
    "what?": "Windows forbids",
    "*.txt": "Windows forbids",
    "a<b": "Windows forbids",
    "a>b": "Windows forbids",
    'a"b': "Windows forbids",
    "a|b": "Windows forbids",
    "a\nb": "control character",
    "a\tb": "control character",
    "\x1b[2J": "control character",
    "a\x7f": "control character",
    "a\x85b": "control character",
    "a\u2028b": "control character",
    "a\0.txt": "control character",
    "name.": "dot or a space",
    "name ": "dot or a space",
    "a /b": "dot or a space",
    ".../b": "dot or a space",
    "a//b": "empty part",
    "a//": "empty part",
    "./a": "single dot",
    "a/./b": "single dot",
    ".": "single dot",
    "": "absolute",
    "/": "absolute",
    "x" * 241: "240 characters",
    "d/" * 119 + "x.txt": "240 characters",
    "😀" * 121: "240 characters",
    "字" * 86: "255 bytes",
}

_BAD_MODES = {
    "symbolic link": (stat.S_IFLNK | 0o777, "symbolic link"),
    "named pipe": (stat.S_IFIFO | 0o644, "named pipe"),
    "socket": (stat.S_IFSOCK | 0o644, "socket"),
    "character device": (stat.S_IFCHR | 0o644, "device"),
    "block device": (stat.S_IFBLK | 0o644, "device"),
    "unknown type": (0o150000, "unknown type"),
    "folder without a slash": (stat.S_IFDIR | 0o755, "folder"),
}


def hostile_zips() -> Iterator[Hostile]:
    """Build each hostile form once."""
    yield from _names()
    yield from _twins()
    yield from _kinds()
    yield from _packings()
    yield from _places()
    yield from _ends()
    yield from _zip64()
    yield from _bytes()


def _names() -> Iterator[Hostile]:
    for name, reason in _BAD_NAMES.items():
        member = folder(name) if name.endswith("/") else Member(name)
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
        entry = shown if len(shown) <= 200 else shown[:199] + "…"
        yield Hostile(f"name {entry[:40]!r}", zip_of(member), entry, reason)
    bad = zip_of(Member(b"bad-\xff.txt"))
    yield Hostile("name that is not the UTF-8 it claims", bad, "bad-\\xff.txt", "UTF-8")
    yield Hostile(
        "name with an encoded surrogate", zip_of(Member(b"\xed\xa0\x80")), "\\xed\\xa0\\x80", "UTF-8"
    )
    yield Hostile("name with an overlong dot", zip_of(Member(b"\xc0\xae./a")), "\\xc0\\xae./a", "UTF-8")
    sneaky = _unicode_path(b"plain.txt", b"../evil")
    member = Member("plain.txt", flags=0, extra=sneaky)
    yield Hostile("Unicode path that leaves the folder", zip_of(member), "../evil", "..")
    member = Member("plain.txt", flags=0, extra=_unicode_path(b"plain.txt", b"\xff"))
    yield Hostile("Unicode path that is not UTF-8", zip_of(member), "plain.txt", "UTF-8")


def _unicode_path(raw: bytes, path: bytes) -> bytes:
    return struct.pack("<2HBL", 0x7075, 5 + len(path), 1, zlib.crc32(raw)) + path


def _twins() -> Iterator[Hostile]:
    pairs = {
        "same name twice": ("a", "a", "twice"),
        "case twins": ("README", "readme", "only in case"),
        "case twins beyond ASCII": ("ÄRGER", "ärger", "only in case"),
        "sharp s": ("Straße", "STRASSE", "only in case"),
        "Kelvin sign": ("K", "k", "only in case"),
        "composed and decomposed": ("é", "e\u0301", "only in case"),
        "folder twins": ("src/a", "Src/b", "case or encoding"),
        "folder twins deep down": ("a/é/x", "a/e\u0301/y", "case or encoding"),
        "file that is a folder": ("a", "a/b", "which is a file"),
        "file that is a twin of a folder": ("A", "a/b", "which is a file"),
        "file and folder of one name": ("a", "a/", "both a file and a folder"),
        "same folder twice": ("a/", "a/", "twice"),
    }
    for title, (one, other, reason) in pairs.items():
        members = [folder(n) if n.endswith("/") else Member(n) for n in (one, other)]
        yield Hostile(title, zip_of(*members), None, reason)
    # A name between the two in byte order must not hide that one lies in the other.
    hidden = [Member(n) for n in ("a", "a!", "a-b", "a.txt", "a/b")]
    yield Hostile("file that is a folder, with names between", zip_of(*hidden), "a/b", "which is a file")


def _kinds() -> Iterator[Hostile]:
    for title, (mode, reason) in _BAD_MODES.items():
        yield Hostile(title, zip_of(Member("odd", mode=mode)), "odd", reason)
    yield Hostile(
        "link in a folder's clothes", zip_of(Member("odd/", b"", mode=0o120777)), "odd/", "symbolic link"
    )
    yield Hostile("file type with a slash", zip_of(Member("odd/", b"")), "odd/", "folder")
    yield Hostile("folder with bytes", zip_of(Member("odd/", b"x", mode=0)), "odd/", "bytes of its own")
    link = Member("odd", system=0, mode=stat.S_IFLNK | 0o777)
    yield Hostile("link from a packer that calls itself DOS", zip_of(link), "odd", "symbolic link")


def _packings() -> Iterator[Hostile]:
    for title, flag in {"encrypted": 1, "strongly encrypted": 0x41, "masked headers": 0x2000}.items():
        yield Hostile(title, zip_of(Member("odd", flags=flag)), "odd", "encrypted")
    yield Hostile("patch data", zip_of(Member("odd", flags=0x20)), "odd", "patch")
    for method, name in {12: "bzip2", 14: "LZMA", 9: "Deflate64", 93: "Zstandard", 99: "99", 1: "1"}.items():
        yield Hostile(f"method {method}", zip_of(Member("odd", method=method)), "odd", name)
    yield Hostile("stored with two sizes", zip_of(Member("odd", size=7)), "odd", "two sizes differ")
    local = {
        "another name": (Member("odd", local_name=b"../"), "another name"),
        "a longer name": (Member("odd", local_name=b"odd.exe"), "another name"),
        "another method": (Member("odd", local_method=DEFLATED), "contradicts"),
        "encryption": (Member("odd", local_flags=0x801), "contradicts"),
        "another name encoding": (Member("odd", local_flags=0), "contradicts"),
        "another size": (Member("odd", local_size=1), "another size"),
        "another packed size": (Member("odd", local_packed_size=1), "another size"),
        "another checksum": (Member("odd", local_crc=1), "another size or checksum"),
        "no signature": (Member("odd", local_signature=b"PK\x03\x05"), "missing"),
        "a damaged extra field": (
            Member("odd", local_size=FULL_32, local_extra=b"\x01\x00\xff\x00"),
            "extra fields are damaged",
        ),
    }
    for title, (member, reason) in local.items():
        yield Hostile(f"own header with {title}", zip_of(member), "odd", reason)


def _places() -> Iterator[Hostile]:
    yield Hostile("overlapping entries", overlapping_bomb(50, b"x" * 5000), "f00001", "overlaps")
    quoted = Member("b", b"y" * 10, offset=30)
    yield Hostile("entry inside another", zip_of(Member("a", b"x" * 200), quoted), "b", "overlaps")
    longer = Member("a", b"x" * 9, size=60, packed_size=60)
    yield Hostile("entry longer than its place", zip_of(longer), "a", "longer than the place")
    longer = Member("a", b"x" * 9, size=41, packed_size=41)
    yield Hostile("entry that runs into the next", zip_of(longer, Member("b" * 90)), "b" * 90, "overlaps")
    far = zip_of(Member("a", offset=0x7FFFFFFF))
    yield Hostile("entry beyond the file", far, "a", "before the first entry")
    yield Hostile(
        "entry inside the directory", zip_of(Member(), Member("b", offset=120)), "a.txt", "no entry"
    )
    yield Hostile(
        "data before the first entry", Zip(before=b"#!/bin/sh\n").build(), "a.txt", "before the first"
    )
    yield Hostile(
        "data put before the archive", b"#!/bin/sh\n" + Zip().build(), None, "directory is not where"
    )
    empty = Zip([], before=b"MZ").build()
    yield Hostile("data and no entries", empty, None, "before the first")
    yield Hostile(
        "data between entries", Zip([Member(), Member("b")], between=b"!").build(), "a.txt", "no entry"
    )
    yield Hostile("data after the last entry", Zip(between=b"!" * 30).build(), "a.txt", "no entry")
    lying = streamed("a", b"hello")
    lying.descriptor = lying.descriptor[:-1] + b"\x7f"
    yield Hostile("data descriptor that lies", zip_of(lying), "a", "no entry")
    member = Member("a")
    member.descriptor = descriptor(Member("a", b"other"), wide=True)
    cut = zip_of(Member("odd", local_extra=b"\x99\x99\xff\xff"))
    cut = cut.replace(b"\x04\x00odd\x99", b"\xff\xffodd\x99")
    yield Hostile("own header longer than the file", cut, "odd", "longer than the place")
    yield Hostile("data descriptor of another entry", zip_of(member), "a", "no entry")


def _ends() -> Iterator[Hostile]:
    good = Zip().build()
    yield Hostile("empty file", b"", None, "not a ZIP archive")
    yield Hostile("text", b"hello, world\n" * 10, None, "not a ZIP archive")
    yield Hostile("one byte", b"P", None, "not a ZIP archive")
    yield Hostile("gzip", b"\x1f\x8b\x08" + bytes(100), None, "not a ZIP archive")
    yield Hostile("cut in the end record", good[:-1], None, "end of this ZIP archive is missing")
    yield Hostile("cut in the directory", good[:-40], None, "end of this ZIP archive is missing")
    yield Hostile("cut after the first header", good[:36], None, "end of this ZIP archive is missing")
    yield Hostile("one byte follows", good + b"\n", None, "Other data follows")
    yield Hostile("much data follows", good + bytes(70_000), None, "missing")
    yield Hostile("two archives", good + good, None, "directory is not where")
    yield Hostile(
        "comment too short", Zip(ending=Ending(comment=b"hello", comment_length=3)).build(), None, "follows"
    )
    yield Hostile(
        "comment cut", Zip(ending=Ending(comment=b"hello", comment_length=9)).build(), None, "missing"
    )
    second = Zip(ending=Ending(comment=Zip([]).build())).build()
    yield Hostile("end record inside the comment", second, None, "two end records")
    yield Hostile("second disk", Zip(ending=Ending(disk=1)).build(), None, "one part of several")
    yield Hostile(
        "directory on a second disk", Zip(ending=Ending(directory_disk=1)).build(), None, "one part"
    )
    yield Hostile("entries elsewhere", Zip(ending=Ending(count_here=0)).build(), None, "one part of several")
    yield Hostile("entry on a second disk", zip_of(Member("odd", disk=1)), "odd", "another part")
    yield Hostile("more entries than room", Zip(ending=Ending(count=9)).build(), None, "more entries")
    two = [Member(comment=b"c" * 60), Member("b")]
    yield Hostile("one entry more than there are", Zip(two, Ending(count=3)).build(), None, "Entry 3")
    yield Hostile("fewer entries than there are", Zip(two, Ending(count=1)).build(), None, "holds more")
    yield Hostile("no entry counted", Zip(ending=Ending(count=0)).build(), None, "holds more")
    yield Hostile("directory elsewhere", Zip(ending=Ending(offset=3)).build(), None, "directory is not where")
    yield Hostile(
        "directory too large", Zip(ending=Ending(size=1 << 31)).build(), None, "directory is not where"
    )
    yield Hostile(
        "data after the directory", Zip(after_directory=b"x" * 9).build(), None, "directory is not where"
    )
    yield Hostile("no directory", zip_of(Member("odd", central_signature=b"PK\x05\x05")), None, "Entry 1")
    cut = zip_of(Member("odd", extra=b"\x99\x99\xff\x00"))
    yield Hostile("extra field longer than its room", cut, "odd", "extra fields are damaged")


def _zip64() -> Iterator[Hostile]:
    lies: dict[str, dict[str, int]] = {
        "disk": {"disk": 1},
        "entries": {"count": 1 << 40, "count_here": 1 << 40},
        "entries, negative if signed": {"count": (1 << 64) - 1, "count_here": (1 << 64) - 1},
        "directory": {"offset": (1 << 64) - 40},
        "size": {"size": 1 << 63},
        "place": {"place": (1 << 64) - 1},
        "place inside an entry": {"place": 0},
        "record length": {"record": 1 << 62},
        "number of disks": {"disks": 2},
    }
    for title, changes in lies.items():
        yield Hostile(
            f"ZIP64 end that lies about {title}", Zip(ending=Ending(end64=changes)).build(), None, "archive"
        )
    content = bytearray(Zip(ending=Ending(end64={})).build())
    content[-12:-8] = b"\x02\0\x02\0"
    yield Hostile("end records that count differently", bytes(content), None, "contradict each other")
    bare = Member("odd", b"hello", size=FULL_32, packed_size=FULL_32)
    yield Hostile("ZIP64 sizes that are missing", zip_of(bare), "odd", "ZIP64 sizes are missing")
    bare.extra = zip64_field(5)
    yield Hostile("ZIP64 sizes of which one is missing", zip_of(bare), "odd", "ZIP64 sizes are missing")
    bare.extra = zip64_field(5, 5) * 2
    yield Hostile("ZIP64 sizes twice", zip_of(bare), "odd", "extra fields are damaged")
    bare.extra = zip64_field(1 << 63, 1 << 63)
    yield Hostile("ZIP64 sizes beyond everything", zip_of(bare), "odd", "unpacks to more than")
    bare.extra = zip64_field(5, 5)
    bare.local_extra = zip64_field(6, 6)
    yield Hostile("ZIP64 sizes that contradict", zip_of(bare), "odd", "another size")


def _bytes() -> Iterator[Hostile]:
    zeros = Member("zeros", bytes(32 << 20), DEFLATED)
    yield Hostile("bomb of zeros", zip_of(zeros), "zeros", "200 times")
    many = [Member(f"part{n}", bytes(2 << 20), DEFLATED) for n in range(8)]
    yield Hostile("bomb in many entries", zip_of(*many), "part0", "200 times")
    huge = [Member(f"part{n}", b"", DEFLATED, size=0xFFFFFFFE) for n in range(2)]
    yield Hostile(
        "more than 4 GiB declared", zip_of(*huge), "part1", "unpacks to more than 4,294,967,296 bytes"
    )
    forms = {
        "wrong checksum": (Member("odd", crc=1), "checksum"),
        "wrong checksum, compressed": (Member("odd", b"x" * 99, DEFLATED, crc=1), "checksum"),
        "empty with a checksum": (Member("odd", b"", crc=1), "checksum"),
        "bomb that declares one byte": (
            Member("odd", bytes(9 << 20), DEFLATED, size=1),
            "more than the 1 bytes",
        ),
        "more bytes than declared": (Member("odd", b"x" * 99, DEFLATED, size=98), "more than the 98 bytes"),
        "fewer bytes than declared": (
            Member("odd", b"x" * 99, DEFLATED, size=100),
            "less than the 100 bytes",
        ),
        "empty that declares a byte": (
            Member("odd", b"", DEFLATED, packed=b"", size=1),
            "less than the 1 bytes",
        ),
        "compressed nonsense": (Member("odd", DEFLATE_DATA, DEFLATED, packed=b"\xff" * 50), "make no sense"),
        "compressed bytes cut": (Member("odd", DEFLATE_DATA, DEFLATED, packed=_PACKED[:-3]), "end too early"),
        "data after the compressed bytes": (
            Member("odd", DEFLATE_DATA, DEFLATED, packed=_PACKED + b"evil"),
            "after its compressed bytes",
        ),
        "folder with hidden bytes": (
            Member("odd/", b"", DEFLATED, mode=0, packed=deflated(b"x")),
            "more than the 0 bytes",
        ),
    }
    for title, (member, reason) in forms.items():
        entry = str(member.name)
        yield Hostile(title, zip_of(Member(), member), entry, reason, shown_by_headers=False)


DEFLATE_DATA = b"one two three " * 40
_PACKED = deflated(DEFLATE_DATA)
