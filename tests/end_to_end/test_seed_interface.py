"""Worker and client programs of the first system against this coordinator, over real sockets.

Both are written in Node from the page of the older interface alone.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coordinator.server.capacity import capacity_for
from coordinator.server.http_server import HttpServer
from coordinator.server.listening import open_listeners
from coordinator.server.waiting_room import WaitingRoom
from coordinator.storage.file_store import DirectoryFileStore
from coordinator.storage.sqlite import SqliteStore
from coordinator.use_cases.expire_leases import expire_leases
from coordinator.web.application import build_app
from coordinator.web.services import Services
from tests.builders_zip import Member, zip_of
from tests.fakes.clock import FakeClock
from tests.fakes.databases import sqlite_store
from tests.fakes.node_process import NodeProcess

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ("node", "bash", "mkfifo")
pytestmark = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")

Start = Callable[..., NodeProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Node programs; all end with the test."""
    started: list[NodeProcess] = []

    def make(script: str, *arguments: object) -> NodeProcess:
        started.append(NodeProcess(script, *arguments))
        return started[-1]

    yield make
    for process in started:
        process.kill()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of the real coordinator, started as its users start it."""
    command = [sys.executable, "-m", "coordinator", "serve", "--no-auth", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data", str(tmp_path / "data")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield line.rpartition(" ")[2].strip()
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def workers(start: Start, url: str, folder: Path, *names: str) -> list[NodeProcess]:
    made = [start("seed_worker.js", url, name, folder / name, 50, 200) for name in names]
    for worker in made:
        worker.wait_for("registered")
    return made


def test_two_workers_side_by_side_run_ten_jobs_once_each(
    start: Start, served: str, tmp_path: Path, marks: Path
) -> None:
    project = tmp_path / "project.zip"
    project.write_bytes(zip_of(Member("data/été.txt", "grüße\n".encode())))
    commands = [
        f"cat data/été.txt; echo {n} >> {marks}/{n}\necho oops >&2; false\necho {n}" for n in range(10)
    ]
    both = workers(start, served, tmp_path, "w1", "w2")
    jobs = json.loads(start("seed_client.js", served, "execute", project, *commands).rest().splitlines()[-1])
    assert [job["status"] for job in jobs] == ["completed"] * 10
    assert [job["stdout"] for job in jobs] == [f"grüße\n{n}\n" for n in range(10)]
    assert {job["stderr"] for job in jobs} == {"oops\n"}
    assert [(marks / str(n)).read_text() for n in range(10)] == [f"{n}\n" for n in range(10)]
    assert {job["workerId"] for job in jobs} <= {"w1", "w2"}
    took = [line for worker in both for line in worker.said if line.startswith("took")]
    assert sorted(took) == sorted(f"took {job['jobId']}-1" for job in jobs)


def test_a_cancel_stops_what_runs(start: Start, served: str, tmp_path: Path) -> None:
    [worker] = workers(start, served, tmp_path, "w1")
    client = start("seed_client.js", served, "create", "echo begun; sleep 100")
    [job] = json.loads(client.wait_for(""))
    worker.wait_for("took")
    assert json.loads(start("seed_client.js", served, "cancel", job).rest())["success"]
    [told] = json.loads(client.wait_for(""))
    assert told["status"] == "failed" and "cancelled" in told["errorMessage"]
    worker.wait_for("stopped")
    again = start("seed_client.js", served, "create", "echo next")
    assert json.loads(again.rest().splitlines()[-1])[0]["stdout"] == "next\n"


def test_a_direct_run_answers_with_what_it_prints(start: Start, served: str, tmp_path: Path) -> None:
    project = tmp_path / "project.zip"
    project.write_bytes(zip_of(Member("a.txt", b"hello\n")))
    said = start("seed_client.js", served, "direct", project, "cat a.txt\nfalse\necho done").rest()
    head, *lines = said.splitlines()
    assert head.startswith("X-Exec-Id: job-")
    data = [line for line in lines if line.startswith("data:")]
    assert data[:-1] == ["data: hello", "data: done"]
    assert json.loads(data[-1].removeprefix("data: "))["status"] == "completed"


class ServedOnFakeTime:
    """The real server and store, but the test decides how late it is."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        waiting = WaitingRoom()
        self.store: SqliteStore = sqlite_store(folder, self.clock, waiting.publish)
        services = Services(
            store=self.store,
            files=DirectoryFileStore(folder),
            waiting=waiting,
            monotonic=FakeClock(),
            builtin_secret="",
            hosts=frozenset({"127.0.0.1"}),
        )
        listeners = open_listeners("127.0.0.1", 0)
        self._server = HttpServer(build_app(services), listeners, capacity=capacity_for(100))
        self.url = self._server.urls[0]
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    def close(self) -> None:
        self._server.drain(5)
        self._thread.join()
        self.store.close()


@contextmanager
def on_fake_time(folder: Path) -> Iterator[ServedOnFakeTime]:
    server = ServedOnFakeTime(folder)
    try:
        yield server
    finally:
        server.close()


def test_a_job_whose_worker_is_killed_is_run_by_the_other(start: Start, tmp_path: Path, marks: Path) -> None:
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    os.mkfifo(begun)
    os.mkfifo(gate)
    # The first job prints nothing, so that nobody can tell by its output who runs it.
    first = f"echo begun >> {marks}/0; echo begun > {begun}\ncat {gate} > /dev/null\necho ended >> {marks}/0"
    others = [f"echo ran >> {marks}/{n}" for n in range(1, 10)]
    with on_fake_time(tmp_path) as server:
        both = dict(zip(("w1", "w2"), workers(start, server.url, tmp_path, "w1", "w2"), strict=True))
        client = start("seed_client.js", server.url, "create", first, *others)
        [job, *_] = json.loads(client.wait_for(""))
        begun.read_text()
        [killed] = [name for name in both if (tmp_path / name / f"{job}-1").exists()]
        [living] = both.keys() - {killed}
        both[killed].kill()
        for _ in range(2):  # 40 s, in which the living worker beats as often as it should
            server.clock.advance(20)
            both[living].wait_for_next("beat", times=2)
        server.store.transact(expire_leases)
        begun.read_text()
        gate.write_text("go on")
        jobs = json.loads(client.wait_for(""))
    assert [job["status"] for job in jobs] == ["completed"] * 10
    assert jobs[0]["workerId"] == living
    assert (marks / "0").read_text() == "begun\nbegun\nended\n"
    assert [(marks / str(n)).read_text() for n in range(1, 10)] == ["ran\n"] * 9
