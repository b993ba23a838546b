"""quickstart.py's parts: project, upload, live output, files, ports; a small server plays the coordinator."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from python_environment import ProblemError

import quickstart

Answer = tuple[int, dict[str, str], bytes]


class Played:
    """A coordinator that answers as the test says and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[str, str, dict[str, str], bytes], Answer] = lambda *_: (404, {}, b"nobody")
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                played.asked.append((self.command, self.path, dict(self.headers), body))
                status, fields, content = played.answer(*played.asked[-1])
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_any  # noqa: N815 - the names that the server calls

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Played":
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def coordinator() -> Iterator[Played]:
    """A played coordinator on a free port."""
    with Played() as played:
        yield played


def as_json(value: Any) -> Answer:
    """Answer 200 with JSON."""
    return 200, {}, json.dumps(value).encode()


def stream(*events: tuple[str, str, Any]) -> bytes:
    """Write (id, event, data) as an event stream with a comment in front."""
    texts = [f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n" for number, kind, data in events]
    return ":\n\n".join(["", *texts]).encode()


def output(name: str, text: str, attempt: int = 1) -> dict[str, Any]:
    """Return an output event's data with one record."""
    return {"attempt": attempt, "records": [{"stream": name, "text": text}]}


def test_the_example_is_packed_to_the_same_bytes_without_its_leftovers(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_bytes(b"x")
    (tmp_path / "main.py").write_text("print(1)")
    first = quickstart.zip_project(tmp_path)
    (tmp_path / "report.html").write_text("of an earlier run")
    os.utime(tmp_path / "main.py", (0, 0))
    assert quickstart.zip_project(tmp_path) == first
    assert b"main.py" in first
    assert b"pyc" not in first


def test_the_examples_own_tests_pass_and_it_writes_its_report(tmp_path: Path) -> None:
    for source in quickstart.EXAMPLE.iterdir():
        if source.is_file():
            (tmp_path / source.name).write_bytes(source.read_bytes())
    short = "import make_report; make_report.RESAMPLES = 50; make_report.main()"
    subprocess.run([sys.executable, "-m", "unittest", "-q"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run([sys.executable, "-X", "utf8", "-c", short], cwd=tmp_path, check=True, capture_output=True)
    assert "<td>Zürich<td>" in (tmp_path / "report.html").read_text("utf-8")


def test_an_upload_goes_on_where_the_coordinator_says(coordinator: Played) -> None:
    parts: dict[int, bytes] = {}

    def answer(method: str, path: str, fields: dict[str, str], body: bytes) -> Answer:
        if method == "POST":
            return as_json({"upload": "u1", "offset": 0, "partBytes": 4, "complete": False})
        offset = int(fields["Upload-Offset"])
        if offset == 0 and not parts:
            parts[0] = body  # kept, but the answer says so only by the conflict
            return 409, {"Upload-Offset": "4"}, b""
        parts[offset] = body
        return as_json({"offset": offset + len(body), "complete": offset + len(body) == 10})

    coordinator.answer = answer
    name = quickstart.upload(coordinator.url, b"0123456789")
    assert name == hashlib.sha256(b"0123456789").hexdigest()
    assert parts == {0: b"0123", 4: b"4567", 8: b"89"}


def test_a_project_that_is_there_is_not_sent_again(coordinator: Played) -> None:
    coordinator.answer = lambda *_: as_json({"upload": None, "offset": 4, "complete": True})
    quickstart.upload(coordinator.url, b"1234")
    assert [method for method, *_ in coordinator.asked] == ["POST"]


def test_live_output_is_resumed_after_a_cut_and_keeps_its_streams(
    coordinator: Played, capfd: pytest.CaptureFixture[str]
) -> None:
    first = stream(("1", "output", output("stdout", "one\n"))) + b"id: 2\nevent: output\ndata: {half"
    second = stream(("2", "output", output("stderr", "two\n")), ("3", "end", {}))

    def answer(method: str, path: str, fields: dict[str, str], body: bytes) -> Answer:
        return 200, {}, second if fields.get("Last-Event-ID") == "1" else first

    coordinator.answer = answer
    sparetime = quickstart.Sparetime()
    sparetime.url = coordinator.url
    quickstart.follow(sparetime, "job-1")
    shown = capfd.readouterr()
    assert shown.out == "one\n"
    assert shown.err == "two\n"


def test_the_reason_for_waiting_is_said_once(coordinator: Played, capfd: pytest.CaptureFixture[str]) -> None:
    waiting = {"state": "pending", "message": "Waiting: no PC is free."}
    events = (("1", "state", waiting), ("2", "state", waiting), ("3", "end", {}))
    coordinator.answer = lambda *_: (200, {}, stream(*events))
    sparetime = quickstart.Sparetime()
    sparetime.url = coordinator.url
    quickstart.follow(sparetime, "job-1")
    assert capfd.readouterr().out == "Waiting: no PC is free.\n"


def files_of(path: str, content: bytes, sha256: str) -> Callable[..., Answer]:
    """Play a job that gives one file back."""

    def answer(method: str, asked: str, *_: object) -> Answer:
        if asked.endswith("/files"):
            return as_json({"files": [{"path": path, "size": len(content), "sha256": sha256, "url": ""}]})
        return 200, {}, content

    return answer


def test_a_fetched_file_lies_in_the_results_folder(
    coordinator: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quickstart, "DATA", tmp_path)
    coordinator.answer = files_of("sub/ré port.html", b"page", hashlib.sha256(b"page").hexdigest())
    (path,) = quickstart.fetch_files(coordinator.url, "job-1")
    assert path == tmp_path / "results" / "job-1" / "sub" / "ré port.html"
    assert path.read_bytes() == b"page"
    assert coordinator.asked[-1][1] == "/api/v1/jobs/job-1/files/sub/r%C3%A9%20port.html"


@pytest.mark.parametrize(("path", "sha256"), [("../x", "0"), ("/tmp/x", "0"), ("x", "0")])
def test_a_file_from_outside_or_damaged_is_refused(
    coordinator: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, sha256: str
) -> None:
    monkeypatch.setattr(quickstart, "DATA", tmp_path)
    coordinator.answer = files_of(path, b"page", sha256)
    with pytest.raises(ProblemError):
        quickstart.fetch_files(coordinator.url, "job-1")
    assert list(tmp_path.rglob("x")) == []


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert quickstart.free_port(port) > port


def test_the_proxy_of_the_environment_is_not_asked(
    coordinator: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    coordinator.answer = lambda *_: as_json({})
    assert quickstart.call(coordinator.url, "GET", "/readyz")[0] == 200


@pytest.fixture
def known(tmp_path: Path) -> quickstart.Sparetime:
    """A Sparetime whose coordinator.json the test writes."""
    sparetime = quickstart.Sparetime()
    sparetime.address = tmp_path / "coordinator.json"
    return sparetime


def test_a_running_coordinator_is_found_when_it_is_ready(
    coordinator: Played, known: quickstart.Sparetime
) -> None:
    known.address.write_text(json.dumps({"url": coordinator.url, "pid": os.getpid()}))
    assert known.running_url() == ""  # a stranger listens there: 404
    coordinator.answer = lambda *_: (503, {}, b"")
    assert known.running_url() == ""
    coordinator.answer = lambda *_: as_json({})
    assert known.running_url() == coordinator.url


def test_what_a_dead_coordinator_left_behind_is_not_believed(
    coordinator: Played, known: quickstart.Sparetime
) -> None:
    coordinator.answer = lambda *_: as_json({})
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    known.address.write_text(json.dumps({"url": coordinator.url, "pid": ended.pid}))
    assert known.running_url() == ""
    assert coordinator.asked == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}', '{"url": 3, "pid": 1}'])
def test_a_damaged_address_is_no_running_coordinator(known: quickstart.Sparetime, text: str) -> None:
    known.address.write_text(text)
    assert known.running_url() == ""


def test_the_menu_ends_with_its_input_and_names_a_wrong_choice(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    choices = iter(["9"])

    def answer(_: str) -> str:
        try:
            return next(choices)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    assert quickstart.menu(quickstart.Sparetime()) == 0
    assert "There is no step '9': choose 0 to 5." in capfd.readouterr().out
