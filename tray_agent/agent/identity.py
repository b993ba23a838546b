"""Who this agent is: kept in its data folder over restarts, made anew when the folder went to another PC."""

import json
import os
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from shared.codec import encode, from_json
from shared.field_rules import Items, Malformed
from shared.messages import Id

_SESSIONS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Identity:
    worker: Id | None  # None until the coordinator gives one
    sessions: Annotated[tuple[Id, ...], Items(16)]  # one per run of the agent, the present one last
    machine_mark: Id

    @property
    def session(self) -> str:
        return self.sessions[-1]


class IdentityFile:
    """`identity.json` in the data folder. Raises OSError when it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "identity.json"

    def begin_session(self, machine_mark: str, worker: str | None) -> tuple[Identity, bool]:
        """Start a new session, on disk before anybody hears of it; tell too whether the folder was copied."""
        known = self._read()
        copied = known is not None and known.machine_mark != machine_mark
        if known is None or copied:
            known = Identity(None, (), machine_mark)
        sessions = (*known.sessions, uuid.uuid4().hex)[-_SESSIONS_KEPT:]
        identity = Identity(worker or known.worker, sessions, machine_mark)
        self.write(identity)
        return identity, copied

    def become_new(self, identity: Identity) -> Identity:
        """Drop an identity that another agent has too."""
        fresh = Identity(None, (uuid.uuid4().hex,), identity.machine_mark)
        self.write(fresh)
        return fresh

    def keep_worker(self, identity: Identity, worker: str) -> Identity:
        """Remember the id that the coordinator gave."""
        if identity.worker == worker:
            return identity
        named = replace(identity, worker=worker)
        self.write(named)
        return named

    def write(self, identity: Identity) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(encode(identity), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def _read(self) -> Identity | None:
        try:
            return from_json(Identity, self._path.read_bytes())
        except (FileNotFoundError, Malformed):
            return None
