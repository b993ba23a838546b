"""Which paths an output pattern means: `*` and `?` in one folder, `**` across folders, / on every system."""

import re
from collections.abc import Callable, Sequence


def compile_globs(patterns: Sequence[str], *, ignore_case: bool) -> list[Callable[[str], bool]]:
    """Turn each pattern into a test of one path; one that means a folder takes in all that lies in it."""
    flags = re.IGNORECASE if ignore_case else 0
    return [_matcher(re.compile(_expression(pattern), flags)) for pattern in patterns]


def _matcher(expression: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda path: expression.fullmatch(path) is not None


def _expression(pattern: str) -> str:
    parts = [part for part in pattern.replace("\\", "/").split("/") if part not in ("", ".")]
    pieces: list[str] = []
    for n, part in enumerate(parts):
        last = n == len(parts) - 1
        if part == "**":
            pieces.append(".*" if last else "(?:[^/]+/)*")
        else:
            pieces.append(_part_expression(part) + ("" if last else "/"))
    return "".join(pieces) + "(?:/.*)?"


def _part_expression(part: str) -> str:
    out, place = "", 0
    while place < len(part):
        letter = part[place]
        place += 1
        if letter == "*":
            out += "[^/]*"
            while part[place : place + 1] == "*":  # a second star adds nothing but time
                place += 1
        elif letter == "?":
            out += "[^/]"
        elif letter == "[" and (end := part.find("]", place + 2)) > 0:
            out += _set_expression(part[place:end])
            place = end + 1
        else:
            out += re.escape(letter)
    return out


def _set_expression(letters: str) -> str:
    opposite = letters[:1] in ("!", "^")
    inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", letters[1:] if opposite else letters)
    try:
        re.compile(f"[{inner}]")
    except re.error:  # as in [z-a]
        return re.escape(f"[{letters}]")
    return f"(?!/)[{'^' if opposite else ''}{inner}]"
