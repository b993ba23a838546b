"""SQLite: how it is opened, and the one writer thread that commits all waiting work in one transaction.

A slow disk then costs one sync for a whole group of use cases, each undone by itself if it fails.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from coordinator.domain.errors import Unavailable
from coordinator.domain.notices import Notice
from coordinator.storage.requirement_classes import RequirementClasses
from coordinator.storage.transaction import SqlTransaction, token_key
from coordinator.use_cases.ports import Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")

GROUP = 256  # use cases in one commit: bounds how long the first of them waits
BUSY_S = 10.0  # another process (a backup) may hold the database that long
READERS = 16


class SqliteStore:
    """The Store of the use cases over one SQLite file."""

    def __init__(self, path: Path, clock: Callable[[], float], on_commit: Callable[[Notice], None]) -> None:
        self._clock = clock
        self._on_commit = on_commit
        self._engine = open_engine(path)
        self._classes = RequirementClasses()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._entry = threading.Lock()
        self._closed = False
        with self._engine.connect() as connection:
            self._key = token_key(connection)
        self._writer = threading.Thread(target=self._write, name="database-writer", daemon=True)
        self._writer.start()

    def transact(self, work: Callable[[Transaction], T]) -> T:
        waiting: Future[T] = Future()
        with self._entry:  # nothing may join the queue behind the sign that ends the writer
            if self._closed:
                raise Unavailable("The coordinator is stopping. Try again when it is back.")
            self._queue.put(_Work(work, waiting))
        return waiting.result()

    def read(self, work: Callable[[Transaction], T]) -> T:
        try:
            with self._engine.connect() as connection:
                _execute(connection, "BEGIN")
                try:
                    return work(SqlTransaction(connection, self._clock(), self._key, self._classes))
                finally:
                    _roll_back(connection)
        except (OperationalError, PoolTimeout, sqlite3.OperationalError) as error:
            raise _unavailable(error) from error

    def close(self) -> None:
        """Finish what waits, then close the file."""
        with self._entry:
            self._closed = True
            self._queue.put(None)
        self._writer.join()
        self._engine.dispose()

    def _write(self) -> None:
        connection: Connection | None = None
        while group := self._next_group():
            try:
                connection = connection or self._engine.connect()
                self._commit_group(connection, group)
            except (
                Exception
            ) as error:  # not even a roll-back was possible: the next group gets a new connection
                log.exception("database.reopened")
                _throw_away(connection)
                connection = None
                _refuse(group, _unavailable(error))
        if connection is not None:
            connection.close()

    def _next_group(self) -> "list[_Work]":
        """Wait for work and take all that waits; an empty list says stop."""
        first = self._queue.get()
        group = [first] if first is not None else []
        while group and len(group) < GROUP:
            try:
                work = self._queue.get_nowait()
            except Empty:
                break
            if work is None:
                self._queue.put(None)  # stop after this group
                break
            group.append(work)
        return group

    def _commit_group(self, connection: Connection, group: "list[_Work]") -> None:
        try:
            _execute(connection, "BEGIN IMMEDIATE")
            done = [self._run(connection, work) for work in group]
            _execute(connection, "COMMIT")
        except BaseException as error:
            self._classes.forget()
            _refuse(
                group, _unavailable(error) if isinstance(error, OperationalError | sqlite3.Error) else error
            )
            _roll_back(connection)
            return
        for work, (result, failed, notices) in zip(group, done, strict=True):
            self._tell(notices)
            if failed is None:
                work.waiting.set_result(result)
            else:
                work.waiting.set_exception(failed)

    def _tell(self, notices: list[Notice]) -> None:
        for notice in notices:
            try:
                self._on_commit(notice)
            except Exception:  # what is stored is stored: a listener's fault must not end the writer
                log.exception("notice.failed", extra={"notice": type(notice).__name__})

    def _run(self, connection: Connection, work: "_Work") -> tuple[Any, BaseException | None, list[Notice]]:
        transaction = SqlTransaction(connection, self._clock(), self._key, self._classes)
        _execute(connection, "SAVEPOINT use_case")
        try:
            result = work.run(transaction)
        except OperationalError:
            raise  # the database itself is in trouble: the whole group fails
        except Exception as error:
            _execute(connection, "ROLLBACK TO use_case")
            _execute(connection, "RELEASE use_case")
            self._classes.forget()
            return None, error, []
        _execute(connection, "RELEASE use_case")
        return result, None, transaction.notices


@dataclass(frozen=True, slots=True)
class _Work:
    run: Callable[[Transaction], Any]
    waiting: "Future[Any]"


def _refuse(group: "list[_Work]", error: BaseException) -> None:
    """Tell all who wait that nothing of theirs was stored."""
    for work in group:
        if not work.waiting.done():
            work.waiting.set_exception(error)


def _throw_away(connection: Connection | None) -> None:
    if connection is not None:
        with suppress(Exception):
            connection.invalidate()
            connection.close()


def open_engine(path: Path) -> Engine:
    """Open the file so that an acknowledged commit survives a power cut."""
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",  # the driver opens no transaction of its own: ours are BEGIN IMMEDIATE
        pool_size=READERS,
        max_overflow=8,
        pool_timeout=BUSY_S,
        connect_args={"check_same_thread": False, "timeout": BUSY_S},
    )
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL lost up to 292 of 300 acknowledged rows when the power was cut
        "foreign_keys=ON",
        "journal_size_limit=67108864",  # the log shrinks again after a large transaction
        "cache_size=-4000",  # KiB for each connection, and there are up to 24
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _execute(connection: Connection, statement: str) -> None:
    """Run a transaction statement on the driver itself: nothing to compile, and twice per use case."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(statement).close()


def _roll_back(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    if driver is not None and driver.in_transaction:
        driver.rollback()


def _unavailable(error: BaseException) -> Unavailable:
    cause = str(getattr(error, "orig", error))
    return Unavailable(f"The database cannot be used now ({cause}). Try again in a few seconds.")
