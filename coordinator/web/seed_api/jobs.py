"""Jobs of the older interface: created, listed, fetched by workers, looked at, cancelled."""

from coordinator.domain.errors import Conflict, Invalid
from coordinator.domain.job import JobOrder
from coordinator.domain.requirements import Requirements
from coordinator.use_cases.cancel_jobs import cancel_job
from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.seed_attempts import find_reference, hand_out
from coordinator.use_cases.seed_reports import Reporter, should_stop
from coordinator.use_cases.seed_status import list_jobs, read_status
from coordinator.use_cases.submit_jobs import submit_job
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.seed_api.addresses import address_of
from coordinator.web.seed_api.forms import (
    SeedAskQuery,
    SeedCancelForm,
    SeedCreateForm,
    SeedJobQuery,
    SeedListQuery,
    command_lines,
    file_name,
    one_line,
    read_form,
    read_query,
)
from coordinator.web.seed_api.uploads import EMPTY_NAME, file_url, project_of
from coordinator.web.seed_api.views import (
    SeedCancelReply,
    SeedJobList,
    SeedJobReply,
    SeedNoTaskReply,
    SeedTask,
    SeedTaskReply,
    job_view,
)
from shared.vocabulary import JobState, Mode, OnError

ORIGIN = "seed"


def create(call: Call) -> Reply:
    """Queue a job."""
    form = read_form(call, SeedCreateForm)
    order = seed_order(form.command, "command", project_of(call, form.file_url), form.filename)
    job, _ = call.services.store.transact(lambda tx: submit_job(tx, order, origin=ORIGIN))
    return json_reply(SeedJobReply(True, job.id, "The job waits for a worker."))


def seed_order(
    commands: str, field: str, project: str | None, filename: str | None, mode: Mode = Mode.DISTRIBUTED
) -> JobOrder:
    """Make an order as the first system ran it, whoever runs it. Raises Invalid naming `field`."""
    lines = command_lines(commands, field)
    name = file_name(filename)
    return JobOrder(
        commands=lines,
        requirements=Requirements(mode=mode, plain=mode is Mode.DISTRIBUTED),
        name=name or one_line(lines[0])[:200],
        project=project,
        project_name=name,
        on_error=OnError.CONTINUE,
        collect=False,
    )


def list_all(call: Call) -> Reply:
    """List jobs, the newest last."""
    query = read_query(call, SeedListQuery)
    before = int(query.before) if query.before else None
    page = call.services.store.read(lambda tx: list_jobs(tx, before))
    more = f"/api/jobs/create?before={page.next}" if page.next is not None else None
    return json_reply(SeedJobList(tuple(job_view(r) for r in page.readings), len(page.readings), more))


def get_job(call: Call) -> Reply:
    """Hand a job to a worker, which may not say who it is; answered at once."""
    query = read_query(call, SeedAskQuery)
    services = call.services
    handed = None
    if not services.waiting.closing:
        handed = services.store.transact(lambda tx: hand_out(tx, address_of(call), query.worker_id))
    if handed is None:
        return json_reply(SeedNoTaskReply(False, "No job waits for this worker.", None), 202)
    order = handed.job.order
    name = order.project_name if order.project else EMPTY_NAME
    task = SeedTask(
        job_id=handed.alias,
        command="\n".join(order.commands),
        file_url=file_url(call, order.project),
        filename=file_name(name) or "project.zip",
    )
    return json_reply(SeedTaskReply(True, task, task.job_id, task.command, task.file_url, task.filename))


def status(call: Call) -> Reply:
    """Tell all about one job."""
    asked = read_query(call, SeedJobQuery).job_id
    reading = call.services.store.read(lambda tx: read_status(tx, asked))
    return json_reply(job_view(reading, asked))


def cancel(call: Call) -> Reply:
    """End a job that waits; ask for the end of one that runs."""
    asked = read_form(call, SeedCancelForm).job_id

    def work(tx: Transaction) -> JobState:
        return cancel_job(tx, find_reference(tx, asked).job.id).state

    try:
        state = call.services.store.transact(work)
    except Conflict as error:
        raise Invalid(str(error)) from None  # the first system answered 400
    done = state is JobState.CANCELLED
    message = "The job is cancelled." if done else "The worker was asked to stop the job."
    return json_reply(SeedJobReply(True, asked, message))


def check_cancel(call: Call) -> Reply:
    """Tell a worker whether to kill what it runs."""
    asked = read_query(call, SeedJobQuery).job_id
    who = Reporter(address_of(call))
    stop = call.services.store.transact(lambda tx: should_stop(tx, asked, who))
    return json_reply(SeedCancelReply(True, stop))
