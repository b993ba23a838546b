"""The Attempts port in SQL."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from coordinator.domain.attempt import Attempt
from coordinator.storage.records import attempt_of
from coordinator.storage.schema import attempt, job, new_id, worker
from coordinator.use_cases.ports import AttemptEnd
from shared.vocabulary import AttemptOutcome

_P = bindparam
_OPEN = attempt.c.outcome.is_(None)
_INSERT = insert(attempt)
_ONE = select(attempt).where(attempt.c.job == _P("b_job"), attempt.c.number == _P("b_number"))
_BY_ID = select(attempt).where(attempt.c.id == _P("b_id"))
_OF_JOB = select(attempt).where(attempt.c.job == _P("b_job")).order_by(attempt.c.number)
_HELD = select(attempt).where(_OPEN, attempt.c.worker == _P("b_worker")).order_by(attempt.c.id)
_UNNAMED = (
    select(attempt)
    .where(_OPEN, attempt.c.worker.is_(None), attempt.c.address == _P("b_address"))
    .order_by(attempt.c.id)
)
_EXPIRED = (
    select(attempt)
    .where(_OPEN, attempt.c.lease_until < _P("b_now"))
    .order_by(attempt.c.lease_until)
    .limit(_P("most"))
)
_START = (
    update(attempt)
    .where(_OPEN, attempt.c.id == _P("b_id"), attempt.c.started_at.is_(None))
    .values(started_at=_P("b_at"), lease_until=_P("b_until"))
)
_RENEW = (
    update(attempt)
    .where(
        _OPEN,
        attempt.c.id.in_(_P("ids", expanding=True)),
        ~select(job.c.id).where(job.c.id == attempt.c.job, job.c.cancel_asked).exists(),
    )
    .values(lease_until=_P("b_until"))
)
_HEAR = (
    update(attempt)
    .where(_OPEN, attempt.c.id == _P("b_id"))
    .values(heard_at=_P("b_at"), lease_until=_P("b_until"))
)
_ENDING = {
    "outcome": _P("b_outcome"),
    "finished_at": _P("b_at"),
    "started_at": func.coalesce(attempt.c.started_at, _P("b_started_at")),
    "exit_code": _P("b_exit_code"),
    "message": _P("b_message"),
    "duration_s": _P("b_duration_s"),
    "cpu_s": _P("b_cpu_s"),
}
_END = update(attempt).where(_OPEN, attempt.c.id == _P("b_id")).values(_ENDING)
_END_EXPIRED = _END.where(attempt.c.lease_until < _P("b_at"))
_NAME_WORKER = (
    update(attempt)
    .where(_OPEN, attempt.c.id == _P("b_id"), attempt.c.worker.is_(None))
    .values(worker=_P("b_worker"))
)
_LOST_WORKERS = (
    select(func.coalesce(worker.c.host_name, attempt.c.worker))
    .select_from(attempt.outerjoin(worker, worker.c.id == attempt.c.worker))
    .where(and_(attempt.c.job == _P("b_job"), attempt.c.outcome == AttemptOutcome.LOST.value))
    .order_by(attempt.c.number)
)


class SqlAttempts:
    def __init__(self, connection: Connection, now: float) -> None:
        self._connection = connection
        self._now = now

    def open_attempt(self, made: Attempt) -> Attempt:
        values = {
            "job": made.job,
            "number": made.number,
            "worker": made.worker,
            "session": made.session,
            "seq": made.seq,
            "address": made.address,
            "granted_at": made.granted_at,
            "lease_until": made.lease_until,
        }
        result = self._connection.execute(_INSERT, values)
        return replace(made, id=new_id(result))

    def get(self, job: str, number: int) -> Attempt | None:
        row = self._connection.execute(_ONE, {"b_job": job, "b_number": number}).one_or_none()
        return attempt_of(row) if row is not None else None

    def by_id(self, attempt_id: int) -> Attempt | None:
        row = self._connection.execute(_BY_ID, {"b_id": attempt_id}).one_or_none()
        return attempt_of(row) if row is not None else None

    def of_job(self, job: str) -> list[Attempt]:
        return [attempt_of(row) for row in self._connection.execute(_OF_JOB, {"b_job": job}).all()]

    def held_by(self, worker: str) -> list[Attempt]:
        return [attempt_of(row) for row in self._connection.execute(_HELD, {"b_worker": worker}).all()]

    def unnamed_at(self, address: str) -> list[Attempt]:
        return [attempt_of(row) for row in self._connection.execute(_UNNAMED, {"b_address": address}).all()]

    def start(self, attempt: int, at: float, lease_until: float) -> bool:
        return self._changes(_START, b_id=attempt, b_at=at, b_until=lease_until)

    def renew(self, attempts: Sequence[int], lease_until: float) -> None:
        self._connection.execute(_RENEW, {"ids": list(attempts), "b_until": lease_until})

    def hear(self, attempt: int, at: float, lease_until: float) -> bool:
        return self._changes(_HEAR, b_id=attempt, b_at=at, b_until=lease_until)

    def end(self, attempt: int, end: AttemptEnd) -> bool:
        return self._changes(_END, b_id=attempt, **_end_values(end))

    def end_expired(self, attempt: Attempt, end: AttemptEnd) -> bool:
        return self._changes(_END_EXPIRED, b_id=attempt.id, **_end_values(end))

    def expired(self, limit: int) -> list[Attempt]:
        rows = self._connection.execute(_EXPIRED, {"b_now": self._now, "most": limit})
        return [attempt_of(row) for row in rows.all()]

    def name_worker(self, attempt: int, worker: str) -> bool:
        return self._changes(_NAME_WORKER, b_id=attempt, b_worker=worker)

    def lost_workers(self, job: str) -> list[str]:
        names = self._connection.execute(_LOST_WORKERS, {"b_job": job}).scalars().all()
        return [name or "an unnamed PC" for name in names]

    def _changes(self, statement: object, **values: object) -> bool:
        return bool(self._connection.execute(statement, values).rowcount == 1)  # type: ignore[call-overload]


def _end_values(end: AttemptEnd) -> dict[str, object]:
    return {
        "b_outcome": end.outcome.value,
        "b_at": end.at,
        "b_started_at": end.started_at,
        "b_exit_code": end.exit_code,
        "b_message": end.message,
        "b_duration_s": end.duration_s,
        "b_cpu_s": end.cpu_s,
    }
