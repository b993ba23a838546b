"""The output log keeps head and tail within its limit and only ever grows by whole records."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.log_records import LogRecord, read_records
from shared.vocabulary import Stream
from tray_agent.agent import output_log
from tray_agent.agent.output_log import OutputLog


def written(folder: Path, limit: int, pieces: list[bytes]) -> tuple[list[LogRecord], int]:
    log = OutputLog(folder / "output.log", folder / "output.tail", limit)
    for n, piece in enumerate(pieces):
        before = (folder / "output.log").read_bytes()[: log.end]
        log.write(Stream.STDERR if n % 3 else Stream.STDOUT, 1000 + n, piece)
        final = (folder / "output.log").read_bytes()[: log.end]
        assert final.startswith(before)
        list(read_records(final))  # whole records
    end = log.finish(5000)
    data = (folder / "output.log").read_bytes()
    assert len(data) == end
    assert not (folder / "output.tail").exists()
    return list(read_records(data)), end


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=60), st.integers(0, 20_000), st.randoms())
def test_nothing_is_lost_uncounted(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int, chance: random.Random
) -> None:
    pieces = [chance.randbytes(size) for size in sizes]
    records, end = written(tmp_path_factory.mktemp("log"), limit, pieces)
    everything = b"".join(pieces)
    assert end <= max(limit, 1024)
    gaps = [n for n, record in enumerate(records) if record.stream is Stream.GAP]
    if not gaps:
        assert b"".join(r.data for r in records) == everything
        return
    assert len(gaps) == 1
    head = b"".join(r.data for r in records[: gaps[0]])
    tail = b"".join(r.data for r in records[gaps[0] + 1 :])
    assert everything.startswith(head)
    assert everything.endswith(tail)
    assert records[gaps[0]].left_out == len(everything) - len(head) - len(tail)


def test_what_fits_is_kept_whole(tmp_path: Path) -> None:
    records, _ = written(tmp_path, 100_000, [b"x" * 20_000] * 4)
    assert [r.stream for r in records].count(Stream.GAP) == 0
    assert sum(len(r.data) for r in records) == 80_000


def test_most_of_the_limit_is_used(tmp_path: Path) -> None:
    _, end = written(tmp_path, 1_000_000, [b"y" * 65536] * 100)
    assert end > 850_000


def test_the_disk_never_holds_more_than_the_limit(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "output.log", tmp_path / "output.tail", 50_000)
    for _ in range(100):
        log.write(Stream.STDOUT, 1, b"z" * 4096)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 50_000
    log.finish(1)


def test_a_disk_that_fills_up_leaves_whole_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = OutputLog(tmp_path / "output.log", tmp_path / "output.tail", 50_000)
    log.write(Stream.STDOUT, 1, b"whole")
    end = log.end

    def half_then_full(file, data: bytes) -> None:
        file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output_log, "write_whole", half_then_full)
    with pytest.raises(OSError, match="No space"):
        log.write(Stream.STDOUT, 1, b"half")
    assert log.abandon() == end
    assert [r.data for r in read_records((tmp_path / "output.log").read_bytes())] == [b"whole"]
