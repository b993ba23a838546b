"""Workers that fetch jobs without their names: each job runs once, and none is lost when one of them dies."""

import pytest

from coordinator.use_cases.purge import forget_silent_seeds
from tests.builders import a_result, err, log_part, out, started
from tests.fakes.scripted_agent import ScriptedAgent
from tests.fakes.seed_caller import SeedCaller
from tests.fakes.web_office import WebOffice


def pass_time(web: WebOffice, seed: SeedCaller, seconds: int, *alive: str) -> None:
    """Let the time pass as it does: living workers beat every 10 s, and the coordinator looks as often."""
    for _ in range(seconds // 10):
        web.clock.advance(10)
        for worker in alive:
            assert seed.beat(worker).status == 200
        web.office.expire()


def test_workers_register_beat_and_are_listed(web: WebOffice, seed: SeedCaller) -> None:
    answer = seed.register("w1", os="win32", cpuCount=8, version="2.0", status="idle")
    assert (answer.json()["success"], answer.json()["workerId"]) == (True, "w1")
    web.clock.advance(5)
    beat = seed.beat("w1").json()
    assert beat == {"success": True, "workerId": "w1", "timestamp": 1_800_000_005_000}
    seed.register("w1", os="darwin", hostname="new")
    for path in ("/api/workers/register", "/api/workers/list"):
        assert seed.client.get(path).json() == {
            "workers": [
                {
                    "workerId": "w1",
                    "hostname": "new",
                    "os": "darwin",
                    "cpuCount": 2,
                    "status": "idle",
                    "lastHeartbeat": 1_800_000_005_000,
                    "version": "",
                }
            ],
            "count": 1,
        }
    web.clock.advance(31)
    assert seed.worker_states() == {"w1": "offline"}


def test_a_long_name_is_a_name(seed: SeedCaller) -> None:
    name = "Bürorechner-" + "x" * 180
    assert seed.register(name).status == 200
    assert seed.beat(name).status == 200


def test_the_id_of_an_agent_is_taken(web: WebOffice, seed: SeedCaller) -> None:
    agent = web.office.agent().register()
    answer = seed.register(agent.id)
    assert (answer.status, answer.json()["statusCode"]) == (409, 409)
    assert seed.beat(agent.id).status == 404
    assert seed.worker_states() == {agent.id: "draining"}


def test_ten_workers_at_one_address_each_get_a_job_of_their_own(web: WebOffice, seed: SeedCaller) -> None:
    workers = [f"w{n}" for n in range(10)]
    for worker in workers:
        seed.register(worker)
    jobs = [seed.create(f"echo {n}") for n in range(10)]
    aliases = [seed.take() for _ in workers]
    assert [alias.rpartition("-")[0] for alias in aliases] == jobs
    assert set(seed.worker_states().values()) == {"busy"}
    assert seed.get_job() is None
    pass_time(web, seed, 600, *workers)  # not one of them has said its name yet
    for worker, alias in zip(reversed(workers), aliases, strict=True):
        assert seed.submit(alias, worker, worker).status == 200
    assert [seed.status(job)["workerId"] for job in jobs] == workers[::-1]
    assert {web.office.job(job).attempt for job in jobs} == {1}


def test_the_first_report_binds_the_job(seed: SeedCaller) -> None:
    seed.register("w1")
    seed.register("w2")
    job = seed.create()
    alias = seed.take()
    seed.stream(alias, "x", workerId="w1")
    assert seed.status(job)["workerId"] == "w1"
    for refused in (
        seed.submit(alias, "w2"),
        seed.submit(job, "w2"),
        seed.submit_failure(alias, "w2", "no"),
        seed.stream(alias, "y", workerId="w2"),
    ):
        assert (refused.status, refused.json()["statusCode"]) == (403, 403)
    assert seed.submit(job, "w1", "x").status == 200  # the creator's id means the attempt under way
    assert seed.submit(alias, "w2").status == 403
    assert seed.status(job)["stdout"] == "x"


def test_who_says_its_name_while_asking_is_bound_at_once(seed: SeedCaller) -> None:
    seed.register("w1")
    seed.create()
    alias = seed.take("w1")
    assert seed.status(alias)["workerId"] == "w1"
    assert seed.submit(alias, "w2").status == 403


def test_a_job_is_not_reported_by_who_never_fetched_it(
    web: WebOffice, seed: SeedCaller, elsewhere: SeedCaller
) -> None:
    waiting = seed.create()
    assert seed.submit(waiting, "w1").status == 403
    alias = seed.take()
    assert elsewhere.submit(waiting, "w1").status == 403  # not fetched from there
    assert elsewhere.stream(waiting, "x").status == 403
    assert elsewhere.submit(alias, "w1").status == 200  # only who fetched it knows the alias
    native = web.submit("echo")
    agent = web.office.agent()
    lease = agent.take_one()
    for name in (native, f"{native}-1"):
        assert seed.submit(name, "w1").status == 403
        assert seed.stream(name, "x").status == 403
    assert lease.job == native and not seed.is_cancelled(native)


def test_a_silent_job_of_a_live_worker_goes_on(web: WebOffice, seed: SeedCaller) -> None:
    seed.register("w1")
    job = seed.create()
    alias = seed.take()
    pass_time(web, seed, 3600, "w1")
    seed.submit(alias, "w1", "done")
    assert (seed.status(job)["stdout"], web.office.job(job).attempt) == ("done", 1)


def test_the_job_of_a_worker_that_falls_silent_returns(web: WebOffice, seed: SeedCaller) -> None:
    seed.register("w1")
    job = seed.create()
    first = seed.take()
    pass_time(web, seed, 30)
    assert seed.status(job)["status"] == "running"
    pass_time(web, seed, 10)
    assert seed.status(job)["status"] == "pending"
    assert seed.is_cancelled(first)  # whoever still runs it may stop
    seed.register("w2")
    second = seed.take()
    assert second == f"{job}-2"
    seed.stream(second, "new")
    late = seed.submit(first, "w1", "old")
    assert (late.status, late.json()["success"]) == (200, True)
    assert (seed.status(job)["status"], seed.status(job)["stdout"]) == ("running", "new")
    seed.submit(second, "w2", "new")
    assert (seed.status(job)["status"], seed.status(job)["stdout"]) == ("completed", "new")


@pytest.mark.parametrize("named", [False, True])
def test_output_and_questions_are_signs_of_life(web: WebOffice, seed: SeedCaller, named: bool) -> None:
    """Also for a worker that never registered: it cannot beat."""
    job = seed.create()
    alias = seed.take()
    name = {"workerId": "w1"} if named else {}
    for n in range(20):
        web.clock.advance(25)
        web.office.expire()
        assert (seed.stream(alias, ".", **name) if n % 2 else seed.is_cancelled(alias)) is not True
    assert seed.submit(alias, "w1").status == 200
    assert web.office.job(job).attempt == 1


def test_who_never_registered_must_report_within_a_minute(web: WebOffice, seed: SeedCaller) -> None:
    job = seed.create()
    seed.take()
    pass_time(web, seed, 60)
    assert seed.status(job)["status"] == "running"
    pass_time(web, seed, 10)
    assert seed.status(job)["status"] == "pending"


def test_of_two_jobs_of_two_workers_one_returns_when_one_worker_dies(
    web: WebOffice, seed: SeedCaller
) -> None:
    for worker in ("w1", "w2"):
        seed.register(worker)
    jobs = [seed.create(), seed.create()]
    aliases = [seed.take(), seed.take()]
    pass_time(web, seed, 100, "w1", "w2")
    pass_time(web, seed, 40, "w2")  # as many as beat keep theirs: one
    assert [seed.status(job)["status"] for job in jobs] == ["pending", "running"]
    seed.submit(aliases[1], "w2")
    assert seed.take() == f"{jobs[0]}-2"


def test_the_dead_workers_job_is_found_in_the_end_even_if_the_wrong_one_returned_first(
    web: WebOffice, seed: SeedCaller
) -> None:
    for worker in ("w1", "w2"):
        seed.register(worker)
    jobs = [seed.create(), seed.create()]
    aliases = [seed.take(), seed.take()]  # w1's, w2's; nobody can tell
    pass_time(web, seed, 50, "w1")
    assert [seed.status(job)["status"] for job in jobs] == ["pending", "running"]
    assert seed.submit(aliases[0], "w1").status == 200  # so that was w1's, and it holds nothing now
    pass_time(web, seed, 40, "w1")
    assert [seed.status(job)["status"] for job in jobs] == ["pending", "pending"]


def test_a_worker_that_prints_is_not_taken_for_the_dead_one(web: WebOffice, seed: SeedCaller) -> None:
    for worker in ("w1", "w2"):
        seed.register(worker)
    jobs = [seed.create(), seed.create()]
    aliases = [seed.take(), seed.take()]
    for _ in range(5):
        pass_time(web, seed, 10, "w1")
        seed.stream(aliases[0], ".")
    assert [seed.status(job)["status"] for job in jobs] == ["running", "pending"]


def test_while_its_neighbour_beats_and_asks_for_nothing_a_silent_job_lives(
    web: WebOffice, seed: SeedCaller
) -> None:
    for worker in ("w1", "w2"):
        seed.register(worker)
    job = seed.create()
    seed.take()
    pass_time(web, seed, 200, "w2")  # it may well be w2 that runs it
    assert seed.status(job)["status"] == "running"


def test_an_idle_neighbour_does_not_keep_a_dead_workers_job(web: WebOffice, seed: SeedCaller) -> None:
    for worker in ("w1", "w2"):
        seed.register(worker)
    job = seed.create()
    seed.take()  # w1's
    pass_time(web, seed, 40, "w2")
    assert seed.get_job() == f"{job}-2"  # w2 asks, so it runs nothing, and w1 is silent
    assert web.office.attempt(job).worker == "w1"


def test_who_was_taken_for_dead_may_tell_its_late_result(web: WebOffice, seed: SeedCaller) -> None:
    for worker in ("w1", "w2"):
        seed.register(worker)
    job = seed.create()
    alias = seed.take()  # w2's, but it prints nothing
    pass_time(web, seed, 40, "w2")
    assert seed.get_job() == f"{job}-2"  # somebody else at this address asks
    assert web.office.attempt(job).worker == "w1"
    late = seed.submit(alias, "w2", "old")
    assert (late.status, seed.status(job)["status"]) == (200, "running")


def test_a_worker_that_comes_back_under_a_new_id_does_not_keep_its_old_job(
    web: WebOffice, seed: SeedCaller
) -> None:
    seed.register("w1")
    job = seed.create()
    seed.take()
    pass_time(web, seed, 10, "w1")
    seed.register("w1-again")
    pass_time(web, seed, 50, "w1-again")
    assert seed.status(job)["status"] == "pending"


def test_a_worker_that_comes_back_under_its_old_id_does_not_keep_its_old_job(
    web: WebOffice, seed: SeedCaller
) -> None:
    seed.register("w1")
    job = seed.create()
    seed.take("w1")
    pass_time(web, seed, 10, "w1")
    seed.register("w1")
    pass_time(web, seed, 40, "w1")
    assert seed.status(job)["status"] == "pending"


def test_a_named_job_lives_and_dies_with_its_worker(web: WebOffice, seed: SeedCaller) -> None:
    for worker in ("w1", "w2"):
        seed.register(worker)
    job = seed.create()
    seed.take("w1")
    pass_time(web, seed, 300, "w1", "w2")
    assert seed.status(job)["status"] == "running"
    pass_time(web, seed, 40, "w2")
    assert seed.status(job)["status"] == "pending"


def test_a_worker_may_change_its_address(web: WebOffice, seed: SeedCaller, elsewhere: SeedCaller) -> None:
    seed.register("w1")
    job = seed.create()
    alias = elsewhere.take()
    pass_time(web, elsewhere, 100, "w1")
    assert seed.status(job)["status"] == "running"
    assert elsewhere.submit(alias, "w1").status == 200


def test_all_ways_to_this_machine_are_one_address(web: WebOffice) -> None:
    app = web.client.app
    SeedCaller(app, "127.0.0.1").register("w1")
    job = SeedCaller(app, "::1").create()
    SeedCaller(app, "::1").take()
    for address in ("::ffff:127.0.0.1", "127.0.0.9", "::1"):
        pass_time(web, SeedCaller(app, address), 100, "w1")
    assert web.office.job(job).attempt == 1 and web.office.job(job).leased


def test_ghosts_are_forgotten_after_a_day(web: WebOffice, seed: SeedCaller) -> None:
    seed.register("ghost")
    web.clock.advance(23 * 3600)
    seed.register("w1")
    web.clock.advance(3601)
    web.store.transact(forget_silent_seeds)
    assert seed.worker_states() == {"w1": "offline"}


def test_old_workers_take_plain_native_jobs_and_only_those(web: WebOffice, seed: SeedCaller) -> None:
    web.submit("exit 1", onError="stop")
    assert seed.get_job() is None  # from who never registered
    seed.register("w1")
    web.submit("echo", onError="continue", timeLimitS=5)
    web.submit("echo", onError="continue", requirements={"labels": ["gpu"]})
    web.submit("echo", onError="continue", requirements={"worker": "w1"})
    web.submit("echo", onError="continue", requirements={"os": "windows"})
    assert seed.get_job() is None
    linux = web.submit("echo", onError="continue", requirements={"os": "linux"})
    anywhere = web.submit("echo", onError="continue")
    assert seed.take() == f"{linux}-1"
    assert seed.take() == f"{anywhere}-1"


def test_a_job_for_one_system_goes_only_where_all_have_it(
    web: WebOffice, seed: SeedCaller, elsewhere: SeedCaller
) -> None:
    web.submit("echo", onError="continue", requirements={"os": "windows"})
    assert elsewhere.get_job() is None  # nobody there has registered
    seed.register("w1", os="win32")
    seed.register("w2", os="linux")
    assert seed.get_job() is None
    assert seed.get_job("w2") is None
    assert seed.get_job("w1") is not None


def test_a_draining_worker_gets_nothing(web: WebOffice, seed: SeedCaller) -> None:
    seed.register("w1")
    seed.create()
    web.client.call("PUT", "/api/v1/workers/w1/drain", b'{"drain": true}')
    assert seed.get_job() is None and seed.get_job("w1") is None
    assert seed.worker_states() == {"w1": "draining"}
    web.client.call("PUT", "/api/v1/workers/w1/drain", b'{"drain": false}')
    assert seed.get_job() is not None


def test_a_native_agent_runs_a_job_of_the_older_calls(web: WebOffice, seed: SeedCaller) -> None:
    job = seed.create("echo one\nfalse\necho two")
    agent: ScriptedAgent = web.office.agent()
    lease = agent.take_one()
    assert (lease.spec.on_error.value, lease.spec.collect) == ("continue", False)
    assert seed.status(job)["status"] == "pending"  # it has not started
    log = out(b"one\n\xff") + err(b"bad")
    agent.exchange(started=(started(lease),), logs=(log_part(lease, log),))
    told = seed.status(job)
    assert (told["status"], told["stdout"], told["stderr"]) == ("running", "one\n�", "bad")
    agent.exchange(results=(a_result(lease, log_end=len(log)),))
    assert seed.status(job)["status"] == "completed"
    assert seed.cancel(job).status == 400


def test_a_native_run_is_asked_to_stop(web: WebOffice, seed: SeedCaller) -> None:
    job = seed.create()
    agent = web.office.agent()
    agent.take_one()
    assert seed.cancel(job).json()["message"] == "The worker was asked to stop the job."
    assert [order.job for order in agent.exchange().orders] == [job]
