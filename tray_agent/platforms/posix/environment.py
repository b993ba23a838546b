"""Which of the agent's environment variables a job gets on Linux and macOS."""

from collections.abc import Mapping

_ALLOWED = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TZ", "USER", "XDG_RUNTIME_DIR"}
)
_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def allowed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Tell what of `environment` a job may see: no proxies, no tokens, nothing of the agent's own making."""
    allowed = {n: v for n, v in environment.items() if n in _ALLOWED or n.startswith("LC_")}
    allowed.setdefault("PATH", _USUAL_PATH)
    return allowed
