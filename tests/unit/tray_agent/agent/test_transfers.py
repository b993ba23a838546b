"""Slow work with files: what becomes of a file on its way up, and which work waits for which."""

import hashlib
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

from shared.messages import ArtifactEntry, AttemptRef, ProjectRef, UploadOffer, UploadState
from tests.fakes.runner_rig import PLAIN
from tray_agent.agent.events import Collected, Event, FilesSent
from tray_agent.agent.project_cache import ProjectCache
from tray_agent.agent.transfers import Transfers
from tray_agent.agent.workspace import Workspace

REF = AttemptRef("job-1", 1)
DEADLINE_S = 30.0


class HashingLink:
    """Has all bytes of each file at the first part, yet goes on checking them for ever."""

    def offer_file(self, ref: AttemptRef, token: str, offer: UploadOffer) -> UploadState:
        self.size = offer.size
        return UploadState("up-1", 0, False)

    def send_part(self, upload: str, token: str, offset: int, data: bytes) -> UploadState:
        return UploadState(upload, self.size, False)


class StuckProject:
    """A project whose download goes on until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def fetch(self, sha256: str, offset: int) -> Iterator[bytes]:
        self.begun.set()
        assert self.go_on.wait(DEADLINE_S)
        yield b"x"


def a_transfers(tmp_path: Path, link=None, fetch=None) -> tuple[Transfers, Workspace, "queue.Queue[Event]"]:
    events: queue.Queue[Event] = queue.Queue()
    workspace = Workspace(tmp_path / "attempts")
    return Transfers(link, ProjectCache(tmp_path / "p", fetch), workspace, events.put), workspace, events


def test_a_file_that_the_coordinator_still_checks_is_offered_again_later(tmp_path: Path) -> None:
    transfers, workspace, events = a_transfers(tmp_path, HashingLink())
    folder = workspace.make(REF)
    (folder / "work" / "out.txt").write_bytes(b"whole")
    entry = ArtifactEntry("out.txt", 5, hashlib.sha256(b"whole").hexdigest())
    transfers.send_files(REF, "tok", folder, (entry,))
    sent = events.get(timeout=DEADLINE_S)
    assert isinstance(sent, FilesSent)
    assert (sent.sent, sent.refused) == (frozenset(), {})
    assert sent.error


def test_finished_jobs_are_collected_while_projects_arrive(tmp_path: Path) -> None:
    stuck = [StuckProject() for _ in range(3)]
    shops = {f"{number:064x}": project for number, project in enumerate(stuck)}
    transfers, workspace, events = a_transfers(
        tmp_path, fetch=lambda sha256, offset: shops[sha256].fetch(sha256, offset)
    )
    workspace.make(REF)
    for number, sha256 in enumerate(shops):
        transfers.prepare(AttemptRef(f"job-{number + 5}", 1), ProjectRef(sha256, 1), lambda: True)
    assert stuck[0].begun.wait(DEADLINE_S)
    transfers.collect(REF, PLAIN, {}, ignore_case=False)
    collected = events.get(timeout=DEADLINE_S)
    for project in stuck:
        project.go_on.set()
    assert isinstance(collected, Collected)
