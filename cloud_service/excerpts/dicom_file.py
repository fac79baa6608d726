"""A stretch as DICOM waveforms of ECG, written by pydicom: a file for each rate.

Limits of the objects, and what each must hold: DICOM PS3.3, A.34.3 to A.34.5 and C.10.9. Codes of leads: PS3.16,
CID 3001 (ISO/IEEE 11073-10102).
"""

import uuid
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from biosignal.errors import BadInput
from cloud_service.excerpts.stretch import LeadRow, Said, Stretch, counts_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LARGEST = 32767
MISSING = -32768
MILLIVOLT = "mV"
LEADS = {
    "I": ("2:1", "Lead I"),
    "II": ("2:2", "Lead II"),
    "III": ("2:61", "Lead III"),
    "aVR": ("2:62", "aVR, augmented voltage, right"),
    "aVL": ("2:63", "aVL, augmented voltage, left"),
    "aVF": ("2:64", "aVF, augmented voltage, foot"),
    **{name: (f"2:{n}", f"Lead {name}") for n, name in enumerate(("V1", "V2", "V3", "V4", "V5", "V6"), 3)},
}
UNSPECIFIED = ("2:0", "Unspecified lead")
_PLAIN = {name.lower(): code for name, code in LEADS.items()}
_LABEL_MOST = 16
_SPACE = uuid.UUID("6d2f5a0e-9d0c-5e5b-8a55-3f1f6a2f7c41")
"""Where the names of our objects lie, so that the same stretch has the same one every time."""


class Kind(NamedTuple):
    """A class of objects, and what it can hold."""

    uid: str
    channels: int
    low_hz: float
    high_hz: float
    samples: int


TWELVE = Kind("1.2.840.10008.5.1.4.1.1.9.1.1", 13, 200, 1000, 16_384)
GENERAL = Kind("1.2.840.10008.5.1.4.1.1.9.1.2", 24, 200, 1000, 1 << 31)
AMBULATORY = Kind("1.2.840.10008.5.1.4.1.1.9.1.3", 12, 50, 1000, 1 << 31)


class NoDicom(BadInput):
    """The library that writes DICOM is not installed."""

    remedy = "`.venv/bin/pip install 'pydicom>=3.0'` where the clinic's service is installed, or take WFDB"


def has_dicom() -> bool:
    """Whether DICOM can be written here."""
    return find_spec("pydicom") is not None


def write_dicom(folder: Path, stretch: Stretch) -> None:
    """Write NAME.dcm into `folder`; leads of a second rate are in a file of their own, NAME_RATE.dcm.

    What is not there is the padding value. Leads in another unit than mV are left out: these are objects of ECG.

    Raises
    ------
    NoDicom : pydicom is not installed. BadInput : no ECG in mV, an unknown clock, or a rate that no object has.
    """
    if not has_dicom():
        raise NoDicom("DICOM cannot be written here")
    rows = [row for row in stretch.leads if row.unit == MILLIVOLT]
    if not rows:
        raise BadInput("DICOM's objects of ECG hold leads in mV", remedy="take WFDB, EDF+ or tables")
    if stretch.started is None:
        raise BadInput("DICOM must say when a wave was taken, and nobody knows", remedy="WFDB can do without")
    for number, fs_hz in enumerate(sorted({row.fs_hz for row in rows}, reverse=True)):
        name = stretch.name if not number else f"{stretch.name}_{fs_hz:g}".replace(".", "_")
        made = _object(stretch, stretch.started, [row for row in rows if row.fs_hz == fs_hz])
        made.save_as(folder / f"{name}.dcm", enforce_file_format=True)


def kind_of(rows: list[LeadRow]) -> Kind:
    """Choose the class of objects: that of twelve leads where they are and fit, else the first that holds them.

    Raises
    ------
    BadInput : none does.
    """
    fs_hz, samples = rows[0].fs_hz, min(row.samples.size for row in rows)
    is_twelve = {row.name.lower() for row in rows} == set(_PLAIN)
    kinds = (TWELVE, GENERAL, AMBULATORY) if is_twelve else (GENERAL, AMBULATORY)
    for kind in kinds:
        if len(rows) <= kind.channels and kind.low_hz <= fs_hz <= kind.high_hz and samples <= kind.samples:
            return kind
    raise BadInput("no object of DICOM holds so many leads at this rate", leads=len(rows), fs_hz=fs_hz)


def _object(stretch: Stretch, started: datetime, rows: list[LeadRow]) -> "Dataset":
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID = kind_of(rows).uid
    made.SOPInstanceUID = _uid(
        stretch.device, stretch.recording, f"{stretch.start_s:g}", f"{stretch.end_s:g}", *(row.name for row in rows)
    )
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _describe(made, stretch, started)
    made.WaveformSequence = [_group(rows)]
    notes = [_note(one, rows) for one in stretch.said]
    if notes:
        made.WaveformAnnotationSequence = notes
    return made


def _describe(made: "Dataset", stretch: Stretch, started: datetime) -> None:
    made.PatientName, made.PatientID = "", stretch.subject or ""
    made.PatientBirthDate, made.PatientSex = "", ""
    made.StudyInstanceUID = _uid(stretch.device, stretch.recording)
    made.SeriesInstanceUID = _uid(stretch.device, stretch.recording, "series")
    made.StudyID, made.AccessionNumber, made.ReferringPhysicianName = "", "", ""
    made.SeriesNumber, made.InstanceNumber = "1", "1"
    made.Modality, made.Laterality = "ECG", ""
    made.SeriesDescription = "Research software, not a medical device."
    made.Manufacturer, made.StationName = "Bedside", stretch.device[:16]
    made.StudyDate = made.ContentDate = f"{started:%Y%m%d}"
    made.StudyTime = made.ContentTime = f"{started:%H%M%S.%f}"
    made.AcquisitionDateTime = f"{started:%Y%m%d%H%M%S.%f}{_zone(started)}"
    made.AcquisitionContextSequence = []


def _zone(moment: datetime) -> str:
    offset = moment.utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


def _group(rows: list[LeadRow]) -> "Dataset":
    from pydicom.dataset import Dataset

    counts = [counts_of(row, LARGEST) for row in rows]
    length = min(one.size for one, _, _ in counts)
    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = len(rows), length
    group.SamplingFrequency = f"{rows[0].fs_hz:g}"
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformPaddingValue = np.int16(MISSING).tobytes()
    group.ChannelDefinitionSequence = [
        _channel(row, step, zero) for row, (_, step, zero) in zip(rows, counts, strict=True)
    ]
    group.WaveformData = np.stack([one[:length] for one, _, _ in counts], axis=1).astype("<i2").tobytes()
    return group


def _channel(row: LeadRow, step: float, zero: int) -> "Dataset":
    from pydicom.dataset import Dataset
    from pydicom.valuerep import format_number_as_ds

    channel = Dataset()
    channel.ChannelLabel = row.name[:_LABEL_MOST]
    channel.ChannelSourceSequence = [_code("MDC", *_PLAIN.get(row.name.lower(), UNSPECIFIED))]
    channel.ChannelSensitivity = format_number_as_ds(float(f"{step:.9g}"))
    channel.ChannelSensitivityUnitsSequence = [_code("UCUM", MILLIVOLT, "millivolt")]
    channel.ChannelSensitivityCorrectionFactor = "1"
    channel.ChannelBaseline = format_number_as_ds(float(f"{-zero * step:.9g}"))
    channel.ChannelSampleSkew = "0"
    channel.WaveformBitsStored = 16
    return channel


def _note(one: Said, rows: list[LeadRow]) -> "Dataset":
    """What was said of a place, in words; samples of DICOM count from one."""
    from pydicom.dataset import Dataset

    places = [one.at_s, one.at_s + one.for_s] if one.for_s else [one.at_s]
    last = min(row.samples.size for row in rows)
    note = Dataset()
    note.UnformattedTextValue = f"{one.kind} {one.label}"
    note.ReferencedWaveformChannels = [1, 0]
    note.TemporalRangeType = "SEGMENT" if one.for_s else "POINT"
    note.ReferencedSamplePositions = [min(last, max(1, round(at * rows[0].fs_hz) + 1)) for at in places]
    return note


def _code(scheme: str, value: str, meaning: str) -> "Dataset":
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _uid(*parts: str) -> str:
    """A name for an object out of what it is; such names need no authority (PS3.5, B.2)."""
    return f"2.25.{uuid.uuid5(_SPACE, '/'.join(parts)).int}"
