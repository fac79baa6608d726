"""The synthetic patient as files in the layout of the CHB-MIT database: EDF, and a summary for each subject."""

import edfio
import numpy as np

from biosignal.synthetic.brain import Wake
from biosignal.synthetic.ictal import UnevenSeizure
from biosignal.synthetic.noise import Hiss
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import BrainSegment, Scenario

CHANNELS = ("Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2")
"""As the files name them, with two that repeat and turn over others."""
FS_HZ = 128.0
ONSET_S, END_S = 31, 71


def with_seizure(*, focus="Cz", lasts_s=90.0):
    seizure = UnevenSeizure(after_s=1.0, seizure_s=END_S - ONSET_S, focus=focus, first_uv=90, last_uv=200)
    return ((0.0, Wake(eyes_closed=False)), (ONSET_S - 1.0, seizure)), lasts_s


def samples_of(parts, lasts_s, *, seed):
    scenario = Scenario(
        name="layout",
        about="",
        duration_s=lasts_s,
        fs_hz=FS_HZ,
        leads=(),
        channels=CHANNELS,
        brain=tuple(BrainSegment(start_s=start_s, state=state) for start_s, state in parts),
        noise=(Hiss(amplitude_mv=0.001),),
    )
    made = SyntheticRecording(scenario, seed=seed)
    return made.samples(0, made.length).astype(float)


def write_edf(path, uv):
    """23 signals of the database come down to ten: eight, one that repeats a name, and one that is no EEG."""
    labels = [*(name.upper() for name in CHANNELS), CHANNELS[2].upper(), "ECG"]
    rows = [*uv, uv[2], 1000.0 * np.ones(uv.shape[1]) * np.sin(np.arange(uv.shape[1]))]
    signals = [
        edfio.EdfSignal(row, FS_HZ, label=label, physical_dimension="uV", physical_range=(-3276.8, 3276.7))
        for label, row in zip(labels, rows, strict=True)
    ]
    edfio.Edf(signals).write(path)


def write_subject(folder, subject, *, seed, quiet=True):
    """One file with a seizure, and one without where `quiet`."""
    place = folder / subject
    place.mkdir(parents=True)
    write_edf(place / f"{subject}_01.edf", samples_of(*with_seizure(), seed=seed))
    lines = [
        "Data Sampling Rate: 256 Hz",
        "*************************",
        "",
        f"File Name: {subject}_01.edf",
        "File Start Time: 11:42:54",
        "File End Time: 12:42:54",
        "Number of Seizures in File: 1",
        f"Seizure 1 Start Time: {ONSET_S} seconds",
        f"Seizure 1 End Time: {END_S} seconds",
        "",
    ]
    if quiet:
        write_edf(place / f"{subject}_02.edf", samples_of(((0.0, Wake(eyes_closed=False)),), 60.0, seed=seed + 1))
        lines += [f"File Name: {subject}_02.edf", "Number of Seizures in File: 0", ""]
    (place / f"{subject}-summary.txt").write_text("\n".join(lines))
