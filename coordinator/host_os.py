"""The one file of the coordinator that asks which system it runs on, and what that system allows."""

import os
import select
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

WANTED_OPEN_FILES = 8192  # some systems start a process with 1,024, or 256, and let it ask for more


def default_data_directory(environ: Mapping[str, str]) -> Path:
    """Tell where this account keeps a program's data; nothing is created."""
    if local := environ.get("LOCALAPPDATA"):
        base = Path(local)
    elif Path(environ.get("XDG_DATA_HOME", "")).is_absolute():  # a relative one is to be ignored, says XDG
        base = Path(environ["XDG_DATA_HOME"])
    else:
        base = Path.home() / ".local" / "share"
    return base / "sparetime" / "coordinator"


def has_poll() -> bool:
    """Tell whether sockets can be waited for without the limits of select (Windows has no poll)."""
    return hasattr(select, "poll")


def raise_open_files_limit() -> int | None:
    """Ask for as many open files as allowed, at most 8,192; tell how many now are. None: no limit known."""
    try:
        import resource
    except ImportError:  # Windows: sockets are not counted as files there
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    wanted = WANTED_OPEN_FILES if hard == resource.RLIM_INFINITY else min(WANTED_OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


def stop_signals() -> tuple[signal.Signals, ...]:
    """Tell by which signals a person or a service control asks this program to stop."""
    names = ("SIGTERM", "SIGINT", "SIGBREAK")  # SIGBREAK: Ctrl+Break, the only one that Windows can send
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


def exclusive_bind_option() -> int | None:
    """Tell the socket option that keeps others off a bound port; None where that is the rule anyway."""
    return getattr(socket, "SO_EXCLUSIVEADDRUSE", None)


def takes_port_in_time_wait() -> bool:
    """Tell whether SO_REUSEADDR means: bind although old connections of that port are still winding down.

    On Windows it means: share the port with a stranger.
    """
    return os.name != "nt"
