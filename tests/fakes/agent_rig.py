"""A whole agent without threads: a test moves its clock, its runners and each of its calls by hand."""

from collections.abc import Callable
from pathlib import Path

from shared.log_records import pack_record
from shared.messages import AttemptRef, ExchangeReply, RegisterRequest
from shared.vocabulary import OperatingSystem, ResultOutcome, SandboxLevel, Stream
from tests.fakes.office_link import OfficeLink
from tray_agent.agent.attempt_desk import AttemptDesk, Tools
from tray_agent.agent.calls import spool
from tray_agent.agent.errors import LinkError, Unreachable
from tray_agent.agent.events import Call, CallFailed, Event, Replied, StopAsked
from tray_agent.agent.loop import Loop
from tray_agent.agent.orphans import Orphans
from tray_agent.agent.outbox import Outbox
from tray_agent.agent.ports import MachineFacts, OutputGrew, RunEnded, RunStarted, RunTask, StopReason
from tray_agent.agent.project_cache import ProjectCache
from tray_agent.agent.recovery import recover
from tray_agent.agent.states import Lane
from tray_agent.agent.status import Status
from tray_agent.agent.talk import Registrar, Talk
from tray_agent.agent.transfers import Transfers
from tray_agent.agent.workspace import Workspace

FACTS = MachineFacts(
    "reception", "mark-1", OperatingSystem.LINUX, 2, 4096, ("git", "python"), (SandboxLevel.NONE,)
)


class HandRunners:
    def __init__(self) -> None:
        self.tasks: dict[AttemptRef, RunTask] = {}
        self.stopped: list[tuple[AttemptRef, StopReason]] = []

    def start(self, task: RunTask) -> None:
        assert task.ref not in self.tasks, "an attempt was run twice"
        self.tasks[task.ref] = task

    def stop(self, ref: AttemptRef, reason: StopReason) -> None:
        self.stopped.append((ref, reason))

    def freeze(self, ref: AttemptRef) -> None: ...
    def thaw(self, ref: AttemptRef) -> None: ...
    def close(self, timeout_s: float) -> None: ...


class HandCalls:
    """Keeps each call until the test lets it through, or not."""

    def __init__(self, outbox: Outbox) -> None:
        self.waiting: dict[Lane, Call] = {}
        self.replaced: list[Lane] = []
        self.disconnects = 0
        self._outbox = outbox

    def send(self, call: Call) -> None:
        assert call.lane not in self.waiting, "two calls at once on one lane"
        spool(self._outbox, call.spool)
        self.waiting[call.lane] = call

    def replace(self, lane: Lane) -> None:
        self.replaced.append(lane)
        self.waiting.pop(lane, None)

    def disconnect(self) -> None:
        self.disconnects += 1


class AtOnce:
    """A queue of tasks that are done as they are put."""

    def put(self, task: Callable[[], None]) -> None:
        task()


class AgentRig:
    def __init__(self, folder: Path, link: OfficeLink, session: str, worker: str | None = None) -> None:
        self.link = link
        self.folder = folder
        self.now = 1000.0
        self.worker = worker
        self.session = session
        self.previous: tuple[str, ...] = ()
        self.conflicts = 0
        self.fixed = False
        self.shown: list[Status] = []
        self.outbox = Outbox(folder / "outbox")
        self.calls = HandCalls(self.outbox)
        self.runners = HandRunners()

    def open(self, *, always: bool = True) -> "AgentRig":
        workspace = Workspace(self.folder / "attempts")
        cache = ProjectCache(self.folder / "projects", self.link.fetch_project)

        def post(event: Event) -> None:
            self.loop.post(event)  # which is made below, of this

        transfers = Transfers(self.link, cache, workspace, post)
        transfers._projects = transfers._local = transfers._uploads = AtOnce()
        orphans = Orphans(self.folder / "orphans")
        tools = Tools(FACTS, self.runners, transfers, workspace, self.outbox, orphans, lambda lease: None)
        self.desk = AttemptDesk(tools)
        registrar = Registrar(self._register, self._accepted, self._conflict)
        self.talk = Talk(self.desk, self.calls, registrar, always=always)
        self.loop = Loop(self.desk, self.talk, self.shown.append)
        recover(self.desk, 2e9)
        self.look()
        return self

    def _register(self) -> RegisterRequest:
        return RegisterRequest(
            session=self.session,
            previous_sessions=self.previous,
            worker=self.worker,
            machine_mark=FACTS.machine_mark,
            host_name=FACTS.host_name,
            os=FACTS.os,
            cpus=FACTS.cpus,
            memory_mb=FACTS.memory_mb,
            labels=FACTS.labels,
            sandbox_levels=FACTS.sandbox_levels,
            version="1.0.0",
        )

    def _accepted(self, reply) -> None:
        self.worker = reply.worker

    def _conflict(self) -> bool:
        self.conflicts += 1
        if not self.fixed:
            self.session, self.worker, self.previous = self.session + "-new", None, ()
        return not self.fixed

    def restart(self, session: str) -> "AgentRig":
        """Kill this agent as `kill -9` would, and start another on its data folder."""
        self.outbox.close()
        fresh = AgentRig(self.folder, self.link, session, self.worker)
        fresh.previous = (*self.previous, self.session)
        fresh.now = self.now
        return fresh.open()

    # --- time ------------------------------------------------------------------------------------------

    def look(self, seconds: float = 0.0) -> float:
        self.now += seconds
        return self.loop.step(self.loop._next(0.0), self.now)

    # --- calls -----------------------------------------------------------------------------------------

    def let_through(self, lane: Lane = Lane.NEWS) -> ExchangeReply:
        """Carry a call to the coordinator and its reply back."""
        call = self.calls.waiting.pop(lane)
        reply = self.ask(call)
        if isinstance(reply, LinkError):
            self.loop.post(CallFailed(call, reply))
        else:
            self.loop.post(Replied(call, reply))
        self.look()
        return reply

    def lose_reply(self, lane: Lane = Lane.NEWS) -> None:
        """The coordinator hears the call, but its reply never arrives."""
        self.ask(self.calls.waiting[lane])
        self.lose_call(lane)

    def lose_call(self, lane: Lane = Lane.NEWS) -> None:
        call = self.calls.waiting.pop(lane)
        self.loop.post(CallFailed(call, Unreachable("the cable is out")))
        self.look()

    def ask(self, call: Call):
        try:
            if isinstance(call.request, RegisterRequest):
                return self.link.register(call.request)
            return self.link.exchange(call.request)
        except LinkError as error:
            return error

    def settle_all(self) -> None:
        """Let every telling call through, with the pauses that the agent asks for, until there is none."""
        for _ in range(60):
            if Lane.NEWS in self.calls.waiting:
                self.let_through()
            elif self.look(0.1) and Lane.NEWS not in self.calls.waiting and self.quiet():
                return

    def quiet(self) -> bool:
        return all(a.result is None and a.release is None for a in self.desk.attempts)

    # --- runners ---------------------------------------------------------------------------------------

    def begin(self, ref: AttemptRef) -> None:
        self.loop.post(RunStarted(ref))
        self.look()

    def print(self, ref: AttemptRef, *lines: bytes) -> None:
        path = self.runners.tasks[ref].folder / "output.log"
        with path.open("ab") as file:
            for line in lines:
                file.write(pack_record(Stream.STDOUT, 1_800_000_000_000, line))
        self.loop.post(OutputGrew(ref, path.stat().st_size))
        self.look()

    def end(self, ref: AttemptRef, exit_code: int | None = 0, outcome: ResultOutcome | None = None) -> None:
        path = self.runners.tasks[ref].folder / "output.log"
        size = path.stat().st_size if path.exists() else 0
        how = outcome or (ResultOutcome.COMPLETED if exit_code == 0 else ResultOutcome.FAILED)
        self.loop.post(RunEnded(ref, how, exit_code, "", size, 0.5, 0.1))
        self.look()

    def stop(self) -> None:
        self.loop.post(StopAsked("it was told to end"))
        self.look()
