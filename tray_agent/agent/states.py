"""The agent's decisions as pure functions: how long to wait, what to report, what fits, when it overslept."""

from dataclasses import dataclass
from enum import StrEnum

from shared.vocabulary import AgentState

IDLE_HOLD_S = 25.0
BUSY_HOLD_S = 15.0
OVERSLEPT_S = 15.0  # with waits of 10 s at most, no sleep of 30 s goes unnoticed
UNREACHABLE_AFTER_S = 30.0
LONGEST_BACK_OFF_S = 60.0
MAX_HELD_ATTEMPTS = 200  # what one exchange can list; an attempt that is not listed counts as lost

NO_POLICY = "This agent cannot yet tell whether the owner is away; start it with --always to lend this PC."


class Lane(StrEnum):
    HELD = "held"  # the one call that waits at the coordinator
    NEWS = "news"  # calls that say something and are answered at once


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the report depends on."""

    always: bool
    draining: bool
    stopping: bool
    running: int  # attempts with a process
    held: int  # attempts that count as held
    slots: int
    slots_used: int


def hold_s(held: int) -> float:
    """Tell how long an exchange with nothing to say may wait at the coordinator."""
    return BUSY_HOLD_S if held else IDLE_HOLD_S


def back_off_s(failures: int, chance: float) -> float:
    """Tell how long to wait after the n-th failure in a row; `chance` in [0, 1) spreads many agents."""
    longest = min(LONGEST_BACK_OFF_S, float(2 ** min(failures - 1, 6)))
    return max(0.1, longest * chance)


def overslept(waited_s: float, wanted_s: float) -> bool:
    """Tell whether the PC must have slept: the wait took far longer than it was asked to."""
    return waited_s - wanted_s > OVERSLEPT_S


def availability(now: Situation) -> tuple[AgentState, str]:
    """Say in one word and one sentence what this PC does for others."""
    if now.running:
        jobs = "1 job" if now.running == 1 else f"{now.running} jobs"
        if now.draining or now.stopping:
            return AgentState.DRAINING, f"Finishing {jobs}, taking no more."
        return AgentState.WORKING, f"Running {jobs}."
    if now.stopping:
        return AgentState.DRAINING, "The agent is being stopped."
    if now.draining:
        return AgentState.DRAINING, "An admin asked this PC to take no more jobs."
    if not now.always:
        return AgentState.IN_USE, NO_POLICY
    return AgentState.AVAILABLE, "This PC is lent all the time."


def free_slots(now: Situation) -> int:
    """Tell how many slots the agent would fill now; a drain is the coordinator's to keep."""
    if now.stopping or not now.always:
        return 0
    return max(0, min(now.slots - now.slots_used, MAX_HELD_ATTEMPTS - now.held))
