"""What the daemon's pipeline said of one recording."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from biosignal.events import Finding, FindingState, Mark, MarkState, Priority, QualityLevel
from biosignal.model.model import Model
from biosignal.scoring.score import Annotations
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.kinds import BEAT
from biosignal.tasks.ecg_beats.kinds import NAME as BEATS
from biosignal.tasks.ecg_beats.scorer import annotations_of
from biosignal.tasks.lookup import finding_kind
from biosignal.tasks.signal_quality.kinds import SECOND
from export.report.reading import Signals

DEVICE = "export"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A finding as it was when it was opened, in seconds of the recording; `until_s` is when it was over."""

    kind: str
    priority: Priority
    technical: bool
    onset_s: float
    end_s: float
    decided_s: float
    until_s: float


@dataclass(slots=True)
class Analysed:
    """What was said of a recording, confirmed beats and findings in their order, quality by lead and second.

    `leads` are those in which beats were looked for.
    """

    leads: tuple[str, ...] = ()
    beats: list[Mark] = field(default_factory=list)
    findings: list[Said] = field(default_factory=list)
    quality: dict[str, list[QualityLevel]] = field(default_factory=dict)

    def annotations(self) -> Annotations:
        """The beats in WFDB's codes."""
        return annotations_of(self.beats)


def analyse(signals: Signals, models: Mapping[str, Model]) -> Analysed:
    """Send a recording through the pipeline with every task, in blocks, as the replay does."""
    pipeline = Pipeline(
        TASKS.values(),
        Recorded(device=DEVICE, recording=signals.name, fs_hz=signals.fs_hz, leads=signals.leads),
        models=models,
        on_failure=_raised,
    )
    found = Analysed(leads=tuple(name for one in pipeline.plan.of(BEATS) for name in one.names))
    said: dict[str, Said] = {}
    for block in signals.blocks():
        for item in pipeline.push(block):
            _take(item, found, said, signals)
    for item in pipeline.finish():
        _take(item, found, said, signals)
    found.findings = sorted(said.values(), key=lambda one: one.decided_s)
    return found


def _take(item: object, found: Analysed, said: dict[str, Said], signals: Signals) -> None:
    if isinstance(item, Finding):
        said[item.id] = _said(item, said.get(item.id), signals)
    elif isinstance(item, Mark) and item.state is MarkState.CONFIRMED:
        if item.task == BEATS and item.kind == BEAT.name:
            found.beats.append(item)
        elif item.kind == SECOND.name:
            found.quality.setdefault(item.leads[0], []).append(item.quality)


def _said(finding: Finding, before: Said | None, signals: Signals) -> Said:
    at_s = finding.decided_at / finding.evidence.fs_hz
    is_over = finding.state in (FindingState.CLOSED, FindingState.WITHDRAWN)
    until_s = at_s if is_over else signals.seconds
    if before is not None:
        return replace(before, until_s=until_s)
    fs_hz = finding.evidence.fs_hz
    return Said(
        kind=finding.kind,
        priority=finding.priority,
        technical=finding_kind(finding.kind).technical,
        onset_s=finding.onset / fs_hz,
        end_s=finding.end / fs_hz,
        decided_s=at_s,
        until_s=until_s,
    )


def _raised(task: str, error: Exception) -> None:
    """A device closes a stage that failed and goes on; here its findings would be missing without a word."""
    raise error
