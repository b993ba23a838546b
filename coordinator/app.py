"""Put the coordinator together from its settings, run it, take it apart again."""

import logging
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from coordinator.background import Background, LeaseGrace, duties
from coordinator.builtin_agent import BuiltinAgent
from coordinator.data_folder import DataFolder, FolderTaken
from coordinator.event_log import log_to_stderr
from coordinator.server.announcement import announce, withdraw
from coordinator.server.body_files import keep_bodies_in
from coordinator.server.body_limits import BodyLimits
from coordinator.server.capacity import Capacity, capacity_here
from coordinator.server.http_server import HttpServer
from coordinator.server.listening import open_listeners
from coordinator.server.liveness import STUCK_AFTER_S, LivenessListener
from coordinator.server.stopping import stopping_on_signals
from coordinator.server.waiting_room import WaitingRoom
from coordinator.settings import Settings
from coordinator.storage.file_store import DirectoryFileStore
from coordinator.storage.migrate import migrate
from coordinator.storage.sqlite import SqliteStore, open_engine
from coordinator.web.application import build_app
from coordinator.web.services import Services

log = logging.getLogger(__name__)

LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})
BUILTIN_GOODBYE_S = 3.0
STACK_BYTES = 1 << 20  # 288 threads with the usual 8 MiB each would claim 2.3 GB of addresses


def serve(settings: Settings) -> int:
    """Run the coordinator until it is told to stop; tell the exit code. Raises CannotListen."""
    log_to_stderr()
    threading.stack_size(STACK_BYTES)
    try:
        folder = DataFolder(settings.data)
    except FolderTaken as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"--data {settings.data} cannot be used: {error.strerror}. Name a folder to write in.")
    with ExitStack() as stack:
        stack.callback(folder.close)
        listeners = open_listeners(settings.host, settings.port)
        for listener in listeners:
            stack.callback(listener.close)
        _run(settings, folder, listeners, stack)
    return 0


def _refuse(why: str) -> int:
    print(f"sparetime: {why}", file=sys.stderr)
    return 2


def _run(settings: Settings, folder: DataFolder, listeners: list, stack: ExitStack) -> None:  # type: ignore[type-arg]
    capacity = capacity_here()
    keep_bodies_in(folder.path / "bodies")
    waiting = WaitingRoom(capacity.workers_held, capacity.followers_held)
    store = _open_store(folder, waiting)
    stack.callback(store.close)
    files = DirectoryFileStore(folder.path)
    services = _services(settings, store, files, waiting)
    server = _http_server(services, listeners, capacity)
    builtin = BuiltinAgent(server.urls[0], folder.path / "direct", services.builtin_secret, time.monotonic)
    background = Background(duties(store, files, LeaseGrace(time.time, time.monotonic)), time.monotonic)

    def before_drain() -> None:
        waiting.close()
        if services.direct:
            builtin.stop(BUILTIN_GOODBYE_S)

    with stopping_on_signals(server, before_drain), _announced(settings, folder, server):
        background.start()
        stack.callback(background.stop)
        if services.direct:
            builtin.start()
        server.run()


def _open_store(folder: DataFolder, waiting: WaitingRoom) -> SqliteStore:
    engine = open_engine(folder.database)
    migrate(engine)
    engine.dispose()
    return SqliteStore(folder.database, time.time, waiting.publish)


def _services(
    settings: Settings, store: SqliteStore, files: DirectoryFileStore, waiting: WaitingRoom
) -> Services:
    return Services(
        store=store,
        files=files,
        waiting=waiting,
        monotonic=time.monotonic,
        builtin_secret=secrets.token_urlsafe(32) if settings.direct else "",
        hosts=LOOPBACK_NAMES | {settings.host.lower()},
    )


def _http_server(services: Services, listeners: list, capacity: Capacity) -> HttpServer:  # type: ignore[type-arg]
    limits = BodyLimits(has_room=services.files.room_for)
    return HttpServer(build_app(services), listeners, capacity=capacity, limits=limits)


@contextmanager
def _announced(settings: Settings, folder: DataFolder, server: HttpServer) -> Iterator[None]:
    """Say where it listens, on the terminal and in the data folder, while it does."""
    livez = LivenessListener(lambda: server.seconds_since_turn() < STUCK_AFTER_S, port=settings.livez_port)
    livez.start()
    announce(folder.path, server.urls[0], livez.url)
    print(f"Sparetime is ready at {server.urls[0]}", flush=True)
    try:
        yield
    finally:
        withdraw(folder.path)
        livez.close()
