"""The Workers port in SQL."""

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from coordinator.domain.errors import NotFound
from coordinator.domain.worker import Worker, WorkerKind
from coordinator.storage.records import worker_fields, worker_of
from coordinator.storage.schema import attempt, rejection, worker
from shared.messages import Report

_P = bindparam
_OPEN_ATTEMPTS = (
    select(func.count())
    .select_from(attempt)
    .where(attempt.c.outcome.is_(None), attempt.c.worker == worker.c.id)
    .scalar_subquery()
    .label("open_attempts")
)
_ONE = select(worker).where(worker.c.id == _P("b_id"))
_OF_SESSION = select(worker).where(worker.c.session == _P("b_session"))
_ALL = select(worker, _OPEN_ATTEMPTS).order_by(worker.c.created_at, worker.c.id)
_SEEDS_AT = select(worker, _OPEN_ATTEMPTS).where(
    worker.c.kind == WorkerKind.SEED.value, worker.c.address == _P("b_address")
)
_CONTACT = update(worker).where(worker.c.id == _P("b_id")).values(last_contact=_P("b_now"))
_REPORT = _CONTACT.values(
    availability=_P("b_availability"), reason=_P("b_reason"), load=_P("b_load"), last_seq=_P("b_seq")
)
_SET_FREE = update(worker).where(worker.c.id == _P("b_id")).values(free_since=_P("b_since"))
_SET_DRAIN = update(worker).where(worker.c.id == _P("b_id")).values(drain=_P("b_drain"))
_GOOD = update(worker).where(worker.c.id == _P("b_id"), worker.c.bad_streak > 0).values(bad_streak=0)
_BAD = update(worker).where(worker.c.id == _P("b_id")).values(bad_streak=worker.c.bad_streak + 1)
_FORGET_REJECTIONS = delete(rejection).where(rejection.c.worker == _P("b_id"))
_HOLDS = select(attempt.c.id).where(attempt.c.outcome.is_(None), attempt.c.worker == worker.c.id).exists()
_FORGET_SEEDS = delete(worker).where(
    worker.c.kind == WorkerKind.SEED.value, worker.c.last_contact < _P("b_before"), ~_HOLDS
)


class SqlWorkers:
    def __init__(self, connection: Connection, now: float) -> None:
        self._connection = connection
        self._now = now

    def get(self, worker_id: str) -> Worker:
        found = self.find(worker_id)
        if found is None:
            raise NotFound(f"There is no PC {worker_id[:80]}.")
        return found

    def find(self, worker_id: str) -> Worker | None:
        row = self._connection.execute(_ONE, {"b_id": worker_id}).one_or_none()
        return worker_of(row) if row is not None else None

    def of_session(self, session: str) -> Worker | None:
        row = self._connection.execute(_OF_SESSION, {"b_session": session}).one_or_none()
        return worker_of(row) if row is not None else None

    def all(self) -> list[Worker]:
        return [worker_of(row) for row in self._connection.execute(_ALL).all()]

    def save(self, made: Worker) -> None:
        fields = worker_fields(made)
        changed = self._connection.execute(update(worker).where(worker.c.id == made.id).values(fields))
        if changed.rowcount == 0:
            self._connection.execute(insert(worker).values(fields))
        self._connection.execute(_FORGET_REJECTIONS, {"b_id": made.id})

    def contact(self, worker_id: str, report: Report | None, seq: int | None) -> None:
        values: dict[str, object] = {"b_id": worker_id, "b_now": self._now}
        if report is None:
            self._connection.execute(_CONTACT, values)
            return
        values |= {
            "b_availability": report.availability.value,
            "b_reason": report.reason,
            "b_load": report.load,
            "b_seq": seq,
        }
        self._connection.execute(_REPORT, values)

    def seeds_at(self, address: str) -> list[Worker]:
        return [worker_of(row) for row in self._connection.execute(_SEEDS_AT, {"b_address": address}).all()]

    def set_free(self, worker_id: str, since: float) -> None:
        self._connection.execute(_SET_FREE, {"b_id": worker_id, "b_since": since})

    def set_drain(self, worker_id: str, drain: bool) -> None:
        self._connection.execute(_SET_DRAIN, {"b_id": worker_id, "b_drain": drain})

    def note_attempt(self, worker_id: str, good: bool) -> None:
        self._connection.execute(_GOOD if good else _BAD, {"b_id": worker_id})

    def forget_silent_seeds(self, before: float) -> int:
        return self._connection.execute(_FORGET_SEEDS, {"b_before": before}).rowcount
