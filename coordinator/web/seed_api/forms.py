"""What callers of the older interface send, what they are answered, and how both are read and written.

Unlike the native interface it takes fields that it does not know, because its callers send some.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

from coordinator.domain.errors import Invalid
from coordinator.web.call import Call
from shared.codec import camel, decode, field_types
from shared.field_rules import FieldError, Malformed, Number, Text
from shared.strict_json import parse_json

T = TypeVar("T")

MOST_BODY_BYTES = 8 * 1024 * 1024
MOST_RESULT_BYTES = 128 * 1024 * 1024  # the whole output of a job in one document
MOST_COMMAND_BYTES = 32 * 1024  # as in the native interface: Windows takes no more
MOST_COMMANDS = 1000

WorkerId = Annotated[str, Text(200, 1)]
JobId = Annotated[str, Text(100, 1)]
FileName = Annotated[str, Text(1000)]
Command = Annotated[str, Text(MOST_COMMAND_BYTES, 1, lines=True)]
Output = Annotated[str, Text(MOST_RESULT_BYTES, raw=True)]
ExitCode = Annotated[int, Number(-(1 << 31), (1 << 32) - 1)]


class SeedSystem(StrEnum):
    """Operating systems as Node calls them."""

    WIN32 = "win32"
    LINUX = "linux"
    DARWIN = "darwin"


class SeedStream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True)
class SeedRegisterForm:
    worker_id: WorkerId
    hostname: Annotated[str, Text(255, 1)]
    os: SeedSystem | None = None
    cpu_count: Annotated[int, Number(0, 4096)] | None = None
    version: Annotated[str, Text(200)] | None = None
    status: Annotated[str, Text(100)] | None = None


@dataclass(frozen=True, slots=True)
class SeedHeartbeatForm:
    worker_id: WorkerId


@dataclass(frozen=True, slots=True)
class SeedCreateForm:
    command: Command
    file_url: Annotated[str, Text(2000)] | None = None
    filename: FileName | None = None


@dataclass(frozen=True, slots=True)
class SeedResultForm:
    job_id: JobId
    worker_id: WorkerId
    stdout: Output | None = None
    stderr: Output | None = None
    exit_code: ExitCode | None = None


@dataclass(frozen=True, slots=True)
class SeedFailureForm:
    job_id: JobId
    worker_id: WorkerId
    error_message: Output | None = None


@dataclass(frozen=True, slots=True)
class SeedStreamForm:
    job_id: JobId
    data: Output | None = None
    type: SeedStream | None = None
    worker_id: WorkerId | None = None  # not sent by the first system's worker


@dataclass(frozen=True, slots=True)
class SeedCancelForm:
    job_id: JobId


@dataclass(frozen=True, slots=True)
class SeedExecuteFields:
    commands: Annotated[str, Text(2 * MOST_COMMAND_BYTES, 1, lines=True)]  # empty lines do not count later
    mode: Annotated[str, Text(100)] = ""


@dataclass(frozen=True, slots=True)
class SeedStopForm:
    exec_id: JobId


@dataclass(frozen=True, slots=True)
class SeedJobQuery:
    job_id: JobId


@dataclass(frozen=True, slots=True)
class SeedAskQuery:
    worker_id: WorkerId | None = None


@dataclass(frozen=True, slots=True)
class SeedListQuery:
    before: Annotated[str, Text(18, pattern=r"[0-9]+")] | None = None


def read_form(call: Call, kind: type[T], most: int = MOST_BODY_BYTES) -> T:
    """Read the body as `kind` and leave out what is unknown. Raises Malformed, TooLarge."""
    value = parse_json(call.body(most))
    if not isinstance(value, dict):
        raise Malformed([FieldError("", "must be an object")])
    known = {camel(name) for name in field_types(kind)}
    return decode(kind, {name: given for name, given in value.items() if name in known})


def read_query(call: Call, kind: type[T]) -> T:
    """Read the query string as `kind`; what is empty or unknown was not said. Raises Malformed."""
    texts = {camel(name): call.request.query.getunicode(camel(name)) for name in field_types(kind)}
    return decode(kind, {name: text for name, text in texts.items() if text})


def command_lines(text: str, field: str = "command") -> tuple[str, ...]:
    """Take commands apart at their line ends, empty lines left out. Raises Invalid."""
    lines = tuple(line for line in re.split(r"\r\n|\n|\r", text) if line.strip())
    size = sum(len(line.encode()) + 1 for line in lines)
    if not lines:
        fault = "must hold at least one line that is not empty"
    elif len(lines) > MOST_COMMANDS:
        fault = f"must have at most {MOST_COMMANDS} lines, not {len(lines)}"
    elif size > MOST_COMMAND_BYTES:
        fault = f"must have at most {MOST_COMMAND_BYTES} bytes in all, not {size}"
    else:
        return lines
    raise Invalid(f"{field} {fault}.", [FieldError(field, fault)])


def file_name(text: str | None) -> str:
    """Tell a bare file name: old workers store the ZIP under it."""
    bare = one_line(re.split(r"[/\\]", text or "")[-1])[-200:].strip()
    return "" if bare.strip(".") == "" else bare


def one_line(text: str) -> str:
    """Leave letters and single spaces: names stand on pages and travel to agents, which take no other."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def output_bytes(text: str) -> bytes:
    """Turn printed text into bytes; JSON can hold halves of letters that UTF-8 cannot."""
    return text.encode("utf-8", "replace")
