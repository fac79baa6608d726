"""The stage that grades each second of one lead and emits a finding when it stays bad."""

from collections.abc import Iterable, Iterator

from biosignal.events import Event, Mark, Reading
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.stage import Item
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.signal_quality.index import QualityIndex, thresholds_of
from biosignal.tasks.signal_quality.kinds import FINDINGS, LEVEL, NAME, QUANTITIES
from biosignal.tasks.signal_quality.limits import QualityLimits
from biosignal.tasks.signal_quality.rule import SignalRule
from biosignal.tasks.task import TaskFacts

HOLDS_S = 2.0
"""The reading of the level expires after this long."""


class QualityStage:
    """One lead's seconds as marks, its level now as a reading, and `lead-off` and `poor-signal` as findings."""

    def __init__(self, facts: TaskFacts, limits: QualityLimits) -> None:
        self._facts = facts
        self._lead = facts.leads[0]
        self._thresholds = thresholds_of(self._lead, rail=limits.rail)
        self._log = FindingLog(facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES)
        self._rule = SignalRule(self._log, limits)
        self._index: QualityIndex | None = None
        self.watermark = 0

    def set_limits(self, limits: QualityLimits) -> None:
        """Take other limits from the next second on."""
        self._rule.limits = limits

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of the lead, or a gap."""
        if isinstance(item, SampleBlock):
            return self._push_block(item)
        if isinstance(item, Gap):
            return self._push_gap(item)
        return ()

    def advance(self, until: int, /) -> Iterable[Event]:
        """Nothing waits: seconds are emitted as soon as their samples are in."""
        self.watermark = until
        return ()

    def finish(self) -> Iterator[Event]:
        """Grade the last second, and close what is open."""
        yield from self._end_stretch()
        self._rule.on_break()
        yield from self._log.drain()

    def _push_block(self, block: SampleBlock) -> Iterator[Event]:
        if self._index is None:
            self._index = QualityIndex(
                recording=self._facts.recording,
                lead=self._lead,
                fs_hz=self._facts.fs_hz,
                start=block.start,
                settings=self._thresholds,
            )
        for mark in self._index.push(block.samples[0]):
            yield from self._emit(mark)

    def _push_gap(self, gap: Gap) -> Iterator[Event]:
        yield from self._end_stretch()
        self._log.clock = max(self._log.clock, gap.start)
        self._rule.on_break()
        yield from self._log.drain()

    def _end_stretch(self) -> Iterator[Event]:
        index, self._index = self._index, None
        if index is not None:
            for mark in index.finish():
                yield from self._emit(mark)

    def _emit(self, mark: Mark) -> Iterator[Event]:
        self._log.clock = max(self._log.clock, mark.decided_at)
        yield mark
        yield Reading(
            task=NAME,
            quantity=LEVEL,
            leads=self._facts.names,
            fs_hz=self._facts.fs_hz,
            at=mark.decided_at,
            until=mark.end + self._log.samples(HOLDS_S),
            label=mark.quality.value,
        )
        self._rule.on_second(mark)
        yield from self._log.drain()


def make_stage(facts: TaskFacts, _model: Model | None, limits: QualityLimits) -> QualityStage:
    """Make the stage of one lead."""
    return QualityStage(facts, limits)
