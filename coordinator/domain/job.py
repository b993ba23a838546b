"""A job: what a person submits, and what has become of it."""

from dataclasses import dataclass

from coordinator.domain.requirements import Requirements
from shared.messages import JobSpec, ProjectRef
from shared.vocabulary import JobState, OnError, Shell

DEFAULT_OUTPUT_LIMIT = 100 * 1024 * 1024
ANY_PC = Requirements()


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What a person asks for, checked."""

    commands: tuple[str, ...]
    requirements: Requirements = ANY_PC
    name: str = ""
    project: str | None = None  # the sha256 of an uploaded ZIP
    project_name: str = ""  # what its file was called
    on_error: OnError = OnError.STOP
    shell: Shell = Shell.DEFAULT
    environment: tuple[tuple[str, str], ...] = ()
    time_limit_s: int | None = None
    retries: int = 0
    outputs: tuple[str, ...] = ()
    collect: bool = True
    priority: int = 0
    output_limit_bytes: int = DEFAULT_OUTPUT_LIMIT

    def spec(self, project_size: int) -> JobSpec:
        """Tell what an agent must know to run this."""
        return JobSpec(
            name=self.name,
            commands=self.commands,
            on_error=self.on_error,
            shell=self.shell,
            environment=dict(self.environment),
            time_limit_s=self.time_limit_s,
            outputs=self.outputs,
            collect=self.collect,
            output_limit_bytes=self.output_limit_bytes,
            cpus=self.requirements.cpus,
            memory_mb=self.requirements.memory_mb,
            sandbox=self.requirements.sandbox,
            project=ProjectRef(self.project, project_size) if self.project else None,
        )


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    number: int  # rises with each job: the order of the queue within a priority
    order: JobOrder
    state: JobState
    created_at: float
    attempt: int = 0  # the number of the current or last attempt; 0 before the first
    worker: str | None = None  # of that attempt
    leased: bool = False  # an attempt is open
    not_before: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    cancel_asked: bool = False
    exit_code: int | None = None
    message: str = ""
    failures: int = 0
    lost: int = 0
    interruptions: int = 0
    version: int = 0  # rises with each change

    @property
    def finished(self) -> bool:
        return self.finished_at is not None
