"""The stream of a job's state and output: backlog, live, resumed, ended."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from coordinator.server.waiting_room import WaitingRoom
from coordinator.web.user_api.events import LENGTH_S, QUIET_S, WRITE_BYTES
from shared.messages import Lease
from tests.builders import a_failure, a_result, log_part, out, started
from tests.fakes.scripted_agent import ScriptedAgent
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import Answer


class Event(NamedTuple):
    name: str
    id: str
    data: Any


def _open(web: WebOffice, job: str, last: str = "", query: str = "") -> Answer:
    headers = {"Last-Event-ID": last} if last else {}
    return web.client.open("GET", f"/api/v1/jobs/{job}/events{query}", headers=headers)


def _events(text: bytes) -> list[Event]:
    found = []
    for block in text.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != ":")
        if "event" in lines:
            found.append(Event(lines["event"], lines["id"], json.loads(lines["data"])))
    return found


def _follow(web: WebOffice, job: str, last: str = "", query: str = "") -> list[Event]:
    return _events(_open(web, job, last, query).read().body)


def _texts(events: list[Event]) -> str:
    return "".join(r["text"] for e in events if e.name == "output" for r in e.data["records"])


@pytest.fixture
def lease(web: WebOffice) -> tuple[ScriptedAgent, Lease]:
    """A job that runs and has printed a line."""
    agent = web.office.agent(host_name="reception")
    web.submit("print it", retries=1)
    lease = agent.take_one()
    agent.exchange(started=[started(lease)], logs=[log_part(lease, out(b"one\n"))])
    return agent, lease


Running = tuple[ScriptedAgent, Lease]


def _print(agent: ScriptedAgent, lease: Lease, text: bytes) -> Callable[[], object]:
    def act() -> None:
        end = agent.store.read(lambda tx: tx.output.log_end(tx.attempts.get(lease.job, lease.attempt).id))  # type: ignore[union-attr]
        agent.exchange(logs=[log_part(lease, out(text), end)])

    return act


def _finish(agent: ScriptedAgent, lease: Lease, **changes: Any) -> Callable[[], object]:
    return lambda: agent.exchange(results=[a_result(lease, **changes)])


def test_a_finished_job_is_told_whole_and_the_stream_ends(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    _finish(agent, given)()
    events = _follow(web, given.job)
    assert [event.name for event in events] == ["state", "output", "end"]
    assert events[0].data["state"] == "completed"
    assert "attempts" not in events[0].data
    assert events[1].data["records"][0]["text"] == "one\n"
    assert events[1].data["attempt"] == 1
    assert web.room.seats[0].left


def test_the_answer_begins_at_once_and_is_kept_by_nobody(web: WebOffice, lease: Running) -> None:
    answer = _open(web, lease[1].job)
    assert (answer.status, answer.header("Content-Type")) == (200, "text/event-stream; charset=utf-8")
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("X-Accel-Buffering") == "no"
    assert answer.header("Content-Length") == ""
    first = next(answer.pieces)
    assert first.startswith(b":")
    assert b"\nretry: " in first
    answer.close()
    assert web.room.seats[0].left


def test_what_happens_while_one_follows_is_told(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    web.room.plans.extend(
        [_print(agent, given, b"two\n"), lambda: web.office.cancel(given.job), _finish(agent, given)]
    )
    events = _follow(web, given.job)
    assert _texts(events) == "one\ntwo\n"
    states = [(e.data["state"], e.data["cancelAsked"]) for e in events if e.name == "state"]
    assert states == [("running", False), ("running", True), ("completed", True)]
    assert [e.name for e in events] == ["state", "output", "output", "state", "state", "end"]


def test_a_stream_that_goes_on_tells_nothing_twice_and_misses_nothing(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    for n in range(30):
        _print(agent, given, b"line %d\n" % n)()
    _finish(agent, given)()
    whole = _follow(web, given.job)
    for cut in range(len(whole)):
        seen, last = whole[: cut + 1], whole[cut].id
        rest = _follow(web, given.job, last=last)
        assert _texts(seen) + _texts(rest) == _texts(whole)
        assert rest[-1].name == "end"
        assert not [e for e in rest if e.name == "state"]
        assert _follow(web, given.job, query=f"?after={last}") == rest


def test_a_broken_stream_of_a_large_backlog_goes_on_in_its_middle(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    for n in range(8):
        _print(agent, given, bytes([65 + n]) * 40_000)()
    _finish(agent, given)()
    pieces = list(_open(web, given.job).pieces)
    assert max(len(piece) for piece in pieces) <= WRITE_BYTES
    whole = _events(b"".join(pieces))
    outputs = [event for event in whole if event.name == "output"]
    assert len(outputs) > 2
    assert _texts(_follow(web, given.job, last=outputs[1].id)) == _texts(outputs[2:])


def test_a_text_full_of_escapes_is_still_written_in_small_pieces(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    _print(agent, given, b"\x01" * 60_000)()
    _finish(agent, given)()
    pieces = list(_open(web, given.job).pieces)
    assert max(len(piece) for piece in pieces) <= WRITE_BYTES
    assert _texts(_events(b"".join(pieces))) == "one\n" + "\x01" * 60_000


def test_the_header_counts_more_than_the_address(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    _finish(agent, given)()
    end = _follow(web, given.job)[-1].id
    assert [e.name for e in _follow(web, given.job, last=end, query="?after=1.0.0")] == ["end"]


@pytest.mark.parametrize("bad", ["x", "1.2", "1.2.3.4", "-1.0.0", "1.0.99999999999", "1.1e3.0", "²2.0.0"])
def test_an_id_that_is_none_is_named(web: WebOffice, lease: Running, bad: str) -> None:
    answer = web.client.get(f"/api/v1/jobs/{lease[1].job}/events", {"Last-Event-ID": bad})
    assert (answer.status, answer.fields) == (422, ["Last-Event-ID"])
    if bad.isascii():
        answer = web.client.get(f"/api/v1/jobs/{lease[1].job}/events?after={bad}")
        assert (answer.status, answer.fields) == (422, ["after"])
    assert web.room.seats == []


def _retry(web: WebOffice, agent: ScriptedAgent, given: Lease) -> Lease:
    agent.exchange(results=[a_failure(given, 1, log_end=0)])
    web.clock.advance(11)
    web.office.ripen()
    return agent.take_one()


def test_a_new_attempt_goes_on_after_all_of_the_one_before(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    answer = _open(web, given.job)
    before = b"".join(next(answer.pieces) for _ in range(3))

    def in_between() -> None:
        _print(agent, given, b"last words\n")()
        again = _retry(web, agent, given)
        _print(agent, again, b"second try\n")()
        _finish(agent, again)()

    web.room.plans.append(in_between)
    outputs = [e for e in _events(before + answer.read().body) if e.name == "output"]
    told = [(e.data["attempt"], e.data["records"][0]["offset"], _texts([e])) for e in outputs]
    assert told[0] == (1, 0, "one\n")
    assert (told[1][0], told[1][2]) == (1, "last words\n")
    assert told[2] == (2, 0, "second try\n")


def test_who_comes_late_is_told_the_last_attempt_and_on_request_all(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    again = _retry(web, agent, given)
    _print(agent, again, b"second try\n")()
    _finish(agent, again)()
    assert _texts(_follow(web, given.job)) == "second try\n"
    assert _texts(_follow(web, given.job, query="?after=0.0.0")) == "one\nsecond try\n"


def test_who_followed_a_waiting_job_is_told_all_of_its_attempts(web: WebOffice) -> None:
    job = web.submit("print it", retries=1)
    waiting = _follow(web, job)
    assert [(e.name, e.id) for e in waiting] == [("state", "0.0.0")]
    agent = web.office.agent()
    lease = agent.take_one()
    _print(agent, lease, b"one\n")()
    again = _retry(web, agent, lease)
    _print(agent, again, b"two\n")()
    _finish(agent, again)()
    assert _texts(_follow(web, job, last=waiting[-1].id)) == "one\ntwo\n"


def test_a_reason_to_wait_that_changes_is_told(web: WebOffice) -> None:
    job = web.submit("print it")
    web.room.plans.append(web.office.agent)
    messages = [e.data["message"] for e in _follow(web, job) if e.name == "state"]
    assert messages[0] == "Waiting: no PC has joined yet."
    assert len(messages) > 1
    assert messages[1].startswith("Waiting: 1 PC matches")


def test_a_text_that_was_replaced_is_told_after_what_was_told(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    attempt = web.office.attempt(given.job)

    def replace() -> None:
        agent.store.transact(lambda tx: tx.output.replace(attempt, out(b"all of it\n")))
        _finish(agent, given)()

    web.room.plans.append(replace)
    assert _texts(_follow(web, given.job)) == "one\nall of it\n"


def test_a_text_that_was_replaced_by_nothing_ends_the_stream_too(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    attempt = web.office.attempt(given.job)
    agent.store.transact(lambda tx: tx.output.replace(attempt, b""))
    _finish(agent, given)()
    assert [e.name for e in _follow(web, given.job)] == ["state", "end"]


def test_a_quiet_stream_says_so_and_ends_before_a_minute(web: WebOffice, lease: Running) -> None:
    answer = _open(web, lease[1].job)
    begun = web.clock.now
    body = answer.read().body
    assert 45 <= web.clock.now - begun <= 55
    assert web.clock.now - begun == pytest.approx(LENGTH_S)
    assert body.count(b":\n\n") == LENGTH_S // QUIET_S
    assert max(web.room.waits) <= QUIET_S
    assert [e.name for e in _events(body)] == ["state", "output"]


def test_wake_ups_that_tell_nothing_do_not_keep_the_stream_silent(web: WebOffice, lease: Running) -> None:
    def nothing_new() -> None:
        web.clock.advance(4)
        web.room.seats[0].rung = True

    web.room.plans.extend([nothing_new] * 9)
    body = _open(web, lease[1].job).read().body
    assert body.count(b":\n\n") >= 3


def test_a_stream_ends_when_the_coordinator_stops(web: WebOffice, lease: Running) -> None:
    web.room.plans.append(web.room.close)
    assert [e.name for e in _follow(web, lease[1].job)] == ["state", "output"]
    assert web.room.seats[0].left
    assert web.client.get(f"/api/v1/jobs/{lease[1].job}/events").status == 503


def test_a_stream_whose_client_is_gone_ends(web: WebOffice, lease: Running) -> None:
    gone: list[bool] = []
    app = web.client.app

    def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
        environ["waitress.client_disconnected"] = lambda: bool(gone)
        return app(environ, start_response)

    web.client.app = wrapped
    web.room.plans.append(lambda: gone.append(True))
    begun = web.clock.now
    _follow(web, lease[1].job)
    assert web.clock.now - begun <= QUIET_S


def test_a_full_room_sends_the_client_to_poll(web: WebOffice, lease: Running) -> None:
    web.room.full = True
    answer = web.client.get(f"/api/v1/jobs/{lease[1].job}/events")
    assert (answer.status, answer.header("Content-Type")) == (503, "application/problem+json")
    assert int(answer.header("Retry-After")) > 0
    assert web.client.get(f"/api/v1/jobs/{lease[1].job}/output").json()["records"][0]["text"] == "one\n"


def test_head_of_a_stream_keeps_no_seat(web: WebOffice, lease: Running) -> None:
    answer = web.client.head(f"/api/v1/jobs/{lease[1].job}/events")
    assert (answer.status, answer.body) == (200, b"")
    assert web.room.seats[0].left


def test_the_real_waiting_room_rings_its_followers(web: WebOffice, lease: Running) -> None:
    agent, given = lease
    room = WaitingRoom()
    services = web.services
    object.__setattr__(services, "waiting", room)
    web.listeners.append(room.publish)
    answer = _open(web, given.job)
    first = b"".join(next(answer.pieces) for _ in range(3))
    _print(agent, given, b"two\n")()  # it rings while nobody waits: the ring is kept
    [told] = _events(next(answer.pieces))
    assert _texts([*_events(first), told]) == "one\ntwo\n"
    _finish(agent, given)()
    assert [e.name for e in _events(answer.read().body)] == ["state", "end"]
    assert room.seat_for_job(given.job, "127.0.0.1") is not None


def test_a_letter_that_comes_in_two_parts_is_one_letter_and_half_of_one_does_not_cross_attempts(
    web: WebOffice, lease: Running
) -> None:
    agent, given = lease
    sign = "€".encode()

    def next_attempt() -> None:
        again = _retry(web, agent, given)
        _print(agent, again, b"whole")()
        _finish(agent, again)()

    web.room.plans.extend(
        [_print(agent, given, sign[:1]), _print(agent, given, sign[1:] + sign[:2]), next_attempt]
    )
    assert _texts(_follow(web, given.job)) == "one\n€whole"
