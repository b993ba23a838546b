"""One web office for each test, called by the older interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.seed_caller import SeedCaller
from tests.fakes.web_office import WebOffice


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebOffice]:
    office = WebOffice(tmp_path, direct=True)
    yield office
    office.store.close()


@pytest.fixture
def seed(web: WebOffice) -> SeedCaller:
    return SeedCaller(web.client.app)


@pytest.fixture
def elsewhere(web: WebOffice) -> SeedCaller:
    """The same coordinator, called from another address."""
    return SeedCaller(web.client.app, address="192.0.2.8")
