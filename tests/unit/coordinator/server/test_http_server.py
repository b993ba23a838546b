"""The server under clients that are slow, many, too large or gone: real sockets throughout."""

import threading

import pytest
from running_server import (
    DEADLINE_S,
    answer,
    ask,
    connect,
    ended,
    hello,
    problem,
    received_until_end,
    running,
)

from coordinator.server.body_limits import BodyLimits
from coordinator.server.capacity import capacity_for, capacity_here
from coordinator.server.patience import Patience

HASTY = Patience(headers_s=0.5, stall_s=0.5, idle_s=60, crowded_idle_s=0.5, linger_s=0.5)
BIG = b"x" * (32 << 20)


def big(environ, start_response):
    if environ["PATH_INFO"] != "/big":
        return hello(environ, start_response)
    start_response("200 OK", [("Content-Length", str(len(BIG)))])
    return [BIG[:1000000]] * 32 + [BIG[: len(BIG) - 32 * 1000000]]


def test_a_request_is_answered_on_both_loopback_addresses():
    with running(hello, host="localhost") as server:
        assert {url.rpartition(":")[0] for url in server.urls} >= {"http://127.0.0.1"}
        with connect(server) as client:
            assert ask(client, "/") == (200, b"hello")


def test_stalled_readers_are_cut_off_while_others_are_served():
    with running(big, patience=HASTY) as server:
        stalled = [connect(server, receive_buffer=4096) for _ in range(8)]
        for client in stalled:
            client.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with connect(server) as other:
            assert ask(other, "/") == (200, b"hello")
        for listener in server._listeners:
            gone = threading.Event()
            wait_until(lambda listener=listener: not listener.active_channels, gone)
        for client in stalled:
            client.close()
        with connect(server) as other:
            assert ask(other, "/") == (200, b"hello")


def wait_until(holds, tick: threading.Event) -> None:
    """Wait for what nobody announces: the table of connections getting empty."""
    for _ in range(int(DEADLINE_S / 0.02)):
        if holds():
            return
        tick.wait(0.02)
    raise AssertionError("did not happen in time")


def test_a_reader_that_goes_on_is_left_alone():
    with running(big, patience=Patience(stall_s=0.2, least_rate=1.0)) as server, connect(server) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer(client) == (200, BIG)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: loc",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc",
    ],
    ids=["nothing", "half of the headers", "a part of the body"],
)
def test_a_client_that_falls_silent_is_cut_off(start):
    with running(hello, patience=HASTY) as server, connect(server) as client:
        client.sendall(start)
        assert ended(client)


def test_headers_that_trickle_in_are_cut_off_although_each_byte_is_activity():
    with running(hello, patience=HASTY) as server, connect(server) as client:
        client.settimeout(0.05)
        with pytest.raises(ConnectionError):
            for _ in range(int(DEADLINE_S / 0.05)):
                client.sendall(b"X")
                try:
                    if client.recv(1) == b"":
                        raise ConnectionResetError
                except TimeoutError:
                    continue


def test_a_held_call_is_not_cut_off_however_long_it_takes():
    go = threading.Event()

    def held(environ, start_response):
        go.wait(DEADLINE_S)
        return hello(environ, start_response)

    with running(held, patience=HASTY) as server, connect(server) as client, connect(server) as silent:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ended(silent)  # maintenance came round, with nothing that lasts half a second left
        go.set()
        assert answer(client) == (200, b"hello")


def test_a_full_house_of_held_calls_leaves_threads_for_others():
    go, sitting = threading.Event(), threading.Semaphore(0)

    def held(environ, start_response):
        if environ["PATH_INFO"] == "/held":
            sitting.release()
            go.wait(DEADLINE_S)
        return hello(environ, start_response)

    capacity_here()  # lifts the limit of open files
    with running(held, connections=1000) as server:
        clients = [connect(server) for _ in range(256)]
        for client in clients:
            client.sendall(b"GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(sitting.acquire(timeout=DEADLINE_S) for _ in clients)
        with connect(server) as other:
            assert ask(other, "/") == (200, b"hello")
        go.set()
        assert all(answer(client)[0] == 200 for client in clients)
        for client in clients:
            client.close()


def test_eleven_hundred_idle_connections_do_not_stop_the_server():
    if capacity_here().connections < 1500:
        pytest.skip("this account may not open so many files")
    with running(hello, connections=1500) as server:
        idle = [connect(server) for _ in range(1100)]
        with connect(server) as other:
            assert ask(other, "/") == (200, b"hello")
        for client in idle:
            client.close()


def test_idle_connections_make_way_when_connections_run_short():
    with running(hello, connections=20, patience=HASTY) as server:
        idle = [connect(server) for _ in range(15)]
        for client in idle:
            assert ask(client, "/")[0] == 200
        crowd = [connect(server) for _ in range(10)]
        assert all(ended(client) for client in idle)
        with connect(server) as other:
            assert ask(other, "/") == (200, b"hello")
        for client in (*idle, *crowd):
            client.close()


def test_a_client_that_hangs_up_is_noticed_while_its_call_is_held():
    noticed, sitting = threading.Event(), threading.Event()

    def watchful(environ, start_response):
        sitting.set()
        wait_until(environ["waitress.client_disconnected"], threading.Event())
        noticed.set()
        return hello(environ, start_response)

    with running(watchful) as server:
        with connect(server) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sitting.wait(DEADLINE_S)
        assert noticed.wait(DEADLINE_S)


SMALL = BodyLimits(usual=1000, larger={("POST", "/form"): 100_000})


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
def test_a_declared_oversize_is_refused_before_its_body_is_read(expect):
    with running(hello, limits=SMALL) as server, connect(server) as client:
        head = f"POST /api/v1/x HTTP/1.1\r\nHost: localhost\r\n{expect}Content-Length: 1001\r\n\r\n"
        client.sendall(head.encode())
        status, body = answer(client)
        assert status == 413
        assert problem(body)["status"] == 413
        assert "1,000 bytes" in str(problem(body)["detail"])


def test_the_older_interface_reads_its_own_form_of_the_refusal():
    with running(hello, limits=SMALL) as server, connect(server) as client:
        client.sendall(b"POST /api/jobs/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n")
        status, body = answer(client)
        assert (status, problem(body)["statusCode"]) == (413, 413)
        assert problem(body)["error"] == problem(body)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("POST", "/x", 1000, 200),
        ("POST", "/form", 100_000, 200),
        ("POST", "/form", 100_001, 413),
        ("PUT", "/form", 1001, 413),
        ("POST", "//form", 1001, 413),
        ("POST", "/form/", 1001, 413),
    ],
)
def test_each_route_has_its_own_limit(method, path, size, status):
    with running(hello, limits=SMALL) as server, connect(server) as client:
        assert ask(client, path, method, b"x" * size)[0] == status


def test_a_chunked_body_is_refused_as_soon_as_it_is_too_long():
    with running(hello, limits=SMALL) as server, connect(server) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.sendall(b"400\r\n" + b"x" * 0x400 + b"\r\n")
        assert answer(client)[0] == 413


def test_a_sender_that_sends_on_still_reads_why_it_was_refused():
    with running(hello, limits=SMALL) as server, connect(server) as client:
        body = b"x" * (8 << 20)
        assert ask(client, "/", "POST", body)[0] == 413
        assert ended(client)


def test_bytes_after_a_refused_head_are_never_taken_for_a_request():
    calls = []

    def noting(environ, start_response):
        calls.append(environ["PATH_INFO"])
        return hello(environ, start_response)

    with running(noting, limits=SMALL) as server, connect(server) as client:
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n"
        client.sendall(head + b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer(client)[0] == 413
    assert calls == []


def test_a_body_that_the_disk_has_no_room_for_is_refused():
    asked = []

    def has_room(more):
        asked.append(more)
        return False

    limits = BodyLimits(has_room=has_room)
    with running(hello, limits=limits) as server, connect(server) as client:
        assert ask(client, "/", "POST", b"x" * 1000)[0] == 200  # stays in memory
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n")
        assert answer(client)[0] == 507
    assert asked == [4_000_000]


def test_a_disk_that_fills_up_meanwhile_stops_a_body():
    answers = iter([True, False])
    limits = BodyLimits(has_room=lambda more: next(answers))
    with running(hello, limits=limits) as server, connect(server) as client:
        assert ask(client, "/", "POST", b"x" * 4_000_000)[0] == 507


def test_headers_without_end_are_refused():
    with running(hello) as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000)
        assert answer(client)[0] == 431


def test_an_exception_of_the_application_shows_nothing_of_it(caplog):
    def broken(environ, start_response):
        raise RuntimeError("secret")

    with running(broken) as server, connect(server) as client:
        status, body = ask(client, "/")
    assert status == 500
    assert b"secret" not in body
    assert problem(body)["title"] == "Internal Server Error"


def test_drain_finishes_what_is_under_way_and_ends():
    go, sitting = threading.Event(), threading.Event()

    def slow(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            sitting.set()
            go.wait(DEADLINE_S)
        return hello(environ, start_response)

    with running(slow) as server, connect(server) as busy, connect(server) as idle:
        assert ask(idle, "/")[0] == 200
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sitting.wait(DEADLINE_S)
        draining = threading.Thread(target=server.drain, args=(DEADLINE_S,))
        draining.start()
        assert ended(idle)
        with pytest.raises(OSError):
            connect(server)
        go.set()
        assert received_until_end(busy).lower().partition(b"connection: close\r\n")[2].endswith(b"hello")
        draining.join(DEADLINE_S)
        assert not draining.is_alive()


def test_drain_ends_although_one_call_hangs():
    sitting, never = threading.Event(), threading.Event()

    def hung(environ, start_response):
        sitting.set()
        never.wait(DEADLINE_S)
        return hello(environ, start_response)

    with running(hung) as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sitting.wait(DEADLINE_S)
        assert server.drain(0.2)
        assert ended(client)
        never.set()


def test_capacity_leaves_room_on_machines_without_poll():
    assert capacity_for(450).workers_held + capacity_for(450).followers_held == 180
    assert capacity_for(2000).threads == 32 + 256
    assert (capacity_for(2000).workers_held, capacity_for(2000).followers_held) == (200, 56)
