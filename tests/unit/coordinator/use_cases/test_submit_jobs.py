"""Submitting: nothing is accepted twice, nothing that cannot run is accepted at all."""

from dataclasses import replace

import pytest

from coordinator.domain.errors import Invalid, KeyReused, NotFound
from coordinator.domain.job import JobOrder
from coordinator.domain.notices import WorkAvailable
from coordinator.use_cases.submit_jobs import IdempotencyKey, submit_job, submit_jobs
from shared.vocabulary import JobState, Mode, OnError, OperatingSystem, SandboxLevel, Shell
from tests.builders import SHA, an_order
from tests.fakes.office import Office

KEY = IdempotencyKey("anna", "key-1", b'{"commands":["true"]}')


def _all_jobs(office: Office) -> int:
    return len(office.store.read(lambda tx: tx.jobs.newest(None, None, 100)))


def test_a_job_waits_once_it_is_submitted(office: Office) -> None:
    job = office.submit("make")

    assert (job.state, job.attempt, job.leased, job.finished) == (JobState.PENDING, 0, False, False)
    assert job.created_at == office.clock.now
    assert office.heard() == [WorkAvailable(job.order.requirements)]


def test_the_same_key_with_the_same_body_is_the_same_job(office: Office) -> None:
    first, new = office.store.transact(lambda tx: submit_job(tx, an_order("true"), KEY))
    office.heard()
    again, new_again = office.store.transact(lambda tx: submit_job(tx, an_order("true"), KEY))

    assert (new, new_again) == (True, False)
    assert again == first
    assert _all_jobs(office) == 1
    assert office.heard() == []


def test_a_replay_shows_the_job_as_it_is_now(office: Office) -> None:
    job, _ = office.store.transact(lambda tx: submit_job(tx, an_order("true"), KEY))
    office.cancel(job.id)

    again, _ = office.store.transact(lambda tx: submit_job(tx, an_order("true"), KEY))

    assert again.state is JobState.CANCELLED


def test_the_same_key_with_another_body_is_refused(office: Office) -> None:
    office.store.transact(lambda tx: submit_job(tx, an_order("true"), KEY))
    other = replace(KEY, body=b'{"commands":["false"]}')

    with pytest.raises(KeyReused, match="another content"):
        office.store.transact(lambda tx: submit_job(tx, an_order("false"), other))
    assert _all_jobs(office) == 1


def test_another_person_may_use_the_same_key(office: Office) -> None:
    first, _ = office.store.transact(lambda tx: submit_job(tx, an_order(), KEY))
    other, new = office.store.transact(
        lambda tx: submit_job(tx, an_order(), replace(KEY, principal="bert", body=b"another"))
    )

    assert new
    assert other.id != first.id


def test_a_refused_job_leaves_its_key_free(office: Office) -> None:
    with pytest.raises(Invalid):
        office.store.transact(lambda tx: submit_job(tx, an_order(project=SHA), KEY))

    _, new = office.store.transact(lambda tx: submit_job(tx, an_order("true"), KEY))

    assert new


def test_a_key_is_forgotten_only_when_it_is_old(office: Office) -> None:
    office.store.transact(lambda tx: submit_job(tx, an_order(), KEY))
    made_at = office.clock.now
    office.clock.advance(86_400)

    office.store.transact(lambda tx: tx.jobs.forget_keys(made_at))
    assert office.store.transact(lambda tx: submit_job(tx, an_order(), KEY))[1] is False
    office.store.transact(lambda tx: tx.jobs.forget_keys(made_at + 1))
    assert office.store.transact(lambda tx: submit_job(tx, an_order(), KEY))[1] is True


def test_an_unknown_project_is_refused_by_its_field(office: Office) -> None:
    with pytest.raises(Invalid) as refusal:
        office.submit(project=SHA)

    assert [error.field for error in refusal.value.errors] == ["project"]
    assert _all_jobs(office) == 0


def test_a_stored_file_that_is_no_project_is_refused(office: Office) -> None:
    office.store.transact(lambda tx: tx.files.add_stored(SHA, 10))

    with pytest.raises(Invalid):
        office.submit(project=SHA)


def test_an_unknown_pc_is_refused_by_its_field(office: Office) -> None:
    with pytest.raises(Invalid) as refusal:
        office.submit(worker="pc-nowhere")

    assert [error.field for error in refusal.value.errors] == ["requirements.worker"]


def test_one_bad_order_keeps_the_whole_list_out(office: Office) -> None:
    orders = [an_order("true"), an_order(project=SHA), an_order("false")]

    with pytest.raises(Invalid):
        office.store.transact(lambda tx: submit_jobs(tx, orders))

    assert _all_jobs(office) == 0
    assert office.heard() == []


def test_a_list_keeps_its_order_and_wakes_one_waiter_for_each_job(office: Office) -> None:
    orders = [an_order(f"echo {n}") for n in range(1200)]

    jobs = office.store.transact(lambda tx: submit_jobs(tx, orders))

    assert [job.order for job in jobs] == orders
    assert [job.number for job in jobs] == sorted(job.number for job in jobs)
    assert len(office.heard()) == 256  # as many as one coordinator lets wait


def test_an_unknown_job_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound, match="There is no job"):
        office.job("job-nowhere")


def _full_order(worker: str) -> JobOrder:
    """Each field with another value than its default."""
    return an_order(
        "echo 'a  b'\t",
        "печать 日本 \U0001f600",
        mode=Mode.DIRECT,
        os=OperatingSystem.WINDOWS,
        cpus=3,
        memory_mb=512,
        labels=("bash", "os=windows"),
        worker=worker,
        sandbox=SandboxLevel.SANDBOX,
        plain=True,
        name='Wetter "Süd" \\ \'',
        project=SHA,
        project_name="Projekt (2).zip",
        on_error=OnError.CONTINUE,
        shell=Shell.POWERSHELL,
        environment=(("B", "2"), ("A", ""), ("С", "line\nline")),
        time_limit_s=77,
        retries=3,
        outputs=("out/**/*.txt", "a b"),
        collect=False,
        priority=-5,
        output_limit_bytes=1 << 40,
    )


def test_an_order_comes_out_of_the_store_as_it_went_in(office: Office) -> None:
    worker = office.agent().register()
    office.store.transact(lambda tx: tx.files.add_stored(SHA, 10))
    office.store.transact(lambda tx: tx.files.add_project(SHA, "x.zip", 1, 10))
    order = _full_order(worker.id)
    default = an_order()
    same = [f for f in JobOrder.__dataclass_fields__ if getattr(order, f) == getattr(default, f)]
    assert same == [], "the test must change every field"

    job = office.store.transact(lambda tx: submit_job(tx, order))[0]

    assert job.order == order
    assert office.job(job.id).order == order
    assert [j.order for j in office.store.read(lambda tx: tx.jobs.newest(None, None, 1))] == [order]
