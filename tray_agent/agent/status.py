"""What the agent shows of itself: one immutable snapshot with a sentence that says why."""

from dataclasses import dataclass

from shared.messages import AttemptRef
from shared.vocabulary import AgentState
from tray_agent.agent.states import Situation, availability


@dataclass(frozen=True, slots=True)
class Status:
    state: AgentState
    reason: str
    running: tuple[AttemptRef, ...] = ()
    waiting_results: int = 0  # finished here, not yet settled


def status_of(
    situation: Situation,
    *,
    registered: bool,
    reachable: bool,
    running: tuple[AttemptRef, ...],
    waiting_results: int,
) -> Status:
    """Say what this PC does. Pure."""
    state, reason = availability(situation)
    if not reachable:
        jobs = " The jobs that run here go on; their results are kept and sent later." if running else ""
        state, reason = AgentState.UNREACHABLE, f"The coordinator cannot be reached.{jobs}"
    elif not registered:
        state, reason = AgentState.ENROLLING, "This PC is about to register with the coordinator."
    return Status(state, reason, running, waiting_results)
