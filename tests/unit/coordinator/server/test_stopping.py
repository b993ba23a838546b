"""A real process with a server in it, and the signals that end it."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from coordinator.server.announcement import announce, withdraw
from coordinator.server.listening import CannotListen, open_listeners
from coordinator.server.liveness import LivenessListener

DEADLINE_S = 20.0
PROGRAM = Path(__file__).with_name("stoppable_program.py")


@pytest.fixture
def program():
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[4]
    )
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_call_under_way_finish_and_ends_with_0(program, number):
    url = program.stdout.readline().strip()
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as response:
        assert response.readline() == b"begun\n"
        program.send_signal(number)
        assert response.read() == b"released\n"
    assert program.stdout.readline() == "ended\n"
    assert program.wait(DEADLINE_S) == 0


def test_the_liveness_listener_answers_by_itself():
    alive = True
    listener = LivenessListener(lambda: alive)
    listener.start()
    try:
        with urllib.request.urlopen(listener.url, timeout=DEADLINE_S) as response:
            assert response.status == 200
        alive = False
        with pytest.raises(urllib.error.HTTPError) as stuck:
            urllib.request.urlopen(listener.url, timeout=DEADLINE_S)
        assert stuck.value.code == 503
        stuck.value.close()
    finally:
        listener.close()


def test_a_taken_port_is_said_in_a_sentence():
    (taken,) = open_listeners("127.0.0.1", 0)
    with taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"port {port} of 127.0.0.1.*--port"):
            open_listeners("127.0.0.1", port)
        with pytest.raises(CannotListen, match=f"liveness listener.*{port}"):
            LivenessListener(lambda: True, port=port)


def test_an_address_of_another_machine_is_said_in_a_sentence():
    with pytest.raises(CannotListen, match=r"no address 192\.0\.2\.1.*--host"):
        open_listeners("192.0.2.1", 0)


def test_the_announcement_says_where_and_is_withdrawn(tmp_path):
    announce(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2/livez")
    written = json.loads((tmp_path / "coordinator.json").read_text())
    assert (written["url"], written["livez"]) == ("http://127.0.0.1:1", "http://127.0.0.1:2/livez")
    withdraw(tmp_path)
    withdraw(tmp_path)
    assert list(tmp_path.iterdir()) == []
