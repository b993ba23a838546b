"""The real programs as child processes: a coordinator and agents, on free ports and in folders of a test."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_S = 60.0
LOOK_AGAIN_S = 0.02


def until(what: Callable[[], Any], why: str, longest_s: float = LONGEST_S) -> Any:
    """Ask again and again until the answer is true; fail with `why` when it takes too long."""
    deadline = time.monotonic() + longest_s
    while not (found := what()):
        assert time.monotonic() < deadline, why
        time.sleep(LOOK_AGAIN_S)
    return found


class Programs:
    """Starts coordinator and agents; ends all of them with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.children: list[subprocess.Popen[Any]] = []

    def serve(self, *options: str, port: str = "0") -> "subprocess.Popen[str]":
        """Start a coordinator and wait until it says that it is ready."""
        command = [sys.executable, "-m", "coordinator", "serve", "--no-auth", "--port", port]
        child = subprocess.Popen(
            [*command, "--data", str(self.folder / "coordinator"), *options],
            stdout=subprocess.PIPE,
            stderr=self._log("coordinator"),
            text=True,
            cwd=ROOT,
        )
        self.children.append(child)
        assert child.stdout is not None
        words = child.stdout.readline().split()
        assert words, (self.folder / "coordinator.log").read_text(encoding="utf-8")
        self.url = words[-1]
        return child

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    def agent(self, name: str | None = None, **environment: str) -> "subprocess.Popen[bytes]":
        """Start an agent: in a folder of its own, or where it chooses."""
        command = [sys.executable, "-m", "tray_agent", "--headless", "--always", "--server", self.url]
        if name is not None:
            command += ["--data", str(self.folder / name)]
        child = subprocess.Popen(
            command,
            stderr=self._log(name or "agent"),
            cwd=ROOT,
            env={**os.environ, "XDG_DATA_HOME": str(self.folder / "home"), **environment},
        )
        self.children.append(child)
        return child

    def call(self, method: str, path: str, value: Any = None) -> Any:
        """Call the coordinator; tell its JSON answer."""
        return json.loads(self.raw(method, path, value))

    def raw(self, method: str, path: str, value: Any = None, body: bytes = b"", **headers: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=LONGEST_S)
        data = json.dumps(value).encode() if value is not None else body
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, data, {"Content-Type": "application/json", **named})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status < 400, (answer.status, content)
        return content

    def submit(self, *commands: str, **fields: Any) -> str:
        return str(self.call("POST", "/api/v1/jobs", {"commands": commands, **fields})["id"])

    def job(self, job: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/api/v1/jobs/{job}"))

    def log(self, job: str) -> bytes:
        return self.raw("GET", f"/api/v1/jobs/{job}/log")

    def wait_for(self, job: str, *states: str) -> dict[str, Any]:
        """Wait until the job is in one of `states`; finished, if none is named."""
        wanted = states or ("completed", "failed", "cancelled")
        until(lambda: self.job(job)["state"] in wanted, f"{job} never became {wanted}")
        return self.job(job)

    def workers(self, kind: str = "agent") -> list[dict[str, Any]]:
        return [w for w in self.call("GET", "/api/v1/workers")["workers"] if w["kind"] == kind]

    def wait_for_workers(self, number: int, kind: str = "agent") -> list[dict[str, Any]]:
        def ready() -> bool:
            return len([w for w in self.workers(kind) if w["state"] == "available"]) >= number

        until(ready, f"{number} {kind} workers never became available")
        return self.workers(kind)

    def events(self, job: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Follow a job's event stream over one connection: (event, data) as they come."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=LONGEST_S)
        connection.request("GET", f"/api/v1/jobs/{job}/events")
        stream = connection.getresponse()
        kind = ""
        for line in stream:
            name, _, text = line.decode().strip().partition(": ")
            if name == "event":
                kind = text
            elif name == "data":
                yield kind, json.loads(text)
        connection.close()

    def end(self) -> None:
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(15)
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()

    def _log(self, name: str) -> int:
        """Hand out a descriptor that the child inherits; it is closed here with the process."""
        with (self.folder / f"{name}.log").open("ab") as file:
            return os.dup(file.fileno())


def processes_with(mark: str) -> list[int]:
    """Find the processes that carry `mark` (NAME=value) in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found
