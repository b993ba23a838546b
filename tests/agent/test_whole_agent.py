"""The agent as a process with its coordinator as a process: the command lines that people type."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tray_agent", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """Wait for a line of the log; a watch ends the process, and so the wait, after 30 s."""
    watch = threading.Timer(30, process.kill)
    watch.start()
    try:
        return next(line for line in process.stderr if text in line)
    finally:
        watch.cancel()


def end(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    return process.returncode


@pytest.fixture
def coordinator(tmp_path: Path):
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "coordinator", "serve", "--no-auth", "--port", "0", "--no-direct"),
            *("--data", str(tmp_path / "coordinator")),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    url = process.stdout.readline().split()[-1]
    yield url
    process.terminate()
    process.communicate(timeout=20)


def test_three_agents_side_by_side_differ_in_no_option_and_keep_their_ids(coordinator, tmp_path):
    place = {"XDG_DATA_HOME": str(tmp_path / "data ü")}

    def ids() -> set[str]:
        agents = [start("--headless", "--server", coordinator, "--always", **place) for _ in range(3)]
        for agent in agents:
            line_with(agent, "event=agent.registered")
        assert [end(agent) for agent in agents] == [0, 0, 0]
        folders = (tmp_path / "data ü" / "sparetime").iterdir()
        return {json.loads((folder / "identity.json").read_text())["worker"] for folder in folders}

    first = ids()
    assert len(first) == 3
    assert ids() == first


def test_a_worker_id_names_the_folder_and_the_worker(coordinator, tmp_path):
    agent = start("--headless", "--server", coordinator, XDG_DATA_HOME=str(tmp_path), WORKER_ID="pc-7")
    assert "worker=pc-7" in line_with(agent, "event=agent.registered")
    second = start("--headless", "--server", coordinator, XDG_DATA_HOME=str(tmp_path), WORKER_ID="pc-7")
    _, said = second.communicate(timeout=20)
    assert second.returncode == 2
    assert "WORKER_ID" in said
    assert end(agent) == 0


def test_the_coordinators_own_agent_ends_with_its_pipe(tmp_path):
    agent = start("--headless", "--server", "http://127.0.0.1:9", "--builtin", "--data", str(tmp_path / "d"))
    agent.stdin.write("secret\n")
    agent.stdin.flush()
    line_with(agent, "event=agent.started")
    agent.communicate(timeout=20)
    assert agent.returncode == 0


def test_a_wrong_option_ends_with_two():
    agent = start("--hedless")
    _, said = agent.communicate(timeout=20)
    assert (agent.returncode, "--hedless" in said) == (2, True)
