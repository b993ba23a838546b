"""Rows to domain records and back: the one place that knows both."""

import json
from typing import Any

from sqlalchemy import Row

from coordinator.domain.attempt import Attempt
from coordinator.domain.job import Job, JobOrder
from coordinator.domain.requirements import Requirements
from coordinator.domain.worker import Worker, WorkerKind
from shared.vocabulary import (
    AgentState,
    AttemptOutcome,
    JobState,
    OnError,
    OperatingSystem,
    SandboxLevel,
    Shell,
)


def order_json(order: JobOrder) -> str:
    """Spell out an order without its requirements, which have a table of their own."""
    fields = {
        "commands": order.commands,
        "name": order.name,
        "project": order.project,
        "projectName": order.project_name,
        "onError": order.on_error,
        "shell": order.shell,
        "environment": order.environment,
        "timeLimitS": order.time_limit_s,
        "retries": order.retries,
        "outputs": order.outputs,
        "collect": order.collect,
        "priority": order.priority,
        "outputLimitBytes": order.output_limit_bytes,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def order_of(text: str, requirements: Requirements) -> JobOrder:
    fields = json.loads(text)
    return JobOrder(
        commands=tuple(fields["commands"]),
        requirements=requirements,
        name=fields["name"],
        project=fields["project"],
        project_name=fields["projectName"],
        on_error=OnError(fields["onError"]),
        shell=Shell(fields["shell"]),
        environment=tuple((name, value) for name, value in fields["environment"]),
        time_limit_s=fields["timeLimitS"],
        retries=fields["retries"],
        outputs=tuple(fields["outputs"]),
        collect=fields["collect"],
        priority=fields["priority"],
        output_limit_bytes=fields["outputLimitBytes"],
    )


def job_of(row: Row[Any], requirements: Requirements) -> Job:
    return Job(
        id=row.id,
        number=row.number,
        order=order_of(row.spec, requirements),
        state=JobState(row.state),
        created_at=row.created_at,
        attempt=row.attempt,
        worker=row.worker,
        leased=row.leased,
        not_before=row.not_before,
        started_at=row.started_at,
        finished_at=row.finished_at,
        cancel_asked=row.cancel_asked,
        exit_code=row.exit_code,
        message=row.message,
        failures=row.failures,
        lost=row.lost,
        interruptions=row.interruptions,
        version=row.version,
    )


def attempt_of(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        job=row.job,
        number=row.number,
        worker=row.worker,
        session=row.session,
        seq=row.seq,
        granted_at=row.granted_at,
        lease_until=row.lease_until,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=AttemptOutcome(row.outcome) if row.outcome else None,
        exit_code=row.exit_code,
        message=row.message,
        log_end=row.log_end,
        stdout_bytes=row.stdout_bytes,
        stderr_bytes=row.stderr_bytes,
        duration_s=row.duration_s,
        cpu_s=row.cpu_s,
        address=row.address,
        heard_at=row.heard_at,
    )


def worker_of(row: Row[Any]) -> Worker:
    return Worker(
        id=row.id,
        kind=WorkerKind(row.kind),
        host_name=row.host_name,
        machine_mark=row.machine_mark,
        os=OperatingSystem(row.os),
        cpus=row.cpus,
        memory_mb=row.memory_mb,
        labels=tuple(json.loads(row.labels)),
        sandbox_levels=tuple(SandboxLevel(level) for level in json.loads(row.sandbox_levels)),
        version=row.version,
        created_at=row.created_at,
        last_contact=row.last_contact,
        session=row.session,
        last_seq=row.last_seq,
        availability=AgentState(row.availability),
        reason=row.reason,
        load=row.load,
        drain=row.drain,
        bad_streak=row.bad_streak,
        address=row.address,
        free_since=row.free_since,
        open_attempts=getattr(row, "open_attempts", 0),
    )


def worker_fields(worker: Worker) -> dict[str, Any]:
    return {
        "id": worker.id,
        "kind": worker.kind.value,
        "host_name": worker.host_name,
        "machine_mark": worker.machine_mark,
        "os": worker.os.value,
        "cpus": worker.cpus,
        "memory_mb": worker.memory_mb,
        "labels": json.dumps(worker.labels),
        "sandbox_levels": json.dumps(worker.sandbox_levels),
        "version": worker.version,
        "address": worker.address,
        "created_at": worker.created_at,
        "last_contact": worker.last_contact,
        "session": worker.session,
        "last_seq": worker.last_seq,
        "availability": worker.availability.value,
        "reason": worker.reason,
        "load": worker.load,
        "drain": worker.drain,
        "bad_streak": worker.bad_streak,
        "free_since": worker.free_since,
    }
