"""Leaves word in the data directory where this coordinator answers, for programs on the same machine."""

import json
import os
from pathlib import Path

FILE_NAME = "coordinator.json"


def announce(data: Path, url: str, livez_url: str) -> None:
    """Write `coordinator.json`, whole or not at all."""
    new = data / f"{FILE_NAME}.new"
    new.write_text(json.dumps({"url": url, "livez": livez_url, "pid": os.getpid()}) + "\n", encoding="utf-8")
    new.replace(data / FILE_NAME)


def withdraw(data: Path) -> None:
    (data / FILE_NAME).unlink(missing_ok=True)
