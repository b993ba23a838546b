"""PCs are seen and drained over HTTP."""

from typing import Any

import pytest

from coordinator.domain.notices import WorkerCalled
from shared.messages import Order
from shared.vocabulary import AgentState, OrderKind
from tests.builders import a_report, started
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import WsgiClient

WORKERS = "/api/v1/workers"


def test_a_pc_is_told_with_its_state_and_its_reason(web: WebOffice) -> None:
    agent = web.office.agent(host_name="Empfang Süd", worker="pc-süd".replace("ü", "u"))
    agent.exchange()
    [worker] = web.client.get(WORKERS).json()["workers"]
    assert worker == web.client.get(f"{WORKERS}/{worker['id']}").json()
    assert worker == {
        "id": agent.worker,
        "hostName": "Empfang Süd",
        "os": "linux",
        "cpus": 2,
        "memoryMb": 4096,
        "labels": worker["labels"],
        "state": "available",
        "reason": "The owner is away.",
        "version": "1.0.0",
        "kind": "agent",
        "lastContactAt": "2027-01-15T08:00:00.000Z",
        "runningJobs": 0,
        "drain": False,
    }
    assert {"git", "python"} <= set(worker["labels"])


def test_states_and_reasons_follow_what_happens(web: WebOffice) -> None:
    agent = web.office.agent()

    def seen() -> tuple[str, str, int]:
        worker = web.client.get(f"{WORKERS}/{agent.worker}").json()
        return worker["state"], worker["reason"], worker["runningJobs"]

    web.submit("echo")
    agent.exchange(started=[started(agent.take_one())])
    assert seen() == ("busy", "The owner is away.", 1)
    agent.exchange(report=a_report(availability=AgentState.PAUSED, reason="Paused until 17:00."))
    assert seen() == ("paused", "Paused until 17:00.", 1)
    web.clock.advance(45)
    assert seen() == ("offline", "Nothing was heard of it for 45 s.", 1)
    web.clock.advance(3 * 3600)
    assert seen()[1] == "Nothing was heard of it for 3 hours."


def test_drain_is_told_to_the_pc_at_once_and_again_when_over(web: WebOffice) -> None:
    agent = web.office.agent()
    web.office.heard()
    for drain, orders in ((True, (Order(OrderKind.DRAIN),)), (False, ())):
        answer = web.client.call(
            "PUT", f"{WORKERS}/{agent.worker}/drain", b'{"drain": %s}' % str(drain).lower().encode()
        )
        assert (answer.status, answer.json()["drain"]) == (200, drain)
        assert web.office.heard() == [WorkerCalled(agent.worker)]
        assert agent.exchange().orders == orders
    assert answer.json()["state"] == "available"


def test_a_draining_pc_says_so(web: WebOffice) -> None:
    agent = web.office.agent()
    worker = web.client.call("PUT", f"{WORKERS}/{agent.worker}/drain", b'{"drain": true}').json()
    assert worker["state"] == "draining"
    assert worker["reason"] == "Finishes what runs and takes no more, as an administrator asked."


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        (b"{}", 422, ["drain"]),
        (b'{"drain": 1}', 422, ["drain"]),
        (b'{"drain": true, "until": 5}', 422, ["until"]),
        (b"true", 400, [""]),
    ],
)
def test_a_bad_drain_changes_nothing(web: WebOffice, body: bytes, status: int, fields: list[str]) -> None:
    agent = web.office.agent()
    answer = web.client.call("PUT", f"{WORKERS}/{agent.worker}/drain", body)
    assert (answer.status, answer.fields) == (status, fields)
    assert not web.office.worker(agent.worker).drain


def test_an_unknown_pc_is_a_404(client: WsgiClient) -> None:
    assert client.get(f"{WORKERS}/pc-none").status == 404
    assert client.call("PUT", f"{WORKERS}/pc-none/drain", b'{"drain": true}').status == 404


def test_pages_go_through_all_pcs(web: WebOffice) -> None:
    agents = [web.office.agent(f"session-{n}", machine_mark=f"mark-{n}") for n in range(5)]
    seen: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        after = f"&after={page['next']}" if page["next"] else ""
        page = web.client.get(f"{WORKERS}?limit=2{after}").json()
        seen += [worker["id"] for worker in page["workers"]]
    assert sorted(seen) == sorted(agent.worker for agent in agents)
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("query", "field"), [("after=cGMtbm9uZQ", "after"), ("after=%C3%A4", "after"), ("limit=0", "limit")]
)
def test_a_bad_query_of_workers_is_named(client: WsgiClient, query: str, field: str) -> None:
    answer = client.get(f"{WORKERS}?{query}")
    assert (answer.status, answer.fields) == (422, [field])
