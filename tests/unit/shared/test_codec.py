"""The codec: every message survives the trip, and whatever else comes is refused by the name of its field."""

import dataclasses
import inspect
import json
import types
import typing
from enum import StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import messages
from shared.codec import camel, decode, encode, from_json, to_json
from shared.field_rules import Items, Malformed, Number, Text
from shared.messages import AttemptRef, ExchangeRequest, JobSpec, Lease, LogPart, RegisterRequest, Report
from shared.vocabulary import AgentState
from tests.builders import a_registration, a_report, an_exchange, an_order

MESSAGES = [
    kind
    for _, kind in inspect.getmembers(messages, dataclasses.is_dataclass)
    if kind.__module__ == "shared.messages"
]
TEXT = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
LINES = TEXT | st.sampled_from("\t\n\r")
QUICK = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _valid(kind: Any) -> st.SearchStrategy[Any]:
    """Make values that keep the rules of a field's type."""
    rule = None
    if typing.get_origin(kind) is Annotated:
        kind, rule = typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        return st.builds(kind, **{f.name: _valid(hints[f.name]) for f in dataclasses.fields(kind)})
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        inner = next(arg for arg in typing.get_args(kind) if arg is not type(None))
        return st.none() | _valid(inner)
    if origin is tuple:
        return st.lists(_valid(typing.get_args(kind)[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(TEXT, min_size=1, max_size=5), st.text(LINES, max_size=5), max_size=2)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    return _simple(kind, rule)


def _simple(kind: Any, rule: Any) -> st.SearchStrategy[Any]:
    if kind is str and rule is not None and rule.pattern:
        return st.from_regex(rule.pattern, fullmatch=True).filter(lambda text: len(text) <= rule.most)
    if kind is str:
        least, most = (rule.least, min(rule.most, 20)) if rule else (0, 20)
        return st.text(LINES if rule and rule.lines else TEXT, min_size=least, max_size=most)
    if kind is bytes:
        return st.binary(max_size=50)
    if kind is bool:
        return st.booleans()
    low, high = (rule.least, rule.most) if rule else (-(1 << 31), 1 << 31)
    if kind is int:
        return st.integers(int(low), int(high))
    return st.floats(low, high, allow_nan=False)


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_message_survives_the_trip(kind: type) -> None:
    @QUICK
    @given(_valid(kind))
    def check(message: Any) -> None:
        assert from_json(kind, to_json(message)) == message
        assert json.loads(to_json(message)) == encode(message)

    check()


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", MESSAGES)
def test_nothing_but_malformed_is_raised(kind: type) -> None:
    names = [camel(f.name) for f in dataclasses.fields(kind)]

    @QUICK
    @given(ANY_JSON | st.dictionaries(st.sampled_from(names) | st.text(max_size=3), ANY_JSON))
    def check(value: Any) -> None:
        try:
            assert isinstance(decode(kind, value), kind)
        except Malformed as refusal:
            assert refusal.errors

    check()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_message_or_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        from_json(ExchangeRequest, body)


def _changed(message: Any, path: str, value: Any) -> Any:
    """The JSON of a message with another value at `path`, written as errors write it."""
    whole = json.loads(to_json(message))
    place = whole
    *way, last = path.replace("[", ".[").split(".")
    for step in way:
        place = place[int(step[1:-1])] if step.startswith("[") else place[step]
    place[int(last[1:-1]) if last.startswith("[") else last] = value
    return whole


CALL = an_exchange(holding=(AttemptRef("job-1", 1), AttemptRef("job-2", 1)))


@pytest.mark.parametrize(
    ("message", "path", "value"),
    [
        (CALL, "seq", "1"),
        (CALL, "seq", 1.0),
        (CALL, "seq", True),
        (CALL, "seq", None),
        (CALL, "seq", -1),
        (CALL, "seq", (1 << 53) + 1),
        (CALL, "seq", 10**400),
        (CALL, "wait", 10**400),
        (CALL, "wait", float("nan")),
        (CALL, "wait", float("inf")),
        (CALL, "wait", -0.001),
        (CALL, "wait", "5"),
        (CALL, "wait", False),
        (CALL, "session", ""),
        (CALL, "session", "a b"),
        (CALL, "session", "a\n"),
        (CALL, "session", "x" * 65),
        (CALL, "session", "../x"),
        (CALL, "session", ["a"]),
        (CALL, "report", []),
        (CALL, "report", None),
        (CALL, "report.availability", "sleeping"),
        (CALL, "report.availability", {}),
        (CALL, "report.reason", "a\x00b"),
        (CALL, "report.reason", "\x1b[31m"),
        (CALL, "report.reason", "\ud800"),
        (CALL, "report.reason", "x" * 2001),
        (CALL, "report.giveBacks", [1, -1]),
        (CALL, "holding", {}),
        (CALL, "holding", [{"job": "j", "attempt": 1}] * 201),
        (CALL, "holding[1].attempt", 0),
        (CALL, "holding[1]", 7),
        (a_registration(), "hostName", "two\nlines"),
        (a_registration(), "hostName", "line\u2028separator"),
        (a_registration(), "labels[1]", "ü"),
        (a_registration(), "sandboxLevels[0]", "total"),
        (a_registration(), "cpus", 0),
        (a_registration(), "worker", 5),
        (an_order().spec(0), "environment", {"": "x"}),
        (an_order().spec(0), "environment", {"A": 5}),
        (an_order().spec(0), "commands[0]", None),
        (an_order().spec(0), "collect", 1),
        (LogPart("j", 1, "t", 0, b"x"), "data", "not base64!"),
        (LogPart("j", 1, "t", 0, b"x"), "data", "YQ"),
        (LogPart("j", 1, "t", 0, b"x"), "data", "ü"),
        (LogPart("j", 1, "t", 0, b"x"), "data", 5),
    ],
)
def test_an_error_names_its_field(message: Any, path: str, value: Any) -> None:
    with pytest.raises(Malformed) as refusal:
        decode(type(message), _changed(message, path, value))

    named = [error.field for error in refusal.value.errors]
    assert all(name.startswith(path) for name in named), named
    assert len(named) == 1


def test_every_error_is_told_at_once() -> None:
    with pytest.raises(Malformed) as refusal:
        decode(Report, {"availability": "x", "free": -1, "extra": 1})

    assert {e.field for e in refusal.value.errors} == {"availability", "free", "extra", "reason"}
    assert "availability: must be one of" in str(refusal.value)


def test_unknown_fields_are_refused_at_any_depth() -> None:
    value = json.loads(to_json(CALL))
    value["holding"][1]["cpu"] = 1

    with pytest.raises(Malformed) as refusal:
        decode(ExchangeRequest, value)
    assert [e.field for e in refusal.value.errors] == ["holding[1].cpu"]


def test_python_names_are_unknown_on_the_wire() -> None:
    with pytest.raises(Malformed) as refusal:
        decode(Report, {**encode(a_report()), "give_backs": []})
    assert [e.field for e in refusal.value.errors] == ["give_backs"]


def test_what_has_a_default_or_may_be_null_may_be_left_out() -> None:
    request = a_registration()
    value = encode(request)
    del value["worker"], value["protocol"]

    assert decode(RegisterRequest, value) == request


@pytest.mark.parametrize("name", ["\ud800", "a\x00b", "\x1b[31m", "x" * 500, "ü"])
def test_an_error_can_be_written_down_whatever_it_names(name: str) -> None:
    for kind, value in ((Report, {**encode(a_report()), name: 1}), (JobSpec, _spec_with(name))):
        with pytest.raises(Malformed) as refusal:
            decode(kind, value)
        text = str(refusal.value)
        assert text.encode()
        assert text.isprintable()
        assert len(text) < 400


def _spec_with(name: str) -> Any:
    return {**encode(an_order().spec(0)), "environment": {name: 5}}


def test_a_flood_of_errors_is_cut() -> None:
    with pytest.raises(Malformed) as refusal:
        decode(Report, {**encode(a_report()), **{f"x{n}": n for n in range(5000)}})
    assert len(refusal.value.errors) <= 100
    with pytest.raises(Malformed) as refusal:
        decode(ExchangeRequest, {**encode(CALL), "results": [{"artifacts": [0] * 2000}] * 50})
    assert len(refusal.value.errors) <= 100


def test_a_list_of_messages_is_written_as_a_list() -> None:
    assert encode([AttemptRef("a", 1)]) == [{"job": "a", "attempt": 1}]
    assert encode((AttemptRef("a", 1),)) == [{"job": "a", "attempt": 1}]


def test_words_are_written_as_texts() -> None:
    assert json.loads(to_json(a_report()))["availability"] == AgentState.AVAILABLE.value


def test_letters_of_all_languages_are_written_as_they_are() -> None:
    assert "печать".encode() in to_json(a_report(reason="печать"))


@dataclasses.dataclass(frozen=True, slots=True)
class _Ruled:
    text: Annotated[str, Text(4, 2)]
    number: Annotated[int, Number(-3, 7)]
    items: Annotated[tuple[int, ...], Items(3, 1)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": "x"}, "must have between 2 and 4 characters, not 1"),
        ({"text": "xxxxx"}, "must have between 2 and 4 characters, not 5"),
        ({"number": 8}, "must be between -3 and 7"),
        ({"number": -4}, "must be between -3 and 7"),
        ({"items": []}, "must have between 1 and 3 items, not 0"),
        ({"items": [1] * 4}, "must have between 1 and 3 items, not 4"),
    ],
)
def test_an_error_says_what_is_allowed(changes: dict[str, Any], message: str) -> None:
    good = {"text": "abc", "number": -3, "items": [1, 2, 3]}
    assert decode(_Ruled, good) == _Ruled("abc", -3, (1, 2, 3))

    with pytest.raises(Malformed) as refusal:
        decode(_Ruled, {**good, **changes})
    assert [error.message for error in refusal.value.errors] == [message]


def test_a_lease_reads_as_the_agent_will_read_it() -> None:
    lease = Lease("job-1", 1, "tok", 60.0, an_order("a", environment=(("K", "v"),)).spec(0))

    assert encode(lease)["spec"]["environment"] == {"K": "v"}
    assert from_json(Lease, to_json(lease)) == lease
