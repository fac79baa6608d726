"""The public sets of recordings that can be scored: how each is recognised, and what is its truth."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from biosignal.errors import BadInput
from export.recordings import DS1, DS2, PACED
from export.report.beat_lists import is_beat_list

NORMAL = "N"
STATEMENTS = "ptbxl_database.csv"
KEPT_OUT_FOLDS = ("9", "10")


class NoSet(BadInput):
    """A folder holds no recordings that can be scored so."""

    remedy = "give the folder of one set by --data-dir, as DIR/mitdb, with its headers, signals and labels as published"


class Truth(Enum):
    """What the set knows of the patient."""

    BEATS = "beats by their kind, and rhythms"
    QRS = "beats without their kind, and fibrillation"
    RHYTHMS = "rhythms"
    LAST_ALARM = "the alarm at the end of each record, and the pulse"
    NORMAL = "a normal rhythm throughout"
    STATEMENTS = "what a cardiologist stated of each record of ten seconds"
    BEAT_LIST = "beats by their kind, and the rhythm at each, without signals"
    NONE = "nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSet:
    """A set of recordings.

    Parameters
    ----------
    records : how many the set has as published; what of them lies in a folder is counted there. 0: nobody knows.
    tuned_on : in words, which of its records chose constants of what is released, beside the training of bundles.
    labels : the file with a label for each record, where there is one.
    groups : records whose figures are also given by themselves.
    """

    name: str
    records: int = 0
    truth: Truth = Truth.NONE
    tuned_on: str = "none of it"
    labels: str | None = None
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)


SETS = (
    RecordSet(
        name="mitdb",
        records=48,
        truth=Truth.BEATS,
        tuned_on="constants of both QRS detectors on DS1; DS2 was looked at while two limits of its latency were set",
        groups={
            "DS1": DS1,
            "DS2": DS2,
            "DS2 without 232": tuple(name for name in DS2 if name != "232"),
            "paced": PACED,
        },
    ),
    RecordSet(
        name="nstdb",
        records=15,
        truth=Truth.BEATS,
        tuned_on="none of its noise; its clean patients 118 and 119 are in DS1",
        groups={f"{db} dB": (f"118e{db:02d}", f"119e{db:02d}") for db in (24, 18, 12, 6, 0)},
    ),
    RecordSet(
        name="svdb",
        records=78,
        truth=Truth.BEATS,
        tuned_on=(
            "limits of ventricular runs and of rates on 32 records, of fibrillation on 30; "
            "how QRS and V are fused on the six kept out"
        ),
    ),
    RecordSet(
        name="vfdb",
        records=22,
        truth=Truth.RHYTHMS,
        tuned_on="what holds an open tachycardia, on 14 records; the rule of fibrillation on the three kept out",
    ),
    RecordSet(name="cudb", records=35, truth=Truth.QRS, tuned_on="the rule of fibrillation on the four kept out"),
    RecordSet(
        name="cinc2015",
        records=750,
        truth=Truth.LAST_ALARM,
        labels="ALARMS",
        tuned_on="how fit a lead must be for asystole and pause, and when a pulse denies a run",
    ),
    RecordSet(
        name="cinc2017",
        records=8528,
        truth=Truth.NORMAL,
        labels="REFERENCE-v3.csv",
        tuned_on="limits of ventricular runs on every tenth normal strip",
    ),
    RecordSet(
        name="arrdb",
        records=482,
        truth=Truth.BEAT_LIST,
        tuned_on="probabilities at which fibrillation opens and closes",
    ),
    RecordSet(
        name="ptbxl",
        records=21799,
        truth=Truth.STATEMENTS,
        labels=STATEMENTS,
        tuned_on="none of folds 9 and 10, which are scored unless records are named",
    ),
    RecordSet(name="cinc2011", records=1000, labels="LABELS.csv"),
)
_OF_RECORD = {"100": "mitdb", "118e24": "nstdb", "802": "svdb", "418": "vfdb", "cu01": "cudb"}
"""Sets by a record that no other one has."""


def set_of(folder: Path) -> RecordSet:
    """Recognise a set by the name of its folder or by what is in it; one that nobody knows has the truth it carries.

    Raises
    ------
    NoSet : there is no such folder, or no record in it.
    """
    if any(map(is_beat_list, _lists(folder))):
        return next(one for one in SETS if one.truth is Truth.BEAT_LIST)
    if (folder / STATEMENTS).is_file():
        return next(one for one in SETS if one.truth is Truth.STATEMENTS)
    if not any(folder.glob("*.hea")):
        raise NoSet("there are no recordings", folder=str(folder))
    by_name = {one.name: one for one in SETS}
    if folder.name in by_name:
        return by_name[folder.name]
    for one in SETS:
        if one.labels is not None and (folder / one.labels).is_file():
            return one
    for record, name in _OF_RECORD.items():
        if (folder / f"{record}.hea").is_file():
            return by_name[name]
    return RecordSet(name=folder.name, truth=Truth.BEATS if any(folder.glob("*.atr")) else Truth.NONE)


def records_of(folder: Path, known: RecordSet, wanted: Sequence[str] = ()) -> list[str]:
    """Name the records to score, in order: those wanted, records or groups of the set; all of them where none is.

    Raises
    ------
    NoSet : one that is wanted is not there.
    """
    there = _there(folder) or sorted(path.stem for path in _lists(folder) if is_beat_list(path))
    if not wanted:
        return there
    named = [
        name for one in wanted for name in known.groups.get(one, (one,)) if one not in known.groups or name in there
    ]
    missing = [name for name in named if name not in there]
    if missing:
        raise NoSet("there are no such records", folder=str(folder), records=", ".join(missing))
    return list(dict.fromkeys(named))


def _lists(folder: Path) -> list[Path]:
    """Files that may be lists of beats, where there are no recordings."""
    is_set = any(folder.glob("*.hea")) or (folder / STATEMENTS).is_file()
    return [] if is_set else sorted(folder.glob("*.csv"))


def _there(folder: Path) -> list[str]:
    """The records of a folder; where some are made of segments, those and not their segments."""
    if (folder / STATEMENTS).is_file():
        return sorted(name for name in _statements(folder) if (folder / f"{name}.hea").is_file())
    names = sorted(path.stem for path in folder.glob("*.hea"))
    whole = [name for name in names if "/" in _first_word(folder / f"{name}.hea")]
    return whole or names


def _statements(folder: Path) -> dict[str, tuple[str, ...]]:
    path = folder / STATEMENTS
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["filename_lr"]: (row["scp_codes"], row["strat_fold"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, csv.Error) as error:
        raise NoSet("the file with the statements cannot be read", file=str(path), reason=str(error)) from error
    return dict(rows)


def _first_word(header: Path) -> str:
    for line in header.read_text(encoding="latin-1").splitlines():
        if line.strip() and not line.startswith("#"):
            return line.split()[0]
    return ""


def labels_of(folder: Path, known: RecordSet) -> dict[str, tuple[str, ...]]:
    """Read what the set's file says of each record: the fields behind its name; of statements, those and the fold.

    Raises
    ------
    NoSet : the file is missing.
    """
    if known.labels is None:
        return {}
    if known.truth is Truth.STATEMENTS:
        return _statements(folder)
    path = folder / known.labels
    try:
        lines = path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise NoSet("the file with the labels cannot be read", file=str(path), reason=str(error)) from error
    return {name: tuple(rest) for name, *rest in (line.split(",") for line in lines)}
