"""The parts of the analysis by themselves, in this process: seconds of signal for a second of processor time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from benchmarks.figures import Figure, NotMeasured
from benchmarks.record import EXCERPT, EXCERPT_NOTE, Signal, load, record_name
from biosignal.ecg.qrs import QrsDetector
from biosignal.events import Beat, Finding, Trend
from biosignal.model.backend import Backend
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.pipeline import TASK, EcgPipeline
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_beats.windows import inputs_for_record
from biosignal.tasks.ecg_rhythm.rules import RhythmRules
from biosignal.tasks.signal_quality.index import QualityIndex
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle
from edge_agent.store.waveforms import CHUNK_S

NAMES = (
    "codec_bytes_per_sample",
    "analysis_times_real_time",
    "analysis_40_ms_times_real_time",
    "quality_times_real_time",
    "detector_times_real_time",
    "windows_times_real_time",
    "inference_times_real_time",
    "rules_times_real_time",
)


def measure(*, quick: bool) -> list[Figure]:
    """Run each part over the first lead of one recording."""
    signal = _one_lead(load(record_name("mitdb/100")), most_s=300.0 if quick else 1800.0)
    folder = find_bundle(TASK)
    if folder is None:
        raise NotMeasured("there is no model bundle")
    backend = cpu_backend(load_bundle(folder))
    note = f"{EXCERPT_NOTE if signal.name == EXCERPT else signal.name}, {signal.seconds / 60:.0f} min, processor time"
    try:
        parts = dict(_parts(signal, backend))
    finally:
        backend.close()
    figures = [Figure(name=name, value=signal.seconds / cpu_s, note=note) for name, cpu_s in parts.items()]
    return [*figures, _codec(signal)]


def _parts(signal: Signal, backend: Backend) -> Iterator[tuple[str, float]]:
    facts, seconds = signal.facts, tuple(_cut(signal, 1.0))
    items: list[Item] = []
    yield "analysis_times_real_time", _timed(lambda: items.extend(_analyse(signal, seconds, backend)))
    short = tuple(_cut(signal, 0.04))
    yield "analysis_40_ms_times_real_time", _timed(lambda: _analyse(signal, short, backend))
    rows = [block.samples[0] for block in seconds if isinstance(block, SampleBlock)]
    whole = np.concatenate(rows)
    index = QualityIndex(recording="benchmark", lead=facts.leads[0], fs_hz=facts.fs_hz)
    yield "quality_times_real_time", _timed(lambda: [index.push(row) for row in rows])
    detector = QrsDetector(facts.fs_hz)
    doubles = [row.astype(np.float64) for row in rows]
    yield "detector_times_real_time", _timed(lambda: [detector.push(row) for row in doubles])
    beats = [item.sample for item in items if isinstance(item, Beat) and item.state.value == "confirmed"]
    windows = inputs_for_record(whole, facts.fs_hz, beats)
    yield "windows_times_real_time", _timed(lambda: inputs_for_record(whole, facts.fs_hz, beats))
    tensors = [{"beat": window.beat[np.newaxis], "rr": window.rr[np.newaxis]} for window in windows]
    yield "inference_times_real_time", _timed(lambda: [backend.infer(each) for each in tensors])
    rules = RhythmRules(device="benchmark", recording="benchmark", fs_hz=facts.fs_hz, lead=facts.leads[0].name)
    given = [item for item in items if not isinstance(item, Finding | Trend)]
    yield "rules_times_real_time", _timed(lambda: [list(rules.push(item)) for item in given])


def _analyse(signal: Signal, blocks: tuple[SampleBlock | Gap, ...], backend: Backend) -> list[Item]:
    pipeline = EcgPipeline(
        device="benchmark",
        recording="benchmark",
        fs_hz=signal.facts.fs_hz,
        leads=signal.facts.leads,
        backend=backend,
    )
    items = [item for block in blocks for item in pipeline.push(block)]
    return items + pipeline.finish()


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
