"""A coordinator's real use cases and an agent that a test moves by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.agent_rig import AgentRig
from tests.fakes.clock import FakeClock
from tests.fakes.databases import sqlite_store
from tests.fakes.office import Office
from tests.fakes.office_link import OfficeLink


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    clock, notices = FakeClock(), []
    store = sqlite_store(tmp_path, clock, notices.append)
    yield Office(store, clock, notices)
    store.close()


@pytest.fixture
def rig(tmp_path: Path, office: Office) -> Iterator[AgentRig]:
    """An agent with two slots that has registered and spoken once."""
    rig = AgentRig(tmp_path / "agent data ü", OfficeLink(office), "session-1").open()
    rig.let_through()  # registers
    yield rig
    rig.outbox.close()
