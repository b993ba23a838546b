"""Jobs through the older interface: created, fetched, reported, looked at, cancelled."""

import json

import pytest

from coordinator.web.seed_api.uploads import EMPTY_ZIP
from tests.fakes.seed_caller import SeedCaller
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import HOST

NOON_MS = 1_800_000_000_000


def test_a_job_goes_all_the_way(web: WebOffice, seed: SeedCaller) -> None:
    job = seed.create("echo one\r\n\n  \necho two\n")
    assert job.startswith("job-")
    waiting = seed.status(job)
    assert waiting == {
        "jobId": job,
        "status": "pending",
        "workerId": None,
        "command": "echo one\necho two",
        "filename": None,
        "stdout": "",
        "stderr": "",
        "stdoutTruncated": False,
        "stderrTruncated": False,
        "exitCode": None,
        "errorMessage": None,
        "createdAt": NOON_MS,
        "startedAt": None,
        "completedAt": None,
    }
    seed.register("w1")
    web.clock.advance(1)
    answer = seed.client.get("/api/jobs/get-job")
    fetched = answer.json()
    assert (answer.status, fetched["success"]) == (200, True)
    task = fetched["job"]
    assert task == {name: fetched[name] for name in ("jobId", "command", "fileUrl", "filename")}
    assert task["jobId"] == f"{job}-1"
    assert task["command"] == "echo one\necho two"
    assert task["fileUrl"] == f"http://{HOST}/uploads/empty.zip"
    assert seed.status(job)["status"] == "running"
    web.clock.advance(1)
    answer = seed.submit(task["jobId"], "w1", "one\ntwo\n", "", 0)
    assert (answer.status, answer.json()["success"], answer.json()["jobId"]) == (200, True, f"{job}-1")
    done = seed.status(job)
    assert (done["status"], done["workerId"], done["exitCode"]) == ("completed", "w1", 0)
    assert (done["stdout"], done["errorMessage"]) == ("one\ntwo\n", None)
    assert (done["startedAt"], done["completedAt"]) == (NOON_MS + 1000, NOON_MS + 2000)


def test_what_was_streamed_is_there_at_once_and_never_twice(web: WebOffice, seed: SeedCaller) -> None:
    job = seed.create()
    alias = seed.take()
    assert seed.stream(alias, "one\n").json() == {"success": True, "message": "Stored."}
    seed.stream(alias, "oops\n", "stderr")
    assert (seed.status(job)["stdout"], seed.status(job)["stderr"]) == ("one\n", "oops\n")
    seed.submit(alias, "w1", "one\ntwo\n", "oops\n")
    assert (seed.status(job)["stdout"], seed.status(job)["stderr"]) == ("one\ntwo\n", "oops\n")
    log = web.client.get(f"/api/v1/jobs/{job}/log").body
    assert log == b"one\noops\ntwo\n"


def test_the_final_text_replaces_pieces_that_came_in_the_wrong_order(seed: SeedCaller) -> None:
    job = seed.create()
    alias = seed.take()
    seed.stream(alias, "two\n")
    seed.stream(alias, "one\n")
    seed.submit(alias, "w1", "one\ntwo\n")
    assert seed.status(job)["stdout"] == "one\ntwo\n"
    late = seed.stream(alias, "three\n")
    assert (late.status, late.json()["success"]) == (200, True)
    assert seed.status(job)["stdout"] == "one\ntwo\n"


def test_output_is_kept_as_programs_print_it(seed: SeedCaller) -> None:
    job = seed.create()
    alias = seed.take()
    answer = seed.client.post(
        "/api/jobs/submit-result",
        b'{"jobId": "%s", "workerId": "w1", "stdout": "\\u001b[1m\\u0000 \\ud800 \xc3\xa9", "exitCode": 0}'
        % alias.encode(),
    )
    assert answer.status == 200
    assert seed.status(job)["stdout"] == "\x1b[1m\x00 ? é"


def test_the_last_mebibyte_is_shown(seed: SeedCaller) -> None:
    job = seed.create()
    text = "é" * (1 << 20)
    seed.submit(seed.take(), "w1", text + "x", "err")
    told = seed.status(job)
    assert told["stdoutTruncated"] and not told["stderrTruncated"]
    assert told["stdout"] == "é" * ((1 << 19) - 1) + "x"
    listed = seed.client.get("/api/jobs/create").json()["jobs"]
    assert len(listed[0]["stdout"]) < 20_000


def test_a_result_of_tens_of_megabytes_is_taken(web: WebOffice, seed: SeedCaller) -> None:
    job = seed.create()
    alias = seed.take()
    seed.stream(alias, "x" * 1_000_000)
    assert seed.submit(alias, "w1", "x" * 40_000_000).status == 200
    assert web.office.attempt(job).stdout_bytes == 40_000_000


def test_of_more_than_the_job_may_print_head_and_tail_are_kept(web: WebOffice, seed: SeedCaller) -> None:
    job = web.submit("echo", onError="continue", collect=False, outputLimitBytes=100)
    seed.take()
    seed.stream(f"{job}-1", "s" * 500)
    assert web.office.attempt(job).stdout_bytes == 100
    seed.submit(f"{job}-1", "w1", "h" * 200 + "t" * 200)
    assert web.client.get(f"/api/v1/jobs/{job}/log").body == b"h" * 50 + b"t" * 50


@pytest.mark.parametrize(("code", "state"), [(0, "completed"), (1, "failed"), (-1, "failed")])
def test_the_exit_code_decides(seed: SeedCaller, code: int, state: str) -> None:
    job = seed.create()
    seed.submit(seed.take(), "w1", code=code)
    assert (seed.status(job)["status"], seed.status(job)["exitCode"]) == (state, code)


def test_a_result_without_an_exit_code_is_a_failure(seed: SeedCaller) -> None:
    job = seed.create()
    said = {"jobId": seed.take(), "workerId": "w1", "stdout": "x", "exitCode": None}
    assert seed.client.post("/api/jobs/submit-result", said).status == 200
    assert seed.status(job)["status"] == "failed"


def test_a_worker_says_that_it_could_not_run_a_job(seed: SeedCaller) -> None:
    seed.register("w1")
    for _ in range(4):  # a native worker would be parked by that
        job = seed.create()
        alias = seed.take()
        seed.stream(alias, "began\n")
        assert seed.submit_failure(alias, "w1", "could not\nunpack\x00").json()["success"]
        told = seed.status(job)
        assert (told["status"], told["errorMessage"]) == ("failed", "could not unpack")
        assert (told["stdout"], told["exitCode"]) == ("began\n", None)
    assert seed.worker_states() == {"w1": "idle"}


def test_a_job_that_waits_is_cancelled_for_good(seed: SeedCaller) -> None:
    job = seed.create()
    assert seed.cancel(job).json()["success"]
    assert seed.get_job() is None
    told = seed.status(job)
    assert told["status"] == "failed" and "cancelled" in told["errorMessage"]
    assert seed.cancel(job).status == 200
    assert seed.is_cancelled(job)


def test_a_cancelled_run_ends_at_once_and_its_late_result_is_ignored(seed: SeedCaller) -> None:
    seed.register("w1")
    job = seed.create()
    alias = seed.take()
    assert not seed.is_cancelled(alias)
    assert seed.cancel(job).json() == {"success": True, "jobId": job, "message": "The job is cancelled."}
    assert seed.is_cancelled(alias) and seed.is_cancelled(job)
    assert seed.stream(alias, "late").status == 200
    late = seed.submit(alias, "w1", "done", code=0)
    assert (late.status, late.json()["success"]) == (200, True)
    told = seed.status(alias)
    assert (told["jobId"], told["status"], told["stdout"]) == (alias, "failed", "")
    assert told["errorMessage"] == "The job was cancelled."


def test_a_finished_job_cannot_be_cancelled(seed: SeedCaller) -> None:
    job = seed.create()
    seed.submit(seed.take(), "w1")
    answer = seed.cancel(job)
    assert answer.status == answer.json()["statusCode"] == 400
    assert not seed.is_cancelled(job)


def test_a_result_that_comes_twice_counts_once(seed: SeedCaller) -> None:
    job = seed.create()
    alias = seed.take()
    assert seed.submit(alias, "w1", "one").status == 200
    assert seed.submit(alias, "w1", "two", code=3).status == 200
    assert (seed.status(job)["stdout"], seed.status(job)["exitCode"]) == ("one", 0)


def test_jobs_are_listed_the_newest_last(seed: SeedCaller) -> None:
    made = [seed.create(f"echo {n}") for n in range(103)]
    page = seed.client.get("/api/jobs/create").json()
    assert [job["jobId"] for job in page["jobs"]] == made[3:]
    assert page["count"] == 100
    older = seed.client.get(page["next"]).json()
    assert [job["jobId"] for job in older["jobs"]] == made[:3]
    assert older["next"] is None


def test_nothing_to_do_is_202(seed: SeedCaller) -> None:
    answer = seed.client.get("/api/jobs/get-job")
    assert answer.status == 202
    assert (answer.json()["success"], answer.json()["job"]) == (False, None)
    assert answer.json()["message"]


def test_a_stopping_coordinator_hands_nothing_out(web: WebOffice, seed: SeedCaller) -> None:
    seed.create()
    web.room.close()
    assert seed.get_job() is None


def test_a_job_without_a_file_has_an_empty_zip(seed: SeedCaller) -> None:
    seed.create(filename="")
    url = seed.client.get("/api/jobs/get-job").json()["fileUrl"]
    answer = seed.client.get(url.removeprefix(f"http://{HOST}"))
    assert (answer.status, answer.body) == (200, EMPTY_ZIP)
    assert answer.header("Content-Type") == "application/zip"


def test_unknown_fields_and_nulls_are_no_fault(seed: SeedCaller) -> None:
    said = {"workerId": "w1", "hostname": "h", "os": None, "cpuCount": None, "platform": {"a": [1]}}
    assert seed.client.post("/api/workers/register", said).status == 200
    assert seed.create("echo", fileUrl=None, filename=None, priority="high")
    assert seed.client.get("/api/jobs/get-job?workerId=w1&_=17").status == 200


BAD = [
    ("POST", "/api/workers/register", {"hostname": "h"}, "workerId"),
    ("POST", "/api/workers/register", {"workerId": "w"}, "hostname"),
    ("POST", "/api/workers/register", {"workerId": "w", "hostname": "h", "os": "plan9"}, "os"),
    ("POST", "/api/workers/register", {"workerId": "w", "hostname": "h", "cpuCount": "two"}, "cpuCount"),
    ("POST", "/api/workers/register", {"workerId": "w\0", "hostname": "h"}, "workerId"),
    ("POST", "/api/workers/register", {"workerId": "w" * 201, "hostname": "h"}, "workerId"),
    ("POST", "/api/workers/heartbeat", {}, "workerId"),
    ("POST", "/api/workers/heartbeat", {"workerId": 7}, "workerId"),
    ("POST", "/api/jobs/create", {}, "command"),
    ("POST", "/api/jobs/create", {"command": ["ls"]}, "command"),
    ("POST", "/api/jobs/create", {"command": ""}, "command"),
    ("POST", "/api/jobs/create", {"command": " \n\r\n\t"}, "command"),
    ("POST", "/api/jobs/create", {"command": "echo \0"}, "command"),
    ("POST", "/api/jobs/create", {"command": "x" * 40_000}, "command"),
    ("POST", "/api/jobs/create", {"command": "x\n" * 1001}, "command"),
    ("POST", "/api/jobs/create", {"command": "ls", "filename": {}}, "filename"),
    ("POST", "/api/jobs/submit-result", {"workerId": "w"}, "jobId"),
    ("POST", "/api/jobs/submit-result", {"jobId": "j"}, "workerId"),
    ("POST", "/api/jobs/submit-result", {"jobId": "j", "workerId": "w", "exitCode": "0"}, "exitCode"),
    ("POST", "/api/jobs/submit-result", {"jobId": "j", "workerId": "w", "exitCode": 1 << 40}, "exitCode"),
    ("POST", "/api/jobs/submit-result", {"jobId": "j", "workerId": "w", "stdout": 1}, "stdout"),
    ("PUT", "/api/jobs/submit-result", {"workerId": "w"}, "jobId"),
    ("PUT", "/api/jobs/submit-result", {"jobId": "j", "workerId": "w", "errorMessage": []}, "errorMessage"),
    ("POST", "/api/jobs/stream-output", {"data": "x"}, "jobId"),
    ("POST", "/api/jobs/stream-output", {"jobId": "j", "data": "x", "type": "stdin"}, "type"),
    ("POST", "/api/jobs/stream-output", {"jobId": "j", "data": 1}, "data"),
    ("POST", "/api/jobs/cancel", {}, "jobId"),
    ("GET", "/api/jobs/status", None, "jobId"),
    ("GET", "/api/jobs/check-cancel", None, "jobId"),
    ("GET", "/api/jobs/create?before=x", None, "before"),
    ("DELETE", "/api/execute", {}, "execId"),
]


@pytest.mark.parametrize(("method", "path", "said", "field"), BAD)
def test_a_wrong_field_is_named(
    web: WebOffice, seed: SeedCaller, method: str, path: str, said: object, field: str
) -> None:
    before = web.everything()
    body = b"" if said is None else json.dumps(said).encode()
    answer = seed.client.call(method, path, body)
    assert (answer.status, answer.json()["statusCode"]) == (400, 400)
    assert field in answer.json()["error"]
    assert web.everything() == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"jobId": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(seed: SeedCaller, body: bytes) -> None:
    answer = seed.client.call("POST", "/api/jobs/cancel", body)
    assert (answer.status, answer.json()["statusCode"]) == (400, 400)


def test_a_body_that_is_too_large_is_refused(seed: SeedCaller) -> None:
    for path, most in (("create", 8 << 20), ("submit-result", 128 << 20)):
        answer = seed.client.call("POST", f"/api/jobs/{path}", b"", declared=most + 1)
        assert answer.status == answer.json()["statusCode"] == 413


UNKNOWN = [
    ("GET", "/api/jobs/status?jobId=job-0", None),
    ("GET", "/api/jobs/check-cancel?jobId=job-0", None),
    ("POST", "/api/jobs/cancel", {"jobId": "job-0-1"}),
    ("POST", "/api/jobs/stream-output", {"jobId": "job-0-1", "data": "x"}),
    ("POST", "/api/jobs/submit-result", {"jobId": "nothing", "workerId": "w"}),
    ("PUT", "/api/jobs/submit-result", {"jobId": "-1", "workerId": "w"}),
    ("POST", "/api/workers/heartbeat", {"workerId": "w"}),
    ("DELETE", "/api/execute", {"execId": "job-0"}),
    ("GET", "/uploads/nothing.zip", None),
    ("GET", f"/uploads/{'0' * 64}.zip", None),
    ("GET", "/api/jobs/nothing", None),
]


@pytest.mark.parametrize(("method", "path", "said"), UNKNOWN)
def test_what_is_not_there_is_404(seed: SeedCaller, method: str, path: str, said: object) -> None:
    answer = seed.client.call(method, path, b"" if said is None else json.dumps(said).encode())
    assert (answer.status, answer.json()["statusCode"]) == (404, 404)
    assert answer.json()["error"]


def test_an_alias_of_an_attempt_that_never_was_is_404(seed: SeedCaller) -> None:
    job = seed.create()
    assert seed.client.get(f"/api/jobs/status?jobId={job}-1").status == 404


def test_a_wrong_method_is_told_in_the_older_form(seed: SeedCaller) -> None:
    answer = seed.client.call("DELETE", "/api/jobs/create")
    assert (answer.status, answer.json()["statusCode"]) == (405, 405)
