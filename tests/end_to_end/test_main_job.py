"""The main job, with real programs: a ZIP goes in, output comes while it runs, files come back."""

import hashlib
import io
import shutil
import zipfile

from tests.fakes.programs import Programs, processes_with, until

PROGRAM = """
import pathlib, sys, time
print("first line")
print("to stderr", file=sys.stderr)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
print("last line")
pathlib.Path("out").mkdir()
pathlib.Path("out/größe.txt").write_text("42", encoding="utf-8")
"""


def _project() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("program.py", PROGRAM)
        archive.writestr("data/input.txt", "unchanged")
    return buffer.getvalue()


def _upload(programs: Programs, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    upload = programs.call("POST", "/api/v1/uploads", {"sha256": sha256, "size": len(data)})["upload"]
    half = len(data) // 2
    programs.raw("PATCH", f"/api/v1/uploads/{upload}", body=data[:half], Upload_Offset="0")
    programs.raw("PATCH", f"/api/v1/uploads/{upload}", body=data[half:], Upload_Offset=str(half))
    return sha256


def test_output_is_read_before_the_job_ends_and_its_new_file_afterwards(programs: Programs) -> None:
    programs.serve()
    programs.agent("pc")
    go_on = programs.folder / "go on"
    job = programs.submit(
        f'python3 program.py "{go_on}"',
        project=_upload(programs, _project()),
        requirements={"labels": ["python"]},
    )
    seen = {"stdout": "", "stderr": ""}
    for kind, data in programs.events(job):
        for record in data.get("records", []):
            seen[record["stream"]] += record["text"]
        if seen == {"stdout": "first line\n", "stderr": "to stderr\n"} and not go_on.exists():
            assert programs.job(job)["state"] == "running"
            go_on.touch()
        if kind == "end":
            break
    assert seen["stdout"] == "first line\nlast line\n"
    assert programs.job(job)["exitCode"] == 0
    [file] = programs.call("GET", f"/api/v1/jobs/{job}/files")["files"]
    assert file["path"] == "out/größe.txt"
    assert programs.raw("GET", file["url"]) == b"42"


def test_a_direct_job_runs_on_the_coordinators_own_agent(programs: Programs) -> None:
    programs.serve()
    programs.wait_for_workers(1, "builtin")
    ended = programs.wait_for(programs.submit("echo here", mode="direct"))
    assert (ended["state"], ended["worker"]) == ("completed", "direct")


def test_a_cancel_ends_the_whole_tree(programs: Programs) -> None:
    programs.serve("--no-direct")
    programs.agent("pc")
    job = programs.submit("(setsid sleep 1000 &) ; sleep 1000")
    programs.wait_for(job, "running")
    until(lambda: len(processes_with(f"SPARETIME_JOB={job}")) >= 2, "the job never had its processes")
    programs.call("POST", f"/api/v1/jobs/{job}/cancel")
    assert programs.wait_for(job)["state"] == "cancelled"
    assert processes_with(f"SPARETIME_JOB={job}") == []


def test_a_job_survives_the_death_of_its_agent_and_nothing_of_it_runs_on(programs: Programs) -> None:
    programs.serve("--no-direct")
    agent = programs.agent("pc")
    marker = programs.folder / "second time"
    job = programs.submit(f'test -e "{marker}" || sleep 1000')
    programs.wait_for(job, "running")
    agent.kill()
    agent.wait()
    until(lambda: not processes_with(f"SPARETIME_JOB={job}"), "the job outlived its agent", 5.0)
    marker.touch()
    programs.agent("pc")
    ended = programs.wait_for(job)
    assert ended["state"] == "completed"
    assert [a["outcome"] for a in ended["attempts"]] == ["interrupted", "completed"]


def test_a_result_outlives_the_death_of_the_coordinator(programs: Programs) -> None:
    coordinator = programs.serve("--no-direct")
    programs.agent("pc")
    started, go_on = programs.folder / "started", programs.folder / "go on"
    job = programs.submit(
        f'echo one; touch "{started}"; while ! test -e "{go_on}"; do sleep 0.02; done; echo two'
    )
    until(started.exists, "the job never started")
    port = programs.port
    coordinator.kill()
    coordinator.wait()
    go_on.touch()
    until(lambda: not processes_with(f"SPARETIME_JOB={job}"), "the job never ended")
    programs.serve("--no-direct", port=port)
    ended = programs.wait_for(job)
    assert (ended["state"], ended["exitCode"], len(ended["attempts"])) == ("completed", 0, 1)
    assert programs.log(job) == b"one\ntwo\n"


def test_three_agents_on_one_pc_need_no_option_and_keep_their_ids(programs: Programs) -> None:
    programs.serve("--no-direct")
    agents = [programs.agent() for _ in range(3)]
    first = {worker["id"] for worker in programs.wait_for_workers(3)}
    for agent in agents:
        agent.terminate()
        assert agent.wait(20) == 0
    for _ in range(3):
        programs.agent()
    job_ids = [programs.submit("sleep 0.3") for _ in range(6)]
    ended = [programs.wait_for(job) for job in job_ids]
    assert {job["state"] for job in ended} == {"completed"}
    assert {worker["id"] for worker in programs.workers()} == first


def test_a_worker_id_and_a_host_name_can_be_given(programs: Programs) -> None:
    programs.serve("--no-direct")
    programs.agent(WORKER_ID="reception-1", HOSTNAME="reception")
    [worker] = programs.wait_for_workers(1)
    assert (worker["id"], worker["hostName"]) == ("reception-1", "reception")


def test_a_copy_of_a_data_folder_is_another_pc_and_disturbs_nobody(programs: Programs) -> None:
    programs.serve("--no-direct")
    programs.agent("pc")
    go_on = programs.folder / "go on"
    job = programs.submit(f'while ! test -e "{go_on}"; do sleep 0.02; done')
    programs.wait_for(job, "running")
    shutil.copytree(programs.folder / "pc", programs.folder / "copy")
    programs.agent("copy")
    until(lambda: len(programs.workers()) == 2, "the copy never joined as another PC")
    go_on.touch()
    ended = programs.wait_for(job)
    assert [attempt["outcome"] for attempt in ended["attempts"]] == ["completed"]
