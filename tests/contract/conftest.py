"""The store that the contract is checked on. Another database joins as another parameter of `house`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.domain.notices import Notice
from coordinator.storage.sqlite import SqliteStore
from tests.fakes.clock import FakeClock
from tests.fakes.databases import sqlite_file
from tests.fakes.house import House


@pytest.fixture(params=["sqlite"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    clock, notices = FakeClock(), list[Notice]()
    path = sqlite_file(tmp_path)
    made = House(SqliteStore(path, clock, notices.append), clock, notices, path)
    yield made
    made.store.close()
    for engine in made.engines:
        engine.dispose()
