import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.sources.port import RecordUnreadable, replay_id
from edge_agent.sources.wfdb_header import read_header
from edge_agent.sources.wfdb_record import WfdbRecord, header_path
from tests.sources.rates import by_lead, checked


def write(folder, *, fmt="16", length=5000, names=("MLII", "V5"), units=("mV", "mV"), name="r1", fs=360):
    rng = np.random.default_rng(7)
    counts = rng.integers(-100, 100, (length, len(names)))
    wfdb.wrsamp(
        name,
        fs=fs,
        units=list(units),
        sig_name=list(names),
        d_signal=counts,
        fmt=["16" if fmt in _REWRITTEN else fmt] * len(names),
        adc_gain=[200.0, 100.0, 50.0][: len(names)],
        baseline=[0, 5, -3][: len(names)],
        write_dir=str(folder),
    )
    path = Path(folder) / name
    if fmt in _REWRITTEN:
        raw = np.fromfile(path.with_suffix(".dat"), "<i2")
        _REWRITTEN[fmt](raw).tofile(path.with_suffix(".dat"))
        header = path.with_suffix(".hea")
        header.write_text(header.read_text().replace(".dat 16 ", f".dat {fmt} "))
    return path


# The package reads these formats and does not write them.
_REWRITTEN = {"61": lambda raw: raw.astype(">i2"), "160": lambda raw: (raw.astype("<i4") + 32768).astype("<u2")}


def samples_of(source):
    source.open("rec")
    items = list(source.read())
    blocks = [item for item in items if isinstance(item, SampleBlock)]
    expected = 0
    for item in items:
        assert item.start == expected
        expected = item.end
    return np.concatenate([block.samples for block in blocks], axis=1), [i for i in items if isinstance(i, Gap)]


@pytest.mark.parametrize("fmt", ["16", "61", "160", "80", "212", "24", "32"])
@pytest.mark.parametrize("signals", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 4999, 40_001])
def test_every_plain_format_equals_what_the_wfdb_package_reads(tmp_path, fmt, signals, length):
    path = write(tmp_path, fmt=fmt, length=length, names=("a", "b", "c")[:signals], units=("mV", "uV", "mV")[:signals])
    samples, gaps = samples_of(WfdbRecord(path))
    expected = wfdb.rdrecord(str(path)).p_signal.T
    assert gaps == []
    np.testing.assert_allclose(samples, expected, rtol=1e-6, atol=1e-7)


def test_what_numpy_alone_cannot_read_is_read_through_the_wfdb_package(tmp_path):
    path = write(tmp_path, fmt="80", length=3000)
    header = path.with_suffix(".hea").read_text().replace("r1.dat 80 ", "r1.dat 80x2:3 ", 1)
    path.with_suffix(".hea").write_text(header.replace("r1 2 360 3000", "r1 2 180 2000"))
    source = WfdbRecord(path)
    source.open("rec")
    found = by_lead(checked(source, source.read()))
    theirs = wfdb.rdrecord(str(path), smooth_frames=False).e_p_signal
    assert [lead.fs_hz for lead in source.recording_facts().leads] == [None, 180]
    np.testing.assert_allclose(found["MLII"], theirs[0], rtol=1e-6)
    np.testing.assert_allclose(found["V5"], theirs[1], rtol=1e-6)


def test_a_record_of_several_segments_is_read(tmp_path):
    write(tmp_path, name="s1", length=700)
    write(tmp_path, name="s2", length=900)
    (tmp_path / "m.hea").write_text("m/2 2 360 1600\ns1 700\ns2 900\n")
    source = WfdbRecord(tmp_path / "m")
    samples, gaps = samples_of(source)
    assert samples.shape == (2, 1600)
    assert not gaps
    assert [lead.name for lead in source.recording_facts().leads] == ["MLII", "V5"]


@pytest.mark.parametrize(("fmt", "bits"), [("508", 8), ("516", 16), ("524", 24)])
def test_a_flac_record_is_read_through_the_wfdb_package(tmp_path, fmt, bits):
    import soundfile

    length, names = 20_000, ("MLII", "V5")
    counts = np.random.default_rng(3).integers(-100, 100, (length, 2))
    soundfile.write(
        tmp_path / "f.flac", (counts << (32 - bits)).astype(np.int32), 360, subtype=f"PCM_{'S8' if bits == 8 else bits}"
    )
    lines = [f"f.flac {fmt} 200(5)/mV {bits} 0 {counts[0, n]} 0 0 {names[n]}" for n in range(2)]
    (tmp_path / "f.hea").write_text("\n".join([f"f 2 360 {length}", *lines]) + "\n")
    source = WfdbRecord(tmp_path / "f")
    samples, gaps = samples_of(source)
    np.testing.assert_allclose(samples, (counts.T - 5) / 200, rtol=1e-6)
    assert gaps == []
    source.open("rec")
    late = next(iter(source.read_from(17_000)))
    np.testing.assert_array_equal(late.samples, samples[:, late.start :])


def test_the_header_agrees_with_the_wfdb_package(tmp_path):
    path = write(tmp_path, fmt="212")
    ours, theirs = read_header(path.with_suffix(".hea")), wfdb.rdheader(str(path))
    assert (ours.fs_hz, ours.length, len(ours.signals)) == (theirs.fs, theirs.sig_len, theirs.n_sig)
    assert [line.gain for line in ours.signals] == theirs.adc_gain
    assert [line.baseline for line in ours.signals] == theirs.baseline
    assert [line.name for line in ours.signals] == theirs.sig_name


def test_units_are_named_and_unknown_ones_stay_raw(tmp_path):
    path = write(tmp_path, names=("a", "b", "c"), units=("mV", "uV", "mmHg"))
    assert [lead.unit for lead in WfdbRecord(path).recording_facts().leads] == [
        Unit.MILLIVOLT,
        Unit.MICROVOLT,
        Unit.RAW,
    ]


def test_volts_become_millivolts(tmp_path):
    path = write(tmp_path, names=("a",), units=("V",))
    source = WfdbRecord(path)
    samples, _ = samples_of(source)
    assert source.recording_facts().leads[0].unit is Unit.MILLIVOLT
    np.testing.assert_allclose(samples, wfdb.rdrecord(str(path)).p_signal.T * 1000, rtol=1e-6)


def test_a_record_without_a_gain_is_raw(tmp_path):
    (tmp_path / "g.hea").write_text("g 1 250 4\ng.dat 16\n")
    (tmp_path / "g.dat").write_bytes(np.arange(4, dtype="<i2").tobytes())
    assert WfdbRecord(tmp_path / "g").recording_facts().leads[0].unit is Unit.RAW


def test_an_invalid_sample_becomes_nan(tmp_path):
    path = write(tmp_path, fmt="16", length=10, names=("a",), units=("mV",))
    raw = np.fromfile(path.with_suffix(".dat"), "<i2")
    raw[3] = -32768
    raw.tofile(path.with_suffix(".dat"))
    samples, _ = samples_of(WfdbRecord(path))
    assert np.isnan(samples[0]).tolist() == [index == 3 for index in range(10)]


def test_the_name_may_carry_a_suffix(tmp_path):
    path = write(tmp_path)
    assert header_path(path) == header_path(path.with_suffix(".hea")) == header_path(path.with_suffix(".dat"))


def test_a_missing_record_is_refused(tmp_path):
    with pytest.raises(RecordUnreadable, match="no such record"):
        WfdbRecord(tmp_path / "nothing")


def test_a_missing_signal_file_is_refused_by_name(tmp_path):
    path = write(tmp_path)
    path.with_suffix(".dat").unlink()
    with pytest.raises(RecordUnreadable, match=r"r1\.dat"):
        WfdbRecord(path)


def test_an_empty_signal_file_is_refused(tmp_path):
    path = write(tmp_path)
    path.with_suffix(".dat").write_bytes(b"")
    with pytest.raises(RecordUnreadable, match="empty"):
        WfdbRecord(path)


@pytest.mark.parametrize("fmt", ["16", "212"])
def test_a_truncated_signal_file_plays_what_is_there_and_ends_in_a_gap(tmp_path, fmt):
    path = write(tmp_path, fmt=fmt, length=5000)
    whole = wfdb.rdrecord(str(path)).p_signal.T
    file = path.with_suffix(".dat")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 + 1])
    samples, gaps = samples_of(WfdbRecord(path))
    assert 2490 <= samples.shape[1] <= 2501
    np.testing.assert_allclose(samples, whole[:, : samples.shape[1]], rtol=1e-6)
    assert gaps == [Gap(recording="rec", start=samples.shape[1], length=5000 - samples.shape[1], reason="truncated")]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "empty"),
        ("# only a remark\n", "no record line"),
        ("garbage\n", "not a record line"),
        ("r1 x 360 5000\n", "not a record line"),
        ("r1 2 0 5000\nr1.dat 16\nr1.dat 16\n", "not positive"),
        ("r1 2 360 5000\nr1.dat 16 200\n", "before its last signal"),
        ("r1 1 360 5000\nr1.dat sixteen 200\n", "not a signal line"),
        ("r1 0 360 5000\n", "no signals"),
        ("r1 1 360 5000\n../r1.dat 16 200\n", "outside its folder"),
        ("r1 1 360 5000\n/etc/passwd 16 200\n", "outside its folder"),
        ("r1 1 360 5000\nr1.dat 999 200\n", "cannot read"),
        ("r1 1 36.0.1 5000\nr1.dat 16 200\n", "not a number"),
    ],
)
def test_a_corrupt_header_is_refused_with_its_name(tmp_path, header, why):
    path = write(tmp_path)
    path.with_suffix(".hea").write_text(header)
    with pytest.raises(RecordUnreadable, match=why) as caught:
        WfdbRecord(path)
    assert "r1" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_binary_header_is_refused(tmp_path):
    path = write(tmp_path)
    path.with_suffix(".hea").write_bytes(os.urandom(300) + b"\0")
    with pytest.raises(RecordUnreadable):
        WfdbRecord(path)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=120))
def test_no_header_text_raises_anything_else(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.hea"
    path.write_text(text, encoding="utf-8", errors="replace")
    with contextlib.suppress(RecordUnreadable):
        assert read_header(path).signals is not None


def test_a_signal_file_without_a_header_is_refused_with_advice(tmp_path):
    (tmp_path / "raw.dat").write_bytes(b"\0" * 100)
    with pytest.raises(RecordUnreadable, match="without a header") as caught:
        WfdbRecord(tmp_path / "raw.dat")
    assert "raw.hea" in caught.value.advice


FRAMES = [(4, 2), (2, 4), (1, 3), (4, 1)]


@pytest.mark.parametrize("fmt", ["16", "61", "160", "80", "212", "24", "32"])
@pytest.mark.parametrize("per_frame", FRAMES)
def test_a_frame_of_several_samples_keeps_them_all(tmp_path, fmt, per_frame):
    path = write_frames(tmp_path, fmt=fmt, per_frame=per_frame)
    source = WfdbRecord(path)
    facts = source.recording_facts()
    heart, other = per_frame
    assert (facts.fs_hz, facts.length) == (62.4725 * heart, 5001 * heart)
    assert [(lead.kind.value, lead.fs_hz) for lead in facts.leads] == [("pleth", 62.4725 * other), ("ecg", None)]
    source.open("rec")
    found = by_lead(checked(source, source.read()))
    theirs = wfdb.rdrecord(str(path), smooth_frames=False).e_p_signal
    np.testing.assert_allclose(found["PLETH"], theirs[0], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found["II"], theirs[1], rtol=1e-6, atol=1e-7)


def test_a_record_of_frames_can_be_entered_anywhere(tmp_path):
    source = WfdbRecord(write_frames(tmp_path, fmt="212", per_frame=(4, 1), length=20_000))
    source.open("rec")
    whole = by_lead(source.read())
    items = checked(source, source.read_from(50_001))
    assert items[0].start <= 50_001 < items[0].end
    for name, part in by_lead(items).items():
        np.testing.assert_array_equal(part, whole[name][-part.size :])


def test_what_a_torn_record_of_frames_lacks_is_a_gap_at_its_own_rate(tmp_path):
    path = write_frames(tmp_path, fmt="16", per_frame=(4, 1))
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace(" 5001", " 6001"))
    source = WfdbRecord(path)
    source.open("rec")
    gap = checked(source, source.read())[-1]
    assert isinstance(gap, Gap)
    assert (gap.start, gap.length, source.recording_facts().length) == (20_004, 4000, 24_004)


def write_frames(folder, *, fmt, per_frame, length=5001):
    """PLETH and II in one file, so many samples of each (II, PLETH) in a frame."""
    heart, other = per_frame
    wfdb.wrsamp(
        "f", fs=62.4725, units=["NU", "mV"], sig_name=["PLETH", "II"], fmt=["16" if fmt in _REWRITTEN else fmt] * 2,
        e_d_signal=[_counts(length * other, 1), _counts(length * heart, 2)], samps_per_frame=[other, heart],
        adc_gain=[80.0, 100.0], baseline=[0, 3], write_dir=str(folder),
    )  # fmt: skip
    path = Path(folder) / "f"
    if fmt in _REWRITTEN:
        raw = np.fromfile(path.with_suffix(".dat"), "<i2")
        _REWRITTEN[fmt](raw).tofile(path.with_suffix(".dat"))
        header = path.with_suffix(".hea")
        header.write_text(header.read_text().replace(".dat 16x", f".dat {fmt}x").replace(".dat 16 ", f".dat {fmt} "))
    return path


def _counts(length, seed):
    return np.random.default_rng(seed).integers(-100, 100, length)


def test_repeated_lead_names_become_distinct(tmp_path):
    path = write(tmp_path, names=("ECG", "V1"))
    path.with_suffix(".hea").write_text(path.with_suffix(".hea").read_text().replace("V1", "ECG"))
    facts = WfdbRecord(path).recording_facts()
    assert [lead.name for lead in facts.leads] == ["ECG", "ECG#2"]


def test_the_id_of_a_replay_follows_its_content_and_not_its_place(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert replay_id(WfdbRecord(first).recording_facts()) == replay_id(WfdbRecord(second).recording_facts())
    changed = bytearray(second.with_suffix(".dat").read_bytes())
    changed[17] ^= 1
    second.with_suffix(".dat").write_bytes(changed)
    assert replay_id(WfdbRecord(first).recording_facts()) != replay_id(WfdbRecord(second).recording_facts())


@pytest.mark.data
def test_a_physionet_record_equals_what_the_wfdb_package_reads():
    folder = os.environ.get("EDGE_DATA_DIR")
    if not folder or not (Path(folder) / "mitdb" / "100.hea").is_file():
        pytest.skip("EDGE_DATA_DIR has no mitdb/100")
    path = Path(folder) / "mitdb" / "100"
    samples, gaps = samples_of(WfdbRecord(path))
    assert not gaps
    np.testing.assert_allclose(samples, wfdb.rdrecord(str(path)).p_signal.T, rtol=1e-6, atol=1e-7)
