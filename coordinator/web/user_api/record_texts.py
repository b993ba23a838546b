"""Output records as texts: a letter whose bytes came in two records is one letter all the same."""

import codecs
from collections.abc import Sequence

from coordinator.web.user_api.views import RecordView, iso_time
from shared.log_records import LogRecord
from shared.vocabulary import Stream


class RecordTexts:
    """Decodes the records of one attempt in order; what cannot be read is shown as U+FFFD."""

    def __init__(self) -> None:
        self._streams = {s: _decoder() for s in (Stream.STDOUT, Stream.STDERR)}

    def views(self, records: Sequence[LogRecord], last: bool) -> tuple[RecordView, ...]:
        """Show `records`; `last` says that nothing follows that could complete a letter."""
        ends = {record.stream: n for n, record in enumerate(records)} if last else {}
        return tuple(self._view(record, ends.get(record.stream) == n) for n, record in enumerate(records))

    def _view(self, record: LogRecord, last: bool) -> RecordView:
        time = iso_time(record.time_ms / 1000)
        if record.stream is Stream.GAP:
            return RecordView(record.offset, record.stream, time, "", record.left_out)
        text = self._streams[record.stream].decode(record.data, last)
        return RecordView(record.offset, record.stream, time, text, len(record.data))


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")
