"""Projects arrive over HTTP: declared, in parts, interrupted, damaged, hostile."""

import hashlib
from typing import Any

import pytest

from shared.messages import PART_BYTES
from tests.builders_zip import DEFLATED, Member, zip_of
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import Answer, WsgiClient
from tests.hostile_zips import Hostile, hostile_zips

UPLOADS = "/api/v1/uploads"
PROJECT = zip_of(Member("main.py", b"print('hello')\n" * 50, DEFLATED), Member("größe.txt"))


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _offer(client: WsgiClient, data: bytes = PROJECT, **changes: Any) -> Answer:
    return client.post(UPLOADS, {"sha256": _sha(data), "size": len(data), **changes})


def _place(client: WsgiClient, data: bytes = PROJECT) -> str:
    answer = _offer(client, data)
    assert answer.status == 201, answer.body
    assert answer.header("Location") == f"{UPLOADS}/{answer.json()['upload']}"
    return answer.header("Location")


def _send(client: WsgiClient, place: str, data: bytes, offset: int | str) -> Answer:
    return client.call("PATCH", place, data, {"Upload-Offset": str(offset)})


def test_a_project_comes_in_parts_and_can_be_used(web: WebOffice) -> None:
    client, sha = web.client, _sha(PROJECT)
    assert client.head(f"/api/v1/projects/{sha}").status == 404
    offered = _offer(client, kind="project", name="main.zip").json()
    assert offered == {"upload": offered["upload"], "offset": 0, "complete": False, "partBytes": PART_BYTES}
    place = f"{UPLOADS}/{offered['upload']}"
    first = _send(client, place, PROJECT[:50], 0)
    assert (first.status, first.json()["offset"], first.json()["complete"]) == (200, 50, False)
    last = _send(client, place, PROJECT[50:], 50)
    assert (last.status, last.json()["offset"], last.json()["complete"]) == (200, len(PROJECT), True)
    there = client.head(f"/api/v1/projects/{sha}")
    assert (there.status, there.body, there.header("Content-Length")) == (200, b"", str(len(PROJECT)))
    assert client.get(f"/api/v1/projects/{sha}", {"Range": "bytes=0-3"}).body == b"PK\x03\x04"
    assert web.office.job(web.submit("python3 main.py", project=sha)).order.project == sha


def test_an_interrupted_upload_goes_on_where_it_was(client: WsgiClient) -> None:
    place = _place(client)
    _send(client, place, PROJECT[:70], 0)
    asked = client.head(place)
    assert (asked.status, asked.body) == (200, b"")
    assert (asked.header("Upload-Offset"), asked.header("Upload-Length")) == ("70", str(len(PROJECT)))
    assert _send(client, place, PROJECT[70:], asked.header("Upload-Offset")).json()["complete"]


@pytest.mark.parametrize("offset", [0, 69, 71, 200])
def test_a_wrong_offset_is_told_the_right_one(client: WsgiClient, offset: int) -> None:
    place = _place(client)
    _send(client, place, PROJECT[:70], 0)
    answer = _send(client, place, PROJECT[70:75], offset)
    assert (answer.status, answer.header("Upload-Offset")) == (416, "70")
    assert client.head(place).header("Upload-Offset") == "70"


@pytest.mark.parametrize("offset", ["", "-1", "x", "1e3", "²", "9" * 16])
def test_an_offset_that_is_none_is_named(client: WsgiClient, offset: str) -> None:
    place = _place(client)
    answer = _send(client, place, PROJECT, offset)
    assert (answer.status, answer.fields) == (422, ["Upload-Offset"])
    assert client.head(place).header("Upload-Offset") == "0"


def test_what_is_here_already_is_not_asked_for_again(client: WsgiClient) -> None:
    _send(client, _place(client), PROJECT, 0)
    answer = _offer(client)
    assert answer.status == 200
    assert answer.json() == {
        "upload": None,
        "offset": len(PROJECT),
        "complete": True,
        "partBytes": PART_BYTES,
    }


@pytest.mark.parametrize(
    ("changes", "status", "fields"),
    [
        ({"size": (4 << 30) + 1}, 413, []),
        ({"size": 1 << 60}, 413, []),
        ({"size": 0}, 422, ["size"]),
        ({"size": -1}, 422, ["size"]),
        ({"size": "12"}, 422, ["size"]),
        ({"size": 10**25}, 422, ["size"]),
        ({"sha256": "AB" * 32}, 422, ["sha256"]),
        ({"sha256": "ab" * 31}, 422, ["sha256"]),
        ({"kind": "artifact"}, 422, ["kind"]),
        ({"name": "a\x00b"}, 422, ["name"]),
        ({"colour": 1}, 422, ["colour"]),
    ],
)
def test_a_bad_offer_is_refused_before_its_bytes(
    web: WebOffice, changes: dict[str, Any], status: int, fields: list[str]
) -> None:
    answer = _offer(web.client, **changes)
    assert (answer.status, answer.fields) == (status, fields)
    assert web.everything() == (0, [])


def test_a_full_disk_is_a_507(web: WebOffice) -> None:
    web.files.full = True
    answer = _offer(web.client)
    assert (answer.status, answer.header("Content-Type")) == (507, "application/problem+json")
    assert web.everything() == (0, [])


def test_more_bytes_than_declared_are_a_413(client: WsgiClient) -> None:
    place = _place(client)
    assert _send(client, place, PROJECT + b"x", 0).status == 413
    assert client.head(place).header("Upload-Offset") == "0"


def test_a_part_that_is_too_large_is_a_413(client: WsgiClient) -> None:
    place = _place(client)
    assert client.call("PATCH", place, b"", {"Upload-Offset": "0"}, declared=PART_BYTES + 1).status == 413
    assert _send(client, place, bytes(PART_BYTES + 1), 0).status == 413


def test_damaged_bytes_are_refused_and_forgotten(web: WebOffice) -> None:
    place = _place(web.client)
    answer = _send(web.client, place, PROJECT[:-1] + b"x", 0)
    assert (answer.status, answer.fields) == (422, ["sha256"])
    assert web.client.head(place).status == 404
    assert web.everything() == (0, [])


SMALL_AND_HOSTILE = [each for each in hostile_zips() if len(each.content) < 100_000]


@pytest.mark.parametrize("hostile", [pytest.param(h, id=h.title) for h in SMALL_AND_HOSTILE[::5]])
def test_a_hostile_project_is_refused_by_the_name_of_its_entry(web: WebOffice, hostile: Hostile) -> None:
    answer = _send(web.client, _place(web.client, hostile.content), hostile.content, 0)
    assert answer.status == 422
    [field] = answer.fields
    if hostile.entry is not None:  # of twins either may be named
        assert field == (f"project: {hostile.entry}" if hostile.entry else "project")
    assert hostile.reason in answer.json()["detail"]
    assert web.client.head(f"/api/v1/projects/{_sha(hostile.content)}").status == 404
    assert web.everything() == (0, [])


@pytest.mark.parametrize(
    ("data", "entry"),
    [
        (b"this is no ZIP at all", ""),
        (zip_of(Member("good"), Member("../evil")), "../evil"),
        (zip_of(Member("good"), Member("odd", crc=1)), "odd"),
        (zip_of(Member("secret", flags=0x801)), "secret"),
    ],
)
def test_the_usual_bad_projects_name_their_entry(web: WebOffice, data: bytes, entry: str) -> None:
    answer = _send(web.client, _place(web.client, data), data, 0)
    assert answer.status == 422
    assert entry in answer.fields[0]
    assert entry in answer.json()["detail"]
    assert web.everything() == (0, [])


def test_an_upload_can_be_given_up(web: WebOffice) -> None:
    place = _place(web.client)
    _send(web.client, place, PROJECT[:10], 0)
    answer = web.client.call("DELETE", place)
    assert (answer.status, answer.body) == (204, b"")
    for method in ("HEAD", "PATCH", "DELETE"):
        assert web.client.call(method, place, b"", {"Upload-Offset": "0"}).status == 404
    assert web.everything() == (0, [])


def test_an_upload_that_is_none_is_a_404(client: WsgiClient) -> None:
    for name in ("up-none", "..", "..%2f..%2fsparetime.db", "up%00"):
        answer = client.call("PATCH", f"{UPLOADS}/{name}", b"x", {"Upload-Offset": "0"})
        assert answer.status == 404, name
