"""A stand-in for the agent's process: starts one job through a pool, tells its pid and waits to be killed."""

import sys
import threading
from pathlib import Path

from tests.fakes.runner_rig import RunnerRig


def main() -> None:
    root, *commands = sys.argv[1:]
    rig = RunnerRig(Path(root))
    rig.started(rig.start(*commands, environment={"MARK": root}))
    print("started", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
