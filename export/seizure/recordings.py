"""Recordings with annotated seizures: the CHB-MIT layout, the snippets cut from it, and EDF files without seizures."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.scoring.szcore import Stretch
from biosignal.signal.blocks import Lead, SampleBlock
from biosignal.synthetic.recording import SyntheticRecording
from export.report.sets import NoSet
from export.seizure.edf_file import leads_of, read_eeg
from export.seizure.patients import BEFORE_S, LATE_S, Patient, imitators, with_seizures

SNIPPETS = "chbmit_seizures.npz"
SYNTHETIC = "synthetic"
BLOCK_S = 10
ENDED = ("chb02_19",)
"""Its seizure lasts nine seconds, so what was cut from 10 s behind its onset lies behind its end."""

_FILE = re.compile(r"File Name: *(\S+)")
_SEIZURE = re.compile(r"Seizure(?: \d+)? (Start|End) Time: *(\d+(?:\.\d+)?) *sec", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EegRecording:
    """One recording of EEG.

    Parameters
    ----------
    samples : float32, shape (lead, sample), in uV.
    seizures : begin and end of each in seconds; none where nobody annotated any.
    """

    name: str
    subject: str
    fs_hz: float
    leads: tuple[Lead, ...]
    samples: NDArray[np.float32]
    seizures: tuple[Stretch, ...]

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A recording that can be read when its turn comes. `part` says what of the set it is."""

    name: str
    subject: str
    part: str
    read: Callable[[], EegRecording]


WHOLE = "whole seizures behind 10 s"
ICTAL = "10 s of a seizure behind 10 s"
BEFORE = "10 s before a seizure"
RECORDINGS = "recordings"


def entries_of(folder: Path) -> list[Entry]:
    """Find the recordings of a folder; one called ``synthetic@SEED`` that is not there holds the synthetic patients.

    Raises
    ------
    NoSet : there is neither `SNIPPETS` nor an EDF file.
    """
    name, _, seed = folder.name.partition("@")
    if name == SYNTHETIC and not folder.exists():
        return _synthetic(int(seed) if seed.isdecimal() else 1)
    if (folder / SNIPPETS).is_file():
        return _snippets(folder / SNIPPETS)
    files = sorted(folder.rglob("*.edf"))
    if not files:
        raise NoSet(
            "there are no recordings of EEG",
            folder=str(folder),
            remedy=f"give a folder with EDF files and chbNN-summary.txt as CHB-MIT has them, or with {SNIPPETS}",
        )
    seizures = {name: found for path in sorted(folder.rglob("*summary*.txt")) for name, found in summary(path).items()}
    return [
        Entry(
            name=path.stem,
            subject=subject_of(path.stem),
            part=RECORDINGS,
            read=lambda path=path: _recording(path, seizures.get(path.name, ())),  # type: ignore[misc]
        )
        for path in files
    ]


def subject_of(record: str) -> str:
    """Name the person of a record: what stands before the last ``_``; chb21 is chb01, later in her life."""
    subject = record.rpartition("_")[0] or re.sub(r"R\d+$", "", record)
    return "chb01" if subject == "chb21" else subject


def summary(path: Path) -> dict[str, tuple[Stretch, ...]]:
    """Read the seizures of each file from a summary as CHB-MIT has it.

    Raises
    ------
    NoSet : the file cannot be read, or a seizure has no end.
    """
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise NoSet("the summary cannot be read", file=str(path), reason=str(error)) from error
    found: dict[str, tuple[Stretch, ...]] = {}
    pieces = _FILE.split(text)
    for name, lines in zip(pieces[1::2], pieces[2::2], strict=True):
        times = _SEIZURE.findall(lines)
        starts = [float(value) for word, value in times if word.lower() == "start"]
        ends = [float(value) for word, value in times if word.lower() == "end"]
        if len(starts) != len(ends) or any(end <= start for start, end in zip(starts, ends, strict=False)):
            raise NoSet("a seizure of the summary has no end", file=str(path), recording=name)
        found[name] = tuple(zip(starts, ends, strict=True))
    return found


def _recording(path: Path, seizures: tuple[Stretch, ...]) -> EegRecording:
    leads, samples, fs_hz = read_eeg(path)
    return EegRecording(
        name=path.stem,
        subject=subject_of(path.stem),
        fs_hz=fs_hz,
        leads=leads,
        samples=samples,
        seizures=seizures,
    )


def _synthetic(seed: int) -> list[Entry]:
    groups = (
        (f"seizure behind {BEFORE_S:g} s", with_seizures()),
        (f"seizure behind {LATE_S:g} s", with_seizures(before_s=LATE_S)),
        ("no seizure", imitators()),
    )
    return [
        Entry(
            name=one.scenario.name,
            subject=one.kind,
            part=part,
            read=lambda one=one: _played(one, seed),  # type: ignore[misc]
        )
        for part, patients in groups
        for one in patients
    ]


def _played(patient: Patient, seed: int) -> EegRecording:
    made = SyntheticRecording(patient.scenario, seed=seed)
    return EegRecording(
        name=patient.scenario.name,
        subject=patient.kind,
        fs_hz=made.fs_hz,
        leads=made.leads,
        samples=made.samples(0, made.length),
        seizures=tuple((one.start / made.fs_hz, one.end / made.fs_hz) for one in made.truth.of("seizure")),
    )


def _snippets(path: Path) -> list[Entry]:
    """The ten seconds before each seizure, and what is there of it behind them."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        leads = leads_of([str(name) for name in arrays["channels"]])
        fs_hz, scale, offset = (float(arrays[name]) for name in ("fs", "scale_uV", "offset_digital"))
        named = [(str(record), str(patient)) for record, patient in zip(arrays["rec"], arrays["patient"], strict=True)]
        before = arrays["preictal10"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoSet("the snippets cannot be read", file=str(path), reason=str(error)) from error

    def entry(record: str, patient: str, part: str, pieces: list[NDArray[np.int16]]) -> Entry:
        counts = np.concatenate(pieces, axis=1)
        onset_s, end_s = pieces[0].shape[1] / fs_hz, counts.shape[1] / fs_hz
        whole = EegRecording(
            name=record,
            subject=patient,
            fs_hz=fs_hz,
            leads=leads,
            samples=((counts + offset) * scale).astype(np.float32),
            seizures=() if part == BEFORE else ((onset_s, end_s),),
        )
        return Entry(name=record, subject=patient, part=part, read=lambda: whole)

    made = []
    for number, (record, patient) in enumerate(named):
        quiet = before[number]
        made.append(entry(record, patient, BEFORE, [quiet]))
        if record not in ENDED:
            made.append(entry(record, patient, ICTAL, [quiet, arrays["ictal10"][number]]))
        if f"full_{record}" in arrays:
            # Its first sample repeats the last one before the onset.
            made.append(entry(record, patient, WHOLE, [quiet, arrays[f"full_{record}"][:, 1:]]))
    return made
