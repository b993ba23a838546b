"""What can go wrong in the agent: one root, and one leaf for each thing that is answered differently."""


class AgentError(Exception):
    """Anything that the agent itself found wrong; its text is a sentence for a person."""


class SettingsError(AgentError):
    """The agent was started with something it cannot use."""


class FolderBusy(AgentError):
    """Another agent works in this data folder."""


class CannotPrepare(AgentError):
    """An attempt cannot be made ready; `rejected` says that this PC will never be able to."""

    def __init__(self, reason: str, *, rejected: bool) -> None:
        super().__init__(reason)
        self.rejected = rejected


class LinkError(AgentError):
    """A call to the coordinator did not bring what was asked."""


class Unreachable(LinkError):
    """No answer, or one that says to try later: the same call may be repeated."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class NotCurrent(LinkError):
    """The attempt is no longer the job's current one, or the job is over."""


class Refused(LinkError):
    """The coordinator will never take this: saying it again does not help."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class SessionConflict(LinkError):
    """Another agent with this identity is alive."""


class SessionUnknown(LinkError):
    """The coordinator does not know this session (any more)."""
