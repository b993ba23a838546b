"""How many connections, held calls and threads this machine allows the server."""

from dataclasses import dataclass

from coordinator.host_os import has_poll, raise_open_files_limit

HELD = 256  # measured: 300 held calls cost 31 MB and no CPU
SPARE_THREADS = 32  # for everything that is answered at once
MOST_CONNECTIONS = 2000  # Waitress's loop slows with open connections: 1,400 requests/s at 300, 200 at 2,000
SELECT_CONNECTIONS = 450  # select takes 512 sockets on Windows; the rest is for listeners and triggers
OWN_FILES = 200  # database, logs, projects being read
FOLLOWERS_PART = 56 / 256  # of what may be held; the rest is the agents'


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the server and its waiting room may use."""

    connections: int
    workers_held: int
    followers_held: int

    @property
    def threads(self) -> int:
        return SPARE_THREADS + self.workers_held + self.followers_held


def capacity_here() -> Capacity:
    """Tell what this machine allows; raises the process's limit of open files where it can."""
    if not has_poll():
        return capacity_for(SELECT_CONNECTIONS)
    files = raise_open_files_limit()
    # a connection needs a second file while its request or its answer lies on disk
    room = MOST_CONNECTIONS if files is None else min(MOST_CONNECTIONS, (files - OWN_FILES) // 2)
    return capacity_for(max(room, 64))


def capacity_for(connections: int) -> Capacity:
    """Share `connections` out: at most 256 held calls, and never more than two of five connections."""
    held = min(HELD, connections * 2 // 5)
    followers = round(held * FOLLOWERS_PART)
    return Capacity(connections, workers_held=held - followers, followers_held=followers)
