"""Which jobs are ahead of one that waits, and what its PCs lack."""

from coordinator.use_cases.explain_jobs import job_sentence
from tests.fakes.office import Office


def _sentence(office: Office, job: str) -> str:
    return office.store.read(lambda tx: job_sentence(tx, tx.jobs.get(job)))


def test_a_job_that_no_pc_of_mine_can_run_is_not_ahead_of_me(office: Office) -> None:
    agent = office.agent(cpus=1)
    office.submit()
    agent.take_one()
    office.submit(labels=("gpu",))
    mine = office.submit()
    after = office.submit()
    assert _sentence(office, mine.id) == "Waiting: 1 PC matches, it is busy."
    assert _sentence(office, after.id) == "Waiting: 1 PC matches, it is busy; 1 job ahead."


def test_the_label_that_is_lacking_is_named(office: Office) -> None:
    office.agent()
    job = office.submit(labels=("gpu",))
    assert _sentence(office, job.id) == "Waiting: no PC can run it; 1 PC lacks a label (gpu)."
