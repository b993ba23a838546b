"""The journal: what it keeps over kills, tears and damage."""

from dataclasses import replace
from pathlib import Path

from shared.messages import AttemptRef, Result
from shared.vocabulary import ResultOutcome
from tray_agent.agent.outbox import Entry, Outbox

RESULT = Result("job-1", 2, "tok", ResultOutcome.FAILED, 3, "It “failed”.\n", 10, (), 1.5, 0.5)


def reopened(folder: Path) -> tuple[Entry, ...]:
    box = Outbox(folder)
    try:
        return box.entries()
    finally:
        box.close()


def filled(folder: Path) -> None:
    box = Outbox(folder)
    box.hold([Entry(AttemptRef("job-1", 2), "tok"), Entry(AttemptRef("job-2", 1), "two")])
    box.hold([Entry(AttemptRef("job-2", 1), "two", started=True)])
    box.add((RESULT,))
    box.close()


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    filled(tmp_path)
    by_ref = {entry.ref: entry for entry in reopened(tmp_path)}
    assert by_ref[AttemptRef("job-1", 2)].result == RESULT
    assert by_ref[AttemptRef("job-2", 1)] == Entry(AttemptRef("job-2", 1), "two", started=True)


def test_what_is_settled_does_not_come_back(tmp_path: Path) -> None:
    filled(tmp_path)
    box = Outbox(tmp_path)
    box.settle([AttemptRef("job-1", 2), AttemptRef("never", 1)])
    box.close()
    assert [entry.ref.job for entry in reopened(tmp_path)] == ["job-2"]


def test_every_torn_end_leaves_what_was_before_it(tmp_path: Path) -> None:
    filled(tmp_path)
    whole = (tmp_path / "journal").read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for length in range(last, len(whole)):
        (tmp_path / "journal").write_bytes(whole[:length])
        assert len(reopened(tmp_path)) >= 1


def test_a_damaged_line_is_set_aside_and_harms_no_other(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / "journal"
    path.write_bytes(b"not a line\n" + path.read_bytes() + b"00000000 {}\n\xff\xff\n")
    assert len(reopened(tmp_path)) == 2
    assert (tmp_path / "journal-unreadable-1").exists()
    assert len(reopened(tmp_path)) == 2


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    box = Outbox(tmp_path)
    text = "x" * 2000
    for number in range(1, 3000):
        ref = AttemptRef("job-1", number)
        box.hold([Entry(ref, "tok" + text)])
        box.settle([ref])
    box.add((replace(RESULT, attempt=7),))
    box.close()
    assert (tmp_path / "journal").stat().st_size < 5 << 20
    assert [entry.ref.attempt for entry in reopened(tmp_path)] == [7]
