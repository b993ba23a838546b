"""Runs every check of the project and says at the end which failed: `python3 quickstart.py test`."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
CHECKS: dict[str, list[str]] = {
    "Style (ruff check)": ["-m", "ruff", "check"],
    "Format (ruff format)": ["-m", "ruff", "format", "--check"],
    "Types (mypy)": ["-m", "mypy"],
    "Layers (import-linter)": ["-c", LAYERS],
    "Tests (pytest)": ["-m", "pytest"],
}


def set_up_system() -> bool:
    """Install the system packages that tests use where this may be done: on Debian, as root."""
    if not Path("/etc/debian_version").exists() or os.geteuid() != 0:
        return True
    return subprocess.call(["bash", str(ROOT / "tests" / "setup_debian.sh")]) == 0


def main() -> int:
    """Run all checks, even after one failed; words of the command line go to pytest."""
    results = {}
    print("\n=== System packages", flush=True)
    results["System packages"] = (set_up_system(), 0.0)
    for name, command in CHECKS.items():
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        words = [*command, *(sys.argv[1:] if "pytest" in command else [])]
        passed = subprocess.call([sys.executable, *words], cwd=ROOT) == 0
        results[name] = (passed, time.monotonic() - started)
    print("\n=== Result")
    for name, (passed, seconds) in results.items():
        print(f"  {'passed' if passed else 'FAILED'}  {name}, {seconds:.0f} s")
    return 0 if all(passed for passed, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
