"""Where this user's programs keep their data on this system."""

import os
import sys
from pathlib import Path


def data_root() -> Path:
    """Tell the folder that holds the data folders of this user's agents."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        given = os.environ.get("XDG_DATA_HOME", "")
        base = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "share"
    return base / "sparetime"
