"""What identifies this Mac, and where its user's data live."""

import re
import subprocess
from pathlib import Path

_ASK = ("/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
_UUID = re.compile(r'"IOPlatformUUID"\s*=\s*"([0-9A-Fa-f-]{36})"')


def read_machine_id() -> str:
    """Tell the hardware's UUID; empty if it cannot be asked."""
    try:
        answer = subprocess.run(_ASK, capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    found = _UUID.search(answer)
    return found.group(1) if found else ""


def data_root() -> Path:
    """Tell where Apple's rules want this user's data."""
    return Path.home() / "Library" / "Application Support" / "Sparetime"
