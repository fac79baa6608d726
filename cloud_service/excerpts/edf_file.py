"""A stretch as an EDF+ file, written by edfio: every lead at its own rate."""

from pathlib import Path

import numpy as np

from biosignal.errors import BadInput
from cloud_service.excerpts.stretch import LeadRow, Stretch, counts_of

LARGEST = 32767
LABEL_MOST = 16
NOTHING = "No samples: "


def write_edf(folder: Path, stretch: Stretch) -> None:
    """Write NAME.edf into `folder`. What is not there holds the value before it, and an annotation says so.

    Raises
    ------
    BadInput : a rate or a unit that EDF cannot say.
    """
    from edfio import Edf, EdfAnnotation, EdfSignal, Patient, Recording

    whole_s = int(stretch.end_s - stretch.start_s)
    if whole_s < 1:
        raise BadInput("EDF has whole seconds only", remedy="ask for a second at least")
    signals, notes = [], []
    for row in stretch.leads:
        if round(row.fs_hz) != row.fs_hz:
            raise BadInput(
                "EDF of whole seconds cannot say this rate", lead=row.name, fs_hz=row.fs_hz, remedy="WFDB can"
            )
        values, physical = _filled(row, whole_s)
        unit = row.unit if row.unit != "raw" else ""
        signals.append(
            EdfSignal(
                values,
                row.fs_hz,
                label=row.name[:LABEL_MOST],
                physical_dimension=unit,
                physical_range=physical,
                digital_range=(-LARGEST - 1, LARGEST),
            )
        )
        notes += [(at, end - at, f"{NOTHING}{row.name}") for at, end in row.holes if at < whole_s]
    notes += [(one.at_s, one.for_s, f"{one.kind} {one.label}") for one in stretch.said if 0 <= one.at_s < whole_s]
    notes += [
        (one.at_s, one.for_s, f"{reader.name}: {one.kind} {one.label}")
        for reader in stretch.readers
        for one in reader.said
        if one.is_readers and 0 <= one.at_s < whole_s
    ]
    started = stretch.started
    made = Edf(
        signals,
        patient=Patient(code=_word(stretch.subject or "X")),
        recording=Recording(
            startdate=None if started is None else started.date(), equipment_code=_word(f"Bedside {stretch.device}")
        ),
        starttime=None if started is None else started.time().replace(tzinfo=None),
        annotations=[EdfAnnotation(at, length or None, text) for at, length, text in sorted(notes)],
        data_record_duration=1,
    )
    made.write(folder / f"{stretch.name}.edf")


def _filled(
    row: LeadRow, whole_s: int
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], tuple[float, float]]:
    """Values of whole counts without holes, and what the lowest and the highest count mean."""
    counts, step, zero = counts_of(row, LARGEST)
    length = round(whole_s * row.fs_hz)
    counts = np.concatenate([counts, np.full(max(0, length - counts.size), -LARGEST - 1)])[:length]
    is_known = counts > -LARGEST - 1
    before = np.maximum.accumulate(np.where(is_known, np.arange(counts.size), -1))
    filled = np.where(before >= 0, counts[before], zero)
    low, high = ((edge - zero) * step for edge in (-LARGEST - 1, LARGEST))
    return (filled - zero) * step, (float(f"{low:.7g}"), float(f"{high:.7g}"))


def _word(text: str) -> str:
    return "_".join("".join(char if " " < char < "\x7f" else "_" for char in text).split()) or "X"
