"""Small EDF and BDF files, written by edfio, and changed where edfio writes no such thing."""

import edfio
import numpy as np


def sine(seconds, fs_hz, *, amplitude=1.0, hz=1.3):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * fs_hz)) / fs_hz)


def write_edf(path, signals, *, annotations=None, bdf=False):
    """`signals`: (label, fs_hz, unit, data) each; one-second records."""
    edf_class, signal_class = (edfio.Bdf, edfio.BdfSignal) if bdf else (edfio.Edf, edfio.EdfSignal)
    made = [
        signal_class(data, fs_hz, label=label, physical_dimension=unit, physical_range=(-4000, 4000))
        for label, fs_hz, unit, data in signals
    ]
    edf = edf_class(
        made,
        data_record_duration=1,
        annotations=None if annotations is None else [edfio.EdfAnnotation(*one) for one in annotations],
    )
    edf.write(path)
    return path


def make_discontinuous(path, onsets_s):
    """Rewrite the times of the records, whole seconds below ten, and say EDF+D."""
    content = path.read_bytes()
    content = content[:192] + content[192:195] + b"+D" + content[197:]
    places = []
    for record, onset_s in enumerate(onsets_s):
        old, new = (f"+{second}\x14\x14\0".encode() for second in (record, onset_s))
        places.append((content.index(old, 512), new))
    for at, new in places:
        content = content[:at] + new + content[at + len(new) :]
    path.write_bytes(content)
    return path
