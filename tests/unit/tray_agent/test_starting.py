"""What the agent is started with, which folder it takes and who it is."""

from pathlib import Path

import pytest

from tray_agent.agent.errors import FolderBusy, SettingsError
from tray_agent.agent.identity import IdentityFile
from tray_agent.data_folder import take_folder
from tray_agent.settings import read_options, settings_from


class Held:
    def release(self) -> None: ...


class Locks:
    def __init__(self, *busy: str) -> None:
        self.busy = busy

    def __call__(self, path: Path) -> Held | None:
        return None if path.parent.name in self.busy else Held()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--servr", "x"], "--servr"),
        (["--server"], "--server"),
        (["--headless", "--server", "ftp://x"], "--server"),
        (["--server", "http://"], "--server"),
        (["--server", "http://host:99999"], "--server"),
        (["--server", "http://user:pw@host"], "--server"),
        (["--server", "http://a b"], "--server"),
        (["--headless"], "--server"),
        (["--server", "http://x", "--data", ""], "--data"),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        settings_from(read_options(arguments), {})


def test_options_win_over_the_environment() -> None:
    environment = {"SPARETIME_SERVER": "http://env", "WORKER_ID": "pc-7", "HOSTNAME": "Büro\n7"}
    settings = settings_from(read_options(["--server=http://option/"]), environment)
    assert (settings.server, settings.worker_id, settings.host_name) == ("http://option", "pc-7", "Büro7")
    assert not settings.always
    with pytest.raises(SettingsError, match="WORKER_ID"):
        settings_from({}, {**environment, "WORKER_ID": "../etc"})


def test_the_coordinators_own_agent_takes_no_name_from_the_environment() -> None:
    environment = {"WORKER_ID": "pc-7", "HOSTNAME": "x"}
    settings = settings_from(read_options(["--server", "http://x", "--builtin"]), environment)
    assert (settings.worker_id, settings.host_name, settings.always) == (None, None, True)


def test_agents_side_by_side_take_the_next_free_folder(tmp_path: Path) -> None:
    folder, _ = take_folder(None, lambda: tmp_path, None, Locks("agent", "agent-2"))
    assert folder == tmp_path / "agent-3"
    folder, _ = take_folder(None, lambda: tmp_path, "pc-7", Locks("agent"))
    assert folder == tmp_path / "worker-pc-7"
    with pytest.raises(FolderBusy, match="WORKER_ID"):
        take_folder(None, lambda: tmp_path, "pc-7", Locks("worker-pc-7"))
    with pytest.raises(FolderBusy, match="--data"):
        take_folder(tmp_path / "mine", lambda: tmp_path, None, Locks("mine"))


def test_the_identity_survives_restarts_with_a_session_for_each(tmp_path: Path) -> None:
    file = IdentityFile(tmp_path)
    first, _ = file.begin_session("mark", None)
    file.keep_worker(first, "pc-1")
    for _ in range(20):
        last, copied = IdentityFile(tmp_path).begin_session("mark", None)
    assert (last.worker, copied) == ("pc-1", False)
    assert len(last.sessions) == 8
    assert len(set(last.sessions)) == 8


def test_a_copied_folder_becomes_somebody_new(tmp_path: Path) -> None:
    file = IdentityFile(tmp_path)
    first, _ = file.begin_session("mark", None)
    file.keep_worker(first, "pc-1")
    other, copied = IdentityFile(tmp_path).begin_session("other-mark", None)
    assert copied
    assert (other.worker, len(other.sessions)) == (None, 1)


def test_an_unreadable_identity_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text("{")
    identity, copied = IdentityFile(tmp_path).begin_session("mark", None)
    assert (identity.worker, copied) == (None, False)
