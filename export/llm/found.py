"""Findings that the daemon's own pipeline makes of recordings, and which part each record belongs to.

Records that only test elsewhere (DS2, fold 9, real seizures) teach nothing here either.
"""

import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Protocol

from biosignal.errors import BadInput
from biosignal.events import Finding
from biosignal.model.model import Model
from biosignal.signal.blocks import Lead, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from export.llm.pair import Part
from export.recordings import DS1, DS2
from export.report.reading import read_signals
from export.report.sets import labels_of, records_of, set_of
from export.seizure.recordings import SYNTHETIC, entries_of

BY_RECORD = ("svdb", "vfdb", "cudb", "cinc2015")
"""Sets of which one record in four is held out, by its name."""
ONE_IN = 4
FOLDED, TRAINING_FOLDS = "ptbxl", frozenset("12345678")
HELD_EEG = ("burst", "chbmit")
"""Real EEG with something to find: it only tests."""
SEEDS = {Part.TRAINS: 1, Part.HELD: 2}
"""Of the synthetic patients whose EEG is played."""


class Played(Protocol):
    """A recording that can be sent through the pipeline."""

    @property
    def name(self) -> str:
        """What the record is called."""

    @property
    def fs_hz(self) -> float:
        """Samples a second."""

    @property
    def leads(self) -> tuple[Lead, ...]:
        """What was recorded."""

    def blocks(self) -> Iterator[SampleBlock]:
        """Cut it as a source does."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record that can be read when its turn comes."""

    origin: str
    part: Part
    read: Callable[[], Played]


def records(data: Path, seed: int, *, of_each: int) -> list[Record]:
    """Draw up to `of_each` records of every set that is there, for either part.

    Raises
    ------
    BadInput : none of the sets is there.
    """
    there = [*_of_mitdb(data), *_of_sets(data), *_of_folds(data), *_of_eeg(data)]
    if not any(not one.origin.startswith(SYNTHETIC) for one in there):
        raise BadInput(
            "there are no recordings", folder=str(data), remedy="give the folder that holds `mitdb` by --data"
        )
    by_set: dict[tuple[str, Part], list[Record]] = {}
    for one in there:
        by_set.setdefault((one.origin.split("/")[0], one.part), []).append(one)
    dice = random.Random(seed)
    drawn = [dice.sample(mine, min(of_each, len(mine))) for _, mine in sorted(by_set.items(), key=lambda one: one[0])]
    return list(chain.from_iterable(drawn))


def findings_of(record: Record, models: Mapping[str, Model], *, minutes: float) -> list[Finding]:
    """Send the first `minutes` through every task; give the first and the last revision of each finding."""
    played = record.read()
    pipeline = Pipeline(
        TASKS.values(),
        Recorded(device="export", recording=played.name, fs_hz=played.fs_hz, leads=played.leads),
        models=models,
    )
    first: dict[str, Finding] = {}
    last: dict[str, Finding] = {}
    for item in _said(pipeline, played, until=int(minutes * 60 * played.fs_hz)):
        if isinstance(item, Finding):
            first.setdefault(item.id, item)
            last[item.id] = item
    print(f"{record.origin}: {len(first)} findings", file=sys.stderr, flush=True)
    return [one for name in first for one in dict.fromkeys((first[name], last[name]))]


def _said(pipeline: Pipeline, played: Played, *, until: int) -> Iterator[object]:
    for block in played.blocks():
        if block.start >= until:
            break
        yield from pipeline.push(block)
    yield from pipeline.finish()


def _of_mitdb(data: Path) -> Iterator[Record]:
    for part, names in ((Part.TRAINS, DS1), (Part.HELD, DS2)):
        yield from (_ecg(data / "mitdb", name, part) for name in names if (data / "mitdb" / f"{name}.hea").is_file())


def _of_sets(data: Path) -> Iterator[Record]:
    for folder in (data / name for name in BY_RECORD if (data / name).is_dir()):
        for name in records_of(folder, set_of(folder)):
            is_held = int(sha256(f"{folder.name}/{name}".encode()).hexdigest(), 16) % ONE_IN == 0
            yield _ecg(folder, name, Part.HELD if is_held else Part.TRAINS)


def _of_folds(data: Path) -> Iterator[Record]:
    folder = data / FOLDED
    if folder.is_dir():
        known = set_of(folder)
        folds = {name: row[1] for name, row in labels_of(folder, known).items()}
        for name in records_of(folder, known):
            yield _ecg(folder, name, Part.TRAINS if folds[name] in TRAINING_FOLDS else Part.HELD)


def _of_eeg(data: Path) -> Iterator[Record]:
    for part, seed in SEEDS.items():
        for entry in entries_of(data / f"{SYNTHETIC}@{seed}"):
            yield Record(f"{SYNTHETIC}/{entry.name}@{seed}", part, entry.read)
    for folder in (data / name for name in HELD_EEG if (data / name).is_dir()):
        yield from (Record(f"{folder.name}/{one.name}", Part.HELD, one.read) for one in entries_of(folder))


def _ecg(folder: Path, name: str, part: Part) -> Record:
    return Record(f"{folder.name}/{name}", part, lambda: read_signals(folder, name))
