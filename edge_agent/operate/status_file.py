"""What the running daemon says of itself, in a file that `edge-agent doctor` reads."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from biosignal.events import LoopStatus

NAME = "status.json"
LATER = frozenset({"metrics_port", "sample_age_s", "loops", "readings", "sounder", "sounder_reason"})
"""What a status of an earlier version does not hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedModel:
    """What answers for a task: its bundle, the rung it is on, and why; the bundle is absent where nothing answers."""

    task: str
    bundle: str | None
    rung: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownReading:
    """A number or a label that held when the status was written, and until when it does; nobody knows it after that."""

    task: str
    quantity: str
    leads: tuple[str, ...]
    value: float | None
    label: str | None
    valid_until_utc_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentStatus:
    """How the daemon is. Times are seconds since 1970 UTC; a `since` is absent where nothing is wrong."""

    pid: int
    written_utc_s: float
    started_utc_s: float
    version: str
    source_state: str
    source_reason: str
    source_since_utc_s: float
    models: tuple[ServedModel, ...]
    leads: tuple[str, ...]
    """Which task reads which lead, a sentence each."""
    connected: bool
    connected_since_utc_s: float
    connection_reason: str
    outbox: int
    rejected: int
    explainer: str
    lost_samples: int
    metrics_port: int | None = None  # absent: no metrics are served
    sample_age_s: float | None = None  # when it was written; absent before the first sample
    loops: tuple[LoopStatus, ...] = ()
    readings: tuple[ShownReading, ...] = ()
    sounder: str = ""
    sounder_reason: str = ""


def write_status(state_dir: Path, status: AgentStatus) -> None:
    """Write the status whole or not at all.

    Raises
    ------
    OSError : the folder cannot be written.
    """
    target = state_dir / NAME
    part = target.with_suffix(".part")
    part.write_text(json.dumps(asdict(status)), encoding="utf-8")
    part.replace(target)


def read_status(state_dir: Path) -> AgentStatus | None:
    """Read the status; None where there is none or it cannot be read."""
    try:
        stored = json.loads((state_dir / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    names = {part.name for part in fields(AgentStatus)}
    if not isinstance(stored, Mapping) or not names - LATER <= stored.keys():
        return None
    known = {name: stored[name] for name in names & stored.keys()}
    try:
        known["models"] = tuple(ServedModel(**one) for one in known["models"])
        known["loops"] = tuple(LoopStatus(**one) for one in known.get("loops", ()))
        known["readings"] = tuple(
            ShownReading(**{**one, "leads": tuple(one["leads"])}) for one in known.get("readings", ())
        )
    except (TypeError, KeyError):
        return None
    return AgentStatus(**{**known, "leads": tuple(known["leads"])})


def is_running(status: AgentStatus) -> bool:
    """Whether the process that wrote the status is still there."""
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
