"""The rules for names in an archive: each path must mean the same one place on Windows, macOS and Linux."""

import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

MAX_PATH_UNITS = 240  # UTF-16 units: Windows' 260 less a short workspace folder
MAX_PART_BYTES = 255  # of UTF-8: what ext4 and most Linux file systems hold

_FORBIDDEN = frozenset('<>:"|?*')
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789¹²³"]
)


class TreeFault(NamedTuple):
    path: str
    reason: str


def printable(name: str, most: int = 200) -> str:
    """Make a hostile name fit for a log or a page: unprintable characters escaped, at most `most` long."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def path_fault(path: str) -> str | None:
    """Say what is wrong with one path, without the final slash of a folder; None if it is good everywhere."""
    if any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in path):
        return "The path has a control character or line break in it."
    if "\\" in path:
        return "The path has a backslash in it; folders in a ZIP archive are separated by / only."
    if path.startswith("/") or not path:
        return "The path is absolute; it must be relative to the project's folder."
    if path[1:2] == ":" and path[0].isascii() and path[0].isalpha():
        return "The path begins with a drive letter; it must be relative to the project's folder."
    if found := _FORBIDDEN.intersection(path):
        return f"The path has the character {min(found)} in it, which Windows forbids in names."
    if len(path.encode("utf-16-le")) // 2 > MAX_PATH_UNITS:
        return f"The path is longer than {MAX_PATH_UNITS} characters."
    return next((fault for part in path.split("/") if (fault := _part_fault(part))), None)


def _part_fault(part: str) -> str | None:
    if part == "..":
        return "The path has a part .. in it, which leads out of the project's folder."
    if part in ("", "."):
        return "The path has an empty part or a part that is a single dot."
    if part[-1] in ". ":
        return "A part of the path ends with a dot or a space, which Windows would leave out."
    # Windows takes `nul`, `NUL.txt` and `nul .tar.gz` all for the device.
    if part.split(".", 1)[0].rstrip(" ").lower() in _DEVICES:
        return f"A part of the path, {printable(part, 40)}, is the name of a device on Windows."
    if len(part.encode()) > MAX_PART_BYTES:
        return f"A part of the path is longer than {MAX_PART_BYTES} bytes, the most that Linux can store."
    return None


def tree_fault(paths: Iterable[tuple[str, bool]], most_folders: int) -> TreeFault | None:
    """Find paths that would meet in one place on some file system, or more than `most_folders` folders.

    `paths` are (path, is a folder) pairs that have no fault of their own.
    """
    # As the separator becomes the lowest character, a file and whatever lies "in" it become neighbours once
    # sorted, and so do any two spellings of one folder: comparing neighbours is enough, at little memory.
    places = sorted((_folded(path), path, is_folder) for path, is_folder in paths)
    folders = 0
    for before, here in pairwise([("", "", True), *places]):
        reason = _same_place(before, here)
        if reason is not None:
            return TreeFault(here[1], reason)
        folders += here[1].count("/") + here[2] - _shared_parts(before[0], here[0])
        if folders > most_folders:
            return TreeFault(here[1], f"The paths make more than {most_folders:,} folders.")
    return None


def _same_place(before: tuple[str, str, bool], here: tuple[str, str, bool]) -> str | None:
    before_key, before_path, before_is_folder = before
    key, path, is_folder = here
    if key == before_key:
        if path == before_path and is_folder == before_is_folder:
            return "The path appears twice in the archive."
        if path == before_path:
            return "The path is both a file and a folder."
        return (
            f"The path differs from {printable(before_path)} only in case or in how its letters are encoded."
        )
    if not before_is_folder and key.startswith(before_key + "\0"):
        return f"The path lies in {printable(before_path)}, which is a file."
    shared = _shared_parts(before_key, key)
    if path.split("/", shared)[:shared] != before_path.split("/", shared)[:shared]:
        return f"A folder of the path is spelled in another case or encoding in {printable(before_path)}."
    return None


def _folded(path: str) -> str:
    # Canonical caseless matching (Unicode 3.13, D145).
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
    return folded.replace("/", "\0")


def _shared_parts(one: str, other: str) -> int:
    if not one:
        return 0
    shared = 0
    for left, right in zip(one.split("\0"), other.split("\0"), strict=False):
        if left != right:
            break
        shared += 1
    return shared
