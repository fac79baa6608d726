"""Limits of the seizure candidates as a file: a piece of the daemon's settings, read and written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput
from biosignal.settings import Reader
from biosignal.tasks.eeg_seizure.kinds import NAME
from biosignal.tasks.eeg_seizure.limits import SeizureLimits


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settings:
    """What is read of a settings file here."""

    limits: Mapping[str, Any] = field(default_factory=dict)


def read_limits(path: Path) -> SeizureLimits:
    """Read the limits out of a settings file; those it does not name have their defaults.

    Raises
    ------
    BadInput : the file cannot be read, or a limit is unknown or out of order.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            "the settings cannot be read", file=str(path), reason=str(error), remedy="give a TOML file that exists"
        ) from error
    reader = Reader(tree=_Settings, prefix="BEDSIDE_", sections={"limits": {NAME: SeizureLimits}})
    found: SeizureLimits = reader.read(text=text, file=str(path)).limits[NAME]
    return found


def limits_text(limits: SeizureLimits, *, about: str) -> str:
    """Write the limits that differ from the defaults as the daemon's settings take them."""
    usual = SeizureLimits()
    lines = [f"# {line}" for line in about.splitlines()]
    lines.append(f"[limits.{NAME}]")
    for one in fields(limits):
        value = getattr(limits, one.name)
        if value != getattr(usual, one.name):
            lines.append(f"{one.name} = {value!r}")
    return "\n".join(lines) + "\n"
