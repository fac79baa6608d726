"""The phrases one finding allows: every number, name and time bound to its words, straight from the evidence.

Language, grammar and audit share these phrases; they are tested against raw evidence on their own.
"""

from dataclasses import dataclass

from biosignal.events import Abstained, Finding, FindingState, MarkSet, Prediction, QualityLevel, Unavailable
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import finding_kind, mark_kind, shown
from biosignal.wording.in_force import spoken
from biosignal.wording.knowledge import Knowledge
from biosignal.wording.plain import plain

_LEAD_LENGTH = 24
_STATES = {
    FindingState.OPENED: (
        "It was still going on when this was written.",
        "When this was written it was still going on.",
    ),
    FindingState.EXTENDED: (
        "It was still going on when this was written.",
        "When this was written it was still going on.",
    ),
    FindingState.CLOSED: ("It is over.", "It has ended."),
    FindingState.WITHDRAWN: ("The device has withdrawn it.", "It was withdrawn by the device."),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Literals:
    """Alternatives for each part of a text; every tuple that is not empty must appear exactly once, in this order.

    `time`, `lead` and `labels` are parts of the first sentence; the rest are whole sentences.
    """

    time: str
    lead: str
    labels: tuple[str, ...]
    state: tuple[str, ...]
    measures: tuple[tuple[str, ...], ...]
    kept: tuple[tuple[str, ...], ...]
    quality: tuple[str, ...]
    meaning: tuple[str, ...]
    action: tuple[str, ...]
    origin: tuple[str, ...]

    @property
    def sentences(self) -> tuple[tuple[str, ...], ...]:
        """What follows the first sentence, in order."""
        parts = (self.state, *self.measures, *self.kept, self.quality, self.meaning, self.action, self.origin)
        return tuple(part for part in parts if part)


def literals(finding: Finding, known: Knowledge | None = None) -> Literals:
    """Collect what may be said about `finding`, and must be: in the words of `known`, else in those in force."""
    known = known or spoken()
    words = known.of_kind(finding.kind)
    can_say = is_assessable(finding)
    degraded = finding.evidence.quality is QualityLevel.DEGRADED
    return Literals(
        time=clock_text(finding.onset, finding.evidence.fs_hz),
        lead=lead_text(finding.leads),
        labels=words.labels,
        state=_STATES[finding.state],
        measures=_measures(finding, known),
        kept=tuple(kept_texts(marks) for marks in finding.evidence.marks if marks.total > len(marks.starts)),
        quality=known.common.degraded if degraded else (),
        meaning=words.meanings if can_say else known.common.not_assessable,
        action=words.first_action if can_say else (known.common.not_assessable_action,),
        origin=(origin_text(finding),),
    )


def is_assessable(finding: Finding) -> bool:
    """Whether the patient could be assessed: nothing abstained and the signal was not rejected.

    A technical finding speaks of the equipment, which is always assessable.
    """
    if finding_kind(finding.kind).technical:
        return True
    return isinstance(finding.outcome, Prediction) and finding.evidence.quality is not QualityLevel.REJECTED


def missing_words(finding: Finding, known: Knowledge | None = None) -> str | None:
    """Say what of a text has no vetted words; None where all of it has."""
    known = known or spoken()
    missing = [] if known.is_vetted(finding.kind) else [finding.kind]
    names = (measure.name for measure in finding.evidence.measures)
    missing += [name for name in names if not known.has_wording(finding.task, finding.kind, name)]
    return ", ".join(missing) or None


def clock_text(sample: int, fs_hz: float) -> str:
    """Write a sample as minutes and seconds into the recording: ``mm:ss``, seconds cut off."""
    minutes, seconds = divmod(int(sample / fs_hz), 60)
    return f"{minutes:02d}:{seconds:02d}"


def lead_text(leads: tuple[str, ...]) -> str:
    """Name the leads; what a source may have put into a name besides plain characters is left out."""
    names = [plain(lead, otherwise="without a name", longest=_LEAD_LENGTH) for lead in leads]
    if not names:
        return "an unnamed lead"
    if len(names) == 1:
        return f"lead {names[0]}"
    return f"leads {', '.join(names[:-1])} and {names[-1]}"


def kept_texts(marks: MarkSet) -> tuple[str, str]:
    """Say how many of the marks behind a finding are kept with it."""
    share = kept_share(marks)
    return f"{share} are kept with this finding.", f"With this finding {share} are kept."


def kept_share(marks: MarkSet) -> str:
    """Write how many marks of how many are kept, such as ``12 of 17 beats``."""
    return f"{len(marks.starts)} of {marks.total} {plain(mark_kind(marks.task, marks.kind).plural, otherwise='marks')}"


def origin_text(finding: Finding) -> str:
    """Say what produced the result, on which rung, with its probability if it has one."""
    outcome = finding.outcome
    if isinstance(outcome, Abstained):
        return f"The analysis abstained: {plain(outcome.reason, otherwise='no reason given')}."
    if isinstance(outcome, Unavailable):
        return f"Reported by the device: {plain(outcome.reason, otherwise='no reason given')}."
    bundle = plain(outcome.bundle, otherwise="an unnamed analysis")
    if not outcome.scores:
        return f"Found by {bundle}, rules over measured intervals, without a probability."
    scores = dict(outcome.scores)
    probability = f"{scores[outcome.label]:.2f}" if outcome.label in scores else "unknown"
    return (
        f"The first {_mark_label(finding, outcome)} was classified as {plain(outcome.label, otherwise='unnamed')} "
        f"by {bundle} on {outcome.rung.value} with probability {probability}."
    )


def _measures(finding: Finding, known: Knowledge) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(
            wording.replace("{value}", shown(measure))
            for wording in known.wordings(finding.task, finding.kind, measure)
        )
        for measure in finding.evidence.measures
    )


def _mark_label(finding: Finding, outcome: Prediction) -> str:
    """What the classifier's task calls a mark of the kind that the finding rests on."""
    kinds = [marks.kind for marks in finding.evidence.marks if marks.task == outcome.task]
    if outcome.task in TASKS:
        kinds += [kind.name for kind in TASKS[outcome.task].marks]
    return plain(mark_kind(outcome.task, kinds[0]).label, otherwise="mark") if kinds else "mark"
