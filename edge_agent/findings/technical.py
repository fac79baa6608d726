"""Findings about the equipment that no signal rule can see: source, classifier, store, queues.

Pure constructors: the caller hands in where in the recording it happened and when it ended.
"""

from dataclasses import replace

from biosignal.errors import BadInput
from biosignal.events import Evidence, Finding, FindingState, Measure, QualityLevel, Unavailable, finding_id
from biosignal.tasks.lookup import quantity, task_of_finding

OVERFLOW = "overflow"


def technical_finding(
    kind: str,
    *,
    device: str,
    recording: str,
    leads: tuple[str, ...],
    fs_hz: float,
    at: int,
    reason: str,
    quality: QualityLevel,
    measures: tuple[Measure, ...] = (),
) -> Finding:
    """Open a technical finding at sample `at`; `reason` is one plain sentence or phrase.

    Raises
    ------
    BadInput : `kind` is not a technical kind that the daemon itself reports.
    """
    task = task_of_finding(kind)
    if task is None or task.make is not None or not task.findings[kind].technical:
        raise BadInput(
            "not a technical kind of finding",
            kind=kind,
            remedy="declare it among the findings of a task without a stage, in biosignal/tasks",
        )
    named = finding_id(device=device, recording=recording, stream="live", kind=kind, leads=leads, onset=at)
    return Finding(
        id=named,
        rev=0,
        task=task.name,
        device=device,
        recording=recording,
        stream="live",
        kind=kind,
        state=FindingState.OPENED,
        priority=task.findings[kind].priority,
        onset=at,
        end=at,
        decided_at=at,
        leads=leads,
        outcome=Unavailable(task=task.name, reason=reason),
        evidence=Evidence(measures=measures, strip_start=at, strip_end=at, fs_hz=fs_hz, quality=quality),
    )


def overflow(
    *,
    device: str,
    recording: str,
    leads: tuple[str, ...],
    fs_hz: float,
    at: int,
    reason: str,
    lost_samples: int,
) -> Finding:
    """Samples were dropped because a queue was full; the loss is also a `Gap`."""
    return technical_finding(
        OVERFLOW,
        device=device,
        recording=recording,
        leads=leads,
        fs_hz=fs_hz,
        at=at,
        reason=reason,
        quality=QualityLevel.REJECTED,
        measures=(_measure("lost_samples", lost_samples), _measure("duration", lost_samples / fs_hz)),
    )


def next_revision(finding: Finding, state: FindingState, *, at: int) -> Finding:
    """Extend, close or withdraw a technical finding at sample `at`, with how long it lasted.

    Raises
    ------
    BadInput : the finding is already over, or `state` would open it again.
    """
    if finding.state in (FindingState.CLOSED, FindingState.WITHDRAWN) or state is FindingState.OPENED:
        raise BadInput("a finding that is over stays over", finding=finding.id, state=finding.state.value)
    end = max(at, finding.end)
    measures = finding.evidence.measures
    if finding.kind != OVERFLOW:
        lasting = _measure("duration", (end - finding.onset) / finding.evidence.fs_hz)
        measures = (*(m for m in measures if m.name != "duration"), lasting)
    return replace(
        finding,
        rev=finding.rev + 1,
        state=state,
        end=end,
        decided_at=max(at, finding.decided_at),
        evidence=replace(finding.evidence, measures=measures),
    )


def _measure(name: str, value: float) -> Measure:
    """Write a quantity down, rounded to what a text shows."""
    known = quantity(name)
    if known is None:
        raise BadInput("unknown quantity", name=name, remedy="name it in a task's quantities first")
    return Measure(name=name, value=round(float(value), known.decimals), unit=known.unit)
