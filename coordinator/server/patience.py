"""How long the server waits for a slow or silent client, and when it has waited long enough. Pure."""

from dataclasses import dataclass
from enum import Enum, auto


class Phase(Enum):
    """What a connection waits for."""

    SILENT = auto()  # its first byte
    HEADERS = auto()  # the rest of a request's headers
    BODY = auto()  # the rest of a request's body
    ANSWERING = auto()  # the application; as long as that likes
    READING = auto()  # the client, which has yet to take what was sent
    IDLE = auto()  # the next request
    LINGERING = auto()  # a refused client, to stop sending


@dataclass(frozen=True, slots=True)
class Activity:
    phase: Phase
    since: float  # monotonic: when this wait began; for a body its request, for an answer the last full one
    moved: int  # bytes, ever rising, where the phase moves any


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and bytes per second."""

    headers_s: float = 10.0  # from first to last byte: each single byte must not renew it
    stall_s: float = 30.0  # in which a body or an answer must move on by ...
    least_rate: float = 256.0  # ... so many bytes per second
    idle_s: float = 120.0
    crowded_idle_s: float = 10.0  # when connections are running short
    linger_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a connection was when it was last seen to move enough."""

    phase: Phase
    at: float
    moved: int


def look_again(mark: Mark | None, seen: Activity, now: float, patience: Patience) -> Mark:
    """Tell the mark to judge by: a fresh one when something new began, or enough moved since the old one."""
    if mark is None or mark.phase is not seen.phase or seen.since > mark.at:
        return Mark(seen.phase, now, seen.moved)
    if now - mark.at >= patience.stall_s and _moved_enough(mark, seen, now, patience):
        return Mark(seen.phase, now, seen.moved)
    return mark


def is_over(mark: Mark, seen: Activity, now: float, patience: Patience, crowded: bool) -> bool:
    """Tell whether the client has had its time."""
    waited = now - seen.since
    match seen.phase:
        case Phase.ANSWERING:
            return False
        case Phase.HEADERS | Phase.SILENT:
            return waited >= patience.headers_s
        case Phase.IDLE:
            return waited >= (patience.crowded_idle_s if crowded else patience.idle_s)
        case Phase.LINGERING:
            return waited >= patience.linger_s
        case Phase.BODY | Phase.READING:
            return now - mark.at >= patience.stall_s and not _moved_enough(mark, seen, now, patience)


def _moved_enough(mark: Mark, seen: Activity, now: float, patience: Patience) -> bool:
    return seen.moved - mark.moved >= (now - mark.at) * patience.least_rate
