"""What cuts, counts anew and repeats keeps the rates of a recording in step."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, LeadKind, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from edge_agent.operate.clock import SetClock
from edge_agent.sources.conformance import Subject, run_checks
from edge_agent.sources.edf_record import EdfRecord
from edge_agent.sources.paced import Paced
from edge_agent.sources.rates import leads_by_rate, own_rate
from edge_agent.sources.stretch import Stretch
from tests.sources.edf_files import make_discontinuous, sine, write_edf
from tests.sources.rates import by_lead, checked

RATES_HZ = {"SpO2": 3, "ECG": 100, "Snore": 256, "Pos": 1}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Four seconds with a gap of two in the middle; every value is its own place in its signal."""
    made = [(name, hz, "uV", np.arange(4 * hz)) for name, hz in RATES_HZ.items()]
    written = write_edf(tmp_path_factory.mktemp("rates") / "r.edf", made, annotations=[(0.5, 1, "a")])
    return make_discontinuous(written, [0, 1, 4, 5])


def read(source):
    source.open("rec")
    return checked(source, source.read())


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 3.0), st.floats(0.3, 40.0))
def test_a_paced_recording_holds_the_same_samples_in_step(path, block_s, speed):
    clock = SetClock()

    def wait(seconds):
        clock.advance(seconds)
        return False

    paced = Paced(EdfRecord(path), speed=speed, block_s=block_s, clock=clock, wait=wait)
    whole, pieces = by_lead(read(EdfRecord(path))), by_lead(read(paced))
    for name, samples in whole.items():
        np.testing.assert_array_equal(pieces[name], samples)
    assert run_checks_of(lambda: Paced(EdfRecord(path), speed=None, clock=clock)) == {""}


def run_checks_of(make):
    return {trouble for _, trouble in run_checks(Subject(make=make, seconds=60))}


@settings(max_examples=80, deadline=None)
@given(st.floats(0.0, 6.0), st.floats(0.0, 7.0))
def test_any_stretch_holds_of_every_lead_what_lies_in_its_times(path, from_s, to_s):
    try:
        source = Stretch(EdfRecord(path), from_s=from_s, to_s=to_s)
    except BadInput:
        assume(False)
    items = read(source)
    ends = dict.fromkeys(leads_by_rate(source.recording_facts()), 0)
    for item in items:
        if isinstance(item, Gap):
            ends = {hz: item.end * hz / 100 for hz in ends}
        else:
            ends[item.fs_hz] = item.end
    for hz, end in ends.items():
        assert abs(end / hz - ends[100.0] / 100) <= 1 / hz + 1e-9
    times_s = [round(100 * at_s) / 100 for at_s in (from_s, min(to_s, 6.0))]
    for name, samples in by_lead(items).items():
        # Places in the file, from times in the recording: the gap of two seconds begins at second two.
        first, end = ((at_s if at_s < 2 else max(2.0, at_s - 2)) * RATES_HZ[name] for at_s in times_s)
        samples = np.rint(samples)
        assert (np.diff(samples) == 1).all()
        assert samples[0] == pytest.approx(first, abs=0.51)
        assert samples[-1] + 1 == pytest.approx(end, abs=0.51)


def test_a_loop_begins_every_rate_anew_with_the_recordings_own(path):
    items = read(Paced(Stretch(EdfRecord(path), from_s=0.5, to_s=1.21), speed=None, passes=4, clock=SetClock()))
    joins = [item for item in items if isinstance(item, Gap)]
    assert [(join.start, join.length) for join in joins] == [(71, 0), (142, 0), (213, 0)]
    starts = [item.start for item in items if isinstance(item, SampleBlock) and item.fs_hz == 256]
    assert starts == [round(71 * turn * 2.56) for turn in range(4)]


def test_the_analysis_accepts_every_rate_behind_gaps_and_joins(path):
    source = Paced(EdfRecord(path), speed=None, passes=3, clock=SetClock())
    facts = source.recording_facts()
    source.open("rec")
    recorded = Recorded(device="d", recording="rec", fs_hz=facts.fs_hz, leads=facts.leads)
    models = {}
    tasks = [task for task in TASKS.values() if task.model is None and not task.needs]
    pipeline = Pipeline(tasks, recorded, models=models)
    passed = [out for item in source.read() for out in pipeline.push(item) if isinstance(out, Gap)]
    assert [gap.length for gap in passed] == [200, 0, 200, 0, 200]


@pytest.mark.parametrize(
    ("kinds", "own_hz"),
    [
        ((LeadKind.SOUND, LeadKind.EEG, LeadKind.ECG, LeadKind.ECG), 3.0),
        ((LeadKind.SOUND, LeadKind.EEG, LeadKind.UNKNOWN, LeadKind.EEG), 2.0),
        ((LeadKind.SOUND, LeadKind.STATUS, LeadKind.UNKNOWN, LeadKind.OTHER), 4.0),
    ],
)
def test_the_recordings_own_rate_is_that_of_heart_then_brain_then_the_finest(kinds, own_hz):
    assert own_rate(kinds, (1.0, 2.0, 3.0, 4.0)) == own_hz


def test_a_short_recording_of_one_rate_is_cut_as_before(tmp_path):
    path = write_edf(tmp_path / "one.edf", [("ECG", 100, "uV", sine(2, 100))])
    clock = SetClock()
    paced = Paced(EdfRecord(path), speed=1.0, block_s=0.3, clock=clock, wait=lambda s: bool(clock.advance(s)))
    assert [item.length for item in read(paced)] == [30] * 6 + [20]
