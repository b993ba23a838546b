"""What workers of the older interface report: output as it comes, results and failures."""

import threading
from contextlib import nullcontext

from coordinator.use_cases.seed_output import Texts
from coordinator.use_cases.seed_reports import Reporter, SeedResult, hear_output, hear_result
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.seed_api.addresses import address_of
from coordinator.web.seed_api.forms import (
    MOST_RESULT_BYTES,
    SeedFailureForm,
    SeedResultForm,
    SeedStreamForm,
    one_line,
    output_bytes,
    read_form,
)
from coordinator.web.seed_api.views import SeedJobReply, SeedReply
from shared.vocabulary import Stream

MOST_MESSAGE = 2000  # characters of an error message that are kept
LARGE_BYTES = 1 << 20  # a result is one JSON document, which takes several times its size while it is read

_one_large_result = threading.Lock()


def submit(call: Call) -> Reply:
    """Accept a result: completed where the exit code is 0, failed otherwise."""
    with _one_large_result if call.request.content_length > LARGE_BYTES else nullcontext():
        return _submit(call)


def _submit(call: Call) -> Reply:
    form = read_form(call, SeedResultForm, MOST_RESULT_BYTES)
    message = "" if form.exit_code is not None else "The worker told no exit code: the command was ended."
    told = {Stream.STDOUT: form.stdout, Stream.STDERR: form.stderr}
    output: Texts = {stream: output_bytes(text) for stream, text in told.items() if text is not None}
    return _settle(call, form.job_id, form.worker_id, SeedResult(form.exit_code, message, output))


def submit_failure(call: Call) -> Reply:
    """Accept that a job could not be run."""
    form = read_form(call, SeedFailureForm)
    message = (
        one_line(form.error_message or "")[:MOST_MESSAGE]
        or "The worker could not run it and did not say why."
    )
    return _settle(call, form.job_id, form.worker_id, SeedResult(None, message, {}))


def stream(call: Call) -> Reply:
    """Store a piece of output; what comes after the result is answered and dropped."""
    form = read_form(call, SeedStreamForm)
    kind = Stream(form.type.value) if form.type is not None else Stream.STDOUT
    who = Reporter(address_of(call), form.worker_id)
    data = output_bytes(form.data or "")
    stored = call.services.store.transact(lambda tx: hear_output(tx, form.job_id, who, kind, data))
    message = "Stored." if stored else "This run is over; the output was dropped."
    return json_reply(SeedReply(True, message))


def _settle(call: Call, job: str, worker: str, result: SeedResult) -> Reply:
    who = Reporter(address_of(call), worker)
    accepted = call.services.store.transact(lambda tx: hear_result(tx, job, who, result))
    message = "The result is stored." if accepted else "This run was over already; nothing changed."
    return json_reply(SeedJobReply(True, job, message))
