"""What the analysis said, as WFDB annotations: beats, rhythm changes, unusable stretches.

Confirmed beats stand at their R peak as N S V F, Q where nothing answered. A rhythm begins with ``+`` and its name and
ends with ``(N``. An unusable stretch is ``~`` with subtype -1, and 0 where it ends; beats inside are written.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.events import Finding, FindingState
from edge_agent.sources.port import SourceFacts
from edge_agent.sources.wfdb_annotations import Annotation

RHYTHM_OF_KIND = {"v-run": "(VT", "vt": "(VT", "afib": "(AFIB", "afl": "(AFL"}
NORMAL = "(N"
_ANNOTATOR = re.compile(r"[A-Za-z0-9_]{1,16}")
Stretch = tuple[int, int]


@dataclass(slots=True)
class Marks:
    """What is written of one lead: (sample, label) of beats, the last revision of each finding, unusable stretches."""

    beats: list[tuple[int, str]] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)
    unusable: list[Stretch] = field(default_factory=list)


def annotations_of(leads: Iterable[tuple[int, Marks]]) -> list[Annotation]:
    """Annotations of one or several leads, (index, marks), in the order of their samples."""
    found = [one for index, marks in leads for one in _of_lead(index, marks)]
    return sorted(found, key=lambda one: (one.sample, one.chan))


def annotation_path(facts: SourceFacts, *, folder: Path, annotator: str) -> Path:
    """Where the annotations of a record go: ``folder/NAME.annotator``.

    Raises
    ------
    BadInput : the annotator's name cannot stand in a file name.
    RefusedForSafety : a record of that name lies in `folder`; its annotations may be someone's truth.
    """
    if not _ANNOTATOR.fullmatch(annotator) or annotator in ("hea", "dat"):
        raise BadInput(
            "an annotator's name has letters, digits and `_` only, and is not hea or dat", annotator=annotator
        )
    inside = facts.path is not None and folder.resolve() == Path(facts.path).resolve().parent
    if inside or (folder / f"{facts.name}.hea").exists():
        raise RefusedForSafety(
            "annotations are never written beside a record",
            folder=str(folder),
            record=facts.name,
            remedy="give --out another folder",
        )
    return folder / f"{facts.name}.{annotator}"


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches [start, end) in order, those that touch or overlap made one."""
    whole: list[Stretch] = []
    for start, end in sorted(stretches):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def _of_lead(index: int, marks: Marks) -> list[Annotation]:
    beats = [Annotation(sample=sample, symbol=label, chan=index) for sample, label in marks.beats]
    changes: list[Annotation] = []
    for start, end in joined(marks.unusable):
        changes.append(Annotation(sample=start, symbol="~", subtype=-1, chan=index))
        changes.append(Annotation(sample=end, symbol="~", subtype=0, chan=index))
    changes += _rhythms(index, marks.findings.values())
    return beats + _beside(changes, {sample for sample, _ in marks.beats})


def _rhythms(index: int, findings: Iterable[Finding]) -> list[Annotation]:
    stretches: dict[str, list[Stretch]] = {}
    for finding in findings:
        rhythm = RHYTHM_OF_KIND.get(finding.kind)
        if rhythm is not None and finding.state is not FindingState.WITHDRAWN:
            stretches.setdefault(rhythm, []).append((finding.onset, finding.end + 1))
    changes: list[Annotation] = []
    for rhythm, parts in stretches.items():
        for start, end in joined(parts):
            changes.append(Annotation(sample=start, symbol="+", chan=index, aux=rhythm))
            changes.append(Annotation(sample=end, symbol="+", chan=index, aux=NORMAL))
    return changes


def _beside(changes: list[Annotation], taken: set[int]) -> list[Annotation]:
    """Give every annotation of a lead a sample of its own, as WFDB asks: one that is taken moves to the next free."""
    taken = set(taken)
    moved: list[Annotation] = []
    for one in sorted(changes, key=lambda one: (one.sample, one.symbol, one.aux, one.subtype)):
        sample = one.sample
        # A rhythm begins before its first beat; what has no room there goes behind.
        step = -1 if one.symbol == "+" and one.aux != NORMAL else 1
        while sample in taken:
            sample += step
            if sample < 0:
                sample, step = one.sample, 1
        taken.add(sample)
        moved.append(Annotation(sample=sample, symbol=one.symbol, subtype=one.subtype, chan=one.chan, aux=one.aux))
    return moved
