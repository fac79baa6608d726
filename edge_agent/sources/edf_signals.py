"""The signals of an EDF or BDF file, put together by rate: leads and scales, and samples through the edfio package."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import Lead, Samples
from edge_agent.sources.edf_layout import HEADER_BYTES_AT, RECORDS_AT, Layout
from edge_agent.sources.lead_kinds import kinds_of
from edge_agent.sources.port import RecordUnreadable, unique_names
from edge_agent.sources.rates import own_rate
from edge_agent.sources.wfdb_header import known_unit

LARGEST = 1e30  # of any unit; what is beyond is no scale


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RateGroup:
    """The signals of one rate.

    Parameters
    ----------
    per_record : samples of each in a data record.
    rows : which of the file's ordinary signals they are; `gain` and `offset`, shape (signal, 1), make their counts the
        unit of the lead.
    """

    fs_hz: float
    per_record: int
    leads: tuple[Lead, ...]
    rows: tuple[int, ...]
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]

    def samples(self, signals: Sequence[Any]) -> Samples:
        """Samples out of the file's ordinary signals, shape (lead, sample)."""
        counts = np.stack([signals[row].digital for row in self.rows]).astype(np.float64)
        return np.ascontiguousarray((counts * self.gain + self.offset).astype(np.float32))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EdfSignals:
    """What a file holds: all leads in its order, and groups by rate, that of the recording's own rate first.

    `empty` are names of signals without samples.
    """

    leads: tuple[Lead, ...]
    groups: tuple[RateGroup, ...]
    empty: tuple[str, ...]


def describe_signals(layout: Layout) -> EdfSignals:
    """Find leads, rates and scales.

    Raises
    ------
    RecordUnreadable : the header names its signals in two ways, or a range is no number.
    """
    signals = read_signals(layout, b"")
    columns = [one for one in layout.columns if not one.is_annotations]
    if len(signals) != len(columns):
        raise RecordUnreadable("the header names its signals in two ways", file=str(layout.path))
    names = unique_names([one.label for one in columns])
    kinds = kinds_of([(one.label, signal.physical_dimension) for one, signal in zip(columns, signals, strict=True)])
    full = [row for row, one in enumerate(columns) if one.samples]
    rates_hz = [one.samples / layout.record_s for one in columns]
    own_hz = own_rate([kinds[row] for row in full], [rates_hz[row] for row in full])
    leads: dict[int, Lead] = {}
    scales: dict[int, tuple[float, float]] = {}
    for row in full:
        gain, offset, calibrated = _scale(signals[row], str(layout.path))
        unit, factor = known_unit(signals[row].physical_dimension, calibrated=calibrated)
        scales[row] = (gain * factor, offset * factor)
        fs_hz = None if rates_hz[row] == own_hz else rates_hz[row]
        leads[row] = Lead(name=names[row], unit=unit, kind=kinds[row], fs_hz=fs_hz)
    by_rate: dict[float, list[int]] = {own_hz: []}
    for row in full:
        by_rate.setdefault(rates_hz[row], []).append(row)
    groups = [
        RateGroup(
            fs_hz=fs_hz,
            per_record=columns[rows[0]].samples,
            leads=tuple(leads[row] for row in rows),
            rows=tuple(rows),
            gain=np.asarray([[scales[row][0]] for row in rows]),
            offset=np.asarray([[scales[row][1]] for row in rows]),
        )
        for fs_hz, rows in by_rate.items()
    ]
    return EdfSignals(
        leads=tuple(leads.values()),
        groups=tuple(groups),
        empty=tuple(name for name, one in zip(names, columns, strict=True) if not one.samples),
    )


def read_signals(layout: Layout, data: bytes) -> list[Any]:
    """The ordinary signals as edfio reads them, with so many whole records of data.

    Raises
    ------
    RecordUnreadable : edfio cannot read them.
    """
    import edfio

    records = len(data) // layout.record_bytes
    whole = bytearray(layout.header)
    whole[HEADER_BYTES_AT] = str(len(whole)).ljust(8).encode()
    whole[RECORDS_AT] = str(records).ljust(8).encode()
    try:
        read = edfio.read_bdf if layout.is_bdf else edfio.read_edf
        return list(read(bytes(whole) + data, header_encoding="latin-1").signals)
    except (ValueError, KeyError, IndexError, ArithmeticError) as error:
        raise RecordUnreadable("the edfio package cannot read it", file=str(layout.path), why=str(error)) from error


def _scale(signal: Any, path: str) -> tuple[float, float, bool]:
    """(gain, value at count 0, whether these mean anything) of a signal."""
    try:
        physical, digital = signal.physical_range, signal.digital_range
        low, high = float(physical.min), float(physical.max)
        first, last = int(digital.min), int(digital.max)
    except ValueError as error:
        raise RecordUnreadable("a signal's range is no number", file=path, signal=signal.label) from error
    if first == last or low == high or not max(abs(low), abs(high)) < LARGEST:
        return 1.0, 0.0, False
    gain = (high - low) / (last - first)
    return gain, low - first * gain, True
