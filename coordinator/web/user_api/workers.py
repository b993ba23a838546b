"""The PCs: what each is, what it does now, and the word to take no more jobs."""

from collections.abc import Callable

from coordinator.domain.worker import Worker
from coordinator.use_cases.manage_workers import drain_worker, read_worker, read_workers
from coordinator.use_cases.ports import Transaction
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.user_api.forms import DrainForm, WorkersQuery
from coordinator.web.user_api.views import WorkerList, WorkerView, worker_view


def list_workers(call: Call) -> Reply:
    """List the PCs in the order of their joining."""
    query = call.query(WorkersQuery)

    def views(tx: Transaction) -> WorkerList:
        page = read_workers(tx, query.after, query.limit)
        return WorkerList(tuple(worker_view(worker, tx.now) for worker in page.workers), page.next)

    return json_reply(call.services.store.read(views))


def one_worker(call: Call) -> Reply:
    """Tell all about one PC."""
    return json_reply(call.services.store.read(_viewed(lambda tx: read_worker(tx, call.path["worker"]))))


def drain(call: Call) -> Reply:
    """Let a PC finish what runs and take no more, or let it take jobs again."""
    wanted = call.json(DrainForm).drain
    drained = _viewed(lambda tx: drain_worker(tx, call.path["worker"], wanted))
    return json_reply(call.services.store.transact(drained))


def _viewed(find: Callable[[Transaction], Worker]) -> Callable[[Transaction], WorkerView]:
    return lambda tx: worker_view(find(tx), tx.now)
