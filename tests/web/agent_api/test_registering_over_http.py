"""POST /api/v1/agent/register."""

from tests.builders import a_registration
from tests.web.agent_api.conftest import AgentOffice


def test_a_pc_gets_an_id_and_the_same_one_when_the_call_is_repeated(web: AgentOffice) -> None:
    first = web.register()
    again = web.register()
    assert first.status == again.status == 200
    assert first.json()["worker"].startswith("pc-")
    assert again.json() == first.json()
    assert len(web.store.read(lambda tx: tx.workers.all())) == 1


def test_a_restart_keeps_the_id(web: AgentOffice) -> None:
    worker = web.register(a_registration("s1")).json()["worker"]
    again = web.register(a_registration("s2", previous_sessions=("s1",), worker=worker))
    assert again.json()["worker"] == worker


def test_a_second_live_copy_of_a_pc_is_refused(web: AgentOffice) -> None:
    worker = web.register(a_registration("s1")).json()["worker"]
    clone = web.register(a_registration("s2", worker=worker))
    assert clone.status == 409
    assert clone.header("Content-Type") == "application/problem+json"
    assert "copied" in clone.json()["detail"]


def test_only_the_secret_makes_the_built_in_agent(web: AgentOffice) -> None:
    assert web.register(a_registration("s1"), secret="guessed").status == 403
    assert web.register(a_registration("s1"), secret="built-in").json()["worker"] == "direct"
    [worker] = web.store.read(lambda tx: tx.workers.all())
    assert worker.kind.value == "builtin"


def test_each_wrong_field_is_named_and_nothing_is_stored(web: AgentOffice) -> None:
    answer = web.client.post("/api/v1/agent/register", {"session": "a/b", "cpus": 0, "os": "beos", "spy": 1})
    assert answer.status == 422
    assert {"session", "cpus", "os", "spy", "hostName"} <= set(answer.fields)
    assert web.store.read(lambda tx: tx.workers.all()) == []


def test_an_agent_of_another_protocol_is_told_what_to_do(web: AgentOffice) -> None:
    answer = web.register(a_registration(protocol=2))
    assert answer.status == 422
    assert answer.fields == ["protocol"]
