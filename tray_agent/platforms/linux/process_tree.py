"""Linux's part of the runner: bound to the agent's life, heir of every stray, lowest priority."""

import contextlib
import os

from tray_agent.platforms.linux import processes, system_calls

AGENT_PID = "SPARETIME_AGENT_PID"  # in the runner's environment


class LinuxProcessTree:
    inherits_strays = True

    def bind_to_agent(self) -> bool:
        system_calls.die_with_parent_thread()
        system_calls.inherit_strays()
        if os.getppid() != int(os.environ.get(AGENT_PID, os.getppid())):
            return False  # it died before the call above could notice
        system_calls.use_disk_when_idle(os.uname().machine)
        os.nice(10)  # the runner itself: behind the owner, yet awake at once to freeze
        # Inherited by the job, whose processes are larger and therefore die first when memory runs out.
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - pathlib is not imported here
            file.write("1000")
        return True

    def begin_job(self) -> None:
        pass  # the kernel knows who belongs to it

    def launched(self, pid: int, environment: dict[str, str]) -> None:
        # Not by posix_spawn: glibc refuses SCHED_IDLE there with EINVAL.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))

    def members(self) -> set[int]:
        return processes.descendants(processes.read_processes(), {os.getpid()})

    def some_members(self) -> set[int]:
        # Kernels built without CONFIG_PROC_CHILDREN have no lists.
        return processes.descendants_by_lists(os.getpid()) or self.members()

    def memory_mb(self, pids: set[int]) -> int:
        pages = sum(processes.resident_pages(pid) for pid in pids)
        return pages * os.sysconf("SC_PAGE_SIZE") // (1 << 20)
