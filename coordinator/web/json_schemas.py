"""JSON schemas of the forms: the field rules that shared/codec.py applies, told to others."""

import dataclasses
import types
import typing
from enum import StrEnum
from typing import Any

from shared.codec import camel, encode, field_types
from shared.field_rules import Items, Number, Text

Schema = dict[str, Any]


class Schemas:
    """Collects the schemas that a document names. A form of answers always has all of its fields."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}
        self._kinds: dict[str, type] = {}
        self._tolerant: set[type] = set()

    def of_request(self, kind: type, tolerant: bool = False) -> Schema:
        """Describe a form that is sent; a tolerant reader passes over fields that it does not know."""
        if tolerant:
            self._tolerant.add(kind)
        return self._of(kind, False)

    def of_answer(self, kind: type) -> Schema:
        return self._of(kind, True)

    def fields_of(self, kind: type) -> list[tuple[str, Schema, bool]]:
        """Tell the fields of a form of requests: name, schema, and whether it must be there."""
        return self._fields(kind, False)

    def _of(self, kind: Any, answer: bool) -> Schema:
        kind, rule = _split(kind)
        if dataclasses.is_dataclass(kind):
            return self._reference(typing.cast(type, kind), answer)
        origin = typing.get_origin(kind)
        if origin in (typing.Union, types.UnionType):
            inner = next(arg for arg in typing.get_args(kind) if arg is not type(None))
            return {"anyOf": [self._of(inner, answer), {"type": "null"}]}
        if origin is tuple:
            items = self._of(typing.get_args(kind)[0], answer)
            return {"type": "array", "items": items, **_item_rules(rule, "Items")}
        if origin is dict:
            text = {"type": "string"}
            return {"type": "object", "additionalProperties": text, **_item_rules(rule, "Properties")}
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return {"type": "string", "enum": [member.value for member in kind]}
        return _simple(kind, rule)

    def _reference(self, kind: type, answer: bool) -> Schema:
        name = kind.__name__
        if answer and any(not required for _, _, required in _wire_fields(kind)):
            name += "Answer"  # the same form asks for less when it is sent
        if name not in self.named:
            self._kinds[name] = kind
            self.named[name] = {}  # the name is taken: a form may hold itself
            self.named[name] = self._object(kind, answer)
        if self._kinds[name] is not kind:
            raise ValueError(f"two forms are called {name}")
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, kind: type, answer: bool) -> Schema:
        found = self._fields(kind, answer)
        schema: Schema = {
            "type": "object",
            "properties": {name: schema for name, schema, _ in found},
            "required": [name for name, _, required in found if required],
        }
        if not answer and kind not in self._tolerant:
            schema["additionalProperties"] = False  # an answer may grow
        return schema

    def _fields(self, kind: type, answer: bool) -> list[tuple[str, Schema, bool]]:
        hints = field_types(kind)
        found = []
        for name, default, required in _wire_fields(kind):
            schema = self._of(hints[name], answer)
            if not answer and default is not None and "$ref" not in schema:
                schema = {**schema, "default": encode(default)}
            found.append((camel(name), schema, required or answer))
        return found


def _wire_fields(kind: type) -> list[tuple[str, Any, bool]]:
    """Tell each field's name, its default, and whether a sender must give it."""
    found = []
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            found.append((field.name, field.default, False))
        elif field.default_factory is not dataclasses.MISSING:
            found.append((field.name, field.default_factory(), False))
        else:
            found.append((field.name, None, type(None) not in typing.get_args(field.type)))
    return found


def _split(kind: Any) -> tuple[Any, Any]:
    if typing.get_origin(kind) is typing.Annotated:
        inner, *rules = typing.get_args(kind)
        return inner, rules[-1]
    return kind, None


def _item_rules(rule: Items | None, noun: str) -> Schema:
    if rule is None:
        return {}
    return {f"max{noun}": rule.most, **({f"min{noun}": rule.least} if rule.least else {})}


def _simple(kind: type, rule: Any) -> Schema:
    if kind is bool:
        return {"type": "boolean"}
    if kind is bytes:
        return {"type": "string", "contentEncoding": "base64"}
    if kind in (int, float):
        return {"type": "integer" if kind is int else "number", **_number_rules(rule)}
    return {"type": "string", **_text_rules(rule)}


def _number_rules(rule: Number | None) -> Schema:
    return {} if rule is None else {"minimum": rule.least, "maximum": rule.most}


def _text_rules(rule: Text | None) -> Schema:
    if rule is None:
        return {}
    pattern = {"pattern": f"^(?:{rule.pattern})$"} if rule.pattern else {}
    return {"maxLength": rule.most, **({"minLength": rule.least} if rule.least else {}), **pattern}
