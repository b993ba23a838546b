"""A coordinator for agents: the web application over a real store, and the real waiting room."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coordinator.server.waiting_room import WaitingRoom
from coordinator.web.application import build_app
from shared.codec import decode, encode
from shared.messages import ExchangeReply, ExchangeRequest, RegisterRequest
from tests.builders import a_registration
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import Answer, WsgiClient

LONGEST_S = 10.0


class AgentOffice(WebOffice):
    """Its time stands still but for what is held: `monotonic` is the real one."""

    def __init__(self, folder: Path, seats: int = 4) -> None:
        super().__init__(folder, direct=True)
        self.real_room = WaitingRoom(workers=seats)
        self.seated = threading.Semaphore(0)
        self.listeners.append(self.real_room.publish)
        room: Any = _RoomThatTells(self.real_room, self.seated)
        self.services = replace(self.services, waiting=room, monotonic=time.monotonic)
        self.client = WsgiClient(build_app(self.services))

    def register(self, request: RegisterRequest | None = None, secret: str = "") -> Answer:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return self.client.post("/api/v1/agent/register", encode(request or a_registration()), headers)

    def exchange(self, request: ExchangeRequest) -> ExchangeReply:
        answer = self.client.post("/api/v1/agent/exchange", encode(request))
        assert answer.status == 200, answer.body
        return decode(ExchangeReply, answer.json())

    def held(self, request: ExchangeRequest) -> Callable[[], ExchangeReply]:
        """Make a call on another thread and return once it has its seat; the result waits for its reply."""
        answer = self.held_to_fail(request)
        return lambda: decode(ExchangeReply, answer().json())

    def held_to_fail(self, request: ExchangeRequest) -> Callable[[], Answer]:
        """The same, whatever the answer will be."""
        answers: list[Answer] = []
        body = encode(request)
        thread = threading.Thread(
            target=lambda: answers.append(self.client.post("/api/v1/agent/exchange", body))
        )
        thread.start()
        assert self.seated.acquire(timeout=LONGEST_S), "the call was not held"

        def answer() -> Answer:
            thread.join(LONGEST_S)
            assert answers, "the held call was never answered"
            return answers[0]

        return answer


class _RoomThatTells:
    """The real waiting room; a worker's seat is told when its holder begins to wait."""

    def __init__(self, room: WaitingRoom, seated: threading.Semaphore) -> None:
        self._room = room
        self._seated = seated

    def __getattr__(self, name: str) -> Any:
        return getattr(self._room, name)

    def seat_for_worker(self, *place: Any) -> Any:
        seat = self._room.seat_for_worker(*place)
        return None if seat is None else _SeatThatTells(seat, self._seated)


class _SeatThatTells:
    def __init__(self, seat: Any, seated: threading.Semaphore) -> None:
        self._seat = seat
        self._seated = seated

    def __getattr__(self, name: str) -> Any:
        return getattr(self._seat, name)

    def wait(self, timeout_s: float) -> bool:
        self._seated.release()
        return bool(self._seat.wait(timeout_s))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[AgentOffice]:
    office = AgentOffice(tmp_path)
    yield office
    office.real_room.close()
    office.store.close()
