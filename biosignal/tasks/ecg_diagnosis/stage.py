"""The stage that makes its statements on every ten seconds of the leads that are there."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from biosignal.events import (
    Abstained,
    Event,
    Inputs,
    Mark,
    MarkState,
    Outcome,
    Prediction,
    QualityLevel,
    Reading,
    Tensor,
    Unavailable,
    inputs_id,
    mark_id,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_diagnosis.alike import shows_beats
from biosignal.tasks.ecg_diagnosis.cutting import Cut, Cutter, Showable
from biosignal.tasks.ecg_diagnosis.fewer import Fullest, Window
from biosignal.tasks.ecg_diagnosis.kinds import (
    FINDINGS,
    MAIN,
    MAIN_STATEMENT,
    NAME,
    QUANTITIES,
    SHOWN,
    TEN_SECONDS,
)
from biosignal.tasks.ecg_diagnosis.limits import DiagnosisLimits
from biosignal.tasks.ecg_diagnosis.rule import Persistence
from biosignal.tasks.ecg_diagnosis.seen import WINDOW_S, valid_of, window_of
from biosignal.tasks.ecg_diagnosis.waves import SeenWaves
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.signal_quality.kinds import NAME as SIGNAL_QUALITY
from biosignal.tasks.signal_quality.kinds import SECOND
from biosignal.tasks.task import TaskFacts

HOLDS_S = 5.0
"""The reading outlasts the next window by this."""
FEWEST_BEATS = 2
"""In ten seconds; with fewer there is nothing to state."""
NO_BEATS = "hardly a heartbeat is seen"
REJECTED = "no lead can be assessed"
NO_PLACE = "no lead is named by its place, such as II or V1"
UNCALIBRATED = "uncalibrated"


class DiagnosisStage:
    """Statements on ten seconds as marks, the main one now as a reading, and what persists as findings.

    A mark is of the leads that it rests on. Where nothing can ever be said of the leads that are there, this is said
    once a stretch.
    """

    def __init__(self, facts: TaskFacts, model: Model, limits: DiagnosisLimits) -> None:
        self._facts = facts
        self._model = model
        self._limits = limits
        self._leads = Showable(facts.leads)
        self._waves = SeenWaves()
        self._fullest = Fullest(model)
        self._log = FindingLog(facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES)
        self._persistence = Persistence(self._log, limits)
        self._cutter: Cutter | None = None
        self._waiting: deque[Cut] = deque()
        self._is_told = False
        self.watermark = 0

    def set_limits(self, limits: DiagnosisLimits, /) -> None:
        """Take other limits from the next window on."""
        self._limits = self._persistence.limits = limits

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of all leads, a graded second of one, a wave of a beat, or a gap."""
        if isinstance(item, SampleBlock):
            if self._cutter is None:
                self._cutter = Cutter(self._facts.fs_hz, item.start)
            self._waiting.extend(self._cutter.push(item))
        elif isinstance(item, Gap):
            return self._push_gap()
        elif isinstance(item, Mark):
            self._hear(item)
        return ()

    def advance(self, until: int, /) -> Iterable[Event]:
        """Make statements on the windows of which all is known by now."""
        self.watermark = max(self.watermark, until)
        while self._waiting and self._waiting[0].end <= until:
            yield from self._stated(self._waiting.popleft())

    def finish(self) -> Iterator[Event]:
        """A window that was begun is left out; what is open ends."""
        while self._waiting:
            yield from self._stated(self._waiting.popleft())
        self._persistence.on_break()
        yield from self._log.drain()

    def _hear(self, mark: Mark) -> None:
        if (mark.task, mark.kind) == (SIGNAL_QUALITY, SECOND.name):
            self._leads.on_second(mark)
        else:
            self._waves.on_mark(mark)

    def _push_gap(self) -> Iterator[Event]:
        yield from self.finish()
        self._waves.clear()
        self._fullest = Fullest(self._model)
        self._cutter = None
        self._is_told = False

    def _stated(self, cut: Cut) -> Iterator[Event]:
        if not self._leads.rows:
            if not self._is_told:
                self._is_told = True
                reason = UNCALIBRATED if self._leads.has_places else NO_PLACE
                yield self._mark(cut, Unavailable(task=NAME, reason=reason), QualityLevel.DEGRADED, ())
            return
        fs_hz, beats = self._facts.fs_hz, self._waves.inside(cut, self._facts.fs_hz)
        valid = valid_of(self._leads.shown(cut, self._limits.rejected_share))
        known = {name: x for name, x in valid.items() if shows_beats(x, fs_hz, beats)}
        ecg, mask = window_of(known, fs_hz)
        window = Window(ecg=ecg, mask=mask, beats=beats)
        count, given = int(mask.sum()), window.given()
        outcome = self._outcome(window, given) if count else Abstained(task=NAME, reason=REJECTED)
        quality = self._quality(cut, len(known))
        mark = self._mark(cut, outcome, quality, self._leads.called(known), count)
        if count >= self._limits.least_leads:
            mark = yield from self._with_inputs(mark, given)
            yield self._reading(mark)
        else:
            yield mark
        self._log.clock = max(self._log.clock, mark.decided_at)
        self._persistence.on_mark(mark)
        yield from self._log.drain()

    def _with_inputs(self, mark: Mark, given: Mapping[str, np.ndarray]) -> Generator[Event, None, Mark]:
        """Say a mark that a finding may rest on, and what the network saw of it, which is what reviews teach by."""
        tensors = tuple(
            Tensor(name=name, shape=one.shape, data=np.ascontiguousarray(one, "<f4").tobytes())
            for name, one in given.items()
        )
        seen = Inputs(id=inputs_id(tensors), task=NAME, tensors=tensors)
        mark = replace(mark, inputs=seen.id)
        yield mark
        yield seen
        return mark

    def _outcome(self, window: Window, given: Mapping[str, np.ndarray]) -> Outcome:
        """Ask the network; the window is called by the most probable of the main statements that may be said."""
        if self._waves.is_heard and len(window.beats) < FEWEST_BEATS:
            return Abstained(task=NAME, reason=NO_BEATS)
        said = self._model.answer({name: one[np.newaxis] for name, one in given.items()})
        if not isinstance(said, Prediction):
            return said
        said = self._fullest.bounded(window, said)
        main = [(code, score) for code, score in said.scores if code in MAIN]
        return replace(said, label=max(main, key=lambda one: one[1])[0])

    def _quality(self, cut: Cut, leads: int) -> QualityLevel:
        if not leads:
            return QualityLevel.REJECTED
        is_whole = leads == len(self._leads.rows) and self._leads.is_clean(cut)
        return QualityLevel.USABLE if is_whole else QualityLevel.DEGRADED

    def _mark(self, cut: Cut, outcome: Outcome, quality: QualityLevel, leads: tuple[str, ...], count: int = 0) -> Mark:
        facts = self._facts
        leads = leads or self._leads.names or facts.names
        return Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind=TEN_SECONDS.name, leads=leads, start=cut.start),
            task=NAME,
            kind=TEN_SECONDS.name,
            recording=facts.recording,
            leads=leads,
            start=cut.start,
            end=cut.end,
            decided_at=cut.end - 1,
            state=MarkState.CONFIRMED,
            quality=quality,
            outcome=outcome,
            numbers=((SHOWN, float(count)),),
        )

    def _reading(self, mark: Mark) -> Reading:
        said = mark.outcome
        value = round(dict(said.scores)[said.label], 2) if isinstance(said, Prediction) else None
        return Reading(
            task=NAME,
            quantity=MAIN_STATEMENT,
            leads=self._leads.names,
            fs_hz=self._facts.fs_hz,
            at=mark.decided_at,
            until=mark.decided_at + self._log.samples(WINDOW_S + HOLDS_S),
            value=value,
            label=mark.label,
        )


def make_stage(facts: TaskFacts, model: Model | None, limits: DiagnosisLimits) -> DiagnosisStage:
    """Make the stage of all leads."""
    assert model is not None, "the task has a model contract, so it is given a model"
    return DiagnosisStage(facts, model, limits)
