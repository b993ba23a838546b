"""A server whose one call is held until the program is asked to stop."""

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from coordinator.server.capacity import capacity_for
from coordinator.server.http_server import HttpServer
from coordinator.server.listening import open_listeners
from coordinator.server.stopping import stopping_on_signals

released = threading.Event()


def app(environ, start_response):
    start_response("200 OK", [])
    yield b"begun\n"
    released.wait()
    yield b"released\n"


server = HttpServer(app, open_listeners("127.0.0.1", 0), capacity=capacity_for(50))
with stopping_on_signals(server, released.set):
    print(server.urls[0], flush=True)
    server.run()
print("ended", flush=True)
