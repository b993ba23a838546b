"""The environment of a job: what the PC allows, what the job asks for, and what it is told. Pure."""

from collections.abc import Mapping
from pathlib import PurePath

from shared.messages import AttemptRef, JobSpec


def job_environment(
    base: Mapping[str, str], spec: JobSpec, ref: AttemptRef, temp: PurePath, windows: bool
) -> dict[str, str]:
    """Merge them; the job's own wishes win over the PC's, our own facts over both."""
    python = {"PYTHONUNBUFFERED": "1", **({"PYTHONUTF8": "1"} if windows else {})}
    folders = dict.fromkeys(("TEMP", "TMP") if windows else ("TMPDIR",), str(temp))
    merged = {**base, **python, **folders}
    if windows:  # names differ there by letters only, not by their case
        asked = {name.upper() for name in spec.environment}
        merged = {name: value for name, value in merged.items() if name.upper() not in asked}
    return {
        **merged,
        **spec.environment,
        **dict(mark.split("=", 1) for mark in attempt_marks(ref)),
        "SPARETIME_CPUS": str(spec.cpus),
    }


def attempt_marks(ref: AttemptRef) -> tuple[str, str]:
    """Tell the two entries that mark every process of an attempt."""
    return f"SPARETIME_JOB={ref.job}", f"SPARETIME_ATTEMPT={ref.attempt}"
