"""A coordinator with its web application, called in-process: real store, real files, no server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordinator.domain.notices import Notice
from coordinator.storage.file_store import DirectoryFileStore
from coordinator.web.application import build_app
from coordinator.web.services import Services
from tests.fakes.clock import FakeClock
from tests.fakes.databases import sqlite_store
from tests.fakes.office import Office
from tests.fakes.waiting_room import FakeWaitingRoom
from tests.fakes.wsgi_client import WsgiClient

HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class DiskOfTests(DirectoryFileStore):
    """A file store whose disk is as full as a test says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.uploads_folder = folder / "uploads"
        self.full = False

    def room_for(self, size: int) -> bool:
        return not self.full


class WebOffice:
    def __init__(self, folder: Path, direct: bool = False) -> None:
        self.clock = FakeClock()
        self.room = FakeWaitingRoom(self.clock)
        notices: list[Notice] = []
        self.listeners: list[Callable[[Notice], object]] = [notices.append, self.room.publish]

        def on_commit(notice: Notice) -> None:
            for listener in self.listeners:
                listener(notice)

        self.store = sqlite_store(folder, self.clock, on_commit)
        self.office = Office(self.store, self.clock, notices)
        self.files = DiskOfTests(folder)
        self.services = Services(
            store=self.store,
            files=self.files,
            waiting=self.room,
            monotonic=self.clock,
            builtin_secret="built-in" if direct else "",
            hosts=HOSTS,
        )
        self.client = WsgiClient(build_app(self.services))

    def submit(self, *commands: str, **fields: Any) -> str:
        """Submit by HTTP; tell the job's id."""
        answer = self.client.post("/api/v1/jobs", {"commands": commands or ["echo hello"], **fields})
        assert answer.status == 201, answer.body
        return str(answer.json()["id"])

    def everything(self) -> tuple[int, list[str]]:
        """What a refused call must not have changed: the jobs, and the bytes of uploads."""
        jobs = self.store.read(lambda tx: tx.jobs.newest(None, None, 1000))
        uploads = [path.name for path in self.files.uploads_folder.iterdir()]
        return len(jobs), sorted(uploads)
