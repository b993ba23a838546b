"""The output of one attempt as framed records in output.log: head live, tail at the end, a gap between."""

import contextlib
from pathlib import Path

from shared.log_records import GAP, HEADER, MAX_RECORD_BYTES, pack_gap, pack_record
from shared.vocabulary import Stream
from tray_agent.agent.output_tail import OutputTail, write_whole

_LEAST_LIMIT = 1024  # below that, headers would be all there is
_GAP_RECORD_BYTES = HEADER.size + GAP.size


class OutputLog:
    """Writes whole records, at most `limit_bytes` of them with their headers; the file only ever grows.

    The first half of the limit is kept as it comes and is final at once (`end`). What follows goes through
    a ring file and is appended by `finish`, after a gap record if some of it had to go. An OSError of any
    call means that the disk is full or gone: `end` stays true, and only `abandon` may follow.
    """

    def __init__(self, path: Path, tail_path: Path, limit_bytes: int) -> None:
        limit = max(limit_bytes, _LEAST_LIMIT)
        self._head_bytes = limit // 2
        tail_bytes = limit - self._head_bytes - _GAP_RECORD_BYTES
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115, PTH123 - closed by finish or abandon
        self._tail = OutputTail(tail_path, tail_bytes)
        self._tail_piece = min(MAX_RECORD_BYTES, max(1, tail_bytes // 4 - HEADER.size))
        self._in_head = True
        self.end = 0  # bytes of whole records that are final

    def write(self, stream: Stream, time_ms: int, data: bytes) -> None:
        """Add what was read in one go. Raises OSError."""
        while data and self._in_head:
            room = min(self._head_bytes - self.end - HEADER.size, MAX_RECORD_BYTES)
            if room < 1:
                self._in_head = False
                break
            record = pack_record(stream, time_ms, data[:room])
            write_whole(self._file, record)
            self.end += len(record)
            data = data[room:]
        for place in range(0, len(data), self._tail_piece):
            self._tail.add(pack_record(stream, time_ms, data[place : place + self._tail_piece]))

    def finish(self, time_ms: int) -> int:
        """Append gap and tail, close, and tell the end of the complete log. Raises OSError."""
        if self._tail.left_out:
            gap = pack_gap(time_ms, self._tail.left_out)
            write_whole(self._file, gap)
            self.end += len(gap)
        self.end += self._tail.copy_to(self._file)
        self._file.close()
        self._tail.discard()
        return self.end

    def abandon(self) -> int:
        """Close after an OSError: cut off what is not final and tell the end of what is."""
        with contextlib.suppress(OSError, ValueError):  # if the disk is gone, readers stop at `end`
            self._file.truncate(self.end)
        self._file.close()
        self._tail.discard()
        return self.end
