"""Who holds what at one address of the older interface, whose workers fetch jobs without their names. Pure.

Each of its workers runs one job at a time, so what it held last says what it cannot hold now.
"""

from collections.abc import Iterable, Sequence

from coordinator.domain.attempt import SEED_SILENCE_S, Attempt
from coordinator.domain.worker import Worker

BEAT_S = 10.0
ONE_BEAT_LATE_S = (
    1.5 * BEAT_S
)  # how long after its last beat a worker may still have fetched or told something


def is_live(worker: Worker, now: float) -> bool:
    return now - worker.last_contact <= SEED_SILENCE_S


def likely_holders(unnamed: Sequence[Attempt], seeds: Iterable[Worker], now: float) -> dict[int, Worker]:
    """Give each attempt that nobody has named a live worker that may hold it; the likeliest attempt first.

    The keys are the attempts' ids. What has no holder is dead: that is decided against the attempts of which
    nothing was heard, the oldest first.
    """
    free = [w for w in seeds if is_live(w, now) and not w.open_attempts]
    free.sort(key=lambda w: w.free_since, reverse=True)
    found: dict[int, Worker] = {}
    for attempt in sorted(unnamed, key=lambda a: (_was_heard(a, now), a.granted_at, a.id), reverse=True):
        holder = next((w for w in free if w.free_since <= attempt.granted_at), None)
        if holder is not None:
            found[attempt.id] = holder
            free.remove(holder)
    return found


def abandoned(
    unnamed: Sequence[Attempt], seeds: Iterable[Worker], now: float
) -> list[tuple[Attempt, Worker]]:
    """Tell what the workers that went silent may have left behind: one attempt for each, the oldest first.

    Ask only when a worker at this address has just shown that it is idle; without that, one that
    beats may be the holder.
    """
    found: list[tuple[Attempt, Worker]] = []
    left = sorted(unnamed, key=lambda a: a.id)
    for worker in seeds:
        if is_live(worker, now) or worker.open_attempts:
            continue
        attempt = next((a for a in left if _may_have_held(worker, a)), None)
        if attempt is not None:
            found.append((attempt, worker))
            left.remove(attempt)
    return found


def _was_heard(attempt: Attempt, now: float) -> bool:
    return attempt.heard_at is not None and now - attempt.heard_at <= SEED_SILENCE_S


def _may_have_held(worker: Worker, attempt: Attempt) -> bool:
    last_sign = max(attempt.heard_at or 0.0, attempt.granted_at)
    return worker.free_since <= attempt.granted_at and last_sign <= worker.last_contact + ONE_BEAT_LATE_S
