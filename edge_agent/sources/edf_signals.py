"""The signals of an EDF or BDF file, put together by rate: leads and scales, and samples out of its data records."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import Lead, Samples
from edge_agent.sources.edf_header import EDF_WIDTH, SignalField
from edge_agent.sources.edf_layout import Layout
from edge_agent.sources.lead_kinds import kinds_of
from edge_agent.sources.port import unique_names
from edge_agent.sources.rates import own_rate
from edge_agent.sources.wfdb_header import known_unit

Counts: TypeAlias = NDArray[np.signedinteger[Any]]

LARGEST = 1e30  # of any unit; what is beyond is no scale


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RateGroup:
    """The signals of one rate.

    Parameters
    ----------
    per_record : samples of each in a data record.
    rows : which of the file's signals they are; `gain` and `offset`, shape (signal, 1), make their counts the
        unit of the lead.
    """

    fs_hz: float
    per_record: int
    leads: tuple[Lead, ...]
    rows: tuple[int, ...]
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]

    def samples(self, counts: Sequence[Counts]) -> Samples:
        """Samples out of the counts of all signals of the file, shape (lead, sample)."""
        mine = np.stack([counts[row] for row in self.rows]).astype(np.float64)
        return np.ascontiguousarray((mine * self.gain + self.offset).astype(np.float32))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EdfSignals:
    """What a file holds: all leads in its order, and groups by rate, that of the recording's own rate first.

    `empty` are names of signals without samples, `unscaled` of those whose counts nobody can scale.
    """

    leads: tuple[Lead, ...]
    groups: tuple[RateGroup, ...]
    empty: tuple[str, ...]
    unscaled: tuple[str, ...]


def describe_signals(layout: Layout) -> EdfSignals:
    """Find leads, rates and scales of the signals that have samples."""
    fields = [one.field for one in layout.columns]
    ordinary = [row for row, one in enumerate(layout.columns) if not one.is_annotations]
    names = dict(zip(ordinary, unique_names([fields[row].label for row in ordinary]), strict=True))
    kinds = dict(zip(ordinary, kinds_of([(fields[row].label, fields[row].unit) for row in ordinary]), strict=True))
    full = [row for row in ordinary if layout.columns[row].samples]
    rates_hz = {row: layout.columns[row].samples / layout.record_s for row in full}
    own_hz = own_rate([kinds[row] for row in full], [rates_hz[row] for row in full])
    leads: dict[int, Lead] = {}
    scales: dict[int, tuple[float, float]] = {}
    unscaled: list[str] = []
    for row in full:
        scale = _scale(fields[row])
        unit, factor = known_unit(fields[row].unit, calibrated=scale is not None)
        if scale is None:
            unscaled.append(names[row])
        gain, offset = scale or (1.0, 0.0)
        scales[row] = (gain * factor, offset * factor)
        fs_hz = None if rates_hz[row] == own_hz else rates_hz[row]
        leads[row] = Lead(name=names[row], unit=unit, kind=kinds[row], fs_hz=fs_hz)
    by_rate: dict[float, list[int]] = {own_hz: []}
    for row in full:
        by_rate.setdefault(rates_hz[row], []).append(row)
    groups = [
        RateGroup(
            fs_hz=fs_hz,
            per_record=layout.columns[rows[0]].samples,
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
        empty=tuple(names[row] for row in ordinary if row not in rates_hz),
        unscaled=tuple(unscaled),
    )


def read_counts(layout: Layout, data: bytes) -> list[Counts]:
    """Counts of every signal of the file, annotations too, out of whole data records."""
    records = np.frombuffer(data, np.uint8).reshape(-1, layout.record_bytes)
    width = layout.header.width
    found = []
    for column in layout.columns:
        own = np.ascontiguousarray(records[:, column.first_byte : column.first_byte + column.samples * width])
        found.append(own.reshape(-1).view("<i2") if width == EDF_WIDTH else _wide(own.reshape(-1, width)))
    return found


def _wide(samples: NDArray[np.uint8]) -> Counts:
    """Samples of three bytes, the lowest first, in two's complement."""
    wide = samples.astype(np.int32)
    counts: Counts = (wide[:, 0] | (wide[:, 1] << 8) | (wide[:, 2] << 16)) << 8 >> 8
    return counts


def _scale(field: SignalField) -> tuple[float, float] | None:
    """(gain, value at count 0) of a signal; None where these mean nothing."""
    (low, high), (first, last) = field.physical, field.digital
    if low is None or high is None or first is None or last is None:
        return None
    if first == last or low == high or not max(abs(low), abs(high)) < LARGEST:
        return None
    gain = (high - low) / (last - first)
    return gain, low - first * gain
