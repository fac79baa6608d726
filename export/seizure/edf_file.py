"""EDF files with EEG, as far as the layout of the CHB-MIT database needs them.

Source: Kemp et al. 1992, "A simple format for exchange of digitized polygraphic recordings"
(doi:10.1016/0013-4694(92)90009-7). Departures: EDF+ annotations are not read, a torn record at the end is
left out, and discontinuous files are refused.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.electrodes import derivation_of
from biosignal.signal.blocks import Lead, LeadKind, Unit
from export.report.sets import NoSet

HEAD, PER_SIGNAL = 256, 256
FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
LABEL, _, UNIT, PHYSICAL_LOW, PHYSICAL_HIGH, DIGITAL_LOW, DIGITAL_HIGH, _, PER_RECORD, _ = range(10)
UV_PER = {"uv": 1.0, "\u00b5v": 1.0, "\u03bcv": 1.0, "mv": 1000.0, "v": 1e6, "": 1.0}
Samples = NDArray[np.float32]


def read_eeg(path: Path) -> tuple[tuple[Lead, ...], Samples, float]:
    """Read the signals that are named as EEG derivations, those of the most frequent rate.

    Returns
    -------
    The leads in uV, their samples, float32, shape (lead, sample), and the sampling frequency in Hz.

    Raises
    ------
    NoSet : the file cannot be read, is discontinuous, or has no EEG in it.
    """
    try:
        data = path.read_bytes()
        count = int(data[252:256])
        record_s = float(data[244:252])
        columns = _columns(data, count)
        sizes = [int(value) for value in columns[PER_RECORD]]
        begin = HEAD + count * PER_SIGNAL
        records = (len(data) - begin) // (2 * sum(sizes))
        whole = np.frombuffer(data, "<i2", count=records * sum(sizes), offset=begin)
        table = whole.reshape(records, sum(sizes))
        is_eeg = [derivation_of(label) is not None for label in columns[LABEL]]
    except (OSError, ValueError, IndexError, ZeroDivisionError) as error:
        raise NoSet("no EDF file that can be read", file=str(path), reason=str(error)) from error
    if data[192:197] == b"EDF+D":
        raise NoSet("a discontinuous file cannot be scored", file=str(path))
    eeg = [number for number in range(count) if is_eeg[number] and sizes[number] > 0]
    if not eeg or record_s <= 0 or not records:
        raise NoSet("there is no EEG in the file", file=str(path), signals=", ".join(columns[LABEL][:8]))
    usual = max({sizes[number] for number in eeg}, key=[sizes[number] for number in eeg].count)
    eeg = [number for number in eeg if sizes[number] == usual]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    try:
        rows = [_in_uv(table[:, starts[number] : starts[number + 1]].reshape(-1), columns, number) for number in eeg]
    except (ValueError, KeyError, ZeroDivisionError) as error:
        raise NoSet("the scale of a signal cannot be read", file=str(path), reason=str(error)) from error
    return leads_of([columns[LABEL][number] for number in eeg]), np.stack(rows), usual / record_s


def leads_of(labels: Sequence[str]) -> tuple[Lead, ...]:
    """Name EEG leads in uV; the second of one name has its number behind it, as the readers of the daemon give it."""
    leads: list[Lead] = []
    for label in labels:
        before = sum(lead.name.partition("#")[0] == label for lead in leads)
        leads.append(Lead(name=f"{label}#{before + 1}" if before else label, unit=Unit.MICROVOLT, kind=LeadKind.EEG))
    return tuple(leads)


def _columns(data: bytes, count: int) -> list[list[str]]:
    columns, at = [], HEAD
    for width in FIELDS:
        columns.append([_text(data[at + width * n : at + width * (n + 1)]) for n in range(count)])
        at += width * count
    return columns


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")


def _in_uv(counts: NDArray[np.int16], columns: Sequence[Sequence[str]], number: int) -> Samples:
    low, high = (float(columns[field][number]) for field in (PHYSICAL_LOW, PHYSICAL_HIGH))
    first, last = (float(columns[field][number]) for field in (DIGITAL_LOW, DIGITAL_HIGH))
    scale = (high - low) / (last - first) * UV_PER[columns[UNIT][number].lower()]
    return ((counts - first) * scale + low * UV_PER[columns[UNIT][number].lower()]).astype(np.float32)
