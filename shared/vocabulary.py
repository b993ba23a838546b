"""The words that cross the wire: each member says who brings it about."""

from enum import StrEnum


class OperatingSystem(StrEnum):
    LINUX = "linux"
    WINDOWS = "windows"
    MACOS = "macos"


class Mode(StrEnum):
    DISTRIBUTED = "distributed"  # on a worker that an owner lends
    DIRECT = "direct"  # on the coordinator's own machine, by its built-in agent


class OnError(StrEnum):
    STOP = "stop"  # one script; the first failing line ends it
    CONTINUE = "continue"  # each line by itself; the last line's exit code counts


class Shell(StrEnum):
    DEFAULT = "default"  # bash, else sh; cmd on Windows
    BASH = "bash"
    SH = "sh"
    CMD = "cmd"
    POWERSHELL = "powershell"


class SandboxLevel(StrEnum):
    NONE = "none"  # the job has the rights of the agent's user
    SANDBOX = "sandbox"  # own process space, home hidden, system read-only


class JobState(StrEnum):
    PENDING = "pending"  # by submission, or by an attempt that gave it back
    RUNNING = "running"  # by the first sign that an attempt started
    COMPLETED = "completed"  # by a result with exit code 0
    FAILED = "failed"  # by a result that is not retried, or by too many lost attempts
    CANCELLED = "cancelled"  # by a person


class AttemptOutcome(StrEnum):
    COMPLETED = "completed"  # exit code 0
    FAILED = "failed"  # any other exit code, or it could not be run through
    TIMED_OUT = "timed_out"  # its time limit passed
    CANCELLED = "cancelled"  # ended because a person asked
    INTERRUPTED = "interrupted"  # the owner or the PC took the machine back
    RELEASED = "released"  # handed back unstarted
    REJECTED = "rejected"  # this worker cannot run it
    LOST = "lost"  # the lease ran out without a word


class ResultOutcome(StrEnum):
    """The attempt outcomes that an agent reports with a result, after the job's process ran."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class ReleaseOutcome(StrEnum):
    """The attempt outcomes that an agent reports for an attempt whose process never ran."""

    RELEASED = "released"
    REJECTED = "rejected"


class AgentState(StrEnum):
    ENROLLING = "enrolling"
    AVAILABLE = "available"
    WORKING = "working"
    SUSPENDED = "suspended"  # the owner is back; jobs are frozen
    IN_USE = "in_use"
    PAUSED = "paused"
    DRAINING = "draining"
    UNREACHABLE = "unreachable"
    REVOKED = "revoked"


class Answer(StrEnum):
    """What becomes of one thing that an agent said."""

    ACCEPTED = "accepted"  # done, for the first time
    DUPLICATE = "duplicate"  # done before; nothing changed
    STALE = "stale"  # this attempt is no longer the job's current one
    OVER = "over"  # the job has ended or is gone
    REFUSED = "refused"  # the token or the content is wrong; saying it again does not help
    NEED = "need"  # something must arrive first: see `need`; the attempt stays open


class OrderKind(StrEnum):
    CANCEL = "cancel"  # end this attempt and report it
    RETURN = "return"  # hand this attempt back if it has not started
    DRAIN = "drain"  # finish what runs and take no more
    UPDATE = "update"  # a newer agent is offered


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"
    GAP = "gap"  # output that was left out because the job's output limit was reached


OPEN_JOB_STATES = frozenset({JobState.PENDING, JobState.RUNNING})
