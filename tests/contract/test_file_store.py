"""The bytes of files: uploads grow only at their end, and a stored file is named by its hash for good."""

import hashlib
from pathlib import Path

import pytest

from coordinator.domain.errors import NotFound, WrongOffset
from coordinator.storage import file_store
from coordinator.storage.file_store import DirectoryFileStore

DATA = b"\x00\xffdata\r\n" * 1000
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def files(tmp_path: Path) -> DirectoryFileStore:
    return DirectoryFileStore(tmp_path / "Büro Süd 100%" / "data")


def _stored(files: DirectoryFileStore, upload: str = "u1") -> None:
    files.append(upload, 0, DATA)
    files.settle(upload, SHA)


def test_an_upload_grows_at_its_end(files: DirectoryFileStore) -> None:
    assert files.received("u1") == 0
    assert files.append("u1", 0, DATA[:10]) == 10
    assert files.append("u1", 10, DATA[10:]) == len(DATA)

    assert files.received("u1") == len(DATA)
    assert files.hash_of("u1") == SHA
    with files.open_upload("u1") as file:
        assert file.read() == DATA


@pytest.mark.parametrize("offset", [0, 9, 11])
def test_a_part_for_another_place_is_sent_back(files: DirectoryFileStore, offset: int) -> None:
    files.append("u1", 0, DATA[:10])

    with pytest.raises(WrongOffset) as refusal:
        files.append("u1", offset, b"x")
    assert refusal.value.true_offset == 10
    assert files.received("u1") == 10


def test_a_settled_upload_is_a_stored_file(files: DirectoryFileStore) -> None:
    _stored(files)

    assert files.received("u1") == 0
    with files.open_stored(SHA) as file:
        assert file.read() == DATA


def test_the_same_file_may_be_settled_twice(files: DirectoryFileStore) -> None:
    _stored(files, "u1")
    _stored(files, "u2")

    with files.open_stored(SHA) as file:
        assert file.read() == DATA


def test_a_stored_file_outlives_the_process(files: DirectoryFileStore, tmp_path: Path) -> None:
    _stored(files)

    again = DirectoryFileStore(tmp_path / "Büro Süd 100%" / "data")

    again.open_stored(SHA).close()


def test_a_file_that_is_not_here_is_not_found(files: DirectoryFileStore) -> None:
    with pytest.raises(NotFound):
        files.open_stored(SHA)


def test_a_discarded_upload_is_gone_and_may_be_discarded_again(files: DirectoryFileStore) -> None:
    files.append("u1", 0, DATA)
    files.discard("u1")
    files.discard("u1")

    assert files.received("u1") == 0


def test_a_file_larger_than_any_disk_has_no_room(files: DirectoryFileStore) -> None:
    assert not files.room_for(1 << 60)


def test_a_stored_file_and_each_new_folder_on_its_way_survive_a_power_cut(
    files: DirectoryFileStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(file_store, "_sync_folder", synced.append)

    _stored(files)

    root = tmp_path / "Büro Süd 100%" / "data" / "files"
    assert set(synced) == {root, root / SHA[:2]}
