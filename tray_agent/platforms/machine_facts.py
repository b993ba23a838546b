"""What a PC says of itself: size, name, mark and the programs found on it."""

import hashlib
import os
import re
import shutil
import socket
from collections.abc import Callable

import psutil

from shared.vocabulary import OperatingSystem, SandboxLevel
from tray_agent.agent.ports import MachineFacts

_MARK_SALT = (
    "sparetime machine mark 1:"  # so that the mark tells nobody the identity that other software uses
)
_PROGRAMS = (
    *("7z", "bash", "blender", "cargo", "clang", "cmake", "conda", "docker", "dotnet", "ffmpeg", "g++"),
    *("gcc", "git", "go", "java", "javac", "julia", "latex", "make", "matlab", "node", "npm", "octave"),
    *("perl", "php", "podman", "powershell", "pwsh", "python", "python3", "r", "rscript", "ruby", "rustc"),
    *("tar", "zip"),
)
_OTHER_SPELLINGS = {
    "7z": ("7z", "7zz", "7za"),
    "r": ("R",),
    "rscript": ("Rscript",),
    "python": ("python", "python3", "py"),
}


def read_facts(
    system: OperatingSystem,
    read_machine_id: Callable[[], str],
    which: Callable[[str], str | None] = shutil.which,
) -> MachineFacts:
    """Collect the facts of this PC."""
    name = host_name()
    return MachineFacts(
        host_name=name,
        machine_mark=machine_mark(read_machine_id() or name),
        os=system,
        cpus=max(1, _usable_cpus()),
        memory_mb=max(1, psutil.virtual_memory().total >> 20),
        labels=found_programs(which),
        sandbox_levels=(SandboxLevel.NONE,),
    )


def found_programs(which: Callable[[str], str | None]) -> tuple[str, ...]:
    """Tell the names, in lower case, of the known programs that the PATH leads to."""
    return tuple(
        name for name in _PROGRAMS if any(which(spelling) for spelling in _OTHER_SPELLINGS.get(name, (name,)))
    )


def machine_mark(identity: str) -> str:
    """Hash what identifies the machine."""
    return hashlib.sha256((_MARK_SALT + identity.strip().lower()).encode()).hexdigest()[:32]


def host_name() -> str:
    """Tell this PC's name; HOSTNAME in the environment wins, as in a container that was given a name."""
    name = os.environ.get("HOSTNAME") or socket.gethostname()
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "", name).strip()[:200] or "unnamed"


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux: what this process may use, as in a container
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
