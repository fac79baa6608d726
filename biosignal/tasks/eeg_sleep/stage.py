"""The stage that says, each 30 s, which stage of sleep it was."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from biosignal.eeg.epoch_cutting import Cut, Cutter
from biosignal.eeg.epoch_powers import EPOCH_S, measured
from biosignal.events import (
    Abstained,
    Column,
    Event,
    Mark,
    MarkState,
    Outcome,
    Prediction,
    QualityLevel,
    Reading,
    Series,
    mark_id,
    stable_id,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock, Samples
from biosignal.stream.stage import Item
from biosignal.tasks.eeg_sleep.derivation import Chosen
from biosignal.tasks.eeg_sleep.kinds import (
    EPOCH,
    FINDINGS,
    KNOWN,
    NAME,
    PROBABILITIES,
    QUANTITIES,
    SCALED,
    STAGE,
)
from biosignal.tasks.eeg_sleep.limits import SleepLimits
from biosignal.tasks.eeg_sleep.onset import Onsets
from biosignal.tasks.eeg_sleep.seconds import Seconds
from biosignal.tasks.eeg_sleep.staging import Staged, Stager, minutes
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.task import TaskFacts

HOLDS_S = 10.0
"""The reading of the stage outlasts the next epoch by this."""
BASELINE_EPOCHS = 10
"""The first epochs of a night are seen beside next to nothing: their quality is degraded at best."""
UNSURE = "no stage is probable enough"
REJECTED = "too much of the epoch cannot be assessed"


class SleepStage:
    """Epochs as marks, the stage now as a reading, its probabilities as a series, and the two onsets as findings."""

    def __init__(self, facts: TaskFacts, model: Model, limits: SleepLimits) -> None:
        self._facts = facts
        self._model = model
        self._limits = limits
        self._chosen = Chosen(facts.leads)
        self._seconds = Seconds(self._chosen.leads)
        self._log = FindingLog(facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES)
        self._onsets = Onsets(self._log, limits)
        self._cutter: Cutter | None = None
        self._held: list[Samples] = []
        self._waiting: deque[Cut] = deque()
        self._stager = self._new_stager()
        self.watermark = 0

    def set_limits(self, limits: SleepLimits, /) -> None:
        """Take other limits from the next epoch on."""
        self._limits = self._onsets.limits = limits

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of all leads, a graded second of one, or a gap."""
        if isinstance(item, SampleBlock):
            if self._cutter is None:
                self._cutter = Cutter(self._facts.fs_hz, item.start)
            # Samples are looked at once a second is whole: eight times an eighth of one costs much more.
            self._held.append(item.samples)
            if item.end > self._cutter.needs:
                self._waiting.extend(self._cutter.push(self._chosen.derive(np.concatenate(self._held, axis=1))))
                self._held.clear()
        elif isinstance(item, Gap):
            return self._push_gap(item)
        else:
            self._seconds.take(item)
        return ()

    def advance(self, until: int, /) -> Iterable[Event]:
        """Stage the epochs of which all is known by now."""
        self.watermark = max(self.watermark, until)
        while self._waiting and self._waiting[0].decided_at < until:
            yield from self._staged(self._waiting.popleft())

    def finish(self) -> Iterable[Event]:
        """An epoch that was begun is left out."""
        while self._waiting:
            yield from self._staged(self._waiting.popleft())

    def _push_gap(self, gap: Gap) -> Iterator[Event]:
        yield from self.finish()
        self._cutter = None
        self._held.clear()
        # A join goes on with other samples, whatever the time between; a short loss with those of the same night.
        if not 0 < gap.length <= self._limits.gap_kept_s * self._facts.fs_hz:
            self._stager = self._new_stager()
            self._onsets.begin_anew()

    def _new_stager(self) -> Stager:
        chosen = self._chosen
        return Stager(self._model, is_posterior=chosen.is_posterior, has_scale=chosen.has_scale)

    def _staged(self, cut: Cut) -> Iterator[Event]:
        limits = self._limits
        rejected = self._seconds.rejected_share(cut.start, cut.end, known=cut.decided_at)
        staged = None
        if max(rejected, 1.0 - cut.valid) <= limits.rejected_share:
            staged = self._stager.stage(measured(cut.microvolts))
        outcome = self._outcome(staged)
        quality = QualityLevel.REJECTED if staged is None else QualityLevel.USABLE
        if staged is not None and (staged.epochs < BASELINE_EPOCHS or not staged.has_scale or rejected > 0.0):
            quality = QualityLevel.DEGRADED
        mark = self._mark(cut, outcome, quality, staged)
        yield mark
        if staged is not None and isinstance(staged.outcome, Prediction):
            yield staged.inputs()
        yield self._reading(mark)
        yield self._series(mark, staged)
        self._log.clock = max(self._log.clock, mark.decided_at)
        self._onsets.on_epoch(mark)
        yield from self._log.drain()

    def _outcome(self, staged: Staged | None) -> Outcome:
        if staged is None:
            return Abstained(task=NAME, reason=REJECTED)
        said = staged.outcome
        if isinstance(said, Prediction) and _top(said) < self._limits.abstain_under:
            return Abstained(task=NAME, reason=UNSURE)
        return said

    def _mark(self, cut: Cut, outcome: Outcome, quality: QualityLevel, staged: Staged | None) -> Mark:
        facts, leads = self._facts, self._chosen.leads
        numbers: tuple[tuple[str, float], ...] = ()
        inputs = None
        if staged is not None:
            numbers = ((KNOWN, minutes(staged.epochs)), (SCALED, float(staged.has_scale)))
            inputs = staged.inputs().id if isinstance(staged.outcome, Prediction) else None
        return Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind=EPOCH.name, leads=leads, start=cut.start),
            task=NAME,
            kind=EPOCH.name,
            recording=facts.recording,
            leads=leads,
            start=cut.start,
            end=cut.end,
            decided_at=cut.decided_at,
            state=MarkState.CONFIRMED,
            quality=quality,
            outcome=outcome,
            numbers=numbers,
            inputs=inputs,
        )

    def _reading(self, mark: Mark) -> Reading:
        said = mark.outcome
        return Reading(
            task=NAME,
            quantity=STAGE,
            leads=mark.leads,
            fs_hz=self._facts.fs_hz,
            at=mark.decided_at,
            until=mark.decided_at + self._log.samples(EPOCH_S + HOLDS_S),
            value=round(_top(said), 2) if isinstance(said, Prediction) else None,
            label=mark.label,
        )

    def _series(self, mark: Mark, staged: Staged | None) -> Series:
        facts = self._facts
        said = None if staged is None else staged.outcome
        scores = dict(said.scores) if isinstance(said, Prediction) else {}
        return Series(
            id=stable_id(facts.recording, facts.stream, NAME, "epochs", ",".join(mark.leads), mark.start),
            task=NAME,
            recording=facts.recording,
            leads=mark.leads,
            fs_hz=facts.fs_hz,
            start=mark.start,
            end=mark.end,
            decided_at=mark.decided_at,
            step=mark.end - mark.start,
            columns=tuple(Column(quantity=name, values=(scores.get(stage),)) for stage, name in PROBABILITIES.items()),
        )


def _top(said: Prediction) -> float:
    return max(score for _, score in said.scores)


def make_stage(facts: TaskFacts, model: Model | None, limits: SleepLimits) -> SleepStage:
    """Make the stage of all leads."""
    assert model is not None, "the task has a model contract, so it is given a model"
    return SleepStage(facts, model, limits)
