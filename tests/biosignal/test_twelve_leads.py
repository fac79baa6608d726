"""Twelve leads on paper are to scale, in their places, and say what is not as it should be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biosignal.ecg.leads import TWELVE
from biosignal.errors import BadInput
from biosignal.paper import LEFT_MM, Line, Pen, Shade, Text
from biosignal.signal.blocks import Lead, Unit
from biosignal.twelve_leads import COLUMN_S, EDGE_MM, ROW_MM, ROWS, Shown, draw_twelve, shown_of

FS_HZ = 250.0
LENGTH = 2500
PLACE = {name: (row, column) for row, names in enumerate(ROWS) for column, name in enumerate(names)}


def lead(height=1.0, at=None):
    """A pulse of one sample in each column, over noise that is not flat."""
    samples = np.tile(np.float32([0.0, 0.05]), LENGTH // 2)
    for column in range(4) if at is None else at:
        samples[round((column + 0.5) * COLUMN_S * FS_HZ)] = height
    return samples


def all_leads(**changed):
    return {name: lead() for name in TWELVE} | changed


def pieces(print_, row):
    """Traces of a row, from left to right."""
    line = EDGE_MM + ROW_MM * (row + 0.5)
    traces = [one.points for one in print_.drawing.items if isinstance(one, Line) and one.pen is Pen.TRACE]
    return [points for points in traces if abs(np.median([y for _, y in points]) - line) < 2.0]


def texts(print_):
    return [one.text for one in print_.drawing.items if isinstance(one, Text)]


def test_every_lead_is_in_its_place_to_scale():
    for name, (row, column) in PLACE.items():
        rest = {other: lead(0.0) for other in TWELVE}
        print_ = draw_twelve(Shown(fs_hz=FS_HZ, known=rest | {name: lead(at=(column,))}))
        peaks = [min(points, key=lambda point: point[1]) for points in pieces(print_, row)[:4]]
        heights = [
            np.median([y for _, y in points]) - peak[1]
            for points, peak in zip(pieces(print_, row), peaks, strict=False)
        ]
        tallest = int(np.argmax(heights))
        assert heights[tallest] == pytest.approx(10.0, abs=0.51), name
        assert peaks[tallest][0] == pytest.approx(LEFT_MM + (column + 0.5) * 62.5, abs=0.06), name  # half a sample


def test_a_heartbeat_lies_in_one_place_in_every_row_and_the_rhythm_lasts_ten_seconds():
    print_ = draw_twelve(Shown(fs_hz=FS_HZ, known=all_leads()))
    for row in range(3):
        assert len(pieces(print_, row)) == 4
        for column, points in enumerate(pieces(print_, row)):
            assert points[0][0] == pytest.approx(LEFT_MM + column * 62.5, abs=0.02)
    (rhythm,) = pieces(print_, 3)
    assert (rhythm[0][0], rhythm[-1][0]) == pytest.approx((LEFT_MM, LEFT_MM + 250.0), abs=0.2)


def test_each_row_has_its_calibration_pulse_of_1_mv_and_200_ms():
    print_ = draw_twelve(Shown(fs_hz=FS_HZ, known=all_leads()))
    pulses = [
        one.points
        for one in print_.drawing.items
        if isinstance(one, Line) and one.pen is Pen.PULSE and len(one.points) > 2
    ]
    assert len(pulses) == 4
    for points in pulses:
        high, low = min(y for _, y in points), max(y for _, y in points)
        top = [x for x, y in points if y == high]
        assert low - high == pytest.approx(10.0)
        assert max(top) - min(top) == pytest.approx(5.0)
        assert max(x for x, _ in points) <= LEFT_MM


def test_limb_leads_that_follow_are_drawn_and_said_to_be_derived():
    print_ = draw_twelve(Shown(fs_hz=FS_HZ, known={"I": lead(1.0), "II": lead(1.5)}))
    assert texts(print_).count("derived") == 4
    assert texts(print_).count("missing") == 6
    assert "Missing, and not drawn: V1, V2, V3, V4, V5, V6." in print_.notes
    (said,) = [note for note in print_.notes if note.startswith("Derived")]
    assert said.endswith("III, aVR, aVL, aVF.")
    third = min(pieces(print_, 2)[0], key=lambda point: point[1])
    assert EDGE_MM + 2.5 * ROW_MM - third[1] == pytest.approx(5.0, abs=0.6)


def test_a_missing_lead_is_said_and_nothing_is_drawn_in_its_place():
    known = all_leads(V3=np.full(LENGTH, np.nan, np.float32))
    print_ = draw_twelve(Shown(fs_hz=FS_HZ, known=known))
    assert "missing" in texts(print_)
    left, right = LEFT_MM + 2 * 62.5 + 1, LEFT_MM + 3 * 62.5 - 1
    inside = [points for points in pieces(print_, 2) if any(left < x < right for x, _ in points)]
    assert inside == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"V2": np.full(LENGTH, 0.3, np.float32)}, "flat"),
        ({"V2": lead(6.0)}, "off scale"),
    ],
)
def test_a_lead_that_is_not_as_it_should_be_says_so(changed, says):
    print_ = draw_twelve(Shown(fs_hz=FS_HZ, known=all_leads(**changed)))
    assert texts(print_).count(says) == 1
    assert any("V2" in note for note in print_.notes)
    assert print_.drawing.is_cut == (says == "off scale")


def test_a_lead_without_a_scale_is_fitted_and_says_so_and_nothing_is_derived_of_it():
    leads = (Lead(name="I", unit=Unit.RAW), Lead(name="MLII", unit=Unit.MICROVOLT))
    shown = shown_of(leads, np.stack([lead(400.0), lead(1000.0)]), FS_HZ)
    print_ = draw_twelve(shown)
    assert texts(print_).count("not calibrated") == 1
    assert "derived" not in texts(print_)
    assert shown.known["II"].max() == pytest.approx(1.0)


def test_where_samples_are_missing_the_trace_is_broken():
    hole = lead()
    hole[100:200] = np.nan
    print_ = draw_twelve(Shown(fs_hz=FS_HZ, known=all_leads(I=hole)))
    assert len(pieces(print_, 0)) == 5


def test_shades_lie_behind_the_samples_they_speak_of():
    values = np.zeros(1000, np.float32)
    values[300:320], values[600:610] = 2.0, -1.0
    shown = Shown(fs_hz=FS_HZ, known=all_leads(), shades={"II": values})
    shades = [one for one in draw_twelve(shown).drawing.items if isinstance(one, Shade)]
    in_rhythm = [one for one in shades if one.y > EDGE_MM + 3 * ROW_MM - 1]
    assert [(one.x, one.strength) for one in in_rhythm] == [
        (LEFT_MM + 75.0, 1.0),
        (LEFT_MM + 77.5, 1.0),
        (LEFT_MM + 150.0, -0.5),
    ]
    # II is shown from 0 to 2.5 s in its own place, where it was worth nothing
    assert shades == in_rhythm
    items = draw_twelve(shown).drawing.items
    traces = [place for place, one in enumerate(items) if isinstance(one, Line) and one.pen is Pen.TRACE]
    assert max(place for place, one in enumerate(items) if isinstance(one, Shade)) < min(traces)


@pytest.mark.parametrize("known", [{}, {"V9": lead()}, {"I": lead(), "II": lead()[:-1]}])
def test_what_is_no_standard_lead_or_of_another_length_is_refused(known):
    with pytest.raises(BadInput):
        draw_twelve(Shown(fs_hz=FS_HZ, known=known))


@settings(max_examples=40, deadline=None)
@given(
    samples=arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 1300)),
        elements=st.floats(-50, 50, width=32) | st.just(float("nan")),
    ),
    names=st.permutations(TWELVE),
    fs_hz=st.sampled_from([100.0, 128.0, 257.0]),
    raw=st.booleans(),
)
def test_whatever_the_samples_everything_lies_within_the_paper(samples, names, fs_hz, raw):
    leads = [Lead(name=name, unit=Unit.RAW if raw else Unit.MILLIVOLT) for name in names[: len(samples)]]
    drawing = draw_twelve(shown_of(leads, samples, fs_hz)).drawing
    for item in drawing.items:
        for x, y in item.points if isinstance(item, Line) else [(item.x, item.y)]:
            assert -0.01 <= x <= drawing.width_mm + 0.3
            assert -0.01 <= y <= drawing.height_mm + 0.01
