"""The schema: what the migrations make is what the program expects, and it refuses nonsense by itself."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event
from sqlalchemy.exc import IntegrityError

from coordinator.storage import schema
from coordinator.storage.migrate import NEWEST, alembic_config, current_revision, migrate
from coordinator.storage.sql_jobs import _CLAIMABLE, _NEWEST, _NEWEST_IN_STATE, _RIPEN
from coordinator.storage.sqlite import open_engine
from tests.builders import an_attempt, an_order
from tests.fakes.house import House


def _plan(engine: Engine, statement: Any, **values: object) -> list[str]:
    """Run a statement, then ask the database how it went about the very same text."""
    ran: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _k, text, given, *_: ran.append((text, given)))
    with engine.connect() as connection:
        connection.execute(statement, values).close()
        text, given = ran[0]
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given)
        return [row[3] for row in rows]


def test_the_migrations_make_what_the_tables_say(house: House) -> None:
    with house.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_migrations_make_the_same_checks_and_indexes(house: House, tmp_path: Path) -> None:
    """Alembic compares neither CHECKs nor partial indexes: the texts in the database are compared here."""
    made_by_tables = open_engine(tmp_path / "tables.db")
    schema.metadata.create_all(made_by_tables)

    def texts(engine: Engine) -> set[str]:
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            found = {" ".join(row[0].replace('"', "").replace("(", " ( ").split()) for row in rows}
        made = {text for text in found if "alembic_version" not in text and "sqlite_sequence" not in text}
        return {part.strip(" ,") for text in made for part in text.replace(" ,", ",").split(",")}

    difference = texts(made_by_tables) ^ texts(house.engine())
    made_by_tables.dispose()

    assert {text for text in difference if "CHECK" in text or "INDEX" in text or "WHERE" in text} == set()


def test_the_newest_revision_is_the_head_of_the_scripts(house: House) -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [NEWEST]
    assert current_revision(house.engine()) == NEWEST


def test_a_second_migration_does_nothing(house: House) -> None:
    [job] = house.add()
    with house.engine().connect() as connection:
        before = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()

    migrate(house.engine())

    with house.engine().connect() as connection:
        assert connection.exec_driver_sql("PRAGMA schema_version").scalar_one() == before
    assert house.job(job.id) == job


def test_two_programs_may_migrate_at_once(tmp_path: Path) -> None:
    engines = [open_engine(tmp_path / "new.db") for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, engines))

    assert {current_revision(engine) for engine in engines} == {NEWEST}
    for engine in engines:
        engine.dispose()


def test_every_connection_syncs_each_commit(house: House) -> None:
    engine = house.engine()
    connections = [engine.connect() for _ in range(3)]
    for connection in connections:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        connection.close()


def test_the_stores_own_connections_sync_each_commit(house: House) -> None:
    def level(tx: object) -> int:
        return int(tx._connection.exec_driver_sql("PRAGMA synchronous").scalar_one())  # type: ignore[attr-defined]

    assert (house.do(level), house.look(level)) == (2, 2)


JOB = (
    "INSERT INTO job (id, class_id, state, ready, leased, priority, spec, origin, created_at, finished_at)"
    " VALUES ('j', 1, {state}, {ready}, {leased}, 0, '', 'native', 1.0, {finished_at})"
)
GOOD = {"state": "'pending'", "ready": "1", "leased": "0", "finished_at": "NULL"}


@pytest.mark.parametrize(
    "nonsense",
    [
        {"state": "'completed'", "ready": "0"},  # ended without an end
        {"state": "'failed'", "ready": "0"},
        {"state": "'cancelled'", "ready": "0"},
        {"finished_at": "5.0", "ready": "0"},  # an end without having ended
        {"state": "'running'", "ready": "0", "finished_at": "5.0"},
        {"leased": "1"},  # leased and yet to be claimed
        {"state": "'running'"},
        {"state": "'completed'", "finished_at": "5.0"},
        {"state": "NULL"},
    ],
)
def test_an_impossible_job_is_refused(house: House, nonsense: dict[str, str]) -> None:
    house.add()
    with house.engine().connect() as connection:
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql(JOB.format(**{**GOOD, **nonsense}))
        connection.exec_driver_sql(JOB.format(**GOOD))


@pytest.mark.parametrize("change", ["outcome = 'lost'", "finished_at = 5.0"])
def test_an_attempt_ends_at_a_time_or_not_at_all(house: House, change: str) -> None:
    house.granted()
    with house.engine().connect() as connection, pytest.raises(IntegrityError):
        connection.exec_driver_sql(f"UPDATE attempt SET {change}")


def test_nothing_may_hang_on_what_is_not_there(house: House) -> None:
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        house.do(lambda tx: tx.attempts.open_attempt(an_attempt(job="job-nowhere")))
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        house.do(lambda tx: tx.files.add_project("ab" * 32, "p", 1, 1))


def test_a_claim_reads_only_the_heads_of_the_queue(house: House) -> None:
    house.add(*[an_order(labels=(f"l{n}",), priority=n % 3) for n in range(50)])

    plan = _plan(house.engine(), _CLAIMABLE, classes=[1, 2, 3], b_worker="pc-1", each=4, most=4)

    heads = [line for line in plan if "head" in line or "job" in line]
    assert any(
        "USING INDEX ix_job_claim (class_id=?)" in line or "USING COVERING INDEX ix_job_claim" in line
        for line in heads
    ), plan
    assert [line for line in plan if line.startswith("SCAN") and "requirement_class" not in line] == [], plan
    inner = plan[next(n for n, line in enumerate(plan) if "SUBQUERY" in line) :]
    before_outer_sort = [line for line in inner if "TEMP B-TREE" in line]
    assert len(before_outer_sort) <= 1, plan  # of the few rows that were found, never of a class


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (_NEWEST, {"before": 1 << 62, "most": 10}),
        (_NEWEST_IN_STATE, {"before": 1 << 62, "most": 10, "wanted": "pending"}),
        (_RIPEN, {"b_now": 5.0}),
    ],
)
def test_no_page_and_no_duty_walks_through_all_jobs(
    house: House, statement: object, values: dict[str, object]
) -> None:
    plan = _plan(house.engine(), statement, **values)

    assert [line for line in plan if line.startswith("SCAN") or "TEMP B-TREE" in line] == [], plan
