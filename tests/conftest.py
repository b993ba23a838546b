"""What every test shares: the option --long, and the list of what could not run on this machine."""

import os

import pytest

NOT_RUN = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer --long."""
    parser.addoption("--long", action="store_true", help="run the long forms of tests, too")


def pytest_configure(config: pytest.Config) -> None:
    """Begin the list of what is not run."""
    config.stash[NOT_RUN] = {}
    config.pluginmanager.register(SkipRecorder(config.stash[NOT_RUN]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests out unless they are asked for: that is a choice, not a skip."""
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


class SkipRecorder:
    """Notes each skipped test and module with its reason."""

    def __init__(self, not_run: dict[str, str]) -> None:
        self.not_run = not_run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skipped test; an expected failure is none."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self.not_run[report.nodeid] = _reason(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that skips itself."""
        if report.skipped:
            self.not_run[report.nodeid] = _reason(report)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail in CI when something could not run: there everything has to."""
    if session.config.stash[NOT_RUN] and os.environ.get("CI") == "true" and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """List what was not run, by name, after everything else."""
    not_run, terminal = config.stash[NOT_RUN], config.pluginmanager.get_plugin("terminalreporter")
    if not not_run or terminal is None:
        return
    terminal.write_line(f"Not run on this machine ({len(not_run)}):")
    for name, reason in not_run.items():
        terminal.write_line(f"  {name}: {reason}")
    if os.environ.get("CI") == "true":
        terminal.write_line("With CI=true this is a failure: everything has to run there.")
