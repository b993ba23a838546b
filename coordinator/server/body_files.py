"""Where request bodies lie while they come in."""

import tempfile
from pathlib import Path


def keep_bodies_in(directory: Path) -> None:
    """Have this process make its temporary files in `directory`: the system's place may be small, or memory.

    Waitress and the form parser write whole bodies there before anyone of ours sees them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(directory)
