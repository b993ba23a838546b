"""The slow work with files, on threads of its own: projects down, outputs found, files and logs up."""

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from shared.messages import (
    LOG_PART_BYTES,
    ArtifactEntry,
    AttemptRef,
    JobSpec,
    ProjectRef,
    UploadOffer,
    UploadState,
)
from shared.vocabulary import Answer
from tray_agent.agent import outputs
from tray_agent.agent.errors import AgentError, CannotPrepare, NotCurrent, Refused, Unreachable
from tray_agent.agent.events import Collected, Event, FilesSent, LogSent, Prepared, PrepareFailed
from tray_agent.agent.news import read_log
from tray_agent.agent.ports import Link
from tray_agent.agent.project_cache import ProjectCache
from tray_agent.agent.workspace import Workspace, remove_tree, unpack

log = logging.getLogger(__name__)

_FETCH_TRIES = 5
_LOCK_TRIES = 5  # Windows: a virus scanner holds a fresh file for a moment
_STALLS = 3  # parts in a row that brought an upload no further

Task = Callable[[], None]


class Transfers:
    """Each method returns at once; what came of it is posted as one event, in any order."""

    def __init__(
        self, link: Link, cache: ProjectCache, workspace: Workspace, post: Callable[[Event], None]
    ) -> None:
        self._link = link
        self._cache = cache
        self._workspace = workspace
        self._post = post
        self._projects = _threads("projects", 2)  # apart: a finished job must not wait for a download
        self._local = _threads("files", 2)
        self._uploads = _threads("uploads", 2)

    def prepare(self, ref: AttemptRef, project: ProjectRef, wanted: Callable[[], bool]) -> None:
        self._projects.put(lambda: self._post(self._prepare(ref, project, wanted)))

    def collect(self, ref: AttemptRef, spec: JobSpec, before: outputs.Snapshot, *, ignore_case: bool) -> None:
        def task() -> None:
            work = self._workspace.path(ref) / "work"
            try:
                found, notes = outputs.collect(work, spec.outputs, before, ignore_case=ignore_case)
            except Exception as error:  # whatever a job leaves behind, its result must go out
                log.exception("outputs.failed", extra={"job": ref.job, "attempt": ref.attempt})
                found, notes = (), (f"Its files could not be collected: {error}.",)
            self._post(Collected(ref, found, notes))

        self._local.put(task)

    def send_log(self, ref: AttemptRef, token: str, folder: Path, offset: int, end: int) -> None:
        self._uploads.put(lambda: self._post(self._send_log(ref, token, folder, offset, end)))

    def send_files(self, ref: AttemptRef, token: str, folder: Path, files: tuple[ArtifactEntry, ...]) -> None:
        self._uploads.put(lambda: self._post(self._send_files(ref, token, folder, files)))

    def remove(self, path: Path) -> None:
        def task() -> None:
            for number in range(_LOCK_TRIES):
                if remove_tree(path):
                    return
                time.sleep(0.2 * (number + 1))
            log.warning("folder.left", extra={"path": str(path)})

        self._local.put(task)

    def _prepare(self, ref: AttemptRef, project: ProjectRef, wanted: Callable[[], bool]) -> Event:
        try:
            folder = self._workspace.make(ref)
            with self._fetch(project, wanted) as archive:
                unpack(archive, folder / "work")
            return Prepared(ref, outputs.take_snapshot(folder / "work"))
        except CannotPrepare as error:
            return PrepareFailed(ref, str(error), error.rejected)
        except (AgentError, OSError) as error:
            return PrepareFailed(ref, f"The project could not be made ready: {error}", False)
        except Exception as error:
            log.exception("prepare.broken", extra={"job": ref.job, "attempt": ref.attempt})
            return PrepareFailed(ref, f"The project could not be made ready: {error!r}", False)

    def _fetch(self, project: ProjectRef, wanted: Callable[[], bool]) -> BinaryIO:
        for number in range(1, _FETCH_TRIES):
            try:
                return self._cache.open(project, wanted)
            except Unreachable as error:
                log.info("project.interrupted", extra={"project": project.sha256, "error": str(error)})
                if not wanted():
                    break
                time.sleep(0.5 * number)
        return self._cache.open(project, wanted)

    def _send_log(self, ref: AttemptRef, token: str, folder: Path, offset: int, end: int) -> Event:
        try:
            while offset < end:
                data = read_log(folder, offset, min(LOG_PART_BYTES, end - offset))
                if not data:
                    return LogSent(ref, offset, closed=True)
                state = self._link.send_log(ref, token, offset, data)
                if state.answer not in (Answer.ACCEPTED, Answer.DUPLICATE):
                    return LogSent(ref, state.next, closed=True)
                if state.next == offset:
                    return LogSent(ref, offset, closed=False, error="The log was not taken further.")
                offset = state.next
            return LogSent(ref, offset, closed=False)
        except (NotCurrent, Refused) as error:
            log.info("log.refused", extra={"job": ref.job, "attempt": ref.attempt, "error": str(error)})
            return LogSent(ref, offset, closed=True)
        except Exception as error:
            return LogSent(ref, offset, closed=False, error=str(error))

    def _send_files(
        self, ref: AttemptRef, token: str, folder: Path, files: tuple[ArtifactEntry, ...]
    ) -> Event:
        sent: set[str] = set()
        refused: dict[str, str] = {}
        try:
            for entry in files:
                if entry.sha256 in sent:
                    continue
                try:
                    self._send_file(ref, token, folder / "work" / entry.path, entry)
                    sent.add(entry.sha256)
                except (Refused, OSError) as error:
                    refused[entry.sha256] = str(error)
        except NotCurrent:
            return FilesSent(ref, frozenset(sent), refused, not_current=True)
        except Exception as error:
            return FilesSent(ref, frozenset(sent), refused, error=str(error))
        return FilesSent(ref, frozenset(sent), refused)

    def _send_file(self, ref: AttemptRef, token: str, path: Path, entry: ArtifactEntry) -> None:
        state = self._link.offer_file(ref, token, UploadOffer(entry.sha256, entry.size))
        with os.fdopen(outputs.open_regular(path), "rb", buffering=0) as file:
            stalls = 0
            while not state.complete:
                before = state.offset
                state = self._send_part(file.fileno(), token, state, entry)
                stalls = stalls + 1 if state.offset <= before and not state.complete else 0
                if stalls == _STALLS:
                    raise Unreachable("The file was not taken further.")

    def _send_part(self, file: int, token: str, state: UploadState, entry: ArtifactEntry) -> UploadState:
        if state.upload is None:
            raise Unreachable("The coordinator named no upload for a file that it does not have.")
        if entry.size and state.offset == entry.size:
            raise Unreachable("The coordinator has the whole file and is still checking it.")
        data = outputs.read_at(file, state.offset, min(state.part_bytes, entry.size - state.offset))
        if not data and entry.size:
            raise Refused("The file has become shorter.")
        return self._link.send_part(state.upload, token, state.offset, data)


def _threads(name: str, count: int) -> "SimpleQueue[Task]":
    queue: SimpleQueue[Task] = SimpleQueue()

    def serve() -> None:
        while True:
            task = queue.get()
            try:
                task()
            except Exception:
                log.exception("task.broken", extra={"thread": name})

    for number in range(count):
        threading.Thread(target=serve, name=f"{name}-{number}", daemon=True).start()
    return queue
