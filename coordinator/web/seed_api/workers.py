"""Workers of the older interface register, beat and are listed."""

from coordinator.use_cases.ports import Transaction
from coordinator.use_cases.seed_workers import SeedFacts, beat, list_workers, register_seed
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.seed_api.addresses import address_of
from coordinator.web.seed_api.forms import SeedHeartbeatForm, SeedRegisterForm, SeedSystem, read_form
from coordinator.web.seed_api.views import (
    SeedBeatReply,
    SeedWorkerList,
    SeedWorkerReply,
    milliseconds,
    worker_view,
)
from shared.vocabulary import OperatingSystem

SYSTEM_OF: dict[SeedSystem, OperatingSystem] = {
    SeedSystem.WIN32: OperatingSystem.WINDOWS,
    SeedSystem.LINUX: OperatingSystem.LINUX,
    SeedSystem.DARWIN: OperatingSystem.MACOS,
}


def register(call: Call) -> Reply:
    """Take a worker in; the same id again updates it."""
    form = read_form(call, SeedRegisterForm)
    facts = SeedFacts(
        worker=form.worker_id,
        host_name=form.hostname,
        os=SYSTEM_OF[form.os or SeedSystem.LINUX],
        cpus=form.cpu_count or 1,
        version=form.version or "",
    )
    call.services.store.transact(lambda tx: register_seed(tx, facts, address_of(call)))
    return json_reply(SeedWorkerReply(True, form.worker_id, "Registered."))


def heartbeat(call: Call) -> Reply:
    """Note that a worker is there."""
    form = read_form(call, SeedHeartbeatForm)

    def note(tx: Transaction) -> float:
        beat(tx, form.worker_id, address_of(call))
        return tx.now

    now = call.services.store.transact(note)
    return json_reply(SeedBeatReply(True, form.worker_id, milliseconds(now)))


def list_all(call: Call) -> Reply:
    """List all workers, the native ones too."""
    views = tuple(worker_view(reading) for reading in call.services.store.read(list_workers))
    return json_reply(SeedWorkerList(views, len(views)))
