"""What people said of this bed while the daemon ran, kept over its restart: whose it is, and the limits set for them.

Settings of alarms must outlast a short loss of power (IEC 60601-1-8), and a patient does not change because a
program was started again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from biosignal.events import SetLimit
from biosignal.tasks import TASKS
from edge_agent.operate.settings import Settings
from edge_agent.store.events import EventStore

NOTE = "bedside"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bedside:
    """The patient's pseudonym, none where nobody is admitted, and by task the limits that were set."""

    subject: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Write it down."""
        limits = {task: asdict(one) for task, one in self.limits.items()}
        return json.dumps({"subject": self.subject, "limits": limits}, sort_keys=True)


def changed(limits: Mapping[str, Any], declared: Mapping[str, Any]) -> tuple[SetLimit, ...]:
    """Name the limits that are not the declared ones.

    Parameters
    ----------
    limits, declared : by task.
    """
    return tuple(
        SetLimit(task=task, name=name, value=float(value))
        for task, one in limits.items()
        if task in declared
        for name, value in asdict(one).items()
        if isinstance(value, (int, float)) and value != getattr(declared[task], name)
    )


def read_bedside(text: str | None, usual: Mapping[str, Any]) -> Bedside | None:
    """Read what was written; None where nothing was, or it cannot be read.

    A limit that this version does not know is passed over, and one that is not there any more keeps its usual value.

    Parameters
    ----------
    usual : limits of the settings, by task.
    """
    try:
        said = json.loads(text or "")
        subject = said["subject"]
        limits = {
            task: replace(usual[task], **{name: value for name, value in values.items() if hasattr(usual[task], name)})
            for task, values in said["limits"].items()
            if task in usual
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return Bedside(subject=subject if isinstance(subject, str) else None, limits=limits)


class KeptBedside:
    """What was said last, in the store: of the patient whom the settings name, else of the one who lay there then."""

    def __init__(self, events: EventStore, settings: Settings) -> None:
        self._events = events
        self._usual = settings.limits
        kept, named = read_bedside(events.noted(NOTE), settings.limits) or Bedside(), settings.device.subject
        self.last = Bedside(subject=named) if named not in (None, kept.subject) else kept

    @property
    def changed(self) -> tuple[SetLimit, ...]:
        """The limits in force that are not the declared ones."""
        declared = {name: task.limits() for name, task in TASKS.items() if task.limits is not None}
        return changed({**self._usual, **self.last.limits}, declared)

    def keep(self, bedside: Bedside) -> None:
        """Keep what was said now."""
        self.last = bedside
        self._events.note(NOTE, bedside.text())
