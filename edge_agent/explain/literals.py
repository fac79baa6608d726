"""The phrases one finding allows: every number, name and time bound to its words, straight from the evidence.

Language, grammar and audit share these phrases; they are tested against raw evidence on their own.
"""

import re
from dataclasses import dataclass

from biosignal.events import Abstained, Finding, FindingState, Outcome, Prediction, QualityLevel, Unavailable
from biosignal.tasks.findings import KINDS, shown
from edge_agent.explain.knowledge import knowledge

_UNSAFE = re.compile(r"[^A-Za-z0-9 +\-_./:,()']")
_LEAD_LENGTH = 24
_REASON_LENGTH = 120
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
    quality: tuple[str, ...]
    meaning: tuple[str, ...]
    action: tuple[str, ...]
    origin: tuple[str, ...]

    @property
    def sentences(self) -> tuple[tuple[str, ...], ...]:
        """What follows the first sentence, in order."""
        parts = (self.state, *self.measures, self.quality, self.meaning, self.action, self.origin)
        return tuple(part for part in parts if part)


def literals(finding: Finding) -> Literals:
    """Collect what may be said about `finding`, and must be."""
    known = knowledge()
    entry = known.classes[finding.kind]
    judged = is_assessable(finding)
    degraded = finding.evidence.quality is QualityLevel.DEGRADED
    return Literals(
        time=clock_text(finding.onset, finding.evidence.fs_hz),
        lead=lead_text(finding.leads),
        labels=entry.labels,
        state=_STATES[finding.state],
        measures=tuple(
            tuple(wording.replace("{value}", shown(measure)) for wording in known.wordings(finding.kind, measure.name))
            for measure in finding.evidence.measures
        ),
        quality=known.degraded if degraded else (),
        meaning=entry.meanings if judged else known.not_assessable,
        action=(entry.actions[0] if judged else known.not_assessable_action,),
        origin=(origin_text(finding.outcome),),
    )


def is_assessable(finding: Finding) -> bool:
    """Tell whether the rhythm could be judged: nothing abstained and the signal was not rejected.

    A technical finding speaks of the equipment, which is always assessable.
    """
    if KINDS[finding.kind].technical:
        return True
    return isinstance(finding.outcome, Prediction) and finding.evidence.quality is not QualityLevel.REJECTED


def clock_text(sample: int, fs_hz: float) -> str:
    """Write a sample as minutes and seconds into the recording: ``mm:ss``, seconds cut off."""
    minutes, seconds = divmod(int(sample / fs_hz), 60)
    return f"{minutes:02d}:{seconds:02d}"


def lead_text(leads: tuple[str, ...]) -> str:
    """Name the leads; what a source may have put into a name besides plain characters is taken out."""
    names = [_UNSAFE.sub("", lead).strip(" .,:")[:_LEAD_LENGTH].strip() or "without a name" for lead in leads]
    if not names:
        return "an unnamed lead"
    if len(names) == 1:
        return f"lead {names[0]}"
    return f"leads {', '.join(names[:-1])} and {names[-1]}"


def origin_text(outcome: Outcome) -> str:
    """Say what produced the result, on which rung, with its probability if it has one."""
    if isinstance(outcome, Abstained):
        return f"The analysis abstained: {_plain(outcome.reason)}."
    if isinstance(outcome, Unavailable):
        return f"Reported by the device: {_plain(outcome.reason)}."
    if not outcome.scores:
        return f"Found by {_plain(outcome.bundle)}, rules over measured intervals, without a probability."
    scores = dict(outcome.scores)
    said = f"{scores[outcome.label]:.2f}" if outcome.label in scores else "unknown"
    return (
        f"The first beat was classified as {_plain(outcome.label)} by {_plain(outcome.bundle)} "
        f"on {outcome.rung.value} with probability {said}."
    )


def _plain(text: str) -> str:
    return _UNSAFE.sub("", text).strip(" .")[:_REASON_LENGTH].strip() or "no reason given"
