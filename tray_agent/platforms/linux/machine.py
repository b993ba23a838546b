"""What identifies this Linux machine, and where its user's data live."""

import os
from pathlib import Path

_MACHINE_ID_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")


def read_machine_id() -> str:
    """Tell systemd's id of this installation; empty where there is none."""
    for name in _MACHINE_ID_FILES:
        try:
            text = Path(name).read_text("ascii", "replace").strip()
        except OSError:
            continue
        if text and text != "uninitialized":
            return text
    return ""


def data_root() -> Path:
    """Tell where the XDG rules want this user's data."""
    given = os.environ.get("XDG_DATA_HOME", "")
    base = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "share"
    return base / "sparetime"
