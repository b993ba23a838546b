"""Can a worker of the older interface run this job? Pure."""

from coordinator.domain.job import JobOrder
from shared.vocabulary import Mode, OnError, SandboxLevel, Shell


def is_plain(order: JobOrder) -> bool:
    """Tell whether `order` asks for nothing but commands, a project and an operating system."""
    wanted = order.requirements
    runs_plainly = (
        order.on_error is OnError.CONTINUE
        and order.shell is Shell.DEFAULT
        and not order.environment
        and order.time_limit_s is None
        and not order.outputs
    )
    runs_anywhere = (
        wanted.mode is Mode.DISTRIBUTED
        and wanted.cpus == 1
        and not wanted.memory_mb
        and not wanted.labels
        and wanted.worker is None
        and wanted.sandbox is SandboxLevel.NONE
    )
    return runs_plainly and runs_anywhere
