"""Batch files stop at the first failing line, come back from batch programs and prove their end."""

import pytest

from tray_agent.agent.cmd_script import batch_script

CHECK = ["if errorlevel 1 goto :sparetime_failed", "if not errorlevel 0 goto :sparetime_failed"]


def body(*lines: str) -> list[str]:
    """The lines between the beginning and the end that every script has."""
    text = batch_script(lines, r"C:\100%\end", lambda name: name in ("npm", "mvn")).split("\r\n")
    assert text[:2] == ["@echo off", "chcp 65001 >nul"]
    assert text[-5:] == [
        r'>"C:\100%%\end" echo end',
        "exit /b 0",
        ":sparetime_failed",
        "exit /b %errorlevel%",
        "",
    ]
    return text[2:-5]


def test_each_line_is_checked() -> None:
    assert body("one", "two") == ["one", *CHECK, "two", *CHECK]
    assert body("one\ntwo") == body("one", "two")


def test_blocks_and_continued_lines_are_checked_at_their_end() -> None:
    block = ["if exist x (", "  one", ") else (", "  two ^", "  three", ")"]
    assert body(*block, "four") == [*block, *CHECK, "four", *CHECK]
    assert body("a ^", "b", "c ^^") == ["a ^", "b", *CHECK, "c ^^", *CHECK]


def test_brackets_that_mean_nothing_open_no_block() -> None:
    for line in ('echo "("', "echo ^(", "rem (", ":: ("):
        assert body(line, "next")[-3:] == ["next", *CHECK]
    assert CHECK[0] in body('echo "("', "x")[1]


def test_labels_and_remarks_are_not_checked() -> None:
    assert body(":again", "rem x", "one") == [":again", "rem x", "one", *CHECK]


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("npm ci", "call npm ci"),
        ("  @npm ci", "  @call npm ci"),
        ("npm ci && npm test", "call npm ci && call npm test"),
        ("(npm ci) || echo no", "(call npm ci) || echo no"),
        ("build.bat release", "call build.bat release"),
        (r'"C:\my tools\build.CMD" x', r'call "C:\my tools\build.CMD" x'),
        ("call build.bat", "call build.bat"),
        ("echo npm", "echo npm"),
        ('echo "a & npm"', 'echo "a & npm"'),
        ("echo a ^& npm", "echo a ^& npm"),
        ("python build.py", "python build.py"),
        ("rem npm & npm", "rem npm & npm"),
    ],
)
def test_batch_programs_are_called(line: str, becomes: str) -> None:
    assert body(line)[0] == becomes


def test_without_an_end_mark_there_are_no_checks() -> None:
    assert batch_script(["a"], None) == "@echo off\r\nchcp 65001 >nul\r\na\r\n"
