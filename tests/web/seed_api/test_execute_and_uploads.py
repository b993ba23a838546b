"""The form with a ZIP: queued, or run here with its output as the answer; and the ZIPs workers download."""

import json

import pytest

from shared.codec import decode, encode
from shared.messages import JobSpec
from tests.builders import a_failure, a_result, err, log_part, out, started
from tests.builders_zip import Member, zip_of
from tests.fakes.scripted_agent import ScriptedAgent
from tests.fakes.seed_caller import SeedCaller, form, form_type
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import HOST, Answer

ZIP = zip_of(Member("src/été.txt", b"hello\n" * 1000))


def queue(seed: SeedCaller, **fields: str) -> str:
    answer = seed.execute(form(ZIP, mode="distributed", commands="cat a.txt", **fields)).read()
    assert answer.status == 200, answer.body
    return str(answer.json()["jobId"])


def built_in(web: WebOffice) -> ScriptedAgent:
    agent = ScriptedAgent(web.store, "built-in")
    agent.register(builtin=True)
    return agent


def events(answer: Answer) -> list[str]:
    """The events of a whole answer, without remarks."""
    parts = answer.read().body.decode().split("\n\n")
    return [part for part in parts if part and not part.startswith(":")]


def test_a_form_becomes_a_job_with_a_project(web: WebOffice, seed: SeedCaller) -> None:
    answer = seed.execute(form(ZIP, "../Büro\\my project.zip", mode="distributed", commands="ls\n\ncat a\n"))
    reply = answer.read().json()
    job = reply["jobId"]
    assert (reply["success"], reply["mode"]) == (True, "distributed")
    assert seed.client.get(reply["checkStatusUrl"]).json()["jobId"] == job
    task = seed.client.get("/api/jobs/get-job").json()["job"]
    assert (task["command"], task["filename"]) == ("ls\ncat a", "my project.zip")
    download = seed.client.get(task["fileUrl"].removeprefix(f"http://{HOST}"))
    assert (download.status, download.body) == (200, ZIP)
    assert download.header("Content-Type") == "application/zip"
    assert seed.status(job)["filename"] == "my project.zip"
    assert web.everything()[1] == []


def test_the_zip_is_downloaded_in_parts_too(seed: SeedCaller) -> None:
    queue(seed)
    path = seed.client.get("/api/jobs/get-job").json()["fileUrl"].removeprefix(f"http://{HOST}")
    part = seed.client.get(path, {"Range": "bytes=2-5"})
    assert (part.status, part.body) == (206, ZIP[2:6])
    head = seed.client.head(path)
    assert (head.status, head.body, head.header("Content-Length")) == (200, b"", str(len(ZIP)))


def test_a_job_is_created_with_the_address_of_a_zip(seed: SeedCaller) -> None:
    queue(seed)
    url = seed.client.get("/api/jobs/get-job").json()["fileUrl"]
    name = url.rpartition("/")[2]
    for given in (url, f"/uploads/{name}", f"http://localhost:8080/uploads/{name}"):
        job = seed.create("ls", fileUrl=given, filename="again.zip")
        task = seed.client.get("/api/jobs/get-job").json()["job"]
        assert (task["jobId"], task["fileUrl"], task["filename"]) == (f"{job}-1", url, "again.zip")
    assert seed.create("ls", fileUrl="/uploads/empty.zip")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/uploads/empty.zip",
        "http://127.0.0.1:9/uploads/empty.zip",
        "//evil/uploads/empty.zip",
        "file:///etc/passwd",
        "/api/jobs/status",
        "/uploads/../secret.zip",
        f"/uploads/{'0' * 64}.zip",
        "http://[",
        "http://127.0.0.1:99999/uploads/empty.zip",
        "x",
    ],
)
def test_only_our_own_files_are_files(web: WebOffice, seed: SeedCaller, url: str) -> None:
    answer = seed.client.post("/api/jobs/create", {"command": "ls", "fileUrl": url})
    assert (answer.status, answer.json()["statusCode"]) == (400, 400)
    assert answer.json()["error"].startswith("fileUrl ")
    assert web.everything()[0] == 0


def test_a_direct_run_answers_with_its_output(web: WebOffice, seed: SeedCaller) -> None:
    answer = seed.execute(form(ZIP, commands="./run"))
    job = answer.header("X-Exec-Id")
    assert (answer.status, answer.header("Content-Type")) == (200, "text/event-stream")
    assert next(answer.pieces).startswith(b":")
    agent = built_in(web)
    lease = agent.take_one()
    assert (lease.job, lease.spec.on_error.value, lease.spec.project is not None) == (job, "continue", True)
    log = out(b"one\r\ntw") + err(b"oops\n") + out(b"o\r") + out(b"\nhalf \xc3") + out(b"\xa9")
    agent.exchange(started=(started(lease),), logs=(log_part(lease, log),))
    agent.exchange(results=(a_failure(lease, 3, log_end=len(log)),))
    *lines, end = events(answer)
    assert lines == ["data: one", "data: oops", "data: two", "data: half é"]
    told = json.loads(end.removeprefix("event: end\ndata: "))
    assert told == {"jobId": job, "status": "failed", "exitCode": 3, "message": "Exit code 3."}
    assert web.room.seats[0].left


def test_the_output_comes_while_it_is_printed(web: WebOffice, seed: SeedCaller) -> None:
    answer = seed.execute(form(commands="./run", mode="direct"))
    agent = built_in(web)
    lease = agent.take_one()
    assert next(answer.pieces).startswith(b":")
    assert next(answer.pieces) == b":\n\n"  # nothing was printed for a while
    agent.exchange(started=(started(lease),), logs=(log_part(lease, out(b"one\ntwo")),))
    assert next(answer.pieces) == b"data: one\n\n"
    answer.close()
    assert web.room.seats[0].left
    assert seed.status(lease.job)["status"] == "running"  # who goes away cancels nothing


def test_an_answer_that_nobody_reads_gives_its_seat_back(web: WebOffice, seed: SeedCaller) -> None:
    seed.execute(form(commands="ls")).close()
    assert web.room.seats[0].left


def test_a_direct_run_is_stopped(web: WebOffice, seed: SeedCaller) -> None:
    job = seed.execute(form(commands="sleep 100")).header("X-Exec-Id")
    agent = built_in(web)
    lease = agent.take_one()
    agent.exchange(started=(started(lease),))
    for answer in (
        seed.client.call("DELETE", "/api/execute", json.dumps({"execId": job}).encode()),
        seed.client.call("DELETE", f"/api/execute?execId={job}"),
    ):
        assert (answer.status, answer.json()) == (200, {"stopped": True})
    assert [order.job for order in agent.exchange().orders] == [job]
    agent.exchange(results=(a_result(lease),))
    assert seed.client.call("DELETE", f"/api/execute?execId={job}").status == 404


def test_only_a_direct_run_is_stopped_by_this_call(seed: SeedCaller) -> None:
    job = seed.create()
    assert seed.client.call("DELETE", f"/api/execute?execId={job}").status == 404
    assert seed.status(job)["status"] == "pending"


def test_a_direct_run_that_cannot_be_followed_is_refused(web: WebOffice, seed: SeedCaller) -> None:
    web.room.full = True
    answer = seed.execute(form(commands="ls")).read()
    assert (answer.status, answer.json()["statusCode"]) == (503, 503)
    assert built_in(web).take() == ()


def test_without_direct_its_mode_is_refused_with_the_way_out(web: WebOffice, seed: SeedCaller) -> None:
    object.__setattr__(web.services, "builtin_secret", "")
    answer = seed.execute(form(ZIP, commands="ls")).read()
    assert answer.status == 400
    assert "--no-direct" in answer.json()["error"]
    assert web.everything() == (0, [])
    assert queue(seed)


def test_an_agent_can_read_every_name_and_command(web: WebOffice, seed: SeedCaller) -> None:
    """A lease that it could not read would stop the agent for good."""
    seed.execute(form(ZIP, "a\u2028\x85\tb.zip", mode="distributed", commands="ls")).read()
    seed.create("\techo\u2028 'tab\there'\n" + "x" * 300, filename="\u202e.zip")
    seed.create("\techo\u2029")
    specs = [lease.spec for lease in web.office.agent(cpus=4).take()]
    assert [decode(JobSpec, encode(spec)) for spec in specs] == specs
    assert [spec.name for spec in specs] == ["a b.zip", ".zip", "echo"]


REFUSED = [
    (form(ZIP, mode="distributed"), "commands"),
    (form(ZIP, mode="distributed", commands=" \n"), "commands"),
    (form(ZIP, mode="distributed", commands="a\0"), "commands"),
    (form(ZIP, mode="distributed", commands="a\x85b"), "commands"),
    (form(ZIP, mode="distributed", commands="x" * 40_000), "commands"),
    (form(ZIP, mode="both", commands="ls"), "mode"),
    (form(b"no zip", mode="distributed", commands="ls"), "ZIP"),
    (form(b"", mode="distributed", commands="ls"), "ZIP"),
    (form(zip_of(Member("../up.txt")), mode="distributed", commands="ls"), "../up.txt"),
    (form(ZIP, mode="distributed", commands="ls")[:-20], "multipart"),
    (b"", "multipart"),
    (form(ZIP, commands="ls").replace(b'name="commands"', b'name="file"'), "file"),
    (form(ZIP, mode="distributed", commands="\u00e9").replace(b"\xc3\xa9", b"\xff"), "commands"),
]


@pytest.mark.parametrize(("body", "named"), REFUSED)
def test_a_wrong_form_is_refused_and_nothing_is_left_of_it(
    web: WebOffice, seed: SeedCaller, body: bytes, named: str
) -> None:
    answer = seed.execute(body).read()
    assert (answer.status, answer.json()["statusCode"]) == (400, 400), answer.body
    assert named in answer.json()["error"]
    assert web.everything() == (0, [])


def test_what_is_no_form_is_refused(seed: SeedCaller) -> None:
    for kind in ("application/json", "multipart/form-data", "", "multipart/mixed; boundary=x"):
        answer = seed.client.post("/api/execute", b"{}", {"Content-Type": kind})
        assert answer.status == 400 and "multipart" in answer.json()["error"]


def test_what_is_too_large_is_refused(web: WebOffice, seed: SeedCaller) -> None:
    headers = {"Content-Type": form_type()}
    declared = seed.client.open("POST", "/api/execute", b"", headers, declared=5 << 30).read()
    commands = seed.execute(form(ZIP, commands="x" * 300_000)).read()
    assert (declared.status, commands.status) == (413, 413)
    assert web.everything() == (0, [])


def test_a_full_disk_takes_no_project(web: WebOffice, seed: SeedCaller) -> None:
    web.files.full = True
    assert seed.execute(form(ZIP, commands="ls")).read().status == 507
    assert web.everything() == (0, [])


def test_a_large_project_comes_in_pieces(web: WebOffice, seed: SeedCaller) -> None:
    large = zip_of(Member("big.bin", bytes(range(256)) * 20_000))
    answer = seed.execute(form(large, mode="distributed", commands="ls")).read()
    assert answer.status == 200
    path = seed.client.get("/api/jobs/get-job").json()["fileUrl"].removeprefix(f"http://{HOST}")
    assert seed.client.get(path).body == large
