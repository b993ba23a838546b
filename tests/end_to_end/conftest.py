"""Real programs for each test, ended with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.programs import Programs


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    folder = tmp_path / "Büro mit Leerzeichen"
    folder.mkdir()
    started = Programs(folder)
    yield started
    started.end()
