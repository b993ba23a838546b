"""The Output port in SQL: framed records in chunks, each knowing where it begins in every offset space."""

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from coordinator.domain.attempt import Attempt
from coordinator.domain.errors import Invalid, WrongOffset
from coordinator.storage.schema import attempt, output_chunk
from shared.log_records import BadRecords, LogRecord, read_records
from shared.vocabulary import Stream

CHUNK_BYTES = 256 * 1024
_FEW_AT_ONCE = {"yield_per": 4}  # chunks are large, and a window needs few

_P = bindparam
_ENDS = select(attempt.c.log_end, attempt.c.stdout_bytes, attempt.c.stderr_bytes).where(
    attempt.c.id == _P("b_id")
)
_SET_ENDS = (
    update(attempt)
    .where(attempt.c.id == _P("b_id"))
    .values(log_end=_P("b_end"), stdout_bytes=_P("b_stdout"), stderr_bytes=_P("b_stderr"))
)
_INSERT = insert(output_chunk)
_DROP = delete(output_chunk).where(output_chunk.c.attempt_id == _P("b_id"))
_chunk_at = (
    select(func.max(output_chunk.c.start))
    .where(output_chunk.c.attempt_id == _P("b_id"), output_chunk.c.start <= _P("b_offset"))
    .scalar_subquery()
)
_FROM = (
    select(output_chunk.c.start, output_chunk.c.data)
    .where(output_chunk.c.attempt_id == _P("b_id"), output_chunk.c.start >= func.coalesce(_chunk_at, 0))
    .order_by(output_chunk.c.start)
)
_PLACE_OF = {
    None: output_chunk.c.stdout_start + output_chunk.c.stderr_start,
    Stream.STDOUT: output_chunk.c.stdout_start,
    Stream.STDERR: output_chunk.c.stderr_start,
}
_TEXT_FROM = {
    stream: (
        select(output_chunk.c.start, place.label("place"), output_chunk.c.data)
        .where(
            output_chunk.c.attempt_id == _P("b_id"),
            output_chunk.c.start
            >= func.coalesce(
                select(func.max(output_chunk.c.start))
                .where(output_chunk.c.attempt_id == _P("b_id"), place <= _P("b_place"))
                .scalar_subquery(),
                0,
            ),
        )
        .order_by(output_chunk.c.start)
    )
    for stream, place in _PLACE_OF.items()
}


class SqlOutput:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, attempt: Attempt, offset: int, data: bytes) -> int:
        ends = self._connection.execute(_ENDS, {"b_id": attempt.id}).one()
        if offset > ends.log_end:
            raise WrongOffset(ends.log_end)
        fresh = data[ends.log_end - offset :]
        if not fresh:
            return int(ends.log_end)
        return self._store(attempt.id, fresh, ends.log_end, ends.stdout_bytes, ends.stderr_bytes)

    def replace(self, attempt: Attempt, data: bytes) -> None:
        """Offsets go on after the old end, so that a reader in the middle misses nothing of the new text."""
        end = self.log_end(attempt.id)
        self._connection.execute(_DROP, {"b_id": attempt.id})
        self._store(attempt.id, data, end, 0, 0)

    def framed(self, attempt: int, offset: int, limit: int) -> tuple[int, bytes]:
        rows = self._connection.execute(
            _FROM, {"b_id": attempt, "b_offset": offset}, execution_options=_FEW_AT_ONCE
        )
        first, size = offset, 0
        parts: list[bytes] = []
        for row in rows:
            records = [r for r in read_records(row.data, row.start) if r.offset >= offset]
            if records and not parts:
                first = records[0].offset
            for record in records:
                if parts and size >= limit:
                    break
                parts.append(row.data[record.offset - row.start : record.end - row.start])
                size += len(parts[-1])
            if size >= limit:
                break
        rows.close()
        return first, b"".join(parts)

    def text(self, attempt: int, stream: Stream | None, start: int, limit: int) -> bytes:
        rows = self._connection.execute(
            _TEXT_FROM[stream], {"b_id": attempt, "b_place": start}, execution_options=_FEW_AT_ONCE
        )
        parts: list[bytes] = []
        missing = limit
        for row in rows:
            body = b"".join(_texts(row.data, stream))
            wanted = body[max(start - row.place, 0) :][:missing]
            parts.append(wanted)
            missing -= len(wanted)
            if missing <= 0:
                break
        rows.close()
        return b"".join(parts)

    def log_end(self, attempt: int) -> int:
        return int(self._connection.execute(_ENDS, {"b_id": attempt}).one().log_end)

    def _store(self, attempt: int, data: bytes, start: int, stdout: int, stderr: int) -> int:
        try:
            chunks = list(_chunks(data, start))
        except BadRecords as error:
            raise Invalid(f"The output is not whole records. {error}") from None
        rows = []
        for records in chunks:
            begin = records[0].offset
            piece = data[begin - start : records[-1].end - start]
            rows.append(
                {
                    "attempt_id": attempt,
                    "start": begin,
                    "stdout_start": stdout,
                    "stderr_start": stderr,
                    "data": piece,
                }
            )
            stdout += sum(len(r.data) for r in records if r.stream is Stream.STDOUT)
            stderr += sum(len(r.data) for r in records if r.stream is Stream.STDERR)
        end = start + len(data)
        if rows:
            self._connection.execute(_INSERT, rows)
        values = {"b_id": attempt, "b_end": end, "b_stdout": stdout, "b_stderr": stderr}
        self._connection.execute(_SET_ENDS, values)
        return end


def _chunks(data: bytes, start: int) -> Iterator[list[LogRecord]]:
    records: list[LogRecord] = []
    for record in read_records(data, start):
        if records and record.end - records[0].offset > CHUNK_BYTES:
            yield records
            records = []
        records.append(record)
    if records:
        yield records


def _texts(data: bytes, stream: Stream | None) -> Iterator[bytes]:
    for record in read_records(data):
        if record.stream is not Stream.GAP and stream in (None, record.stream):
            yield record.data
