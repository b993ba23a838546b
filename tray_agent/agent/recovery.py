"""What an earlier run of the agent left behind: reported, handed back or sent again."""

from dataclasses import replace
from pathlib import Path

from shared.log_records import HEADER, MAX_RECORD_BYTES
from shared.messages import Released, Result
from shared.vocabulary import ReleaseOutcome, ResultOutcome
from tray_agent.agent.attempt_desk import AttemptDesk
from tray_agent.agent.attempts import Attempt, Phase, Said
from tray_agent.agent.outbox import Entry

RESTARTED = "The agent on this PC was restarted while the job ran."


def recover(desk: AttemptDesk, now: float) -> None:
    """Take up again what the journal lists, and clear away folders that belong to nothing."""
    tools = desk.tools
    entries = tools.outbox.entries()
    for entry in entries:
        desk.attempts.add(_taken_up(entry, tools.workspace.path(entry.ref)))
    for path in tools.workspace.leftovers(frozenset(entry.ref for entry in entries)):
        tools.transfers.remove(path)
    tools.orphans.purge(now)


def _taken_up(entry: Entry, folder: Path) -> Attempt:
    attempt = Attempt(entry.ref, entry.token, folder, None)
    if not entry.started:
        attempt.phase = Phase.RETURNED
        reason = "The agent on this PC was restarted before the job began."
        attempt.release = Released(
            entry.ref.job, entry.ref.attempt, entry.token, ReleaseOutcome.RELEASED, reason
        )
        return attempt
    attempt.phase = Phase.FINISHED
    attempt.start_said = Said.SETTLED
    attempt.log.end = _log_end(folder / "output.log")
    attempt.result, attempt.spooled = entry.result, entry.result is not None
    if entry.result is None:
        attempt.result = _interrupted(entry, attempt.log.end)
    elif attempt.log.end < entry.result.log_end:  # a power cut took the end of the log
        attempt.result = _shorter(entry.result, attempt.log.end)
    elif attempt.log.end > entry.result.log_end:
        attempt.log.end = entry.result.log_end
    # Which files the coordinator has is not known here: if one is missing it says so.
    return attempt


def _interrupted(entry: Entry, log_end: int) -> Result:
    return Result(
        job=entry.ref.job,
        attempt=entry.ref.attempt,
        token=entry.token,
        outcome=ResultOutcome.INTERRUPTED,
        exit_code=None,
        message=RESTARTED,
        log_end=log_end,
        artifacts=(),
        duration_s=0.0,
        cpu_s=0.0,
    )


def _shorter(result: Result, log_end: int) -> Result:
    message = f"{result.message} The end of its output was lost when the PC went off.".strip()
    return replace(result, log_end=log_end, message=message[:2000])


def _log_end(path: Path) -> int:
    """Tell where the last whole record of a log on disk ends; 0 without a log."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            end = 0
            while len(header := file.read(HEADER.size)) == HEADER.size:
                _, _, length = HEADER.unpack(header)
                if length > MAX_RECORD_BYTES or end + HEADER.size + length > size:
                    break
                end += HEADER.size + length
                file.seek(end)
            return end
    except OSError:
        return 0
