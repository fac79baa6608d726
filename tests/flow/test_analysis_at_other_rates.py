"""A bed at 1,024 Hz: what the daemon keeps names samples and marks of the recording as it came."""

import numpy as np
from scipy.signal import resample_poly

from biosignal.events import Finding, Mark, mark_id
from biosignal.signal.blocks import SampleBlock
from edge_agent.sources.port import SourceFacts
from tests.flow.analysing import LEAD, backend, excerpt, make_analysis, models_with

FS_HZ = 1024.0
FACTS = SourceFacts(name="fast", leads=(LEAD,), fs_hz=FS_HZ, live=False)


def test_a_finding_comes_with_the_marks_it_names_and_a_strip_that_lies_in_the_recording():
    x = resample_poly(excerpt(0, 120), 128, 45, axis=1)
    x = np.concatenate((x, np.zeros((1, round(8 * FS_HZ)))), axis=1).astype(np.float32)
    batches = []
    analysis = make_analysis(put=batches.append, facts=FACTS, models=models_with(backend()))
    for start in range(0, x.shape[1], 512):
        samples = x[:, start : start + 512].copy()
        analysis.push(SampleBlock(recording="", start=start, fs_hz=FS_HZ, leads=(LEAD,), samples=samples))
    analysis.finish("the source ended")
    events = [event for batch in batches for event in batch.events]
    findings = [event for event in events if isinstance(event, Finding) and event.evidence.marks]
    sent = {event.id for event in events if isinstance(event, Mark)}
    named = {
        mark_id(recording=one.recording, task=marks.task, kind=marks.kind, leads=marks.leads, start=start)
        for one in findings
        for marks in one.evidence.marks
        for start in marks.starts
    }
    assert named
    assert named == sent
    for one in findings:
        assert one.evidence.fs_hz == FS_HZ
        assert 0 <= one.evidence.strip_start < one.evidence.strip_end
        assert one.onset <= one.decided_at < x.shape[1]
