"""The numbering of exchanges: which are open, and up to which every reply has been taken in."""


class Conversation:
    """`seq` rises with each new exchange; a repeat keeps its own. One conversation per session."""

    def __init__(self) -> None:
        self._last = 0
        self._open: set[int] = set()

    def next_seq(self) -> int:
        self._last += 1
        self._open.add(self._last)
        return self._last

    def close(self, seq: int) -> None:
        """Note that this reply was taken in, or that its call will never be repeated."""
        self._open.discard(seq)

    @property
    def ack(self) -> int:
        """The highest seq up to which no reply is outstanding; later leases may still be on their way."""
        return min(self._open) - 1 if self._open else self._last
