"""A task for tests of what is drawn: numbers of all EEG leads in every form that a chart has, made up of amplitudes."""

from collections.abc import Iterable

import numpy as np

from biosignal.events import (
    Column,
    Event,
    Mark,
    MarkState,
    Measure,
    Prediction,
    Priority,
    QualityLevel,
    Rung,
    Series,
    mark_id,
    stable_id,
)
from biosignal.signal.blocks import LeadKind, SampleBlock, Unit
from biosignal.tasks.chart import Chart, Form
from biosignal.tasks.finding_log import FindingLog, mark_set
from biosignal.tasks.task import FindingKind, MarkKind, Quantity, Strip, Task, Wants

NAME = "charted"
EPOCH_S = 5
STILL, BUSY = "still", "busy"
FREQUENCIES_HZ = tuple(range(1, 21))
ARRAY = tuple(f"at_{hz}_hz" for hz in FREQUENCIES_HZ)
QUANTITIES = {
    "least": Quantity(unit="uV", decimals=1, label="lower margin"),
    "most": Quantity(unit="uV", decimals=1, label="upper margin"),
    "spread": Quantity(unit="uV", decimals=1, label="mean deviation"),
    **{name: Quantity(unit="dB", decimals=1) for name in ARRAY},
}
FINDINGS = {
    "busy-head": FindingKind(label="busy head", priority=Priority.LOW, strip=Strip(before_s=10.0, after_s=20.0))
}
CHARTS = (
    Chart(name="array", label="Spectral array", form=Form.ARRAY, quantities=ARRAY, axis=FREQUENCIES_HZ, axis_unit="Hz"),
    Chart(name="margins", label="Amplitude margins", form=Form.MARGINS, quantities=("least", "most")),
    Chart(name="course", label="Course", form=Form.STAGES, mark="spell", labels=(STILL, BUSY), awake=(STILL,)),
    Chart(name="spread", label="Mean deviation", form=Form.LINES, quantities=("spread",)),
)


class Amplitudes:
    """Five seconds at a time; the first ones over 30 uV are a finding."""

    def __init__(self, facts, _model, _limits):
        self._facts = facts
        self._log = FindingLog(facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES)
        self._held, self._start, self._length = [], 0, round(EPOCH_S * facts.fs_hz)
        self._has_said = False
        self.watermark = 0

    def push(self, item, /) -> Iterable[Event]:
        if not isinstance(item, SampleBlock):
            return
        self._held.append(item.samples)
        held = np.concatenate(self._held, axis=1)
        while held.shape[1] >= self._length:
            yield from self._judge(held[:, : self._length].astype(float))
            held = held[:, self._length :]
        self._held = [held]

    def advance(self, until, /) -> Iterable[Event]:
        self.watermark = until
        return ()

    def finish(self) -> Iterable[Event]:
        return ()

    def _judge(self, x) -> Iterable[Event]:
        facts, start = self._facts, self._start
        end = self._start = start + self._length
        self._log.clock = end
        deviation = float(x.std(axis=1).mean())
        label = BUSY if deviation > 30.0 else STILL
        said = Prediction(
            task=NAME, bundle="charted-rules/1", rung=Rung.RULES, label=label, scores=((label, 0.9), ("other", 0.1))
        )
        common = {"task": NAME, "recording": facts.recording, "start": start, "end": end}
        mark = Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind="spell", leads=facts.names, start=start),
            kind="spell",
            leads=facts.names,
            decided_at=end,
            state=MarkState.CONFIRMED,
            quality=QualityLevel.USABLE,
            outcome=said,
            **common,
        )
        yield mark
        for row, lead in enumerate(facts.names):
            yield Series(
                id=stable_id(facts.recording, NAME, lead, start),
                fs_hz=facts.fs_hz,
                step=self._length,
                decided_at=end,
                leads=(lead,),
                columns=self._columns(x[row]),
                **common,
            )
        if label == BUSY and not self._has_said:
            self._has_said = True
            self._log.open(
                "busy-head",
                onset=start,
                end=end,
                outcome=said,
                measures=(Measure(name="spread", value=round(deviation, 1), unit="uV"),),
                quality=QualityLevel.USABLE,
                marks=mark_set([mark]),
            )
        yield from self._log.drain()

    def _columns(self, row) -> tuple[Column, ...]:
        power = np.abs(np.fft.rfft(row * np.hanning(len(row)))) ** 2 / len(row)
        hz = np.fft.rfftfreq(len(row), 1 / self._facts.fs_hz)
        spectrum = [power[(hz >= at - 0.5) & (hz < at + 0.5)].mean() for at in FREQUENCIES_HZ]
        return (
            Column(quantity="least", values=(round(0.4 * float(np.ptp(row)), 1),)),
            Column(quantity="most", values=(round(float(np.ptp(row)), 1),)),
            Column(quantity="spread", values=(round(float(row.std()), 1),)),
            *(
                Column(quantity=name, values=(round(10 * float(np.log10(v + 1e-3)), 1),))
                for name, v in zip(ARRAY, spectrum, strict=True)
            ),
        )


CHARTED = Task(
    name=NAME,
    label="Charted",
    package="biosignal.tasks.ecg_rhythm",
    wants=Wants(kinds=(LeadKind.EEG,), units=(Unit.MICROVOLT,), most=None, fs_hz=(150.0, 2000.0)),
    make=Amplitudes,
    marks=(MarkKind(name="spell", label="spell", plural="spells"),),
    findings=FINDINGS,
    quantities=QUANTITIES,
    charts=CHARTS,
)
