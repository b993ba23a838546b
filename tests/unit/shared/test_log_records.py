"""The framing of output: whole records, or a refusal that names the place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log_records import (
    HEADER,
    MAX_RECORD_BYTES,
    BadRecords,
    pack_gap,
    pack_record,
    read_records,
    whole_records_end,
)
from shared.vocabulary import Stream

PIECES = st.lists(
    st.tuples(
        st.sampled_from([Stream.STDOUT, Stream.STDERR]), st.integers(0, (1 << 48) - 1), st.binary(max_size=40)
    ),
    max_size=8,
)


@given(PIECES, st.integers(0, 1 << 50))
def test_records_survive_the_trip(pieces: list[tuple[Stream, int, bytes]], offset: int) -> None:
    data = b"".join(pack_record(*piece) for piece in pieces)

    records = list(read_records(data, offset))

    assert [(r.stream, r.time_ms, r.data) for r in records] == pieces
    places = [offset, *(r.end for r in records)]
    assert [r.offset for r in records] == places[:-1]
    assert places[-1] == offset + len(data)
    assert all(r.left_out == 0 for r in records)


@given(PIECES, st.integers(0, 60))
def test_the_end_of_the_whole_records_is_found(pieces: list[tuple[Stream, int, bytes]], cut: int) -> None:
    framed = [pack_record(*piece) for piece in pieces]
    data = b"".join(framed)
    cut = max(0, len(data) - cut)
    borders = [0]
    for one in framed:
        borders.append(borders[-1] + len(one))

    assert whole_records_end(data[:cut]) == max(border for border in borders if border <= cut)


@given(st.binary(max_size=80))
def test_any_bytes_are_records_or_refused(data: bytes) -> None:
    try:
        records = list(read_records(data, 1000))
    except BadRecords as refusal:
        assert "offset 1" in str(refusal)
    else:
        assert sum(HEADER.size + len(r.data) for r in records) == len(data)
    assert 0 <= whole_records_end(data) <= len(data)


def test_a_gap_says_how_much_is_missing() -> None:
    [gap] = read_records(pack_gap(7, (1 << 64) - 1), 50)

    assert (gap.stream, gap.offset, gap.time_ms, gap.left_out) == (Stream.GAP, 50, 7, (1 << 64) - 1)


def test_the_largest_record_is_allowed_and_no_larger() -> None:
    [record] = read_records(pack_record(Stream.STDOUT, 1, b"x" * MAX_RECORD_BYTES))
    assert len(record.data) == MAX_RECORD_BYTES

    with pytest.raises(BadRecords):
        pack_record(Stream.STDOUT, 1, b"x" * (MAX_RECORD_BYTES + 1))
    with pytest.raises(BadRecords, match="impossible"):
        list(read_records(HEADER.pack(1, 1, MAX_RECORD_BYTES + 1) + b"x" * (MAX_RECORD_BYTES + 1)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HEADER.pack(0, 1, 0), "impossible"),
        (HEADER.pack(4, 1, 0), "impossible"),
        (HEADER.pack(1, 1 << 48, 0), "impossible"),
        (HEADER.pack(1, 1, 5) + b"1234", "cut short"),
        (HEADER.pack(1, 1, 0)[:-1], "no whole header"),
        (HEADER.pack(3, 1, 7) + b"1234567", "how many bytes"),
        (HEADER.pack(3, 1, 0), "how many bytes"),
    ],
)
def test_what_is_no_record_is_refused_by_its_place(data: bytes, reason: str) -> None:
    good = pack_record(Stream.STDERR, 1, b"good")

    with pytest.raises(BadRecords, match=f"offset 117 .*{reason}"):
        list(read_records(good + data, 100))


def test_an_empty_record_is_a_record() -> None:
    [record] = read_records(pack_record(Stream.STDOUT, 0, b""))

    assert (record.data, record.end) == (b"", HEADER.size)
