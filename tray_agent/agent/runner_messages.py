"""What the pool and a runner say to each other: one JSON object to a line. Light to import."""

import json
from typing import Any, NamedTuple

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class RunOrder(NamedTuple):
    """One job, ready to run. Paths are absolute."""

    id: str
    steps: list[list[str]]  # programs with arguments, one after another; the last one's exit code counts
    folder: str  # where the commands run
    environment: dict[str, str]
    files: dict[str, str]  # script files to write first: path to text
    end_mark: str | None  # a file that the script writes when it has come to its end
    temp: str  # a folder to make, for the job's temporary files
    log: str
    tail: str
    output_limit_bytes: int
    time_limit_s: float | None
    memory_mb: int  # 0: not limited


def start_line(order: RunOrder) -> bytes:
    return line_of({"op": "start", **order._asdict()})


def read_order(fields: dict[str, Any]) -> RunOrder:
    """Take a start message apart; `elsewhere` names a file that holds it."""
    if "elsewhere" in fields:
        with open(fields["elsewhere"], "rb") as file:  # noqa: PTH123 - pathlib is another 2 ms of import
            fields = json.loads(file.read())
    return RunOrder(**{name: fields[name] for name in RunOrder._fields})


def line_of(fields: dict[str, Any]) -> bytes:
    return _encode(fields).encode() + b"\n"
