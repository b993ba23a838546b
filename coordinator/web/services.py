"""What the handlers work with, put together once by app.py."""

from collections.abc import Callable
from dataclasses import dataclass

from coordinator.use_cases.ports import FileStore, Store
from coordinator.web.waiting import WaitingRoom


@dataclass(frozen=True, slots=True)
class Services:
    store: Store
    files: FileStore
    waiting: WaitingRoom
    monotonic: Callable[[], float]  # seconds; only for how long to hold a call
    builtin_secret: str  # what the coordinator's own agent proves itself with; "" where Direct is off
    hosts: frozenset[str]  # the names under which this coordinator may be called, without port, lower case

    @property
    def direct(self) -> bool:
        return bool(self.builtin_secret)
