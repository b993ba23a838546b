"""Cursors of lists: opaque to those who carry them, so that what is in them may change."""

import base64
import binascii

from coordinator.domain.errors import Invalid
from shared.field_rules import FieldError


def cursor_of(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str) -> str:
    """Tell the place that `cursor` was made of. Raises Invalid naming `after`."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise foreign_cursor() from None


def foreign_cursor() -> Invalid:
    message = "is no cursor of this list: take `next` of the page before, or leave it out"
    return Invalid("The list cannot go on from there.", [FieldError("after", message)])
