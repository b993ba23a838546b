"""What quickstart installs, and where it finds pip for a Python that comes without it."""

import hashlib
import os
import re
from pathlib import Path

import pytest
import python_environment as environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from python_environment import ProblemError, fetch_pip, pip_setting, requirement_lines

EVERYTHING = ("coordinator", "agent", "tray", "build", "test")


@pytest.fixture(autouse=True)
def no_pip_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide this machine's pip settings from the test."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(environment, "pip_files", lambda: [tmp_path / "pip.conf"])


def test_only_what_runs_is_installed() -> None:
    names = {Requirement(line).name.lower() for line in requirement_lines(("coordinator", "agent"))}
    assert {"bottle", "waitress", "sqlalchemy", "requests", "psutil"} <= names
    assert not names & {"pyside6-essentials", "pyinstaller", "pytest", "sparetime"}


def test_the_tests_need_what_the_programs_need() -> None:
    assert set(requirement_lines(("coordinator", "agent"))) < set(requirement_lines(("test",)))


def test_each_requirement_has_a_pin_that_fulfils_it() -> None:
    text = (environment.ROOT / "requirements.txt").read_text("utf-8")
    pins = [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]
    versions = {canonicalize_name(pin.name): str(pin.specifier) for pin in pins}
    assert all(re.fullmatch(r"==[\w.]+", version) for version in versions.values())
    for line in requirement_lines(EVERYTHING):
        wanted = Requirement(line)
        assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)].removeprefix("==")), line


def test_a_setting_of_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://one/simple\nextra-index-url =\n    https://two\n    https://three\n"
        "[install]\nindex-url = https://four/100%/simple\n"
    )
    assert pip_setting("index-url") == ["https://four/100%/simple"]
    assert pip_setting("extra-index-url") == ["https://two", "https://three"]
    monkeypatch.setenv("PIP_INDEX_URL", "https://five/simple")
    assert pip_setting("index-url") == ["https://five/simple"]


def index(folder: Path, *tags: str) -> str:
    """Write an index page for pip and return the index's address."""
    (folder / "pip").mkdir(parents=True)
    (folder / "pip" / "index.html").write_text("<html>" + "\n".join(tags))
    return folder.as_uri()


def wheel(folder: Path, version: str, content: bytes = b"wheel") -> str:
    """Write a wheel file and return its link on an index page."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"pip-{version}-py3-none-any.whl"
    (folder / name).write_bytes(content)
    return f'<a href="../../{folder.name}/{name}#sha256={hashlib.sha256(b"wheel").hexdigest()}">{name}</a>'


def test_the_newest_wheel_of_the_index_is_fetched_but_no_withdrawn_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tmp_path / "files"
    tags = [wheel(files, version) for version in ("9.0", "23.1", "23.0.1")]
    withdrawn = wheel(files, "99.0").replace("<a ", '<a data-yanked="" ')
    beta = wheel(files, "98.0b1")
    monkeypatch.setenv("PIP_INDEX_URL", index(tmp_path / "simple", *tags, withdrawn, beta))
    target = tmp_path / "target"
    target.mkdir()
    assert fetch_pip(target) == target / "pip-23.1-py3-none-any.whl"
    assert (target / "pip-23.1-py3-none-any.whl").read_bytes() == b"wheel"


def test_a_folder_of_wheels_is_enough_without_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path / "Räder 1", "23.1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "Räder 1").as_uri())
    target = tmp_path / "target"
    target.mkdir()
    assert fetch_pip(target).read_bytes() == b"wheel"


def test_a_damaged_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = wheel(tmp_path / "files", "23.1", b"damaged")
    monkeypatch.setenv("PIP_INDEX_URL", index(tmp_path / "simple", tag))
    with pytest.raises(ProblemError, match="SHA-256"):
        fetch_pip(tmp_path)


def test_a_machine_without_any_pip_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "nothing").as_uri())
    with pytest.raises(ProblemError, match="PIP_INDEX_URL"):
        fetch_pip(tmp_path)
