"""A model changed 200 times while samples arrive faster than beside any bed: no window goes without its answer."""

import contextlib
import gc
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from biosignal.events import MarkPack
from biosignal.model.bundle import open_bundle
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.tasks import TASKS
from edge_agent.analysis.actor import AnalysisActor
from edge_agent.analysis.inbox import Arrival, End, Inbox
from edge_agent.inference.models import Models
from edge_agent.inference.settings import InferenceSettings, TensorRtSettings
from edge_agent.sources.excerpt import FS_HZ, LEAD, Excerpt
from tests import bundles
from tests.flow.analysing import make_analysis

BEATS = TASKS["ecg-beats"].name
SWAPS, WARM = 200, 20
GROWTH_MB = 16.0
BLOCK = 72  # a fifth of a second


SAMPLES = np.concatenate([block.samples for block in Excerpt().read()], axis=1)
LENGTH = SAMPLES.shape[1]


def one_pass(number):
    """The excerpt once more; each pass but the first behind a gap that stands for the loop."""
    start = number * LENGTH
    if number:
        yield Gap(recording="", start=start, length=0, reason="loop")
    for at in range(0, LENGTH, BLOCK):
        samples = SAMPLES[:, at : at + BLOCK].copy()
        yield SampleBlock(recording="", start=start + at, fs_hz=FS_HZ, leads=(LEAD,), samples=samples)


class Feed:
    """The excerpt over and over, as fast as the analysis takes it."""

    def __init__(self, inbox):
        self._inbox = inbox
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.passes = 0

    def start(self):
        self._thread.start()

    def stop(self):
        self._enough.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self):
        while not self._enough.is_set():
            for signal in one_pass(self.passes):
                self._put(Arrival(signal, 0.0))
            self.passes += 1
        self._put(End())

    def _put(self, message):
        while not self._inbox.put(message, timeout_s=1.0):
            pass


class Beats:
    """Beats of each pass, from the packed marks; `asked` counts windows by the bundle that answered them."""

    def __init__(self):
        self.by_pass = Counter()
        self.asked = Counter()
        self.failed = 0

    def put(self, batch):
        for event in batch.events:
            if isinstance(event, MarkPack) and event.task == BEATS:
                self.by_pass.update(start // LENGTH for start in event.starts)

    def on_window(self, _task, bundle, answered):
        self.asked[bundle] += 1
        self.failed += not answered


def resident_mb():
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1000


@pytest.fixture
def two_bundles():
    """Two models of the beats with weights of their own."""
    versions = (("1.0.0", 0), ("1.0.1", 1))
    return [open_bundle(bundles.bundle_files(version=name, seed=seed)) for name, seed in versions]


def swapped(two_bundles, swaps, warm):
    """Change so many times under load; (beats, feed, the windows that each change cost, growth in MB)."""
    models = Models(InferenceSettings(tensorrt=TensorRtSettings(enabled=False)))
    inbox = Inbox(64)
    feed = Feed(inbox)
    beats = Beats()
    models.switch(BEATS, models.serve(two_bundles[0]))
    analysis = make_analysis(put=beats.put, models=models, on_window=beats.on_window)
    actor = AnalysisActor(analysis, inbox, live=True)
    actor.start()
    feed.start()
    missed, warm_mb = [], 0.0
    try:
        for number in range(1, swaps + 1):
            if number == warm:
                warm_mb = resident_mb()
            before, after = models[BEATS].backend, models.serve(two_bundles[number % 2])
            missed.append(actor.switch(BEATS, after, "").missed)
            before.close()
        growth_mb = resident_mb() - warm_mb
    finally:
        feed.stop()
        actor.ended.wait(60)
        actor.stop()
        models.close()
    assert actor.failure is None
    assert actor.counts.unanswered.total() == 0
    return beats, feed, missed, growth_mb


def undisturbed(bundle, passes):
    """Beats of each pass when nothing is changed."""
    beats = Beats()
    with contextlib.closing(Models(InferenceSettings(tensorrt=TensorRtSettings(enabled=False)))) as models:
        models.switch(BEATS, models.serve(bundle))
        analysis = make_analysis(put=beats.put, models=models)
        for number in range(passes):
            for signal in one_pass(number):
                analysis.push(signal)
        analysis.finish("the source ended")
    return beats.by_pass


@pytest.mark.fault
@pytest.mark.reliability("swaps")
@pytest.mark.timeout(600)
def test_200_changes_under_load_miss_no_window_and_keep_no_memory(two_bundles, reliability):
    beats, feed, missed, growth_mb = swapped(two_bundles, SWAPS, WARM)
    assert sum(missed) == 0
    assert beats.failed == 0
    assert set(beats.asked) == {"ecg-beats/1.0.0", "ecg-beats/1.0.1"}
    assert beats.by_pass == undisturbed(two_bundles[0], feed.passes), "a window was dropped in silence"
    assert growth_mb <= GROWTH_MB
    windows = sum(beats.asked.values())
    reliability.note("swaps", changes=len(missed), windows=windows, missed=sum(missed), growth_mb=round(growth_mb, 1))
