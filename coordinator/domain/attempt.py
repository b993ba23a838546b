"""An attempt: one run of a job on one worker, and the lease that lets it be reported."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from shared.vocabulary import AttemptOutcome

LEASE_S = 90.0
FIRST_CONTACT_S = 60.0  # a lease whose reply was lost must not block the job for long
SEED_SILENCE_S = 30.0  # the older interface's worker beats every 10 s


@dataclass(frozen=True, slots=True)
class Attempt:
    id: int
    job: str
    number: int  # 1 for the job's first
    worker: str | None  # None: handed out by the older interface, and nobody has named it yet
    session: str | None
    seq: int
    granted_at: float
    lease_until: float
    started_at: float | None = None
    finished_at: float | None = None
    outcome: AttemptOutcome | None = None  # None: open
    exit_code: int | None = None
    message: str = ""
    log_end: int = 0  # bytes of framed records stored
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    duration_s: float = 0.0
    cpu_s: float = 0.0
    address: str = ""  # where the older interface's worker called from
    heard_at: float | None = None  # when the older interface's worker last spoke of this attempt

    @property
    def open(self) -> bool:
        return self.outcome is None


def attempt_token(key: bytes, job: str, number: int) -> str:
    """Derive the secret that fences an attempt's writes; nothing need be stored for it."""
    digest = hmac.digest(key, f"{job}/{number}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:24]).decode()


def token_fits(key: bytes, job: str, number: int, token: str) -> bool:
    return hmac.compare_digest(attempt_token(key, job, number).encode(), token.encode())
