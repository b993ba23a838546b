"""Answers `GET /livez` by a listener and threads of its own, also when every other thread is stuck."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from coordinator.server.listening import CannotListen

STUCK_AFTER_S = 30.0  # without a turn of the main loop, which turns every second
_CLIENT_TIMEOUT_S = 2.0


class LivenessListener:
    """Says 200 while `alive` says so, else 503; answers once started. Raises CannotListen."""

    def __init__(self, alive: Callable[[], bool], host: str = "127.0.0.1", port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"alive": staticmethod(alive)})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            reason = error.strerror or error
            sentence = f"The liveness listener cannot have port {port} of {host}: {reason}. Set --livez-port."
            raise CannotListen(sentence) from error
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}/livez"
        self._thread = threading.Thread(target=self._server.serve_forever, name="liveness", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = _CLIENT_TIMEOUT_S  # one that connects and says nothing
    alive: Callable[[], bool]

    def do_GET(self) -> None:
        if self.path != "/livez":
            self._answer(404, b"Only /livez is answered here.\n")
        elif self.alive():
            self._answer(200, b"alive\n")
        else:
            self._answer(503, b"The server's main loop is stuck.\n")

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a probe comes every few seconds."""
