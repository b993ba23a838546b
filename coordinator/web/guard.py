"""Which calls may come in at all: a web page elsewhere must not be able to use a coordinator on localhost."""

from typing import Any
from urllib.parse import urlsplit

from coordinator.domain.errors import NotAllowed, NotFound

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"", "same-origin", "none"})  # none: typed by a person; "": not a browser


def check_origin(request: Any, hosts: frozenset[str]) -> None:
    """Refuse an unknown Host and changes asked for by a page of elsewhere. Raises NotAllowed."""
    host = str(request.environ.get("HTTP_HOST", ""))
    if host_name(host) not in hosts:
        raise NotAllowed(f"This coordinator is not called {host[:100]!r}. Use the address that it printed.")
    if request.method in SAFE_METHODS:
        return
    origin = str(request.environ.get("HTTP_ORIGIN", ""))
    if origin and not _same_origin(origin, host, request.urlparts.scheme):
        raise NotAllowed(f"A page of {origin[:100]!r} must not change anything here.")
    if str(request.environ.get("HTTP_SEC_FETCH_SITE", "")) not in OWN_SITES:
        raise NotAllowed("A page of another site must not change anything here.")


def check_path(request: Any) -> None:
    """Refuse a path that is not UTF-8, of which Bottle leaves the odd bytes out. Raises NotFound."""
    raw = str(request.environ.get("bottle.raw_path", ""))
    try:
        raw.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise NotFound("Nothing has this address: it is not UTF-8.") from None


def host_name(host: str) -> str:
    """Tell the name in a Host header, without its port, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _same_origin(origin: str, host: str, scheme: str) -> bool:
    return origin.lower() == f"{scheme}://{host}".lower()
