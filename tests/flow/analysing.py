"""The daemon's analysis on a recording, driven item by item on the test's own thread."""

import queue

import numpy as np
import pytest

from biosignal.model.bundle import open_bundle
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.pipeline import TASK, EcgSettings
from biosignal.tasks.ecg_beats.windows import BEAT_SHAPE, RR_SHAPE
from edge_agent.analysis.analysis import Analysis
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.inference.bundle_folder import find_bundle, load_bundle
from edge_agent.operate.clock import SetClock
from edge_agent.sources.excerpt import FS_HZ, LEAD, Excerpt
from edge_agent.sources.port import SourceFacts
from tests import bundles

FACTS = SourceFacts(name="excerpt", leads=(LEAD,), fs_hz=FS_HZ, live=False)


def backend():
    """The released bundle where there is one, else a small one with random weights."""
    folder = find_bundle(TASK)
    if folder is not None:
        return OnnxCpuBackend(load_bundle(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundles, "BEAT", BEAT_SHAPE)
        patch.setattr(bundles, "RR", RR_SHAPE)
        return OnnxCpuBackend(open_bundle(bundles.bundle_files()))


def excerpt(start_s, end_s):
    """Real samples, shape (1, n), millivolts."""
    samples = np.concatenate([block.samples for block in Excerpt().read()], axis=1)
    return samples[:, round(start_s * FS_HZ) : round(end_s * FS_HZ)]


def block(start, samples):
    return SampleBlock(recording="", start=start, fs_hz=FS_HZ, leads=(LEAD,), samples=samples.copy())


def gap(start, length, reason="silence"):
    return Gap(recording="", start=start, length=length, reason=reason)


def make_analysis(*, put, facts=FACTS, clock=None, timed=False, with_backend=None, incoming=None, **more):
    return Analysis(
        incoming if incoming is not None else queue.Queue(),
        facts=facts,
        lead=facts.leads[0].name,
        settings=EcgSettings(),
        device="bed-1",
        boot="boot",
        subject=None,
        previous=None,
        alarms=AlarmMachine("bed-1"),
        put=put,
        on_beat=lambda _bundle, _healthy: None,
        clock=clock or SetClock(),
        timed=timed,
        backend=with_backend,
        reason="" if with_backend else "no model in this test",
        **more,
    )


def events_of(signals, *, with_backend=None):
    """Every durable event of a recording, in the order it was decided."""
    batches = []
    analysis = make_analysis(put=batches.append, with_backend=with_backend)
    for signal in signals:
        analysis.take(signal)
    analysis.finish("the source ended")
    return [event for batch in batches for event in batch.events]
