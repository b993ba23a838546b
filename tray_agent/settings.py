"""What the agent was started with: options first, then the environment, each checked and named when wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tray_agent.agent.errors import SettingsError

USAGE = """\
usage: python -m tray_agent --headless --server URL [--data DIR] [--always]

  --headless     run without a window
  --server URL   the coordinator, as in http://192.168.1.10:8080 (or SPARETIME_SERVER)
  --data DIR     where this agent keeps its identity and its work (or SPARETIME_DATA)
  --always       lend this PC all the time, whether or not its owner is there
  --version      show the version

WORKER_ID gives this agent a fixed id, HOSTNAME the name that pages show.
"""

_WITH_VALUE = frozenset({"--server", "--data"})
_FLAGS = frozenset({"--headless", "--always", "--builtin", "--version", "--help", "-h"})
_SHOWN = ("--headless", "--server URL", "--data DIR", "--always", "--version")
_WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Settings:
    server: str
    data: Path | None  # None: the next free folder of this user
    always: bool
    builtin: bool  # the coordinator's own agent: a secret comes by standard input
    worker_id: str | None
    host_name: str | None


def read_options(arguments: Sequence[str]) -> dict[str, str]:
    """Take the command line apart. Raises SettingsError naming the option that is wrong."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in _FLAGS and not equals:
            found[name] = ""
        elif name in _WITH_VALUE:
            if not equals and not rest:
                raise SettingsError(f"{name} wants a value after it.")
            found[name] = value if equals else rest.pop(0)
        else:
            raise SettingsError(f"The option {name[:100]} is not known. Allowed are: {', '.join(_SHOWN)}.")
    return found


def settings_from(options: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """Check what the agent is to do. Raises SettingsError."""
    builtin = "--builtin" in options
    data = options.get("--data", environment.get("SPARETIME_DATA", ""))
    if "--data" in options and not data:
        raise SettingsError("--data wants the path of a folder, not nothing.")
    host_name = _CONTROL.sub("", environment.get("HOSTNAME", ""))[:200].strip()
    return Settings(
        server=_server(options.get("--server", environment.get("SPARETIME_SERVER", ""))),
        data=Path(data) if data else None,
        always=builtin or "--always" in options,
        builtin=builtin,
        worker_id=None if builtin else _worker_id(environment.get("WORKER_ID", "")),
        host_name=None if builtin else host_name or None,
    )


def _server(url: str) -> str:
    if not url:
        raise SettingsError(
            "--server is missing: say where the coordinator is, as in --server http://10.0.0.5:8080."
        )
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_good = urlsplit(""), False
    clean = parts.hostname and not parts.query and not parts.fragment and not parts.username
    if parts.scheme not in ("http", "https") or not clean or not port_is_good or re.search(r"\s", url):
        raise SettingsError(f"--server must be an address like http://10.0.0.5:8080, not {url[:200]!r}.")
    return url.rstrip("/")


def _worker_id(text: str) -> str | None:
    if text and not _WORKER_ID.fullmatch(text):
        raise SettingsError(
            "WORKER_ID must have 1 to 64 letters, digits, dots, hyphens or underscores, first a letter "
            f"or digit, not {text[:100]!r}."
        )
    return text or None
