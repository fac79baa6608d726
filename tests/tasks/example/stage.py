"""Classifies each two seconds of a lead as calm or lively, and finds when it stays lively."""

from collections.abc import Iterable, Iterator

import numpy as np

from biosignal.events import (
    Abstained,
    Column,
    Event,
    Finding,
    FindingState,
    Inputs,
    Mark,
    MarkState,
    Prediction,
    QualityLevel,
    Reading,
    Series,
    Tensor,
    inputs_id,
    mark_id,
    stable_id,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.stage import Item
from biosignal.tasks.finding_log import FindingLog, by_rule, mark_set
from biosignal.tasks.task import TaskFacts
from tests.tasks.example.kinds import BINS, EPOCH, EPOCH_S, FINDINGS, LIVELY, NAME, QUANTITIES, LivelinessLimits

MINUTE_EPOCHS = 5


class LivelinessStage:
    """Epochs are counted from the start of each unbroken stretch."""

    def __init__(self, facts: TaskFacts, model: Model, limits: LivelinessLimits) -> None:
        self._facts = facts
        self._model = model
        self._limits = limits
        self._log = FindingLog(facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES)
        self._length = round(EPOCH_S * facts.fs_hz)
        self.watermark = 0
        self._restart()

    def _restart(self) -> None:
        self._held = np.zeros(0, np.float32)
        self._start: int | None = None
        self._lively: list[Mark] = []
        self._count = 0
        self._open: Finding | None = None
        self._swings: list[float] = []

    def set_limits(self, limits: LivelinessLimits, /) -> None:
        self._limits = limits

    def push(self, item: Item, /) -> Iterable[Event]:
        if isinstance(item, SampleBlock):
            return self._take_block(item)
        return self._end_stretch(item.start) if isinstance(item, Gap) else ()

    def advance(self, until: int, /) -> Iterable[Event]:
        self.watermark = until
        return ()

    def finish(self) -> Iterator[Event]:
        return self._end_stretch(self.watermark)

    def _take_block(self, block: SampleBlock) -> Iterator[Event]:
        if self._start is None:
            self._start = block.start
        self._held = np.concatenate((self._held, block.samples[0]))
        while len(self._held) >= self._length:
            epoch, self._held = self._held[: self._length], self._held[self._length :]
            yield from self._grade(epoch, self._start)
            self._start += self._length

    def _grade(self, epoch: np.ndarray, start: int) -> Iterator[Event]:
        swings = np.array([np.ptp(part) for part in np.array_split(epoch, BINS)], np.float32)
        is_whole = bool(np.isfinite(swings).all())
        swings = np.nan_to_num(swings)
        end = start + self._length
        tensors = (Tensor(name="swings", shape=(BINS,), data=swings.astype("<f4").tobytes()),)
        mark = Mark(
            id=mark_id(
                recording=self._facts.recording, task=NAME, kind=EPOCH.name, leads=self._facts.names, start=start
            ),
            task=NAME,
            kind=EPOCH.name,
            recording=self._facts.recording,
            leads=self._facts.names,
            start=start,
            end=end,
            decided_at=end - 1,
            state=MarkState.CONFIRMED,
            quality=QualityLevel.USABLE if is_whole else QualityLevel.REJECTED,
            outcome=self._model.answer({"swings": swings[np.newaxis]})
            if is_whole
            else Abstained(task=NAME, reason="quality: samples are missing"),
            numbers=(("swing", float(swings.max())),) if is_whole else (),
            inputs=inputs_id(tensors),
        )
        yield mark
        yield Inputs(id=inputs_id(tensors), task=NAME, tensors=tensors)
        yield self._reading(mark, float(swings.max()))
        self._log.clock = mark.decided_at
        self._follow(mark)
        yield from self._log.drain()
        self._swings.append(float(swings.max()))
        if len(self._swings) == MINUTE_EPOCHS:
            yield self._series(end)

    def _reading(self, mark: Mark, swing: float) -> Reading:
        return Reading(
            task=NAME,
            quantity="swing",
            leads=self._facts.names,
            fs_hz=self._facts.fs_hz,
            at=mark.decided_at,
            until=mark.end + 2 * self._length,
            value=swing,
        )

    def _series(self, end: int) -> Series:
        values, self._swings = tuple(round(one, 2) for one in self._swings), []
        start = end - len(values) * self._length
        return Series(
            id=stable_id(self._facts.recording, self._facts.stream, NAME, "swing", start),
            task=NAME,
            recording=self._facts.recording,
            leads=self._facts.names,
            fs_hz=self._facts.fs_hz,
            start=start,
            end=end,
            decided_at=end - 1,
            step=self._length,
            columns=(Column(quantity="swing", values=values),),
        )

    def _follow(self, mark: Mark) -> None:
        """Open a finding at so many lively epochs in a row, and close it at the first that is calm."""
        if mark.label != LIVELY:
            self._close(mark.start)
            self._lively, self._count = [], 0
            return
        self._count += 1
        self._lively = [*self._lively, mark][:12]
        if self._open is None and self._count >= self._limits.lively_epochs:
            first = self._lively[0]
            said = first.outcome if isinstance(first.outcome, Prediction) else by_rule(NAME, "epochs/1", LIVELY)
            self._open = self._log.open(
                "lively-spell",
                onset=first.start,
                end=mark.end,
                outcome=said,
                measures=self._measures(first.start, mark.end),
                quality=QualityLevel.USABLE,
                marks=mark_set(self._lively, self._count),
            )

    def _close(self, at: int) -> None:
        if self._open is not None:
            measures = self._measures(self._open.onset, at)
            marks = mark_set(self._lively, self._count)
            self._log.revise(self._open, FindingState.CLOSED, end=at, measures=measures, marks=marks)
        self._open = None

    def _measures(self, onset: int, end: int) -> tuple:
        return (
            self._log.measure("lively_epochs", self._count),
            self._log.measure("spell", self._log.seconds(end - onset)),
        )

    def _end_stretch(self, at: int) -> Iterator[Event]:
        self._log.clock = max(self._log.clock, at - 1)
        self._close(at)
        yield from self._log.drain()
        self._restart()


def make_stage(facts: TaskFacts, model: Model | None, limits: LivelinessLimits) -> LivelinessStage:
    assert model is not None, "the task has a model contract"
    return LivelinessStage(facts, model, limits)
