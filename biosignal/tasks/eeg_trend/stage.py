"""The stage that turns the EEG into trends: spectra, amplitude, suppression."""

from collections.abc import Iterable, Iterator, Mapping

from biosignal.eeg.seconds import Piece, SecondCutter
from biosignal.events import Event, Mark, MarkState, QualityLevel, Reading, mark_id
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.stage import Item
from biosignal.tasks.eeg_seconds import FitSeconds
from biosignal.tasks.eeg_trend import spectra, swing
from biosignal.tasks.eeg_trend.derivations import derivations_of, fit_rows
from biosignal.tasks.eeg_trend.kinds import BSR, BURST, BURST_AMPLITUDE, FINDINGS, NAME, QUANTITIES, by_rule
from biosignal.tasks.eeg_trend.limits import EegTrendLimits
from biosignal.tasks.eeg_trend.minutes import MINUTE_S
from biosignal.tasks.eeg_trend.rule import SuppressionRule
from biosignal.tasks.eeg_trend.spectra import SpectrumMeter
from biosignal.tasks.eeg_trend.suppressed import Burst, HeadSecond, SuppressionMeter
from biosignal.tasks.eeg_trend.swing import SwingMeter
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.task import TaskFacts

HOLDS_STEPS = 2
"""A reading holds for so many steps of what is read."""


class TrendStage:
    """Works on whole seconds of the recording, once what was said of their quality is in.

    Steps and minutes begin at multiples of their length and go on behind a gap; filters and stretches begin anew.
    """

    def __init__(self, facts: TaskFacts, limits: EegTrendLimits) -> None:
        self._facts = facts
        self._derivations = derivations_of(facts.names)
        self._cutter = SecondCutter(facts.leads, facts.fs_hz)
        self._fit = FitSeconds(facts.names)
        self._spectra = SpectrumMeter(facts, self._derivations)
        self._swing = SwingMeter(facts, self._derivations)
        self._suppression = SuppressionMeter(facts, self._derivations, limits)
        self._log = FindingLog(
            facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES, extend_every_s=limits.extend_every_s
        )
        self._rule = SuppressionRule(self._log, limits)
        self.watermark = 0
        self._number: int | None = None
        """The second that is next."""
        self._settled: int | None = None
        """The second of which suppression is known next."""
        self._seen_until = 0
        self._follows_gap = False

    def set_limits(self, limits: EegTrendLimits) -> None:
        """Take other limits; whether anything is suppressed is found anew, an open finding goes on."""
        self._log.extend_every_s = limits.extend_every_s
        self._rule.limits = limits
        self._suppression.set_limits(limits)

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of the leads, what was said of their quality, or a gap."""
        if isinstance(item, SampleBlock):
            self._cutter.push(item)
        elif isinstance(item, Mark):
            self._fit.on_mark(item)
        elif isinstance(item, Gap):
            return self._push_gap(item)
        return ()

    def advance(self, until: int, /) -> Iterator[Event]:
        """Measure the seconds that are complete and graded."""
        for piece in self._cutter.take(until):
            yield from self._push_piece(piece)
        self.watermark = until

    def finish(self) -> Iterator[Event]:
        """Give the minute that was begun, and close what is open."""
        yield from self._end_stretch()
        yield from self._turn(None)
        yield from self._turn_settled(None)
        yield from self._log.drain()

    def _push_gap(self, gap: Gap) -> Iterator[Event]:
        yield from self._end_stretch()
        self._fit.reset()
        next_number = gap.end // self._cutter.length
        yield from self._turn(next_number)
        yield from self._turn_settled(next_number)
        yield from self._log.drain()
        self._follows_gap = True

    def _end_stretch(self) -> Iterator[Event]:
        for piece in self._cutter.flush():
            yield from self._push_piece(piece)
        yield from self._settle(self._suppression.settle())
        self._rule.on_break()
        self._suppression.reset()
        self._swing.reset()

    def _push_piece(self, piece: Piece) -> Iterator[Event]:
        """Measure a second, or the part of one that a gap left."""
        if self._number is None:
            self._number = self._settled = piece.number
        self._log.clock = max(self._log.clock, piece.end - 1)
        self._seen_until = piece.end
        fit = self._fit.fit(piece)
        pairs = self._derivations.pairs.derive(piece.x)
        sound = fit_rows(self._derivations.pairs, pairs, fit)
        if piece.is_whole:
            # No window may reach over a gap, also where the gap lies between two seconds.
            self._spectra.push(piece, fit & (not self._follows_gap))
            self._follows_gap = False
        self._swing.push(piece.number, pairs, sound, is_whole=piece.is_whole)
        settled = self._suppression.push(piece.number, piece.start, pairs, sound, is_whole=piece.is_whole)
        yield from self._settle(settled)
        if piece.is_whole:
            yield from self._turn(piece.number + 1)
        yield from self._log.drain()

    def _settle(self, second: HeadSecond | None) -> Iterator[Event]:
        """Take what is now known of the suppression of a second."""
        if second is None:
            return
        marks = [self._mark(burst) for burst in second.bursts]
        yield from marks
        self._rule.on_second(second, marks)
        yield from self._log.drain()
        if (second.number + 1) % spectra.STEP_S == 0:
            yield from self._readings({BSR: self._rule.ratio_percent}, spectra.STEP_S)
        yield from self._turn_settled(second.number + 1)

    def _turn(self, number: int | None) -> Iterator[Event]:
        """Give what is over when a second is next, or (None) when none follows."""
        before, self._number = self._number, number
        if before is None:
            return
        for meter, step_s in ((self._spectra, spectra.STEP_S), (self._swing, swing.STEP_S)):
            if number is None or number // step_s != before // step_s:
                yield from self._readings(meter.end_step(), step_s)
        if number is None or number // MINUTE_S != before // MINUTE_S:
            for meter in (self._spectra, self._swing):
                yield from meter.end_minute(self._seen_until, self._log.clock)

    def _turn_settled(self, number: int | None) -> Iterator[Event]:
        before, self._settled = self._settled, number
        if before is not None and (number is None or number // MINUTE_S != before // MINUTE_S):
            yield from self._suppression.end_minute(self._seen_until, self._log.clock)

    def _readings(self, values: Mapping[str, float | None], step_s: int) -> Iterator[Reading]:
        """Give what holds now of all leads together."""
        at = self._log.clock
        for quantity, value in values.items():
            is_known = value is not None and value == value
            yield Reading(
                task=NAME,
                quantity=quantity,
                leads=self._facts.names,
                fs_hz=self._facts.fs_hz,
                at=at,
                until=at + 1 + HOLDS_STEPS * step_s * self._cutter.length,
                value=round(value, QUANTITIES[quantity].decimals) if is_known and value is not None else None,
            )

    def _mark(self, burst: Burst) -> Mark:
        facts = self._facts
        return Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind=BURST.name, leads=facts.names, start=burst.start),
            task=NAME,
            kind=BURST.name,
            recording=facts.recording,
            leads=facts.names,
            start=burst.start,
            end=burst.end,
            decided_at=self._log.clock,
            state=MarkState.CONFIRMED,
            quality=QualityLevel.USABLE,
            outcome=by_rule(BURST.label),
            numbers=((BURST_AMPLITUDE, round(burst.uv, QUANTITIES[BURST_AMPLITUDE].decimals)),),
        )


def make_stage(facts: TaskFacts, _model: Model | None, limits: EegTrendLimits) -> TrendStage:
    """Make the stage of all EEG leads of one rate."""
    return TrendStage(facts, limits)
