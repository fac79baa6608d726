"""Recordings with all their leads and what was annotated, as the evaluation reads them."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.scoring.score import Annotations
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Unit
from export.recordings import NoRecordings

BLOCK_S = 10
_KINDS = {"PLETH": LeadKind.PLETH, "RESP": LeadKind.RESPIRATION}
_OF_UNIT = {"mv": LeadKind.ECG, "mmhg": LeadKind.PRESSURE}
"""In these sets whatever has millivolts and is no breathing is an ECG."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Signals:
    """One recording.

    Parameters
    ----------
    samples : float32, shape (lead, sample), in the unit of each lead; NaN where there is no sample.
    reference : what was annotated, None where nothing was; `aux` are its texts, one each.
    """

    name: str
    fs_hz: float
    leads: tuple[Lead, ...]
    samples: NDArray[np.float32]
    reference: Annotations | None = None
    aux: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.samples.shape[1] / self.fs_hz)

    def blocks(self) -> Iterator[SampleBlock]:
        """Cut it into blocks as a source yields them."""
        step = int(BLOCK_S * self.fs_hz)
        for start in range(0, self.samples.shape[1], step):
            samples = self.samples[:, start : start + step].copy()
            yield SampleBlock(recording=self.name, start=start, fs_hz=self.fs_hz, leads=self.leads, samples=samples)


def read_signals(folder: Path, name: str, *, leads: str = "all") -> Signals:
    """Read a record and its annotations, where it has some.

    Parameters
    ----------
    leads : ``all``, ``ecg`` for the ECG leads alone, ``first`` for the first of them, or the name of a lead.

    Raises
    ------
    NoRecordings : a file is missing or cannot be read, there is no ECG in it, or no lead of that name.
    """
    path = str(folder / name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas' deprecations, which wfdb meets on import and on reading
            import wfdb

            record = wfdb.rdrecord(path)
            annotation = wfdb.rdann(path, "atr") if (folder / f"{name}.atr").is_file() else None
        samples = np.ascontiguousarray(record.p_signal.T, np.float32)
    except (OSError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise NoRecordings("a record cannot be read", record=path, reason=str(error)) from error
    named = _leads(record)
    ecg = [row for row, lead in enumerate(named) if lead.kind is LeadKind.ECG]
    if not ecg:
        raise NoRecordings("a record has no ECG", record=path, leads=[lead.name for lead in named])
    of_name = [row for row, lead in enumerate(named) if lead.name == leads]
    rows = {"first": ecg[:1], "ecg": ecg, "all": list(range(len(named)))}.get(leads, of_name)
    if not rows:
        raise NoRecordings("a record has no such lead", record=path, wanted=leads, leads=[lead.name for lead in named])
    return Signals(
        name=name,
        fs_hz=float(record.fs),
        leads=tuple(named[row] for row in rows),
        samples=samples[rows],
        reference=None if annotation is None else _reference(annotation),
        aux=() if annotation is None else tuple(text.strip("\0 ") for text in annotation.aux_note),
    )


def _reference(annotation: Any) -> Annotations:
    return Annotations(annotation.sample.astype(np.int64), list(annotation.symbol), annotation.subtype)


def _leads(record: Any) -> list[Lead]:
    leads: list[Lead] = []
    for name, unit in zip(record.sig_name, record.units, strict=True):
        before = sum(lead.name.partition("#")[0] == name for lead in leads)
        kind = _KINDS.get(name, _OF_UNIT.get(unit.lower(), LeadKind.OTHER))
        measured = Unit.MILLIVOLT if kind is LeadKind.ECG else Unit.RAW
        leads.append(Lead(name=f"{name}#{before + 1}" if before else name, unit=measured, kind=kind))
    return leads
