"""Commands become the right programs, whatever shell and system."""

from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath

import pytest

from shared.vocabulary import OnError, SandboxLevel, Shell
from tests.fakes.runner_rig import PLAIN
from tray_agent.agent.process_ports import Shells
from tray_agent.agent.script import CannotRun, Script, build_script, can_run

LINUX = Shells(False, bash="/bin/bash", sh="/bin/sh")
BARE = Shells(False, sh="/bin/sh")
WINDOWS = Shells(True, cmd=r"C:\w\cmd.exe", powershell=r"C:\w\powershell.exe")
FOLDER, WINDOWS_FOLDER = PurePosixPath("/data/a 1"), PureWindowsPath(r"C:\data\a 1")
STOP, CONTINUE = OnError.STOP, OnError.CONTINUE


def spec(*commands: str, on_error: OnError = STOP, shell: Shell = Shell.DEFAULT):
    return replace(PLAIN, commands=commands, on_error=on_error, shell=shell)


@pytest.mark.parametrize(
    ("shells", "shell", "on_error", "steps"),
    [
        (LINUX, Shell.DEFAULT, STOP, [["/bin/bash", "-eo", "pipefail", "-c", "a\nb"]]),
        (BARE, Shell.DEFAULT, STOP, [["/bin/sh", "-e", "-c", "a\nb"]]),
        (LINUX, Shell.SH, STOP, [["/bin/sh", "-e", "-c", "a\nb"]]),
        (LINUX, Shell.DEFAULT, CONTINUE, [["/bin/bash", "-c", "a"], ["/bin/bash", "-c", "b"]]),
        (BARE, Shell.DEFAULT, CONTINUE, [["/bin/sh", "-c", "a"], ["/bin/sh", "-c", "b"]]),
    ],
)
def test_posix_shells(shells: Shells, shell: Shell, on_error: OnError, steps: list[list[str]]) -> None:
    assert build_script(spec("a", "b", on_error=on_error, shell=shell), shells, FOLDER) == Script(steps, {})


def test_a_script_too_long_for_an_argument_becomes_a_file() -> None:
    made = build_script(spec("x" * 200_000), LINUX, FOLDER)
    assert made.steps == [["/bin/bash", "-eo", "pipefail", "/data/a 1/script.sh"]]
    assert made.files == {"/data/a 1/script.sh": "x" * 200_000 + "\n"}


def test_cmd_runs_one_batch_file_that_proves_its_end() -> None:
    made = build_script(spec("a", "b"), WINDOWS, WINDOWS_FOLDER)
    assert made.steps == [[r"C:\w\cmd.exe", "/d", "/s", "/c", r"C:\data\a 1\script.cmd"]]
    assert made.end_mark == r"C:\data\a 1\script.end"
    assert made.end_mark in made.files[r"C:\data\a 1\script.cmd"]


def test_cmd_runs_a_batch_file_for_each_line_to_continue() -> None:
    made = build_script(spec("a", "b", on_error=CONTINUE), WINDOWS, WINDOWS_FOLDER)
    assert [step[-1] for step in made.steps] == [r"C:\data\a 1\line1.cmd", r"C:\data\a 1\line2.cmd"]
    assert made.end_mark is None
    assert "errorlevel" not in "".join(made.files.values())


def test_powershell_gets_a_script_that_it_reads_as_utf_8() -> None:
    made = build_script(spec("a", shell=Shell.POWERSHELL), WINDOWS, WINDOWS_FOLDER)
    text = made.files[r"C:\data\a 1\script.ps1"]
    assert made.steps[0][1:] == [
        *("-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"),
        r"C:\data\a 1\script.ps1",
    ]
    assert text.startswith("\ufeff$ErrorActionPreference = 'Stop'\n")
    assert "\na\n" in text
    pwsh = Shells(False, powershell="/usr/bin/pwsh")
    made = build_script(spec("a", shell=Shell.POWERSHELL), pwsh, FOLDER)
    assert "-ExecutionPolicy" not in made.steps[0]


@pytest.mark.parametrize(
    ("shells", "shell", "missing"),
    [
        (LINUX, Shell.CMD, "cmd"),
        (LINUX, Shell.POWERSHELL, "powershell"),
        (BARE, Shell.BASH, "bash"),
        (WINDOWS, Shell.SH, "sh"),
        (Shells(False), Shell.DEFAULT, "shell"),
    ],
)
def test_a_missing_shell_is_a_reason_to_reject(shells: Shells, shell: Shell, missing: str) -> None:
    assert can_run(spec("a", shell=shell), shells) == f"This PC has no {missing}."
    with pytest.raises(CannotRun):
        build_script(spec("a", shell=shell), shells, FOLDER)


def test_what_can_run_is_not_rejected() -> None:
    assert can_run(spec("a"), LINUX) is None
    assert can_run(spec("a"), WINDOWS) is None
    assert can_run(replace(spec("a"), sandbox=SandboxLevel.SANDBOX), LINUX) is not None


def test_a_line_that_cmd_would_cut_is_refused() -> None:
    with pytest.raises(CannotRun, match="8,191"):
        build_script(spec("x" * 8192), WINDOWS, WINDOWS_FOLDER)
