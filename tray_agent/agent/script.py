"""From a job's commands to the programs that a runner starts. Pure; cmd_script writes the batch files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from shared.messages import JobSpec
from shared.vocabulary import OnError, SandboxLevel, Shell
from tray_agent.agent.cmd_script import MOST_LINE_CHARACTERS, batch_script
from tray_agent.agent.process_ports import Shells

_ARGUMENT_BYTES = 100 * 1024  # Linux takes 128 KiB in one argument
_POWERSHELL = ("-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File")
_POWERSHELL_START = (
    "[Console]::OutputEncoding = [Text.UTF8Encoding]::new($false)\n"
    "$OutputEncoding = [Console]::OutputEncoding\n"
)
_BOM = "\ufeff"  # Windows PowerShell reads a script without one in the old code page


@dataclass(frozen=True, slots=True)
class Script:
    """The programs to start one after another, and the files they want first (path to text)."""

    steps: list[list[str]]
    files: dict[str, str]
    end_mark: str | None = None  # written by the script when it has come to its end


class CannotRun(Exception):
    """This PC lacks what the job asks for; the text is a sentence."""


def can_run(spec: JobSpec, shells: Shells) -> str | None:
    """Tell why this PC must reject the job, None if it need not."""
    if spec.sandbox is not SandboxLevel.NONE:
        return f"This PC cannot run jobs in the sandbox level {spec.sandbox}."
    try:
        _shell(spec.shell, shells)
    except CannotRun as error:
        return str(error)
    return None


def build_script(
    spec: JobSpec, shells: Shells, folder: PurePath, is_batch: Callable[[str], bool] = lambda name: False
) -> Script:
    """Lay out the commands for the asked shell; script files go into `folder`. Raises CannotRun."""
    kind, path = _shell(spec.shell, shells)
    lines = list(spec.commands)
    if kind is Shell.CMD:
        return _cmd(path, lines, spec.on_error, folder, is_batch)
    if kind is Shell.POWERSHELL:
        return _powershell(path, lines, spec.on_error, folder, shells.windows)
    return _posix(kind, path, lines, spec.on_error, folder)


def _shell(asked: Shell, shells: Shells) -> tuple[Shell, str]:
    order = {
        Shell.DEFAULT: (Shell.CMD,) if shells.windows else (Shell.BASH, Shell.SH),
        Shell.SH: (Shell.SH, Shell.BASH),
    }.get(asked, (asked,))
    for kind in order:
        path: str | None = getattr(shells, kind.value)
        if path:
            return kind, path
    name = "shell" if asked is Shell.DEFAULT else asked.value
    raise CannotRun(f"This PC has no {name}.")


def _posix(kind: Shell, path: str, lines: Sequence[str], on_error: OnError, folder: PurePath) -> Script:
    if on_error is OnError.CONTINUE:
        return Script([[path, "-c", line] for line in lines], {})
    options = ["-eo", "pipefail"] if kind is Shell.BASH else ["-e"]
    text = "\n".join(lines)
    if len(text.encode("utf-8", "surrogateescape")) <= _ARGUMENT_BYTES:
        return Script([[path, *options, "-c", text]], {})
    name = str(folder / "script.sh")
    return Script([[path, *options, name]], {name: text + "\n"})


def _cmd(
    path: str, lines: Sequence[str], on_error: OnError, folder: PurePath, is_batch: Callable[[str], bool]
) -> Script:
    if any(len(line) > MOST_LINE_CHARACTERS for text in lines for line in text.splitlines()):
        raise CannotRun(
            f"A command is longer than the {MOST_LINE_CHARACTERS:,} characters that cmd can read."
        )
    # /d: no AutoRun programs of the owner; /s: take the rest as it stands between the outer quotes.
    start = [path, "/d", "/s", "/c"]
    if on_error is OnError.CONTINUE:
        files = {
            str(folder / f"line{n}.cmd"): batch_script([line], None, is_batch)
            for n, line in enumerate(lines, 1)
        }
        return Script([[*start, name] for name in files], files)
    name, mark = str(folder / "script.cmd"), str(folder / "script.end")
    return Script([[*start, name]], {name: batch_script(lines, mark, is_batch)}, mark)


def _powershell(
    path: str, lines: Sequence[str], on_error: OnError, folder: PurePath, windows: bool
) -> Script:
    start = [path, *_POWERSHELL] if windows else [path, *_POWERSHELL[:3], "-File"]
    if on_error is OnError.CONTINUE:
        files = {
            str(folder / f"line{n}.ps1"): _powershell_text([line], False) for n, line in enumerate(lines, 1)
        }
        return Script([[*start, name] for name in files], files)
    name = str(folder / "script.ps1")
    return Script([[*start, name]], {name: _powershell_text(lines, True)})


def _powershell_text(lines: Sequence[str], stop: bool) -> str:
    """A failing program is no error to PowerShell: the exit code of the last one is handed on."""
    head = (
        "$ErrorActionPreference = 'Stop'\n$PSNativeCommandUseErrorActionPreference = $true\n" if stop else ""
    )
    tail = "if (-not $?) { if ($LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 } }\n"
    return _BOM + head + _POWERSHELL_START + "\n".join(lines) + "\n" + tail
