"""What a page shows for a worker, when it takes jobs, how long a retry waits, what an exit code means."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.attempt import attempt_token, token_fits
from coordinator.domain.exit_codes import exit_sentence, explain_exit_code
from coordinator.domain.retry import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, backoff_s
from coordinator.domain.worker import OFFLINE_AFTER_S, PARKED_AFTER, WorkerState
from shared.vocabulary import AgentState, OperatingSystem
from tests.builders import NOON, a_worker

LINUX, WINDOWS = OperatingSystem.LINUX, OperatingSystem.WINDOWS


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, WorkerState.AVAILABLE),
        ({"open_attempts": 1}, WorkerState.BUSY),
        ({"availability": AgentState.WORKING}, WorkerState.AVAILABLE),
        ({"availability": AgentState.IN_USE}, WorkerState.IN_USE),
        ({"availability": AgentState.SUSPENDED, "open_attempts": 1}, WorkerState.IN_USE),
        ({"availability": AgentState.PAUSED, "open_attempts": 1}, WorkerState.PAUSED),
        ({"availability": AgentState.DRAINING}, WorkerState.DRAINING),
        ({"drain": True, "open_attempts": 1}, WorkerState.DRAINING),
        ({"drain": True, "availability": AgentState.PAUSED}, WorkerState.DRAINING),
        ({"bad_streak": PARKED_AFTER - 1}, WorkerState.AVAILABLE),
        ({"bad_streak": PARKED_AFTER, "drain": True}, WorkerState.PARKED),
        ({"bad_streak": PARKED_AFTER, "last_contact": NOON - 31}, WorkerState.OFFLINE),
        ({"last_contact": NOON - OFFLINE_AFTER_S}, WorkerState.AVAILABLE),
        ({"last_contact": NOON + 3600}, WorkerState.AVAILABLE),
    ],
)
def test_what_a_page_shows(changes: dict[str, Any], state: WorkerState) -> None:
    assert a_worker(**changes).state(NOON) is state


@pytest.mark.parametrize("availability", AgentState)
def test_only_a_lent_pc_takes_jobs(availability: AgentState) -> None:
    lends = availability in (AgentState.AVAILABLE, AgentState.WORKING)

    assert a_worker(availability=availability).takes_jobs is lends
    assert not a_worker(availability=availability, drain=True).takes_jobs
    assert not a_worker(availability=availability, bad_streak=PARKED_AFTER).takes_jobs


def test_pauses_double_up_to_ten_minutes() -> None:
    assert [backoff_s(n, 0.0) for n in range(8)] == [10, 20, 40, 80, 160, 320, 600, 600]
    assert backoff_s(10**9, 0.0) == LONGEST_BACKOFF_S


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_chance_takes_away_at_most_a_quarter(failures: int, jitter: float) -> None:
    whole = backoff_s(failures, 0.0)

    assert FIRST_BACKOFF_S * 0.75 <= whole * 0.75 <= backoff_s(failures, jitter) <= whole


@pytest.mark.parametrize(
    ("code", "os", "part"),
    [
        (127, LINUX, "not found"),
        (126, LINUX, "may not be executed"),
        (137, LINUX, "memory ran out"),
        (139, OperatingSystem.MACOS, "crashed"),
        (140, LINUX, "signal 12"),
        (9009, WINDOWS, "not found"),
        (-1073741819, WINDOWS, "crashed"),  # as a signed number
        (0xC0000005, WINDOWS, "crashed"),
        (0xC0000135, None, "DLL"),
        (127, None, "not found"),
    ],
)
def test_a_known_exit_code_is_explained(code: int, os: OperatingSystem | None, part: str) -> None:
    assert part in explain_exit_code(code, os)
    assert exit_sentence(code, os).startswith(f"Exit code {code}: ")
    assert exit_sentence(code, os).endswith(".")


@pytest.mark.parametrize(
    ("code", "os"), [(1, LINUX), (1, WINDOWS), (127, WINDOWS), (9009, LINUX), (128, LINUX), (255, None)]
)
def test_any_other_exit_code_is_only_told(code: int, os: OperatingSystem | None) -> None:
    assert exit_sentence(code, os) == f"Exit code {code}."


def test_a_token_fits_its_own_attempt_only() -> None:
    key = b"k" * 32
    token = attempt_token(key, "job-1", 1)

    assert token_fits(key, "job-1", 1, token)
    assert not token_fits(key, "job-1", 2, token)
    assert not token_fits(key, "job-2", 1, token)
    assert not token_fits(b"K" * 32, "job-1", 1, token)
    assert not token_fits(key, "job-1", 1, token[:-1])
    assert not token_fits(key, "job-1", 1, "")
    assert not token_fits(key, "job-1", 1, "ü")
    assert len(token) == 32
