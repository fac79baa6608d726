"""The facts of a finding as sentences: numbers, times and results of its evidence, and nothing that came as free text.

Names of leads and devices, reasons and notes are not written into sentences, whatever they hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from biosignal.asking.reply import Fact
from biosignal.events import Abstained, Finding, Measure, Prediction, QualityLevel
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import quantity, shown
from biosignal.wording.knowledge import knowledge
from biosignal.wording.literals import clock_text, literals


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """Writes the facts of one finding, each with the stretch to look at."""

    finding: Finding

    def fact(self, text: str, measure: Measure | None = None) -> Fact:
        """Bind a sentence to the finding's strip, and to its number."""
        of, evidence = self.finding, self.finding.evidence
        return Fact(
            text=text,
            finding=of.id,
            start=evidence.strip_start,
            end=evidence.strip_end,
            fs_hz=evidence.fs_hz,
            name=measure.name if measure else None,
            value=measure.value if measure else None,
            unit=measure.unit if measure else None,
        )

    def when(self) -> Fact:
        """Say when it began and what it is called."""
        evidence, label = self.finding.evidence, knowledge().of_kind(self.finding.kind).labels[0]
        return self.fact(when_text(clock_text(self.finding.onset, evidence.fs_hz), label))

    def state(self) -> Fact:
        """Say whether it goes on."""
        return self.fact(literals(self.finding).state[0])

    def measures(self, names: tuple[str, ...] = ()) -> Iterator[Fact]:
        """Say what was measured, all of it or only these quantities."""
        for measure in sayable(self.finding):
            if not names or measure.name in names:
                wording = knowledge().wordings(self.finding.task, self.finding.kind, measure)[0]
                yield self.fact(wording.replace("{value}", shown(measure)), measure)

    def quality(self) -> Fact:
        """Say how the signal was graded."""
        level = self.finding.evidence.quality
        degraded = level is QualityLevel.DEGRADED
        return self.fact(knowledge().common.degraded[0] if degraded else quality_text(level))

    def origin(self) -> Fact:
        """Say what answered, and with which probability."""
        return self.fact(origin_text(self.finding))

    def against(self, before: Finding) -> Iterator[Fact]:
        """Say the numbers of this finding and of the one before it, side by side."""
        then = {measure.name: measure for measure in sayable(before)}
        for measure in sayable(self.finding):
            if measure.name in then:
                yield self.fact(both_text(measure, then[measure.name]), measure)


def sayable(finding: Finding) -> list[Measure]:
    """Give the measures that this version knows, in the unit that their task declares."""
    known = ((measure, quantity(measure.name)) for measure in finding.evidence.measures)
    return [measure for measure, declared in known if declared is not None and declared.unit == measure.unit]


def when_text(clock: str, label: str) -> str:
    """Write when it began and what was found."""
    return f"At {clock} into the recording the device found {label}."


def quality_text(level: QualityLevel) -> str:
    """Write how the signal was graded."""
    return f"The signal under it was graded as {level.value}."


def origin_text(finding: Finding) -> str:
    """Write what answered; a bundle is named where it is one of a task of this version."""
    outcome = finding.outcome
    if isinstance(outcome, Abstained):
        return "The analysis abstained."
    if not isinstance(outcome, Prediction):
        return "The device reports this about itself."
    scores = dict(outcome.scores)
    if outcome.label not in scores:
        return "Rules over what was measured found it, without a probability."
    maker = outcome.task if outcome.task in TASKS else "another version"
    return f"A model of {maker} gave the first mark a probability of {scores[outcome.label]:.2f}."


def both_text(now: Measure, then: Measure) -> str:
    """Write a number of this finding and the same of the one before."""
    declared = quantity(now.name)
    label = (declared.label if declared else "") or now.name.replace("_", " ")
    unit = "" if now.unit in ("", "1") else f" {now.unit}"
    return f"{label[:1].upper()}{label[1:]}: {shown(now)}{unit} in this finding, {shown(then)}{unit} in the one before."
