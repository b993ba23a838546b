"""What a job printed: its bytes by ranges, or its records page by page."""

from dataclasses import replace

from coordinator.use_cases.read_output import log_extent, read_output
from coordinator.web.byte_ranges import range_reply
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.user_api.downloads import download_headers
from coordinator.web.user_api.forms import LogQuery, OutputQuery
from coordinator.web.user_api.record_texts import RecordTexts
from coordinator.web.user_api.views import OutputView
from shared.field_rules import FieldError, Malformed
from shared.vocabulary import Stream


def log(call: Call) -> Reply:
    """Hand out the bytes of an attempt as they were printed, both streams in the order of reading, or one."""
    query, job, store = call.query(LogQuery), call.path["job"], call.services.store
    if query.stream is Stream.GAP:
        raise Malformed([FieldError("stream", "must be one of: stdout, stderr")])
    extent = store.read(lambda tx: log_extent(tx, job, query.attempt, query.stream))
    attempt = extent.attempt

    def read_at(offset: int, most: int) -> bytes:
        if attempt is None:
            return b""
        return store.read(lambda tx: tx.output.text(attempt.id, query.stream, offset, most))

    headers = {
        **download_headers(f"{job}{f'-{attempt.number}' if attempt else ''}.log"),
        "X-Log-Complete": "true" if extent.complete else "false",
        "Cache-Control": "no-store",
    }
    return range_reply(call.header("Range"), extent.size, read_at, "application/octet-stream", headers)


def output(call: Call) -> Reply:
    """Tell the records of an attempt's output from an offset on, for those who poll."""
    query, job = call.query(OutputQuery), call.path["job"]
    page = call.services.store.read(lambda tx: read_output(tx, job, query.attempt, query.after, query.limit))
    records = RecordTexts().views(page.records, last=True)
    view = OutputView(page.attempt, records, page.next, page.complete)
    return replace(json_reply(view), headers={"Cache-Control": "no-store"})
