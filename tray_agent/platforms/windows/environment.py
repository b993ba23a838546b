"""Which of the agent's environment variables a job gets on Windows."""

from collections.abc import Mapping

_ALLOWED = frozenset(
    {
        *(
            "ALLUSERSPROFILE",
            "APPDATA",
            "COMMONPROGRAMFILES",
            "COMMONPROGRAMFILES(X86)",
            "COMMONPROGRAMW6432",
        ),
        *("COMPUTERNAME", "COMSPEC", "DRIVERDATA", "HOMEDRIVE", "HOMEPATH", "LANG", "LOCALAPPDATA"),
        *("NUMBER_OF_PROCESSORS", "OS", "PATH", "PATHEXT", "PROCESSOR_ARCHITECTURE", "PROGRAMDATA"),
        *("PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMW6432", "PSMODULEPATH", "PUBLIC", "SYSTEMDRIVE"),
        *("SYSTEMROOT", "USERDOMAIN", "USERNAME", "USERPROFILE", "WINDIR"),
    }
)


def allowed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Tell what of `environment` a job may see: no proxies, no tokens, nothing of the agent's own making."""
    return {name: value for name, value in environment.items() if name.upper() in _ALLOWED}
