"""One HTTP request and its answer, over connections that are kept and used again.

An exchange per finished job makes the cost of a call count: written by hand on a kept socket it takes a
third of the processor time that `requests` takes (1.2 ms). Through a proxy, `requests` does the work.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import SplitResult

import requests

from tray_agent.coordinator_link.http_answer import Answered, Headers, read_answer

CONNECT_S = 10.0
_KEPT = 4


class Transport(Protocol):
    """Raises OSError or HTTPException when no whole answer comes, or nothing for `read_s` seconds."""

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, read_s: float
    ) -> Answered: ...
    def disconnect(self) -> None: ...


class KeptConnections:
    """Straight to the coordinator. Safe to use from several threads."""

    def __init__(self, server: SplitResult) -> None:
        self._host = server.hostname or ""
        self._port = server.port or (443 if server.scheme == "https" else 80)
        self._host_header = server.netloc.rpartition("@")[2]
        self._tls = ssl.create_default_context() if server.scheme == "https" else None
        self._guard = threading.Lock()
        self._idle: list[socket.socket] = []

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes, read_s: float) -> Answered:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host_header}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        message = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
        kept = self._take()
        if kept is not None:
            try:
                return self._ask_on(kept, message, read_s)
            except TimeoutError:
                raise
            except (OSError, http.client.HTTPException):
                pass  # the coordinator had closed it meanwhile: every call of this protocol may be repeated
        return self._ask_on(self._connect(), message, read_s)

    def disconnect(self) -> None:
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask_on(self, connection: socket.socket, message: bytes, read_s: float) -> Answered:
        try:
            connection.settimeout(read_s)
            connection.sendall(message)
            with connection.makefile("rb") as stream:
                answered, keep = read_answer(stream)
        except BaseException:
            connection.close()
            raise
        self._give_back(connection, keep)
        return answered

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self._host, self._port), CONNECT_S)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                return self._tls.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise
        return connection

    def _take(self) -> socket.socket | None:
        with self._guard:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: socket.socket, keep: bool) -> None:
        with self._guard:
            if keep and len(self._idle) < _KEPT:
                self._idle.append(connection)
                return
        connection.close()


class ProxiedConnections:
    """Through the company's proxy, by `requests`."""

    def __init__(self, session: requests.Session, base: str) -> None:
        self._session = session
        self._base = base

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes, read_s: float) -> Answered:
        response = self._session.request(
            method,
            self._base + path,
            headers=dict(headers),
            data=body,
            timeout=(CONNECT_S, read_s),
            allow_redirects=False,
        )
        return Answered(response.status_code, Headers(response.headers.items()), response.content)

    def disconnect(self) -> None:
        for adapter in self._session.adapters.values():
            adapter.close()
