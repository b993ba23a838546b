"""Attempt folders and projects: unpacked by the rules, fetched once, gone afterwards."""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.messages import AttemptRef, ProjectRef
from tray_agent.agent import project_cache
from tray_agent.agent.errors import CannotPrepare, Unreachable
from tray_agent.agent.orphans import Orphans
from tray_agent.agent.project_cache import ProjectCache
from tray_agent.agent.workspace import Workspace, remove_tree, unpack

REF = AttemptRef("job-1", 1)


def a_zip(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (0o100755 if name.endswith("_sh") else 0o100644) << 16
            archive.writestr(info, text)
    return buffer.getvalue()


def test_a_folder_is_made_anew_over_what_was_left(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "Büro Süd")
    folder = space.make(REF)
    (folder / "work" / "old").write_text("x")
    again = space.make(REF)
    assert again == folder
    assert not list((again / "work").iterdir())
    assert space.remove_plain(REF)
    assert not folder.exists()


def test_read_only_and_linked_things_are_removed_without_following(tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    keep.mkdir()
    (keep / "mine").write_text("x")
    target = tmp_path / "job"
    (target / "work" / "locked").mkdir(parents=True)
    (target / "work" / "locked" / "file").write_text("x")
    (target / "work" / "locked" / "file").chmod(0o400)
    (target / "work" / "locked").chmod(0o500)
    (target / "work" / "link").symlink_to(keep)
    assert remove_tree(target)
    assert (keep / "mine").exists()


def test_a_project_is_unpacked_with_its_executables(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    unpack(io.BytesIO(a_zip(run_sh="echo", **{"sub/ü.txt": "1"})), work)
    assert (work / "sub" / "ü.txt").read_text() == "1"
    assert os.access(work / "run_sh", os.X_OK)
    assert not os.access(work / "sub" / "ü.txt", os.X_OK)


def test_a_hostile_project_is_rejected_by_the_name_of_its_entry(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(CannotPrepare, match=r"\.\.") as caught:
        unpack(io.BytesIO(a_zip(**{"../escape": "x"})), work)
    assert caught.value.rejected
    assert not (tmp_path / "escape").exists()


class Shop:
    """Gives a project out, broken off after some bytes at each try."""

    def __init__(self, data: bytes, at_once: int) -> None:
        self.data, self.at_once = data, at_once
        self.offsets: list[int] = []

    def fetch(self, sha256: str, offset: int) -> Iterator[bytes]:
        self.offsets.append(offset)
        yield self.data[offset : offset + self.at_once]
        if offset + self.at_once < len(self.data):
            raise Unreachable("cut")


def test_a_broken_download_goes_on_where_it_ended_and_is_kept(tmp_path: Path) -> None:
    data = a_zip(a="x" * 500)
    shop = Shop(data, 300)
    cache = ProjectCache(tmp_path, shop.fetch)
    project = ProjectRef(hashlib.sha256(data).hexdigest(), len(data))
    for _ in range((len(data) - 1) // 300):
        with pytest.raises(Unreachable):
            cache.open(project, lambda: True)
    with cache.open(project, lambda: True) as archive:
        assert archive.read() == data
    tries = len(shop.offsets)
    assert shop.offsets == [300 * number for number in range(tries)]
    cache.open(project, lambda: True).close()
    assert len(shop.offsets) == tries


def test_a_damaged_download_is_not_kept(tmp_path: Path) -> None:
    data = b"right" * 100
    project = ProjectRef(hashlib.sha256(data).hexdigest(), len(data))
    cache = ProjectCache(tmp_path, Shop(b"wrong" * 100, 1000).fetch)
    with pytest.raises(CannotPrepare, match="damaged"):
        cache.open(project, lambda: True)
    assert not list(tmp_path.iterdir())


def a_project(data: bytes) -> ProjectRef:
    return ProjectRef(hashlib.sha256(data).hexdigest(), len(data))


def test_room_is_made_of_abandoned_downloads_before_whole_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_cache, "MOST_BYTES", 250)
    (tmp_path / f"{'a' * 64}.part").write_bytes(b"x" * 100)
    (tmp_path / f"{'b' * 64}.zip").write_bytes(b"x" * 100)
    os.utime(tmp_path / f"{'b' * 64}.zip", (1e9, 1e9))
    data = b"y" * 100
    ProjectCache(tmp_path, Shop(data, 100).fetch).open(a_project(data), lambda: True).close()
    assert {path.name for path in tmp_path.iterdir()} == {f"{'b' * 64}.zip", f"{a_project(data).sha256}.zip"}


def test_a_project_given_out_stays_readable_when_room_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_cache, "MOST_BYTES", 150)
    first, second = b"1" * 100, b"2" * 100
    shops = {a_project(data).sha256: Shop(data, 100) for data in (first, second)}
    cache = ProjectCache(tmp_path, lambda sha256, offset: shops[sha256].fetch(sha256, offset))
    with cache.open(a_project(first), lambda: True) as archive:
        cache.open(a_project(second), lambda: True).close()
        assert archive.read() == first


def test_a_download_that_nobody_goes_on_with_is_kept_a_week(tmp_path: Path) -> None:
    for name, age in (("old.part", 8 * 86400), ("young.part", 86400), ("old.zip", 8 * 86400)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (2e9 - age, 2e9 - age))
    ProjectCache(tmp_path, Shop(b"", 1).fetch).purge(2e9)
    assert {path.name for path in tmp_path.iterdir()} == {"young.part", "old.zip"}


def test_orphans_are_kept_a_week(tmp_path: Path) -> None:
    orphans = Orphans(tmp_path)
    for name, age in (("old", 8 * 86400), ("young", 86400)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (2e9 - age, 2e9 - age))
    orphans.purge(2e9)
    assert [path.name for path in tmp_path.iterdir()] == ["young"]
