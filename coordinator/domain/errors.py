"""Everything that the coordinator refuses, each with a sentence for the person or program that asked."""

from shared.field_rules import FieldError


class CoordinatorError(Exception):
    """The root: `str()` is one sentence that says what happened and what to do."""


class NotFound(CoordinatorError):
    """There is no such job, worker, file or project."""


class Invalid(CoordinatorError):
    """What was sent cannot be done; `errors` name the fields."""

    def __init__(self, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.errors = errors or []


class Conflict(CoordinatorError):
    """It was possible before, but not in the present state."""


class KeyReused(CoordinatorError):
    """The idempotency key came back with another body."""


class NotAllowed(CoordinatorError):
    """Known, but not permitted."""


class SessionTaken(CoordinatorError):
    """Another live session of this worker exists: the PC's disk may be a copy."""


class SessionUnknown(CoordinatorError):
    """The session is not the worker's current one: register again."""


class StaleAttempt(CoordinatorError):
    """The attempt is not the job's current one: its writes count no more."""


class AttemptOver(CoordinatorError):
    """The attempt's job has ended."""


class WrongOffset(CoordinatorError):
    """Bytes were sent for another place than the end of what is stored; go on at `true_offset`."""

    def __init__(self, true_offset: int) -> None:
        super().__init__(f"The stored part ends at byte {true_offset}. Go on from there.")
        self.true_offset = true_offset


class TooLarge(CoordinatorError):
    """Larger than what is accepted here."""


class NoSpace(CoordinatorError):
    """The coordinator's disk is too full."""


class Unavailable(CoordinatorError):
    """The coordinator cannot answer now, but will again: try later."""
