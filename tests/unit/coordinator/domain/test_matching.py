"""Matching: each reason why a PC cannot run a job, and the key that makes equal requirements one class."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.matching import Mismatch, matches, mismatch
from coordinator.domain.requirements import Requirements
from coordinator.domain.worker import WorkerKind
from shared.vocabulary import Mode, OperatingSystem, SandboxLevel
from tests.builders import a_worker

SEED = {"kind": WorkerKind.SEED}
BUILTIN = {"kind": WorkerKind.BUILTIN}


@pytest.mark.parametrize(
    ("wanted", "worker", "reason"),
    [
        ({}, {}, None),
        ({"mode": Mode.DIRECT}, {}, Mismatch.KIND),
        ({"mode": Mode.DIRECT}, SEED, Mismatch.KIND),
        ({"mode": Mode.DIRECT}, BUILTIN, None),
        ({}, BUILTIN, Mismatch.KIND),
        ({"worker": "pc-1"}, {}, None),
        ({"worker": "pc-2"}, {}, Mismatch.NAMED),
        ({}, SEED, Mismatch.OLD),
        ({"plain": True}, SEED, None),
        ({"plain": True}, {}, None),
        ({"os": OperatingSystem.LINUX}, {}, None),
        ({"os": OperatingSystem.WINDOWS}, {}, Mismatch.OS),
        ({"cpus": 4}, {}, None),
        ({"cpus": 5}, {}, Mismatch.CPUS),
        ({"memory_mb": 8192}, {}, None),
        ({"memory_mb": 8193}, {}, Mismatch.MEMORY),
        ({"labels": ("git",)}, {}, None),
        ({"labels": ("git", "python")}, {}, None),
        ({"labels": ("cuda", "git")}, {}, Mismatch.LABELS),
        ({"labels": ("Git",)}, {}, Mismatch.LABELS),
        ({"sandbox": SandboxLevel.SANDBOX}, {}, Mismatch.SANDBOX),
        ({"sandbox": SandboxLevel.SANDBOX}, {"sandbox_levels": (SandboxLevel.SANDBOX,)}, None),
        ({"sandbox": SandboxLevel.NONE}, {"sandbox_levels": ()}, None),
        ({"mode": Mode.DIRECT, "cpus": 99}, {}, Mismatch.KIND),  # the first reason is told
        ({"worker": "pc-2", "labels": ("cuda",)}, {}, Mismatch.NAMED),
    ],
)
def test_each_reason(wanted: dict[str, Any], worker: dict[str, Any], reason: Mismatch | None) -> None:
    requirements, candidate = Requirements(**wanted), a_worker(**worker)

    assert mismatch(requirements, candidate) is reason
    assert matches(requirements, candidate) is (reason is None)


def test_every_reason_completes_a_sentence() -> None:
    for reason in Mismatch:
        assert reason.value[0].islower()
        assert not reason.value.endswith(".")


REQUIREMENTS = st.builds(
    Requirements,
    mode=st.sampled_from(Mode),
    os=st.none() | st.sampled_from(OperatingSystem),
    cpus=st.integers(1, 4096),
    memory_mb=st.integers(0, 1 << 30),
    labels=st.lists(st.text(max_size=5), max_size=4, unique=True).map(lambda found: tuple(sorted(found))),
    worker=st.none() | st.text(max_size=5),
    sandbox=st.sampled_from(SandboxLevel),
    plain=st.booleans(),
)


@given(REQUIREMENTS)
def test_a_class_key_says_everything(wanted: Requirements) -> None:
    assert Requirements.from_key(wanted.class_key()) == wanted


@given(REQUIREMENTS, REQUIREMENTS)
def test_keys_are_equal_exactly_when_requirements_are(one: Requirements, other: Requirements) -> None:
    assert (one.class_key() == other.class_key()) is (one == other)
