"""The output of a Direct run as server-sent events: `data: LINE` for each line, then `event: end`."""

import codecs
import json
from collections.abc import Callable, Iterator

from coordinator.domain.errors import NotFound
from coordinator.use_cases.ports import Store, Transaction
from coordinator.use_cases.read_output import Followed, Place, follow
from coordinator.use_cases.seed_status import STATES
from coordinator.web.waiting import Seat
from shared.log_records import LogRecord
from shared.vocabulary import Stream

QUIET_S = 10.0  # a client that went away is noticed when something is written to it
READ_BYTES = 64 * 1024
MOST_LINE = 64 * 1024  # characters that wait for the end of their line


class Lines:
    """Takes the bytes of one stream and gives whole lines; what cannot be read is shown as U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""

    def take(self, data: bytes, last: bool = False) -> list[str]:
        text = self._waiting + self._decoder.decode(data, last)
        held = "\r" if text.endswith("\r") and not last else ""  # a \n may follow
        lines = text.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._waiting = lines.pop() + held
        if len(self._waiting) > MOST_LINE or (last and self._waiting):
            lines.append(self._waiting)
            self._waiting = ""
        return lines


class DirectStream:
    """The body of the answer. The server calls `close` when it is done with it; the run goes on."""

    def __init__(
        self, store: Store, clock: Callable[[], float], seat: Seat, job: str, gone: Callable[[], bool]
    ) -> None:
        self._store = store
        self._clock = clock
        self._seat = seat
        self._job = job
        self._gone = gone
        self._place = Place(0, 0)
        self._lines = {Stream.STDOUT: Lines(), Stream.STDERR: Lines()}
        self.close = seat.leave

    def __iter__(self) -> Iterator[bytes]:
        yield b": the output follows\n\n"
        while True:
            try:
                heard = self._store.read(self._look)
            except NotFound:
                return  # it was deleted
            if told := self._told(heard):
                yield told
            if heard.end:
                yield self._end(heard)
            if heard.end or self._seat.released or self._gone():
                return
            if not heard.more and not self._seat.wait(QUIET_S) and not self._seat.released:
                yield b":\n\n"

    def _look(self, tx: Transaction) -> Followed:
        return follow(tx, self._job, self._place, READ_BYTES)

    def _told(self, heard: Followed) -> bytes:
        lines: list[str] = []
        if heard.place.attempt != self._place.attempt:
            lines += self._rest()
        self._place = heard.place
        for record in heard.records:
            lines += self._lines_of(record)
        if heard.end:
            lines += self._rest()
        return "".join(f"data: {line}\n\n" for line in lines).encode()

    def _lines_of(self, record: LogRecord) -> list[str]:
        if record.stream is Stream.GAP:
            return [f"[{record.left_out} bytes left out]"]
        return self._lines[record.stream].take(record.data)

    def _rest(self) -> list[str]:
        """Tell what has no line end: nothing of this attempt follows."""
        rest = [line for lines in self._lines.values() for line in lines.take(b"", last=True)]
        self._lines = {Stream.STDOUT: Lines(), Stream.STDERR: Lines()}
        return rest

    def _end(self, heard: Followed) -> bytes:
        job = heard.job
        said = {"jobId": job.id, "status": STATES[job.state], "exitCode": job.exit_code}
        text = json.dumps({**said, "message": job.message}, ensure_ascii=False)
        return f"event: end\ndata: {text}\n\n".encode()
