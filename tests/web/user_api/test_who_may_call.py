"""A page of elsewhere must not use the coordinator; unknown addresses and methods are told as such."""

import pytest

from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import HOST, WsgiClient

JOBS = "/api/v1/jobs"
OWN = f"http://{HOST}"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": OWN}, True),
        ({"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": OWN, "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": f"https://{HOST}"}, False),
        ({"Origin": "http://127.0.0.1:9999"}, False),
        ({"Origin": "http://\xff"}, False),
        ({"Sec-Fetch-Site": "\xff"}, False),
    ],
)
def test_changes_want_the_own_origin(web: WebOffice, headers: dict[str, str], allowed: bool) -> None:
    answer = web.client.post(JOBS, {"commands": ["a"]}, headers)
    assert answer.status == (201 if allowed else 403)
    assert web.everything()[0] == allowed
    assert web.client.get(JOBS, headers).status == 200


CHANGES = [
    ("POST", JOBS),
    ("POST", f"{JOBS}/batch"),
    ("POST", f"{JOBS}/job-1/cancel"),
    ("POST", "/api/v1/uploads"),
    ("PATCH", "/api/v1/uploads/up-1"),
    ("DELETE", "/api/v1/uploads/up-1"),
    ("PUT", "/api/v1/workers/pc-1/drain"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_every_change_is_guarded(client: WsgiClient, method: str, path: str) -> None:
    assert client.call(method, path, b"{}", {"Origin": "http://evil.example"}).status == 403


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1:8080", True),
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("localhost.", True),
        ("[::1]:8080", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost@evil.example", False),
        ("", False),
        ("[", False),
        ("\xff", False),
    ],
)
def test_a_host_must_be_known_for_any_call(web: WebOffice, host: str, known: bool) -> None:
    web.client.host = host
    assert web.client.get(JOBS).status == (200 if known else 403)
    answer = web.client.post(JOBS, {"commands": ["a"]})
    assert answer.status == (201 if known else 403)


@pytest.mark.parametrize("path", ["/", "/api/v1/", "/api/v1/nothing", "/api/v1/jobs/", "/nothing%00", "/%FF"])
def test_an_unknown_address_is_a_404_problem(client: WsgiClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status, answer.header("Content-Type")) == (404, "application/problem+json")
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", JOBS, {"GET", "POST"}),
        ("DELETE", f"{JOBS}/job-1", {"GET"}),
        ("POST", f"{JOBS}/job-1/log", {"GET"}),
        ("GET", f"{JOBS}/job-1/cancel", {"POST"}),
        ("OPTIONS", "/api/v1/uploads", {"POST"}),
        ("BREW", "/api/v1/workers", {"GET"}),
    ],
)
def test_a_method_that_is_not_there_is_a_405_problem(
    client: WsgiClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.call(method, path)
    assert (answer.status, answer.header("Content-Type")) == (405, "application/problem+json")
    assert set(answer.header("Allow").replace(" ", "").split(",")) == allowed


def test_head_is_answered_as_get_without_the_body(web: WebOffice) -> None:
    job = web.submit("echo")
    for path in (JOBS, f"{JOBS}/{job}", "/api/v1/workers", "/livez", "/readyz", "/api/v1/openapi.json"):
        asked, told = web.client.head(path), web.client.get(path)
        assert (asked.status, asked.body) == (200, b"")
        assert asked.header("Content-Length") == str(len(told.body))
    assert web.client.head(f"{JOBS}/job-none").status == 404


def test_ready_means_that_work_can_be_done(web: WebOffice) -> None:
    assert web.client.get("/livez").json() == {"status": "live"}
    assert web.client.get("/readyz").json() == {"status": "ready"}
    web.room.close()
    assert web.client.get("/readyz").status == 503
    assert web.client.get("/livez").status == 200


def test_not_ready_without_a_database(web: WebOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(work: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(web.store, "read", broken)
    answer = web.client.get("/readyz")
    assert (answer.status, answer.header("Content-Type")) == (503, "application/problem+json")
    assert int(answer.header("Retry-After")) > 0
