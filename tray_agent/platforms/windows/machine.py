"""What identifies this Windows machine, and where its user's data live."""

import os
from pathlib import Path
from typing import Any

_KEY, _VALUE = r"SOFTWARE\Microsoft\Cryptography", "MachineGuid"


def read_machine_id(registry: Any = None) -> str:
    """Tell the MachineGuid of this installation; empty if it cannot be read."""
    if registry is None:
        import winreg as registry  # only on Windows
    access = registry.KEY_READ | registry.KEY_WOW64_64KEY  # a 32-bit Python would look elsewhere
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, _KEY, 0, access) as key:
            return str(registry.QueryValueEx(key, _VALUE)[0])
    except OSError:
        return ""


def data_root() -> Path:
    """Tell this user's folder for data that stay on this PC."""
    local = os.environ.get("LOCALAPPDATA")
    return (Path(local) if local else Path.home() / "AppData" / "Local") / "Sparetime"
