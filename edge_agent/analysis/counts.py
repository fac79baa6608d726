"""What the analysis did since the start, in numbers."""

from collections import Counter
from dataclasses import dataclass, field

from biosignal.events import Abstained, AlarmEvent, Finding, Mark, MarkState, Unavailable
from biosignal.signal.blocks import Gap
from biosignal.tasks.lookup import label_of


@dataclass(slots=True)
class AnalysisCounts:
    """Counters by name beside the sums. `marks` are confirmed marks of tasks with a classifier, by (task, label)."""

    samples: int = 0
    gaps: int = 0
    samples_lost: int = 0
    findings: int = 0
    alarms: int = 0
    texts: int = 0
    task_failures: int = 0
    gaps_by_reason: Counter[str] = field(default_factory=Counter)
    lost_by_reason: Counter[str] = field(default_factory=Counter)
    marks: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings_by_kind: Counter[str] = field(default_factory=Counter)
    alarms_by_state: Counter[tuple[str, str]] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    """Windows that nothing answered though something should have, by task."""
    unanswered_by_reason: Counter[str] = field(default_factory=Counter)

    def add_gap(self, gap: Gap) -> None:
        """Count lost samples."""
        self.gaps += 1
        self.samples_lost += gap.length
        self.gaps_by_reason[gap.reason] += 1
        self.lost_by_reason[gap.reason] += gap.length

    def add_mark(self, mark: Mark, *, has_model: bool) -> None:
        """Count a confirmed mark of a task with a classifier."""
        if mark.state is not MarkState.CONFIRMED:
            return
        self.marks[(mark.task, label_of(mark))] += 1
        if isinstance(mark.outcome, Unavailable):
            self.unanswered[mark.task] += 1
            self.unanswered_by_reason["backend failed" if has_model else "no backend"] += 1
        elif isinstance(mark.outcome, Abstained):
            self.unanswered_by_reason[mark.outcome.reason.partition(":")[0]] += 1

    def add_finding(self, finding: Finding) -> None:
        """Count a revision of a finding, each with its text."""
        self.texts += 1
        if finding.rev == 0:
            self.findings += 1
            self.findings_by_kind[finding.kind] += 1

    def add_alarms(self, events: list[AlarmEvent]) -> list[AlarmEvent]:
        """Count changes of alarms, and give them back."""
        self.alarms += sum(event.rev == 0 for event in events)
        self.alarms_by_state.update((event.priority.value, event.state.value) for event in events)
        return events
