"""Finds programs on Windows, leaving out names that only lead to a shop or to another system."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import PureWindowsPath

from tray_agent.agent.process_ports import Shells

Which = Callable[[str], str | None]


def find_program(name: str, which: Which = shutil.which) -> str | None:
    """Tell a program's path. Aliases of the Microsoft Store and the launcher of WSL do not count."""
    found = which(name)
    if found is None:
        return None
    folders = [part.lower() for part in PureWindowsPath(found).parts]
    if "windowsapps" in folders:
        return None
    in_system = "system32" in folders or "sysnative" in folders
    return None if name in ("bash", "sh") and in_system else found


def find_shells(
    environment: Mapping[str, str],
    which: Which = shutil.which,
    exists: Callable[[str], bool] = os.path.isfile,
) -> Shells:
    """Tell the shells; Git's bash counts where it is not on the PATH, too."""
    git = PureWindowsPath(environment.get("ProgramFiles", r"C:\Program Files")) / "Git" / "bin"

    def posix_shell(name: str) -> str | None:
        beside_git = str(git / f"{name}.exe")
        return find_program(name, which) or (beside_git if exists(beside_git) else None)

    return Shells(
        windows=True,
        bash=posix_shell("bash"),
        sh=posix_shell("sh"),
        cmd=environment.get("ComSpec") or which("cmd"),
        powershell=find_program("pwsh", which) or find_program("powershell", which),
    )


def is_batch_program(name: str, which: Which = shutil.which) -> bool:
    """Tell whether a typed name leads to a batch file."""
    return (which(name) or "").lower().endswith((".cmd", ".bat"))
