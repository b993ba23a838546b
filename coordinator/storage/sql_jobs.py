"""The Jobs port in SQL. Statements are built once: compiling one costs more than running it."""

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from coordinator.domain.errors import NotFound
from coordinator.domain.job import Job, JobOrder
from coordinator.domain.requirements import Requirements
from coordinator.storage.records import job_of, order_json
from coordinator.storage.requirement_classes import RequirementClasses
from coordinator.storage.schema import idempotency_key, job, rejection, requirement_class
from coordinator.use_cases.ports import JobUpdate
from shared.vocabulary import JobState

MOST_COUNTED = 10_000  # jobs ahead: beyond that "more than" is as good as a number

_P = bindparam
_INSERT = insert(job)
_ONE = select(job).where(job.c.id == _P("b_id"))
_MANY = select(job).where(job.c.id.in_(_P("ids", expanding=True)))
_NEWEST = select(job).where(job.c.number < _P("before")).order_by(job.c.number.desc()).limit(_P("most"))
_NEWEST_IN_STATE = (
    select(job)
    .where(job.c.state == _P("wanted"), job.c.number < _P("before"))
    .order_by(job.c.number.desc())
    .limit(_P("most"))
)

_inner = job.alias("head")
# The first few of each class by index, then the first of those: a million waiting jobs cost what 100 do.
_HEADS = (
    select(_inner.c.number)
    .where(
        _inner.c.class_id == requirement_class.c.id,
        _inner.c.ready,
        ~select(rejection.c.job)
        .where(rejection.c.job == _inner.c.id, rejection.c.worker == _P("b_worker"))
        .exists(),
    )
    .order_by(_inner.c.priority.desc(), _inner.c.number)
    .limit(_P("each"))
    .correlate(requirement_class)
)
_CLAIMABLE = (
    select(job)
    .select_from(requirement_class.join(job, job.c.number.in_(_HEADS)))
    .where(requirement_class.c.id.in_(_P("classes", expanding=True)))
    .order_by(job.c.priority.desc(), job.c.number)
    .limit(_P("most"))
)
_READY_OF_CLASSES = and_(job.c.ready, job.c.class_id.in_(_P("classes", expanding=True)))
# Two counts, each a range of the claim index; as one condition with OR it would read the whole queue.
_MORE_URGENT, _EARLIER = (
    select(func.count()).select_from(
        select(job.c.number).where(_READY_OF_CLASSES, *place).limit(MOST_COUNTED).subquery()
    )
    for place in (
        (job.c.priority > _P("b_priority"),),
        (job.c.priority == _P("b_priority"), job.c.number < _P("b_number")),
    )
)

_GRANT = (
    update(job)
    .where(job.c.id == _P("b_id"), job.c.ready, job.c.attempt == _P("b_attempt"))
    .values(
        ready=False, leased=True, attempt=job.c.attempt + 1, worker=_P("b_worker"), version=job.c.version + 1
    )
)
_CURRENT = and_(job.c.id == _P("b_id"), job.c.attempt == _P("b_attempt"), job.c.leased)
_START = (
    update(job)
    .where(_CURRENT, job.c.state == JobState.PENDING.value)
    .values(state=JobState.RUNNING.value, started_at=_P("b_at"), version=job.c.version + 1)
)
_END = (
    update(job)
    .where(_CURRENT)
    .values(
        state=_P("b_state"),
        ready=_P("b_ready"),
        leased=False,
        not_before=_P("b_not_before"),
        finished_at=_P("b_finished_at"),
        started_at=_P("b_started_at"),
        exit_code=_P("b_exit_code"),
        message=_P("b_message"),
        failures=_P("b_failures"),
        lost=_P("b_lost"),
        interruptions=_P("b_interruptions"),
        version=job.c.version + 1,
    )
)
_ASK_CANCEL = (
    update(job)
    .where(job.c.id == _P("b_id"), job.c.leased, ~job.c.cancel_asked)
    .values(cancel_asked=True, version=job.c.version + 1)
)
_CANCEL_WAITING = (
    update(job)
    .where(job.c.id == _P("b_id"), job.c.state == JobState.PENDING.value, ~job.c.leased)
    .values(
        state=JobState.CANCELLED.value,
        ready=False,
        not_before=None,
        cancel_asked=True,
        finished_at=_P("b_at"),
        message=_P("b_message"),
        version=job.c.version + 1,
    )
)
_NAME_WORKER = update(job).where(_CURRENT).values(worker=_P("b_worker"), version=job.c.version + 1)
_RIPE = select(job.c.class_id).where(job.c.not_before <= _P("b_now"), job.c.state == JobState.PENDING.value)
_RIPEN = (
    update(job)
    .where(job.c.not_before <= _P("b_now"), job.c.state == JobState.PENDING.value)
    .values(ready=True, not_before=None, version=job.c.version + 1)
)
_REJECTED_BY = select(rejection.c.worker).where(rejection.c.job == _P("b_job"))
_RECALL = select(idempotency_key.c.digest, idempotency_key.c.job).where(
    idempotency_key.c.principal == _P("principal"), idempotency_key.c.key == _P("key")
)
_OLD_KEYS = delete(idempotency_key).where(idempotency_key.c.created_at < _P("before"))


class SqlJobs:
    def __init__(self, connection: Connection, now: float, classes: RequirementClasses) -> None:
        self._connection = connection
        self._now = now
        self._classes = classes

    def add(self, orders: Sequence[JobOrder], origin: str) -> list[Job]:
        asked = {order.requirements for order in orders}
        classes = {wanted: self._classes.id_of(self._connection, wanted) for wanted in asked}
        ids = [new_job_id() for _ in orders]
        rows = [
            {
                "id": made,
                "class_id": classes[order.requirements],
                "state": JobState.PENDING.value,
                "ready": True,
                "priority": order.priority,
                "spec": order_json(order),
                "origin": origin,
                "created_at": self._now,
            }
            for made, order in zip(ids, orders, strict=True)
        ]
        for begin in range(0, len(rows), 1000):
            self._connection.execute(_INSERT, rows[begin : begin + 1000])
        stored: dict[str, Job] = {}
        for begin in range(0, len(ids), 1000):
            stored |= self.get_many(ids[begin : begin + 1000])
        return [stored[made] for made in ids]

    def get(self, job_id: str) -> Job:
        row = self._connection.execute(_ONE, {"b_id": job_id}).one_or_none()
        if row is None:
            raise NotFound(f"There is no job {job_id[:80]}.")
        return job_of(row, self._classes.get(self._connection, row.class_id))

    def get_many(self, jobs: Sequence[str]) -> dict[str, Job]:
        rows = self._connection.execute(_MANY, {"ids": list(jobs)})
        return {row.id: job_of(row, self._classes.get(self._connection, row.class_id)) for row in rows.all()}

    def newest(self, state: JobState | None, before: int | None, limit: int) -> list[Job]:
        values: dict[str, object] = {"before": before if before is not None else 1 << 62, "most": limit}
        statement = _NEWEST
        if state is not None:
            statement, values["wanted"] = _NEWEST_IN_STATE, state.value
        rows = self._connection.execute(statement, values).all()
        return [job_of(row, self._classes.get(self._connection, row.class_id)) for row in rows]

    def requirement_classes(self) -> Mapping[int, Requirements]:
        return self._classes.all(self._connection)

    def claimable(self, classes: Sequence[int], worker: str, limit: int) -> list[Job]:
        values = {"classes": list(classes), "b_worker": worker, "each": limit, "most": limit}
        rows = self._connection.execute(_CLAIMABLE, values).all()
        return [job_of(row, self._classes.get(self._connection, row.class_id)) for row in rows]

    def waiting_before(self, job: Job, classes: Sequence[int]) -> int:
        values = {"b_priority": job.order.priority, "b_number": job.number, "classes": list(classes)}
        counts = [self._connection.execute(count, values).scalar_one() for count in (_MORE_URGENT, _EARLIER)]
        return min(sum(counts), MOST_COUNTED)

    def grant(self, job: Job, worker: str | None) -> bool:
        return self._changes(_GRANT, b_id=job.id, b_attempt=job.attempt, b_worker=worker)

    def start(self, job: str, attempt: int, at: float) -> bool:
        return self._changes(_START, b_id=job, b_attempt=attempt, b_at=at)

    def end_attempt(self, job: str, attempt: int, update: JobUpdate) -> bool:
        return self._changes(
            _END,
            b_id=job,
            b_attempt=attempt,
            b_state=update.state.value,
            b_ready=update.state is JobState.PENDING and update.not_before is None,
            b_not_before=update.not_before,
            b_finished_at=update.finished_at,
            b_started_at=update.started_at,
            b_exit_code=update.exit_code,
            b_message=update.message,
            b_failures=update.failures,
            b_lost=update.lost,
            b_interruptions=update.interruptions,
        )

    def ask_cancel(self, job: str) -> bool:
        return self._changes(_ASK_CANCEL, b_id=job)

    def cancel_waiting(self, job: str, at: float, message: str) -> bool:
        return self._changes(_CANCEL_WAITING, b_id=job, b_at=at, b_message=message)

    def name_worker(self, job: str, attempt: int, worker: str) -> bool:
        return self._changes(_NAME_WORKER, b_id=job, b_attempt=attempt, b_worker=worker)

    def ripen(self) -> list[Requirements]:
        classes = self._connection.execute(_RIPE, {"b_now": self._now}).scalars().all()
        if classes:
            self._connection.execute(_RIPEN, {"b_now": self._now})
        return [self._classes.get(self._connection, number) for number in classes]

    def reject(self, job: str, worker: str) -> None:
        where = and_(rejection.c.job == job, rejection.c.worker == worker)
        if self._connection.execute(select(rejection.c.job).where(where)).first() is None:
            self._connection.execute(insert(rejection).values(job=job, worker=worker))

    def rejected_by(self, job: str) -> frozenset[str]:
        found = self._connection.execute(_REJECTED_BY, {"b_job": job})
        return frozenset(found.scalars())

    def recall_key(self, principal: str, key: str) -> tuple[str, str] | None:
        row = self._connection.execute(_RECALL, {"principal": principal, "key": key}).one_or_none()
        return (row.digest, row.job) if row is not None else None

    def remember_key(self, principal: str, key: str, digest: str, job: str) -> None:
        values = {"principal": principal, "key": key, "digest": digest, "job": job, "created_at": self._now}
        self._connection.execute(insert(idempotency_key).values(**values))

    def forget_keys(self, before: float) -> None:
        self._connection.execute(_OLD_KEYS, {"before": before})

    def _changes(self, statement: object, **values: object) -> bool:
        return bool(self._connection.execute(statement, values).rowcount == 1)  # type: ignore[call-overload]


def new_job_id() -> str:
    return f"job-{secrets.token_hex(8)}"
