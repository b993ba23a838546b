"""A job's lines as one batch file for cmd.exe that stops at the first failing line. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence

MOST_LINE_CHARACTERS = 8191  # cmd cuts a longer line off

_START = "@echo off\r\nchcp 65001 >nul\r\n"
_CHECK = "if errorlevel 1 goto :sparetime_failed\r\nif not errorlevel 0 goto :sparetime_failed\r\n"
_FAILED = ":sparetime_failed\r\nexit /b %errorlevel%\r\n"
_NO_CHECK_AFTER = re.compile(r"\s*(:|@?rem\b)", re.IGNORECASE)
_REMARK = re.compile(r"\s*@?(rem\b|::)", re.IGNORECASE)
_PROGRAM = re.compile(r'\s*@?\s*(?:"([^"]+)"|([^\s"&|<>()^,;=]+))')


def batch_script(
    lines: Sequence[str], end_mark: str | None, is_batch: Callable[[str], bool] = lambda name: False
) -> str:
    """Join the lines; with `end_mark`, check after each and write that file at the end.

    Checks stand only where no bracket is open and no ^ continues the line: cmd reads a block as one command.
    A batch program that is started without `call` never comes back: `is_batch` tells those whose ending is
    not typed, such as npm.
    """
    parts = [_START]
    depth = 0
    continued = False
    for line in "\n".join(lines).splitlines():
        parts.append((line if continued else _with_calls(line, is_batch)) + "\r\n")
        continued = (len(line) - len(line.rstrip("^"))) % 2 == 1
        depth = max(0, depth + _bracket_balance(line))
        if end_mark and depth == 0 and not continued and not _NO_CHECK_AFTER.match(line):
            parts.append(_CHECK)
    if end_mark is not None:
        parts.append(f'>"{end_mark.replace("%", "%%")}" echo end\r\nexit /b 0\r\n{_FAILED}')
    return "".join(parts)


def _with_calls(line: str, is_batch: Callable[[str], bool]) -> str:
    """Put `call` before each batch program that stands where a command begins."""
    if _REMARK.match(line):
        return line
    done = ""
    last = 0
    for place in _command_places(line):
        match = _PROGRAM.match(line, place)
        name = (match.group(1) or match.group(2)) if match else ""
        if name and (name.lower().endswith((".cmd", ".bat")) or is_batch(name)):
            assert match is not None
            start = match.start(1) - 1 if match.group(1) else match.start(2)
            done += line[last:start] + "call "
            last = start
    return done + line[last:]


def _command_places(line: str) -> Iterator[int]:
    yield 0
    for place, letter in _unquoted(line):
        if letter in "&|(":
            yield place + 1


def _bracket_balance(line: str) -> int:
    if _REMARK.match(line):
        return 0
    letters = [letter for _, letter in _unquoted(line)]
    return letters.count("(") - letters.count(")")


def _unquoted(line: str) -> Iterator[tuple[int, str]]:
    """Give the letters that mean something to cmd: not in quotes, not after ^."""
    quoted = escaped = False
    for place, letter in enumerate(line):
        if escaped:
            escaped = False
        elif letter == '"':
            quoted = not quoted
        elif not quoted and letter == "^":
            escaped = True
        elif not quoted:
            yield place, letter
