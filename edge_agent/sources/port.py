"""What every source promises."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, runtime_checkable

from biosignal.errors import BadInput
from biosignal.events import stable_id
from biosignal.signal.blocks import Lead, Signal


class RecordUnreadable(BadInput):
    """A record is missing, torn or not what it says."""

    remedy = "check the file that the message names, or fetch the record again"


class LeadUnknown(BadInput):
    """A lead was asked for that the source does not have."""

    remedy = "name one of the leads listed, or its index"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFacts:
    """What is known before the first sample.

    `fs_hz` is the recording's own rate, at which gaps, lengths and remarks are counted; leads of another rate carry
    their own. `content_hash` names the samples of a replay (absent for live sources); `length` is in samples at the
    recording's own rate, absent where nobody knows; `path` is where the record lies, absent where it is no file of the
    user's. `first_sample` is the index, in the whole record, of the first sample where only a stretch is read. `notes`
    are sentences for people about what the source could not give: a torn end, a column of text. `annotated_hz` is the
    rate at which annotation files beside the record count, absent where it is `fs_hz`.
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
    annotated_hz: float | None = None


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
    """Yields samples of one recording, in order, and a `Gap` where samples were lost.

    Where leads have several rates, each stretch of time comes as one block a rate, that of the recording's own rate
    first. Behind a gap that ends at sample `e` of it, a lead of rate `r` goes on at sample ``round(e * r / fs)``.
    """

    def recording_facts(self) -> SourceFacts:
        """Return what is known before the first sample.

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
        """Return the state; safe from any thread."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """How whole counts stand for the values of a lead, in the unit of the lead: ``zero + step * count``.

    `counts` are the lowest and the highest count that the file allows, absent where it does not say them.
    """

    step: float
    zero: float = 0.0
    counts: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadDescription:
    """What a file says of a lead beside its samples. `unit_text` is the file's own, empty where it gives no scale."""

    unit_text: str
    scale: Scale | None = None
    transducer: str = ""
    prefilter: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What a file says beside its samples.

    Parameters
    ----------
    leads : one for each lead of the facts.
    started : date and time of sample 0, as the recorder's clock had it; absent where the file does not say both.
    texts : (what it is, text): the patient, the recording, comments. All of it may name a person.
    """

    leads: tuple[LeadDescription, ...]
    started: datetime | None = None
    texts: tuple[tuple[str, str], ...] = ()


@runtime_checkable
class Described(Protocol):
    """A source whose file says more than its samples."""

    def description(self) -> Description:
        """What the file says."""


def replay_id(facts: SourceFacts) -> str:
    """Id of a replay: by its content and leads, so the same replay twice is the same recording."""
    return stable_id(facts.content_hash, ",".join(lead.name for lead in facts.leads))


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Name every lead once: a repeated name gets ``#2``, ``#3``; an empty one its index."""
    seen: dict[str, int] = {}
    unique = []
    for index, name in enumerate(names):
        plain = name.strip() or f"signal-{index}"
        seen[plain] = seen.get(plain, 0) + 1
        unique.append(plain if seen[plain] == 1 else f"{plain}#{seen[plain]}")
    return tuple(unique)
