"""How large the body of a request may be, by route, and who is asked whether the disk takes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MIB = 1 << 20
PART_BYTES = 8 * MIB  # the largest part of an upload
SLACK_BYTES = 64 * 1024
SPOOLED_FROM_BYTES = 512 * 1024  # smaller bodies stay in memory (Waitress's inbuf_overflow)
ROOM_EVERY_BYTES = 16 * MIB  # how much may come in between two looks at the disk

LARGER: Mapping[tuple[str, str], int] = {
    ("POST", "/api/execute"): 4096 * MIB + SLACK_BYTES,  # a whole project in one form
    ("POST", "/api/jobs/submit-result"): 128 * MIB,  # the whole output of a job in one JSON document
}


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`larger` names the few routes that take more than `usual` bytes."""

    usual: int = PART_BYTES + SLACK_BYTES
    larger: Mapping[tuple[str, str], int] = field(default_factory=lambda: dict(LARGER))
    has_room: Callable[[int], bool] = lambda more: True

    def of(self, method: str, path: str) -> int:
        return self.larger.get((method, path), self.usual)

    @property
    def largest(self) -> int:
        return max([self.usual, *self.larger.values()])
