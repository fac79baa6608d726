"""Look over an installation: each check with its cause, since when, and what to do.

Nothing is changed, but the state folder is made where it is missing.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import TextIO, TypeAlias

from biosignal.errors import BedsideError
from edge_agent.operate.clock import Clock, utc_text
from edge_agent.operate.settings import Settings


class Level(str, Enum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing looked at. `since` is ISO 8601 where known; `remedy` is empty where nothing is to be done."""

    name: str
    level: Level
    cause: str
    remedy: str = ""
    since: str | None = None


Checking: TypeAlias = Callable[[Settings, Clock], Iterator[Check]]


def ok(name: str, cause: str) -> Check:
    """Nothing to do."""
    return Check(name=name, level=Level.OK, cause=cause)


def warn(name: str, cause: str, remedy: str, *, since_utc_s: float | None = None) -> Check:
    """Worse than it should be; the daemon works."""
    since = None if since_utc_s is None else utc_text(since_utc_s)
    return Check(name=name, level=Level.WARN, cause=cause, remedy=remedy, since=since)


def fail(name: str, cause: str, remedy: str, *, since_utc_s: float | None = None) -> Check:
    """The daemon cannot do this part of its work."""
    since = None if since_utc_s is None else utc_text(since_utc_s)
    return Check(name=name, level=Level.FAIL, cause=cause, remedy=remedy, since=since)


def examine(load: Callable[[], Settings], *, config: Path | None, clock: Clock) -> list[Check]:
    """Run every check; where the settings cannot be read there is nothing else to look at."""
    from edge_agent.operate.doctor_checks import CHECKS

    try:
        settings = load()
    except BedsideError as error:
        return [fail("settings", str(error), error.advice)]
    checks = [ok("settings", f"read from {config}" if config else "defaults and environment")]
    for name, check in CHECKS.items():
        checks += _guarded(name, check, settings, clock)
    return checks


def _guarded(name: str, check: Checking, settings: Settings, clock: Clock) -> list[Check]:
    try:
        return list(check(settings, clock))
    except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
        return [fail(name, f"the check itself failed: {type(error).__name__}: {error}", "report this as a fault")]


def print_checks(checks: list[Check], *, as_json: bool, stdout: TextIO) -> int:
    """Print checks for people or as JSON lines; the exit code: 1 where one failed."""
    counts = {level.value: sum(check.level is level for check in checks) for level in Level}
    stdout.writelines(line + "\n" for line in (_json_lines(checks, counts) if as_json else _lines(checks, counts)))
    return 1 if counts["fail"] else 0


def _json_lines(checks: list[Check], counts: dict[str, int]) -> Iterator[str]:
    for check in checks:
        yield json.dumps({"type": "check", **asdict(check), "level": check.level.value})
    yield json.dumps({"type": "summary", **counts})


def _lines(checks: list[Check], counts: dict[str, int]) -> Iterator[str]:
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"{check.level.value:4}  {check.name:{width}}  {check.cause}"
        if check.since:
            yield f"      {'':{width}}  since {check.since}"
        if check.remedy:
            yield f"      {'':{width}}  do: {check.remedy}"
    yield f"{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} failed"
    if counts["fail"]:
        first = next(check for check in checks if check.level is Level.FAIL)
        yield f"Try: {first.remedy}"
