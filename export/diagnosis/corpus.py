"""Records of ten seconds with what cardiologists stated of them, as they train and test the diagnosis.

The set is PTB-XL (Wagner 2020, doi:10.1038/s41597-020-0495-6) or a part of it: `ptbxl_database.csv` beside the folder
of its records at 100 Hz. Folds are by patient.
"""

import ast
import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.leads import INDEPENDENT
from biosignal.tasks.ecg_diagnosis.seen import RATE_HZ, window_of
from export.recordings import NoRecordings

Floats = NDArray[np.float32]
SET = "ptbxl"
TABLE = "ptbxl_database.csv"
TRAINING = tuple(range(1, 9))
"""Folds that train and tune; every other one is only scored."""
SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
BELONGS: Mapping[str, str] = {
    code: group
    for group, codes in {
        "NORM": "NORM",
        "MI": "IMI ASMI ILMI AMI ALMI INJAS LMI INJAL IPLMI IPMI INJIN INJLA PMI INJIL",
        "STTC": "NDT NST_ DIG LNGQT ISC_ ISCAL ISCIN ISCIL ISCAS ISCLA ANEUR EL ISCAN",
        "CD": "LAFB IRBBB 1AVB IVCD CRBBB CLBBB LPFB WPW ILBBB 3AVB 2AVB",
        "HYP": "LVH LAO/LAE RVH RAO/RAE SEHYP",
    }.items()
    for code in codes.split()
}
"""Superclass of each diagnostic statement, as `scp_statements.csv` of the set has it."""


NOISE_COLUMNS = ("baseline_drift", "static_noise", "burst_noise", "electrodes_problems")


class NoDiagnoses(NoRecordings):
    """The set is not where it was looked for, or is another."""

    remedy = f"give the folder that holds {TABLE} of PTB-XL and its records100 (CC BY 4.0, doi:10.13026/kfzx-aw45)"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Row:
    """What the table says of a record: file, fold, statements; `src` says how it came to 100 Hz, if that is known."""

    name: str
    file: Path
    fold: int
    src: str
    statements: frozenset[str]
    patient: str = ""
    age: float = float("nan")
    sex: str = ""
    device: str = ""
    site: str = ""
    is_paced: bool = False
    is_noisy: bool = False

    @property
    def superclasses(self) -> frozenset[str]:
        """The superclasses of its statements."""
        return frozenset(BELONGS[code] for code in self.statements if code in BELONGS)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Corpus:
    """Records as they train: leads, shape (record, 8, `WINDOW`), what is stated of them, shape (record, statement)."""

    rows: tuple[Row, ...]
    statements: tuple[str, ...]
    leads: Floats
    targets: Floats

    def of(self, chosen: NDArray[np.bool_]) -> "Corpus":
        """Keep records only."""
        rows = tuple(row for row, is_kept in zip(self.rows, chosen, strict=True) if is_kept)
        return Corpus(rows=rows, statements=self.statements, leads=self.leads[chosen], targets=self.targets[chosen])

    @property
    def folds(self) -> NDArray[np.int64]:
        """The fold of each record."""
        return np.array([row.fold for row in self.rows], np.int64)


def read_table(folder: Path) -> list[Row]:
    """Read what is stated of the records.

    Raises
    ------
    NoDiagnoses : the table is not there, or is another.
    """
    try:
        with (folder / TABLE).open(encoding="utf-8", newline="") as file:
            return [_row(folder, record) for record in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, SyntaxError, TypeError) as error:
        raise NoDiagnoses("the table of PTB-XL cannot be read", folder=str(folder), reason=str(error)) from error


def _row(folder: Path, record: Mapping[str, str]) -> Row:
    return Row(
        name=record["ecg_id"],
        file=folder / record["filename_lr"],
        fold=int(float(record["strat_fold"])),
        src=record.get("src") or "",
        statements=frozenset(ast.literal_eval(record["scp_codes"])),
        patient=record.get("patient_id") or "",
        age=float(record.get("age") or "nan"),
        sex=record.get("sex") or "",
        device=" ".join((record.get("device") or "").split()),
        site=(record.get("site") or "").removesuffix(".0"),
        is_paced=bool((record.get("pacemaker") or "").strip()) or "PACE" in record["scp_codes"],
        is_noisy=any((record.get(column) or "").strip() for column in NOISE_COLUMNS),
    )


def read_leads(row: Row) -> dict[str, Floats]:
    """Read the eight leads of a record that hold all of the twelve, in mV.

    Raises
    ------
    NoDiagnoses : the record is missing or cannot be read.
    """
    import wfdb

    try:
        record = wfdb.rdrecord(str(row.file), channel_names=list(INDEPENDENT))
        samples = np.asarray(record.p_signal, np.float32).T
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise NoDiagnoses("a record cannot be read", record=str(row.file), reason=str(error)) from error
    return dict(zip(record.sig_name, samples, strict=True))


def corpus_of(rows: Iterable[Row], statements: tuple[str, ...]) -> Corpus:
    """Read records; those without any statement of a superclass teach the other statements alone."""
    kept = tuple(rows)
    leads = np.stack([window_of(read_leads(row), RATE_HZ)[0] for row in kept])
    targets = np.array([targets_of(row, statements) for row in kept], np.float32)
    return Corpus(rows=kept, statements=statements, leads=leads, targets=targets)


def targets_of(row: Row, statements: Collection[str]) -> list[float]:
    """Say of each statement whether it was made."""
    made = row.statements | row.superclasses
    return [float(code in made) for code in statements]
