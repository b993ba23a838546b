"""The agent's calls to the coordinator over HTTP(S): each ends in time, in an answer or a LinkError."""

import http.client
import urllib.request
from collections.abc import Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote, urlsplit

import requests

from shared.codec import from_json, to_json
from shared.field_rules import Malformed
from shared.messages import (
    AttemptRef,
    ExchangeReply,
    ExchangeRequest,
    LogState,
    RegisterReply,
    RegisterRequest,
    UploadOffer,
    UploadState,
)
from tray_agent.agent.errors import Unreachable
from tray_agent.coordinator_link.answers import error_of
from tray_agent.coordinator_link.http_answer import Answered
from tray_agent.coordinator_link.transport import (
    CONNECT_S,
    KeptConnections,
    ProxiedConnections,
    Transport,
)

READ_S = 15.0
_UPLOAD_READ_S = 60.0  # the last part of a file is answered after its hash was checked
_PIECE_BYTES = 1 << 20
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_RAW = "application/octet-stream"

T = TypeVar("T")


class HttpLink:
    """Implements ports.Link. Safe to use from several threads."""

    def __init__(self, server: str, credential: str | None = None) -> None:
        self._base = server.rstrip("/")
        self._prefix = urlsplit(self._base).path
        self._credential = credential
        self._files = requests.Session()
        self._files.trust_env = False  # else REQUESTS_CA_BUNDLE would override what this agent verifies by
        self._files.proxies = _system_proxies(self._base)
        self._transport: Transport = (
            ProxiedConnections(self._files, self._base.removesuffix(self._prefix))
            if self._files.proxies
            else KeptConnections(urlsplit(self._base))
        )

    def register(self, request: RegisterRequest) -> RegisterReply:
        headers = dict(_JSON)
        if self._credential:
            headers["Authorization"] = f"Bearer {self._credential}"
        answered = self._ask("register", "POST", "/agent/register", headers, to_json(request), READ_S)
        return _read(RegisterReply, answered)

    def exchange(self, request: ExchangeRequest) -> ExchangeReply:
        answered = self._ask(
            "exchange", "POST", "/agent/exchange", _JSON, to_json(request), request.wait + READ_S
        )
        return _read(ExchangeReply, answered)

    def send_log(self, ref: AttemptRef, token: str, offset: int, data: bytes) -> LogState:
        path = f"/agent/attempts/{quote(ref.job)}/{ref.attempt}/log?offset={offset}"
        answered = self._try("PUT", path, _attempt_headers(token, _RAW), data, READ_S)
        if answered.status not in (200, 416):
            raise error_of("attempt", answered.status, answered.headers, answered.body)
        if answered.status == 416 and "Upload-Offset" in answered.headers:
            return LogState(int(answered.headers["Upload-Offset"]))
        return _read(LogState, answered)

    def offer_file(self, ref: AttemptRef, token: str, offer: UploadOffer) -> UploadState:
        path = f"/agent/attempts/{quote(ref.job)}/{ref.attempt}/files"
        headers = _attempt_headers(token, "application/json")
        return _read(UploadState, self._ask("attempt", "POST", path, headers, to_json(offer), READ_S))

    def send_part(self, upload: str, token: str, offset: int, data: bytes) -> UploadState:
        headers = {**_attempt_headers(token, _RAW), "Upload-Offset": str(offset)}
        path = f"/agent/uploads/{quote(upload)}"
        answered = self._try("PATCH", path, headers, data, _UPLOAD_READ_S)
        place = answered.headers.get("Upload-Offset", "")
        if answered.status == 416 and place.isdecimal():
            return UploadState(upload, int(place), False)
        if answered.status != 200:
            raise error_of("part", answered.status, answered.headers, answered.body)
        return _read(UploadState, answered)

    def fetch_project(self, sha256: str, offset: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        url = f"{self._base}/api/v1/projects/{sha256}"
        try:
            with self._files.get(
                url, headers=headers, stream=True, timeout=(CONNECT_S, READ_S), allow_redirects=False
            ) as response:
                if response.status_code not in (200, 206):
                    raise error_of("project", response.status_code, response.headers, response.content)
                skip = offset if response.status_code == 200 else 0
                for piece in response.iter_content(_PIECE_BYTES):
                    if len(piece) > skip:
                        yield piece[skip:]
                    skip = max(0, skip - len(piece))
        except (OSError, http.client.HTTPException) as error:  # requests' errors are OSErrors
            raise Unreachable(f"The project did not arrive whole: {error}") from error

    def disconnect(self) -> None:
        self._transport.disconnect()

    def _ask(
        self, call: str, method: str, path: str, headers: Mapping[str, str], body: bytes, read_s: float
    ) -> Answered:
        answered = self._try(method, path, headers, body, read_s)
        if answered.status not in (200, 201):
            raise error_of(call, answered.status, answered.headers, answered.body)
        return answered

    def _try(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, read_s: float
    ) -> Answered:
        try:
            return self._transport.ask(method, f"{self._prefix}/api/v1{path}", headers, body, read_s)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self._base} does not answer: {error or type(error).__name__}") from error


def _attempt_headers(token: str, content: str) -> dict[str, str]:
    return {"Authorization": f"Attempt {token}", "Content-Type": content}


def _read(kind: type[T], answered: Answered) -> T:
    try:
        return from_json(kind, answered.body)
    except Malformed as error:
        raise Unreachable(f"The coordinator's answer cannot be understood: {error}") from error


def _system_proxies(base: str) -> dict[str, str]:
    """Find the proxy that the system wants for this server: `requests` is kept from looking by itself."""
    server = urlsplit(base)
    host = server.hostname or ""
    if host in ("localhost", "127.0.0.1", "::1") or urllib.request.proxy_bypass(host):
        return {}
    proxies = urllib.request.getproxies()
    return {server.scheme: proxies[server.scheme]} if server.scheme in proxies else {}
