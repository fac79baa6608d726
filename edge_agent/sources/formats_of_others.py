"""Formats of recordings that are not read: what a file of them is, and what makes one of it that is.

Known by the suffix alone, since the file is not opened.
"""

from pathlib import PurePath

_MNE = "in Python, `mne.export.export_raw` of MNE writes EDF"
_CSV = "export it as CSV or text from the program that wrote it, or as EDF where it can"
_ARRAYS = "in Python, `numpy.savez(FILE, II=samples, fs_hz=250)` writes the arrays as an .npz, which is read"
_VITALDB = (
    "in Python, `vitaldb.VitalFile(FILE).to_csv('out.csv', ['SNUADC/ECG_II'], 1 / 500, return_timestamp=True)` "
    "of the package vitaldb writes CSV"
)
_UNPACK = "unpack it, and name the recording inside"
_TABLE = "save it as CSV, one sample a line"

FORMATS: dict[str, tuple[str, str]] = {
    **dict.fromkeys((".acq",), ("a recording of Biopac AcqKnowledge", f"{_CSV}; `bioread` reads it in Python")),
    **dict.fromkeys((".adicht", ".adibin"), ("a recording of LabChart", _CSV)),
    **dict.fromkeys((".smr", ".smrx"), ("a recording of Spike2", "export it from Spike2 as a spreadsheet text file")),
    ".vital": ("a recording of VitalRecorder", _VITALDB),
    **dict.fromkeys((".vhdr", ".vmrk", ".eeg"), ("a recording of BrainVision or Nihon Kohden", _MNE)),
    **dict.fromkeys((".set", ".fdt"), ("a recording of EEGLAB", _MNE)),
    **dict.fromkeys((".cnt", ".avg"), ("a recording of Neuroscan or ANT", _MNE)),
    **dict.fromkeys((".fif", ".gdf", ".nwb", ".mff", ".xdf", ".ebm"), ("a format that MNE or its plugins read", _MNE)),
    **dict.fromkeys((".mat",), ("MATLAB's, without a WFDB header beside it", _ARRAYS)),
    **dict.fromkeys((".h5", ".hdf5", ".npy", ".pickle", ".pkl", ".parquet", ".feather"), ("a file of arrays", _ARRAYS)),
    **dict.fromkeys((".tdms", ".abf", ".c3d"), ("a recording of a laboratory's program", _CSV)),
    ".wav": ("sound, without a WFDB header beside it", "`wav2mit` of WFDB writes that header"),
    **dict.fromkeys((".flac", ".mp3"), ("sound, without a WFDB header beside it", _ARRAYS)),
    ".dcm": ("DICOM", f"`pydicom` reads its waveforms; {_ARRAYS}"),
    **dict.fromkeys((".xml", ".hl7", ".scp"), ("an ECG as HL7, XML or SCP", _CSV)),
    **dict.fromkeys((".ecg", ".ishne"), ("an ECG of a Holter recorder", _CSV)),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), ("a spreadsheet", _TABLE)),
    **dict.fromkeys((".zip", ".gz", ".7z", ".tar", ".bz2", ".xz", ".rar", ".tgz"), ("packed", _UNPACK)),
    **dict.fromkeys((".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff"), ("a picture", f"no samples are in it: {_CSV}")),
}


def format_of_others(path: PurePath) -> tuple[str, str] | None:
    """What a file is and what to do with it; None where its suffix says nothing."""
    return FORMATS.get(path.suffix.lower())
