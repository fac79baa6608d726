"""Headers of EDF as the world writes them: one field that is off costs what only it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.sources.edf_header import number_of, text_of, whole_number
from edge_agent.sources.edf_layout import read_layout
from edge_agent.sources.edf_record import EdfRecord
from edge_agent.sources.port import RecordUnreadable
from tests.sources.edf_files import sine, write_edf

RECORDS, RECORD_S, SIGNALS = slice(236, 244), slice(244, 252), slice(252, 256)


def field(offset, size, *, signal, signals=2):
    """Where a field of one of so many signals stands, by where it stands in a file of one signal."""
    start = 256 + offset * signals + size * signal
    return slice(start, start + size)


def label(signal):
    return field(0, 16, signal=signal)


def unit(signal):
    return field(96, 8, signal=signal)


def ranges(signal):
    return [field(offset, 8, signal=signal) for offset in (104, 112, 120, 128)]


def samples(signal):
    return field(216, 8, signal=signal)


HEART = sine(4, 100, amplitude=1000)


@pytest.fixture
def path(tmp_path):
    return write_edf(tmp_path / "x.edf", [("ECG", 100, "uV", HEART), ("SpO2", 10, "%", sine(4, 10))])


def put(path, part, value):
    content = bytearray(path.read_bytes())
    value = value.encode() if isinstance(value, str) else value
    content[part] = value.ljust(part.stop - part.start)
    path.write_bytes(content)


def read(path):
    source = EdfRecord(path)
    source.open("rec")
    items = [item for item in source.read() if isinstance(item, Gap) or item.leads[0].kind.value == "ecg"]
    heart = np.concatenate([item.samples[0] for item in items if isinstance(item, SampleBlock)])
    return source.recording_facts(), heart, [item for item in items if isinstance(item, Gap)]


@pytest.mark.parametrize("end", [b" ", b"\0", b"\0garbage", b" \0 "])
def test_a_field_may_end_in_nul_as_in_blanks(path, end):
    put(path, SIGNALS, b"2\0")
    for part, value in ((label(0), b"ECG"), (unit(0), b"uV"), (samples(0), b"100")):
        put(path, part, (value + end)[: part.stop - part.start])
    facts, heart, _ = read(path)
    assert (facts.leads[0].name, facts.leads[0].unit, facts.fs_hz) == ("ECG", Unit.MICROVOLT, 100)
    np.testing.assert_allclose(heart, HEART, atol=0.2)


def test_numbers_may_have_a_decimal_comma(path):
    low, high, *_ = ranges(0)
    put(path, low, "-4000,0")
    put(path, high, "4000,0")
    put(path, RECORD_S, "1,000")
    facts, heart, _ = read(path)
    assert (facts.fs_hz, facts.leads[0].unit, facts.notes) == (100, Unit.MICROVOLT, ())
    np.testing.assert_allclose(heart, HEART, atol=0.2)


@pytest.mark.parametrize("value", ["", "n/a", "nan", "inf", "0"])
@pytest.mark.parametrize("part", range(4))
def test_a_range_that_says_nothing_costs_the_scale_of_its_signal_and_a_note(path, part, value):
    put(path, ranges(1)[part], value)
    if value == "0":  # a number, and an empty range only beside another 0
        put(path, ranges(1)[part ^ 1], value)
    facts, heart, _ = read(path)
    np.testing.assert_allclose(heart, HEART, atol=0.2)
    assert [lead.name for lead in facts.leads] == ["ECG", "SpO2"]
    assert facts.notes == ("without a scale, since its range is no number or empty: SpO2",)


def test_the_heart_comes_uncalibrated_where_its_own_range_says_nothing(path):
    put(path, ranges(0)[0], "?")
    facts, heart, _ = read(path)
    assert facts.leads[0].unit is Unit.RAW
    assert np.corrcoef(heart, HEART)[0, 1] > 0.999


def test_samples_a_record_that_are_not_said_follow_from_the_size_of_the_file(path):
    put(path, samples(0), "lots")
    facts, heart, _ = read(path)
    np.testing.assert_allclose(heart, HEART, atol=0.2)
    assert "they are 100" in facts.notes[0]
    put(path, samples(1), "")
    with pytest.raises(RecordUnreadable, match="how many samples"):
        EdfRecord(path)


def test_the_number_of_signals_follows_from_the_length_of_the_header(path):
    put(path, SIGNALS, "two")
    np.testing.assert_allclose(read(path)[1], HEART, atol=0.2)


def test_the_length_of_a_record_follows_from_its_times(tmp_path):
    notes = [(0.5, 1, "a")]
    path = write_edf(tmp_path / "p.edf", [("ECG", 100, "uV", HEART)], annotations=notes)
    put(path, RECORD_S, "-")
    facts, heart, _ = read(path)
    assert facts.fs_hz == 100
    np.testing.assert_allclose(heart, HEART, atol=0.2)
    assert "by the times in them it is 1 s" in facts.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_labels_units_and_annotations_are_right_in_utf8_and_in_latin1(tmp_path, encoding):
    text = "Herz \u00b5\u00fc"
    path = write_edf(tmp_path / "x.edf", [("ECG", 100, "uV", HEART)], annotations=[(1.5, None, "A" * 20)])
    content = path.read_bytes().replace(b"A" * 20, text.encode(encoding).ljust(20, b"."))
    path.write_bytes(content)
    put(path, label(0), f"ECG {text}".encode(encoding)[:16])
    put(path, unit(0), "\u00b5V".encode(encoding))
    facts = EdfRecord(path).recording_facts()
    assert (facts.leads[0].name, facts.leads[0].unit) == (f"ECG {text}", Unit.MICROVOLT)
    assert EdfRecord(path).remarks()[0].text.rstrip(".") == text


def jumping(path, onsets):
    """Rewrite what the records say of when they begin."""
    layout, content = read_layout(path), bytearray(path.read_bytes())
    (column,) = [one for one in layout.columns if one.is_annotations]
    for record, onset in enumerate(onsets):
        at = len(layout.header.content) + record * layout.record_bytes + column.first_byte
        stamp = f"+{onset}\x14\x14" if onset != "?" else "??"
        content[at : at + 2 * column.samples] = stamp.encode().ljust(2 * column.samples, b"\0")
    path.write_bytes(content)


def test_times_that_jump_in_a_continuous_file_are_a_gap(tmp_path):
    path = write_edf(tmp_path / "c.edf", [("ECG", 100, "uV", HEART)], annotations=[(0.5, None, "a longer text")])
    jumping(path, ["0", "1", "9.3", "10.3"])
    facts, heart, gaps = read(path)
    assert [(gap.start, gap.length, gap.reason) for gap in gaps] == [(200, 730, "discontinuous")]
    assert facts.length == 1130
    assert "by 7.3 s in all: gaps=1" in facts.notes[0]
    np.testing.assert_allclose(heart, HEART, atol=0.2)


@pytest.mark.parametrize("onsets", [["0", "1", "0.5", "3"], ["0", "2", "4", "6"]])
def test_times_that_contradict_the_length_of_a_record_are_not_believed(tmp_path, onsets):
    path = write_edf(tmp_path / "c.edf", [("ECG", 100, "uV", HEART)], annotations=[(0.5, None, "a longer text")])
    jumping(path, onsets)
    facts, heart, gaps = read(path)
    assert gaps == []
    assert "contradict" in facts.notes[0]
    np.testing.assert_allclose(heart, HEART, atol=0.2)


def test_a_record_of_a_discontinuous_file_without_its_time_follows_the_one_before(tmp_path):
    path = write_edf(tmp_path / "d.edf", [("ECG", 100, "uV", HEART)], annotations=[(0.5, None, "a longer text")])
    jumping(path, ["0", "?", "5", "6"])
    content = path.read_bytes()
    path.write_bytes(content[:192] + b"EDF+D" + content[197:])
    facts, heart, gaps = read(path)
    assert [(gap.start, gap.length) for gap in gaps] == [(200, 300)]
    assert "1 of 4 records do not say when they begin" in facts.notes[0]
    assert heart.size == 400


@given(st.binary(max_size=16))
def test_any_bytes_are_a_text_without_nul(field):
    assert "\0" not in text_of(field)
    assert text_of(field) == text_of(field).strip()


@given(
    st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), st.sampled_from([".", ","]), st.sampled_from(["", " uV"])
)
def test_a_number_is_read_with_either_point_and_what_stands_behind_it_left_out(value, point, behind):
    assert number_of(f"{value:.3f}".replace(".", point) + behind) == pytest.approx(value)


def test_a_label_is_one_line(path):
    put(path, label(0), b"ECG\r\nII")
    assert EdfRecord(path).recording_facts().leads[0].name == "ECG II"


@given(st.integers(-(10**6), 10**6), st.sampled_from([" ", "\xa0"]))
def test_thousands_may_be_parted_by_blanks(value, blank):
    assert number_of(f"{value:,}".replace(",", blank)) == value


@pytest.mark.parametrize(("text", "number"), [("1 0", 1), ("12 0000", 12), ("5 uV 100", 5)])
def test_other_digits_behind_a_blank_are_left_out(text, number):
    assert number_of(text) == number


@pytest.mark.parametrize(("text", "number"), [("1.0", 1), ("256,", 256), ("+5", 5), ("1.5", None), ("x", None)])
def test_a_whole_number_may_have_a_point_behind_it(text, number):
    assert whole_number(text) == number


parts = st.sampled_from(
    [slice(0, 8), slice(8, 88), slice(88, 168), slice(168, 176), slice(176, 184), slice(184, 192), RECORDS, SIGNALS,
     label(1), unit(0), unit(1), *ranges(0), *ranges(1), samples(0), samples(1)]
)  # fmt: skip
values = st.one_of(st.binary(min_size=1, max_size=8).filter(lambda value: number_of(text_of(value)) is None))


@settings(max_examples=150, deadline=None)
@given(part=parts, value=values)
def test_whatever_one_field_says_the_heart_comes(tmp_path_factory, part, value):
    path = tmp_path_factory.getbasetemp() / "damaged.edf"
    write_edf(path, [("ECG", 100, "uV", HEART), ("SpO2", 10, "%", sine(4, 10))])
    put(path, part, value[: part.stop - part.start])
    facts, heart, gaps = read(path)
    assert (facts.fs_hz, facts.length, gaps) == (100, 400, [])
    assert np.corrcoef(heart, HEART)[0, 1] > 0.999
