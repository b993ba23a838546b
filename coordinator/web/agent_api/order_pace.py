"""How often the same orders are repeated to a session: at once when new, then every REPEAT_S until obeyed.

Orders derive from state and stand in every reply; without a pace, a held call would return at once again
and again while the agent is still killing what it was told to kill.
"""

import threading
from collections.abc import Sequence

from shared.messages import Order

REPEAT_S = 2.0
FORGET_S = 600.0


class OrderPace:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, tuple[frozenset[Order], float]] = {}

    def is_due(self, session: str, orders: Sequence[Order], now: float) -> bool:
        """Tell whether these orders must go out now; if so, they count as told."""
        with self._lock:
            told, at = self._told.get(session, (frozenset(), 0.0))
            if frozenset(orders) <= told and now - at < REPEAT_S:
                return False
            self._told[session] = (frozenset(orders), now)
            self._forget_old(now)
            return True

    def _forget_old(self, now: float) -> None:
        if len(self._told) > 1000:
            self._told = {s: entry for s, entry in self._told.items() if now - entry[1] < FORGET_S}
