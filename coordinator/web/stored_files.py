"""Answer with the bytes of a stored file."""

from collections.abc import Mapping

from coordinator.web.byte_ranges import ClosingPieces, range_reply
from coordinator.web.call import Call, Reply


def stored_file_reply(
    call: Call, sha256: str, size: int, content_type: str, headers: Mapping[str, str]
) -> Reply:
    """Answer with a stored file, honouring Range; the file stays open until the answer is sent."""
    file = call.services.files.open_stored(sha256)

    def read_at(offset: int, most: int) -> bytes:
        file.seek(offset)
        return file.read(most)

    reply = range_reply(call.header("Range"), size, read_at, content_type, headers)
    if isinstance(reply.body, bytes):
        file.close()
        return reply
    pieces = ClosingPieces(iter(reply.body), file.close)
    return Reply(pieces, reply.status, reply.content_type, reply.headers)
