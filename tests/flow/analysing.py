"""The daemon's analysis on a recording, driven item by item on the test's own thread."""

import numpy as np

from biosignal.model.bundle import open_bundle
from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.tasks import TASKS
from edge_agent.analysis.analysis import Analysis
from edge_agent.analysis.recordings import Bed
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.inference.bundle_folder import find_bundle, load_bundle
from edge_agent.operate.clock import SetClock
from edge_agent.sources.excerpt import FS_HZ, LEAD, Excerpt
from edge_agent.sources.port import SourceFacts
from tests import bundles

BEATS = TASKS["ecg-beats"]
FACTS = SourceFacts(name="excerpt", leads=(LEAD,), fs_hz=FS_HZ, live=False)


def backend():
    """The released bundle where there is one, else a small one with random weights."""
    folder = find_bundle(BEATS.name)
    if folder is not None:
        return OnnxCpuBackend(load_bundle(folder))
    return OnnxCpuBackend(open_bundle(bundles.bundle_files()))


def excerpt(start_s, end_s):
    """Real samples, shape (1, n), millivolts."""
    samples = np.concatenate([block.samples for block in Excerpt().read()], axis=1)
    return samples[:, round(start_s * FS_HZ) : round(end_s * FS_HZ)]


def block(start, samples):
    return SampleBlock(recording="", start=start, fs_hz=FS_HZ, leads=(LEAD,), samples=samples.copy())


def gap(start, length, reason="silence"):
    return Gap(recording="", start=start, length=length, reason=reason)


def models_with(backend, reason="no model in this test"):
    """The models of the tasks, of which beats alone have one."""
    return {BEATS.name: Model(BEATS.name, BEATS.model, backend, "" if backend else reason)}


def make_analysis(*, put, facts=FACTS, clock=None, timed=False, with_backend=None, models=None, **more):
    return Analysis(
        facts=facts,
        models=models or models_with(with_backend),
        bed=Bed(device="bed-1", boot="boot", subject=None),
        alarms=AlarmMachine("bed-1"),
        put=put,
        clock=clock or SetClock(),
        timed=timed,
        **more,
    )


def events_of(signals, *, with_backend=None):
    """Every durable event of a recording, in the order it was decided."""
    batches = []
    analysis = make_analysis(put=batches.append, with_backend=with_backend)
    for signal in signals:
        analysis.push(signal)
    analysis.finish("the source ended")
    return [event for batch in batches for event in batch.events]
