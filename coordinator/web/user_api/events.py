"""A job's state and output as server-sent events, each with an id from which a broken stream goes on.

An id is "<attempt>.<offset>.<version>": how much output was told, and of which version of the job.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bottle import request

from coordinator.domain.errors import Invalid, NotFound, Unavailable
from coordinator.use_cases.ports import Store, Transaction
from coordinator.use_cases.read_jobs import explained
from coordinator.use_cases.read_output import Followed, Place, follow
from coordinator.web.call import Call, Reply
from coordinator.web.user_api.forms import EventsQuery
from coordinator.web.user_api.record_texts import RecordTexts
from coordinator.web.user_api.views import JobView, RecordView, job_view
from coordinator.web.waiting import Seat
from shared.codec import encode
from shared.field_rules import FieldError
from shared.vocabulary import JobState

LENGTH_S = 50.0  # proxies and Waitress's own patience allow a minute
QUIET_S = 10.0  # a client that went away is noticed when something is written to it
WRITE_BYTES = 64 * 1024
READ_BYTES = 48 * 1024  # framed; as JSON it is about one write
AGAIN_MS = 500

_ID = re.compile(r"(\d{1,9})\.(\d{1,15})\.(\d{1,9})")


@dataclass(frozen=True, slots=True)
class OutputEvent:
    attempt: int
    records: tuple[RecordView, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """How far a client is."""

    place: Place | None  # None: it knows nothing of the output
    version: int  # of the job; -1: it knows nothing of the job

    @property
    def id(self) -> str:
        place = self.place or Place(0, 0)
        return f"{place.attempt}.{place.offset}.{self.version}"


def events(call: Call) -> Reply:
    """Follow a job; when too many do already, 503 says to poll the job and its output instead."""
    services, job = call.services, call.path["job"]
    told = _told(call)
    services.store.read(lambda tx: tx.jobs.get(job))
    seat = services.waiting.seat_for_job(job, who=call.address)
    if seat is None:
        raise Unavailable(
            "No more streams can be held open now. Poll the job itself and its /output?after= instead."
        )
    gone = request.environ.get("waitress.client_disconnected", lambda: False)
    stream = EventStream(services.store, services.monotonic, seat, job, told, gone)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Reply(stream, 200, "text/event-stream; charset=utf-8", headers)


def _told(call: Call) -> Told:
    query = call.query(EventsQuery).after
    header = call.header("Last-Event-ID")  # newer than the address that the client connects to again
    field, given = ("Last-Event-ID", header) if header else ("after", query)
    if not given:
        return Told(None, -1)
    match = _ID.fullmatch(given) if given.isascii() else None
    if match is None:
        raise Invalid("The stream cannot go on from there.", [FieldError(field, "is no id of an event")])
    attempt, offset, version = (int(number) for number in match.groups())
    return Told(Place(attempt, offset), version)


class EventStream:
    """The body of the answer. The server calls `close` when it is done with it, however it ended."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        seat: Seat,
        job: str,
        told: Told,
        gone: Callable[[], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._seat = seat
        self._job = job
        self._told = told
        self._gone = gone
        self._texts = RecordTexts()
        self._message = ""
        self.close = seat.leave

    def __iter__(self) -> Iterator[bytes]:
        deadline = self._clock() + LENGTH_S
        yield f": the job's state and output follow\nretry: {AGAIN_MS}\n\n".encode()
        written = self._clock()
        while True:
            try:
                heard, view = self._store.read(self._look)
            except NotFound:
                return  # it was deleted
            for event in self._news(heard, view):
                yield from _pieces(event)
                written = self._clock()
            left = deadline - self._clock()
            if heard.end or left <= 0 or self._seat.released or self._gone():
                return
            if not heard.more:
                quiet = QUIET_S - (self._clock() - written)
                if not self._seat.wait(min(quiet, left)) and not self._seat.released:
                    yield b":\n\n"
                    written = self._clock()

    def _look(self, tx: Transaction) -> tuple[Followed, JobView | None]:
        """Read on; tell the job as well where it changed, or where the reason why it waits did."""
        heard = follow(tx, self._job, self._told.place, READ_BYTES)
        if heard.job.version == self._told.version and heard.job.state is not JobState.PENDING:
            return heard, None
        view = job_view(explained(tx, heard.job))
        changed = heard.job.version != self._told.version or view.message != self._message
        return heard, view if changed else None

    def _news(self, heard: Followed, view: JobView | None) -> Iterator[bytes]:
        if view is not None:
            self._told = Told(self._told.place, heard.job.version)
            self._message = view.message
            yield _event("state", self._told, view)
        if self._told.place is not None and self._told.place.attempt != heard.place.attempt:
            self._texts = RecordTexts()
        self._told = Told(heard.place, heard.job.version)
        if heard.records:
            records = self._texts.views(heard.records, last=heard.end)
            yield _event("output", self._told, OutputEvent(heard.place.attempt, records))
        if heard.end:
            yield _event("end", self._told, {})


def _event(name: str, told: Told, data: Any) -> bytes:
    text = json.dumps(encode(data), ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\nid: {told.id}\ndata: {text}\n\n".encode()


def _pieces(event: bytes) -> Iterator[bytes]:
    for begin in range(0, len(event), WRITE_BYTES):
        yield event[begin : begin + WRITE_BYTES]
