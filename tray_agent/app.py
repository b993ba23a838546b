"""Puts the agent together from its parts and runs it until it is told to stop."""

import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from shared import VERSION
from shared.messages import Lease, RegisterReply, RegisterRequest
from shared.vocabulary import AgentState
from tray_agent.agent.attempt_desk import AttemptDesk, Tools
from tray_agent.agent.calls import CallThreads
from tray_agent.agent.errors import AgentError, SettingsError
from tray_agent.agent.events import Event, StopAsked
from tray_agent.agent.identity import Identity, IdentityFile
from tray_agent.agent.loop import Loop
from tray_agent.agent.orphans import Orphans
from tray_agent.agent.outbox import Outbox
from tray_agent.agent.ports import MachineFacts
from tray_agent.agent.project_cache import ProjectCache
from tray_agent.agent.recovery import recover
from tray_agent.agent.runner_pool import RunnerPool
from tray_agent.agent.status import Status
from tray_agent.agent.talk import Registrar, Talk
from tray_agent.agent.transfers import Transfers
from tray_agent.agent.workspace import Workspace
from tray_agent.coordinator_link.http_link import HttpLink
from tray_agent.data_folder import take_folder
from tray_agent.log_lines import log_to_stderr
from tray_agent.platforms import choose
from tray_agent.settings import USAGE, Settings, read_options, settings_from

log = logging.getLogger(__name__)

_RUNNERS_END_S = 2.0


class SystemClock:
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


def run_agent(arguments: Sequence[str]) -> int:
    """Run the agent; tell the exit code."""
    try:
        options = read_options(arguments)
        if "--help" in options or "-h" in options:
            print(USAGE)
            return 0
        if "--version" in options:
            print(f"sparetime-agent {VERSION}")
            return 0
        if "--headless" not in options:
            raise SettingsError("The window is not built yet: start the agent with --headless.")
        return _run(settings_from(options, os.environ))
    except AgentError as error:
        print(f"sparetime-agent: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"sparetime-agent: The data folder cannot be used: {error}", file=sys.stderr)
        return 1


def _run(settings: Settings) -> int:
    secret = _read_secret() if settings.builtin else None
    log_to_stderr()
    folder, lock = take_folder(settings.data, choose.data_root, settings.worker_id, choose.lock_file)
    try:
        choose.make_private(folder)
        _work(settings, folder, secret)
    finally:
        lock.release()
    return 0


def _work(settings: Settings, folder: Path, secret: str | None) -> None:
    facts = choose.machine_facts()
    if settings.host_name:
        facts = replace(facts, host_name=settings.host_name)
    link = HttpLink(settings.server, secret)
    outbox = Outbox(folder / "outbox")
    member = _Member(IdentityFile(folder), facts, settings.worker_id, outbox, place_mark(facts, folder))
    choose.kill_strays([entry.ref for entry in outbox.entries()])
    inbox: list[Loop] = []  # the parts post to the loop, which is made of the parts

    def post(event: Event) -> None:
        inbox[0].post(event)

    runners = RunnerPool(runner_argv(), post, choose.pool_platform())
    workspace = Workspace(folder / "attempts")
    projects = ProjectCache(folder / "projects", link.fetch_project)
    projects.purge(time.time())
    tools = Tools(
        facts=facts,
        runners=runners,
        transfers=Transfers(link, projects, workspace, post),
        workspace=workspace,
        outbox=outbox,
        orphans=Orphans(folder / "orphans"),
        can_run=lambda lease: _can_run(runners, lease),
    )
    desk = AttemptDesk(tools)
    registrar = Registrar(member.request, member.accepted, lambda: member.conflict(desk))
    talk = Talk(desk, CallThreads(link, outbox, post), registrar, always=settings.always)
    loop = Loop(desk, talk, _show)
    inbox.append(loop)
    recover(desk, time.time())
    choose.install_stop_handler(lambda: post(StopAsked("it was told to end")))
    if secret is not None:
        threading.Thread(target=_watch_parent, args=(loop,), name="parent", daemon=True).start()
    log.info("agent.started", extra={"version": VERSION, "server": settings.server, "data": str(folder)})
    try:
        loop.run(SystemClock())
    finally:
        runners.close(_RUNNERS_END_S)
        outbox.close()
    log.info("agent.ended")


class _Member:
    """This agent as the coordinator knows it."""

    def __init__(
        self, file: IdentityFile, facts: MachineFacts, fixed: str | None, outbox: Outbox, mark: str
    ) -> None:
        self._file = file
        self._facts = facts
        self._fixed = fixed
        self._met = False
        self._identity: Identity
        self._identity, copied = file.begin_session(mark, fixed)
        if copied:
            log.warning("identity.copied", extra={"why": "This data folder was copied from elsewhere."})
            outbox.set_aside()

    def request(self) -> RegisterRequest:
        facts, identity = self._facts, self._identity
        return RegisterRequest(
            session=identity.session,
            previous_sessions=identity.sessions[:-1],
            worker=identity.worker,
            machine_mark=facts.machine_mark,
            host_name=facts.host_name,
            os=facts.os,
            cpus=facts.cpus,
            memory_mb=facts.memory_mb,
            labels=facts.labels,
            sandbox_levels=facts.sandbox_levels,
            version=VERSION,
        )

    def accepted(self, reply: RegisterReply) -> None:
        self._met = True
        if self._fixed is None:
            self._identity = self._file.keep_worker(self._identity, reply.worker)
        log.info("agent.registered", extra={"worker": reply.worker, "session": reply.session})

    def conflict(self, desk: AttemptDesk) -> bool:
        """Another live agent has this identity: become a new one, unless somebody fixed it."""
        if self._fixed is not None:
            sentence = f"Another agent runs with WORKER_ID {self._fixed}; this one waits until that one ends."
            log.error("identity.taken", extra={"why": sentence})
            return False
        log.warning("identity.taken", extra={"why": "Another agent has this identity; it becomes a new one."})
        self._identity = self._file.become_new(self._identity)
        if not self._met:  # what the journal lists belongs to that other agent
            for attempt in desk.attempts:
                desk.attempts.drop(attempt.ref)
            desk.tools.outbox.set_aside()
        return True


def place_mark(facts: MachineFacts, folder: Path) -> str:
    """Mark this folder on this machine: a copy, on another PC or beside the original, is another agent."""
    place = f"{facts.machine_mark}\n{folder.resolve()}"
    return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def runner_argv() -> list[str]:
    """Tell how the runner program is started: by the same program that this is."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--runner"]
    return [sys.executable, "-m", "tray_agent", "--runner"]


def _can_run(runners: RunnerPool, lease: Lease) -> str | None:
    return runners.can_run(lease.spec)


def _show(status: Status) -> None:
    # Short jobs change this hundreds of times a second: it is for whoever asks, not for the log.
    level = logging.DEBUG if status.state in (AgentState.AVAILABLE, AgentState.WORKING) else logging.INFO
    log.log(level, "agent.state", extra={"state": status.state, "why": status.reason})


def _read_secret() -> str:
    secret = sys.stdin.readline(1000).strip()
    if not secret:
        raise SettingsError("--builtin wants one line with a secret on standard input.")
    return secret


def _watch_parent(loop: Loop) -> None:
    while sys.stdin.read(1000):
        pass
    loop.post(StopAsked("the coordinator has ended"))
