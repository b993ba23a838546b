"""An agent that says what a test tells it to say, and keeps the protocol's books for it."""

from collections.abc import Sequence
from typing import Any

from coordinator.domain.worker import Worker
from coordinator.use_cases.exchange import exchange
from coordinator.use_cases.ports import Store
from coordinator.use_cases.register_workers import register_worker
from shared.messages import AttemptRef, ExchangeReply, ExchangeRequest, Lease
from shared.vocabulary import Answer
from tests.builders import a_registration, an_exchange, ref_of


class ScriptedAgent:
    def __init__(self, store: Store, session: str = "session-1", **registration: Any) -> None:
        self.store = store
        self.session = session
        self.seq = 0
        self.ack = 0
        self.leases: dict[AttemptRef, Lease] = {}
        self.worker = ""
        self._registration = registration

    def register(self, builtin: bool = False) -> Worker:
        request = a_registration(self.session, **self._registration)
        worker = self.store.transact(lambda tx: register_worker(tx, request, builtin, "192.0.2.1"))
        self.worker = worker.id
        return worker

    def restart(self, session: str, **registration: Any) -> "ScriptedAgent":
        """A new run of this agent on the same data folder; it has lost its leases, and must register."""
        kept = {"previous_sessions": (self.session,), "worker": self.worker}
        changed = {**self._registration, **kept, **registration}
        return ScriptedAgent(self.store, session, **changed)

    @property
    def holding(self) -> tuple[AttemptRef, ...]:
        return tuple(self.leases)

    def next_request(self, **said: Any) -> ExchangeRequest:
        self.seq += 1
        said.setdefault("holding", self.holding)
        return an_exchange(self.seq, self.session, **{"ack": self.ack, **said})

    def say(self, request: ExchangeRequest) -> ExchangeReply:
        """Send a request whose reply the agent never sees."""
        return self.store.transact(lambda tx: exchange(tx, request)).reply

    def exchange(self, **said: Any) -> ExchangeReply:
        reply = self.say(self.next_request(**said))
        self.hear(reply)
        return reply

    def hear(self, reply: ExchangeReply) -> None:
        self.ack = max(self.ack, reply.seq)
        for lease in reply.leases:
            self.leases[ref_of(lease)] = lease
        ended = [
            AttemptRef(s.job, s.attempt)
            for s in reply.settled
            if s.about != "started" and s.answer is not Answer.NEED
        ]
        for ref in (*ended, *reply.gone):
            self.leases.pop(ref, None)

    def take(self) -> Sequence[Lease]:
        """Exchange with nothing to say; tell the leases that came."""
        return self.exchange().leases

    def take_one(self) -> Lease:
        [lease] = self.take()
        return lease
