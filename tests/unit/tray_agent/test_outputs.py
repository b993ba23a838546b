"""Which files a job gives back."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from tray_agent.agent.globs import compile_globs
from tray_agent.agent.outputs import collect, take_snapshot


def paths(work: Path, *patterns: str, before=None) -> list[str]:
    found, _ = collect(work, patterns, before or {}, ignore_case=False)
    return [entry.path for entry in found]


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "sub/a.txt", False),
        ("**/*.txt", "a.txt", True),
        ("**/*.txt", "x/y/a.txt", True),
        ("out", "out/deep/a.bin", True),
        ("out/", "out/a", True),
        ("./out/**", "out/a/b", True),
        ("out\\*.bin", "out/a.bin", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[!a]b", "ab", False),
        ("[!a]b", "cb", True),
        ("[z-a]", "[z-a]", True),
        ("[", "[", True),
        ("a+b(1).txt", "a+b(1).txt", True),
        ("*.TXT", "a.txt", False),
    ],
)
def test_a_pattern_means_what_it_says(pattern: str, path: str, wanted: bool) -> None:
    [matches] = compile_globs([pattern], ignore_case=False)
    assert matches(path) is wanted


def test_case_is_ignored_where_the_system_ignores_it() -> None:
    [matches] = compile_globs(["*.TXT"], ignore_case=True)
    assert matches("a.txt")


def test_only_new_and_changed_files_come_back(tmp_path: Path) -> None:
    (tmp_path / "same").write_text("1")
    (tmp_path / "changed").write_text("1")
    (tmp_path / "replaced").write_text("1")
    before = take_snapshot(tmp_path)
    (tmp_path / "changed").write_text("12")
    info = (tmp_path / "replaced").stat()
    (tmp_path / "copy").write_text("2")
    os.utime(tmp_path / "copy", ns=(info.st_atime_ns, info.st_mtime_ns))
    (tmp_path / "copy").replace(tmp_path / "replaced")
    (tmp_path / "new").write_text("3")
    assert paths(tmp_path, before=before) == ["changed", "new", "replaced"]


def test_each_file_comes_with_its_size_and_hash(tmp_path: Path) -> None:
    (tmp_path / "größe.bin").write_bytes(b"x" * 3_000_000)
    [entry], notes = collect(tmp_path, (), {}, ignore_case=False)
    assert (entry.path, entry.size) == ("größe.bin", 3_000_000)
    assert entry.sha256 == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    assert notes == ()


@pytest.mark.skipif(sys.platform == "win32", reason="links want rights there")
def test_links_and_pipes_are_neither_followed_nor_taken(tmp_path: Path) -> None:
    work, outside = tmp_path / "work", tmp_path / "outside"
    work.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("s")
    (work / "folder").symlink_to(outside)
    (work / "file").symlink_to(outside / "secret")
    os.mkfifo(work / "pipe")
    (work / "good").write_text("g")
    assert paths(work) == ["good"]
    assert paths(work, "**") == ["good"]


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be made there")
def test_a_name_that_no_archive_may_hold_is_left_out_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "con.txt").write_text("x")
    (tmp_path / "a:b").write_text("x")
    (tmp_path / os.fsdecode(b"\xff")).write_text("x")
    (tmp_path / "good").write_text("x")
    found, notes = collect(tmp_path, (), {}, ignore_case=False)
    assert [entry.path for entry in found] == ["good"]
    assert len(notes) == 3


def test_a_pattern_without_a_match_is_named(tmp_path: Path) -> None:
    _, notes = collect(tmp_path, ("dist/*.whl",), {}, ignore_case=False)
    assert notes == ("No file matches dist/*.whl.",)
