"""POST a form with a ZIP and commands: queued, or run here at once with its output as the answer."""

from coordinator.domain.errors import Invalid, NotFound, Unavailable
from coordinator.domain.job import Job, JobOrder
from coordinator.use_cases.cancel_jobs import cancel_job
from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.seed_attempts import find_reference
from coordinator.use_cases.submit_jobs import submit_job
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.seed_api.addresses import address_of
from coordinator.web.seed_api.direct_stream import DirectStream
from coordinator.web.seed_api.execute_form import read_execute_form
from coordinator.web.seed_api.forms import SeedStopForm, command_lines, read_form, read_query
from coordinator.web.seed_api.jobs import ORIGIN, seed_order
from coordinator.web.seed_api.views import SeedExecuteReply, SeedStopReply
from shared.field_rules import FieldError
from shared.vocabulary import JobState, Mode


def execute(call: Call) -> Reply:
    """Take the form; the ZIP is stored and checked before there is a job."""
    form = read_execute_form(call)
    try:
        mode = _mode(call, form.mode)
        command_lines(form.commands, "commands")
        project = form.project.settle() if form.project is not None else None
    except Exception:
        if form.project is not None:
            form.project.drop()
        raise
    order = seed_order(form.commands, "commands", project, form.file_name, mode)
    return _run_here(call, order) if mode is Mode.DIRECT else _queue(call, order)


def _mode(call: Call, text: str) -> Mode:
    if text not in ("direct", "distributed", ""):
        raise Invalid("mode must be direct or distributed.", [FieldError("mode", "is not known")])
    if text == "distributed":
        return Mode.DISTRIBUTED
    if not call.services.direct:
        raise Invalid(
            "mode=direct is switched off here: start the coordinator without --no-direct to switch it on, "
            "or send mode=distributed.",
            [FieldError("mode", "is switched off")],
        )
    return Mode.DIRECT


def _submit(call: Call, order: JobOrder) -> Job:
    return call.services.store.transact(lambda tx: submit_job(tx, order, origin=ORIGIN))[0]


def _queue(call: Call, order: JobOrder) -> Reply:
    job = _submit(call, order)
    message = "The job waits for a worker."
    url = f"/api/jobs/status?jobId={job.id}"
    return json_reply(SeedExecuteReply(True, job.id, "distributed", message, url))


def _run_here(call: Call, order: JobOrder) -> Reply:
    services = call.services
    job = _submit(call, order)
    seat = services.waiting.seat_for_job(job.id, who=f"execute {address_of(call)}")
    if seat is None:
        services.store.transact(lambda tx: cancel_job(tx, job.id))
        raise Unavailable("Too many Direct runs are being followed now. Try again, or use mode=distributed.")
    gone = call.request.environ.get("waitress.client_disconnected", lambda: False)
    stream = DirectStream(services.store, services.monotonic, seat, job.id, gone)
    headers = {"X-Exec-Id": job.id, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Reply(stream, 200, "text/event-stream", headers)


def stop(call: Call) -> Reply:
    """Stop a Direct run. Raises NotFound where none of this id runs."""
    in_query = call.request.query.getunicode("execId")
    asked = (read_query if in_query else read_form)(call, SeedStopForm).exec_id

    def work(tx: Transaction) -> None:
        job = find_reference(tx, asked).job
        running = not job.finished or job.state is JobState.CANCELLED
        if job.order.requirements.mode is not Mode.DIRECT or not running:
            raise NotFound(f"No Direct run {asked[:80]} is under way.")
        cancel_job(tx, job.id)

    call.services.store.transact(work)
    return json_reply(SeedStopReply(True))
