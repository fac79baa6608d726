"""Findings as the analysis makes them of a real recording, with and without a classifier."""

import numpy as np

from biosignal.events import Finding, Rung
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import models
from biosignal.wording.checker import refusal
from edge_agent.explain.template import explain
from edge_agent.sources.excerpt import Excerpt

FS_HZ = 360.0
LEAD = Lead(name="MLII", unit=Unit.MILLIVOLT, kind=LeadKind.ECG)


class AlwaysTheLastClass:
    """A backend that gives every window the same answer, so that each classifier has something to say."""

    bundle = "steady/1.0.0"
    rung = Rung.ONNX_CPU

    def __init__(self, classes: int) -> None:
        self._scores = np.eye(classes, dtype=np.float32)[-2:-1]

    def infer(self, inputs, /):
        return {"scores": self._scores}

    def close(self) -> None:
        pass


def findings(answering: bool) -> list[Finding]:
    served = {
        name: Model(name, task.model, AlwaysTheLastClass(len(task.model.classes)) if answering else None, "no bundle")
        for name, task in models().items()
    }
    recorded = Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=(LEAD,))
    pipeline = Pipeline(TASKS.values(), recorded, models=served)
    ecg = np.concatenate([block.samples[0] for block in Excerpt().read()])[: 120 * 360]
    ecg[40 * 360 : 60 * 360] = 0.0
    items = []
    for start in range(0, len(ecg), 3600):
        block = ecg[None, start : start + 3600]
        items += pipeline.push(
            SampleBlock(recording="r", start=start, fs_hz=FS_HZ, leads=(LEAD,), samples=np.ascontiguousarray(block))
        )
    items += pipeline.push(Gap(recording="r", start=len(ecg), length=720, reason="unplugged"))
    items += pipeline.finish()
    return [item for item in items if isinstance(item, Finding)]


def test_everything_found_in_a_real_recording_has_vetted_words_and_a_text_that_passes():
    for answering in (True, False):
        found = findings(answering)
        assert len({finding.kind for finding in found}) >= 2
        for finding in found:
            explanation = explain(finding)
            assert "no vetted words" not in explanation.checked, explanation
            assert refusal(explanation.text, finding) is None
