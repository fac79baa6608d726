"""What every source promises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from biosignal.errors import BadInput
from biosignal.events import stable_id
from biosignal.signal.blocks import Lead, Signal

_ELECTRODE = re.compile(r"(fp|af|f|fc|ft|c|t|cp|tp|p|po|o|n|i)(z|\d{1,2}h?)|[am][12]")


class RecordUnreadable(BadInput):
    """A record is missing, torn or not what it says."""

    remedy = "check the file that the message names, or fetch the record again"


class NoHeart(BadInput):
    """There is no lead in which a heartbeat could be looked for."""

    remedy = "name a lead with --lead or analysis.lead if one of them is an ECG all the same"


class LeadUnknown(BadInput):
    """A lead was asked for that the source does not have."""

    remedy = "name one of the leads listed, its index, or `all`"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFacts:
    """What is known before the first sample.

    `content_hash` names the samples of a replay (absent for live sources); `length` is in samples per lead, absent
    where nobody knows; `path` is where the record lies, absent where it is no file of the user's. `first_sample` is the
    index, in the whole record, of the first sample where only a stretch is read. `notes` are sentences for people about
    what the source could not give: a torn end, signals of another rate.
    """

    name: str
    leads: tuple[Lead, ...]
    fs_hz: float
    live: bool
    content_hash: str | None = None
    length: int | None = None
    path: str | None = None
    first_sample: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """What a file says in words about itself: from which sample, for how many seconds where given, and the text."""

    sample: int
    for_s: float | None
    text: str


class SourceState(str, Enum):
    """How a source is, now."""

    OPENING = "opening"
    STREAMING = "streaming"
    STALLED = "stalled"  # the port is open and says nothing
    LOST = "lost"  # the port is gone or refuses to open; it is tried again
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceHealth:
    """State of a source, since when on the monotonic clock, why, and its counters by name."""

    state: SourceState
    since_monotonic_s: float
    reason: str = ""
    counters: tuple[tuple[str, int], ...] = ()


class Source(Protocol):
    """Yields samples of one recording, in order, and a `Gap` where samples were lost."""

    def recording_facts(self) -> SourceFacts:
        """Tell what is known before the first sample.

        Raises
        ------
        BadInput : there is nothing usable at the other end.
        """

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""

    def read(self) -> Iterator[Signal]:
        """Yield blocks and gaps from sample 0 on, until the source ends or is closed."""

    def close(self) -> None:
        """Make `read` end soon; safe from any thread and safe to call twice."""

    def health(self) -> SourceHealth:
        """Tell the state; safe from any thread."""


@runtime_checkable
class Seekable(Protocol):
    """A source that need not read what lies before."""

    def read_from(self, sample: int) -> Iterator[Signal]:
        """Yield what `read` does, from the item that holds `sample` on, or from one shortly before."""


@runtime_checkable
class Remarked(Protocol):
    """A source whose file carries annotations in words."""

    def remarks(self) -> list[Remark]:
        """All annotations in the order of their samples."""


def replay_id(facts: SourceFacts) -> str:
    """Id of a replay: by its content and leads, so the same replay twice is the same recording."""
    return stable_id(facts.content_hash, ",".join(lead.name for lead in facts.leads))


def choose_leads(facts: SourceFacts, wanted: str | None) -> tuple[int, ...]:
    """Indices of the leads meant by a name, an index, ``all``, or nothing (the first that is not named as EEG).

    Raises
    ------
    LeadUnknown : no such lead. NoHeart : nothing was named, and every lead is named as EEG.
    """
    names = [lead.name for lead in facts.leads]
    if wanted is None or wanted == "":
        hearts = [index for index, name in enumerate(names) if not is_named_eeg(name)]
        if not hearts:
            raise NoHeart("every lead is EEG, which this version does not analyse", leads=names[:8])
        return (hearts[0],)
    if wanted in names:
        return (names.index(wanted),)
    if wanted == "all":
        return tuple(range(len(names)))
    if wanted.isdecimal() and int(wanted) < len(names):
        return (int(wanted),)
    raise LeadUnknown("the record has no such lead", lead=wanted, leads=names)


def is_named_eeg(name: str) -> bool:
    """Tell by its name whether a lead lies on the scalp: ``EEG ...``, or 10-10 electrodes (``Fpz-Cz``)."""
    plain = name.strip().lower()
    if plain.startswith(("eeg", "eog")):
        return True
    parts = [part.strip(" .") for part in plain.removesuffix("-ref").split("-")]
    return bool(parts) and all(_ELECTRODE.fullmatch(part) for part in parts)


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Name every lead once: a repeated name gets ``#2``, ``#3``; an empty one its index."""
    seen: dict[str, int] = {}
    unique = []
    for index, name in enumerate(names):
        plain = name.strip() or f"signal-{index}"
        seen[plain] = seen.get(plain, 0) + 1
        unique.append(plain if seen[plain] == 1 else f"{plain}#{seen[plain]}")
    return tuple(unique)
