"""The parts of the analysis by themselves, in this process: seconds of signal for a second of processor time."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from benchmarks.figures import Figure, NotMeasured
from benchmarks.record import EXCERPT, EXCERPT_NOTE, Signal, load, record_name
from biosignal.ecg.qrs import QrsDetector
from biosignal.events import Event, Mark, MarkState
from biosignal.model.backend import Backend
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.stream.stage import Item
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.task import ECG_BEATS
from biosignal.tasks.ecg_beats.windows import inputs_for_record, stacked
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.stage import RhythmStage
from biosignal.tasks.ecg_rhythm.task import ECG_RHYTHM
from biosignal.tasks.lookup import contract_of
from biosignal.tasks.lookup import models as models_of_tasks
from biosignal.tasks.signal_quality.index import QualityIndex
from biosignal.tasks.task import Task, TaskFacts, Wants
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle
from edge_agent.store.waveforms import CHUNK_S

NAMES = (
    "codec_bytes_per_sample",
    "analysis_times_real_time",
    "analysis_40_ms_times_real_time",
    "second_task_cost_percent",
    "quality_times_real_time",
    "detector_times_real_time",
    "windows_times_real_time",
    "inference_times_real_time",
    "rules_times_real_time",
)


def measure(*, quick: bool) -> list[Figure]:
    """Run each part over the first lead of one recording."""
    signal = _one_lead(load(record_name("mitdb/100")), most_s=300.0 if quick else 1800.0)
    folder = find_bundle(ECG_BEATS.name)
    if folder is None:
        raise NotMeasured("there is no model bundle")
    backend = cpu_backend(load_bundle(folder))
    note = f"{EXCERPT_NOTE if signal.name == EXCERPT else signal.name}, {signal.seconds / 60:.0f} min, processor time"
    try:
        parts = dict(_parts(signal, backend))
    finally:
        backend.close()
    idle_s = parts.pop("with_an_idle_task")
    figures = [Figure(name=name, value=signal.seconds / cpu_s, note=note) for name, cpu_s in parts.items()]
    more = 100 * (idle_s / parts["analysis_40_ms_times_real_time"] - 1)
    cost = Figure(name="second_task_cost_percent", value=more, note=f"{note}, a task that reads and says nothing")
    return [*figures, cost, _codec(signal)]


def _parts(signal: Signal, backend: Backend) -> Iterator[tuple[str, float]]:
    facts, seconds = signal.facts, tuple(_cut(signal, 1.0))
    items: list[Item] = []
    yield "analysis_times_real_time", _timed(lambda: items.extend(_analyse(signal, seconds, backend)))
    short = tuple(_cut(signal, 0.04))
    idle = [*TASKS.values(), IDLE]
    plain_s, idle_s = (
        min(_timed(work) for _ in range(3))
        for work in (
            lambda: _analyse(signal, short, backend),
            lambda: _analyse(signal, short, backend, idle),
        )
    )
    yield "analysis_40_ms_times_real_time", plain_s
    yield "with_an_idle_task", idle_s
    rows = [block.samples[0] for block in seconds if isinstance(block, SampleBlock)]
    whole = np.concatenate(rows)
    index = QualityIndex(recording="benchmark", lead=facts.leads[0], fs_hz=facts.fs_hz)
    yield "quality_times_real_time", _timed(lambda: [index.push(row) for row in rows])
    detector = QrsDetector(facts.fs_hz)
    doubles = [row.astype(np.float64) for row in rows]
    yield "detector_times_real_time", _timed(lambda: [detector.push(row) for row in doubles])
    marks = [item for item in items if isinstance(item, Mark)]
    beats = [mark.start for mark in marks if mark.task == ECG_BEATS.name and mark.state is MarkState.CONFIRMED]
    windows = inputs_for_record(whole, facts.fs_hz, beats)
    yield "windows_times_real_time", _timed(lambda: inputs_for_record(whole, facts.fs_hz, beats))
    tensors = [stacked([window]) for window in windows]
    yield "inference_times_real_time", _timed(lambda: [backend.infer(each) for each in tensors])
    here = TaskFacts(device="b", recording="b", stream="live", fs_hz=facts.fs_hz, leads=facts.leads)
    unasked = Model(ECG_RHYTHM.name, contract_of(ECG_RHYTHM.name), None, "the rules alone are timed")
    rules = RhythmStage(here, unasked, RhythmLimits())
    yield "rules_times_real_time", _timed(lambda: [list(rules.push(mark)) for mark in marks])


def _analyse(
    signal: Signal, blocks: tuple[SampleBlock | Gap, ...], backend: Backend, tasks: Iterable[Task] | None = None
) -> list[Item]:
    assert ECG_BEATS.model is not None, "the beats have a classifier"
    recorded = Recorded(device="benchmark", recording="benchmark", fs_hz=signal.facts.fs_hz, leads=signal.facts.leads)
    models = {
        name: Model(name, contract_of(name), backend if name == ECG_BEATS.name else released(name))
        for name in models_of_tasks()
    }
    pipeline = Pipeline(TASKS.values() if tasks is None else tasks, recorded, models=models)
    items = [item for block in blocks for item in pipeline.push(block)]
    return items + pipeline.finish()


@cache
def released(task: str) -> Backend | None:
    """Serve the released bundle of a task; None where there is none."""
    folder = find_bundle(task)
    return None if folder is None else cpu_backend(load_bundle(folder))


class _Idle:
    """A stage that takes everything and says nothing."""

    watermark = 0

    def set_limits(self, _limits: object, /) -> None: ...

    def push(self, _item: Item, /) -> Iterable[Event]:
        return ()

    def advance(self, until: int, /) -> Iterable[Event]:
        self.watermark = until
        return ()

    def finish(self) -> Iterable[Event]:
        return ()


IDLE = Task(name="idle", label="Idle", wants=Wants(), make=lambda _facts, _model, _limits: _Idle())


def _timed(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def _one_lead(signal: Signal, *, most_s: float) -> Signal:
    """Keep the first lead and at most so many seconds."""
    end = round(most_s * signal.facts.fs_hz)
    kept: list[SampleBlock | Gap] = []
    for item in signal.items:
        if item.start >= end:
            break
        if isinstance(item, Gap):
            kept.append(item)
        else:
            samples = np.ascontiguousarray(item.samples[:1, : end - item.start])
            kept.append(replace(item, leads=item.leads[:1], samples=samples))
    return Signal(name=signal.name, facts=replace(signal.facts, leads=signal.facts.leads[:1]), items=tuple(kept))


def _cut(signal: Signal, block_s: float) -> Iterator[SampleBlock | Gap]:
    step = round(block_s * signal.facts.fs_hz)
    for item in signal.items:
        if isinstance(item, Gap):
            yield item
            continue
        for first in range(0, item.length, step):
            yield replace(item, start=item.start + first, samples=item.samples[:, first : first + step])


def _codec(signal: Signal) -> Figure:
    lead, written, samples = signal.facts.leads[0], 0, 0
    for item in _cut(signal, CHUNK_S):
        if isinstance(item, Gap):
            continue
        counts, gain, offset, _ = quantise(item.samples[0], lead.unit)
        chunk = WaveChunk(
            recording="benchmark",
            lead=lead.name,
            start=item.start,
            fs_hz=item.fs_hz,
            unit=lead.unit,
            gain=gain,
            offset=offset,
            counts=counts,
        )
        written += len(encode_wave(chunk))
        samples += item.length
    note = (
        f"{signal.name}, chunks of {CHUNK_S:g} s with their headers; {2 * samples / written:.2f} x smaller than int16"
    )
    return Figure(name="codec_bytes_per_sample", value=written / samples, note=note)
