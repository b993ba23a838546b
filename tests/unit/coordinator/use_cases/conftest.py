"""One office for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.domain.notices import Notice
from tests.fakes.clock import FakeClock
from tests.fakes.databases import sqlite_store
from tests.fakes.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    clock, notices = FakeClock(), list[Notice]()
    store = sqlite_store(tmp_path, clock, notices.append)
    yield Office(store, clock, notices)
    store.close()
