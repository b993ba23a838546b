"""One plain sentence for each worker: why it works, waits or is held. Pure."""

from coordinator.domain.worker import PARKED_AFTER, Worker, WorkerState


def worker_sentence(worker: Worker, now: float) -> str:
    """Say what is the matter with `worker` now: what the coordinator knows, else its agent's own words."""
    state = worker.state(now)
    if state is WorkerState.OFFLINE:
        return f"Nothing was heard of it for {_duration(now - worker.last_contact)}."
    if state is WorkerState.PARKED:
        return f"Gets no jobs: {PARKED_AFTER} in a row were lost or did not start. Restart its agent."
    if worker.drain:
        return "Finishes what runs and takes no more, as an administrator asked."
    return worker.reason


def _duration(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds)} s"
