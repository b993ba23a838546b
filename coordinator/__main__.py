"""The command line of the coordinator."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.server.listening import CannotListen
from coordinator.settings import Settings, SettingsError, read_settings
from shared import VERSION

WRONG_USE = 2


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command; tell the exit code: 0 done, 1 failed, 2 asked for something that cannot be done."""
    options = vars(_parser().parse_args(arguments))
    options.pop("command")
    try:
        settings = read_settings(options, os.environ if environ is None else environ)
        _refuse_open_door(settings)
        return _serve(settings)
    except (SettingsError, CannotListen) as error:
        print(f"sparetime: {error}", file=sys.stderr)
        return WRONG_USE


def _serve(settings: Settings) -> int:
    from coordinator.app import serve  # loads the web framework and the database, which --help can do without

    return serve(settings)


def _refuse_open_door(settings: Settings) -> None:
    """Let nobody run jobs here whom nobody knows: without accounts only this machine may call."""
    if settings.auth:
        raise SettingsError(
            "Accounts are not built yet. Add --no-auth to serve without them, to this machine only."
        )
    if not settings.on_loopback:
        raise SettingsError(
            f"Without accounts anyone who reaches {settings.host} could run programs on your PCs. "
            "With --no-auth, --host must be an address of this machine alone: 127.0.0.1, ::1 or localhost."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sparetime", description="Runs jobs on a company's idle PCs.")
    parser.add_argument("--version", action="version", version=f"Sparetime {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="run the coordinator",
        description="Runs the coordinator: the queue, its pages and its interfaces. Every option can also "
        "stand in the environment as SPARETIME_NAME, or in a TOML file as name; options win over both.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    _add_serve_options(serve)
    return parser


def _add_serve_options(serve: argparse.ArgumentParser) -> None:
    def add(*names: str, **how: Any) -> None:
        serve.add_argument(*names, **how)

    add("--config", metavar="FILE", help="TOML file with settings")
    add("--host", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    add("--port", metavar="PORT", help="port to listen on, 0 for any free one (3000)")
    add("--data", metavar="DIR", help="folder of the database and files (this account's data folder)")
    add("--no-auth", action="store_false", dest="auth", help="serve without accounts, on this machine only")
    add("--no-direct", action="store_false", dest="direct", help="run no Direct jobs on this machine")
    add(
        "--seed-clients",
        action="append",
        metavar="CIDR",
        help="addresses that may use the older interface without signing in; repeatable, or with commas; "
        "nothing to do with --no-auth, where everybody on this machine may",
    )
    add("--livez-port", metavar="PORT", help="port of the liveness listener (any free one)")


if __name__ == "__main__":
    sys.exit(main())
