"""A server of the test's own on a free port, and plain sockets to speak to it."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coordinator.server.body_limits import BodyLimits
from coordinator.server.capacity import capacity_for
from coordinator.server.http_server import Application, HttpServer
from coordinator.server.listening import open_listeners
from coordinator.server.patience import Patience

DEADLINE_S = 20.0


@contextmanager
def running(
    app: Application,
    *,
    host: str = "127.0.0.1",
    connections: int = 200,
    limits: BodyLimits | None = None,
    patience: Patience | None = None,
) -> Iterator[HttpServer]:
    listeners = open_listeners(host, 0)
    server = HttpServer(app, listeners, capacity=capacity_for(connections), limits=limits, patience=patience)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        assert server.drain(2.0)
        thread.join(DEADLINE_S)


def connect(server: HttpServer, receive_buffer: int | None = None) -> socket.socket:
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(DEADLINE_S)
    try:
        client.connect(("127.0.0.1", server.port))
    except OSError:
        client.close()
        raise
    return client


def ask(client: socket.socket, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    return answer(client)


def answer(client: socket.socket) -> tuple[int, bytes]:
    """Read one answer that has a Content-Length; status 0 when the connection ended without one."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (more := client.recv(65536)):
            return 0, received
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length"))
    rest = bytearray(body)
    while len(rest) < length:
        rest += client.recv(1 << 20)
    return int(lines[0].split()[1]), bytes(rest)


def ended(client: socket.socket) -> bool:
    """Read until the server ends the connection."""
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        return True
    return True


def received_until_end(client: socket.socket) -> bytes:
    received = bytearray()
    while more := client.recv(65536):
        received += more
    return bytes(received)


def problem(body: bytes) -> dict[str, object]:
    document = json.loads(body)
    assert isinstance(document, dict)
    return document


def hello(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
