"""When a failed job is tried again, and how often. Pure."""

FIRST_BACKOFF_S = 10.0
LONGEST_BACKOFF_S = 600.0
LOST_LIMIT = 5  # attempts that vanish: the job may be what kills the PCs
MANY_INTERRUPTIONS = 10  # from here on the job's sentence says that it needs a PC that is away longer


def backoff_s(failures: int, jitter: float) -> float:
    """Tell how long to wait after the failure number `failures` + 1: doubling from 10 s, at most 10 min.

    `jitter` between 0 and 1 takes away up to a quarter, so that failures in step do not stay in step.
    """
    whole: float = min(FIRST_BACKOFF_S * 2.0 ** min(failures, 16), LONGEST_BACKOFF_S)
    return whole * (1 - jitter / 4)
