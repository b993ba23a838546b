"""The rules that a field's type may carry, and the errors that name a field that breaks one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A text of `least` to `most` characters, with tabs and line breaks only if `lines`; `raw` takes all."""

    most: int
    least: int = 0
    pattern: str | None = None  # the whole text must match
    lines: bool = False
    raw: bool = False  # as programs print it: escapes, NULs and all


@dataclass(frozen=True, slots=True)
class Number:
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Items:
    most: int
    least: int = 0


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str  # the path as the sender wrote it, as in requirements.labels[2]; empty for the whole body
    message: str


class Malformed(ValueError):
    """What was sent does not have the form it must have; `errors` names each field."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{e.field or 'body'}: {e.message}" for e in errors))
