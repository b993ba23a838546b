"""The requirement classes, remembered by the process: few, asked for at each claim, never changed."""

import threading
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, insert, select

from coordinator.domain.requirements import Requirements
from coordinator.storage.schema import new_id
from coordinator.storage.schema import requirement_class as table

_NEWER = select(table.c.id, table.c.key).where(table.c.id > bindparam("known")).order_by(table.c.id)
_BY_KEY = select(table.c.id).where(table.c.key == bindparam("wanted"))


class RequirementClasses:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[int, Requirements] = {}
        self._newest = 0

    def all(self, connection: Connection) -> Mapping[int, Requirements]:
        with self._lock:
            rows = connection.execute(_NEWER, {"known": self._newest}).all()
            if rows:  # a new dictionary, because another thread may be walking through the old one
                self._by_id = self._by_id | {row.id: Requirements.from_key(row.key) for row in rows}
                self._newest = rows[-1].id
            return self._by_id

    def get(self, connection: Connection, number: int) -> Requirements:
        known = self._by_id.get(number)
        return known if known is not None else self.all(connection)[number]

    def id_of(self, connection: Connection, requirements: Requirements) -> int:
        """Tell the class of these requirements, made if it is new."""
        key = requirements.class_key()
        found = connection.execute(_BY_KEY, {"wanted": key}).scalar_one_or_none()
        if found is not None:
            return int(found)
        made = connection.execute(insert(table).values(key=key))
        return new_id(made)

    def forget(self) -> None:
        """Something was undone: what is remembered may never have been stored."""
        with self._lock:
            self._by_id = {}
            self._newest = 0
