import contextlib
import itertools
import os
from pathlib import Path

import edfio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BedsideError
from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.sources.edf_record import EdfRecord
from edge_agent.sources.port import RecordUnreadable, Remark
from tests.sources.edf_files import make_discontinuous, sine, write_edf
from tests.sources.rates import by_lead, checked

DATA_DIR = os.environ.get("EDGE_DATA_DIR")


def read(source, first=None):
    """Samples at the recording's own rate, and the gaps."""
    source.open("rec")
    items = checked(source, source.read() if first is None else source.read_from(first))
    own = [item for item in items if isinstance(item, SampleBlock) and item.fs_hz == source.recording_facts().fs_hz]
    return np.concatenate([b.samples for b in own], axis=1), [i for i in items if isinstance(i, Gap)]


@pytest.mark.parametrize("bdf", [False, True])
@pytest.mark.parametrize(
    ("unit", "ours", "factor"),
    [("uV", Unit.MICROVOLT, 1), ("mV", Unit.MILLIVOLT, 1), ("V", Unit.MILLIVOLT, 1000), ("mmHg", Unit.RAW, 1)],
)
def test_the_samples_are_those_that_edfio_reads(tmp_path, bdf, unit, ours, factor):
    path = write_edf(tmp_path / "a.edf", [("ECG II", 250, unit, sine(7, 250, amplitude=3000))], bdf=bdf)
    source = EdfRecord(path)
    samples, gaps = read(source)
    theirs = (edfio.read_bdf if bdf else edfio.read_edf)(path).signals[0].data * factor
    np.testing.assert_allclose(samples[0], theirs, rtol=1e-6, atol=1e-3)
    facts = source.recording_facts()
    assert gaps == []
    assert (facts.fs_hz, facts.length, facts.leads[0].unit, facts.leads[0].name) == (250, 1750, ours, "ECG II")
    assert facts.notes == ()


def test_a_long_file_comes_in_blocks_and_can_be_entered_anywhere(tmp_path):
    data = sine(90, 500, amplitude=1000)
    path = write_edf(tmp_path / "a.edf", [("I", 500, "uV", data), ("II", 500, "uV", -data)])
    source = EdfRecord(path)
    source.open("rec")
    assert max(item.length for item in source.read()) <= 1 << 14
    whole, _ = read(source)
    part, _ = read(source, 30_123)
    np.testing.assert_array_equal(part, whole[:, 30_000:])


def test_every_signal_is_read_at_its_own_rate(tmp_path):
    signals = [
        ("Resp", 10, "", sine(5, 10)),
        ("EEG Fpz-Cz", 100, "uV", sine(5, 100, amplitude=90)),
        ("Temp", 1, "degC", sine(5, 1)),
        ("EEG Pz-Oz", 100, "uV", sine(5, 100, amplitude=40)),
        ("Pos", 1, "", sine(5, 1)),
    ]
    path = write_edf(tmp_path / "psg.edf", signals)
    source = EdfRecord(path)
    facts = source.recording_facts()
    assert [(lead.name, lead.kind.value, lead.fs_hz) for lead in facts.leads] == [
        ("Resp", "respiration", 10),
        ("EEG Fpz-Cz", "eeg", None),
        ("Temp", "temperature", 1),
        ("EEG Pz-Oz", "eeg", None),
        ("Pos", "other", 1),
    ]
    assert (facts.fs_hz, facts.length, facts.notes) == (100, 500, ())
    source.open("rec")
    found = by_lead(checked(source, source.read()))
    for theirs, (name, _, _, _) in zip(edfio.read_edf(path).signals, signals, strict=True):
        np.testing.assert_allclose(found[name], theirs.data, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize(
    ("signals", "own_hz"),
    [
        ([("EEG A", 100), ("EEG B", 100), ("ECG", 200)], 200),
        ([("Snore", 500), ("EEG EKG1-REF", 50), ("EEG A", 250)], 50),
        ([("Snore", 500), ("Resp", 10), ("EEG A", 100)], 100),
        ([("Snore", 500), ("Resp", 10), ("A", 50)], 500),
    ],
)
def test_the_heart_decides_the_rate_of_the_recording_and_then_the_brain_and_then_the_finest(tmp_path, signals, own_hz):
    made = [(name, fs_hz, "uV", sine(2, fs_hz)) for name, fs_hz in signals]
    assert EdfRecord(write_edf(tmp_path / "p.edf", made)).recording_facts().fs_hz == own_hz


LABELS = ("ECG", "EEG C3-A2", "Resp", "SpO2", "EMG chin", "Snore", "1", "Status", "-")
signals_of_any_rate = st.lists(
    st.tuples(
        st.sampled_from(LABELS), st.sampled_from((1, 2, 3, 7, 25, 64, 100, 128, 200)), st.sampled_from(("uV", ""))
    ),
    min_size=1,
    max_size=6,
)
steps_s = st.lists(st.integers(1, 3), min_size=3, max_size=3)


@settings(max_examples=60, deadline=None)
@given(signals_of_any_rate, steps_s, st.integers(0, 2**32 - 1), st.booleans())
def test_whatever_the_rates_labels_and_gaps_each_lead_comes_back(tmp_path_factory, signals, steps, seed, bdf):
    random = np.random.default_rng(seed)
    made = [(label, hz, unit, random.uniform(-900, 900, 4 * hz)) for label, hz, unit in signals]
    path = tmp_path_factory.mktemp("any") / "a.edf"
    write_edf(path, made, annotations=[(0.5, 1, "a longer text")], bdf=bdf)
    theirs = [signal.data for signal in (edfio.read_bdf if bdf else edfio.read_edf)(path).signals]
    onsets = [0, *np.cumsum(steps).tolist()]
    source = EdfRecord(make_discontinuous(path, onsets))
    facts = source.recording_facts()
    source.open("rec")
    items = checked(source, source.read())
    found = by_lead(items)
    for lead, (_, hz, _), data in zip(facts.leads, signals, theirs, strict=True):
        assert (lead.fs_hz or facts.fs_hz) == hz
        np.testing.assert_allclose(found[lead.name], data, rtol=1e-5, atol=1e-3)
    gaps = [(item.start / facts.fs_hz, item.length / facts.fs_hz) for item in items if isinstance(item, Gap)]
    behind = itertools.pairwise(onsets)
    assert gaps == [(before + 1, after - before - 1) for before, after in behind if after - before > 1]


@pytest.mark.parametrize("bdf", [False, True])
def test_time_between_records_is_a_gap(tmp_path, bdf):
    data = sine(4, 100, amplitude=100)
    path = write_edf(tmp_path / "d.edf", [("ECG", 100, "uV", data)], annotations=[(0.5, 1, "a longer text")], bdf=bdf)
    whole, _ = read(EdfRecord(path))
    source = EdfRecord(make_discontinuous(path, [0, 1, 7, 8]))
    samples, gaps = read(source)
    np.testing.assert_array_equal(samples, whole)
    assert [(gap.start, gap.length, gap.reason) for gap in gaps] == [(200, 500, "discontinuous")]
    assert source.recording_facts().length == 900
    late, none = read(source, 750)
    np.testing.assert_array_equal(late, whole[:, 200:])
    assert none == []


def test_records_out_of_order_are_refused(tmp_path):
    path = write_edf(tmp_path / "d.edf", [("ECG", 100, "uV", sine(4, 100))], annotations=[(0.5, 1, "a longer text")])
    with pytest.raises(RecordUnreadable, match="record=3"):
        EdfRecord(make_discontinuous(path, [0, 1, 7, 6]))


def test_annotations_stand_at_their_samples(tmp_path):
    notes = [(0.5, None, "start"), (2.25, 1.5, "Schlafspindel \u00b5"), (3.0, 0.0, "end")]
    path = write_edf(tmp_path / "n.edf", [("ECG", 200, "uV", sine(4, 200))], annotations=notes)
    assert EdfRecord(path).remarks() == [
        Remark(sample=100, for_s=None, text="start"),
        Remark(sample=450, for_s=1.5, text="Schlafspindel \u00b5"),
        Remark(sample=600, for_s=0.0, text="end"),
    ]


@pytest.mark.parametrize("bdf", [False, True])
def test_a_torn_last_record_is_left_out_and_named(tmp_path, bdf):
    path = write_edf(tmp_path / "t.edf", [("ECG", 100, "uV", sine(5, 100))], bdf=bdf)
    whole, _ = read(EdfRecord(path))
    path.write_bytes(path.read_bytes()[:-7])
    source = EdfRecord(path)
    samples, gaps = read(source)
    np.testing.assert_array_equal(samples, whole[:, :400])
    facts = source.recording_facts()
    assert facts.length == 400
    assert gaps == []
    assert "5 records of 1 s, the file has 4 whole and" in facts.notes[0]


def test_the_patient_is_not_in_the_hash_but_every_sample_is(tmp_path):
    path = write_edf(tmp_path / "h.edf", [("ECG", 100, "uV", sine(5, 100, amplitude=100))])
    before = EdfRecord(path).recording_facts().content_hash
    content = bytearray(path.read_bytes())
    content[8:20] = b"Somebody Els"
    path.write_bytes(content)
    assert EdfRecord(path).recording_facts().content_hash == before
    content[-1] ^= 1
    path.write_bytes(content)
    assert EdfRecord(path).recording_facts().content_hash != before


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no such file at all",
        lambda content: content[:300],
        lambda content: content[:600],
        lambda content: content[:184] + b"some    " + content[192:252] + b"many" + content[256:],
        lambda content: content[:244] + b"0       " + content[252:],
        lambda content: content[:236] + b"?       " + content[244 : 256 + 216] + b"-5      " + content[256 + 224 :],
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, damage):
    path = write_edf(tmp_path / "x.edf", [("ECG", 100, "uV", sine(2, 100))])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RecordUnreadable, match=r"x\.edf"):
        EdfRecord(path)


@pytest.mark.parametrize("unit", ["\u00b5V", "\u03bcV", "microV", "uV"])
def test_a_micro_sign_in_any_encoding_is_microvolt(tmp_path, unit):
    path = write_edf(tmp_path / "x.edf", [("ECG", 100, "uV", sine(2, 100))])
    content = path.read_bytes()
    for encoding in ("utf-8", "latin-1"):
        with contextlib.suppress(UnicodeEncodeError):
            path.write_bytes(content[: 256 + 96] + unit.encode(encoding).ljust(8) + content[256 + 104 :])
            assert EdfRecord(path).recording_facts().leads[0].unit is Unit.MICROVOLT


def test_a_signal_without_a_scale_is_raw(tmp_path):
    path = write_edf(tmp_path / "x.edf", [("ECG", 100, "uV", sine(2, 100))])
    content = path.read_bytes()
    path.write_bytes(content[: 256 + 104] + b"4000    " + content[256 + 112 :])
    source = EdfRecord(path)
    assert source.recording_facts().leads[0].unit is Unit.RAW
    samples, _ = read(source)
    assert np.isfinite(samples).all()


@pytest.mark.data
@pytest.mark.skipif(
    not DATA_DIR or not (Path(DATA_DIR) / "eegmmidb").is_dir(), reason="EDGE_DATA_DIR with eegmmidb/ is not there"
)
@pytest.mark.parametrize(
    ("run", "seconds", "texts", "is_torn"), [(1, 60, 1, True), (2, 60, 1, True), (3, 125, 30, False)]
)
def test_eegmmidb_is_read(run, seconds, texts, is_torn):
    path = Path(DATA_DIR) / "eegmmidb" / f"S001R0{run}.edf"
    source = EdfRecord(path)
    facts = source.recording_facts()
    assert (facts.fs_hz, len(facts.leads), facts.length) == (160, 64, seconds * 160)
    assert {lead.unit for lead in facts.leads} == {Unit.MICROVOLT}
    assert [f"{seconds} s are read" in note for note in facts.notes] == ([True] if is_torn else [])
    samples, gaps = read(source)
    assert samples.shape == (64, seconds * 160)
    assert gaps == []
    assert len(source.remarks()) == texts


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory):
    signals = [("ECG", 100, "uV", sine(4, 100)), ("Resp", 25, "", sine(4, 25))]
    return write_edf(tmp_path_factory.mktemp("edf") / "w.edf", signals, annotations=[(0.5, 1, "a"), (2, None, "b")])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 255)), min_size=1, max_size=8), st.integers(0, 900))
def test_no_damage_does_more_than_to_be_refused(whole_file, changes, cut):
    content = bytearray(whole_file.read_bytes())
    content[192:197] = b"EDF+D"
    for at, value in changes:
        content[at] = value
    damaged = whole_file.with_name("damaged.edf")
    damaged.write_bytes(content[: len(content) - cut])
    with contextlib.suppress(BedsideError):
        source = EdfRecord(damaged)
        samples, _ = read(source)
        assert not np.isinf(samples).any()
        source.remarks()
