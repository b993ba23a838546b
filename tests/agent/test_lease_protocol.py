"""The agent's side of the lease protocol against the coordinator's real use cases, every loss staged."""

from dataclasses import replace
from pathlib import Path

from shared.messages import AttemptRef
from shared.vocabulary import AgentState, AttemptOutcome, JobState, ResultOutcome
from tests.fakes.agent_rig import AgentRig
from tests.fakes.office import Office
from tests.fakes.office_link import OfficeLink
from tray_agent.agent.errors import Refused
from tray_agent.agent.events import CallFailed, Replied, StopAsked
from tray_agent.agent.ports import StopReason
from tray_agent.agent.states import Lane


def first(rig: AgentRig) -> AttemptRef:
    return next(iter(rig.runners.tasks))


def run_one(rig: AgentRig, office: Office, **changes) -> tuple[str, AttemptRef]:
    """Submit a job and let the agent take it."""
    job = office.submit("true", **changes)
    rig.let_through(Lane.HELD)
    ref = AttemptRef(job.id, 1)
    assert ref in rig.runners.tasks
    return job.id, ref


def renew(rig: AgentRig):
    """End the held call that the last news released, and let the next one through."""
    rig.let_through(Lane.HELD)
    rig.look(0.1)
    return rig.let_through(Lane.HELD)


def test_a_short_job_is_told_with_start_output_and_result_in_one_call(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.print(ref, b"hello\n")
    rig.end(ref)
    request = rig.calls.waiting[Lane.NEWS].request
    assert (len(request.started), len(request.logs), len(request.results)) == (1, 1, 1)
    rig.let_through()
    assert office.job(job).state is JobState.COMPLETED
    assert len(rig.desk.attempts) == 0
    assert not (rig.folder / "attempts" / f"{job}-1").exists()


def test_a_news_call_names_the_held_one_that_may_end(rig, office):
    _, ref = run_one(rig, office)
    rig.look(0.1)
    held = rig.calls.waiting[Lane.HELD].request
    assert held.wait == 15
    rig.begin(ref)
    rig.end(ref)
    assert rig.calls.waiting[Lane.NEWS].request.releases == held.seq


def test_a_lost_reply_with_leases_brings_the_same_leases_once(rig, office):
    job = office.submit("true")
    seq = rig.calls.waiting[Lane.HELD].request.seq
    rig.lose_reply(Lane.HELD)
    assert not rig.runners.tasks
    rig.look(2)
    assert rig.calls.waiting[Lane.HELD].request.seq == seq
    rig.let_through(Lane.HELD)
    assert list(rig.runners.tasks) == [AttemptRef(job.id, 1)]


def test_a_reply_that_arrives_twice_runs_nothing_twice(rig, office):
    job = office.submit("true")
    call = rig.calls.waiting[Lane.HELD]
    reply = rig.let_through(Lane.HELD)
    rig.loop.post(Replied(call, reply))
    rig.look()
    rig.desk.adopt(reply.leases)
    rig.look()
    assert list(rig.runners.tasks) == [AttemptRef(job.id, 1)]


def test_a_reply_that_arrives_again_after_the_end_runs_nothing_again(rig, office):
    office.submit("true")
    reply = rig.let_through(Lane.HELD)
    ref = first(rig)
    rig.begin(ref)
    rig.end(ref)
    rig.settle_all()
    rig.desk.adopt(reply.leases)
    rig.look()
    assert len(rig.desk.attempts) == 0


def test_the_loop_notices_a_sleep_and_ends_when_told(rig):
    clock = SleepyClock()
    rig.calls.send = lambda call: rig.loop.post(StopAsked("end")) if call.lane is Lane.NEWS else None
    rig.loop.run(clock)
    assert rig.calls.disconnects == 1


class SleepyClock:
    """Goes on by ten seconds with each reading; one of its clocks once jumps by an hour."""

    def __init__(self) -> None:
        self.now = 2000.0
        self.wall_reads = 0

    def monotonic(self) -> float:
        self.now += 10.0
        return self.now

    def wall(self) -> float:
        self.wall_reads += 1
        return 2e9 + (3600.0 if self.wall_reads >= 2 else 0.0)


def test_a_result_whose_reply_is_lost_is_accepted_once(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.end(ref)
    rig.lose_reply()
    assert office.job(job).state is JobState.COMPLETED
    rig.look(2)
    rig.let_through()
    assert len(rig.desk.attempts) == 0
    assert not list((rig.folder / "orphans").iterdir())


def test_ack_stays_below_a_seq_whose_reply_is_outstanding(rig, office):
    _, ref = run_one(rig, office)
    rig.look(0.1)
    held = rig.calls.waiting[Lane.HELD].request
    rig.begin(ref)
    rig.end(ref)
    news = rig.calls.waiting[Lane.NEWS].request
    assert news.seq > held.seq
    assert news.ack == held.seq - 1


def test_gone_kills_at_once_and_forgets_the_folder(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.settle_all()
    office.clock.advance(1000)
    office.expire()
    rig.look(1)
    reply = renew(rig)
    assert reply.gone == (ref,)
    assert rig.runners.stopped == [(ref, StopReason.CANCELLED)]
    assert ref not in rig.desk.attempts.holding()
    rig.end(ref, None, ResultOutcome.CANCELLED)
    assert not (rig.folder / "attempts" / f"{job}-1").exists()


def test_a_result_that_comes_too_late_goes_to_the_orphans(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.settle_all()
    office.clock.advance(1000)
    office.expire()
    rig.print(ref, b"kept\n")
    rig.end(ref)
    rig.settle_all()
    assert office.attempt(job).outcome is AttemptOutcome.LOST
    kept = rig.folder / "orphans" / f"{job}-1"
    assert (kept / "result.json").exists()
    assert (kept / "output.log").exists()
    assert ref not in rig.desk.attempts.holding()


def test_cancel_stops_what_runs_and_the_result_says_so(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.settle_all()
    office.cancel(job)
    rig.look(1)
    rig.let_through(Lane.HELD)
    assert rig.runners.stopped == [(ref, StopReason.CANCELLED)]
    rig.end(ref, None, ResultOutcome.CANCELLED)
    rig.settle_all()
    assert office.job(job).state is JobState.CANCELLED


def test_drain_is_taken_up_and_given_up_again(rig, office):
    worker = office.store.read(lambda tx: tx.workers.of_session("session-1")).id
    office.store.transact(lambda tx: tx.workers.set_drain(worker, True))
    rig.let_through(Lane.HELD)
    rig.look(1)
    assert rig.calls.waiting[Lane.HELD].request.report.availability is AgentState.DRAINING
    office.store.transact(lambda tx: tx.workers.set_drain(worker, False))
    rig.let_through(Lane.HELD)
    rig.look(1)
    assert rig.calls.waiting[Lane.HELD].request.report.availability is AgentState.AVAILABLE


def test_live_output_goes_out_in_the_coordinators_rhythm(rig, office):
    _, ref = run_one(rig, office)
    rig.begin(ref)
    rig.settle_all()
    rig.print(ref, b"1\n")
    assert Lane.NEWS not in rig.calls.waiting
    assert rig.look(0.0) <= rig.now + 0.25
    rig.look(0.25)
    assert rig.calls.waiting[Lane.NEWS].request.logs[0].data.endswith(b"1\n")
    rig.print(ref, b"2\n")
    rig.let_through()
    rig.look(0.25)
    assert rig.calls.waiting[Lane.NEWS].request.logs[0].data.endswith(b"2\n")


def test_a_large_log_goes_up_by_its_own_calls_before_the_result(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.print(ref, *[b"x" * 60_000] * 40)
    rig.end(ref)
    rig.settle_all()
    assert office.job(job).state is JobState.COMPLETED
    attempt = office.attempt(job)
    assert office.store.read(lambda tx: tx.output.log_end(attempt.id)) == 40 * 60_013


def test_new_files_go_up_before_the_result(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    work = rig.runners.tasks[ref].folder / "work"
    (work / "sub").mkdir()
    (work / "sub" / "ergebnis ü.txt").write_bytes(b"42" * 3000)
    rig.end(ref)
    rig.settle_all()
    assert office.job(job).state is JobState.COMPLETED
    attempt = office.attempt(job)
    [artifact] = office.store.read(lambda tx: tx.files.artifacts(attempt.id))
    assert artifact.path == "sub/ergebnis ü.txt"
    assert rig.link.files[artifact.sha256] == b"42" * 3000


def test_need_is_met_and_the_result_said_again(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.print(ref, b"some\n")
    rig.end(ref)
    call = rig.calls.waiting[Lane.NEWS]
    crippled = replace(call, request=replace(call.request, logs=()))
    reply = rig.ask(crippled)
    assert reply.settled[-1].need == ("log",)
    del rig.calls.waiting[Lane.NEWS]
    rig.loop.post(Replied(call, reply))
    rig.look()
    rig.settle_all()
    assert office.job(job).state is JobState.COMPLETED


def test_an_hour_without_the_coordinator_loses_nothing(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.lose_call() if Lane.NEWS in rig.calls.waiting else rig.look(0.1)
    tries = 0
    end = rig.now + 3600
    ended = False
    while rig.now < end:
        look = rig.look()
        for lane in list(rig.calls.waiting):
            tries += 1
            rig.lose_call(lane)
        if not ended and rig.now > end - 3000:
            rig.end(ref)
            ended = True
        rig.now = max(rig.now + 0.01, min(look, rig.now + 30))
    assert 60 < tries < 1000
    assert rig.shown[-1].state is AgentState.UNREACHABLE
    assert any(entry.result for entry in rig.outbox.entries())
    rig.look(60)
    rig.settle_all()
    assert office.job(job).state is JobState.COMPLETED


def test_a_spooled_result_is_sent_again_after_a_kill(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.print(ref, b"out\n")
    rig.end(ref)
    fresh = rig.restart("session-2")
    fresh.let_through()
    fresh.settle_all()
    assert office.job(job).state is JobState.COMPLETED
    assert len(fresh.desk.attempts) == 0
    fresh.outbox.close()
    rig.outbox = fresh.outbox = type(fresh.outbox)(rig.folder / "outbox")
    assert not fresh.outbox.entries()


def test_what_ran_at_a_kill_is_reported_interrupted_with_its_log(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.print(ref, b"half\n")
    fresh = rig.restart("session-2")
    fresh.let_through()
    fresh.settle_all()
    attempt = office.attempt(job)
    assert attempt.outcome is AttemptOutcome.INTERRUPTED
    assert office.store.read(lambda tx: tx.output.log_end(attempt.id)) == 18
    rig.outbox = fresh.outbox


def test_an_unknown_session_registers_again_and_goes_on_holding(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.settle_all()
    office.store.transact(
        lambda tx: tx.workers.save(replace(tx.workers.of_session("session-1"), session="x"))
    )
    rig.look(1)
    rig.let_through(Lane.HELD)  # answered: unknown
    office.store.transact(
        lambda tx: tx.workers.save(replace(tx.workers.of_session("x"), session="session-1"))
    )
    rig.look(2)
    rig.let_through()  # registers
    assert len(rig.link.registered) == 2
    assert rig.link.registered[1].session == "session-1"
    rig.end(ref)
    rig.settle_all()
    assert office.job(job).state is JobState.COMPLETED


def test_a_second_agent_with_the_same_identity_becomes_a_new_one(rig, office, tmp_path: Path):
    clone = AgentRig(tmp_path / "clone", OfficeLink(office), "session-9", rig.worker).open()
    clone.let_through()
    assert clone.conflicts == 1
    clone.let_through()
    assert clone.talk.registered
    assert clone.worker != rig.worker
    clone.outbox.close()


def test_a_fixed_identity_waits_until_the_other_agent_ends(rig, office, tmp_path: Path):
    clone = AgentRig(tmp_path / "clone", OfficeLink(office), "session-9", rig.worker)
    clone.fixed = True
    clone.open().let_through()
    assert not clone.talk.registered
    office.clock.advance(100)
    clone.look(2)
    clone.let_through()
    assert clone.talk.registered
    assert clone.worker == rig.worker
    clone.outbox.close()


def test_after_a_sleep_the_first_call_renews_and_nothing_starts_before(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.settle_all()
    office.submit("true")
    rig.look(0.1)
    rig.let_through(Lane.HELD)
    rig.look(1)
    before = len(rig.runners.tasks)
    office.clock.advance(4000)
    office.expire()
    rig.now += 4000
    rig.talk.woke(rig.now)
    rig.look()
    assert Lane.NEWS in rig.calls.waiting
    assert not rig.talk.may_start
    assert rig.calls.disconnects == 1
    reply = rig.let_through()
    assert ref in reply.gone
    assert (ref, StopReason.CANCELLED) in rig.runners.stopped
    assert rig.talk.may_start
    assert before >= 1
    assert office.attempt(job).outcome is AttemptOutcome.LOST


def test_next_poll_is_kept_and_connections_are_closed(rig, office):
    call = rig.calls.waiting.pop(Lane.HELD)
    rig.loop.post(Replied(call, replace(rig.ask(call), next_poll_s=7.0)))
    rig.look()
    assert rig.calls.disconnects == 1
    assert rig.look(6.9) <= rig.now + 0.2
    assert not rig.calls.waiting
    rig.look(0.2)
    assert Lane.HELD in rig.calls.waiting


def test_stopping_hands_back_what_waits_and_reports_what_ran(rig, office):
    job, ref = run_one(rig, office)
    rig.begin(ref)
    rig.settle_all()
    rig.stop()
    assert rig.runners.stopped == [(ref, StopReason.INTERRUPTED)]
    assert not rig.loop.is_over(rig.now)
    rig.end(ref, None, ResultOutcome.INTERRUPTED)
    rig.settle_all()
    assert not rig.loop.is_over(rig.now)
    rig.let_through(Lane.HELD)
    assert rig.loop.is_over(rig.now)
    assert office.attempt(job).outcome is AttemptOutcome.INTERRUPTED


def test_stopping_says_goodbye_and_hands_back_a_lease_that_was_on_its_way(rig, office):
    job = office.submit("true")
    rig.stop()
    farewell = rig.calls.waiting[Lane.NEWS].request
    assert farewell.report.availability is AgentState.DRAINING
    assert farewell.releases == rig.calls.waiting[Lane.HELD].request.seq
    late = rig.calls.waiting[Lane.HELD]
    reply = rig.ask(late)  # the coordinator granted a lease before it heard the farewell
    rig.let_through()
    assert not rig.loop.is_over(rig.now)
    del rig.calls.waiting[Lane.HELD]
    rig.loop.post(Replied(late, reply))
    rig.look()
    rig.settle_all()
    assert rig.loop.is_over(rig.now)
    assert not rig.runners.tasks
    assert office.attempt(job.id).outcome is AttemptOutcome.RELEASED


def test_stopping_without_a_coordinator_keeps_the_result_and_ends(rig, office):
    _, ref = run_one(rig, office)
    rig.begin(ref)
    rig.settle_all()
    rig.stop()
    rig.end(ref, None, ResultOutcome.INTERRUPTED)
    rig.lose_call()
    assert rig.loop.is_over(rig.now)
    assert [entry.ref for entry in rig.outbox.entries() if entry.result] == [ref]


def test_without_always_it_registers_and_takes_nothing(office, tmp_path: Path):
    rig = AgentRig(tmp_path / "shy", OfficeLink(office), "session-1").open(always=False)
    rig.let_through()
    office.submit("true")
    reply = rig.let_through(Lane.HELD)
    assert not reply.leases
    report = rig.calls.waiting[Lane.HELD].request.report
    assert (report.availability, report.free) == (AgentState.IN_USE, 0)
    assert "--always" in report.reason
    rig.outbox.close()


def test_a_call_that_hangs_beyond_all_limits_is_repeated_on_a_new_thread(rig):
    seq = rig.calls.waiting[Lane.HELD].request.seq
    rig.look(25 + 56)
    assert rig.calls.replaced == [Lane.HELD]
    rig.look(2)
    assert rig.calls.waiting[Lane.HELD].request.seq == seq


def test_one_malformed_result_blocks_no_other(rig, office):
    jobs = [office.submit("true"), office.submit("true")]
    rig.let_through(Lane.HELD)
    refs = [AttemptRef(job.id, 1) for job in jobs]
    for ref in refs:
        rig.begin(ref)
    rig.settle_all()
    rig.end(refs[0])
    rig.settle_all() if Lane.NEWS not in rig.calls.waiting else None
    rig.end(refs[1])
    for _ in range(20):
        call = rig.calls.waiting.get(Lane.NEWS)
        if call is not None and any(item.job == refs[0].job for item in call.request.results):
            del rig.calls.waiting[Lane.NEWS]
            rig.loop.post(CallFailed(call, Refused("malformed", 422)))
            rig.look()
        elif call is not None:
            rig.let_through()
        rig.look(0.1)
    assert office.job(jobs[1].id).state is JobState.COMPLETED
    assert [path.name for path in (rig.folder / "orphans").iterdir()] == [f"{jobs[0].id}-1"]
