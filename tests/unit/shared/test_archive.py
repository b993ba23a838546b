"""The rules for uploaded archives: what sound packers write passes, every hostile form is refused."""

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest

from shared.archive import (
    PIECE_BYTES,
    ArchiveEntry,
    ArchiveLimits,
    ArchiveRefused,
    inspect_archive,
    read_entries,
    verify_archive,
)
from tests.builders_zip import (
    DEFLATED,
    FULL_32,
    WINDOWS,
    Ending,
    Member,
    Zip,
    folder,
    overlapping_bomb,
    streamed,
    zip64_field,
    zip_of,
)
from tests.hostile_zips import Hostile, hostile_zips

HOSTILE = list(hostile_zips())
DEFAULT = ArchiveLimits()


def unpacked(content: bytes, limits: ArchiveLimits = DEFAULT) -> dict[str, bytes]:
    return {entry.path: b"".join(pieces) for entry, pieces in read_entries(io.BytesIO(content), limits)}


def refusal(content: bytes, limits: ArchiveLimits = DEFAULT) -> ArchiveRefused:
    with pytest.raises(ArchiveRefused) as caught:
        inspect_archive(io.BytesIO(content), limits)
    return caught.value


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda h: h.title)
def test_a_hostile_archive_is_refused_with_a_sentence(hostile: Hostile) -> None:
    for read in (verify_archive, lambda file: [list(pieces) for _, pieces in read_entries(file)]):
        with pytest.raises(ArchiveRefused) as caught:
            read(io.BytesIO(hostile.content))
        assert hostile.reason in caught.value.reason
        assert caught.value.reason.endswith(".")
        assert "\n" not in str(caught.value)
        if hostile.entry is not None:
            assert caught.value.entry == hostile.entry


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda h: h.title)
def test_headers_alone_show_what_they_can(hostile: Hostile) -> None:
    if hostile.shown_by_headers:
        assert hostile.reason in refusal(hostile.content).reason
    else:
        inspect_archive(io.BytesIO(hostile.content))


def test_the_corpus_holds_at_least_sixty_different_forms() -> None:
    assert len({h.content for h in HOSTILE}) == len(HOSTILE) >= 60


def test_what_zipfile_writes_is_read_back() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packer:
        packer.mkdir("src")
        packer.writestr("src/größe ж.txt", "x" * 5000)
        packer.writestr("empty", b"")
        packer.comment = b"packed by a person"
    assert unpacked(file.getvalue()) == {"src": b"", "src/größe ж.txt": b"x" * 5000, "empty": b""}


def test_what_zipfile_streams_is_read_back() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packer:
        packer.writestr("a", b"hello" * 100)
        with packer.open("b", "w", force_zip64=True) as member:
            member.write(b"world" * 100)
    assert unpacked(pipe.getvalue()) == {"a": b"hello" * 100, "b": b"world" * 100}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_every_form_of_data_descriptor_is_understood(signed: bool, wide: bool) -> None:
    members = [streamed(name, name.encode() * 99, signed=signed, wide=wide) for name in "abc"]
    assert list(unpacked(zip_of(*members))) == ["a", "b", "c"]


def test_zip64_records_that_tell_the_truth_are_accepted() -> None:
    member = Member("a", b"hello", size=FULL_32, packed_size=FULL_32, extra=zip64_field(5, 5))
    member.local_extra = zip64_field(5, 5)
    assert unpacked(Zip([member], Ending(end64={})).build()) == {"a": b"hello"}


def test_an_archive_without_entries_is_accepted() -> None:
    listing = verify_archive(io.BytesIO(Zip([]).build()))
    assert (listing.entries, listing.unpacked_bytes) == ((), 0)


def test_the_listing_tells_kind_size_and_executable_bit() -> None:
    content = zip_of(
        folder("bin/"),
        Member("bin/run", b"12345", mode=stat.S_IFREG | 0o4755),
        Member("bin/group-only", b"1", mode=stat.S_IFREG | 0o654),
        Member("from Windows.txt", b"", mode=0, system=WINDOWS),
    )
    listing = inspect_archive(io.BytesIO(content))
    assert listing.entries == (
        ArchiveEntry("bin", 0, is_folder=True, executable=False),
        ArchiveEntry("bin/run", 5, is_folder=False, executable=True),
        ArchiveEntry("bin/group-only", 1, is_folder=False, executable=False),
        ArchiveEntry("from Windows.txt", 0, is_folder=False, executable=False),
    )
    assert listing.unpacked_bytes == 6


ORDINARY = [
    "a", ".gitignore", "..a", "a..b", "con-tact.txt", "COM10", "COM0", "console", "nullable.txt", "x.nul",
    "a b/c d.txt", "日本語/ファイル.txt", "e\u0301", "😀.png", "~$a.docx", "-rf", "%00", "a'b",
    "[x]{y}&;$(z)`", "x" * 240, "d/" * 118 + "abcd", "字" * 85, "a\u200db",
]  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_name_is_kept_letter_by_letter(name: str) -> None:
    assert unpacked(zip_of(Member(name))) == {name: b"hello\n"}


def test_neighbouring_names_are_no_twins() -> None:
    names = ["a!", "a-b", "a.txt", "a/b", "a/c", "a/d/e", "a0", "ab", "b/a", "i", "ı"]
    assert list(unpacked(zip_of(folder("a/"), *map(Member, names)))) == ["a", *names]


def test_a_name_without_the_utf8_mark_is_read_as_the_packer_meant_it() -> None:
    unicode_path = struct.pack("<2HBL", 0x7075, 5 + len("ж".encode()), 1, zlib.crc32(b"_")) + "ж".encode()
    content = zip_of(
        Member("ü".encode("cp437"), flags=0, system=WINDOWS),
        Member("ö".encode("cp437"), flags=0),
        Member("я".encode(), flags=0),
        Member(b"_", flags=0, extra=unicode_path),
    )
    assert list(unpacked(content)) == ["ü", "ö", "я", "ж"]


def test_a_unicode_path_for_another_name_is_ignored() -> None:
    stale = struct.pack("<2HBL", 0x7075, 6, 1, zlib.crc32(b"other")) + b"x"
    assert list(unpacked(zip_of(Member("a", flags=0, extra=stale)))) == ["a"]


def test_an_empty_entry_may_be_called_deflated() -> None:
    assert unpacked(zip_of(Member("a", b"", DEFLATED, packed=b""))) == {"a": b""}


@pytest.mark.parametrize("method", [0, DEFLATED])
def test_pieces_are_at_most_one_mebibyte(method: int) -> None:
    data = bytes(range(256)) * 20_000
    ((_, pieces),) = read_entries(io.BytesIO(zip_of(Member("a", data, method))))
    sizes = [len(piece) for piece in pieces]
    assert sum(sizes) == len(data)
    assert 0 < max(sizes) <= PIECE_BYTES
    assert min(sizes) > 0


def test_pieces_may_be_left_and_are_checked_all_the_same() -> None:
    entries = read_entries(io.BytesIO(zip_of(Member("good"), Member("bad", crc=1), Member("last"))))
    assert next(entries)[0].path == "good"
    assert next(entries)[0].path == "bad"
    with pytest.raises(ArchiveRefused, match=r"bad: .*checksum"):
        next(entries)


def test_pieces_may_be_taken_after_the_last_entry() -> None:
    entries = list(read_entries(io.BytesIO(zip_of(Member("a", b"1"), Member("b", b"2")))))
    assert [b"".join(pieces) for _, pieces in entries] == [b"1", b"2"]


def test_the_file_may_be_moved_between_two_pieces() -> None:
    data = bytes(range(256)) * 8_000
    file = io.BytesIO(zip_of(Member("a", data, DEFLATED), Member("b", data)))
    for _, pieces in read_entries(file):
        whole = b""
        for piece in pieces:
            whole += piece
            file.seek(7)
        assert whole == data


def test_headers_are_refused_before_the_first_entry_is_asked_for() -> None:
    with pytest.raises(ArchiveRefused):
        read_entries(io.BytesIO(zip_of(Member("good"), Member("../evil"))))


def test_the_name_in_a_refusal_is_printable_and_short() -> None:
    assert refusal(zip_of(Member("a\n\x1b[31m\u202e"))).entry == "a\\n\\x1b[31m\\u202e"
    assert len(refusal(zip_of(Member("\x01" * 60_000))).entry or "") == 200


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (ArchiveLimits(entries=2), "has 3 entries; 2 are allowed"),
        (ArchiveLimits(unpacked_bytes=2999), "more than 2,999 bytes"),
        (ArchiveLimits(ratio=10, ratio_free_bytes=2999), "at most 10 times"),
    ],
)
def test_each_limit_holds_exactly(limits: ArchiveLimits, reason: str) -> None:
    content = zip_of(*(Member(name, b"x" * 1000, DEFLATED) for name in "abc"))
    assert reason in refusal(content, limits).reason
    loose = ArchiveLimits(entries=3, unpacked_bytes=3000, ratio=10, ratio_free_bytes=3000)
    assert len(unpacked(content, loose)) == 3


def test_small_archives_may_have_any_ratio() -> None:
    assert len(unpacked(zip_of(Member("zeros", bytes(10 << 20), DEFLATED)))["zeros"]) == 10 << 20


def test_no_more_folders_than_entries_are_made_by_deep_paths() -> None:
    members = [Member(f"{number}/a/b/c/d") for number in range(4)]
    assert "more than 15 folders" in refusal(zip_of(*members), ArchiveLimits(entries=15)).reason
    inspect_archive(io.BytesIO(zip_of(*members)), ArchiveLimits(entries=16))


class CountingFile(io.BytesIO):
    """Counts the bytes that are read, which time and memory follow."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


def peak_memory(action: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_two_hundred_thousand_entries_cost_no_more_than_their_end_record() -> None:
    ending = Ending(end64={"count": 200_000, "count_here": 200_000})
    file = CountingFile(Zip([Member(comment=b"c" * 60_000)] * 200, ending).build())

    def refuse() -> None:
        with pytest.raises(ArchiveRefused, match="200,000 entries; 20,000 are allowed"):
            inspect_archive(file)

    assert peak_memory(refuse) < 1 << 20
    assert file.taken < 100_000


def test_a_quoting_bomb_is_refused_before_anything_is_unpacked() -> None:
    file = CountingFile(overlapping_bomb(2_000, b"x" * 40_000))
    with pytest.raises(ArchiveRefused, match="f00001: The entry overlaps"):
        verify_archive(file)
    assert file.taken < len(file.getvalue()) + 70_000


def test_a_large_entry_is_unpacked_in_little_memory() -> None:
    content = zip_of(Member("zeros", bytes(64 << 20), DEFLATED))
    limits = ArchiveLimits(ratio=2000)
    assert peak_memory(lambda: verify_archive(io.BytesIO(content), limits)) < 6 << 20


def test_a_file_that_reads_in_dribbles_is_read_whole() -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 7) if size and size > 0 else size)

    assert len(verify_archive(Dribble(zip_of(Member("a", b"x" * 999, DEFLATED), Member("b")))).entries) == 2
