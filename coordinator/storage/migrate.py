"""Bring a database to the newest schema. Alembic is loaded only when there is something to do."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, inspect, text

NEWEST = "0001"  # a test compares this with the migrations that are there
SCRIPTS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing; nothing when the schema is the newest."""
    if current_revision(engine) == NEWEST:
        return
    from alembic import command

    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "SELECT 1")
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("COMMIT")


def current_revision(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def alembic_config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
