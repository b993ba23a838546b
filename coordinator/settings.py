"""The coordinator's settings: read once from options, environment and a file, all checked."""

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from coordinator.host_os import default_data_directory

PREFIX = "SPARETIME_"
FILE_VARIABLE = "SPARETIME_CONFIG"
_SIMILAR = 0.7  # SPARETIME_PROT is meant for us (0.75); SPARETIME_SERVER, which an agent reads, is not (0.4)

Network = IPv4Network | IPv6Network


class SettingsError(Exception):
    """A setting cannot be used; `str()` names it as its user wrote it, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    data: Path  # absolute
    host: str = "127.0.0.1"
    port: int = 3000  # 0: any free port
    auth: bool = True
    direct: bool = True  # run Direct jobs on this machine
    seed_clients: tuple[Network, ...] = ()  # may use the older interface without signing in
    livez_port: int = 0  # of the liveness listener; 0: any free port

    @property
    def on_loopback(self) -> bool:
        """Tell whether only programs on this machine can reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings(options: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Read options (by field name, only those given) over environment over file. Raises SettingsError.

    `options["config"]` or SPARETIME_CONFIG names the file.
    """
    _refuse_misspelt_variables(environ)
    file = _config_file(options, environ)
    sources: list[dict[str, _Given]] = [_from_file(file)] if file else []
    sources.append(_from_environment(environ))
    sources.append({name: _Given(value, _option_label(name, value)) for name, value in options.items()})
    chosen: dict[str, Any] = {}
    for source in sources:
        chosen |= {name: _CHECKS[name](given) for name, given in source.items() if name in _CHECKS}
    chosen.setdefault("data", default_data_directory(environ))
    return Settings(**chosen)


@dataclass(frozen=True, slots=True)
class _Given:
    """A value and where it stands, as its user wrote it."""

    value: Any
    label: str
    folder: Path = field(default_factory=Path.cwd)  # that a relative path counts from

    def refuse(self, allowed: str) -> SettingsError:
        return SettingsError(f"{self.label} is {self.value!r}, but must be {allowed}.")


def _option_label(name: str, value: Any) -> str:
    dashed = name.replace("_", "-")
    return f"--no-{dashed}" if value is False else f"--{dashed}"


def _config_file(options: Mapping[str, Any], environ: Mapping[str, str]) -> Path | None:
    chosen = options.get("config") or environ.get(FILE_VARIABLE)
    return Path(chosen).absolute() if chosen else None


def _from_file(file: Path) -> dict[str, _Given]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {file} is not valid TOML: {error}.") from error
    for key in content:
        if key not in _CHECKS:
            raise SettingsError(f"There is no setting {key} (in {file}). {_known(key, sorted(_CHECKS))}")
    return {key: _Given(value, f"{key} in {file}", file.parent) for key, value in content.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    """Take what is set; an empty variable counts as not set."""
    names = {name: PREFIX + name.upper() for name in _CHECKS}
    return {name: _Given(environ[var], var) for name, var in names.items() if environ.get(var)}


def _refuse_misspelt_variables(environ: Mapping[str, str]) -> None:
    """Refuse only what looks like ours: an agent and its jobs have SPARETIME_ variables too."""
    ours = [PREFIX + name.upper() for name in _CHECKS] + [FILE_VARIABLE]
    for variable in environ:
        if not variable.startswith(PREFIX) or variable in ours:
            continue
        tails = [name.removeprefix(PREFIX) for name in ours]
        if difflib.get_close_matches(variable.removeprefix(PREFIX), tails, n=1, cutoff=_SIMILAR):
            raise SettingsError(f"There is no setting {variable}. {_known(variable, ours)}")


def _known(wrong: str, names: list[str]) -> str:
    close = difflib.get_close_matches(wrong, names, n=1)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names)}."


def _host(given: _Given) -> str:
    value = given.value
    if (
        not isinstance(value, str)
        or not value.strip()
        or "/" in value
        or any(c.isspace() for c in value.strip())
    ):
        raise given.refuse("a host name or an address, such as 127.0.0.1")
    return value.strip().strip("[]")


def _port(given: _Given) -> int:
    allowed = "a whole number from 0 to 65535, where 0 means any free port"
    value = given.value
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65535:
        raise given.refuse(allowed)
    return value


def _directory(given: _Given) -> Path:
    value = given.value
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise given.refuse("the path of a folder")
    directory = given.folder / Path(value).expanduser()
    if directory.exists() and not directory.is_dir():
        raise given.refuse("the path of a folder, and there is a file of that name")
    return directory.absolute()


def _switch(given: _Given) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    value = given.value
    if isinstance(value, str):
        value = words.get(value.strip().lower())
    if not isinstance(value, bool):
        raise given.refuse("true or false")
    return value


def _networks(given: _Given) -> tuple[Network, ...]:
    parts = [given.value] if isinstance(given.value, str) else given.value
    allowed = "addresses or networks such as 192.0.2.7 or 192.0.2.0/24"
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise given.refuse(allowed)
    networks: list[Network] = []
    for part in (piece.strip() for entry in parts for piece in entry.split(",")):
        try:
            networks.append(ip_network(part))
        except ValueError as error:
            raise given.refuse(f"{allowed} ({error})") from error
    return tuple(networks)


_CHECKS: Mapping[str, Callable[[_Given], Any]] = {
    "host": _host,
    "port": _port,
    "data": _directory,
    "auth": _switch,
    "direct": _switch,
    "seed_clients": _networks,
    "livez_port": _port,
}
