"""The tables, one schema for every database. Times are seconds since the epoch."""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    CursorResult,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import BigInteger

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives row ids only to INTEGER keys; other databases need 64 bits spelled out.
BigKey = BigInteger().with_variant(Integer, "sqlite")
WORKER_ID = 200  # workers of the older interface choose theirs themselves, host name included

requirement_class = Table(
    "requirement_class",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
)

job = Table(
    "job",
    metadata,
    Column("number", BigKey, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("class_id", Integer, ForeignKey("requirement_class.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column(
        "ready", Boolean, nullable=False
    ),  # may be claimed now: pending, not leased, not waiting for a time
    Column("leased", Boolean, nullable=False, server_default=false()),
    Column("priority", Integer, nullable=False),
    Column("spec", Text, nullable=False),  # the order as JSON; never read by SQL
    Column("origin", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("worker", String(WORKER_ID)),
    Column("created_at", Float, nullable=False),
    Column("not_before", Float),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("cancel_asked", Boolean, nullable=False, server_default=false()),
    Column("exit_code", BigInteger),
    Column("message", Text, nullable=False, server_default=""),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("lost", Integer, nullable=False, server_default=text("0")),
    Column("interruptions", Integer, nullable=False, server_default=text("0")),
    Column("version", Integer, nullable=False, server_default=text("0")),
    CheckConstraint(
        "(state IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)", name="finished"
    ),
    CheckConstraint("NOT (ready AND (leased OR state <> 'pending'))", name="ready"),
    sqlite_autoincrement=True,  # a number is never used twice, even after the newest job was deleted
)
Index(
    "ix_job_claim",
    job.c.class_id,
    job.c.priority.desc(),
    job.c.number,
    sqlite_where=text("ready = 1"),  # spelled as the queries spell it, or SQLite does not use the index
    postgresql_where=text("ready"),
)
Index("ix_job_state", job.c.state, job.c.number)
Index(
    "ix_job_not_before",
    job.c.not_before,
    sqlite_where=job.c.not_before.is_not(None),
    postgresql_where=job.c.not_before.is_not(None),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("job", String(64), ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("worker", String(WORKER_ID)),
    Column("session", String(64)),
    Column("seq", BigInteger, nullable=False),
    Column("address", String(64), nullable=False),
    Column("granted_at", Float, nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("heard_at", Float),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("outcome", String(16)),
    Column("exit_code", BigInteger),
    Column("message", Text, nullable=False, server_default=""),
    Column("log_end", BigInteger, nullable=False, server_default=text("0")),
    Column("stdout_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("stderr_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("duration_s", Float, nullable=False, server_default=text("0")),
    Column("cpu_s", Float, nullable=False, server_default=text("0")),
    UniqueConstraint("job", "number"),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished"),
)
_OPEN = attempt.c.outcome.is_(None)
Index("ix_attempt_open_worker", attempt.c.worker, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("ix_attempt_open_lease", attempt.c.lease_until, sqlite_where=_OPEN, postgresql_where=_OPEN)

output_chunk = Table(
    "output_chunk",
    metadata,
    Column("attempt_id", BigInteger, ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True),
    Column("start", BigInteger, primary_key=True),  # in the offset space of the framed records
    Column("stdout_start", BigInteger, nullable=False),
    Column("stderr_start", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),  # whole records
)

worker = Table(
    "worker",
    metadata,
    Column("id", String(WORKER_ID), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("host_name", Text, nullable=False),
    Column("machine_mark", String(64), nullable=False),
    Column("os", String(16), nullable=False),
    Column("cpus", Integer, nullable=False),
    Column("memory_mb", Integer, nullable=False),
    Column("labels", Text, nullable=False),  # JSON list
    Column("sandbox_levels", Text, nullable=False),  # JSON list
    Column("version", Text, nullable=False),
    Column("address", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_contact", Float, nullable=False),
    Column("session", String(64), unique=True),
    Column("last_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("availability", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("load", Float),
    Column("drain", Boolean, nullable=False, server_default=false()),
    Column("bad_streak", Integer, nullable=False, server_default=text("0")),
    Column("free_since", Float, nullable=False, server_default=text("0")),
)

rejection = Table(
    "rejection",
    metadata,
    Column("job", String(64), ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    Column("worker", String(WORKER_ID), ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True),
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("principal", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("job", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
)

stored_file = Table(
    "stored_file",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Float, nullable=False),
)

project = Table(
    "project",
    metadata,
    Column("sha256", String(64), ForeignKey("stored_file.sha256"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("unpacked_bytes", BigInteger, nullable=False),
    Column("created_at", Float, nullable=False),
)

artifact = Table(
    "artifact",
    metadata,
    Column("attempt_id", BigInteger, ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), ForeignKey("stored_file.sha256"), nullable=False),
)

upload = Table(
    "upload",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("attempt_id", BigInteger, ForeignKey("attempt.id", ondelete="CASCADE")),
    Column("created_at", Float, nullable=False),
)

secret = Table(
    "secret",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)


def new_id(inserted: CursorResult[Any]) -> int:
    """Tell the id that the database gave to the row just inserted."""
    key = inserted.inserted_primary_key
    assert key is not None
    return int(key[0])
