"""Settling: each thing said is answered by itself, a result counts once, and the first end stands."""

from dataclasses import replace

import pytest

from coordinator.domain.attempt import attempt_token
from coordinator.domain.notices import JobChanged
from shared.messages import ArtifactEntry, Lease
from shared.vocabulary import Answer, AttemptOutcome, JobState, ResultOutcome, Stream
from tests.builders import (
    SHA,
    a_failure,
    a_result,
    err,
    log_part,
    out,
    ref_of,
    released,
    started,
)
from tests.fakes.office import Office
from tests.fakes.scripted_agent import ScriptedAgent


def _answers(agent: ScriptedAgent, **said: object) -> list[Answer]:
    return [settled.answer for settled in agent.exchange(**said).settled]


def _lost(office: Office, agent: ScriptedAgent) -> Lease:
    """A lease that ran out while its agent still works on it."""
    lease = agent.take_one()
    office.clock.advance(61)
    office.expire()
    return lease


def test_a_result_ends_the_job_for_good(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(started=(started(lease),))
    office.clock.advance(7)
    result = a_result(lease, message="All 3 tests passed.", duration_s=6.5, cpu_s=2.25)

    assert _answers(agent, results=(result,)) == [Answer.ACCEPTED]

    done = office.job(job.id)
    assert (done.state, done.exit_code, done.message) == (JobState.COMPLETED, 0, "All 3 tests passed.")
    assert (done.started_at, done.finished_at) == (office.clock.now - 7, office.clock.now)
    attempt = office.attempt(job.id)
    assert (attempt.outcome, attempt.duration_s, attempt.cpu_s) == (AttemptOutcome.COMPLETED, 6.5, 2.25)


def test_the_same_result_again_is_a_duplicate_and_changes_nothing(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(results=(a_result(lease),))
    before = (office.job(job.id), office.attempt(job.id))
    office.clock.advance(5)

    assert _answers(agent, results=(a_result(lease, message="later"),)) == [Answer.DUPLICATE]
    assert (office.job(job.id), office.attempt(job.id)) == before


def test_a_result_said_twice_in_one_breath_counts_once(office: Office) -> None:
    office.submit()
    agent = office.agent()
    lease = agent.take_one()

    answers = _answers(agent, results=(a_result(lease), a_result(lease)))

    assert answers == [Answer.ACCEPTED, Answer.DUPLICATE]


def test_a_result_is_a_duplicate_whatever_the_session(office: Office) -> None:
    office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(results=(a_result(lease),))
    again = agent.restart("session-2")
    again.register()

    assert _answers(again, results=(a_result(lease),)) == [Answer.DUPLICATE]


def test_a_result_of_the_session_before_is_accepted(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    again = agent.restart("session-2")
    again.register()

    reply = again.exchange(results=(a_result(lease),), holding=(ref_of(lease),))

    assert [s.answer for s in reply.settled] == [Answer.ACCEPTED]
    assert reply.gone == ()
    assert office.job(job.id).state is JobState.COMPLETED


def test_another_end_than_the_accepted_one_is_over(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    agent.exchange(results=(a_result(lease),))

    assert _answers(agent, results=(a_failure(lease),)) == [Answer.OVER]
    assert office.job(job.id).state is JobState.COMPLETED


def test_a_result_is_stale_once_the_attempt_was_lost(office: Office) -> None:
    job = office.submit()
    agent = office.agent(cpus=1)
    lease = _lost(office, agent)
    other = office.agent("session-other")
    fresh = other.take_one()

    assert _answers(agent, results=(a_result(lease),)) == [Answer.STALE]

    assert office.job(job.id).state is JobState.PENDING
    assert _answers(other, results=(a_result(fresh),)) == [Answer.ACCEPTED]
    assert _answers(agent, results=(a_result(lease),)) == [Answer.OVER]


def test_a_result_is_over_once_the_job_was_cancelled(office: Office) -> None:
    job = office.submit()
    agent = office.agent(cpus=1)
    lease = _lost(office, agent)
    office.cancel(job.id)

    assert _answers(agent, results=(a_result(lease),)) == [Answer.OVER]
    assert office.job(job.id).state is JobState.CANCELLED


def test_a_result_that_comes_after_the_lease_but_before_expiry_counts(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.clock.advance(3600)

    assert _answers(agent, results=(a_result(lease),)) == [Answer.ACCEPTED]
    assert office.expire() == 0
    assert office.job(job.id).state is JobState.COMPLETED


@pytest.mark.parametrize("about", ["started", "released", "results", "logs"])
def test_a_wrong_token_is_refused_and_changes_nothing(office: Office, about: str) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    forged = replace(lease, token="A" * 32)
    said = {
        "started": started(forged),
        "released": released(forged),
        "results": a_result(forged),
        "logs": log_part(forged, out(b"x")),
    }[about]
    before = (office.job(job.id), replace(office.attempt(job.id), lease_until=0))

    reply = agent.exchange(**{about: (said,)}, holding=(ref_of(lease),))

    assert [s.answer for s in (*reply.settled, *reply.logs)] == [Answer.REFUSED]
    assert (office.job(job.id), replace(office.attempt(job.id), lease_until=0)) == before


def test_the_token_of_one_attempt_does_not_fit_the_next(office: Office) -> None:
    office.submit()
    agent = office.agent(cpus=1)
    old = _lost(office, agent)
    fresh = office.agent("session-other").take_one()
    assert fresh.attempt == 2

    assert _answers(agent, results=(a_result(replace(fresh, token=old.token)),)) == [Answer.REFUSED]


def test_a_result_of_an_unknown_job_is_over(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    key = office.store.read(lambda tx: tx.token_key)
    deleted = replace(lease, attempt=7, token=attempt_token(key, job.id, 7))

    assert _answers(agent, results=(a_result(deleted),)) == [Answer.OVER]


def test_a_result_needs_its_log_first(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    record = out(b"hello")
    result = a_result(lease, log_end=len(record))

    reply = agent.exchange(results=(result,))

    assert [(s.answer, s.need) for s in reply.settled] == [(Answer.NEED, ("log",))]
    assert office.attempt(job.id).open
    assert _answers(agent, results=(result,), logs=(log_part(lease, record),)) == [Answer.ACCEPTED]


def test_a_result_needs_its_files_first(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    files = (ArtifactEntry("out/a.txt", 3, SHA), ArtifactEntry("out/b.txt", 3, SHA))
    result = a_result(lease, artifacts=files)

    reply = agent.exchange(results=(result,))

    assert [(s.answer, s.need) for s in reply.settled] == [(Answer.NEED, (SHA,))]
    office.store.transact(lambda tx: tx.files.add_stored(SHA, 3))
    assert _answers(agent, results=(result,)) == [Answer.ACCEPTED]
    attempt = office.attempt(job.id)
    assert office.store.read(lambda tx: tx.files.artifacts(attempt.id)) == list(files)


def test_what_is_needed_is_told_in_pieces_that_fit_a_reply(office: Office) -> None:
    office.submit()
    agent = office.agent()
    lease = agent.take_one()
    files = tuple(ArtifactEntry(f"f{n}", 1, f"{n:064x}") for n in range(1500))

    [settled] = agent.exchange(results=(a_result(lease, artifacts=files, log_end=1),)).settled

    assert (settled.answer, len(settled.need), settled.need[0]) == (Answer.NEED, 200, "log")


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "C:\\x", "a\\b", "nul.txt", "", "a//b"])
def test_a_file_with_an_impossible_path_is_refused_by_name(office: Office, path: str) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.store.transact(lambda tx: tx.files.add_stored(SHA, 3))

    [settled] = agent.exchange(results=(a_result(lease, artifacts=(ArtifactEntry(path, 3, SHA),)),)).settled

    assert settled.answer is Answer.REFUSED
    assert path in settled.message
    assert office.attempt(job.id).open


def test_a_file_that_is_listed_twice_is_refused(office: Office) -> None:
    office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.store.transact(lambda tx: tx.files.add_stored(SHA, 3))
    twice = (ArtifactEntry("a", 3, SHA), ArtifactEntry("a", 3, SHA))

    assert _answers(agent, results=(a_result(lease, artifacts=twice),)) == [Answer.REFUSED]


def test_one_bad_result_blocks_no_other(office: Office) -> None:
    jobs = [office.submit() for _ in range(5)]
    agent = office.agent(cpus=5)
    good, forged, needy, bad, last = agent.take()
    results = (
        a_result(good),
        a_result(replace(forged, token="A" * 32)),
        a_result(needy, log_end=99),
        a_result(bad, artifacts=(ArtifactEntry("..", 1, SHA),)),
        a_failure(last, 3),
    )

    assert _answers(agent, results=results) == [
        Answer.ACCEPTED,
        Answer.REFUSED,
        Answer.NEED,
        Answer.REFUSED,
        Answer.ACCEPTED,
    ]
    states = [office.job(job.id).state for job in jobs]
    assert [states[0], states[4]] == [JobState.COMPLETED, JobState.FAILED]
    assert states[1:4] == [JobState.PENDING] * 3


def test_a_job_runs_once_its_attempt_started(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.clock.advance(10)
    office.heard()

    assert _answers(agent, started=(started(lease, ago_s=4),)) == [Answer.ACCEPTED]

    running = office.job(job.id)
    assert (running.state, running.started_at) == (JobState.RUNNING, office.clock.now - 4)
    assert office.heard() == [JobChanged(job.id)]
    assert _answers(agent, started=(started(lease),)) == [Answer.DUPLICATE]
    assert office.job(job.id).started_at == office.clock.now - 4


def test_a_start_is_never_before_the_grant(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    granted = office.clock.now
    office.clock.advance(10)

    agent.exchange(started=(started(lease, ago_s=1e9),))

    assert office.job(job.id).started_at == granted


def test_a_start_and_its_result_in_one_breath(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.clock.advance(10)

    answers = _answers(agent, started=(started(lease, ago_s=6),), results=(a_result(lease),))

    assert answers == [Answer.ACCEPTED, Answer.ACCEPTED]
    done = office.job(job.id)
    assert (done.state, done.started_at) == (JobState.COMPLETED, office.clock.now - 6)
    assert office.attempt(job.id).started_at == office.clock.now - 6


def test_a_start_counts_though_its_result_still_needs_something(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()

    reply = agent.exchange(started=(started(lease),), results=(a_result(lease, log_end=20),))

    assert [s.answer for s in reply.settled] == [Answer.ACCEPTED, Answer.NEED]
    assert office.job(job.id).state is JobState.RUNNING
    assert office.attempt(job.id).started_at == office.clock.now


def test_a_result_alone_tells_its_start_by_its_duration(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    office.clock.advance(10)

    agent.exchange(results=(a_result(lease, duration_s=3.0),))

    assert office.job(job.id).started_at == office.clock.now - 3


def test_a_job_that_never_ran_has_no_start(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()

    agent.exchange(results=(a_failure(lease, None, duration_s=0.0, message="The ZIP is damaged."),))

    failed = office.job(job.id)
    assert (failed.state, failed.started_at, failed.message) == (JobState.FAILED, None, "The ZIP is damaged.")


def test_a_failure_is_told_in_words(office: Office) -> None:
    job = office.submit()
    agent = office.agent()

    agent.exchange(results=(a_failure(agent.take_one(), 127),))

    failed = office.job(job.id)
    assert (failed.state, failed.exit_code) == (JobState.FAILED, 127)
    assert failed.message == "Exit code 127: a program was not found on that PC."


def test_a_time_limit_fails_the_job(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    result = a_result(
        lease, outcome=ResultOutcome.TIMED_OUT, exit_code=None, message="Stopped after its 5 min."
    )

    agent.exchange(results=(result,))

    assert office.job(job.id).state is JobState.FAILED
    assert office.job(job.id).message == "Stopped after its 5 min."
    assert office.attempt(job.id).outcome is AttemptOutcome.TIMED_OUT


def _logged(
    office: Office, agent: ScriptedAgent, lease: Lease, *parts: tuple[bytes, int]
) -> list[tuple[Answer, int]]:
    reply = agent.exchange(logs=tuple(log_part(lease, data, offset) for data, offset in parts))
    return [(settled.answer, settled.next) for settled in reply.logs]


def test_output_is_stored_once_however_often_it_is_sent(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()
    one, two = out(b"one\n"), err(b"two\n")
    end = len(one + two)

    assert _logged(office, agent, lease, (one, 0)) == [(Answer.ACCEPTED, len(one))]
    assert _logged(office, agent, lease, (one, 0)) == [(Answer.ACCEPTED, len(one))]
    assert _logged(office, agent, lease, (one + two, 0), (two, len(one))) == [(Answer.ACCEPTED, end)] * 2

    attempt = office.attempt(job.id)
    assert (attempt.log_end, attempt.stdout_bytes, attempt.stderr_bytes) == (end, 4, 4)
    assert office.store.read(lambda tx: tx.output.text(attempt.id, None, 0, 100)) == b"one\ntwo\n"


def test_output_for_another_place_is_sent_back_to_the_true_one(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    lease = agent.take_one()

    assert _logged(office, agent, lease, (out(b"late"), 40)) == [(Answer.ACCEPTED, 0)]
    assert office.attempt(job.id).log_end == 0


def test_output_that_is_no_records_is_refused_and_blocks_nothing(office: Office) -> None:
    office.submit()
    office.submit()
    agent = office.agent()
    bad, good = agent.take()

    reply = agent.exchange(logs=(log_part(bad, b"plain text"), log_part(good, out(b"x"))))

    assert [s.answer for s in reply.logs] == [Answer.REFUSED, Answer.ACCEPTED]


def test_output_of_an_ended_attempt_is_waved_through(office: Office) -> None:
    job = office.submit()
    agent = office.agent(cpus=1)
    lease = _lost(office, agent)
    office.drain(agent, True)
    part = out(b"still talking")

    assert _logged(office, agent, lease, (part, 0)) == [(Answer.STALE, len(part))]
    office.cancel(job.id)
    assert _logged(office, agent, lease, (part, 0)) == [(Answer.OVER, len(part))]
    assert office.attempt(job.id).log_end == 0


def test_output_of_one_stream_can_be_read_alone(office: Office) -> None:
    job = office.submit()
    agent = office.agent()
    _logged(office, agent, agent.take_one(), (out(b"a") + err(b"b") + out(b"c"), 0))

    attempt = office.attempt(job.id).id

    assert office.store.read(lambda tx: tx.output.text(attempt, Stream.STDOUT, 0, 9)) == b"ac"
    assert office.store.read(lambda tx: tx.output.text(attempt, Stream.STDERR, 0, 9)) == b"b"
