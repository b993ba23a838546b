"""What a job printed: as bytes in ranges, and as records page by page."""

import pytest

from shared.log_records import pack_gap
from shared.messages import Lease
from tests.builders import a_result, err, log_part, out
from tests.fakes.scripted_agent import ScriptedAgent
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import Answer

RECORDS = out(b"one\n") + err(b"two\n") + out(b"three\n")


@pytest.fixture
def printed(web: WebOffice) -> tuple[str, ScriptedAgent, Lease]:
    agent = web.office.agent()
    job = web.submit("print it")
    lease = agent.take_one()
    agent.exchange(logs=[log_part(lease, RECORDS)])
    return job, agent, lease


def _log(web: WebOffice, job: str, wanted: str = "", query: str = "") -> Answer:
    headers = {"Range": wanted} if wanted else {}
    return web.client.get(f"/api/v1/jobs/{job}/log{query}", headers)


def test_a_log_is_the_bytes_in_the_order_of_reading(web: WebOffice, printed: tuple) -> None:  # type: ignore[type-arg]
    job, agent, lease = printed
    answer = _log(web, job)
    assert (answer.status, answer.body) == (200, b"one\ntwo\nthree\n")
    assert answer.header("Content-Length") == "14"
    assert answer.header("X-Log-Complete") == "false"
    assert answer.header("Content-Type") == "application/octet-stream"
    assert answer.header("Content-Disposition").startswith("attachment;")
    agent.exchange(results=[a_result(lease, log_end=len(RECORDS))])
    assert _log(web, job).header("X-Log-Complete") == "true"


def test_one_stream_can_be_had_alone(web: WebOffice, printed: tuple) -> None:  # type: ignore[type-arg]
    job, _, _ = printed
    assert _log(web, job, query="?stream=stdout").body == b"one\nthree\n"
    assert _log(web, job, query="?stream=stderr&attempt=1").body == b"two\n"
    assert _log(web, job, query="?stream=gap").fields == ["stream"]
    assert _log(web, job, query="?attempt=2").status == 404
    assert _log(web, job, query="?attempt=0").fields == ["attempt"]


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"one\n", "bytes 0-3/14"),
        ("bytes=4-7", 206, b"two\n", "bytes 4-7/14"),
        ("bytes=8-", 206, b"three\n", "bytes 8-13/14"),
        ("bytes=8-999", 206, b"three\n", "bytes 8-13/14"),
        ("bytes=-6", 206, b"three\n", "bytes 8-13/14"),
        ("bytes=-999", 200, b"one\ntwo\nthree\n", ""),
        ("bytes=0-", 200, b"one\ntwo\nthree\n", ""),
        ("bytes=14-", 416, b"", "bytes */14"),
        ("bytes=-0", 416, b"", "bytes */14"),
        ("bytes=7-3", 416, b"", "bytes */14"),
        ("bytes=0-1,4-5", 200, b"one\ntwo\nthree\n", ""),
        ("lines=1-2", 200, b"one\ntwo\nthree\n", ""),
        ("bytes=", 200, b"one\ntwo\nthree\n", ""),
        ("bytes=\xff", 200, b"one\ntwo\nthree\n", ""),
        ("bytes=99999999999999999-", 200, b"one\ntwo\nthree\n", ""),
    ],
)
def test_ranges_of_a_log(
    web: WebOffice,
    printed: tuple,  # type: ignore[type-arg]
    wanted: str,
    status: int,
    body: bytes,
    content_range: str,
) -> None:
    answer = _log(web, printed[0], wanted)
    assert (answer.status, answer.body) == (status, body)
    assert answer.header("Content-Range") == content_range
    assert answer.header("Content-Length") == str(len(body))


def test_a_large_log_is_told_the_same_whole_and_in_parts(web: WebOffice) -> None:
    agent = web.office.agent()
    job = web.submit("print it")
    lease = agent.take_one()
    text = b"".join(b"line %d\n" % n for n in range(60_000))
    data = b"".join(out(text[n : n + 5000]) for n in range(0, len(text), 5000))
    agent.exchange(logs=[log_part(lease, data)])
    assert _log(web, job).body == text
    assert _log(web, job, "bytes=300001-300100").body == text[300001:300101]


def test_head_tells_the_size_without_the_bytes(web: WebOffice, printed: tuple) -> None:  # type: ignore[type-arg]
    answer = web.client.head(f"/api/v1/jobs/{printed[0]}/log")
    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", "14")


def test_a_job_without_an_attempt_has_an_empty_log(web: WebOffice) -> None:
    job = web.submit("wait")
    answer = _log(web, job)
    assert (answer.status, answer.body, answer.header("X-Log-Complete")) == (200, b"", "false")
    page = web.client.get(f"/api/v1/jobs/{job}/output").json()
    assert page == {"attempt": None, "records": [], "next": 0, "complete": False}
    web.office.cancel(job)
    assert _log(web, job).header("X-Log-Complete") == "true"
    assert web.client.get(f"/api/v1/jobs/{job}/output").json()["complete"]


def test_records_are_polled_from_offset_to_offset(web: WebOffice, printed: tuple) -> None:  # type: ignore[type-arg]
    job, agent, lease = printed
    path = f"/api/v1/jobs/{job}/output?limit=1&after="
    first = web.client.get(f"{path}0").json()
    assert first["records"] == [
        {"offset": 0, "stream": "stdout", "time": "2027-01-15T08:00:00.000Z", "text": "one\n", "bytes": 4}
    ]
    second = web.client.get(f"{path}{first['next']}").json()
    assert [(r["stream"], r["text"]) for r in second["records"]] == [("stderr", "two\n")]
    third = web.client.get(f"{path}{second['next']}").json()
    assert (third["next"], third["complete"]) == (len(RECORDS), False)
    agent.exchange(results=[a_result(lease, log_end=len(RECORDS))])
    assert web.client.get(f"{path}{second['next']}").json()["complete"]
    rest = web.client.get(f"{path}{third['next']}").json()
    assert (rest["records"], rest["complete"]) == ([], True)


def test_a_letter_that_two_records_share_is_one_letter_and_a_gap_says_its_size(web: WebOffice) -> None:
    agent = web.office.agent()
    job = web.submit("print it")
    lease = agent.take_one()
    sign = "€".encode()
    data = out(b"a" + sign[:1]) + err(b"x") + out(sign[1:] + b"b") + pack_gap(0, 12345) + out(b"\xff\xe2")
    agent.exchange(logs=[log_part(lease, data)])
    records = web.client.get(f"/api/v1/jobs/{job}/output").json()["records"]
    assert [(r["stream"], r["text"], r["bytes"]) for r in records] == [
        ("stdout", "a", 2),
        ("stderr", "x", 1),
        ("stdout", "€b", 3),
        ("gap", "", 12345),
        ("stdout", "\ufffd\ufffd", 2),
    ]


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=1048577", "attempt=x", "after=1e3"])
def test_a_bad_query_of_output_is_named(web: WebOffice, printed: tuple, query: str) -> None:  # type: ignore[type-arg]
    answer = web.client.get(f"/api/v1/jobs/{printed[0]}/output?{query}")
    assert (answer.status, answer.fields) == (422, [query.split("=")[0]])


def test_an_offset_beyond_the_end_is_told_the_end(web: WebOffice, printed: tuple) -> None:  # type: ignore[type-arg]
    page = web.client.get(f"/api/v1/jobs/{printed[0]}/output?after=999999").json()
    assert (page["records"], page["next"]) == ([], len(RECORDS))
