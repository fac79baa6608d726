"""How far readers agree: on each mark, what two said before either could see the other; over all, Cohen's kappa."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select

from biosignal.scoring.kappa import agreement
from biosignal.tasks.lookup import reviews_statements
from cloud_service.clinic.blindness import ADJUDICATE, UNDO
from cloud_service.clinic.context import ClinicPart, Reviewer
from cloud_service.database.clinic_tables import ReviewRow
from cloud_service.database.event_tables import FindingRow

router = APIRouter(tags=["review"])
Place = tuple[str, str, str, str, tuple[str, ...], int, str | None]
"""A mark: device, recording, task, kind, leads, start; and where labels are statements, which of them.

Two findings may rest on the same one.
"""
HELD, DENIED = "affirm", "deny"
"""What is said of a statement; that all others are right is no word on one of them."""


class PairOfReaders(BaseModel):
    """How two readers called the marks of a kind that both read.

    `n` marks were read by both before either had seen the device's answer or the other's word; `same` of them were
    called alike. `kappa` has its interval of 95 %, and is null where chance explains all. `not_blind` more were read by
    both after one of them had seen the device's answer, and are left out.
    """

    task: str
    kind: str
    readers: tuple[str, str]
    n: int
    same: int
    kappa: float | None
    low: float | None
    high: float | None
    not_blind: int


class Agreements(BaseModel):
    """Every pair of readers that read a mark in common."""

    pairs: list[PairOfReaders]


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What a reader said of a mark; None where it was taken back."""

    place: Place
    reader: str
    label: str | None
    blind: bool


@dataclass(slots=True)
class _Pair:
    labels: list[tuple[str, str]] = field(default_factory=list)
    not_blind: int = 0


@router.get("/agreement")
def agreements(_login: Reviewer, clinic: ClinicPart, task: str | None = None) -> Agreements:
    """Compare the readers by task and kind of mark, and by pair."""
    wanted = select(ReviewRow, FindingRow.device, FindingRow.recording).join(
        FindingRow, FindingRow.id == ReviewRow.finding
    )
    if task is not None:
        wanted = wanted.where(ReviewRow.task == task)
    with clinic.database.read() as session:
        rows = [(row, device, recording) for row, device, recording in session.execute(wanted.order_by(ReviewRow.row))]
    return Agreements(pairs=compared(_words(rows)))


def compared(words: Iterable[Word]) -> list[PairOfReaders]:
    """Compare readers by what they said, in the order in which they said it."""
    pairs: dict[tuple[str, str, str, str], _Pair] = {}
    for earlier, later in first_pairs(words):
        first, second = sorted((earlier, later), key=lambda one: one.reader)
        pair = pairs.setdefault((first.place[2], first.place[3], first.reader, second.reader), _Pair())
        if first.blind and second.blind:
            pair.labels.append((first.label or "", second.label or ""))
        else:
            pair.not_blind += 1
    return [_shown(key, pairs[key]) for key in sorted(pairs)]


def first_pairs(words: Iterable[Word]) -> Iterator[tuple[Word, Word]]:
    """Give for each mark and each two readers what stood when the second spoke first: later, both see each other."""
    said: dict[Place, dict[str, Word]] = {}
    spoken: set[tuple[Place, str]] = set()
    for word in words:
        here = said.setdefault(word.place, {})
        if word.label is not None and (word.place, word.reader) not in spoken:
            spoken.add((word.place, word.reader))
            yield from ((other, word) for other in here.values() if other.label is not None)
        here[word.reader] = word


def _words(rows: Sequence[tuple[ReviewRow, str, str]]) -> Iterator[Word]:
    for row, device, recording in rows:
        is_stated = reviews_statements(row.task)
        if row.verdict == ADJUDICATE or (is_stated and row.label is None):
            continue
        said = (DENIED if row.verdict == DENIED else HELD) if is_stated else row.label
        yield Word(
            place=(
                device,
                recording,
                row.task,
                row.kind,
                tuple(row.leads),
                row.start,
                row.label if is_stated else None,
            ),
            reader=row.reviewer,
            label=None if row.verdict == UNDO else said,
            blind=not row.model_seen,
        )


def _shown(key: tuple[str, str, str, str], pair: _Pair) -> PairOfReaders:
    task, kind, first, second = key
    found = agreement(pair.labels)
    return PairOfReaders(
        task=task,
        kind=kind,
        readers=(first, second),
        n=found.n,
        same=found.same,
        kappa=_rounded(found.kappa),
        low=_rounded(found.low),
        high=_rounded(found.high),
        not_blind=pair.not_blind,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
