"""What a job asks of the PC that runs it. Equal requirements form one requirement class."""

import json
from dataclasses import asdict, dataclass

from shared.vocabulary import Mode, OperatingSystem, SandboxLevel


@dataclass(frozen=True, slots=True)
class Requirements:
    mode: Mode = Mode.DISTRIBUTED
    os: OperatingSystem | None = None
    cpus: int = 1
    memory_mb: int = 0
    labels: tuple[str, ...] = ()  # sorted, each once
    worker: str | None = None
    sandbox: SandboxLevel = SandboxLevel.NONE
    plain: bool = False  # asks for nothing that a worker of the older interface cannot do

    def class_key(self) -> str:
        """Spell out these requirements; equal requirements have equal keys."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_key(key: str) -> "Requirements":
        fields = json.loads(key)
        return Requirements(
            mode=Mode(fields["mode"]),
            os=OperatingSystem(fields["os"]) if fields["os"] else None,
            cpus=fields["cpus"],
            memory_mb=fields["memory_mb"],
            labels=tuple(fields["labels"]),
            worker=fields["worker"],
            sandbox=SandboxLevel(fields["sandbox"]),
            plain=fields["plain"],
        )
