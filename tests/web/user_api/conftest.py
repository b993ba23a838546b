"""One web office for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import WsgiClient


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebOffice]:
    office = WebOffice(tmp_path)
    yield office
    office.store.close()


@pytest.fixture
def client(web: WebOffice) -> WsgiClient:
    return web.client
