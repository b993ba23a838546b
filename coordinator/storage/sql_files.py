"""The Files port in SQL: what is known of stored files. Their bytes lie in file_store.py."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from coordinator.storage.schema import artifact, project, stored_file, upload
from coordinator.use_cases.ports import Upload
from shared.messages import ArtifactEntry

_P = bindparam
_SIZE = select(stored_file.c.size).where(stored_file.c.sha256 == _P("b_sha"))
_THERE = select(stored_file.c.sha256).where(stored_file.c.sha256.in_(_P("hashes", expanding=True)))
_PROJECT = (
    select(stored_file.c.size)
    .select_from(project.join(stored_file, stored_file.c.sha256 == project.c.sha256))
    .where(project.c.sha256 == _P("b_sha"))
)
_ARTIFACTS = select(artifact).where(artifact.c.attempt_id == _P("b_id")).order_by(artifact.c.path)
_ARTIFACT = select(artifact).where(artifact.c.attempt_id == _P("b_id"), artifact.c.path == _P("b_path"))
_UPLOAD = select(upload).where(upload.c.id == _P("b_id"))
_END_UPLOAD = delete(upload).where(upload.c.id == _P("b_id"))
_STALE = select(upload.c.id).where(upload.c.created_at < _P("b_before"))


class SqlFiles:
    def __init__(self, connection: Connection, now: float) -> None:
        self._connection = connection
        self._now = now

    def stored_size(self, sha256: str) -> int | None:
        size = self._connection.execute(_SIZE, {"b_sha": sha256}).scalar_one_or_none()
        return int(size) if size is not None else None

    def missing(self, hashes: Sequence[str]) -> list[str]:
        there: set[str] = set()
        for begin in range(0, len(hashes), 500):
            found = self._connection.execute(_THERE, {"hashes": list(hashes[begin : begin + 500])})
            there.update(found.scalars())
        return [sha for sha in hashes if sha not in there]

    def add_stored(self, sha256: str, size: int) -> None:
        if self.stored_size(sha256) is None:
            row = {"sha256": sha256, "size": size, "created_at": self._now}
            self._connection.execute(insert(stored_file).values(**row))

    def add_project(self, sha256: str, name: str, entries: int, unpacked: int) -> None:
        if self.project_size(sha256) is None:
            row = {
                "sha256": sha256,
                "name": name,
                "entries": entries,
                "unpacked_bytes": unpacked,
                "created_at": self._now,
            }
            self._connection.execute(insert(project).values(**row))

    def project_size(self, sha256: str) -> int | None:
        size = self._connection.execute(_PROJECT, {"b_sha": sha256}).scalar_one_or_none()
        return int(size) if size is not None else None

    def add_artifacts(self, attempt: int, artifacts: Sequence[ArtifactEntry]) -> None:
        rows = [
            {"attempt_id": attempt, "path": entry.path, "size": entry.size, "sha256": entry.sha256}
            for entry in artifacts
        ]
        self._connection.execute(insert(artifact), rows)

    def artifacts(self, attempt: int) -> list[ArtifactEntry]:
        rows = self._connection.execute(_ARTIFACTS, {"b_id": attempt}).all()
        return [ArtifactEntry(row.path, row.size, row.sha256) for row in rows]

    def artifact(self, attempt: int, path: str) -> ArtifactEntry | None:
        row = self._connection.execute(_ARTIFACT, {"b_id": attempt, "b_path": path}).one_or_none()
        return ArtifactEntry(row.path, row.size, row.sha256) if row is not None else None

    def add_upload(self, made: Upload) -> None:
        row = {
            "id": made.id,
            "kind": made.kind,
            "sha256": made.sha256,
            "size": made.size,
            "name": made.name,
            "attempt_id": made.attempt,
            "created_at": made.created_at,
        }
        self._connection.execute(insert(upload).values(**row))

    def upload(self, upload_id: str) -> Upload | None:
        row = self._connection.execute(_UPLOAD, {"b_id": upload_id}).one_or_none()
        if row is None:
            return None
        return Upload(row.id, row.kind, row.sha256, row.size, row.name, row.created_at, row.attempt_id)

    def end_upload(self, upload_id: str) -> None:
        self._connection.execute(_END_UPLOAD, {"b_id": upload_id})

    def stale_uploads(self, before: float) -> list[str]:
        return list(self._connection.execute(_STALE, {"b_before": before}).scalars())
