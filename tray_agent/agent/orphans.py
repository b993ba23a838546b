"""Results that the coordinator would not take: kept for a week, 1 GiB at most, for whoever asks for them."""

import json
import logging
from pathlib import Path

from shared.codec import encode
from shared.messages import Result
from tray_agent.agent.workspace import remove_tree

log = logging.getLogger(__name__)

KEEP_S = 7 * 86400.0
MOST_BYTES = 1 << 30


class Orphans:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, folder: Path, result: Result, why: str) -> None:
        """Move an attempt's folder here, with its result and the reason beside its output."""
        target = self._folder / folder.name
        try:
            remove_tree(target)
            if folder.exists():
                folder.replace(target)
            else:
                target.mkdir()
            text = json.dumps({"why": why, "result": encode(result)}, indent=1)
            (target / "result.json").write_text(text, encoding="utf-8")
        except OSError as error:
            log.warning("orphan.not_kept", extra={"folder": folder.name, "error": str(error)})

    def purge(self, now: float) -> None:
        """Remove what is too old, then the oldest until the rest fits; `now` is seconds since 1970."""
        kept = 0
        found = [(path.stat().st_mtime, path) for path in self._folder.iterdir()]
        for changed, path in sorted(found, reverse=True):
            size = sum(part.lstat().st_size for part in _all_parts(path))
            if now - changed > KEEP_S or kept + size > MOST_BYTES:
                remove_tree(path)
            else:
                kept += size


def _all_parts(path: Path) -> list[Path]:
    return [part for part in path.rglob("*") if part.is_file() and not part.is_symlink()]
