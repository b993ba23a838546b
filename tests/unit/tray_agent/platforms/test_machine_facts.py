"""What a PC says of itself: labels, mark, name, identity, folders, locks."""

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.codec import decode, encode
from shared.messages import RegisterRequest
from shared.vocabulary import OperatingSystem, SandboxLevel
from tray_agent.platforms import choose
from tray_agent.platforms.linux import machine as linux_machine
from tray_agent.platforms.machine_facts import found_programs, host_name, machine_mark, read_facts
from tray_agent.platforms.macos import machine as mac_machine


def test_programs_become_labels_in_lower_case() -> None:
    here = {"python3": "/p", "R": "/R", "7zz": "/7", "git": "/g", "secret-tool": "/s"}
    assert found_programs(here.get) == ("7z", "git", "python", "python3", "r")
    assert found_programs(lambda name: "/py" if name == "py" else None) == ("python",)


def test_the_mark_tells_nothing_and_stays_the_same() -> None:
    mark = machine_mark("ABC-123\n")
    assert mark == machine_mark("abc-123")
    assert len(mark) == 32
    assert "abc" not in mark
    assert mark != machine_mark("abc-124")


def test_a_name_given_by_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTNAME", "büro\n-7")
    assert host_name() == "büro-7"
    monkeypatch.delenv("HOSTNAME")
    assert host_name()


def test_the_facts_of_this_machine_may_be_registered() -> None:
    facts = choose.machine_facts()
    assert facts.os is OperatingSystem.LINUX
    assert facts.sandbox_levels == (SandboxLevel.NONE,)
    request = RegisterRequest(
        session="s",
        previous_sessions=(),
        worker=None,
        machine_mark=facts.machine_mark,
        host_name=facts.host_name,
        os=facts.os,
        cpus=facts.cpus,
        memory_mb=facts.memory_mb,
        labels=facts.labels,
        sandbox_levels=facts.sandbox_levels,
        version="1",
    )
    assert decode(RegisterRequest, encode(request)) == request


def test_without_an_identity_the_name_must_do() -> None:
    facts = read_facts(OperatingSystem.LINUX, lambda: "")
    assert facts.machine_mark == machine_mark(facts.host_name)


def test_linux_tells_its_machine_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = tmp_path / "machine-id"
    monkeypatch.setattr(linux_machine, "_MACHINE_ID_FILES", (str(tmp_path / "none"), str(new)))
    assert linux_machine.read_machine_id() == ""
    new.write_text("uninitialized\n")
    assert linux_machine.read_machine_id() == ""
    new.write_text("0123abcd\n")
    assert linux_machine.read_machine_id() == "0123abcd"


def test_linux_data_live_where_xdg_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/x/data")
    assert choose.data_root() == Path("/x/data/sparetime")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert choose.data_root() == Path.home() / ".local/share/sparetime"


def test_a_mac_tells_its_hardware_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = "01234567-89AB-CDEF-0123-456789ABCDEF"
    answer = f'  "IOPlatformSerialNumber" = "C02"\n  "IOPlatformUUID" = "{uuid}"\n'
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=answer))
    assert mac_machine.read_machine_id() == uuid

    def missing(*_: Any, **__: Any) -> Any:
        raise FileNotFoundError(2, "no ioreg")

    monkeypatch.setattr(subprocess, "run", missing)
    assert mac_machine.read_machine_id() == ""
    assert mac_machine.data_root().parts[-3:] == ("Library", "Application Support", "Sparetime")


def test_a_lock_holds_until_released(tmp_path: Path) -> None:
    lock = choose.lock_file(tmp_path / "lock ü")
    assert lock is not None
    assert choose.lock_file(tmp_path / "lock ü") is None
    lock.release()
    again = choose.lock_file(tmp_path / "lock ü")
    assert again is not None
    again.release()


def test_private_means_this_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    choose.make_private(file)
    choose.make_private(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_signal_asks_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    asked: list[int] = []
    try:
        choose.install_stop_handler(lambda: asked.append(1))
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked == [1]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("part", [choose.job_host, choose.pool_platform, choose.machine_facts])
def test_another_system_is_refused_in_words(part: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "_SYSTEM", "plan9")
    with pytest.raises(NotImplementedError, match="Windows, Linux and macOS"):
        part()


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_each_system_has_its_parts(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "_SYSTEM", system)
    expected = {"win32": "Windows", "darwin": "Mac"}[system]
    assert type(choose.pool_platform()).__name__.startswith(expected)
    assert choose.data_root().name == "Sparetime"
    assert choose.job_host() is not None
