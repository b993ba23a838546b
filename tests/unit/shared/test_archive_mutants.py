"""Random damage to sound archives: only refusals are raised, and what is read stays inside the rules."""

import io
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.archive import (
    PIECE_BYTES,
    ArchiveLimits,
    ArchiveRefused,
    inspect_archive,
    read_entries,
    verify_archive,
)
from shared.archive_names import path_fault
from tests.builders_zip import DEFLATED, FULL_32, Ending, Member, Zip, folder, streamed, zip64_field, zip_of
from tests.hostile_zips import hostile_zips

_WIDE = Member("wide", b"hello", size=FULL_32, packed_size=FULL_32, extra=zip64_field(5, 5))
_WIDE.local_extra = zip64_field(5, 5)
SEEDS = [
    zip_of(Member("a.txt"), folder("src/"), Member("src/b.py", b"print(1)\n" * 50, DEFLATED)),
    zip_of(streamed("s/a", b"x" * 300), streamed("s/b", b"y" * 300, signed=False, wide=True)),
    Zip([_WIDE, Member("ж")], Ending(end64={}, comment=b"PK\x05\x06 a comment")).build(),
    *(hostile.content for hostile in hostile_zips() if len(hostile.content) < 2_000),
]
LIMITS = ArchiveLimits(entries=50, unpacked_bytes=4 << 20, ratio=50, ratio_free_bytes=1 << 20)
INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, ord("/"), ord("\\"), ord("."), ord(":"), ord("A"), ord("a"), 8, 0x50]


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        if not content:
            break
        place = draw(st.integers(0, len(content) - 1))
        match draw(st.sampled_from(["byte", "word", "cut", "drop", "double", "insert"])):
            case "byte":
                content[place] = draw(st.sampled_from(INTERESTING) | st.integers(0, 255))
            case "word":
                content[place : place + 4] = draw(
                    st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f"])
                )
            case "cut":
                del content[place:]
            case "drop":
                del content[place : place + draw(st.integers(1, 60))]
            case "double":
                content[place:place] = content[place : place + draw(st.integers(1, 60))]
            case "insert":
                content[place:place] = draw(st.binary(max_size=8))
    return bytes(content)


@settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutants())
def test_a_mutant_is_refused_or_stays_inside_the_rules(content: bytes) -> None:
    paths: list[str] = []
    total = 0
    try:
        for entry, pieces in read_entries(io.BytesIO(content), LIMITS):
            sizes = [len(piece) for piece in pieces]
            assert sum(sizes) == entry.size
            assert all(0 < size <= PIECE_BYTES for size in sizes)
            total += entry.size
            paths.append(entry.path)
    except ArchiveRefused as refused:
        assert refused.reason.endswith(".")
        assert str(refused).isprintable()
        return
    check_paths(paths)
    assert total <= LIMITS.unpacked_bytes
    listing = verify_archive(io.BytesIO(content), LIMITS)
    assert ([e.path for e in listing.entries], listing.unpacked_bytes) == (paths, total)
    assert inspect_archive(io.BytesIO(content), LIMITS) == listing


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06"]))
def test_noise_is_refused(noise: bytes, start: bytes) -> None:
    try:
        listing = verify_archive(io.BytesIO(start + noise))
    except ArchiveRefused:
        return
    assert listing.entries == ()


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.sampled_from("a.A/\\: ~\0é\u0301CONconux1"), max_size=12) | st.text(max_size=8))
def test_a_path_without_fault_stays_below_its_folder_everywhere(path: str) -> None:
    if path_fault(path) is None:
        check_paths([path])


def check_paths(paths: list[str]) -> None:
    for path in paths:
        windows = PureWindowsPath(path)
        assert not windows.is_absolute()
        assert not windows.drive
        assert not windows.is_reserved()
        assert windows.parts == PurePosixPath(path).parts == tuple(path.split("/"))
        assert not {"..", ".", ""}.intersection(windows.parts)
        assert len(path.encode("utf-16-le")) <= 480
        assert not any(unicodedata.category(c) == "Cc" for c in path)
    assert len({unicodedata.normalize("NFC", path).casefold() for path in paths}) == len(paths)
