"""What the store knows of files: each hash once, a project only once it is one, uploads until they end."""

from dataclasses import replace

from coordinator.use_cases.ports import Upload
from shared.messages import ArtifactEntry
from tests.builders import SHA
from tests.fakes.house import House

OTHER = "cd" * 32


def test_a_stored_file_is_known_once(house: House) -> None:
    house.do(lambda tx: tx.files.add_stored(SHA, 10))
    house.do(lambda tx: tx.files.add_stored(SHA, 10))

    assert house.look(lambda tx: tx.files.stored_size(SHA)) == 10
    assert house.look(lambda tx: tx.files.stored_size(OTHER)) is None
    assert house.look(lambda tx: tx.files.project_size(SHA)) is None


def test_a_project_is_a_stored_file_with_a_name(house: House) -> None:
    house.do(lambda tx: tx.files.add_stored(SHA, 1 << 40))
    for name in ("p.zip", "the same again.zip"):
        house.do(lambda tx, name=name: tx.files.add_project(SHA, name, 3, 1 << 41))

    assert house.look(lambda tx: tx.files.project_size(SHA)) == 1 << 40


def test_what_is_missing_is_told_in_order(house: House) -> None:
    hashes = [f"{n:064x}" for n in range(1203)]
    for n in (0, 499, 500, 1202):
        house.do(lambda tx, n=n: tx.files.add_stored(hashes[n], 1))

    missing = house.look(lambda tx: tx.files.missing(hashes))

    assert missing == [h for n, h in enumerate(hashes) if n not in (0, 499, 500, 1202)]
    assert house.look(lambda tx: tx.files.missing([])) == []


def test_artifacts_are_listed_by_path(house: House) -> None:
    _, attempt = house.granted()
    house.do(lambda tx: tx.files.add_stored(SHA, 5))
    entries = [ArtifactEntry("z.txt", 5, SHA), ArtifactEntry("a/ü 日本.txt", 5, SHA)]

    house.do(lambda tx: tx.files.add_artifacts(attempt.id, entries))

    assert house.look(lambda tx: tx.files.artifacts(attempt.id)) == [entries[1], entries[0]]
    assert house.look(lambda tx: tx.files.artifact(attempt.id, "z.txt")) == entries[0]
    assert house.look(lambda tx: tx.files.artifact(attempt.id, "Z.txt")) is None
    assert house.look(lambda tx: tx.files.artifacts(attempt.id + 1)) == []


def test_an_upload_is_known_until_it_ends(house: House) -> None:
    _, attempt = house.granted()
    made = Upload("u1", "artifact", SHA, 7, "out.txt", 100.0, attempt.id)
    free = replace(made, id="u2", kind="project", attempt=None, created_at=200.0)
    house.do(lambda tx: (tx.files.add_upload(made), tx.files.add_upload(free)))

    assert house.look(lambda tx: tx.files.upload("u1")) == made
    assert house.look(lambda tx: tx.files.upload("u2")) == free
    assert house.look(lambda tx: tx.files.stale_uploads(100.0)) == []
    assert house.look(lambda tx: tx.files.stale_uploads(200.0)) == ["u1"]
    house.do(lambda tx: tx.files.end_upload("u1"))
    assert house.look(lambda tx: tx.files.upload("u1")) is None
