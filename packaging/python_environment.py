"""Makes .venv hold pinned packages, from a Python that may lack pip and ensurepip (Debian's does).

Standard library only. pip runs from its wheel and honours the machine's settings; a wheel that has to be
fetched first is looked for where these settings lead, too.
"""

import base64
import configparser
import hashlib
import html
import importlib.util
import json
import os
import re
import ssl
import subprocess
import sys
import sysconfig
import threading
import time
import tomllib
import urllib.request
import venv
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
DATA = ROOT / ".sparetime"
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
# These would lead .venv's Python astray.
PYTHON_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")
# The lines of pip that show how far it is; those of one package each name it.
STEP = re.compile(r"Collecting ([\w.-]+)|Processing .*[/\\]([\w.]+)-[^/\\]+$|Installing collected")


class ProblemError(Exception):
    """Something the person at the keyboard has to know: what happened, and what to do."""


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


def last_lines(path: Path, count: int = 15) -> str:
    """Return the end of a log, indented."""
    lines = path.read_text("utf-8", "replace").splitlines()[-count:] if path.exists() else []
    return "\n".join("  " + line for line in lines)


def child_environment() -> dict[str, str]:
    """Return the environment for .venv's Python; this Python's folder ends PATH, so that jobs find one."""
    kept = {name: value for name, value in os.environ.items() if name not in PYTHON_VARIABLES}
    path = os.pathsep.join(filter(None, (kept.get("PATH"), str(Path(sys.executable).parent))))
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def ensure_environment(extras: tuple[str, ...]) -> None:
    """Make .venv hold these extras of pyproject.toml; where they are there already, ask no network."""
    lines, pins = requirement_lines(extras), ROOT / "requirements.txt"
    parts = json.dumps([lines, pins.read_text("utf-8"), sys.version_info[:2]])
    mark, stamp = hashlib.sha256(parts.encode()).hexdigest(), VENV / f"installed-{'-'.join(extras)}"
    if not _works():
        say(f"{'Remaking' if VENV.exists() else 'Making'} .venv for Python {sys.version.split()[0]}")
        venv.EnvBuilder(with_pip=False, clear=True, symlinks=not WINDOWS).create(VENV)
    if not stamp.exists() or stamp.read_text("utf-8") != mark:
        wheel = find_pip(VENV / "pip-wheel")
        say(f"Installing {len(lines)} packages and what they need, with {wheel.name}")
        _install(wheel, ["-c", str(pins), *lines])
        stamp.write_text(mark, "utf-8")


def requirement_lines(extras: tuple[str, ...]) -> list[str]:
    """Return the requirements of these extras; `sparetime[a,b]` in one stands for those of a and b."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines: list[str] = []
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            own = re.fullmatch(r"sparetime\[(.+)\]", line)
            lines += requirement_lines(tuple(re.split(r"\s*,\s*", own[1]))) if own else [line]
    return sorted(set(lines))


def _works() -> bool:
    same = f"sys.version_info[:2] == {sys.version_info[:2]} and sys.prefix != sys.base_prefix"
    return _starts("-c", f"import sys; sys.exit(not ({same}))")


def _starts(*words: str | Path) -> bool:
    command = [str(PYTHON), "-I", *map(str, words)]
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install(wheel: Path, arguments: list[str]) -> None:
    command = [str(PYTHON), "-I", str(wheel / "pip"), "install", "--no-input", *arguments]
    settings = {"PIP_USER": "0", "PIP_PROGRESS_BAR": "off", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    log, started, done = DATA / "pip.log", time.monotonic(), threading.Event()
    log.parent.mkdir(exist_ok=True)

    def heartbeat() -> None:
        while not done.wait(10):
            say(f"  still installing, {time.monotonic() - started:.0f} s")

    with subprocess.Popen(
        command, env={**child_environment(), **settings}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as pip, log.open("wb") as file:  # fmt: skip
        threading.Thread(target=heartbeat, daemon=True).start()
        for raw in pip.stdout or ():
            file.write(raw)
            step = STEP.match(raw.decode("utf-8", "replace"))
            if step:
                say(f"  {step[1] or step[2] or 'unpacking'}")
    done.set()
    if pip.returncode:
        raise ProblemError(
            f"pip could not install the packages:\n{last_lines(log)}\nCheck the network and pip's settings "
            f"(PIP_INDEX_URL, pip.conf), then start again. All of pip's words are in {log}"
        )


def find_pip(own: Path) -> Path:
    """Return a pip wheel: one of this machine, else by the machine's pip, else from the configured index."""
    bundled = importlib.util.find_spec("ensurepip")
    places = [str(own), str(Path(bundled.origin).parent / "_bundled") if bundled and bundled.origin else ""]
    places += [sysconfig.get_config_var("WHEEL_PKG_DIR"), "/usr/share/python-wheels"]
    for place in filter(None, places):
        for wheel in Path(place).glob("pip-*.whl"):
            if _starts(wheel / "pip", "--version"):  # one for the system's Python may be too old for this one
                return wheel
    own.mkdir(exist_ok=True)
    if importlib.util.find_spec("pip"):
        say("Fetching pip's wheel by this machine's pip")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(own), "pip"]
        subprocess.run(command, check=False)
    return next(own.glob("pip-*.whl"), None) or fetch_pip(own)


def pip_files() -> list[Path]:
    """Return pip's settings files, the weakest first (Linux: Python elsewhere brings ensurepip along)."""
    named, home = os.environ.get("PIP_CONFIG_FILE"), Path.home()
    if named == os.devnull:
        return []
    folders = [Path(each, "pip") for each in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    folders += [
        Path("/etc"),
        home / ".pip",
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "pip"),
    ]
    files = [folder / "pip.conf" for folder in (*folders, Path(sys.prefix))]
    return [*files, Path(named)] if named else files


def pip_setting(name: str) -> list[str]:
    """Return the words of one of pip's settings: from the environment, else from its files."""
    value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    for path in [] if value else pip_files():
        parser = configparser.RawConfigParser()
        parser.read(path, encoding="utf-8")
        for section in ("global", "install"):
            value = parser.get(section, name, fallback=value)
    return (value or "").split()


def fetch_pip(folder: Path) -> Path:
    """Fetch the newest pip wheel that the machine's pip settings lead to."""
    indexes = (pip_setting("index-url") or ["https://pypi.org/simple"]) + pip_setting("extra-index-url")
    closed = pip_setting("no-index") not in ([], ["0"], ["no"], ["false"], ["off"])
    pages = [] if closed else [index.rstrip("/") + "/pip/" for index in indexes]
    found, refusals = [], []
    for source in pip_setting("find-links") + pages:
        try:
            found += _wheels_at(source)
        except (OSError, ValueError) as error:
            refusals.append(f"  {urlsplit(source).hostname or source}: {error}")
    if not found:
        raise ProblemError(
            "This Python comes without pip, and pip's settings lead to none:\n" + "\n".join(refusals) + "\n"
            "Check the network and pip's settings (PIP_INDEX_URL, pip.conf), then start again."
        )
    _, address, expected = max(found)
    say(f"Fetching {address.rpartition('/')[2]} from {urlsplit(address).hostname or 'this machine'}")
    wheel = _read(address)
    if expected and hashlib.sha256(wheel).hexdigest() != expected:
        raise ProblemError(f"{address} is damaged: its SHA-256 is not the one of its index. Start again.")
    path = folder / address.rpartition("/")[2]
    path.write_bytes(wheel)
    return path


def _wheels_at(source: str) -> list[tuple[tuple[int, ...], str, str]]:
    """Return (version, address, sha256 or "") of the pip wheels that an index page or a folder names."""
    folder = Path(
        urllib.request.url2pathname(urlsplit(source).path) if source.startswith("file:") else source
    )
    if folder.is_dir() and not (folder / "index.html").exists():
        tags = [f'<a href="{path.as_uri()}">' for path in folder.resolve().glob("pip-*.whl")]
    else:
        page = (folder.resolve() / "index.html").as_uri() if folder.is_dir() else source
        tags = re.findall(r"<a\s[^>]*>", _read(page).decode("utf-8", "replace"))
    found = []
    for tag in tags:
        link = re.search(r'href="([^"#]*/)?(pip-([\d.]+)-py3-none-any\.whl)(?:#sha256=(\w{64}))?"', tag)
        if link and "data-yanked" not in tag:
            address = urljoin(source, html.unescape((link[1] or "") + link[2]))
            found.append((tuple(map(int, link[3].split("."))), address, link[4] or ""))
    return found


def _read(url: str) -> bytes:
    """Return what is there, with pip's certificate, proxy and trusted hosts, and its own password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    context = ssl.create_default_context(cafile=" ".join(pip_setting("cert")) or None)
    if {parts.hostname, host} & set(pip_setting("trusted-host")):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
    for proxy in pip_setting("proxy"):
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    request = urllib.request.Request(parts._replace(netloc=host).geturl())
    if parts.username:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
    with urllib.request.build_opener(*handlers).open(request, timeout=60) as answer:
        return bytes(answer.read())
