"""Jobs come in over HTTP: what is kept of them, what is refused, and that a repeat is harmless."""

import json
from typing import Any

import pytest

from tests.builders import SHA
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import WsgiClient
from tests.web.user_api.job_forms import BAD_JOBS, FULL

JOBS = "/api/v1/jobs"


def test_a_job_is_told_as_it_was_asked_for(client: WsgiClient) -> None:
    answer = client.post(JOBS, FULL)
    job = answer.json()
    assert answer.status == 201
    assert answer.header("Location") == f"{JOBS}/{job['id']}" == job["links"]["self"]
    wanted = {**FULL, "requirements": {**FULL["requirements"], "labels": ["git", "python"], "worker": None}}
    assert {name: job[name] for name in FULL} == wanted
    assert (job["state"], job["createdAt"], job["attempt"]) == ("pending", "2027-01-15T08:00:00.000Z", None)
    detail = client.get(job["links"]["self"]).json()
    assert detail.pop("attempts") == []
    assert {**detail, "message": ""} == job
    assert detail["message"] == "Waiting: no PC has joined yet."


def test_the_least_job_is_a_command(web: WebOffice) -> None:
    job = web.office.job(web.submit("echo hello"))
    assert job.order.commands == ("echo hello",)
    assert job.order.collect
    assert not job.order.requirements.plain


@pytest.mark.parametrize(
    ("changes", "plain"),
    [
        ({}, True),
        ({"requirements": {"os": "windows"}, "retries": 3, "priority": 7, "collect": False}, True),
        ({"onError": "stop"}, False),
        ({"shell": "bash"}, False),
        ({"environment": {"A": "b"}}, False),
        ({"timeLimitS": 60}, False),
        ({"outputs": ["*.txt"]}, False),
        ({"requirements": {"cpus": 2}}, False),
        ({"requirements": {"memoryMb": 1}}, False),
        ({"requirements": {"labels": ["git"]}}, False),
    ],
)
def test_a_job_that_asks_for_nothing_special_suits_older_workers(
    web: WebOffice, changes: dict[str, Any], plain: bool
) -> None:
    job = web.submit("echo hello", **{"onError": "continue", **changes})
    assert web.office.job(job).order.requirements.plain is plain


@pytest.mark.parametrize(("form", "field"), BAD_JOBS)
def test_a_bad_job_is_refused_by_the_name_of_its_field(
    web: WebOffice, form: dict[str, Any], field: str
) -> None:
    answer = web.client.post(JOBS, form)
    assert answer.status == 422
    assert answer.header("Content-Type") == "application/problem+json"
    assert field in answer.fields
    assert answer.json()["instance"] == JOBS
    assert web.everything() == (0, [])


@pytest.mark.parametrize(("form", "field"), BAD_JOBS[:5] + BAD_JOBS[17:36])
def test_a_bad_job_in_a_batch_refuses_all_and_is_named(
    web: WebOffice, form: dict[str, Any], field: str
) -> None:
    answer = web.client.post(f"{JOBS}/batch", {"jobs": [{"commands": ["fine"]}, form]})
    assert answer.status == 422
    assert f"jobs[1].{field}" in answer.fields
    assert web.everything() == (0, [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"commands": ["a"], "commands": ["b"]}',
        b'{"commands": ["a"], "priority": NaN}',
        b'{"commands": ["a"], "priority": ' + b"9" * 50 + b"}",
        b"[" * 100_000,
        b"null",
        b"[]",
    ],
)
def test_what_is_no_json_object_is_a_400(web: WebOffice, body: bytes) -> None:
    answer = web.client.post(JOBS, body)
    assert answer.status == 400
    assert answer.fields == [""]
    assert web.everything() == (0, [])


def test_a_body_that_is_too_large_is_a_413_whether_or_not_it_says_so(web: WebOffice) -> None:
    declared = web.client.call("POST", JOBS, b"", declared=1 << 30)
    spooled = web.client.call("POST", JOBS, b" " * (1 << 20) + b"{}", declared=-1)
    assert (declared.status, spooled.status) == (413, 413)
    assert web.everything() == (0, [])


def test_direct_says_how_to_switch_it_on(client: WsgiClient) -> None:
    problem = client.post(JOBS, {"commands": ["a"], "mode": "direct"}).json()
    assert "--no-direct" in problem["errors"][0]["message"]


def test_direct_is_taken_where_it_is_on(tmp_path: Any) -> None:
    web = WebOffice(tmp_path, direct=True)
    assert web.office.job(web.submit("a", mode="direct")).order.requirements.mode == "direct"
    web.store.close()


def test_the_same_key_and_body_make_one_job(web: WebOffice) -> None:
    key = {"Idempotency-Key": "order 66/~"}
    first = web.client.post(JOBS, {"commands": ["a"]}, key)
    again = web.client.post(JOBS, {"commands": ["a"]}, key)
    assert (first.status, again.status) == (201, 200)
    assert first.json() == again.json()
    assert first.header("Location") == again.header("Location")
    assert web.everything()[0] == 1


def test_the_same_key_with_another_body_is_refused(web: WebOffice) -> None:
    key = {"Idempotency-Key": "order-66"}
    web.client.post(JOBS, {"commands": ["a"]}, key)
    assert web.client.post(JOBS, {"commands": ["b"]}, key).status == 422
    assert web.client.post(f"{JOBS}/batch", {"jobs": [{"commands": ["b"]}]}, key).status == 422
    assert web.everything()[0] == 1


def test_a_refused_job_leaves_its_key_free(web: WebOffice) -> None:
    key = {"Idempotency-Key": "order-66"}
    assert web.client.post(JOBS, {"commands": ["a"], "project": SHA}, key).status == 422
    assert web.client.post(JOBS, {"commands": ["a"]}, key).status == 201


@pytest.mark.parametrize("key", ["x" * 129, "tab\t", "ünï", "\x7f"])
def test_a_bad_key_is_named(web: WebOffice, key: str) -> None:
    answer = web.client.post(JOBS, {"commands": ["a"]}, {"Idempotency-Key": key})
    assert (answer.status, answer.fields) == (422, ["Idempotency-Key"])
    assert web.everything()[0] == 0


def test_ten_thousand_jobs_come_in_one_call_and_once_for_each_key(web: WebOffice) -> None:
    body = {"jobs": [{"commands": [f"echo {n}"]} for n in range(10_000)]}
    key = {"Idempotency-Key": "big"}
    web.submit("echo before")
    first = web.client.post(f"{JOBS}/batch", body, key)
    web.submit("echo after")
    again = web.client.post(f"{JOBS}/batch", body, key)
    assert (first.status, again.status) == (201, 200)
    ids = first.json()["ids"]
    assert len(set(ids)) == 10_000
    assert again.json()["ids"] == ids
    for n in (0, 4321, 9_999):
        assert web.office.job(ids[n]).order.commands == (f"echo {n}",)


def test_more_than_ten_thousand_jobs_are_refused(web: WebOffice) -> None:
    answer = web.client.post(f"{JOBS}/batch", {"jobs": [{"commands": ["a"]}] * 10_001})
    assert (answer.status, answer.fields) == (422, ["jobs"])
    assert web.everything()[0] == 0


def test_a_problem_of_thousands_of_fields_names_fifty(client: WsgiClient) -> None:
    answer = client.post(JOBS, json.dumps({f"f{n}": n for n in range(5000)}).encode())
    assert len(answer.fields) == 50
