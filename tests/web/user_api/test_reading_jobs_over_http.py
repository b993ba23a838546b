"""Jobs are listed, seen and cancelled over HTTP."""

import pytest

from tests.builders import a_failure, a_result, err, log_part, out, started
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import WsgiClient

JOBS = "/api/v1/jobs"


def test_pages_go_through_all_jobs_the_newest_first(web: WebOffice) -> None:
    made = [web.submit(f"echo {n}") for n in range(7)]
    seen: list[str] = []
    path = f"{JOBS}?limit=3"
    sizes = []
    while path:
        page = web.client.get(path).json()
        seen += [job["id"] for job in page["jobs"]]
        sizes.append(len(page["jobs"]))
        path = f"{JOBS}?limit=3&after={page['next']}" if page["next"] else ""
        if len(sizes) == 1:
            web.submit("echo came in between")
    assert seen == list(reversed(made))
    assert sizes == [3, 3, 1]


def test_a_last_page_that_is_full_has_no_next(web: WebOffice) -> None:
    for _ in range(2):
        web.submit("echo")
    assert web.client.get(f"{JOBS}?limit=2").json()["next"] is None


def test_a_list_knows_states_and_the_names_of_pcs(web: WebOffice) -> None:
    agent = web.office.agent(host_name="Empfang Süd")
    ran, waits = web.submit("echo 1"), web.submit("echo 2", requirements={"os": "macos"})
    agent.exchange(started=[started(agent.take_one())])
    [running] = web.client.get(f"{JOBS}?state=running").json()["jobs"]
    [pending] = web.client.get(f"{JOBS}?state=pending").json()["jobs"]
    assert (running["id"], running["workerName"], running["attempt"]) == (ran, "Empfang Süd", 1)
    assert (pending["id"], pending["message"]) == (waits, "")
    assert web.client.get(f"{JOBS}?state=failed").json() == {"jobs": [], "next": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=1&limit=2", "limit"),
        ("state=sleeping", "state"),
        ("state=%FF", "state"),
        ("colour=red", "colour"),
        ("after=", "after"),
        ("after=!!!", "after"),
        ("after=%00", "after"),
        ("after=YWJj", "after"),
        ("after=%C3%BC", "after"),
        ("after=" + "x" * 201, "after"),
    ],
)
def test_a_bad_query_is_refused_by_name(client: WsgiClient, query: str, field: str) -> None:
    answer = client.get(f"{JOBS}?{query}")
    assert (answer.status, answer.fields) == (422, [field])


def test_a_job_tells_its_attempts(web: WebOffice) -> None:
    agent = web.office.agent(host_name="reception")
    job = web.submit("false", retries=1)
    first = agent.take_one()
    output = out(b"hello\n") + err(b"oh\n")
    agent.exchange(started=[started(first)], logs=[log_part(first, output)])
    web.clock.advance(5)
    agent.exchange(results=[a_failure(first, 3, log_end=len(output))])
    web.clock.advance(60)
    web.office.ripen()
    agent.take_one()
    detail = web.client.get(f"{JOBS}/{job}").json()
    one, two = detail["attempts"]
    assert (one["attempt"], one["outcome"], one["exitCode"], one["logBytes"]) == (1, "failed", 3, 9)
    assert (one["workerName"], one["finishedAt"]) == ("reception", "2027-01-15T08:00:05.000Z")
    assert (two["attempt"], two["outcome"], two["finishedAt"]) == (2, None, None)
    assert (detail["state"], detail["attempt"], detail["message"]) == (
        "pending",
        2,
        "About to start on reception.",
    )


def test_a_finished_job_says_how_it_ended(web: WebOffice) -> None:
    agent = web.office.agent()
    job = web.submit("nonsense")
    lease = agent.take_one()
    agent.exchange(results=[a_failure(lease, 127)])
    detail = web.client.get(f"{JOBS}/{job}").json()
    assert (detail["state"], detail["exitCode"]) == ("failed", 127)
    assert detail["message"] == "Exit code 127: a program was not found on that PC."


@pytest.mark.parametrize("name", ["job-none", "job%00", "%FF%FE", "x" * 5000, "job-1%27;--"])
def test_an_unknown_job_is_a_404_in_every_call(client: WsgiClient, name: str) -> None:
    for call in ("", "/log", "/output", "/events", "/files", "/files/a/b.txt"):
        answer = client.get(f"{JOBS}/{name}{call}")
        assert (answer.status, answer.header("Content-Type")) == (404, "application/problem+json"), call
    assert client.post(f"{JOBS}/{name}/cancel").status == 404


def test_a_waiting_job_is_cancelled_at_once_and_again(web: WebOffice) -> None:
    job = web.submit("echo")
    for _ in range(2):
        answer = web.client.post(f"{JOBS}/{job}/cancel")
        assert (answer.status, answer.json()["state"]) == (200, "cancelled")


def test_a_running_job_is_asked_to_end(web: WebOffice) -> None:
    agent = web.office.agent(host_name="reception")
    job = web.submit("sleep 100")
    agent.exchange(started=[started(agent.take_one())])
    answer = web.client.post(f"{JOBS}/{job}/cancel").json()
    assert (answer["state"], answer["cancelAsked"]) == ("running", True)
    assert answer["message"] == "Being cancelled on reception."


def test_a_completed_job_cannot_be_cancelled(web: WebOffice) -> None:
    agent = web.office.agent()
    job = web.submit("true")
    agent.exchange(results=[a_result(agent.take_one())])
    answer = web.client.post(f"{JOBS}/{job}/cancel")
    assert answer.status == 409
    assert web.office.job(job).state == "completed"
