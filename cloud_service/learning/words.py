"""From approved words to a candidate: a bundle of every phrasing that stands, held against every finding it is for."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.errors import BedsideError, listed
from biosignal.events import Finding, Prediction
from biosignal.model.bundle import Bundle, open_bundle, unpack
from biosignal.rehearsal import golden_of, rehearse, unspeakable
from biosignal.wording.bundle import LIMITS, WORDS, WordsBundle, open_words, seal_words
from biosignal.wording.in_force import Approved, Phrasing, present, with_approved
from biosignal.wording.knowledge import knowledge
from biosignal.wording.language import first_text
from biosignal.wording.phrasing import faults
from biosignal.wording.reading import grade
from cloud_service.access import audit
from cloud_service.clinic.approving import approved_in_force, phrasing_of, stored_of_kind
from cloud_service.database.clinic_tables import FeedbackRow
from cloud_service.database.columns import utc_now
from cloud_service.database.learning_tables import LearningJobRow
from cloud_service.learning.adapter import Brought, adapter_gate, carried
from cloud_service.learning.errors import NothingToLearn
from cloud_service.learning.gate import FAILED, PASSED, Gate, GateReport
from cloud_service.learning.jobs import Workshop, note_candidate, version_key, version_of

WORDS_JOB = "words"
STORED_MOST = 2000
"""So many of the newest stored findings of a kind are spoken for its gate."""
GOLDEN_OF_KIND = 3
HARDER = 0.5
"""So many school years harder to read may the texts become in the mean."""


def start_words(workshop: Workshop, *, by: str) -> LearningJobRow:
    """Queue a candidate of the approved words; where all were withdrawn since, one that goes back to the vetted words.

    Raises
    ------
    NothingToLearn : none stand, and none are released.
    """
    released = released_words(workshop)
    with workshop.database.write() as session:
        if not approved_in_force(session) and not (released and released.phrasings):
            raise NothingToLearn("no approved words stand", remedy="approve better words first")
        row = LearningJobRow(kind=WORDS_JOB, task=WORDS, state="queued", requested_by=by, requested=utc_now())
        session.add(row)
        session.flush()
        audit.record(session, actor=by, action="learning.start", subject=WORDS, job=row.id)
        return row


def opened_candidate(kind: str, data: bytes) -> Bundle | WordsBundle:
    """Open the bytes of a candidate of a job of this kind.

    Raises
    ------
    BadInput, RefusedForSafety : it is none.
    """
    return _opened(data) if kind == WORDS_JOB else open_bundle(unpack(data))


def released_words(workshop: Workshop) -> WordsBundle | None:
    """Give the newest released words; None before any."""
    newest = max(workshop.targets(WORDS), key=lambda target: version_key(version_of(target)), default=None)
    return _opened(workshop.repository.target_path(newest).read_bytes()) if newest is not None else None


def _opened(data: bytes) -> WordsBundle:
    return open_words(unpack(data, max_bytes=sum(LIMITS.values()), limits=LIMITS))


def make_words(workshop: Workshop, job: int) -> None:
    """Make the bundle of a claimed job and hold it against its gates; the adapter of the words before goes on."""
    parent = released_words(workshop)
    with workshop.database.write() as session:
        _make(workshop, session, session.get_one(LearningJobRow, job), parent, carried(parent))


def import_adapter(workshop: Workshop, brought: Brought, *, by: str) -> LearningJobRow:
    """Make a candidate of all approved words that stand now, with an adapter that was made elsewhere, and grade it."""
    parent = released_words(workshop)
    with workshop.database.write() as session:
        row = LearningJobRow(kind=WORDS_JOB, task=WORDS, state="running", requested_by=by, requested=utc_now())
        session.add(row)
        session.flush()
        audit.record(session, actor=by, action="learning.import", subject=WORDS, adapter=brought.sha256)
        _make(workshop, session, row, parent, brought)
        return row


def _make(
    workshop: Workshop, session: Session, row: LearningJobRow, parent: WordsBundle | None, brought: Brought | None
) -> None:
    phrasings = tuple(phrasing_of(one) for one in approved_in_force(session))
    kinds = sorted({one.kind for one in phrasings})
    stored = {kind: tuple(stored_of_kind(session, kind, STORED_MOST)) for kind in kinds}
    bundle = _sealed(_next_version(session, workshop), parent, phrasings, stored, brought)
    report = _graded(session, bundle, parent, stored)
    if brought is not None:
        report = replace(report, gates=(*report.gates, adapter_gate(brought, parent)))
    note_candidate(workshop, row, bundle, report)
    row.parent = parent.identity if parent is not None else None


def _sealed(
    version: str,
    parent: WordsBundle | None,
    phrasings: Sequence[Phrasing],
    stored: dict[str, tuple[Finding, ...]],
    brought: Brought | None,
) -> WordsBundle:
    approved = Approved(name=WORDS, phrasings=tuple(phrasings))
    chosen = [one for findings in stored.values() for one in findings[:GOLDEN_OF_KIND]]
    golden = golden_of((_without_names(one, index) for index, one in enumerate(chosen)), approved)
    name = parent.identity if parent is not None else ""
    files = seal_words(
        version=version,
        parent=name,
        phrasings=phrasings,
        golden=golden,
        card=_card(version, phrasings, brought),
        adapter=None if brought is None else brought.adapter,
        figures=None if brought is None else brought.figures,
    )
    return open_words(files)


def _without_names(finding: Finding, index: int) -> Finding:
    """A stored finding as a golden one: no name of its device, recording or leads, and no reason in free words.

    What is released can be fetched without a login.
    """
    names = dict.fromkeys((*finding.leads, *(lead for marks in finding.evidence.marks for lead in marks.leads)))
    leads = {name: f"G{number}" for number, name in enumerate(names, 1)}
    marks = tuple(replace(one, leads=tuple(leads[lead] for lead in one.leads)) for one in finding.evidence.marks)
    outcome = finding.outcome
    return replace(
        finding,
        id=f"golden-{index}",
        device="golden",
        recording="golden",
        stream="golden",
        leads=tuple(leads[lead] for lead in finding.leads),
        outcome=outcome if isinstance(outcome, Prediction) else replace(outcome, reason="golden"),
        evidence=replace(finding.evidence, marks=marks),
    )


def _next_version(session: Session, workshop: Workshop) -> str:
    proposed = session.scalars(select(LearningJobRow.version).where(LearningJobRow.task == WORDS))
    known = [*proposed, *(version_of(target) for target in workshop.targets(WORDS))]
    newest = max((version_key(version) for version in known if version), default=None)
    return "1.0.0" if newest is None else f"{newest[0]}.{newest[1]}.{newest[2] + 1}"


def _card(version: str, phrasings: Sequence[Phrasing], brought: Brought | None) -> str:
    lines = [
        f"# {WORDS}/{version}",
        "",
        "Research software, not a medical device.",
        "",
        "Phrasings that one person suggested and another approved; a device says them before its vetted words.",
        "",
        "| kind of finding | part | is said | in the place of |",
        "|---|---|---|---|",
    ]
    for one in phrasings:
        vetted = present(knowledge(), one.task, one.kind, one.part)
        lines.append(f"| {one.kind} | {one.part} | {one.pattern} | {vetted[0] if vetted else 'nothing'} |")
    if brought is not None:
        lines += [
            "",
            f"With the adapter {brought.sha256[:12]} for the language model {brought.figures['model']['name']}.",
        ]
    limits = "What a program can check of a sentence was checked; that it is right is the word of the two people."
    return "\n".join([*lines, "", "## Limits", "", limits, ""])


# ---- gates -----------------------------------------------------------------------------------------------------------


def _graded(
    session: Session, bundle: WordsBundle, parent: WordsBundle | None, stored: dict[str, tuple[Finding, ...]]
) -> GateReport:
    gates = (
        _two_people(session),
        _may_be_said(bundle),
        *(_spoken(bundle, kind, findings) for kind, findings in stored.items()),
        _readable(bundle, stored),
        _rehearsed(bundle),
    )
    return GateReport(
        candidate=bundle.identity,
        candidate_digest=bundle.digest,
        parent=parent.identity if parent is not None else "",
        dataset="",
        gates=gates,
    )


def _gate(name: str, wrong: Sequence[str], otherwise: str, **figures: object) -> Gate:
    why = listed(wrong) if wrong else otherwise
    return Gate(name=name, status=FAILED if wrong else PASSED, why=why, figures=figures)


def _two_people(session: Session) -> Gate:
    verdicts = approved_in_force(session)
    alone = [one.pattern for one in verdicts if session.get_one(FeedbackRow, one.feedback).reader == one.by]
    return _gate("two people", alone, "another person approved what one suggested", n=len(verdicts))


def _may_be_said(bundle: WordsBundle) -> Gate:
    wrong = [f"{one.pattern}: {'; '.join(found)}" for one in bundle.phrasings if (found := faults(one))]
    return _gate("claims nothing else", wrong, "held against the vetted words of each kind", n=len(bundle.phrasings))


def _spoken(bundle: WordsBundle, kind: str, findings: Sequence[Finding]) -> Gate:
    reasons = (unspeakable(one, bundle.approved) for one in findings)
    wrong = [f"{one.id}: {why}" for one, why in zip(findings, reasons, strict=True) if why is not None]
    if not findings:
        wrong = ["there is no finding of this kind to speak of"]
    on = {"set": f"stored findings: {kind}", "n": len(findings)}
    return _gate("complete, and only what was measured", wrong, "every part said, every number from the evidence", **on)


def _readable(bundle: WordsBundle, stored: dict[str, tuple[Finding, ...]]) -> Gate:
    findings = [one for some in stored.values() for one in some]
    before, after = knowledge(), with_approved(knowledge(), bundle.approved)
    grades = [[grade(first_text(one, known)) for one in findings] for known in (before, after)]
    vetted, approved = (sum(some) / max(1, len(some)) for some in grades)
    wrong = [f"grade {approved:.1f} for {vetted:.1f}"] if approved > vetted + HARDER else []
    why = f"Flesch-Kincaid grade {approved:.1f}, in the vetted words {vetted:.1f}"
    return _gate("readable", wrong, why, grade=round(approved, 2), grade_vetted=round(vetted, 2), n=len(findings))


def _rehearsed(bundle: WordsBundle) -> Gate:
    try:
        rehearse(bundle)
    except BedsideError as error:
        return Gate(name="golden texts", status=FAILED, why=str(error), figures={})
    why = "the texts come out to the letter, as every device will try"
    return Gate(name="golden texts", status=PASSED, why=why, figures={"n": len(bundle.golden)})
