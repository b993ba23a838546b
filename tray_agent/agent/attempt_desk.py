"""The life of attempts on this PC: taken up, prepared, run, collected, finished or handed back."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.messages import AttemptRef, Lease, Order, Released, Result
from shared.vocabulary import OperatingSystem, OrderKind, ReleaseOutcome, ResultOutcome
from tray_agent.agent import events, outputs
from tray_agent.agent.attempts import UNSTARTED, Attempt, Attempts, Phase
from tray_agent.agent.orphans import Orphans
from tray_agent.agent.outbox import Entry, Outbox
from tray_agent.agent.ports import (
    MachineFacts,
    OutputGrew,
    RunEnded,
    Runners,
    RunStarted,
    RunTask,
    StopReason,
)
from tray_agent.agent.transfers import Transfers
from tray_agent.agent.workspace import Workspace

log = logging.getLogger(__name__)

_GIVES_FILES = frozenset({ResultOutcome.COMPLETED, ResultOutcome.FAILED, ResultOutcome.TIMED_OUT})
_MESSAGE_LENGTH = 2000
STOPPED = "The agent on this PC was stopped before the job ended."


@dataclass(frozen=True, slots=True)
class Tools:
    """What the desk works with."""

    facts: MachineFacts
    runners: Runners
    transfers: Transfers
    workspace: Workspace
    outbox: Outbox
    orphans: Orphans
    can_run: Callable[[Lease], str | None]  # the reason why this PC can never run it


class AttemptDesk:
    """Used by the loop's thread alone."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.attempts = Attempts()
        self.stopping = False
        self.draining = False

    # --- from the coordinator --------------------------------------------------------------------------

    def adopt(self, leases: tuple[Lease, ...]) -> None:
        """Take up new leases; they start when there is room. One that was here before is not run again."""
        fresh = []
        for lease in leases:
            ref = AttemptRef(lease.job, lease.attempt)
            attempt = Attempt(ref, lease.token, self.tools.workspace.path(ref), lease.spec)
            if not self.attempts.add(attempt):
                continue
            fresh.append(Entry(ref, lease.token))
            if self.stopping:
                self.hand_back(attempt, "The agent on this PC is being stopped.")
            elif reason := self.tools.can_run(lease) or self._too_large(lease):
                self.hand_back(attempt, reason, ReleaseOutcome.REJECTED)
        self._journal(fresh)

    def obey(self, orders: tuple[Order, ...]) -> None:
        """Do what the coordinator asks; asked again, it changes nothing."""
        self.draining = any(order.kind is OrderKind.DRAIN for order in orders)
        for order in orders:
            if order.job is None or order.attempt is None:
                continue
            attempt = self.attempts.get(AttemptRef(order.job, order.attempt))
            if attempt is None:
                continue
            if attempt.phase in UNSTARTED and order.kind in (OrderKind.CANCEL, OrderKind.RETURN):
                self.hand_back(attempt, "It had not started here when it was called back.")
            elif order.kind is OrderKind.CANCEL:
                self._stop(attempt, StopReason.CANCELLED)

    def kill_gone(self, gone: tuple[AttemptRef, ...]) -> None:
        """End what the coordinator knows no more; a finished one is told all the same."""
        for ref in gone:
            if attempt := self.attempts.get(ref):
                self.give_up(attempt)

    def give_up(self, attempt: Attempt) -> None:
        """Tell nothing more of an unfinished attempt, and remove it as soon as its processes are gone."""
        if attempt.phase in (Phase.FINISHED, Phase.RETURNED):
            return
        log.info("attempt.gone", extra={"job": attempt.ref.job, "attempt": attempt.ref.attempt})
        attempt.abandoned = True
        if attempt.phase is Phase.RUNNING:
            self._stop(attempt, StopReason.CANCELLED)
        elif attempt.phase is Phase.WAITING:
            self.forget(attempt)

    # --- on this PC ------------------------------------------------------------------------------------

    def start_waiting(self, slots: int) -> None:
        """Begin with as many attempts as fit, in the order of their arrival."""
        for attempt in self.attempts:
            if attempt.phase is not Phase.WAITING or attempt.spec is None:
                continue
            used = self.attempts.slots_used()
            if used and used + attempt.cpus > slots:
                return
            project = attempt.spec.project
            if project is None:
                self._prepare_plain(attempt)
            else:
                attempt.phase = Phase.PREPARING
                still_wanted = self._wanted(attempt)
                self.tools.transfers.prepare(attempt.ref, project, still_wanted)

    def prepared(self, event: events.Prepared) -> None:
        attempt = self.attempts.get(event.ref)
        if attempt is None or attempt.phase is not Phase.PREPARING or attempt.abandoned:
            self._late(event.ref, attempt)
            return
        attempt.snapshot = event.snapshot
        self._run(attempt)

    def prepare_failed(self, event: events.PrepareFailed) -> None:
        attempt = self.attempts.get(event.ref)
        if attempt is None or attempt.phase is not Phase.PREPARING or attempt.abandoned:
            self._late(event.ref, attempt)
            return
        outcome = ReleaseOutcome.REJECTED if event.rejected else ReleaseOutcome.RELEASED
        self.hand_back(attempt, event.reason, outcome)
        self.tools.transfers.remove(attempt.folder)

    def run_event(self, event: RunStarted | OutputGrew | RunEnded, now: float) -> None:
        attempt = self.attempts.get(event.ref)
        if attempt is None or attempt.phase is not Phase.RUNNING:
            return
        if isinstance(event, RunStarted):
            attempt.started_at = now
        elif isinstance(event, OutputGrew):
            attempt.log.end = max(attempt.log.end, event.end)
        elif attempt.abandoned:
            self.forget(attempt)
        else:
            self._ended(attempt, event)

    def collected(self, event: events.Collected) -> None:
        attempt = self.attempts.get(event.ref)
        if attempt is None or attempt.phase is not Phase.COLLECTING or attempt.result is None:
            return
        if attempt.abandoned:
            self.forget(attempt)
            return
        message = " ".join(part for part in (attempt.result.message, *event.notes) if part)
        attempt.result = replace(attempt.result, artifacts=event.artifacts, message=message[:_MESSAGE_LENGTH])
        attempt.files_wanted = frozenset(entry.sha256 for entry in event.artifacts)
        attempt.phase = Phase.FINISHED

    def stop_all(self) -> None:
        """Hand back what has not started and end what runs: the agent itself ends."""
        self.stopping = True
        for attempt in self.attempts:
            if attempt.phase in UNSTARTED:
                self.hand_back(attempt, "The agent on this PC is being stopped.")
            else:
                self._stop(attempt, StopReason.INTERRUPTED)

    def hand_back(
        self, attempt: Attempt, reason: str, outcome: ReleaseOutcome = ReleaseOutcome.RELEASED
    ) -> None:
        ref = attempt.ref
        log.info("attempt.handed_back", extra={"job": ref.job, "attempt": ref.attempt, "reason": reason})
        attempt.phase = Phase.RETURNED
        attempt.release = Released(ref.job, ref.attempt, attempt.token, outcome, reason[:_MESSAGE_LENGTH])

    # --- the end ---------------------------------------------------------------------------------------

    def forget(self, attempt: Attempt) -> None:
        """Drop a settled attempt and its folder."""
        self.attempts.drop(attempt.ref)
        self._settled(attempt)
        if not self.tools.workspace.remove_plain(attempt.ref):
            self.tools.transfers.remove(attempt.folder)

    def orphan(self, attempt: Attempt, why: str) -> None:
        """Drop an attempt whose result is not wanted, and keep the result for a while."""
        ref = attempt.ref
        log.warning("result.not_taken", extra={"job": ref.job, "attempt": ref.attempt, "why": why})
        self.attempts.drop(ref)
        if attempt.result is not None:
            self.tools.orphans.take(attempt.folder, attempt.result, why)
        self._settled(attempt)

    def _ended(self, attempt: Attempt, event: RunEnded) -> None:
        ref, spec = attempt.ref, attempt.spec
        interrupted = event.outcome is ResultOutcome.INTERRUPTED
        log.debug("attempt.ended", extra={"job": ref.job, "attempt": ref.attempt, "outcome": event.outcome})
        attempt.log.end = event.log_end
        attempt.result = Result(
            job=ref.job,
            attempt=ref.attempt,
            token=attempt.token,
            outcome=event.outcome,
            exit_code=event.exit_code,
            message=(STOPPED if interrupted and self.stopping else event.message)[:_MESSAGE_LENGTH],
            log_end=event.log_end,
            artifacts=(),
            duration_s=max(0.0, event.duration_s),
            cpu_s=max(0.0, event.cpu_s),
        )
        attempt.phase = Phase.FINISHED
        if spec is None or not spec.collect or event.outcome not in _GIVES_FILES:
            return
        if spec.project is None and not spec.outputs and outputs.is_empty(attempt.folder / "work"):
            return
        attempt.phase = Phase.COLLECTING
        ignore_case = self.tools.facts.os is not OperatingSystem.LINUX
        self.tools.transfers.collect(ref, spec, attempt.snapshot, ignore_case=ignore_case)

    def _prepare_plain(self, attempt: Attempt) -> None:
        try:
            self.tools.workspace.make(attempt.ref)
        except OSError as error:
            self.hand_back(attempt, f"This PC could not make a folder for the job: {error}.")
            return
        self._run(attempt)

    def _run(self, attempt: Attempt) -> None:
        if attempt.spec is None:
            raise ValueError("an attempt of an earlier run of the agent is not run again")
        attempt.phase = Phase.RUNNING
        self._journal([Entry(attempt.ref, attempt.token, started=True)])
        self.tools.runners.start(RunTask(attempt.ref, attempt.folder, attempt.spec))

    def _stop(self, attempt: Attempt, reason: StopReason) -> None:
        if attempt.phase is Phase.RUNNING and not attempt.stopping:
            attempt.stopping = True
            self.tools.runners.stop(attempt.ref, reason)

    def _too_large(self, lease: Lease) -> str | None:
        cpus = self.tools.facts.cpus
        return (
            None
            if lease.spec.cpus <= cpus
            else f"The job wants {lease.spec.cpus} cpus and this PC has {cpus}."
        )

    @staticmethod
    def _wanted(attempt: Attempt) -> Callable[[], bool]:
        return lambda: attempt.phase is Phase.PREPARING and not attempt.abandoned

    def _late(self, ref: AttemptRef, attempt: Attempt | None) -> None:
        """Clear away what was prepared for an attempt that is not wanted any more."""
        if attempt is not None and attempt.abandoned:
            self.forget(attempt)
        else:
            self.tools.transfers.remove(self.tools.workspace.path(ref))

    def _journal(self, entries: list[Entry]) -> None:
        if not entries:
            return
        try:
            self.tools.outbox.hold(entries)
        except (
            OSError
        ) as error:  # a full disk: after a kill, these attempts would be lost instead of handed back
            log.error("journal.failed", extra={"error": str(error)})

    def _settled(self, attempt: Attempt) -> None:
        try:
            self.tools.outbox.settle([attempt.ref])
        except OSError as error:  # told once more after a restart, which does no harm
            log.error("journal.failed", extra={"error": str(error)})
