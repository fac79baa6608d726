"""Recordings of which only the beats are known: when each was, of which kind, and in which rhythm."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from biosignal.events import Mark, MarkState, Prediction, QualityLevel, Rung, mark_id
from biosignal.model.model import Model
from biosignal.signal.blocks import Lead, LeadKind, Unit
from biosignal.tasks.ecg_beats.kinds import BEAT, CLASSES, RR_BEFORE
from biosignal.tasks.ecg_beats.kinds import NAME as BEATS
from biosignal.tasks.ecg_rhythm.kinds import NAME as RHYTHM
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.stage import RhythmStage
from biosignal.tasks.task import TaskFacts
from export.beat_annotations import TIME, listed_beats
from export.report.analysed import DEVICE, Analysed, Gathered

FS_HZ = 1000.0
"""Beats are placed on a clock of this rate."""
LONGEST_S = 3.0
"""Where beats are further apart nobody knows what was between them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BeatList:
    """The beats of one recording in order: seconds from the first one, kinds, and the rhythm at each."""

    name: str
    beats_s: tuple[float, ...]
    kinds: tuple[str, ...]
    rhythms: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """From the first beat to the last."""
        return self.beats_s[-1] if self.beats_s else 0.0

    def stretches(self) -> Iterator[tuple[str, float, float]]:
        """Give (rhythm, start, end): from each beat to the next; none over a hole."""
        for index in range(len(self.beats_s) - 1):
            start, end = self.beats_s[index], self.beats_s[index + 1]
            if end - start <= LONGEST_S:
                yield self.rhythms[index], start, end


def is_beat_list(path: Path) -> bool:
    """Whether a file begins as such a list does."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return TIME in file.readline().strip().split(",")
    except OSError:
        return False


def read_beats(folder: Path, name: str) -> BeatList:
    """Read ``NAME.csv``; its columns may be in any order, its rows too.

    Raises
    ------
    NoRecordings : it cannot be read, or lacks a column.
    """
    known = listed_beats(folder / f"{name}.csv")
    # Some lists have two rows of one moment: by their kind, the one without a kind is the first.
    rows = sorted(zip(known.time_s.tolist(), known.kinds, known.rhythms, strict=True))
    begun = rows[0][0] if rows else 0.0
    return BeatList(
        name=name,
        beats_s=tuple(at - begun for at, _, _ in rows),
        kinds=tuple(kind for _, kind, _ in rows),
        rhythms=tuple(rhythm for _, _, rhythm in rows),
    )


def analyse_beats(known: BeatList, models: Mapping[str, Model]) -> Analysed:
    """Send the beats through the stage of the rhythm as if they had just been classified."""
    lead = Lead(name="beats", unit=Unit.RAW, kind=LeadKind.ECG)
    facts = TaskFacts(device=DEVICE, recording=known.name, stream="live", fs_hz=FS_HZ, leads=(lead,))
    stage = RhythmStage(facts, models[RHYTHM], RhythmLimits())
    found = Analysed(leads=facts.names)
    gathered = Gathered(found, seconds=known.seconds, fs_hz=FS_HZ)
    for mark in _marks(known, facts):
        gathered.take(stage.push(mark))
        gathered.take(stage.advance(mark.decided_at + 1))
    gathered.take(stage.finish())
    gathered.finish()
    return found


def _marks(known: BeatList, facts: TaskFacts) -> Iterator[Mark]:
    before: int | None = None
    for at_s, kind in zip(known.beats_s, known.kinds, strict=True):
        start = round(at_s * FS_HZ)
        if before is not None and start <= before:
            continue
        label = kind if kind in CLASSES else CLASSES[0]
        known_rr = before is not None and start - before <= LONGEST_S * FS_HZ
        yield Mark(
            id=mark_id(recording=facts.recording, task=BEATS, kind=BEAT.name, leads=facts.names, start=start),
            task=BEATS,
            kind=BEAT.name,
            recording=facts.recording,
            leads=facts.names,
            start=start,
            end=start,
            decided_at=start,
            state=MarkState.CONFIRMED,
            quality=QualityLevel.USABLE,
            outcome=Prediction(task=BEATS, bundle="reference", rung=Rung.RULES, label=label, scores=()),
            numbers=((RR_BEFORE, (start - before) / FS_HZ),) if known_rr and before is not None else (),
        )
        before = start
