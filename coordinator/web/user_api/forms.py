"""What people send: its form, and the rules that no single field can tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from coordinator.domain.errors import Invalid
from coordinator.domain.job import DEFAULT_OUTPUT_LIMIT, JobOrder
from coordinator.domain.plain import is_plain
from coordinator.domain.requirements import Requirements
from shared.field_rules import FieldError, Items, Number, Text
from shared.messages import Id, Label, Name, Sha256
from shared.vocabulary import JobState, Mode, OnError, OperatingSystem, Shell, Stream

MOST_COMMAND_BYTES = 32 * 1024  # of UTF-8, all lines together
MOST_ENVIRONMENT_BYTES = 32 * 1024  # Windows takes 32,767 characters, its own included
MOST_BATCH = 10_000
MOST_PAGE = 200
MOST_OUTPUT_BYTES = 10 << 30

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DRIVE = re.compile(r"[A-Za-z]:")

Line = Annotated[str, Text(MOST_COMMAND_BYTES, lines=True)]
Glob = Annotated[str, Text(1000, 1)]
Cursor = Annotated[str, Text(200)]
AttemptNumber = Annotated[int, Number(1, 1_000_000)]
PageLimit = Annotated[int, Number(1, MOST_PAGE)]
Offset = Annotated[int, Number(0, 1 << 53)]


@dataclass(frozen=True, slots=True)
class RequirementsForm:
    os: OperatingSystem | None = None
    cpus: Annotated[int, Number(1, 1024)] = 1
    memory_mb: Annotated[int, Number(0, 1 << 30)] = 0
    labels: Annotated[tuple[Label, ...], Items(200)] = ()
    worker: Id | None = None


@dataclass(frozen=True, slots=True)
class JobForm:
    """A job as it is asked for."""

    commands: Annotated[tuple[Line, ...], Items(1000, 1)]
    name: Name = ""
    project: Sha256 | None = None
    project_name: Name = ""
    mode: Mode = Mode.DISTRIBUTED
    on_error: OnError = OnError.STOP
    shell: Shell = Shell.DEFAULT
    environment: Annotated[dict[str, str], Items(500)] = field(default_factory=dict)
    time_limit_s: Annotated[int, Number(1, 30 * 86400)] | None = None
    retries: Annotated[int, Number(0, 20)] = 0
    outputs: Annotated[tuple[Glob, ...], Items(200)] = ()
    collect: bool = True
    requirements: RequirementsForm = RequirementsForm()
    priority: Annotated[int, Number(-100, 100)] = 0
    output_limit_bytes: Annotated[int, Number(0, MOST_OUTPUT_BYTES)] = DEFAULT_OUTPUT_LIMIT


@dataclass(frozen=True, slots=True)
class BatchForm:
    jobs: Annotated[tuple[JobForm, ...], Items(MOST_BATCH, 1)]


class UploadKind(StrEnum):
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class UploadForm:
    sha256: Sha256
    size: Annotated[int, Number(1, 1 << 62)]  # what is too large to store is refused as that: 413
    kind: UploadKind = UploadKind.PROJECT
    name: Name = ""


@dataclass(frozen=True, slots=True)
class DrainForm:
    drain: bool


@dataclass(frozen=True, slots=True)
class JobsQuery:
    state: JobState | None = None
    limit: PageLimit = 50
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class WorkersQuery:
    limit: Annotated[int, Number(1, 1000)] = 1000
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class AttemptQuery:
    attempt: AttemptNumber | None = None


@dataclass(frozen=True, slots=True)
class LogQuery:
    attempt: AttemptNumber | None = None
    stream: Stream | None = None


@dataclass(frozen=True, slots=True)
class OutputQuery:
    attempt: AttemptNumber | None = None
    after: Offset = 0
    limit: Annotated[int, Number(1, 1 << 20)] = 1 << 16


@dataclass(frozen=True, slots=True)
class EventsQuery:
    after: Cursor | None = None


def job_order(form: JobForm, direct: bool) -> JobOrder:
    """Turn a form into an order. Raises Invalid naming each field."""
    return _accepted([form], direct, [""])[0]


def batch_orders(form: BatchForm, direct: bool) -> list[JobOrder]:
    """Turn all forms into orders, or none. Raises Invalid naming each jobs[i].field."""
    return _accepted(form.jobs, direct, [f"jobs[{n}]." for n in range(len(form.jobs))])


def _accepted(forms: "tuple[JobForm, ...] | list[JobForm]", direct: bool, at: list[str]) -> list[JobOrder]:
    errors = [
        FieldError(prefix + fault.field, fault.message)
        for form, prefix in zip(forms, at, strict=True)
        for fault in _faults(form, direct)
    ]
    if errors:
        raise Invalid(f"The job cannot be accepted: {errors[0].field} {errors[0].message}.", errors)
    return [_order(form) for form in forms]


def _faults(form: JobForm, direct: bool) -> Iterator[FieldError]:
    yield from _command_faults(form.commands)
    yield from _environment_faults(form.environment)
    for n, glob in enumerate(form.outputs):
        if fault := _glob_fault(glob):
            yield FieldError(f"outputs[{n}]", fault)
    if form.mode is Mode.DIRECT and not direct:
        message = "is switched off here: start the coordinator without --no-direct to run Direct jobs"
        yield FieldError("mode", message)


def _command_faults(commands: tuple[str, ...]) -> Iterator[FieldError]:
    for n, line in enumerate(commands):
        if "\n" in line or "\r" in line:
            yield FieldError(f"commands[{n}]", "must be one line: send each line as an item of its own")
    if not any(line.strip() for line in commands):
        yield FieldError("commands", "must hold at least one line that is not blank")
    size = sum(len(line.encode()) + 1 for line in commands)
    if size > MOST_COMMAND_BYTES:
        yield FieldError("commands", f"must have at most {MOST_COMMAND_BYTES} bytes in all, not {size}")


def _environment_faults(environment: dict[str, str]) -> Iterator[FieldError]:
    for name in environment:
        if not _VARIABLE.fullmatch(name):
            message = "must be a name of letters, digits and _ that begins with no digit"
            yield FieldError(f"environment.{name[:100]}", message)
    size = sum(len(name.encode()) + len(value.encode()) + 2 for name, value in environment.items())
    if size > MOST_ENVIRONMENT_BYTES:
        yield FieldError(
            "environment", f"must have at most {MOST_ENVIRONMENT_BYTES} bytes in all, not {size}"
        )


def _glob_fault(glob: str) -> str:
    if "\\" in glob:
        return "must not have a backslash in it: folders are separated by / on every system"
    if glob.startswith("/") or _DRIVE.match(glob):
        return "must be relative to the job's folder"
    return "must not lead out of the job's folder by .." if ".." in glob.split("/") else ""


def _order(form: JobForm) -> JobOrder:
    wanted = form.requirements
    order = JobOrder(
        commands=form.commands,
        requirements=Requirements(
            mode=form.mode,
            os=wanted.os,
            cpus=wanted.cpus,
            memory_mb=wanted.memory_mb,
            labels=tuple(sorted(set(wanted.labels))),
            worker=wanted.worker,
        ),
        name=form.name,
        project=form.project,
        project_name=form.project_name,
        on_error=form.on_error,
        shell=form.shell,
        environment=tuple(form.environment.items()),
        time_limit_s=form.time_limit_s,
        retries=form.retries,
        outputs=form.outputs,
        collect=form.collect,
        priority=form.priority,
        output_limit_bytes=form.output_limit_bytes,
    )
    return replace(order, requirements=replace(order.requirements, plain=is_plain(order)))
