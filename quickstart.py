"""Try Sparetime: `python3 quickstart.py`; run its tests: `python3 quickstart.py test` (Windows: `py`).

Needs Python 3.11 or newer and nothing else. What it installs goes into .venv, what it stores into .sparetime.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older Pythons are what this is for
    sys.exit(f"Sparetime needs Python 3.11 or newer; this is {sys.version.split()[0]}. See python.org.")

import argparse
import hashlib
import http.client
import io
import json
import os
import signal
import subprocess
import time
import uuid
import webbrowser
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent / "packaging"))

from background_program import Program, alive, free_port
from python_environment import (
    DATA,
    PYTHON,
    ROOT,
    WINDOWS,
    ProblemError,
    child_environment,
    ensure_environment,
    last_lines,
    say,
)

PYTHON_COMMAND = "py" if WINDOWS else "python3"
EXAMPLE = ROOT / "docs" / "example_project"
COMMANDS = [f"{PYTHON_COMMAND} -m unittest -v", f"{PYTHON_COMMAND} make_report.py"]
OUTPUTS = ["report.html"]
# Those of them that this system has: Ctrl-C, kill, the closed terminal, Ctrl-Break.
STOP_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]
MENU = """
 1  start Sparetime           2  run the example on this PC's agent (Distributed)
 4  show the PCs              3  run the example on the coordinator (Direct)
 5  open the list of jobs     0  stop everything and leave"""


class Sparetime:
    """The coordinator and agent of this folder: those that run already, or those that start() starts."""

    def __init__(self) -> None:
        self.url = ""
        self.programs: list[Program] = []
        self.address = DATA / "coordinator" / "coordinator.json"

    def running_url(self) -> str:
        """Return the address of this folder's coordinator if it is ready, else an empty text."""
        try:
            known = json.loads(self.address.read_text("utf-8"))
            url = str(known["url"])
            if alive(int(known["pid"])) and call(url, "GET", "/readyz", allowed=(503,))[0] == 200:
                return url
        except (ProblemError, OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
            pass
        return ""

    def start(self) -> None:
        """Start both programs unless they run."""
        if self.programs:
            return
        self.url = self.running_url()
        if self.url:
            say(f"Sparetime is already running at {self.url}, started by another window.")
            return
        DATA.mkdir(exist_ok=True)
        self.address.unlink(missing_ok=True)
        port = free_port()
        say(f"Starting the coordinator on port {port}" + ("" if port == 3000 else ", because 3000 is taken"))
        arguments = ("serve", "--no-auth", "--port", port, "--data", self.address.parent)
        self.programs.append(Program("coordinator", "coordinator", *arguments))
        self._wait_until_ready()
        agent = ("--headless", "--server", self.url, "--data", DATA / "agent", "--always")
        self.programs.append(Program("agent", "tray_agent", *agent))
        say(f"Sparetime is ready at {self.url}, with one agent on this PC.")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while not self.url:
            self.check()
            if time.monotonic() > deadline:
                raise ProblemError(
                    f"The coordinator is not ready after 60 s:\n{last_lines(self.programs[0].log)}"
                )
            time.sleep(0.1)
            self.url = self.running_url()

    def check(self) -> None:
        """Raise ProblemError when a program has ended by itself."""
        for program in self.programs:
            program.check()

    def stop(self) -> None:
        """End what start() started, the agent first."""
        while self.programs:
            self.programs.pop().stop()


def call(
    url: str, method: str, path: str, body: Any = None, headers: Any = None, allowed: tuple[int, ...] = ()
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Return (status, headers, body) of one request, never by a proxy; a refusal is a ProblemError."""
    fields = dict(headers or {})
    if isinstance(body, dict):
        body, fields["Content-Type"] = json.dumps(body).encode(), "application/json"
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status >= 400 and answer.status not in allowed:
        reason = content.decode("utf-8", "replace")[:2000]
        raise ProblemError(f"{method} {path} was refused with status {answer.status}: {reason}")
    return answer.status, answer.headers, content


def zip_project(folder: Path) -> bytes:
    """Return the folder as a ZIP: the same bytes for the same files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.name not in OUTPUTS:
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def upload(url: str, project: bytes) -> str:
    """Upload a ZIP in parts, unless the coordinator has it, and return its SHA-256."""
    name = hashlib.sha256(project).hexdigest()
    order = {"sha256": name, "size": len(project), "kind": "project"}
    state = json.loads(call(url, "POST", "/api/v1/uploads", order)[2])
    while not state["complete"]:
        offset, path = state["offset"], f"/api/v1/uploads/{state['upload']}"
        part = project[offset : offset + state["partBytes"]]
        status, headers, answer = call(
            url, "PATCH", path, part, {"Upload-Offset": str(offset)}, allowed=(409,)
        )
        state.update({"offset": int(headers["Upload-Offset"])} if status == 409 else json.loads(answer))
    return name


def events(url: str, path: str, check: Callable[[], None]) -> Iterator[tuple[str, Any]]:
    """Yield (event, data) until the stream's `end`; where it closes or breaks, go on from the last event."""
    last, heard = "", time.monotonic()
    while time.monotonic() - heard < 60:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        try:
            connection.request("GET", path, headers={"Last-Event-ID": last} if last else {})
            answer = connection.getresponse()
            event: dict[str, str] = {}
            for raw in answer if answer.status == 200 else ():
                heard = time.monotonic()
                field, _, value = raw.decode("utf-8").rstrip("\r\n").partition(":")
                if field:
                    event[field] = event.get(field, "") + value.removeprefix(" ")
                elif not raw.strip() and "event" in event:
                    last = event.get("id", last)
                    yield event["event"], json.loads(event.get("data") or "null")
                    if event["event"] == "end":
                        return
                    event = {}
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        check()
        time.sleep(0.2)
    raise ProblemError(f"{url} has not answered for 60 s.")


def follow(sparetime: Sparetime, job: str) -> None:
    """Show the job's output as it is printed, and why it waits."""
    attempt, told = None, None
    for kind, data in events(sparetime.url, f"/api/v1/jobs/{job}/events", sparetime.check):
        if kind == "state" and data["state"] == "pending" and data["message"] not in (None, told):
            told = data["message"]
            say(told)
        elif kind == "output":
            if attempt not in (None, data["attempt"]):
                say(f"Attempt {data['attempt']} starts from the beginning:")
            attempt = data["attempt"]
            for record in data["records"]:
                stream = sys.stdout if record["stream"] == "stdout" else sys.stderr
                stream.write(record["text"])
                stream.flush()


def run_example(sparetime: Sparetime, mode: str) -> int:
    """Submit the example project as a job, show its output, fetch its file, and return its exit code."""
    url = sparetime.url
    project = upload(url, zip_project(EXAMPLE))
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    order = {
        "name": "Weather report",
        "project": project,
        "commands": COMMANDS,
        "mode": mode,
        "outputs": OUTPUTS,
        "requirements": {"os": system},  # the commands are this system's
    }
    key = {"Idempotency-Key": uuid.uuid4().hex}
    submitted = json.loads(call(url, "POST", "/api/v1/jobs", order, key)[2])
    job, link = submitted["id"], urljoin(url, submitted["links"]["self"])
    say(f"Submitted the example as a {mode.capitalize()} job: {link}")
    try:
        follow(sparetime, job)
    except KeyboardInterrupt:
        call(
            url, "POST", f"/api/v1/jobs/{job}/cancel", allowed=(409,)
        )  # else the next start would run it first
        raise
    result = json.loads(call(url, "GET", f"/api/v1/jobs/{job}")[2])
    for path in fetch_files(url, job):
        say(f"Fetched {path}")
    say(f"{result['message'] or result['state']} Exit code: {result['exitCode']}. All about it: {link}")
    if result["exitCode"] is None:
        return 0 if result["state"] == "completed" else 1
    return int(result["exitCode"])


def fetch_files(url: str, job: str) -> list[Path]:
    """Store the job's files in .sparetime/results and return where they are."""
    folder, stored = DATA / "results" / job, []
    for file in json.loads(call(url, "GET", f"/api/v1/jobs/{job}/files")[2])["files"]:
        path = folder.joinpath(file["path"]).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise ProblemError(f"The job names a file outside its folder: {file['path']}")
        content = call(url, "GET", f"/api/v1/jobs/{job}/files/{quote(file['path'])}")[2]
        if hashlib.sha256(content).hexdigest() != file["sha256"]:
            raise ProblemError(f"{file['path']} arrived damaged. Fetch it again.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        stored.append(path)
    return stored


def show_workers(url: str) -> None:
    """Print each PC with what it does and why."""
    for worker in json.loads(call(url, "GET", "/api/v1/workers")[2])["workers"]:
        say(f"  {worker['hostName']}: {worker['state']}. {worker['reason'] or ''}".rstrip())


def open_link(url: str) -> None:
    """Print the address, and open it where there is a display."""
    say(f"  {url}")
    if WINDOWS or sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        webbrowser.open(url)


def menu(sparetime: Sparetime) -> int:
    """Offer the steps one by one until 0 or the end of the input."""
    steps: dict[str, Callable[[], object]] = {
        "1": sparetime.check,
        "2": lambda: run_example(sparetime, "distributed"),
        "3": lambda: run_example(sparetime, "direct"),
        "4": lambda: show_workers(sparetime.url),
        "5": lambda: open_link(f"{sparetime.url}/api/v1/jobs"),
    }
    while True:
        say(MENU)
        try:
            choice = input("Your choice: ").strip()
        except EOFError:
            return 0
        if choice == "0":
            return 0
        if choice not in steps:
            say(f"There is no step {choice!r}: choose 0 to 5.")
            continue
        try:
            sparetime.start()
            steps[choice]()
        except ProblemError as problem:
            say(f"{problem}")
            sparetime.stop()


def show(sparetime: Sparetime, mode: str, once: bool) -> int:
    """Start Sparetime, run the example, and stay up until Ctrl-C unless once."""
    sparetime.start()
    code = run_example(sparetime, mode)
    if once or not sparetime.programs:
        return code
    say(f"Sparetime stays up at {sparetime.url} until you press Ctrl-C.")
    try:
        while True:
            sparetime.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0


def demonstrate(arguments: argparse.Namespace) -> int:
    """Run what was asked, and end everything that was started, however it ends."""
    sparetime = Sparetime()
    try:
        ensure_environment(("coordinator", "agent"))
        if arguments.menu:
            return menu(sparetime)
        return show(sparetime, "direct" if arguments.direct else "distributed", arguments.once)
    except KeyboardInterrupt:
        return 130
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave a program running
        if sparetime.programs:
            say("Stopping what was started")
        sparetime.stop()


def test(arguments: list[str]) -> int:
    """Run the whole suite with everything that it needs."""
    ensure_environment(("test",))
    return subprocess.call(
        [PYTHON, ROOT / "tests" / "run_checks.py", *arguments], cwd=ROOT, env=child_environment()
    )


def main() -> int:
    """Read the command line and obey it."""
    streams: tuple[Any, Any] = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.reconfigure(errors="replace")  # a job may print letters that this terminal lacks
    if sys.argv[1:2] == ["test"]:
        return test(sys.argv[2:])
    parser = argparse.ArgumentParser(description="Start Sparetime here and run an example job on it.")
    parser.add_argument("--once", action="store_true", help="stop after the job, with the job's exit code")
    parser.add_argument(
        "--direct", action="store_true", help="run the job on the coordinator instead of the agent"
    )
    parser.add_argument("--menu", action="store_true", help="offer the steps one by one")
    parser.epilog = "quickstart.py test [pytest options] runs the tests instead."
    arguments = parser.parse_args()
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    return demonstrate(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ProblemError, OSError, http.client.HTTPException) as problem:
        sys.exit(f"{problem}")
    except KeyboardInterrupt:
        sys.exit(130)
