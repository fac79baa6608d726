"""The log in which a stage opens, extends, closes and withdraws findings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from biosignal.errors import BadInput
from biosignal.events import (
    Evidence,
    Finding,
    FindingState,
    Mark,
    MarkSet,
    Measure,
    Outcome,
    Prediction,
    Priority,
    QualityLevel,
    Rung,
    finding_id,
)
from biosignal.tasks.task import SINCE_ALARM, FindingKind, Quantity, TaskFacts

EVIDENCE_MARKS = 12
"""How many of its marks a finding names; `MarkSet.total` says how many there were."""
_WORST = (QualityLevel.REJECTED, QualityLevel.DEGRADED, QualityLevel.USABLE)


class FindingLog:
    """Makes findings and their revisions, and keeps them until the stage yields them.

    `clock` is the highest `decided_at` seen: the only time that rules know.

    Parameters
    ----------
    facts : where the stage stands.
    task : its name; `kinds` and `quantities` are what it declares.
    extend_every_s : an open finding is not extended sooner than this after its last revision.
    """

    def __init__(
        self,
        facts: TaskFacts,
        *,
        task: str,
        kinds: Mapping[str, FindingKind],
        quantities: Mapping[str, Quantity],
        extend_every_s: float = 20.0,
    ) -> None:
        self.facts = facts
        self.fs_hz = facts.fs_hz
        self.extend_every_s = extend_every_s
        self.clock = 0
        self._task = task
        self._kinds = kinds
        self._quantities = quantities
        self._made: list[Finding] = []
        self._alarmed_until: dict[str, int] = {}

    def samples(self, seconds: float) -> int:
        """Turn seconds into samples."""
        return round(seconds * self.fs_hz)

    def seconds(self, samples: int) -> float:
        """Turn samples into seconds."""
        return samples / self.fs_hz

    def measure(self, name: str, value: float) -> Measure:
        """Write a quantity down, rounded to what a text shows.

        Raises
        ------
        BadInput : the task declares no quantity of this name.
        """
        if name not in self._quantities:
            raise BadInput("unknown quantity", name=name, remedy="name it in the task's quantities first")
        quantity = self._quantities[name]
        return Measure(name=name, value=round(float(value), quantity.decimals), unit=quantity.unit)

    def drain(self) -> list[Finding]:
        """Hand over what was made since the last call."""
        made, self._made = self._made, []
        return made

    def open(
        self,
        kind: str,
        *,
        onset: int,
        end: int,
        outcome: Outcome,
        measures: tuple[Measure, ...],
        quality: QualityLevel,
        marks: tuple[MarkSet, ...] = (),
        leads: tuple[str, ...] | None = None,
        alarms: bool = True,
    ) -> Finding:
        """Open a finding: revision 0. It is of all leads of the stage unless `leads` says otherwise.

        One that does not alarm informs only, whatever its kind: a louder one that explains it stands.
        """
        facts, declared = self.facts, self._kinds[kind]
        named = facts.names if leads is None else leads
        since_s = self._since_alarm_s(kind)
        if since_s is not None:
            measures = (*measures, self.measure(SINCE_ALARM, since_s))
        strip = declared.strip
        evidence = Evidence(
            measures=measures,
            strip_start=onset if strip is None else max(0, onset - self.samples(strip.before_s)),
            strip_end=onset if strip is None else onset + self.samples(strip.after_s),
            fs_hz=self.fs_hz,
            quality=quality,
            marks=marks,
        )
        finding = Finding(
            id=finding_id(
                device=facts.device,
                recording=facts.recording,
                stream=facts.stream,
                kind=kind,
                leads=named,
                onset=onset,
            ),
            rev=0,
            task=self._task,
            device=facts.device,
            recording=facts.recording,
            stream=facts.stream,
            kind=kind,
            state=FindingState.OPENED,
            priority=declared.priority if alarms and since_s is None else Priority.NONE,
            onset=onset,
            end=max(onset, end),
            decided_at=self.clock,
            leads=named,
            outcome=outcome,
            evidence=evidence,
        )
        self._note(finding)
        return finding

    def _since_alarm_s(self, kind: str) -> float | None:
        """How long ago another finding of the kind that alarmed had ended, if so lately that this one must not."""
        until = self._alarmed_until.get(kind)
        if until is None or self.clock - until > self.samples(self._kinds[kind].again_s):
            return None
        return self.seconds(max(self.clock - until, 0))

    def _note(self, finding: Finding) -> None:
        self._made.append(finding)
        if finding.priority is not Priority.NONE and self._kinds[finding.kind].again_s > 0:
            self._alarmed_until[finding.kind] = finding.end

    def is_due(self, finding: Finding) -> bool:
        """Whether an open finding was silent long enough to be extended."""
        return self.clock - finding.decided_at >= self.samples(self.extend_every_s)

    def revise(
        self,
        finding: Finding,
        state: FindingState,
        *,
        end: int | None = None,
        measures: tuple[Measure, ...] | None = None,
        marks: tuple[MarkSet, ...] | None = None,
    ) -> Finding:
        """Make the next revision; what is not given stays as it was."""
        evidence = finding.evidence
        if measures is not None:
            kept = tuple(one for one in evidence.measures if one.name == SINCE_ALARM)
            measures = (*measures, *kept)
        evidence = replace(
            evidence,
            measures=evidence.measures if measures is None else measures,
            marks=evidence.marks if marks is None else marks,
        )
        revised = replace(
            finding,
            rev=finding.rev + 1,
            state=state,
            end=finding.end if end is None else max(finding.onset, end),
            decided_at=self.clock,
            evidence=evidence,
        )
        if state is FindingState.WITHDRAWN:
            self._alarmed_until.pop(finding.kind, None)
            self._made.append(revised)
        else:
            self._note(revised)
        return revised


def by_rule(task: str, rules: str, kind: str) -> Prediction:
    """Say that a rule over measured quantities made the finding, not a classifier: no probability."""
    return Prediction(task=task, bundle=rules, rung=Rung.RULES, label=kind, scores=())


def mark_set(marks: Sequence[Mark], total: int | None = None) -> tuple[MarkSet, ...]:
    """Name the first marks of a finding, all of one task, kind and leads; `total` is how many there were."""
    if not marks:
        return ()
    first = marks[0]
    starts = tuple(mark.start for mark in marks[:EVIDENCE_MARKS])
    count = len(marks) if total is None else total
    return (MarkSet(task=first.task, kind=first.kind, leads=first.leads, starts=starts, total=count),)


def mark_sets(marks: Sequence[Mark]) -> tuple[MarkSet, ...]:
    """Name the first marks of a finding, all of one task and kind, by their leads in the order they came."""
    shown = marks[:EVIDENCE_MARKS]
    by_leads: dict[tuple[str, ...], list[Mark]] = {}
    for mark in shown:
        by_leads.setdefault(mark.leads, []).append(mark)
    counts = Counter(mark.leads for mark in marks)
    return tuple(one for leads, few in by_leads.items() for one in mark_set(few, counts[leads]))


def worst_quality(marks: Sequence[Mark]) -> QualityLevel:
    """Give the worst signal quality among marks; rejected where there is none."""
    levels = {mark.quality for mark in marks}
    return next((level for level in _WORST if level in levels), QualityLevel.REJECTED)


def unclassified(marks: Sequence[Mark]) -> int:
    """Count the marks that no classifier answered."""
    return sum(not isinstance(mark.outcome, Prediction) for mark in marks)
