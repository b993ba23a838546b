"""One unit of work over a connection: the ports of the use cases, gathered."""

import secrets
from functools import cached_property

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from coordinator.domain.notices import Notice, WorkAvailable
from coordinator.storage import schema
from coordinator.storage.requirement_classes import RequirementClasses
from coordinator.storage.sql_attempts import SqlAttempts
from coordinator.storage.sql_files import SqlFiles
from coordinator.storage.sql_jobs import SqlJobs
from coordinator.storage.sql_output import SqlOutput
from coordinator.storage.sql_workers import SqlWorkers

MOST_WAKES = 256  # waiters of one coordinator


class SqlTransaction:
    def __init__(self, connection: Connection, now: float, key: bytes, classes: RequirementClasses) -> None:
        self._connection = connection
        self._classes = classes
        self.now = now
        self.token_key = key
        self.notices: list[Notice] = []
        self._noted: dict[Notice, int] = {}

    @cached_property
    def jobs(self) -> SqlJobs:
        return SqlJobs(self._connection, self.now, self._classes)

    @cached_property
    def attempts(self) -> SqlAttempts:
        return SqlAttempts(self._connection, self.now)

    @cached_property
    def output(self) -> SqlOutput:
        return SqlOutput(self._connection)

    @cached_property
    def workers(self) -> SqlWorkers:
        return SqlWorkers(self._connection, self.now)

    @cached_property
    def files(self) -> SqlFiles:
        return SqlFiles(self._connection, self.now)

    def notify(self, notice: Notice) -> None:
        """Note it: what changed a job twice is one piece of news; each new job is one, up to MOST_WAKES."""
        seen = self._noted.get(notice, 0)
        self._noted[notice] = seen + 1
        if seen == 0 or (isinstance(notice, WorkAvailable) and seen < MOST_WAKES):
            self.notices.append(notice)


def token_key(connection: Connection) -> bytes:
    """Tell the key of attempt tokens, made at the first start and kept with the data."""
    table = schema.secret
    fresh = {"name": "attempt-token", "value": secrets.token_bytes(32)}
    connection.execute(insert(table).values(fresh).on_conflict_do_nothing())
    stored = connection.execute(select(table.c.value).where(table.c.name == "attempt-token"))
    return bytes(stored.scalar_one())
