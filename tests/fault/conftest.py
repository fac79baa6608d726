"""Options and brokers of the fault tests, and the table of what they found."""

import datetime

import pytest

from tests.brokers import mosquitto
from tests.fault.reliability import NAMES, Table

TABLE = pytest.StashKey[Table]()


def pytest_addoption(parser):
    group = parser.getgroup("fault")
    group.addoption(
        "--kills", type=int, default=200, help="random moments of the long run, all brokers together (default 200)"
    )
    group.addoption(
        "--hours", type=int, default=24, help="hours of signal of the run for memory (default 24; a week is 168)"
    )
    group.addoption(
        "--kill-minutes", type=float, default=float("inf"), help="the long run kills no longer than that (default: any)"
    )
    group.addoption("--fault-seed", type=int, default=6, help="seed of the long run's moments")
    group.addoption("--row", choices=NAMES, help="only the tests of this row of the reliability table")


def pytest_collection_modifyitems(config, items):
    row = config.getoption("--row", None)
    if row is None:
        return
    kept = [item for item in items if row in rows_of(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" or report.outcome != "passed":
        why = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
        for row in rows_of(item):
            table(item.config).ended(row, item.name, report.outcome, why)
    return report


def pytest_terminal_summary(terminalreporter, config):
    if table(config).is_empty:
        return
    terminalreporter.section("reliability")
    for line in table(config).lines(datetime.datetime.now(datetime.timezone.utc).date()):
        terminalreporter.write_line(line)


def rows_of(item):
    return [row for mark in item.iter_markers("reliability") for row in mark.args]


def table(config):
    return config.stash.setdefault(TABLE, Table())


@pytest.fixture
def reliability(request):
    """Take the figures that a test found: `reliability.note("kills", lost=0, doubled=0)`."""
    return table(request.config)


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=pytest.mark.fault)])
def broker_kind(request):
    """Name a kind of broker that is installed; the short runs take the embedded one."""
    if request.param == "mosquitto" and mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    return request.param
