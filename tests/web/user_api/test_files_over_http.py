"""The files that a job gave back: listed, and downloaded as nothing but files."""

import hashlib
from urllib.parse import quote

import pytest

from shared.messages import ArtifactEntry
from tests.builders import a_failure, a_result
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import Answer

CONTENT = b"<script>alert(1)</script>"


def _store(web: WebOffice, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    web.files.append("up-1", 0, content)
    web.files.settle("up-1", sha256)
    web.store.transact(lambda tx: tx.files.add_stored(sha256, len(content)))
    return sha256


def _job_with(web: WebOffice, *paths: str, content: bytes = CONTENT) -> str:
    sha256 = _store(web, content)
    agent = web.office.agent()
    job = web.submit("make files")
    entries = tuple(ArtifactEntry(path, len(content), sha256) for path in paths)
    agent.exchange(results=[a_result(agent.take_one(), artifacts=entries)])
    return job


def _get(web: WebOffice, job: str, path: str, wanted: str = "") -> Answer:
    headers = {"Range": wanted} if wanted else {}
    return web.client.get(f"/api/v1/jobs/{job}/files/{quote(path)}", headers)


def test_files_are_listed_with_addresses_that_work(web: WebOffice) -> None:
    names = ["a b/c#d%41+.txt", "out/größe.html", "z"]
    job = _job_with(web, *names)
    files = web.client.get(f"/api/v1/jobs/{job}/files").json()["files"]
    assert [file["path"] for file in files] == names
    for file in files:
        answer = web.client.get(file["url"])
        assert (answer.status, answer.body) == (200, CONTENT)
        assert file["sha256"] == hashlib.sha256(answer.body).hexdigest()
        assert file["size"] == len(answer.body)


@pytest.mark.parametrize(
    ("path", "disposition"),
    [
        ("out/plain-1.txt", "attachment; filename=\"plain-1.txt\"; filename*=UTF-8''plain-1.txt"),
        (
            "größe €.html",
            "attachment; filename=\"gr__e _.html\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%E2%82%AC.html",
        ),
        ("a';b", "attachment; filename=\"a__b\"; filename*=UTF-8''a%27%3Bb"),
    ],
)
def test_a_file_is_saved_and_never_shown(web: WebOffice, path: str, disposition: str) -> None:
    answer = _get(web, _job_with(web, path), path)
    assert answer.header("Content-Disposition") == disposition
    assert answer.header("Content-Type") == "application/octet-stream"
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Content-Security-Policy") == "sandbox; default-src 'none'"
    assert answer.header("ETag") == f'"{hashlib.sha256(CONTENT).hexdigest()}"'


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=1-6", 206, b"script"),
        ("bytes=-1", 206, b">"),
        ("bytes=25-", 416, b""),
        ("bytes=0-1,3-4", 200, CONTENT),
    ],
)
def test_ranges_of_a_file(web: WebOffice, wanted: str, status: int, body: bytes) -> None:
    answer = _get(web, _job_with(web, "x.html"), "x.html", wanted)
    assert (answer.status, answer.body) == (status, body)


def test_an_empty_file_is_a_file(web: WebOffice) -> None:
    job = _job_with(web, "empty", content=b"")
    answer = _get(web, job, "empty")
    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", "0")
    assert _get(web, job, "empty", "bytes=0-0").status == 416


def test_head_tells_the_size(web: WebOffice) -> None:
    job = _job_with(web, "x.html")
    answer = web.client.head(f"/api/v1/jobs/{job}/files/x.html")
    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", str(len(CONTENT)))


@pytest.mark.parametrize("path", ["y.html", "../x.html", "/x.html", "x.html/", "x.htm\x00l", "a/../x.html"])
def test_what_the_job_did_not_give_back_is_a_404(web: WebOffice, path: str) -> None:
    assert _get(web, _job_with(web, "x.html"), path).status == 404


def test_a_path_that_is_no_utf8_is_a_404(web: WebOffice) -> None:
    job = _job_with(web, "x.html")
    assert web.client.get(f"/api/v1/jobs/{job}/files/x%FF.html").status == 404


def test_files_of_an_earlier_attempt_are_had_by_its_number(web: WebOffice) -> None:
    sha256 = _store(web, CONTENT)
    agent = web.office.agent()
    job = web.submit("make files", retries=1)
    entry = ArtifactEntry("x.html", len(CONTENT), sha256)
    agent.exchange(results=[a_failure(agent.take_one(), artifacts=(entry,))])
    web.clock.advance(11)
    web.office.ripen()
    agent.take_one()
    assert web.client.get(f"/api/v1/jobs/{job}/files").json() == {"files": []}
    [file] = web.client.get(f"/api/v1/jobs/{job}/files?attempt=1").json()["files"]
    assert web.client.get(file["url"]).status == 200
    assert _get(web, job, "x.html").status == 404


def test_a_job_that_never_ran_gave_nothing_back(web: WebOffice) -> None:
    job = web.submit("later")
    assert web.client.get(f"/api/v1/jobs/{job}/files").json() == {"files": []}
    assert _get(web, job, "x").status == 404


def test_bytes_that_are_no_longer_stored_are_a_404(web: WebOffice) -> None:
    job = _job_with(web, "x.html")
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    (web.files.uploads_folder.parent / "files" / sha256[:2] / sha256).unlink()
    assert _get(web, job, "x.html").status == 404
