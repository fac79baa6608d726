"""What one analysis of a record found, gathered for the report and the annotation file."""

from collections import Counter
from dataclasses import dataclass, field

from biosignal.events import AlarmEvent, Finding, FindingState, Mark, MarkState, QualityLevel, Series
from biosignal.signal.blocks import Gap
from biosignal.stream.assign import Plan
from biosignal.tasks.lookup import label_of, mark_kind

Stretch = tuple[int, int]


@dataclass(slots=True)
class Result:
    """Confirmed marks, findings at their last revision, alarms, and stretches that cannot be used, by lead.

    `leads` are those that the tasks read which do more than watch a lead's quality.
    """

    plan: Plan
    marks: list[Mark] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)
    alarms: list[AlarmEvent] = field(default_factory=list)
    unusable: dict[str, list[Stretch]] = field(default_factory=dict)
    gaps: list[Stretch] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)

    @property
    def reported(self) -> tuple[str, ...]:
        """Names of the tasks at work whose marks are reported."""
        return tuple(one.task.name for one in self.plan.assignments if one.task.is_reported)

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads whose marks are reported, in the order of the record."""
        named = [name for one in self.plan.assignments if one.task.is_reported for name in one.names]
        return tuple(dict.fromkeys(named))

    def add_mark(self, mark: Mark) -> bool:
        """Gather a mark; whether it is one to report."""
        if mark.state is not MarkState.CONFIRMED:
            return False
        kind = mark_kind(mark.task, mark.kind)
        if kind.line is None:
            # Marks that are packed are drawn for themselves; those that are not say second by second what can be used.
            if mark.quality is QualityLevel.REJECTED and not kind.packed:
                for lead in mark.leads:
                    self.unusable.setdefault(lead, []).append((mark.start, mark.end))
            return False
        self.marks.append(mark)
        if mark.label is None:
            self.unanswered[getattr(mark.outcome, "reason", "")] += 1
        return True

    def add_series(self, series: Series) -> None:
        """Let a series pass: a replay writes it and keeps none."""

    def add_gap(self, gap: Gap) -> None:
        """Gather lost samples."""
        if gap.length:
            self.gaps.append((gap.start, gap.end))

    def counted(self) -> dict[str, Counter[str]]:
        """Marks by kind, as several of it are called, and label."""
        counts: dict[str, Counter[str]] = {}
        for mark in self.marks:
            counts.setdefault(mark_kind(mark.task, mark.kind).plural, Counter())[label_of(mark)] += 1
        return counts

    def standing(self) -> list[Finding]:
        """Findings that were not withdrawn, in the order of their onset."""
        found = [one for one in self.findings.values() if one.state is not FindingState.WITHDRAWN]
        return sorted(found, key=lambda one: (one.onset / one.evidence.fs_hz, one.kind))


def joined(stretches: list[Stretch]) -> list[Stretch]:
    """Stretches [start, end) in order, those that touch or overlap made one."""
    whole: list[Stretch] = []
    for start, end in sorted(stretches):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole
