"""What a job's commands meet: shell, environment, output, limits, exit codes. Real processes."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.vocabulary import OnError, ResultOutcome, SandboxLevel, Shell, Stream
from tests.fakes.runner_rig import RunnerRig, text
from tray_agent.agent.ports import OutputGrew, RunEnded, RunStarted, StopReason

COMPLETED, FAILED = ResultOutcome.COMPLETED, ResultOutcome.FAILED


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerRig]:
    rig = RunnerRig(tmp_path_factory.mktemp("runner jobs ü"))
    yield rig
    rig.pool.close(10)


def test_a_job_tells_its_start_its_output_and_its_end(rig: RunnerRig) -> None:
    task = rig.start("echo one", "echo two")
    ended = rig.ended(task)
    assert (ended.outcome, ended.exit_code, ended.message) == (COMPLETED, 0, "")
    assert text(rig.records(task, ended)) == "one\ntwo\n"
    kinds = [type(e) for e in rig.seen if e.ref == task.ref]
    assert kinds[0] is RunStarted
    assert kinds[-1] is RunEnded
    assert ended.duration_s > 0
    assert ended.cpu_s > 0


def test_the_first_failing_line_ends_the_script(rig: RunnerRig) -> None:
    ended, records = rig.run("echo a", "(exit 7)", "echo b")
    assert (ended.outcome, ended.exit_code, text(records)) == (FAILED, 7, "a\n")


def test_a_failing_part_of_a_pipe_counts(rig: RunnerRig) -> None:
    ended, _ = rig.run("false | cat")
    assert (ended.outcome, ended.exit_code) == (FAILED, 1)


def test_a_construct_may_go_over_several_lines(rig: RunnerRig) -> None:
    _, records = rig.run("for n in 1 2", "do", "  echo $n", "done", "cat <<END", "here", "END")
    assert text(records) == "1\n2\nhere\n"


def test_with_continue_each_line_runs_by_itself_and_the_last_one_counts(rig: RunnerRig) -> None:
    ended, records = rig.run("x=1; echo a", "false", "echo b$x", on_error=OnError.CONTINUE)
    assert (ended.outcome, ended.exit_code, text(records)) == (COMPLETED, 0, "a\nb\n")
    ended, _ = rig.run("true", "exit 3", on_error=OnError.CONTINUE)
    assert (ended.outcome, ended.exit_code) == (FAILED, 3)


def test_what_one_line_leaves_running_serves_the_next_one(rig: RunnerRig) -> None:
    lines = ("mkfifo box; (echo hello > box) &", "read -t 20 word < box; echo got $word")
    _, records = rig.run(*lines, on_error=OnError.CONTINUE)
    assert text(records) == "got hello\n"


def test_a_job_sees_the_allowed_environment_and_its_own(
    rig: RunnerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "SECRET_TOKEN", "SPARETIME_AGENT_PID"):
        monkeypatch.setenv(name, "secret")
    task = rig.start(
        "env -0 | sort -z | tr '\\0' '\\n'", environment={"GREETING": "grüß\ngott", "TMPDIR": "/x"}
    )
    ended = rig.ended(task)
    lines = text(rig.records(task, ended)).splitlines()
    seen = {line.partition("=")[0] for line in lines if "=" in line}
    assert "GREETING=grüß" in lines
    assert f"SPARETIME_JOB={task.ref.job}" in lines
    assert {"SPARETIME_ATTEMPT=1", "SPARETIME_CPUS=1", "PYTHONUNBUFFERED=1", "TMPDIR=/x"} <= set(lines)
    assert seen <= {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "XDG_RUNTIME_DIR", "LC_ALL"),
        *("GREETING", "TMPDIR", "PYTHONUNBUFFERED", "SPARETIME_JOB", "SPARETIME_ATTEMPT", "SPARETIME_CPUS"),
        *("PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"),
    }


def test_temporary_files_go_into_the_attempts_folder(rig: RunnerRig) -> None:
    task = rig.start("mktemp")
    made = Path(text(rig.records(task, rig.ended(task))).strip())
    assert made.parent == task.folder / "tmp"


def test_input_is_closed_and_broken_pipes_are_as_usual(rig: RunnerRig) -> None:
    ended, records = rig.run("cat", "set +o pipefail", "yes | head -1", shell=Shell.BASH)
    assert (ended.outcome, text(records)) == (COMPLETED, "y\n")


def test_both_streams_are_kept_apart_and_in_order(rig: RunnerRig) -> None:
    program = "import os,time\nfor n in range(4):\n os.write(1+n%2, b'%d' % n); time.sleep(.03)"
    task = rig.prepared(f'"{sys.executable}" say.py')
    (task.folder / "work" / "say.py").write_text(program)
    rig.pool.start(task)
    records = rig.records(task, rig.ended(task))
    assert [(r.stream, r.data) for r in records] == [
        (Stream.STDOUT, b"0"),
        (Stream.STDERR, b"1"),
        (Stream.STDOUT, b"2"),
        (Stream.STDERR, b"3"),
    ]
    assert records[0].time_ms <= records[-1].time_ms


def test_output_is_told_while_the_job_runs(rig: RunnerRig) -> None:
    task = rig.start("echo early", "read -t 60 < <(sleep 60) || true", shell=Shell.BASH)
    grown = rig.grew(task)
    assert b"early" in (task.folder / "output.log").read_bytes()[: grown.end]
    rig.pool.stop(task.ref, StopReason.CANCELLED)
    assert rig.ended(task).outcome is ResultOutcome.CANCELLED


def test_growth_is_told_a_few_times_not_once_per_line(rig: RunnerRig) -> None:
    task = rig.start("for n in $(seq 3000); do echo line $n; done", shell=Shell.BASH)
    rig.ended(task)
    assert len([e for e in rig.seen if isinstance(e, OutputGrew) and e.ref == task.ref]) < 300


def test_bytes_that_are_no_text_come_through_unchanged(rig: RunnerRig) -> None:
    task = rig.prepared("cat blob; cat blob >&2")
    blob = os.urandom(300_000)
    (task.folder / "work" / "blob").write_bytes(blob)
    rig.pool.start(task)
    records = rig.records(task, rig.ended(task))
    for stream in (Stream.STDOUT, Stream.STDERR):
        assert b"".join(r.data for r in records if r.stream is stream) == blob


def test_endless_output_keeps_head_and_tail(rig: RunnerRig) -> None:
    limit = 200_000
    task = rig.start("seq 1000000", output_limit_bytes=limit)
    ended = rig.ended(task)
    records = rig.records(task, ended)
    assert ended.outcome is COMPLETED
    assert ended.log_end <= limit
    gaps = [n for n, r in enumerate(records) if r.stream is Stream.GAP]
    assert len(gaps) == 1
    assert text(records[: gaps[0]]).startswith("1\n2\n3\n")
    assert text(records[gaps[0] + 1 :]).endswith("999999\n1000000\n")
    kept = sum(len(r.data) for r in records if r.stream is not Stream.GAP)
    assert kept + records[gaps[0]].left_out == len("".join(f"{n}\n" for n in range(1, 1_000_001)))
    assert not (task.folder / "output.tail").exists()


def test_an_endless_line_stays_out_of_memory(rig: RunnerRig) -> None:
    task = rig.start(
        "head -c 200000000 /dev/zero; grep VmHWM /proc/$PPID/status >&2", output_limit_bytes=1 << 20
    )
    ended = rig.ended(task)
    peak = text(rig.records(task, ended), Stream.STDERR)
    assert ended.outcome is COMPLETED
    assert int(peak.split()[1]) < 40 * 1024


def test_a_job_may_close_its_own_output(rig: RunnerRig) -> None:
    ended, records = rig.run("echo before", "exec >&- 2>&-", "sleep 0.2")
    assert (ended.outcome, text(records)) == (COMPLETED, "before\n")


def test_a_signal_that_kills_the_job_becomes_the_exit_code_that_shells_give_it(rig: RunnerRig) -> None:
    ended, _ = rig.run("kill -9 $$")
    assert (ended.outcome, ended.exit_code, ended.message) == (FAILED, 137, "")


def test_a_missing_program_has_the_shells_exit_code(rig: RunnerRig) -> None:
    ended, records = rig.run("no-such-program-here")
    assert (ended.outcome, ended.exit_code) == (FAILED, 127)
    assert "not found" in text(records, Stream.STDERR)


def test_the_time_limit_ends_the_job(rig: RunnerRig) -> None:
    ended, records = rig.run("echo begun", "sleep 60", time_limit_s=1)
    assert (ended.outcome, ended.exit_code, text(records)) == (ResultOutcome.TIMED_OUT, None, "begun\n")
    assert ended.message == "Stopped after its time limit of 1 s."


def test_the_memory_limit_ends_the_job(rig: RunnerRig) -> None:
    hog = f"\"{sys.executable}\" -c 'x = bytearray(120 << 20); import time; time.sleep(60)'"
    ended, _ = rig.run(hog, memory_mb=64)
    assert ended.outcome is FAILED
    assert "more than its 64 MiB" in ended.message


def test_a_long_script_and_a_huge_environment_are_not_too_long(rig: RunnerRig) -> None:
    filler = "# " + "x" * 900
    ended, records = rig.run(
        *[filler] * 150, "echo end", environment={f"N{n}": "y" * 1000 for n in range(200)}
    )
    assert (ended.outcome, text(records)) == (COMPLETED, "end\n")


def test_what_the_system_takes_not_is_told(rig: RunnerRig) -> None:
    ended, _ = rig.run("true", environment={"BIG": "x" * (1 << 20)})
    assert (ended.outcome, ended.exit_code) == (FAILED, 126)
    assert "too long" in ended.message
    ended, _ = rig.run("true", environment={"A=B": "x"})  # no name of a variable
    assert ended.outcome is FAILED


def test_a_missing_folder_is_the_pcs_trouble(rig: RunnerRig) -> None:
    task = rig.prepared("true")
    (task.folder / "work").rmdir()
    rig.pool.start(task)
    assert rig.ended(task).outcome is ResultOutcome.INTERRUPTED


def test_a_full_disk_interrupts_the_job(rig: RunnerRig) -> None:
    task = rig.prepared("yes")
    (task.folder / "output.log").symlink_to("/dev/full")
    rig.pool.start(task)
    ended = rig.ended(task)
    assert (ended.outcome, ended.log_end) == (ResultOutcome.INTERRUPTED, 0)
    assert "disk is full" in ended.message


def test_jobs_run_at_the_lowest_priority(rig: RunnerRig) -> None:
    _, records = rig.run("chrt -p $$; cat /proc/$$/oom_score_adj")
    assert "SCHED_IDLE" in text(records)
    assert text(records).endswith("1000\n")


def test_a_sandbox_or_shell_that_is_not_here_is_a_reason_to_reject(rig: RunnerRig) -> None:
    task = rig.prepared("true")
    assert rig.pool.can_run(task.spec) is None
    assert "cmd" in str(rig.pool.can_run(rig.prepared("x", shell=Shell.CMD).spec))
    assert "sandbox" in str(rig.pool.can_run(rig.prepared("x", sandbox=SandboxLevel.SANDBOX).spec))
    ended = rig.ended(rig.start("x", shell=Shell.CMD))
    assert (ended.outcome, ended.exit_code) == (FAILED, 127)


def test_a_runner_that_cannot_start_is_the_pcs_trouble(tmp_path: Path) -> None:
    rig = RunnerRig(tmp_path, argv=["/no/such/runner"])
    ended = rig.ended(rig.start("true"))
    assert ended.outcome is ResultOutcome.INTERRUPTED
    assert "could not start a runner process" in ended.message
    rig.pool.close(5)
    rig = RunnerRig(tmp_path / "2", argv=[sys.executable, "-c", ""])
    task = rig.start("true")
    assert rig.ended(task).outcome is ResultOutcome.INTERRUPTED
    rig.pool.close(5)
