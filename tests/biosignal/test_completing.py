"""Samples that are filled for the eye: nearer than a straight line, what is known stays, and nothing else sees them."""

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.completing import MOST_ALONE_S, TOGETHER, How, by_interpolation, completed
from biosignal.ecg.leads import INDEPENDENT, TWELVE, derived
from biosignal.events import AlarmEvent, Finding
from biosignal.paper import Line, Pen
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from biosignal.twelve_leads import Shown, draw_twelve, with_filled
from edge_agent.findings.alarms import AlarmMachine

ROOT = Path(__file__).parents[2]
FS_HZ = 250.0


@pytest.fixture(scope="module")
def twelve():
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=3)
    samples = recording.samples(0, round(10 * recording.fs_hz))[:, ::2]
    return {lead.name: x.astype(np.float32) for lead, x in zip(recording.leads, samples, strict=True)}


def holed(leads, name, from_s, to_s):
    x = leads[name].copy()
    x[round(from_s * FS_HZ) : round(to_s * FS_HZ)] = np.nan
    return leads | {name: x}


def error(made, true):
    return float(np.mean(np.abs(np.asarray(made, np.float64) - true)))


@pytest.mark.parametrize(("name", "how"), [("V3", How.LEADS), ("II", How.LIMBS), ("aVF", How.LIMBS)])
def test_a_gap_is_filled_by_the_other_leads_far_nearer_than_by_a_straight_line(twelve, name, how):
    with_gap, part = holed(twelve, name, 3.0, 4.2), slice(round(3.0 * FS_HZ), round(4.2 * FS_HZ))
    leads, filled = completed(with_gap, FS_HZ)
    assert [(one.lead, one.start, one.end, one.how) for one in filled] == [(name, part.start, part.stop, how)]
    straight = by_interpolation(with_gap[name].astype(np.float64))
    assert error(leads[name][part], twelve[name][part]) < 0.5 * error(straight[part], twelve[name][part])


def test_a_short_gap_of_all_leads_goes_on_by_itself_and_a_long_one_stays_a_gap(twelve):
    short, long = twelve, twelve
    for name in twelve:
        short, long = holed(short, name, 5.0, 5.0 + MOST_ALONE_S), holed(long, name, 5.0, 6.0)
    leads, filled = completed(short, FS_HZ)
    assert {one.how for one in filled} == {How.ITSELF}
    assert all(np.isfinite(x).all() for x in leads.values())
    leads, filled = completed(long, FS_HZ)
    assert filled == ()
    assert np.isnan(leads["II"][round(5.0 * FS_HZ) : round(6.0 * FS_HZ)]).all()


def test_one_lost_lead_is_what_is_usual_and_two_are_lost(twelve):
    without = {name: x for name, x in twelve.items() if name != "V4"}
    leads, (one,) = completed(without, FS_HZ)
    assert (one.lead, one.start, one.end, one.how) == ("V4", 0, len(twelve["II"]), How.USUAL)
    true = twelve["V4"] - np.median(twelve["V4"])
    assert error(leads["V4"], true) < 0.7 * error(np.zeros_like(true), true)
    two = {name: x for name, x in without.items() if name != "V5"}
    assert completed(two, FS_HZ)[1] == ()
    off = twelve | {"V4": np.full_like(twelve["V4"], np.nan)}
    assert [filled.lead for filled in completed(off, FS_HZ)[1]] == ["V4"]


def test_leads_hang_together_both_ways():
    np.testing.assert_array_equal(TOGETHER, TOGETHER.T)
    assert np.linalg.eigvalsh(TOGETHER).min() > 0
    assert len(TOGETHER) == len(INDEPENDENT)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_is_missing_what_is_known_stays_and_only_what_was_missing_is_said_to_be_filled(data):
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    names = data.draw(st.lists(st.sampled_from(TWELVE), min_size=1, max_size=12, unique=True))
    size = data.draw(st.integers(3, 600))
    known = {name: random.normal(0.0, 0.3, size).astype(np.float32) for name in names}
    for name in names:
        start, end = sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size))))
        known[name][start:end] = np.nan
    leads, filled = completed(known, 100.0)
    marked = {name: np.zeros(size, bool) for name in leads}
    for one in filled:
        marked[one.lead][one.start : one.end] = True
    for name, x in known.items():
        is_known = np.isfinite(x) & ~(marked[name] & np.isnan(x).all())
        np.testing.assert_array_equal(leads[name][is_known], x[is_known])
        assert not (marked[name] & np.isfinite(x)).any()
        assert np.isfinite(leads[name][marked[name]]).all()
        assert np.isnan(leads[name][np.isnan(x) & ~marked[name]]).all()
    assert len(set(leads) - set(known)) <= 1


def test_on_paper_what_was_filled_has_a_pen_of_its_own_a_hatch_and_a_sentence(twelve):
    shown = Shown(fs_hz=FS_HZ, known=holed(twelve, "V3", 6.0, 6.6))
    plain, drawn = draw_twelve(shown), draw_twelve(with_filled(shown))
    pens = {line.pen for line in plain.drawing.items if isinstance(line, Line)}
    assert not pens & {Pen.FILLED, Pen.HATCH}
    more = [line for line in drawn.drawing.items if isinstance(line, Line)]
    assert {Pen.FILLED, Pen.HATCH} <= {line.pen for line in more}
    kept = [line for line in more if line.pen is Pen.TRACE]
    assert kept == [line for line in plain.drawing.items if isinstance(line, Line) and line.pen is Pen.TRACE]
    assert any("not measured: V3 6.0 to 6.6 s" in note for note in drawn.notes)
    assert drawn.filled == ({"lead": "V3", "from_s": 6.0, "to_s": 6.6, "by": How.LEADS.value},)
    assert plain.filled == ()


def test_what_is_derived_of_a_filled_lead_is_hatched_too(twelve):
    limbs = {name: twelve[name] for name in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")}
    drawn = draw_twelve(with_filled(Shown(fs_hz=FS_HZ, known=holed(limbs, "II", 2.6, 2.9))))
    assert sum(isinstance(line, Line) and line.pen is Pen.FILLED for line in drawn.drawing.items) >= 3
    assert set(derived(limbs)) == set(TWELVE)


def said_of(leads):
    """Every event of the analysis of these leads, findings and alarms among them, as it would be sent."""
    names = tuple(Lead(name=name, unit=Unit.MILLIVOLT, kind=LeadKind.ECG) for name in leads)
    samples = np.stack(list(leads.values()))
    pipeline = Pipeline(TASKS.values(), Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=names), models={})
    alarms, out = AlarmMachine("d"), []
    for start in range(0, samples.shape[1], 100):
        part = samples[:, start : start + 100].copy()
        out += pipeline.push(SampleBlock(recording="r", start=start, fs_hz=FS_HZ, leads=names, samples=part))
    out += pipeline.finish()
    out += [alarm for event in out if isinstance(event, Finding) for alarm in alarms.on_finding(event)]
    return [event for event in out if isinstance(event, Finding | AlarmEvent)], [repr(event).encode() for event in out]


def test_findings_and_alarms_are_the_same_bytes_whether_or_not_somebody_has_it_filled_for_the_eye(twelve):
    gone = {name: x.copy() for name, x in twelve.items()}
    for name in ("V2", "V5"):
        gone[name][round(2.0 * FS_HZ) : round(8.0 * FS_HZ)] = np.nan
    before, as_bytes = said_of(gone)
    assert {type(one) for one in before} == {Finding, AlarmEvent}
    drawn = draw_twelve(with_filled(Shown(fs_hz=FS_HZ, known=gone)))
    assert drawn.filled
    assert said_of(gone)[1] == as_bytes


def importers(name):
    """Modules of the program that import another, by their paths."""
    found = set()
    for package in ("biosignal", "edge_agent", "cloud_service"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if any(isinstance(one, ast.ImportFrom) and one.module == name for one in ast.walk(tree)):
                found.add(str(path.relative_to(ROOT)))
    return found


def test_nothing_but_paper_can_see_what_was_filled():
    assert importers("biosignal.ecg.completing") == {"biosignal/twelve_leads.py"}
    on_paper = importers("biosignal.twelve_leads")
    assert on_paper == {"cloud_service/clinic/classify_file.py", "edge_agent/replay/ecg_print.py"}
