"""Output in the store: whole records at the end, read again from any place."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.domain.attempt import Attempt
from coordinator.domain.errors import Invalid, WrongOffset
from coordinator.use_cases.ports import Transaction
from shared.log_records import MAX_RECORD_BYTES, pack_gap, read_records
from shared.vocabulary import Stream
from tests.builders import err, out
from tests.fakes.house import House

BIG = MAX_RECORD_BYTES
ANY_HOUSE = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _attempt(house: House) -> Attempt:
    return house.granted()[1]


def _append(house: House, attempt: Attempt, offset: int, data: bytes) -> int:
    return house.do(lambda tx: tx.output.append(attempt, offset, data))


def _framed(house: House, attempt: Attempt, offset: int = 0, limit: int = 1 << 30) -> tuple[int, bytes]:
    return house.look(lambda tx: tx.output.framed(attempt.id, offset, limit))


def _text(
    house: House, attempt: Attempt, stream: Stream | None, start: int = 0, limit: int = 1 << 30
) -> bytes:
    return house.look(lambda tx: tx.output.text(attempt.id, stream, start, limit))


def test_records_are_stored_at_the_end(house: House) -> None:
    attempt = _attempt(house)
    one, two = out(b"one\n"), err(b"two\n")

    assert _append(house, attempt, 0, one) == len(one)
    assert _append(house, attempt, len(one), two) == len(one + two)

    assert _framed(house, attempt) == (0, one + two)
    assert house.look(lambda tx: tx.output.log_end(attempt.id)) == len(one + two)


def test_records_beyond_the_end_are_sent_back(house: House) -> None:
    attempt = _attempt(house)
    _append(house, attempt, 0, out(b"x"))

    with pytest.raises(WrongOffset) as refusal:
        _append(house, attempt, 15, out(b"y"))
    assert refusal.value.true_offset == 14


@pytest.mark.parametrize("again", [0, 14, 28])
def test_what_is_there_already_is_skipped(house: House, again: int) -> None:
    attempt = _attempt(house)
    data = out(b"1") + out(b"2")
    _append(house, attempt, 0, data)
    more = data + out(b"3")

    assert _append(house, attempt, again, more[again:]) == 42
    assert _framed(house, attempt) == (0, more)
    assert _append(house, attempt, 0, data) == 42


def test_nothing_at_the_end_is_nothing(house: House) -> None:
    attempt = _attempt(house)

    assert _append(house, attempt, 0, b"") == 0
    assert _framed(house, attempt) == (0, b"")


@pytest.mark.parametrize(
    "garbage",
    [
        b"x",
        b"plain text that is no record",
        out(b"cut short")[:-1],
        out(b"ok") + b"\0",
        b"\x04" + out(b"?")[1:],
    ],
)
def test_what_is_no_record_is_refused_whole(house: House, garbage: bytes) -> None:
    attempt = _attempt(house)
    _append(house, attempt, 0, out(b"good"))

    with pytest.raises(Invalid, match="not whole records"):
        _append(house, attempt, 17, out(b"also good") + garbage)
    assert _framed(house, attempt) == (0, out(b"good"))


def test_a_repeat_that_does_not_end_at_a_border_is_refused(house: House) -> None:
    attempt = _attempt(house)
    _append(house, attempt, 0, out(b"good"))

    with pytest.raises(Invalid):
        _append(house, attempt, 5, out(b"another"))


def test_records_can_be_read_from_every_place(house: House) -> None:
    attempt = _attempt(house)
    data = b"".join(out(bytes([n]) * 40_000) + err(b"e%d" % n) for n in range(20))  # several chunks
    _append(house, attempt, 0, data[: data.index(b"e7") + 2])
    _append(house, attempt, data.index(b"e7") + 2, data[data.index(b"e7") + 2 :])

    for record in read_records(data):
        assert _framed(house, attempt, record.offset) == (record.offset, data[record.offset :])
        assert _framed(house, attempt, record.offset + 1) == (
            (record.end, data[record.end :]) if record.end < len(data) else (record.offset + 1, b"")
        )
    assert _framed(house, attempt, len(data)) == (len(data), b"")
    assert _framed(house, attempt, len(data) + 999) == (len(data) + 999, b"")


def test_a_window_holds_whole_records_and_at_least_one(house: House) -> None:
    attempt = _attempt(house)
    data = b"".join(out(b"x" * 100) for _ in range(50))
    _append(house, attempt, 0, data)

    assert _framed(house, attempt, 0, 1) == (0, data[:113])
    assert _framed(house, attempt, 113, 300) == (113, data[113 : 113 * 4])
    read, place = b"", 0
    while piece := _framed(house, attempt, place, 700)[1]:
        read, place = read + piece, place + len(piece)
    assert read == data


def test_text_is_told_by_ranges_of_each_stream(house: House) -> None:
    attempt = _attempt(house)
    stdout = bytes(range(256)) * 256 * 12
    stderr = b"warning\n" * 30
    pieces = [stdout[n : n + BIG] for n in range(0, len(stdout), BIG)]
    place = 0
    for n, piece in enumerate(pieces):  # chunks of one record, of several, and of errors alone
        errors = stderr[n * 20 : n * 20 + 20]
        for part in [out(piece), err(errors)] if n % 2 else [out(piece) + err(errors)]:
            place = _append(house, attempt, place, part)
    told = stderr[: len(pieces) * 20]

    for start in (0, 1, BIG - 1, BIG, BIG + 1, 5 * BIG + 7, len(stdout) - 1, len(stdout), len(stdout) + 5):
        for limit in (1, 100, 3 * BIG):
            assert _text(house, attempt, Stream.STDOUT, start, limit) == stdout[start : start + limit]
    for start in range(0, len(told) + 2, 13):
        assert _text(house, attempt, Stream.STDERR, start, 50) == told[start : start + 50]
    both = b"".join(r.data for r in read_records(_framed(house, attempt)[1]))
    assert _text(house, attempt, None) == both
    assert _text(house, attempt, None, BIG - 5, 40) == both[BIG - 5 : BIG + 35]


def test_a_gap_has_no_text_but_can_be_read_as_a_record(house: House) -> None:
    attempt = _attempt(house)
    data = out(b"head") + pack_gap(5, 1_000_000) + out(b"tail")
    _append(house, attempt, 0, data)

    assert _text(house, attempt, None) == b"headtail"
    assert _text(house, attempt, Stream.STDOUT, 3, 2) == b"dt"
    place, framed = _framed(house, attempt, 18)  # inside the gap
    assert (place, framed) == (17 + 21, out(b"tail"))
    assert [r.left_out for r in read_records(_framed(house, attempt)[1])] == [0, 1_000_000, 0]


def test_a_replacement_goes_on_after_the_old_end(house: House) -> None:
    attempt = _attempt(house)
    _append(house, attempt, 0, out(b"old") + err(b"bad"))

    house.do(lambda tx: tx.output.replace(attempt, out(b"new")))

    assert _framed(house, attempt, 0) == (32, out(b"new"))
    assert _framed(house, attempt, 20) == (32, out(b"new"))
    assert _framed(house, attempt, 32) == (32, out(b"new"))
    assert _text(house, attempt, None) == b"new"
    assert _text(house, attempt, Stream.STDERR) == b""
    job = house.look(lambda tx: tx.attempts.get(attempt.job, 1))
    assert job is not None
    assert (job.log_end, job.stdout_bytes, job.stderr_bytes) == (48, 3, 0)
    assert _append(house, attempt, 48, out(b"er")) == 63
    assert _text(house, attempt, Stream.STDOUT) == b"newer"


def test_a_replacement_by_nothing_leaves_nothing(house: House) -> None:
    attempt = _attempt(house)
    _append(house, attempt, 0, out(b"old"))

    house.do(lambda tx: tx.output.replace(attempt, b""))

    assert _framed(house, attempt) == (0, b"")
    assert house.look(lambda tx: tx.output.log_end(attempt.id)) == 16


def test_the_output_of_attempts_is_kept_apart(house: House) -> None:
    one, two = _attempt(house), _attempt(house)
    _append(house, one, 0, out(b"one"))
    _append(house, two, 0, out(b"two"))

    assert (_text(house, one, None), _text(house, two, None)) == (b"one", b"two")


def test_reading_output_leaves_the_transaction_as_it_was(house: House) -> None:
    attempt = _attempt(house)
    _append(house, attempt, 0, out(b"x"))

    def read_then_write(tx: Transaction) -> int:
        tx.output.framed(attempt.id, 0, 10)
        tx.output.text(attempt.id, None, 0, 10)
        return len(tx.jobs.newest(None, None, 10)) + tx.output.append(attempt, 14, out(b"y"))

    assert house.do(read_then_write) == 1 + 28


RECORDS = st.lists(
    st.tuples(st.sampled_from([Stream.STDOUT, Stream.STDERR]), st.binary(max_size=300)), max_size=12
)


@ANY_HOUSE
@given(records=RECORDS, cuts=st.lists(st.integers(0, 4000), max_size=6), window=st.integers(1, 500))
def test_however_it_is_sent_it_is_read_the_same(
    house: House, records: list[tuple[Stream, bytes]], cuts: list[int], window: int
) -> None:
    attempt = _attempt(house)
    framed = [out(data) if stream is Stream.STDOUT else err(data) for stream, data in records]
    data = b"".join(framed)
    borders = [0]
    for one in framed:
        borders.append(borders[-1] + len(one))
    for cut in cuts:  # parts that begin anywhere before the end and stop at a border, repeats included
        begin = borders[cut % len(borders)]
        end = house.look(lambda tx: tx.output.log_end(attempt.id))
        stop = borders[(cut // 7) % len(borders)]
        if begin <= end and begin <= stop:
            _append(house, attempt, begin, data[begin:stop])
    _append(house, attempt, 0, data)

    assert _framed(house, attempt) == (0, data)
    for stream in (Stream.STDOUT, Stream.STDERR, None):
        wanted = b"".join(d for s, d in records if stream in (None, s))
        for start in range(0, len(wanted) + 1, window):
            assert _text(house, attempt, stream, start, window) == wanted[start : start + window]
