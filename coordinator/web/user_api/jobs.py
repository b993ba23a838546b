"""Submit jobs, see them, cancel them."""

from coordinator.domain.errors import Invalid
from coordinator.use_cases.cancel_jobs import cancel_job
from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.read_jobs import JobReading, explained, read_job, read_page, unexplained
from coordinator.use_cases.submit_batch import submit_batch
from coordinator.use_cases.submit_jobs import IdempotencyKey, submit_job
from coordinator.web.call import MOST_JSON_BYTES, Call, Reply, json_reply
from coordinator.web.user_api.forms import BatchForm, JobForm, JobsQuery, batch_orders, job_order
from coordinator.web.user_api.views import JOBS, BatchView, JobList, job_detail, job_view
from shared.codec import from_json
from shared.field_rules import FieldError

MOST_JOB_BYTES = 1024 * 1024  # a form at its limits, each letter written as \u0000
MOST_KEY_LETTERS = 128


def submit(call: Call) -> Reply:
    """Queue a job; the same Idempotency-Key with the same body tells the job of the first time."""
    body = call.body(MOST_JOB_BYTES)
    order = job_order(from_json(JobForm, body), call.services.direct)
    key = _key(call, body)

    def queue(tx: Transaction) -> tuple[JobReading, bool]:
        job, new = submit_job(tx, order, key)
        return unexplained(tx, [job])[0], new

    reading, new = call.services.store.transact(queue)
    headers = {"Location": f"{JOBS}/{reading.job.id}"}
    return json_reply(job_view(reading), 201 if new else 200, headers)


def submit_many(call: Call) -> Reply:
    """Queue up to 10,000 jobs, all or none."""
    body = call.body(MOST_JSON_BYTES)
    orders = batch_orders(from_json(BatchForm, body), call.services.direct)
    key = _key(call, body)
    ids, new = call.services.store.transact(lambda tx: submit_batch(tx, orders, key))
    return json_reply(BatchView(tuple(ids)), 201 if new else 200)


def list_jobs(call: Call) -> Reply:
    """List jobs, the newest first."""
    query = call.query(JobsQuery)
    page = call.services.store.read(lambda tx: read_page(tx, query.state, query.after, query.limit))
    return json_reply(JobList(tuple(job_view(reading) for reading in page.jobs), page.next))


def one_job(call: Call) -> Reply:
    """Tell all about one job."""
    reading, attempts = call.services.store.read(lambda tx: read_job(tx, call.path["job"]))
    return json_reply(job_detail(reading, attempts))


def cancel(call: Call) -> Reply:
    """End a job, or ask for its end."""
    reading = call.services.store.transact(lambda tx: explained(tx, cancel_job(tx, call.path["job"])))
    return json_reply(job_view(reading))


def _key(call: Call, body: bytes) -> IdempotencyKey | None:
    key = call.header("Idempotency-Key")
    if len(key) > MOST_KEY_LETTERS or not (key.isascii() and key.isprintable()):
        message = f"must be at most {MOST_KEY_LETTERS} printable ASCII letters"
        raise Invalid("The Idempotency-Key cannot be used.", [FieldError("Idempotency-Key", message)])
    return IdempotencyKey(call.principal, key, body) if key else None
