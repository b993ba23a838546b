"""The headers of what is saved and never shown: bytes that came from a job are nobody's web page."""

import re
from urllib.parse import quote

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._()+,=@~-]")


def download_headers(name: str) -> dict[str, str]:
    """Have the bytes saved under `name`: plain letters for old clients, all of them by RFC 5987."""
    plain = _NOT_PLAIN.sub("_", name) or "_"
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {
        "Content-Disposition": disposition,
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
