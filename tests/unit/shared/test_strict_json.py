"""Strict JSON: one meaning for each document, at a bounded cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.field_rules import Malformed
from shared.strict_json import parse_json


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"1 2", "not JSON"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b"[Infinity]", "Infinity is not a JSON number"),
        (b"-Infinity", "-Infinity is not a JSON number"),
        (b'{"a": 1, "a": 1}', "occurs twice"),
        (b'{"x": {"a": 1, "\\u0061": 2}}', "occurs twice"),
        (b"1" * 41, "too many digits"),
        (b"-" + b"9" * 100_000, "too many digits"),
        (b'"\xff"', "not UTF-8"),
        (b"\xff\xfe1\x00", "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"a\x00b"', "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[" * 200_000 + b"]" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_not_strictly_json_is_refused(body: bytes, part: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_json(body)

    [error] = refusal.value.errors
    assert error.field == ""
    assert part in error.message
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b" {} ", {}),
        (b'{"a": [1, -2, 3.5, true, false, null, "\xc3\xbc"]}', {"a": [1, -2, 3.5, True, False, None, "ü"]}),
        (b"9" * 39, int("9" * 39)),
        (b"[" * 50 + b"]" * 50, None),
    ],
)
def test_plain_json_is_read(body: bytes, value: object) -> None:
    assert value is None or parse_json(body) == value
    parse_json(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    try:
        parse_json(body)
    except Malformed as refusal:
        assert refusal.errors


def test_the_deepest_nesting_leaves_the_program_working() -> None:
    for _ in range(3):
        with pytest.raises(Malformed):
            parse_json(b"[" * 1_000_000)
    assert parse_json(b"[1]") == [1]
