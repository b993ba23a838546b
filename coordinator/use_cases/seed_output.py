"""The output of older workers: streamed in pieces, then told whole once more with the result."""

from collections.abc import Iterator

from coordinator.domain.attempt import Attempt
from coordinator.use_cases.ports import Transaction
from shared.log_records import MAX_RECORD_BYTES, pack_gap, pack_record
from shared.vocabulary import Stream

Texts = dict[Stream, bytes]  # what is told whole; a stream that is absent was not told


def add_piece(tx: Transaction, attempt: Attempt, stream: Stream, data: bytes, limit: int) -> None:
    """Append what was streamed; beyond the job's output limit it is dropped until the result tells all."""
    room = max(limit - attempt.stdout_bytes - attempt.stderr_bytes, 0)
    framed = b"".join(_records(stream, data[:room], _milliseconds(tx)))
    if framed:
        tx.output.append(attempt, attempt.log_end, framed)


def settle_output(tx: Transaction, attempt: Attempt, told: Texts, limit: int) -> None:
    """Make the stored output what was told whole; where it only goes on, nothing is stored twice."""
    if not told:
        return
    streamed = _streamed(tx, attempt, told)
    time_ms = _milliseconds(tx)
    whole = sum(map(len, told.values())) <= limit
    if whole and all(told[stream].startswith(text) for stream, text in streamed.items() if stream in told):
        rest = [
            record
            for stream, text in told.items()
            for record in _records(stream, text[len(streamed[stream]) :], time_ms)
        ]
        if rest:
            tx.output.append(attempt, attempt.log_end, b"".join(rest))
        return
    tx.output.replace(attempt, b"".join(_limited({**streamed, **told}, limit, time_ms)))


def _streamed(tx: Transaction, attempt: Attempt, told: Texts) -> Texts:
    sizes = {Stream.STDOUT: attempt.stdout_bytes, Stream.STDERR: attempt.stderr_bytes}
    return {
        stream: tx.output.text(attempt.id, stream, 0, size) if size else b"" for stream, size in sizes.items()
    }


def _limited(texts: Texts, limit: int, time_ms: int) -> Iterator[bytes]:
    """Frame the texts; of more than `limit` bytes, head and tail of each stream and the gap between."""
    whole = sum(map(len, texts.values()))
    for stream, text in texts.items():
        kept = len(text) if whole <= limit else limit * len(text) // whole
        if kept == len(text):
            yield from _records(stream, text, time_ms)
            continue
        head, tail = kept - kept // 2, kept // 2
        yield from _records(stream, text[:head], time_ms)
        yield pack_gap(time_ms, len(text) - kept)
        yield from _records(stream, text[len(text) - tail :], time_ms)


def _records(stream: Stream, data: bytes, time_ms: int) -> Iterator[bytes]:
    for begin in range(0, len(data), MAX_RECORD_BYTES):
        yield pack_record(stream, time_ms, data[begin : begin + MAX_RECORD_BYTES])


def _milliseconds(tx: Transaction) -> int:
    return int(tx.now * 1000)
