"""A stretch as DICOM is read back by pydicom's own reader of waveforms: the same values, leads, times and words."""

import io
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pydicom
import pytest
from cloud_ward import message, pack, recording
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydicom.sr.codedict import codes
from pydicom.uid import AmbulatoryECGWaveformStorage, GeneralECGWaveformStorage, TwelveLeadECGWaveformStorage
from test_wave_archive import kept

from biosignal.errors import BadInput
from cloud_service.cli import main
from cloud_service.excerpts import dicom_file
from cloud_service.excerpts.dicom_file import LEADS, MISSING, NoDicom, write_dicom
from cloud_service.excerpts.stretch import LeadRow, Said, Stretch
from cloud_service.ingest.commit import commit

STARTED = datetime(2026, 5, 1, 10, 0, 10, 250_000, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
CODES = {
    **{name: getattr(codes.cid3001, f"Lead{name}") for name in ("I", "II", "III", *(f"V{n}" for n in range(1, 7)))},
    "aVR": codes.cid3001.AvrAugmentedVoltageRight,
    "aVL": codes.cid3001.AvlAugmentedVoltageLeft,
    "aVF": codes.cid3001.AvfAugmentedVoltageFoot,
}


def row(name="II", *, fs_hz=250.0, samples=None, seconds=4, unit="mV", step=0.001):
    values = np.arange(round(seconds * fs_hz)) % 50 * step if samples is None else samples
    return LeadRow(name=name, unit=unit, fs_hz=fs_hz, step=step, samples=np.asarray(values, np.float32))


def stretch(*rows, started=STARTED, said=(), **other):
    facts = {"device": "bed-1", "recording": "r-12345678", "subject": "subject-7", "start_s": 10.0, "end_s": 14.0}
    return Stretch(**{**facts, **other}, started=started, leads=rows, said=said)


def read(folder, one):
    write_dicom(folder, one)
    return [pydicom.dcmread(file) for file in sorted(folder.glob("*.dcm"))]


@given(
    samples=arrays.arrays(np.float32, st.integers(1, 300), elements=st.floats(-40, 40, width=32)),
    holes=st.sets(st.integers(0, 299)),
    offset=st.floats(-500, 500),
)
@settings(max_examples=40, deadline=None)
def test_values_come_back_to_half_a_count_and_what_is_not_there_is_padding(tmp_path_factory, samples, holes, offset):
    given_ = samples + np.float32(offset)
    given_[[hole for hole in holes if hole < samples.size]] = np.nan
    (found,) = read(tmp_path_factory.mktemp("dicom"), stretch(row(samples=given_)))
    raw = np.frombuffer(found.WaveformSequence[0].WaveformData, "<i2")
    is_there = np.isfinite(given_)
    np.testing.assert_array_equal(raw == MISSING, ~is_there)
    assert found.WaveformSequence[0].WaveformPaddingValue == np.int16(MISSING).tobytes()
    step = float(found.WaveformSequence[0].ChannelDefinitionSequence[0].ChannelSensitivity)
    values = found.waveform_array(0)[:, 0]
    np.testing.assert_allclose(values[is_there], given_[is_there], atol=0.51 * step + 1e-4)


def test_twelve_leads_have_their_object_and_the_codes_of_the_standard(tmp_path):
    rows = [row(name, fs_hz=500.0, samples=np.arange(5000) % 7 * 0.001 + n) for n, name in enumerate(LEADS)]
    (found,) = read(tmp_path, stretch(*rows))
    assert found.SOPClassUID == found.file_meta.MediaStorageSOPClassUID == TwelveLeadECGWaveformStorage
    channels = found.WaveformSequence[0].ChannelDefinitionSequence
    for channel in channels:
        (source,), code = channel.ChannelSourceSequence, CODES[channel.ChannelLabel]
        expected = (code.value, code.scheme_designator, code.meaning)
        assert (source.CodeValue, source.CodingSchemeDesignator, source.CodeMeaning) == expected
        assert channel.ChannelSensitivityUnitsSequence[0].CodeValue == "mV"
    assert found.waveform_array(0).shape == (5000, 12)
    np.testing.assert_allclose(found.waveform_array(0)[:, 11], rows[11].samples, atol=0.001)


def test_who_when_and_what_was_said_are_in_it(tmp_path):
    said = (
        Said(at_s=1.0, for_s=0.0, task="ecg-beats", kind="beat", label="V"),
        Said(at_s=2.0, for_s=1.5, task="ecg-rhythm", kind="rhythm", label="af"),
        Said(at_s=3.9, for_s=9.0, task="ecg-rhythm", kind="rhythm", label="sinus"),
    )
    (found,) = read(tmp_path, stretch(row("MLII"), said=said))
    assert (found.PatientID, str(found.PatientName), found.Modality) == ("subject-7", "", "ECG")
    assert found.AcquisitionDateTime == "20260501100010.250000-0330"
    assert (found.StudyDate, found.StudyTime) == ("20260501", "100010.250000")
    assert "not a medical device" in found.SeriesDescription
    assert found.WaveformSequence[0].ChannelDefinitionSequence[0].ChannelSourceSequence[0].CodeValue == "2:0"
    notes = [
        (one.UnformattedTextValue, one.TemporalRangeType, one.ReferencedSamplePositions)
        for one in found.WaveformAnnotationSequence
    ]
    assert notes == [
        ("beat V", "POINT", 251),
        ("rhythm af", "SEGMENT", [501, 876]),
        ("rhythm sinus", "SEGMENT", [976, 1000]),
    ]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([row("MLII", fs_hz=360.0)], GeneralECGWaveformStorage),
        ([row(name, seconds=80) for name in LEADS], GeneralECGWaveformStorage),
        ([row("ECG", fs_hz=128.0)], AmbulatoryECGWaveformStorage),
    ],
)
def test_each_stretch_has_the_object_that_holds_it(tmp_path, rows, kind):
    (found,) = read(tmp_path, stretch(*rows))
    assert found.SOPClassUID == kind


def test_each_rate_has_a_file_and_other_leads_than_of_millivolts_are_left_out(tmp_path):
    rows = (row("II", fs_hz=360.0), row("V", fs_hz=250.0), row("C3", unit="uV"))
    found = read(tmp_path, stretch(*rows))
    assert [one.WaveformSequence[0].SamplingFrequency for one in found] == [360, 250]
    assert [one.WaveformSequence[0].ChannelDefinitionSequence[0].ChannelLabel for one in found] == ["II", "V"]
    assert len({one.SOPInstanceUID for one in found}) == 2
    assert len({one.SeriesInstanceUID for one in found}) == 1


def test_the_same_stretch_has_the_same_name_and_another_one_another(tmp_path):
    names = []
    for number, one in enumerate((stretch(row()), stretch(row()), stretch(row(), start_s=11.0))):
        folder = tmp_path / str(number)
        folder.mkdir()
        (found,) = read(folder, one)
        assert found.SOPInstanceUID.is_valid
        names.append(found.SOPInstanceUID)
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (stretch(row("C3", unit="uV")), "leads in mV"),
        (stretch(row(), started=None), "nobody knows"),
        (stretch(row(fs_hz=20.0)), "no object of DICOM"),
        (stretch(*(row(f"L{n}", fs_hz=100.0) for n in range(13))), "no object of DICOM"),
    ],
)
def test_what_dicom_cannot_say_is_refused_with_a_sentence(tmp_path, one, words):
    with pytest.raises(BadInput, match=words):
        write_dicom(tmp_path, one)


@pytest.fixture
def known(ward):
    """A bed with a minute of a lead, some of its beats, and the time of its first sample."""
    opened = replace(recording(), started_utc="2026-05-01T10:00:00.000Z")
    commit(ward.database, [message(opened), message(pack(starts=(2000, 4000, 7000)))])
    per = 3600
    counts = np.arange(21_600) % 1000
    ward.clinic.archive.store(
        "bed-1", [kept(at, counts[at : at + per], lead="MLII", fs_hz=360.0) for at in range(0, 21_600, per)]
    )
    return ward


def test_it_is_taken_out_from_the_page_and_by_the_command_line(known, fresh, tmp_path):
    with known.as_role("reviewer") as client:
        assert 'value="dicom"' in client.get("/devices/bed-1/recordings/r").text
        place = "/api/v1/devices/bed-1/recordings/r/excerpt"
        answer = client.get(place, params={"form": "dicom", "start_s": 5, "end_s": 15}).raise_for_status()
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    (file,) = tmp_path.glob("*.dcm")
    found = pydicom.dcmread(file)
    assert found.AcquisitionDateTime == "20260501100005.000000+0000"
    np.testing.assert_allclose(found.waveform_array(0)[:, 0], np.arange(1800, 5400) % 1000 / 1000, atol=1e-9)
    out = tmp_path / "out.zip"
    where = ["--from-s", "5", "--to-s", "15", "--output", str(out), "--state-dir", str(fresh)]
    assert main(["export", "bed-1", "r", "--form", "dicom", *where]) == 0
    with zipfile.ZipFile(out) as packed:
        assert packed.read(file.name) == file.read_bytes()


def test_without_the_library_it_is_not_offered_and_what_asks_for_it_is_told_what_to_install(
    known, tmp_path, monkeypatch
):
    monkeypatch.setattr(dicom_file, "find_spec", lambda _name: None)
    with known.as_role("reviewer") as client:
        assert 'value="dicom"' not in client.get("/devices/bed-1/recordings/r").text
        place = "/api/v1/devices/bed-1/recordings/r/excerpt"
        answer = client.get(place, params={"form": "dicom", "start_s": 5, "end_s": 15})
    assert (answer.status_code, answer.json()["try"]) == (400, NoDicom.remedy)
