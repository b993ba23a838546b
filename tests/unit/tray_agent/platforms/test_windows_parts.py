"""Machine, files, programs, environment and signals of Windows, each through a fake of its system call."""

import signal
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tray_agent.platforms.windows import files, machine, programs, stop_signals
from tray_agent.platforms.windows.environment import allowed_environment
from tray_agent.platforms.windows.pool_platform import WindowsPoolPlatform


def registry(value: str | None) -> Any:
    def open_key(root: str, name: str, reserved: int, access: int) -> Any:
        assert (root, name, access) == ("HKLM", r"SOFTWARE\Microsoft\Cryptography", 0x20019 | 0x100)
        if value is None:
            raise FileNotFoundError(2, "no such key")
        return nullcontext("key")

    return SimpleNamespace(
        HKEY_LOCAL_MACHINE="HKLM",
        KEY_READ=0x20019,
        KEY_WOW64_64KEY=0x100,
        OpenKey=open_key,
        QueryValueEx=lambda key, name: (value, 1),
    )


def test_the_machine_id_is_the_installations_guid() -> None:
    assert machine.read_machine_id(registry("1234-guid")) == "1234-guid"
    assert machine.read_machine_id(registry(None)) == ""


def test_data_live_in_the_local_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALAPPDATA", "/local data")
    assert machine.data_root() == Path("/local data/Sparetime")


def test_a_lock_is_exclusive(tmp_path: Path) -> None:
    held: set[str] = set()

    def locking(fd: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        if held:
            raise PermissionError(13, "Permission denied")
        held.add("yes")

    fake = SimpleNamespace(LK_NBLCK=2, locking=locking)
    lock = files.lock_file(tmp_path / "lock", fake)
    assert lock is not None
    assert files.lock_file(tmp_path / "lock", fake) is None
    lock.release()
    lock.release()


def test_only_the_user_the_system_and_administrators_get_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERDOMAIN", "OFFICE")
    monkeypatch.setenv("USERNAME", "jürgen")
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        commands.append(command)
        return SimpleNamespace(returncode=len(commands) - 1, stdout=b"no")

    files.make_private(tmp_path, run)
    assert commands[0][:3] == ["icacls", str(tmp_path), "/inheritance:r"]
    assert commands[0][4:] == [r"OFFICE\jürgen:(OI)(CI)F", "*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F"]
    with pytest.raises(OSError, match="private"):
        files.make_private(tmp_path, run)


SYSTEM = {
    "bash": r"C:\Windows\System32\bash.exe",
    "python": r"C:\Users\j\AppData\Local\Microsoft\WindowsApps\python.exe",
    "git": r"C:\Program Files\Git\cmd\git.exe",
    "npm": r"C:\Program Files\nodejs\npm.CMD",
    "powershell": r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
    "cmd": r"C:\Windows\System32\cmd.exe",
}


def test_shop_aliases_and_the_wsl_launcher_are_no_programs() -> None:
    assert programs.find_program("bash", SYSTEM.get) is None
    assert programs.find_program("python", SYSTEM.get) is None
    assert programs.find_program("git", SYSTEM.get) == SYSTEM["git"]
    assert programs.find_program("nothing", SYSTEM.get) is None


def test_shells_are_found_with_gits_bash_beside_the_path() -> None:
    bash = r"D:\Programs\Git\bin\bash.exe"
    environment = {"ProgramFiles": r"D:\Programs", "ComSpec": r"C:\w\cmd.exe"}
    found = programs.find_shells(environment, SYSTEM.get, lambda path: path == bash)
    assert found == (True, bash, None, r"C:\w\cmd.exe", SYSTEM["powershell"])


def test_batch_programs_are_known_by_where_their_name_leads() -> None:
    assert programs.is_batch_program("npm", SYSTEM.get)
    assert not programs.is_batch_program("git", SYSTEM.get)
    assert not programs.is_batch_program("nothing", SYSTEM.get)


def test_the_environment_is_an_allow_list_whatever_the_case() -> None:
    given = {"Path": "p", "SystemRoot": "s", "HTTP_PROXY": "x", "GITHUB_TOKEN": "x", "SPARETIME_X": "x"}
    assert allowed_environment(given) == {"Path": "p", "SystemRoot": "s"}


def test_every_way_to_ask_for_the_end_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    asked: list[int] = []
    stop_signals.install_stop_handler(lambda: asked.append(1))
    for handler in handlers.values():
        handler(0, None)
    assert set(handlers) == {signal.SIGINT, signal.SIGTERM, 21}
    assert len(asked) == 3


def test_runners_get_no_window_and_no_signals() -> None:
    assert WindowsPoolPlatform().popen_options() == {"creationflags": 0x08000200}
