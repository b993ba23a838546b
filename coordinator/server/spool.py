"""Where request bodies lie while they come in, and whether the disk has room for them."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

LEAST_FREE_BYTES = 1 << 30
LEAST_FREE_PART = 0.05


def spool_into(directory: Path) -> None:
    """Have this process make its temporary files in `directory`: the system's place may be small, or memory.

    Waitress and the form parser write whole bodies there before anyone of ours sees them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(directory)


def disk_has_room(directory: Path) -> Callable[[int], bool]:
    """Make the question: would, with so many bytes more, enough of the disk under `directory` stay free?"""

    def has_room(more: int) -> bool:
        usage = shutil.disk_usage(directory)
        return usage.free - more >= max(LEAST_FREE_BYTES, usage.total * LEAST_FREE_PART)

    return has_room
