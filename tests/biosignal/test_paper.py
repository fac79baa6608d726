"""A strip on paper is to scale, whole, and within its paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biosignal.errors import BadInput
from biosignal.paper import LEFT_MM, PER_MM, LabelRow, Line, Pen, Text, draw_strip, paper_of
from biosignal.signal.blocks import Unit

MV = paper_of(Unit.MILLIVOLT, np.zeros(1, np.float32))


def lines(drawing, pen):
    return [item.points for item in drawing.items if isinstance(item, Line) and item.pen is pen]


def texts(drawing):
    return [item.text for item in drawing.items if isinstance(item, Text)]


def test_a_second_is_25_mm_and_a_millivolt_10_mm():
    samples = np.zeros(500, np.float32)
    samples[250] = 1.0
    drawing = draw_strip(samples, fs_hz=250.0, paper=MV)
    (trace,) = lines(drawing, Pen.TRACE)
    peak = min(trace, key=lambda point: point[1])
    assert peak[0] == pytest.approx(LEFT_MM + 25.0)
    assert trace[0][1] - peak[1] == pytest.approx(10.0)
    assert drawing.width_mm == pytest.approx(LEFT_MM + 50.0)
    assert not drawing.is_cut


def test_the_calibration_pulse_is_1_mv_high_and_200_ms_long_and_before_the_trace():
    (pulse,) = lines(draw_strip(np.zeros(250, np.float32), fs_hz=250.0, paper=MV), Pen.PULSE)
    high, low = min(y for _, y in pulse), max(y for _, y in pulse)
    assert low - high == pytest.approx(10.0)
    top = [x for x, y in pulse if y == high]
    assert max(top) - min(top) == pytest.approx(5.0)
    assert max(x for x, _ in pulse) <= LEFT_MM


def test_the_grid_is_of_1_and_5_mm():
    drawing = draw_strip(np.zeros(500, np.float32), fs_hz=250.0, paper=MV)
    for pen, step in ((Pen.FINE, 1.0), (Pen.COARSE, 5.0)):
        upright = sorted(points[0][0] for points in lines(drawing, pen) if points[0][0] == points[1][0])
        assert np.diff(upright) == pytest.approx(np.full(round(50 / step), step))


def test_the_trace_is_broken_where_there_are_no_samples():
    samples = np.zeros(500, np.float32)
    samples[200:300] = np.nan
    first, second = lines(draw_strip(samples, fs_hz=250.0, paper=MV), Pen.TRACE)
    assert first[-1][0] == pytest.approx(LEFT_MM + 199 / 250 * 25)
    assert second[0][0] == pytest.approx(LEFT_MM + 300 / 250 * 25)


def test_without_any_sample_there_is_paper_and_no_trace():
    drawing = draw_strip(np.full(500, np.nan, np.float32), fs_hz=250.0, paper=MV)
    assert lines(drawing, Pen.TRACE) == []
    assert drawing.height_mm >= 20


def test_a_trace_higher_than_the_paper_is_cut_and_says_so():
    samples = np.zeros(500, np.float32)
    samples[250] = 9.0
    drawing = draw_strip(samples, fs_hz=250.0, paper=MV)
    assert drawing.is_cut
    assert min(y for points in lines(drawing, Pen.TRACE) for _, y in points) >= 0


def test_a_label_stands_over_its_sample_and_one_that_would_lie_on_its_neighbour_leaves_a_tick():
    row = LabelRow(name="ours", labels=((0.5, "N"), (1.0, "V"), (1.02, "V"), (9.0, "N")))
    drawing = draw_strip(np.zeros(500, np.float32), fs_hz=250.0, paper=MV, rows=(row,))
    assert texts(drawing) == ["ours", "N", "V"]
    first = next(item for item in drawing.items if isinstance(item, Text) and item.text == "N")
    assert first.x == pytest.approx(LEFT_MM + 12.5)
    assert len(lines(drawing, Pen.MARK)) == 3


def test_a_stretch_is_a_bar_no_longer_than_the_strip():
    samples = np.zeros(500, np.float32)
    (bar,) = lines(draw_strip(samples, fs_hz=250.0, paper=MV, stretch_s=(0.4, 60.0)), Pen.STRETCH)
    assert (bar[0][0], bar[1][0]) == pytest.approx((LEFT_MM + 10.0, LEFT_MM + 50.0))


def test_a_lead_without_a_scale_is_fitted_and_has_no_pulse():
    samples = (1e5 * np.sin(np.arange(500) / 9)).astype(np.float32)
    paper = paper_of(Unit.RAW, samples)
    drawing = draw_strip(samples, fs_hz=250.0, paper=paper)
    assert "not calibrated" in paper.scale
    assert lines(drawing, Pen.PULSE) == []
    assert not drawing.is_cut


def test_microvolts_are_on_the_paper_of_an_eeg():
    paper = paper_of(Unit.MICROVOLT, np.zeros(1, np.float32))
    assert (paper.mm_per_s, paper.mm_per_unit * 7) == (30.0, pytest.approx(1.0))


def test_many_samples_a_millimetre_keep_the_lowest_and_the_highest():
    samples = np.zeros(20_000, np.float32)
    samples[777], samples[15_111] = 1.5, -0.7
    (trace,) = lines(draw_strip(samples, fs_hz=10_000.0, paper=MV), Pen.TRACE)
    heights = [y for _, y in trace]
    assert len(trace) < 4 * PER_MM * 50
    assert max(heights) - min(heights) == pytest.approx(22.0, abs=0.02)


@pytest.mark.parametrize(("samples", "fs_hz"), [(np.zeros(0, np.float32), 250.0), (np.zeros(9, np.float32), 0.0)])
def test_nothing_to_draw_is_refused(samples, fs_hz):
    with pytest.raises(BadInput):
        draw_strip(samples, fs_hz=fs_hz, paper=MV)


@settings(max_examples=60, deadline=None)
@given(
    samples=arrays(np.float32, st.integers(1, 700), elements=st.floats(-50, 50, width=32) | st.just(float("nan"))),
    fs_hz=st.sampled_from([100.0, 128.0, 257.0, 1000.0]),
    labels=st.lists(st.tuples(st.floats(-2, 12), st.sampled_from(["N", "V", "(AFIB", ""])), max_size=12),
)
def test_whatever_the_samples_everything_lies_within_the_drawing(samples, fs_hz, labels):
    rows = (LabelRow(name="ours", labels=tuple(sorted(labels))),)
    drawing = draw_strip(samples, fs_hz=fs_hz, paper=MV, rows=rows, stretch_s=(-1.0, 99.0))
    for item in drawing.items:
        for x, y in item.points if isinstance(item, Line) else [(item.x, item.y)]:
            assert -0.01 <= x <= drawing.width_mm + 1.0
            assert -0.01 <= y <= drawing.height_mm + 0.01
