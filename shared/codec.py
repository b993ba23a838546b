"""Dataclass to JSON and back: camelCase on the wire, every field checked, every mistake named by its path.

The rules of a field stand in its type: `Annotated[int, Number(1, 10)]`, `Annotated[str, Text(200)]`,
`Annotated[tuple[X, ...], Items(50)]`. Readers and writers are built once for each class.
"""

import base64
import binascii
import dataclasses
import functools
import json
import math
import re
import types
import typing
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from shared.archive_names import printable
from shared.field_rules import FieldError, Items, Malformed, Number, Text
from shared.strict_json import parse_json

T = TypeVar("T")


Reader = Callable[[Any, str, list[FieldError]], Any]
Writer = Callable[[Any], Any]

MOST_ERRORS = 100  # a body of 8 MiB could hold millions of mistakes

_MISSING = object()
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def camel(name: str) -> str:
    """Turn a Python field name into its name on the wire."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def encode(value: Any) -> Any:
    """Turn a dataclass (or a list of them) into plain JSON values."""
    return _writer(typing.cast(Any, type(value)))(value)


def to_json(value: Any) -> bytes:
    return json.dumps(encode(value), ensure_ascii=False, separators=(",", ":")).encode()


def decode(kind: type[T], value: Any) -> T:
    """Build `kind` from plain JSON values. Raises Malformed naming each wrong, missing or unknown field."""
    errors: list[FieldError] = []
    result = _reader(typing.cast(Any, kind))(value, "", errors)
    if errors:
        raise Malformed(errors)
    return typing.cast(T, result)


def from_json(kind: type[T], body: bytes) -> T:
    """Build `kind` from a JSON document. Raises Malformed."""
    return decode(kind, parse_json(body))


# --- reading -------------------------------------------------------------------------------------------


@functools.cache
def _reader(kind: Any) -> Reader:
    kind, rule = _split(kind)
    if dataclasses.is_dataclass(kind):
        return _object_reader(typing.cast(type, kind))
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _optional_reader(kind)
    if origin is tuple:
        return _items_reader(typing.get_args(kind)[0], rule or Items(1000))
    if origin is dict:
        return _mapping_reader(rule or Items(1000))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _enum_reader(kind)
    simple: dict[Any, Callable[[Any], Reader]] = {
        bool: lambda _: _read_bool,
        int: _int_reader,
        float: _float_reader,
        str: _text_reader,
        bytes: lambda _: _read_bytes,
    }
    return simple[kind](rule)


def _split(kind: Any) -> tuple[Any, Any]:
    if typing.get_origin(kind) is typing.Annotated:
        inner, *rules = typing.get_args(kind)
        return inner, rules[-1]
    return kind, None


def field_types(kind: type) -> dict[str, Any]:
    """Tell the resolved type of each field of a dataclass, rules included."""
    return typing.get_type_hints(kind, include_extras=True)


def _object_reader(kind: type) -> Reader:
    hints = field_types(kind)
    plan = [(camel(f.name), f.name, _reader(hints[f.name]), _default(f)) for f in dataclasses.fields(kind)]
    known = {wire for wire, *_ in plan}

    def read(value: Any, path: str, errors: list[FieldError]) -> Any:
        if not isinstance(value, dict) or len(errors) >= MOST_ERRORS:
            return _wrong(errors, path, "must be an object")
        before = len(errors)
        prefix = path + "." if path else ""
        for name in value:
            if name not in known:
                _wrong(errors, prefix + printable(name, 100), "is not known here")
        found = {}
        for wire, name, reader, default in plan:
            given = value.get(wire, _MISSING)
            if given is not _MISSING:
                found[name] = reader(given, prefix + wire, errors)
            elif default is _MISSING:
                _wrong(errors, prefix + wire, "is missing")
            else:
                found[name] = default
        return kind(**found) if len(errors) == before else None

    return read


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if type(None) in typing.get_args(field.type) else _MISSING


def _optional_reader(kind: Any) -> Reader:
    inner = [arg for arg in typing.get_args(kind) if arg is not type(None)]
    reader = _reader(inner[0])

    def read(value: Any, path: str, errors: list[FieldError]) -> Any:
        return None if value is None else reader(value, path, errors)

    return read


def _items_reader(kind: Any, rule: Items) -> Reader:
    reader = _reader(kind)

    def read(value: Any, path: str, errors: list[FieldError]) -> Any:
        if not isinstance(value, list):
            return _wrong(errors, path, "must be a list")
        if not rule.least <= len(value) <= rule.most:
            return _wrong(
                errors, path, f"must have {_between(rule.least, rule.most)} items, not {len(value)}"
            )
        return tuple([reader(item, f"{path}[{n}]", errors) for n, item in enumerate(value)])

    return read


def _mapping_reader(rule: Items) -> Reader:
    name_reader = _text_reader(Text(1000, 1))
    text_reader = _text_reader(Text(32 * 1024, lines=True))

    def read(value: Any, path: str, errors: list[FieldError]) -> Any:
        if not isinstance(value, dict):
            return _wrong(errors, path, "must be an object")
        if len(value) > rule.most:
            return _wrong(errors, path, f"must have at most {rule.most} entries, not {len(value)}")
        for name, text in value.items():
            shown = f"{path}.{printable(name, 100)}"
            name_reader(name, shown, errors)
            text_reader(text, shown, errors)
        return value

    return read


def _enum_reader(kind: type[StrEnum]) -> Reader:
    members = {member.value: member for member in kind}
    allowed = ", ".join(members)

    def read(value: Any, path: str, errors: list[FieldError]) -> Any:
        member = members.get(value) if isinstance(value, str) else None
        return member if member is not None else _wrong(errors, path, f"must be one of: {allowed}")

    return read


def _int_reader(rule: Number | None) -> Reader:
    low, high = (int(rule.least), int(rule.most)) if rule else (-(1 << 63), (1 << 63) - 1)

    def read(value: Any, path: str, errors: list[FieldError]) -> Any:
        if type(value) is not int:
            return _wrong(errors, path, "must be a whole number")
        return value if low <= value <= high else _wrong(errors, path, f"must be {_between(low, high)}")

    return read


def _float_reader(rule: Number | None) -> Reader:
    low, high = (rule.least, rule.most) if rule else (-1e15, 1e15)

    def read(value: Any, path: str, errors: list[FieldError]) -> Any:
        if type(value) not in (int, float) or (type(value) is float and not math.isfinite(value)):
            return _wrong(errors, path, "must be a number")
        return (
            float(value) if low <= value <= high else _wrong(errors, path, f"must be {_between(low, high)}")
        )

    return read


def _text_reader(rule: Text | None) -> Reader:
    rule = rule or Text(1000)
    forbidden = _CONTROL_BUT_LINES if rule.lines else _CONTROL
    pattern = re.compile(rule.pattern) if rule.pattern else None
    most, least, raw = rule.most, rule.least, rule.raw

    def read(value: Any, path: str, errors: list[FieldError]) -> Any:
        if not isinstance(value, str):
            return _wrong(errors, path, "must be a text")
        if not least <= len(value) <= most:
            return _wrong(errors, path, f"must have {_between(least, most)} characters, not {len(value)}")
        if not raw and forbidden.search(value):
            return _wrong(errors, path, "must not contain control characters")
        if pattern and not pattern.fullmatch(value):
            return _wrong(errors, path, f"must match {rule.pattern}")
        return value

    return read


def _read_bool(value: Any, path: str, errors: list[FieldError]) -> Any:
    return value if isinstance(value, bool) else _wrong(errors, path, "must be true or false")


def _read_bytes(value: Any, path: str, errors: list[FieldError]) -> Any:
    if not isinstance(value, str):
        return _wrong(errors, path, "must be base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return _wrong(errors, path, "must be base64 text")


def _wrong(errors: list[FieldError], path: str, message: str) -> None:
    if len(errors) < MOST_ERRORS:
        errors.append(FieldError(path, message))


def _between(least: float, most: float) -> str:
    if least == 0:
        return f"at most {most:g}" if most < 1e6 else f"at most {most}"
    return f"between {least} and {most}"


# --- writing -------------------------------------------------------------------------------------------


@functools.cache
def _writer(kind: Any) -> Writer:
    kind, _ = _split(kind)
    if dataclasses.is_dataclass(kind):
        return _object_writer(typing.cast(type, kind))
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        inner = _writer(next(arg for arg in typing.get_args(kind) if arg is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        item = _writer(typing.get_args(kind)[0])
        return lambda value: [item(each) for each in value]
    if kind in (list, tuple):
        return lambda value: [encode(each) for each in value]
    if kind is bytes:
        return lambda value: base64.b64encode(value).decode("ascii")
    return lambda value: value  # numbers, texts, enums (which are texts), mappings of text


def _object_writer(kind: type) -> Writer:
    hints = field_types(kind)
    plan = [(camel(f.name), f.name, _writer(hints[f.name])) for f in dataclasses.fields(kind)]

    def write(value: Any) -> dict[str, Any]:
        return {wire: writer(getattr(value, name)) for wire, name, writer in plan}

    return write
