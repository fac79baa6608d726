"""A task for tests of what is driven by declarations: epochs of 10 s on an EEG lead, with keys that collide."""

from collections.abc import Iterable

from biosignal.events import (
    Column,
    Event,
    Mark,
    MarkState,
    Measure,
    Prediction,
    Priority,
    QualityLevel,
    Reading,
    Rung,
    Series,
    mark_id,
    stable_id,
)
from biosignal.signal.blocks import LeadKind, SampleBlock, Unit
from biosignal.tasks.finding_log import FindingLog, mark_set
from biosignal.tasks.task import FindingKind, MarkKind, Quantity, ReviewLabel, ReviewUnit, Strip, Task, Wants

EPOCH_S = 10
NAME = "sleepy"
FINDINGS = {"dozing": FindingKind(label="dozing", priority=Priority.LOW, strip=Strip(before_s=10.0, after_s=30.0))}
QUANTITIES = {
    "swing": Quantity(unit="uV", decimals=0, label="swing of the EEG"),
    "dozing_share": Quantity(unit="%", decimals=1, label="share of dozing"),
}


class Epochs:
    """Calls an epoch ``nodding`` where the signal swings far, else ``awake``; three nods are a finding."""

    def __init__(self, facts, _model, _limits):
        self._facts = facts
        self._log = FindingLog(facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES)
        self._length = round(EPOCH_S * facts.fs_hz)
        self._held, self._start, self._nods = [], 0, []
        self.watermark = 0

    def push(self, item, /) -> Iterable[Event]:
        if not isinstance(item, SampleBlock):
            return
        self._held += item.samples[0].tolist()
        while len(self._held) >= self._length:
            epoch, self._held = self._held[: self._length], self._held[self._length :]
            yield from self._judge(max(epoch) - min(epoch))

    def advance(self, until, /) -> Iterable[Event]:
        self.watermark = until
        return ()

    def finish(self) -> Iterable[Event]:
        return ()

    def _judge(self, swing) -> Iterable[Event]:
        facts, start = self._facts, self._start
        end = self._start = start + self._length
        self._log.clock = end
        label = "nodding" if (start // self._length) % 3 else "awake"
        said = Prediction(
            task=NAME, bundle="sleepy-rules/1", rung=Rung.RULES, label=label, scores=((label, 0.8), ("moving", 0.2))
        )
        common = {"task": NAME, "recording": facts.recording, "leads": facts.names, "start": start, "end": end}
        mark = Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind="epoch", leads=facts.names, start=start),
            kind="epoch",
            decided_at=end,
            state=MarkState.CONFIRMED,
            quality=QualityLevel.USABLE,
            outcome=said,
            numbers=(("swing", round(swing, 0)),),
            **common,
        )
        yield mark
        yield Reading(
            task=NAME,
            quantity="swing",
            leads=facts.names,
            fs_hz=facts.fs_hz,
            at=end,
            until=end + 2 * self._length,
            value=swing,
        )
        columns = (Column(quantity="swing", values=(round(swing),)), Column(quantity="dozing_share", values=(12.5,)))
        yield Series(
            id=stable_id(facts.recording, NAME, start),
            fs_hz=facts.fs_hz,
            step=self._length,
            decided_at=end,
            columns=columns,
            **common,
        )
        if label == "nodding":
            self._nods.append(mark)
        if len(self._nods) == 3:
            self._log.open(
                "dozing",
                onset=self._nods[0].start,
                end=end,
                outcome=said,
                measures=(Measure(name="swing", value=round(swing), unit="uV"),),
                quality=QualityLevel.USABLE,
                marks=mark_set(self._nods, 5),
            )
            self._nods = []
        yield from self._log.drain()


SLEEPY = Task(
    name=NAME,
    label="Sleepiness",
    package="biosignal.tasks.ecg_rhythm",
    wants=Wants(kinds=(LeadKind.EEG,), units=(Unit.MICROVOLT,)),
    make=Epochs,
    marks=(MarkKind(name="epoch", label="epoch", plural="epochs", unanswered="?"),),
    findings=FINDINGS,
    quantities=QUANTITIES,
    review=ReviewUnit(
        mark="epoch",
        labels=(
            ReviewLabel(name="awake", meaning="eyes open", key="a"),
            ReviewLabel(name="nodding", meaning="half asleep", key="n"),
            ReviewLabel(name="moving", meaning="cannot be told", key="x"),
        ),
        undecided="moving",
        span_s=EPOCH_S,
    ),
)
