"""The addresses of project ZIPs, as fileUrl names them, and what is downloaded from there."""

import re
from urllib.parse import unquote, urlsplit

from coordinator.domain.errors import Invalid, NotFound
from coordinator.web.call import Call, Reply
from coordinator.web.guard import host_name
from coordinator.web.stored_files import stored_file_reply
from shared.field_rules import FieldError

EMPTY_NAME = "empty.zip"  # of jobs without a project: old workers cannot do without a file
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)

_NAME = re.compile(r"([0-9a-f]{64})(?:-[^/\\]{0,200})?\.zip")
_PORTS = {"http": 80, "https": 443}


def download(call: Call) -> Reply:
    """Hand out a project's ZIP, whole or in ranges."""
    name = call.path["name"]
    if name == EMPTY_NAME:
        return Reply(EMPTY_ZIP, content_type="application/zip")
    match = _NAME.fullmatch(name)
    size = call.services.store.read(lambda tx: tx.files.project_size(match[1])) if match else None
    if match is None or size is None:
        raise NotFound(f"There is no file {name[:80]}.")
    headers = {"ETag": f'"{match[1]}"', "Content-Disposition": f'attachment; filename="{match[1][:12]}.zip"'}
    return stored_file_reply(call, match[1], size, "application/zip", headers)


def file_url(call: Call, project: str | None) -> str:
    """Tell where the caller downloads a project, by the name under which it called us."""
    name = f"{project}.zip" if project else EMPTY_NAME
    return f"{call.request.urlparts.scheme}://{call.header('Host')}/uploads/{name}"


def project_of(call: Call, url: str | None) -> str | None:
    """Tell the project that a fileUrl names; None for none. Raises Invalid."""
    if not url:
        return None
    path = _own_path(call, url)
    if path == f"/uploads/{EMPTY_NAME}":
        return None
    match = _NAME.fullmatch(path.removeprefix("/uploads/")) if path.startswith("/uploads/") else None
    if match is None:
        raise _refusal("must be the address of a file under /uploads/ of this coordinator")
    if call.services.store.read(lambda tx: tx.files.project_size(match[1])) is None:
        raise _refusal("names no file that is here: upload the ZIP first")
    return match[1]


def _own_path(call: Call, url: str) -> str:
    """Tell the path of one of our own addresses; "" for any other."""
    try:
        parts = urlsplit(url)
        host, port = host_name(parts.netloc), parts.port
    except ValueError:
        return ""
    if not parts.scheme and not parts.netloc:
        return unquote(parts.path)
    called = urlsplit(f"//{call.header('Host')}")
    own_port = called.port or _PORTS[call.request.urlparts.scheme]
    same_port = (port or _PORTS.get(parts.scheme)) == own_port
    return unquote(parts.path) if host in call.services.hosts and same_port else ""


def _refusal(fault: str) -> Invalid:
    return Invalid(f"fileUrl {fault}.", [FieldError("fileUrl", fault)])
