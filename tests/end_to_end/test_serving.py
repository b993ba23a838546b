"""The coordinator as a process: ready, alive, stopped in order, alone in its folder."""

import json
import signal
import subprocess
import sys
import urllib.request

from tests.fakes.programs import ROOT, Programs, processes_with, until


def test_it_says_where_it_is_ready_and_alive(programs: Programs) -> None:
    programs.serve()
    told = json.loads((programs.folder / "coordinator/coordinator.json").read_text(encoding="utf-8"))
    assert told["url"] == programs.url
    assert programs.call("GET", "/readyz") == {"status": "ready"}
    with urllib.request.urlopen(told["livez"], timeout=10) as answer:
        assert answer.status == 200


def test_a_stop_signal_releases_held_calls_and_ends_with_success(programs: Programs) -> None:
    coordinator = programs.serve()
    programs.agent("pc")
    programs.wait_for_workers(1)
    programs.wait_for_workers(1, "builtin")
    coordinator.send_signal(signal.SIGTERM)
    assert coordinator.wait(10) == 0
    assert not (programs.folder / "coordinator/coordinator.json").exists()


def test_the_built_in_agent_does_not_outlive_a_killed_coordinator(programs: Programs) -> None:
    coordinator = programs.serve()
    programs.wait_for_workers(1, "builtin")
    job = programs.submit("sleep 1000", mode="direct")
    programs.wait_for(job, "running")
    coordinator.kill()
    coordinator.wait()
    until(lambda: not processes_with(f"SPARETIME_JOB={job}"), "the Direct job outlived the coordinator", 15.0)


def test_two_coordinators_do_not_share_a_folder(programs: Programs) -> None:
    programs.serve()
    command = [sys.executable, "-m", "coordinator", "serve", "--no-auth", "--port", "0"]
    second = subprocess.run(
        [*command, "--data", str(programs.folder / "coordinator")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )
    assert second.returncode == 2
    assert "Another coordinator works in" in second.stderr


def test_jobs_wait_out_a_restart(programs: Programs) -> None:
    coordinator = programs.serve("--no-direct")
    job = programs.submit("echo later")
    waiting = programs.job(job)["message"]
    assert waiting == "Waiting: no PC has joined yet."
    coordinator.terminate()
    assert coordinator.wait(10) == 0
    programs.serve("--no-direct")
    programs.agent("pc")
    assert programs.wait_for(job)["state"] == "completed"


def test_a_folder_that_cannot_be_made_is_named(programs: Programs) -> None:
    (programs.folder / "file").write_text("", encoding="utf-8")
    wrong = programs.folder / "file" / "data"
    command = [sys.executable, "-m", "coordinator", "serve", "--no-auth", "--port", "0", "--data", str(wrong)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
    assert ended.returncode == 2
    assert str(wrong) in ended.stderr and "Traceback" not in ended.stderr
