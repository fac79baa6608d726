"""Every board on a pseudo terminal at 20 times real time, damaged by script: what the daemon says of the rest."""

import numpy as np
import pytest

from biosignal.events import Mark, MarkState
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.kinds import BEAT
from biosignal.tasks.ecg_front.channels import RATE_HZ
from edge_agent.sources.decoders import KINDS
from edge_agent.sources.line_damage import Fault
from tests.sources.boards_on_a_line import COUNTED, Line, contiguous, emulation_of, offset_of, undamaged
from tests.synthetic.playing import models

SECONDS = 44.0
BEFORE_GAP_S = 1.0  # a beat's window must not touch a gap
AFTER_GAP_S = 8.0  # behind a gap the detector learns the patient anew
ONE_SAMPLE = 1  # the detector has learnt from other beats where some are missing, and may place one beside
HALF_STEP_S = 0.5 / RATE_HZ
"""The front end reads 125 samples a second: where in its grid a stretch begins moves a beat by so much."""
TIME_ALONE_S = 0.06  # boards whose counter does not settle a loss: how far beats behind it may be off
EXACT = ("cyton", "cyton-daisy", "olimex", "shimmer3")
BYTES_AT_S = (20.5, 21.0, 21.5)


def damage_of(protocol, fs_hz):
    """Frames lost (silence, where no counter would tell); bytes flipped, lost and added; the plug pulled."""
    short = (
        Fault(what="drop-frames", at=round(11 * fs_hz), count=round(0.2 * fs_hz))
        if protocol in COUNTED
        else Fault(what="stall", at=round(11 * fs_hz), seconds=1.2)
    )
    flip, drop, insert = (round(at_s * fs_hz) for at_s in BYTES_AT_S)
    return (
        short,
        Fault(what="flip", at=flip),
        Fault(what="drop-bytes", at=drop, offset=3, count=9),
        Fault(what="insert", at=insert, count=40),
        Fault(what="unplug", at=round(30 * fs_hz), seconds=1.2),
    )


def beats_of(signals, leads, fs_hz):
    """Sample and class of each confirmed beat, of the first lead where it can be read."""
    recorded = Recorded(device="bed-1", recording="rec", fs_hz=fs_hz, leads=leads)
    pipeline = Pipeline(TASKS.values(), recorded, models=models(), prefer=leads[0].name)
    out = [event for signal in signals for event in pipeline.push(signal)] + pipeline.finish()
    marks = [event for event in out if isinstance(event, Mark) and event.kind == BEAT.name]
    return [(mark.start, mark.label) for mark in marks if mark.state is MarkState.CONFIRMED]


def with_gaps(clean, gaps, leads, fs_hz):
    """The undamaged samples with the same gaps in them."""
    at = 0
    for start, end in [*((gap.start, gap.end) for gap in gaps), (clean.shape[1], clean.shape[1])]:
        if start > at:
            yield SampleBlock(recording="rec", start=at, fs_hz=fs_hz, leads=leads, samples=clean[:, at:start].copy())
        if end > start:
            yield Gap(recording="rec", start=start, length=end - start, reason="lost")
        at = end


def unmatched(beats, others, spans, *, tolerance):
    """Beats outside the spans without one at the same place among the others."""
    return [
        sample
        for sample, _ in beats
        if not any(start <= sample <= end for start, end in spans)
        and not any(abs(sample - other) <= tolerance for other, _ in others)
    ]


@pytest.mark.parametrize("protocol", KINDS)
def test_beats_outside_the_gaps_are_those_of_the_undamaged_record(protocol, tmp_path):
    fs_hz = emulation_of(protocol, 1.0).board.fs_hz
    emulation = emulation_of(protocol, SECONDS, damage_of(protocol, fs_hz))
    line = Line(protocol, emulation, tmp_path / "board")
    items = line.play()
    leads = line.source.recording_facts().leads
    clean = undamaged(protocol, SECONDS, leads)
    begin = offset_of(items, clean)
    clean = clean[:, begin:]
    gaps = [item for item in items if isinstance(item, Gap)]
    end = contiguous(items)
    assert any(gap.reason.startswith("reconnected") for gap in gaps)
    assert 1.0 < sum(gap.length for gap in gaps) / fs_hz < 3.5

    (whole,) = with_gaps(clean, [], leads, fs_hz)
    expected, found = beats_of([whole], leads, fs_hz), beats_of(items, leads, fs_hz)
    spans = [(gap.start - BEFORE_GAP_S * fs_hz, gap.end + AFTER_GAP_S * fs_hz) for gap in gaps]
    if protocol not in COUNTED:
        # Nothing numbers a frame: one or two destroyed by a few bytes leave no gap. What is near them is left out too.
        spans += [((at_s - 1) * fs_hz - begin, (at_s + 3) * fs_hz - begin) for at_s in BYTES_AT_S]
    spans += [(0, AFTER_GAP_S * fs_hz), (end - BEFORE_GAP_S * fs_hz, np.inf)]
    tolerance = max(ONE_SAMPLE, HALF_STEP_S * fs_hz) if protocol in EXACT else TIME_ALONE_S * fs_hz
    assert unmatched(found, expected, spans, tolerance=tolerance) == []
    assert unmatched(expected, found, spans, tolerance=tolerance) == []
    compared = [sample for sample, _ in found if not any(start <= sample <= stop for start, stop in spans)]
    assert len(compared) >= 8
    if protocol in EXACT:
        # The same gaps in the undamaged record: every beat and every class alike, right up to the gaps.
        assert abs(end - clean.shape[1]) <= 1
        assert found == beats_of(with_gaps(clean[:, :end], gaps, leads, fs_hz), leads, fs_hz)
