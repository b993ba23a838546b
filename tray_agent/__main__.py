"""Where the agent starts. The runner program is told apart first: it must import as little as possible."""

import sys


def main() -> int:
    """Run what the command line asks for; tell the exit code: 0 done, 1 failed, 2 asked for wrongly."""
    if sys.argv[1:2] == ["--runner"]:
        from tray_agent.agent.runner_program import run_runner
        from tray_agent.platforms.choose import job_host

        return int(run_runner(job_host()) or 0)
    from tray_agent.app import run_agent

    return run_agent(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
