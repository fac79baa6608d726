"""What is converted: a source, what its file says beside the samples, and its annotations."""

import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from biosignal.errors import BadInput, listed
from biosignal.signal.blocks import Unit
from edge_agent.sources.port import (
    Described,
    Description,
    LeadDescription,
    RecordUnreadable,
    Remark,
    Remarked,
    Source,
    SourceFacts,
)
from edge_agent.sources.stretch import Stretch
from edge_agent.sources.wfdb_annotations import Annotation, read_annotations

Note: TypeAlias = Annotation | Remark
"""An annotation in WFDB's codes, or in words. Both count samples at the recording's own rate."""
USUAL = "atr"
COMMENT = "Comment: "
"""What begins an annotation that is a comment on the whole recording."""
_NO_ANNOTATIONS = frozenset(("hea", "dat", "mat", "xyz", "edf", "csv", "txt", "json", "md", "pdf", "png", "bds"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """A recording as it is read.

    `remarks` are sentences for people about what is not converted; `named` are names that its leads get in place of
    their own.
    """

    source: Source
    facts: SourceFacts
    description: Description
    notes: tuple[Note, ...]
    remarks: tuple[str, ...]
    named: tuple[str, ...] = ()


def original_of(
    whole: Source, *, from_s: float = 0.0, to_s: float | None = None, annotator: str | None = None
) -> Original:
    """Everything that is known of a recording, or of a stretch of it.

    Parameters
    ----------
    annotator : suffix of a WFDB annotation file beside the record; absent: ``atr`` where it is there.

    Raises
    ------
    BadInput : the stretch is empty, or the annotations cannot be read.
    """
    is_cut = from_s > 0 or to_s is not None
    source: Source = Stretch(whole, from_s=from_s, to_s=to_s) if is_cut else whole
    facts = source.recording_facts()
    described = whole.description() if isinstance(whole, Described) else _plain(facts)
    if described.started is not None and facts.first_sample:
        later = timedelta(seconds=facts.first_sample / facts.fs_hz)
        described = replace(described, started=described.started + later)
    notes: list[Note] = list(source.remarks()) if isinstance(source, Remarked) else []
    described, notes = _with_comments(described, notes)
    found, remarks = _annotations(whole, facts, annotator)
    return Original(
        source=source,
        facts=facts,
        description=described,
        notes=tuple(sorted([*notes, *found], key=lambda one: one.sample)),
        remarks=(*facts.notes, *remarks),
    )


def _with_comments(described: Description, notes: list[Note]) -> tuple[Description, list[Note]]:
    """Put back comments that were written as annotations, and patient and recording that were written as comments."""
    texts = list(described.texts)
    kept: list[Note] = []
    for note in notes:
        if isinstance(note, Remark) and note.sample == 0 and note.text.startswith(COMMENT):
            texts.append(("comment", note.text.removeprefix(COMMENT)))
        else:
            kept.append(note)
    for place, (what, text) in enumerate(texts):
        key, parts, rest = text.partition(": ")
        if what == "comment" and parts and key in ("patient", "recording") and key not in dict(texts):
            texts[place] = (key, rest)
    return replace(described, texts=tuple(texts)), kept


def _plain(facts: SourceFacts) -> Description:
    units = ["" if lead.unit is Unit.RAW else lead.unit.value for lead in facts.leads]
    return Description(leads=tuple(LeadDescription(unit_text=unit) for unit in units))


def _annotations(whole: Source, facts: SourceFacts, annotator: str | None) -> tuple[list[Annotation], list[str]]:
    """WFDB annotations within what is read, counted from its first sample, and which others lie beside the record."""
    own = getattr(whole, "annotations", None)
    if own is not None:
        found = list(own())
        others: list[str] = []
    elif facts.path is None or not Path(f"{facts.path}.hea").is_file():
        if annotator is not None:
            raise BadInput("only WFDB records have annotation files", annotator=annotator, remedy="leave it out")
        return [], []
    else:
        path = Path(facts.path)
        others = _annotators(path)
        if annotator is None and USUAL not in others:
            found = []
        else:
            name = annotator or USUAL
            found = read_annotations(Path(f"{path}.{name}"), at_hz=facts.fs_hz, counted_hz=facts.annotated_hz)
            others = [one for one in others if one != name]
    first, length = facts.first_sample, facts.length
    kept = [
        replace(one, sample=one.sample - first)
        for one in found
        if one.sample >= first and (length is None or one.sample - first <= length)
    ]
    said = f"annotation files that are not converted: {listed(others)} (`--annotator {others[0]}`)" if others else ""
    return sorted(kept, key=lambda one: one.sample), [said] if said else []


def _annotators(path: Path) -> list[str]:
    """Suffixes of annotation files beside a record."""
    found = []
    for file in sorted(path.parent.iterdir()):
        suffix = file.name.removeprefix(f"{path.name}.")
        if suffix == file.name or suffix.lower() in _NO_ANNOTATIONS or not suffix.isalnum() or not file.is_file():
            continue
        with contextlib.suppress(RecordUnreadable):
            if read_annotations(file):
                found.append(suffix)
    return found
