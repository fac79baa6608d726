"""What the analysis said, as WFDB annotations: marks, rhythm changes, unusable stretches.

Confirmed marks are at their start, with the symbol that their task declares for the label. A rhythm begins with ``+``
and its name and ends with ``(N``. An unusable stretch is ``~`` with subtype -1, and 0 where it ends; marks inside are
written.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.events import Finding, FindingState
from biosignal.tasks.lookup import finding_kind, label_of, mark_kind
from edge_agent.replay.result import Result, Stretch, joined
from edge_agent.sources.port import SourceFacts
from edge_agent.sources.wfdb_annotations import Annotation

NORMAL = "(N"
_ANNOTATOR = re.compile(r"[A-Za-z0-9_]{1,16}")


def annotations_of(results: Iterable[Result], facts: SourceFacts) -> list[Annotation]:
    """Annotations of one or several analyses, in the order of their samples, each with the index of its lead."""
    index = {lead.name: place for place, lead in enumerate(facts.leads)}
    found = [one for result in results for lead in result.leads for one in _of_lead(result, lead, index[lead])]
    return sorted(found, key=lambda one: (one.sample, one.chan))


def annotation_path(facts: SourceFacts, *, folder: Path, annotator: str) -> Path:
    """Where the annotations of a record go: ``folder/NAME.annotator``; the folder is made.

    Raises
    ------
    BadInput : the annotator's name cannot be part of a file name, or nothing can be written there.
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
    try:  # before the work, not behind it
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("the folder cannot be made", out=str(folder), why=error.strerror) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput("nothing can be written into the folder", out=str(folder), remedy="give --out another folder")
    return folder / f"{facts.name}.{annotator}"


def _of_lead(result: Result, lead: str, index: int) -> list[Annotation]:
    marks = []
    for mark in result.marks:
        symbol = (mark_kind(mark.task, mark.kind).wfdb_symbols or {}).get(label_of(mark))
        if symbol is not None and mark.leads[0] == lead:
            marks.append(Annotation(sample=mark.start, symbol=symbol, chan=index))
    changes: list[Annotation] = []
    for start, end in joined([*result.unusable.get(lead, ()), *result.gaps]):
        changes.append(Annotation(sample=start, symbol="~", subtype=-1, chan=index))
        changes.append(Annotation(sample=end, symbol="~", subtype=0, chan=index))
    changes += _rhythms(index, [one for one in result.findings.values() if one.leads[0] == lead])
    return marks + _beside(changes, {mark.sample for mark in marks})


def _rhythms(index: int, findings: Iterable[Finding]) -> list[Annotation]:
    stretches: dict[str, list[Stretch]] = {}
    for finding in findings:
        rhythm = finding_kind(finding.kind).wfdb_rhythm
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
        # A rhythm begins before its first beat; what finds no place there goes behind.
        step = -1 if one.symbol == "+" and one.aux != NORMAL else 1
        while sample in taken:
            sample += step
            if sample < 0:
                sample, step = one.sample, 1
        taken.add(sample)
        moved.append(Annotation(sample=sample, symbol=one.symbol, subtype=one.subtype, chan=one.chan, aux=one.aux))
    return moved
