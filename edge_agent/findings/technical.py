"""Findings about the equipment that no signal rule can see: source, classifier, store, queues.

Pure constructors: the caller hands in where in the recording it happened and when it ended.
"""

from dataclasses import replace

from biosignal.errors import BadInput
from biosignal.events import Evidence, Finding, FindingState, Measure, QualityLevel, Unavailable, finding_id
from biosignal.tasks.findings import KINDS, measure

TASK = "monitoring"


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
    BadInput : `kind` is not a technical kind.
    """
    if kind not in KINDS or not KINDS[kind].technical:
        raise BadInput("not a technical kind of finding", kind=kind, remedy="see KINDS in biosignal/findings.py")
    named = finding_id(device=device, recording=recording, stream="live", kind=kind, leads=leads, onset=at)
    return Finding(
        id=named,
        rev=0,
        device=device,
        recording=recording,
        stream="live",
        kind=kind,
        state=FindingState.OPENED,
        priority=KINDS[kind].priority,
        onset=at,
        end=at,
        decided_at=at,
        leads=leads,
        outcome=Unavailable(task=TASK, reason=reason),
        evidence=Evidence(measures=measures, strip_start=at, strip_end=at, fs_hz=fs_hz, quality=quality),
    )


def source_lost(*, device: str, recording: str, leads: tuple[str, ...], fs_hz: float, at: int, reason: str) -> Finding:
    """No samples arrive any more."""
    return technical_finding(
        "source-lost",
        device=device,
        recording=recording,
        leads=leads,
        fs_hz=fs_hz,
        at=at,
        reason=reason,
        quality=QualityLevel.REJECTED,
    )


def backend_lost(
    *, device: str, recording: str, leads: tuple[str, ...], fs_hz: float, at: int, reason: str, quality: QualityLevel
) -> Finding:
    """No classifier answers: beats are counted and not classified."""
    return technical_finding(
        "backend-lost",
        device=device,
        recording=recording,
        leads=leads,
        fs_hz=fs_hz,
        at=at,
        reason=reason,
        quality=quality,
    )


def store_trouble(
    *, device: str, recording: str, leads: tuple[str, ...], fs_hz: float, at: int, reason: str, quality: QualityLevel
) -> Finding:
    """Something could not be written, or a damaged file was set aside."""
    return technical_finding(
        "store-trouble",
        device=device,
        recording=recording,
        leads=leads,
        fs_hz=fs_hz,
        at=at,
        reason=reason,
        quality=quality,
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
        "overflow",
        device=device,
        recording=recording,
        leads=leads,
        fs_hz=fs_hz,
        at=at,
        reason=reason,
        quality=QualityLevel.REJECTED,
        measures=(measure("lost_samples", lost_samples), measure("duration", lost_samples / fs_hz)),
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
    if finding.kind != "overflow":
        lasting = measure("duration", (end - finding.onset) / finding.evidence.fs_hz)
        measures = (*(m for m in measures if m.name != "duration"), lasting)
    return replace(
        finding,
        rev=finding.rev + 1,
        state=state,
        end=end,
        decided_at=max(at, finding.decided_at),
        evidence=replace(finding.evidence, measures=measures),
    )
