"""For those who watch the coordinator: does it run, and may it be sent work?"""

import logging

from coordinator.domain.errors import Unavailable
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.routing import Route

log = logging.getLogger(__name__)


def health_routes() -> list[Route]:
    return [
        Route("GET", "/livez", livez, "Tell that the coordinator runs"),
        Route("GET", "/readyz", readyz, "Tell whether the coordinator takes work", errors=(503,)),
    ]


def livez(call: Call) -> Reply:
    return json_reply({"status": "live"}, headers={"Cache-Control": "no-store"})


def readyz(call: Call) -> Reply:
    """Answer 503 while stopping, and when the database cannot be read."""
    if call.services.waiting.closing:
        raise Unavailable("The coordinator is stopping.")
    try:
        call.services.store.read(lambda tx: tx.jobs.newest(None, None, 1))
    except Exception as error:
        log.exception("database.unreadable")
        raise Unavailable("The database cannot be read now.") from error
    return json_reply({"status": "ready"}, headers={"Cache-Control": "no-store"})
