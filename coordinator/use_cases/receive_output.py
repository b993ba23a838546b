"""Store what an attempt prints, within the limit of its job."""

from coordinator.domain.attempt import Attempt
from coordinator.domain.errors import Invalid
from coordinator.domain.job import Job
from coordinator.domain.notices import JobChanged
from coordinator.use_cases.ports import Transaction

SLACK_BYTES = 64 * 1024  # an agent keeps the limit by itself; a little more is no reason to lose a result


def receive_output(tx: Transaction, job: Job, attempt: Attempt, offset: int, data: bytes) -> int:
    """Store whole records; tell the new end. Raises WrongOffset, Invalid."""
    limit = job.order.output_limit_bytes + SLACK_BYTES
    if offset + len(data) > limit:
        raise Invalid(
            f"The output is larger than the {job.order.output_limit_bytes} bytes that the job may print."
        )
    end = tx.output.append(attempt, offset, data)
    tx.notify(JobChanged(job.id))
    return end
