"""The stage that looks for seizure candidates on all EEG leads together."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from biosignal.eeg.montage import Montage, bipolar
from biosignal.events import Event, Finding, Mark, Reading
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.stage import Item
from biosignal.tasks.eeg_seizure.conditioning import Conditioning
from biosignal.tasks.eeg_seizure.deciding import Decider, Said
from biosignal.tasks.eeg_seizure.kinds import BASELINE, NAME, OWN, PRIOR
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.measuring import Measuring, Second
from biosignal.tasks.eeg_seizure.quality import ChannelQuality
from biosignal.tasks.eeg_seizure.voting import Mask
from biosignal.tasks.task import TaskFacts

HOLDS_S = 2.0
"""The reading of the baseline expires after this long."""


class Decides(Protocol):
    """Whoever decides the seconds: `Decider`, or one that only gathers them."""

    def decide(self, second: Second, trusted: Mask, /) -> Said:
        """Take the next second; `trusted` says of each channel whether its signal can be."""

    def restart(self) -> None:
        """A stretch begins behind a gap."""

    def end(self, at: int = 0, /) -> list[Finding]:
        """A stretch ends: a gap begins at sample `at`, or the recording is over."""

    def set_limits(self, limits: SeizureLimits, /) -> None:
        """Take other limits."""


class SeizureStage:
    """Measures each second when its samples are in, and decides it when the quality of its leads is known."""

    def __init__(self, facts: TaskFacts, montage: Montage, decider: Decides) -> None:
        self._facts = facts
        self._montage = montage
        self._decider = decider
        self.watermark = 0
        self._restart()

    def _restart(self) -> None:
        self._conditioning = Conditioning(self._facts.leads, self._montage, fs_hz=self._facts.fs_hz)
        self._measuring: Measuring | None = None
        self._quality = ChannelQuality(self._facts.names, self._montage)
        self._due: deque[Second] = deque()

    def set_limits(self, limits: SeizureLimits, /) -> None:
        """Take other limits from the next second on; the baseline keeps the length and prior it began with."""
        self._decider.set_limits(limits)

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of all leads, a second of their quality, or a gap."""
        if isinstance(item, SampleBlock):
            if self._measuring is None:
                self._measuring = Measuring(fs_hz=self._facts.fs_hz, start=item.start, channels=len(self._montage.rows))
            self._due.extend(self._measuring.push(self._conditioning.push(item.samples)))
            return ()
        if isinstance(item, Mark):
            self._quality.push(item)
            return ()
        return self._push_gap(item) if isinstance(item, Gap) else ()

    def advance(self, until: int, /) -> Iterable[Event]:
        """Decide the seconds whose quality was said."""
        events = list(self._decided(until)) if self._due and self._due[0].end <= until else ()
        self.watermark = until
        return events

    def finish(self) -> Iterator[Event]:
        """Decide what is there, and close what is open."""
        yield from self._end_stretch()

    def _push_gap(self, gap: Gap) -> Iterator[Event]:
        yield from self._end_stretch(gap.start)
        self._decider.restart()
        self._restart()

    def _end_stretch(self, at: int = 0) -> Iterator[Event]:
        if self._due:
            yield from self._decided(self._due[-1].end)
        yield from self._decider.end(at)

    def _decided(self, until: int) -> Iterator[Event]:
        while self._due and self._due[0].end <= until:
            yield from self._decide(self._due.popleft())

    def _decide(self, second: Second) -> Iterator[Event]:
        said = self._decider.decide(second, self._quality.trusted(second.end))
        yield self._reading(second, said.own_share)
        if said.mark is not None:
            yield said.mark
        yield from said.findings

    def _reading(self, second: Second, own_share: float) -> Reading:
        return Reading(
            task=NAME,
            quantity=BASELINE,
            leads=self._facts.names,
            fs_hz=self._facts.fs_hz,
            at=second.end - 1,
            until=second.end + round(HOLDS_S * self._facts.fs_hz),
            label=OWN if own_share >= 1.0 else PRIOR,
        )


def make_stage(facts: TaskFacts, _model: Model | None, limits: SeizureLimits) -> SeizureStage:
    """Make the stage of all leads."""
    montage = bipolar(facts.names)
    return SeizureStage(facts, montage, Decider(facts, montage, limits))
