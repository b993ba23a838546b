"""Parse JSON from outside strictly: UTF-8, no NaN, no doubled names, no absurd numbers or nesting."""

import json
from typing import Any

from shared.field_rules import FieldError, Malformed


def parse_json(body: bytes) -> Any:
    """Turn a JSON document into plain values. Raises Malformed."""
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed([FieldError("", "is not UTF-8")]) from None
    except RecursionError:
        raise Malformed([FieldError("", "is nested too deeply")]) from None
    except ValueError as error:
        raise Malformed([FieldError("", f"is not JSON: {str(error)[:200]}")]) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return result


def _whole_number(digits: str) -> int:
    if len(digits) > 40:  # int() takes quadratic time
        raise ValueError("a number has too many digits")
    return int(digits)


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_whole_number, object_pairs_hook=_refuse_twins
)
