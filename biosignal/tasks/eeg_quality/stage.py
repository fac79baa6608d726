"""The stage that grades each second of all EEG leads of a rate, and emits findings when some stay bad."""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np

from biosignal.events import Event, Mark, MarkState, Prediction, Reading, Rung, mark_id
from biosignal.model.model import Model
from biosignal.signal.blocks import MILLIVOLT_PER, Gap, SampleBlock, Unit
from biosignal.stream.stage import Item
from biosignal.tasks.eeg_quality.bridges import Pair
from biosignal.tasks.eeg_quality.grading import Grading
from biosignal.tasks.eeg_quality.kinds import (
    ARTEFACT,
    BRIDGE,
    FINDINGS,
    LEVEL,
    NAME,
    QUANTITIES,
    REASONS,
    RULES,
    SECOND,
    Grade,
    level_of,
)
from biosignal.tasks.eeg_quality.limits import EegQualityLimits
from biosignal.tasks.eeg_quality.pieces import Cutter, Pieces, ends_second
from biosignal.tasks.eeg_quality.rule import LeadsRule
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.task import TaskFacts

HOLDS_S = 2.0
"""The readings expire after this long."""
_LEVELS = {int(grade): level_of(grade) for grade in Grade}


class EegQualityStage:
    """Seconds of all leads as marks; level and artefact now as readings; what stays bad as findings.

    A second is graded by its two halves, the worse one counts. The readings say already after the first half what
    spoils it, so a lead that fails is shown within a second.
    """

    def __init__(self, facts: TaskFacts, limits: EegQualityLimits) -> None:
        self._facts = facts
        self._limits = limits
        # What has no scale is graded as it is, for whatever needs none.
        self._scales = np.array(
            [1.0 if lead.unit is Unit.RAW else 1000.0 * MILLIVOLT_PER[lead.unit] for lead in facts.leads]
        )
        self._log = FindingLog(facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES)
        self._rule = LeadsRule(self._log, facts.names, limits)
        self._holds = self._log.samples(HOLDS_S)
        self._single = [(name,) for name in facts.names]
        self._cutter: Cutter | None = None
        self._grading = Grading(facts.leads, facts.fs_hz)
        self._begin = self._half_at = 0
        self._grades = np.zeros(len(facts.leads), np.int64)
        self._pairs: set[Pair] = set()
        self.watermark = 0

    def set_limits(self, limits: EegQualityLimits, /) -> None:
        """Take other limits from the next half second on."""
        self._limits = self._rule.limits = limits

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of the leads, or a gap."""
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
        """Grade what was begun, and close what is open."""
        yield from self._end_stretch()
        self._rule.on_break()
        yield from self._log.drain()

    def _push_block(self, block: SampleBlock) -> Iterator[Event]:
        if self._cutter is None:
            self._cutter = Cutter(self._scales, fs_hz=self._facts.fs_hz, start=block.start)
            self._grading = Grading(self._facts.leads, self._facts.fs_hz)
            self._anew(block.start)
        for pieces in self._cutter.push(block.samples):
            yield from self._graded(pieces)

    def _push_gap(self, gap: Gap) -> Iterator[Event]:
        yield from self._end_stretch()
        self._log.clock = max(self._log.clock, gap.start)
        self._rule.on_break()
        yield from self._log.drain()

    def _end_stretch(self) -> Iterator[Event]:
        cutter, self._cutter = self._cutter, None
        if cutter is None:
            return
        end = self._begin
        for pieces in cutter.finish():
            yield from self._graded(pieces)
            end = pieces.start + pieces.length
        if self._begin < (end := max(end, self._half_at)):
            yield from self._second(end)

    def _anew(self, start: int) -> None:
        """A second begins."""
        self._begin = self._half_at = start
        self._grades.fill(0)
        self._pairs = set()

    def _graded(self, pieces: Pieces) -> Iterator[Event]:
        graded = self._grading.grade(pieces, self._limits)
        worst = np.max(graded.grades, axis=1).tolist()
        for number, grades in enumerate(graded.grades):
            end = pieces.start + (number + 1) * pieces.length
            self._half_at = end
            np.maximum(self._grades, grades, out=self._grades)
            self._pairs.update(graded.bridges[number])
            if ends_second(end, self._facts.fs_hz):
                yield from self._second(end)
            elif worst[number] >= Grade.BLINK:
                yield from self._early(end)

    def _early(self, end: int) -> Iterator[Event]:
        """Say after half a second already what spoils it."""
        for lead in np.flatnonzero(self._grades >= Grade.BLINK).tolist():
            yield from self._readings(lead, int(self._grades[lead]), end)

    def _second(self, end: int) -> Iterator[Event]:
        start, grades, pairs = self._begin, self._grades, sorted(self._pairs)
        self._log.clock = max(self._log.clock, end - 1)
        for lead, grade in enumerate(grades.tolist()):
            yield self._mark(SECOND.name, self._single[lead], start, end, grade)
            yield from self._readings(lead, grade, end)
        for one, other in pairs:
            leads = (self._facts.names[one], self._facts.names[other])
            yield self._mark(BRIDGE.name, leads, start, end, int(Grade.BRIDGED))
        self._rule.on_second(start, end, grades, pairs)
        self._anew(end)
        yield from self._log.drain()

    def _mark(self, kind: str, leads: tuple[str, ...], start: int, end: int, grade: int) -> Mark:
        return Mark(
            id=mark_id(recording=self._facts.recording, task=NAME, kind=kind, leads=leads, start=start),
            task=NAME,
            kind=kind,
            recording=self._facts.recording,
            leads=leads,
            start=start,
            end=end,
            decided_at=end - 1,
            state=MarkState.CONFIRMED,
            quality=_LEVELS[grade],
            outcome=_said(grade),
        )

    def _readings(self, lead: int, grade: int, end: int) -> Iterator[Reading]:
        yield self._reading(LEVEL, lead, _LEVELS[grade].value, end)
        if grade > Grade.USABLE:
            yield self._reading(ARTEFACT, lead, REASONS[Grade(grade)], end)

    def _reading(self, quantity: str, lead: int, label: str, end: int) -> Reading:
        return Reading(
            task=NAME,
            quantity=quantity,
            leads=self._single[lead],
            fs_hz=self._facts.fs_hz,
            at=end - 1,
            until=end + self._holds,
            label=label,
        )


@cache
def _said(grade: int) -> Prediction:
    return Prediction(task=NAME, bundle=RULES, rung=Rung.RULES, label=REASONS[Grade(grade)], scores=())


def make_stage(facts: TaskFacts, _model: Model | None, limits: EegQualityLimits) -> EegQualityStage:
    """Make the stage of all leads."""
    return EegQualityStage(facts, limits)
