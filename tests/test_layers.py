"""The rules of the house, checked: who imports what, who may ask for the system or the time, sizes, names."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("shared", "coordinator", "tray_agent")

# package -> the only places that may import it
HOMES = {
    "sqlalchemy": ("coordinator/storage/",),
    "alembic": ("coordinator/storage/",),
    "bottle": ("coordinator/web/",),
    "multipart": ("coordinator/web/",),
    "waitress": ("coordinator/server/",),
    "requests": ("tray_agent/coordinator_link/",),
    "psutil": ("tray_agent/platforms/",),
    "PySide6": ("tray_agent/tray/",),
    "ctypes": ("tray_agent/platforms/",),
    "fcntl": ("tray_agent/platforms/", "coordinator/host_os.py"),
    "resource": ("tray_agent/platforms/", "coordinator/host_os.py"),
    "msvcrt": ("tray_agent/platforms/",),
    "winreg": ("tray_agent/platforms/",),
    "pwd": ("tray_agent/platforms/",),
    "platform": ("tray_agent/platforms/", "coordinator/host_os.py"),
}
SYSTEM_QUESTIONS = {("sys", "platform"), ("os", "name"), ("os", "uname"), ("sys", "getwindowsversion")}
SYSTEM_HOMES = ("tray_agent/platforms/", "coordinator/host_os.py")
CLOCKS = {
    ("time", "time"),
    ("time", "monotonic"),
    ("time", "perf_counter"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("date", "today"),
}
CLOCKLESS = (
    "shared/",
    "coordinator/domain/",
    "coordinator/use_cases/",
    "coordinator/storage/",
    "coordinator/web/",
)

MOST_LINES, MOST_TEST_LINES, MOST_FUNCTION_LINES = 400, 600, 60
WANTS_A_REASON = 300
REASONS: dict[str, str] = {"quickstart.py": "a newcomer reads it from top to bottom"}
BUCKET_NAMES = {"utils", "helpers", "common", "misc", "manager", "managers", "util", "helper"}
SHADOWING_NAMES = {
    "queue",
    "types",
    "platform",
    "logging",
    "http",
    "signal",
    "select",
    "string",
    "token",
    "code",
}


def _files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "__pycache__" not in path.parts]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _attributes(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr


PRODUCT_FILES = [pytest.param(path, id=_name(path)) for path in _files(*PRODUCT)]
ALL_FILES = [pytest.param(path, id=_name(path)) for path in _files(*PRODUCT, "tests", "packaging")] + [
    pytest.param(ROOT / "quickstart.py", id="quickstart.py")
]


@pytest.mark.parametrize("path", PRODUCT_FILES)
def test_a_library_is_imported_only_where_it_lives(path: Path) -> None:
    name = _name(path)
    for module in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        homes = HOMES.get(module.split(".")[0])
        assert homes is None or name.startswith(homes), f"{name} imports {module}; only {homes} may"


@pytest.mark.parametrize("path", PRODUCT_FILES)
def test_only_the_platform_files_ask_which_system_this_is(path: Path) -> None:
    asked = SYSTEM_QUESTIONS & set(_attributes(ast.parse(path.read_text(encoding="utf-8"))))
    assert not asked or _name(path).startswith(SYSTEM_HOMES), f"{_name(path)} asks {asked}"


@pytest.mark.parametrize("path", PRODUCT_FILES)
def test_the_time_is_handed_in_below_the_roots(path: Path) -> None:
    read = CLOCKS & set(_attributes(ast.parse(path.read_text(encoding="utf-8"))))
    assert not read or not _name(path).startswith(CLOCKLESS), f"{_name(path)} reads the clock: {read}"


@pytest.mark.parametrize("path", [p for p in PRODUCT_FILES if str(p.id).startswith("shared/")])
def test_shared_uses_the_standard_library_alone(path: Path) -> None:
    for module in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        top = module.split(".")[0]
        assert top == "shared" or top in sys.stdlib_module_names, f"{_name(path)} imports {module}"


@pytest.mark.parametrize("path", ALL_FILES)
def test_a_file_stays_short(path: Path) -> None:
    name = _name(path)
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= (MOST_TEST_LINES if name.startswith("tests/") else MOST_LINES)
    if not name.startswith("tests/") and lines > WANTS_A_REASON:
        assert name in REASONS, f"{name} has {lines} lines: split it, or give the reason in REASONS"


@pytest.mark.parametrize("path", [p for p in ALL_FILES if "migrations/versions" not in str(p.id)])
def test_a_function_stays_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{_name(path)}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", PRODUCT_FILES)
def test_a_file_is_named_after_what_it_does(path: Path) -> None:
    parts = set(path.relative_to(ROOT).with_suffix("").parts)
    assert not parts & (BUCKET_NAMES | SHADOWING_NAMES)


@pytest.mark.parametrize("path", PRODUCT_FILES)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_packaging_is_no_package() -> None:
    """With an __init__.py it would hide the module `packaging` that pip, pytest and PyInstaller import."""
    assert not (ROOT / "packaging" / "__init__.py").exists()
