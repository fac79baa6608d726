"""What a finding rests on: its measures, its strip, and the marks it names, joined with those that have arrived."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.events import mark_id
from cloud_service.clinic.quantities import Measure, measure
from cloud_service.database.event_tables import FindingRow, MarkRow

MOST_MARKS = 500
"""Of one finding, so that a page stays readable and a query small; a device names a dozen."""


class EvidenceMark(BaseModel):
    """A mark the finding rests on.

    `end`, `outcome` and `numbers` are null or empty until the mark has arrived, and `outcome` and `numbers` on a blind
    read. `inputs` says whether what the classifier saw has arrived.
    """

    task: str
    kind: str
    leads: list[str]
    start: int
    end: int | None
    outcome: dict[str, Any] | None
    numbers: list[Measure]
    inputs: bool


class EvidenceSet(BaseModel):
    """Marks of one kind on the same leads: the finding names `kept` of `total`."""

    task: str
    kind: str
    leads: list[str]
    kept: int
    total: int


class Evidence(BaseModel):
    """What the finding rests on; sample indices count at `fs_hz`."""

    measures: list[Measure]
    strip_start: int
    strip_end: int
    fs_hz: float
    quality: str
    marks: list[EvidenceMark]
    sets: list[EvidenceSet]


NO_EVIDENCE = Evidence(measures=[], strip_start=0, strip_end=0, fs_hz=0.0, quality="unknown", marks=[], sets=[])
"""Of a finding whose stored evidence cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedMark:
    """A mark as a finding names it, whether or not it has arrived."""

    id: str
    task: str
    kind: str
    leads: tuple[str, ...]
    start: int


def shown_evidence(session: Session, row: FindingRow, *, blind: bool) -> Evidence:
    """Show what a finding rests on; with `blind`, without what its marks were called."""
    named = list(named_marks(row))[:MOST_MARKS]
    arrived = arrived_marks(session, row, named)
    evidence = row.evidence
    return Evidence(
        measures=[] if blind else [measure(one["name"], one["value"], one["unit"]) for one in evidence["measures"]],
        strip_start=evidence["strip_start"],
        strip_end=evidence["strip_end"],
        fs_hz=evidence["fs_hz"],
        quality=evidence["quality"],
        marks=[_mark(one, arrived.get(one.id), blind=blind) for one in named],
        sets=[
            EvidenceSet(
                task=one["task"], kind=one["kind"], leads=one["leads"], kept=len(one["starts"]), total=one["total"]
            )
            for one in mark_sets(row)
        ],
    )


def mark_sets(row: FindingRow) -> list[dict[str, Any]]:
    """The sets of marks that a finding names, as on the wire."""
    sets: list[dict[str, Any]] = row.evidence.get("marks", [])
    return sets


def named_marks(row: FindingRow) -> Iterator[NamedMark]:
    """The marks that a finding names, in its order."""
    for one in mark_sets(row):
        leads = tuple(one["leads"])
        for start in one["starts"]:
            mark = mark_id(recording=row.recording, task=one["task"], kind=one["kind"], leads=leads, start=start)
            yield NamedMark(id=mark, task=one["task"], kind=one["kind"], leads=leads, start=start)


def arrived_marks(session: Session, row: FindingRow, named: list[NamedMark]) -> dict[str, MarkRow]:
    """Those of the finding's own device that have arrived, by id."""
    wanted = select(MarkRow).where(MarkRow.device == row.device, MarkRow.id.in_([one.id for one in named]))
    return {mark.id: mark for mark in session.scalars(wanted)}


def _mark(named: NamedMark, arrived: MarkRow | None, *, blind: bool) -> EvidenceMark:
    hidden = blind or arrived is None
    return EvidenceMark(
        task=named.task,
        kind=named.kind,
        leads=list(named.leads),
        start=named.start,
        end=arrived.end if arrived else None,
        outcome=None if hidden or arrived is None else arrived.outcome,
        numbers=[] if hidden or arrived is None else [measure(name, value) for name, value in arrived.numbers],
        inputs=arrived is not None and arrived.inputs is not None,
    )
