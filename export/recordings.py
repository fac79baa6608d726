"""The arrhythmia recordings as the trainer and the evaluation read them."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.scoring.ec57 import class_of
from biosignal.scoring.score import Annotations

# Inter-patient division of de Chazal et al. 2004 (doi:10.1109/TBME.2004.827359); paced 102 104 107 217 are out.
DS1 = (
    "101",
    "106",
    "108",
    "109",
    "112",
    "114",
    "115",
    "116",
    "118",
    "119",
    "122",
    "124",
    "201",
    "203",
    "205",
    "207",
    "208",
    "209",
    "215",
    "220",
    "223",
    "230",
)
DS2 = (
    "100",
    "103",
    "105",
    "111",
    "113",
    "117",
    "121",
    "123",
    "200",
    "202",
    "210",
    "212",
    "213",
    "214",
    "219",
    "221",
    "222",
    "228",
    "231",
    "232",
    "233",
    "234",
)
PACED = ("102", "104", "107", "217")
LEAD = "MLII"
LARGE_S_RECORD = "232"
"""It holds two thirds of the S beats of DS2, so figures of S are given without it as well."""


class NoRecordings(BadInput):
    """The recordings are not where they were looked for."""

    remedy = (
        "give the folder that holds `mitdb` by --data or EDGE_DATA_DIR, or download it (about 75 MB, ODC-By 1.0): "
        "python -c \"import wfdb; wfdb.dl_database('mitdb', 'DIR/mitdb')\""
    )


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One lead of a recording, mV, with the reference annotations."""

    name: str
    fs_hz: float
    samples: NDArray[np.float32]
    reference: Annotations


def folder_of(data: Path | None) -> Path:
    """Find the folder of the MIT-BIH Arrhythmia Database.

    Raises
    ------
    NoRecordings : neither `data` nor EDGE_DATA_DIR leads to it.
    """
    root = data or Path(os.environ.get("EDGE_DATA_DIR", "."))
    for folder in (root / "mitdb", root):
        if (folder / "100.hea").exists():
            return folder
    raise NoRecordings("the MIT-BIH Arrhythmia Database was not found", folder=str(root))


def read_recording(folder: Path, name: str, *, lead: str | None = LEAD) -> Recording:
    """Read one lead of a record: MLII by its name, for record 114 has it second; the first signal where `lead` is None.

    Raises
    ------
    NoRecordings : a file is missing or cannot be read, or the record has no such lead.
    """
    path = str(folder / name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas' deprecations, which wfdb meets on import and on reading
            import wfdb

            record = wfdb.rdrecord(path, **({"channels": [0]} if lead is None else {"channel_names": [lead]}))
            annotation = wfdb.rdann(path, "atr")
        samples = record.p_signal[:, 0].astype(np.float32)
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise NoRecordings("a record cannot be read", record=path, reason=str(error)) from error
    reference = Annotations(annotation.sample.astype(np.int64), list(annotation.symbol), annotation.subtype)
    return Recording(name, float(record.fs), samples, reference)


def beats_of(reference: Annotations) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give positions and classes (the standard's, by index) of the beats; escape beats count as normal ones."""
    found = [
        (int(sample), kind)
        for sample, symbol in zip(reference.samples, reference.symbols, strict=True)
        if (kind := class_of(symbol, escape_is_s=False)) is not None
    ]
    both = np.array(found, np.int64).reshape(-1, 2)
    keep = np.concatenate([[True], np.diff(both[:, 0]) > 0]) if len(both) else np.zeros(0, bool)
    return both[keep, 0], both[keep, 1]
