"""What the daemon's pipeline said of one recording."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from biosignal.events import Finding, FindingState, Mark, MarkState, Prediction, Priority, QualityLevel
from biosignal.model.model import Model
from biosignal.scoring.score import Annotations
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.kinds import BEAT
from biosignal.tasks.ecg_beats.kinds import NAME as BEATS
from biosignal.tasks.ecg_beats.scorer import annotations_of
from biosignal.tasks.ecg_rhythm.kinds import RHYTHM
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Rhythm:
    """What a stretch of the recording was named: the probability of each class, none where nothing answered."""

    start_s: float
    end_s: float
    scores: Mapping[str, float]


@dataclass(slots=True)
class Analysed:
    """What was said of a recording, confirmed beats and findings in their order, quality by lead and second.

    `leads` are those in which beats were looked for, `rhythms` how each stretch was named. `named` are the findings
    that are a rhythm, by their kind, each from its onset to its end in seconds as they were last told.
    """

    leads: tuple[str, ...] = ()
    beats: list[Mark] = field(default_factory=list)
    findings: list[Said] = field(default_factory=list)
    quality: dict[str, list[QualityLevel]] = field(default_factory=dict)
    rhythms: list[Rhythm] = field(default_factory=list)
    named: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

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
    gathered = Gathered(found, seconds=signals.seconds, fs_hz=signals.fs_hz)
    for block in signals.blocks():
        gathered.take(pipeline.push(block))
    gathered.take(pipeline.finish())
    gathered.finish()
    return found


class Gathered:
    """Gathers what the tasks say of a recording that lasts `seconds`, its ECG at `fs_hz`."""

    def __init__(self, found: Analysed, *, seconds: float, fs_hz: float) -> None:
        self._found = found
        self._seconds = seconds
        self._fs_hz = fs_hz
        self._said: dict[str, Said] = {}
        self._last: dict[str, Finding] = {}

    def take(self, items: Iterable[object]) -> None:
        """Take the next events."""
        for item in items:
            if isinstance(item, Finding):
                self._last[item.id] = item
                self._said[item.id] = _said(item, self._said.get(item.id), self._seconds)
            elif isinstance(item, Mark) and item.state is MarkState.CONFIRMED:
                _take(item, self._found, self._fs_hz)

    def finish(self) -> None:
        """Put the findings in order: all was said."""
        self._found.findings = sorted(self._said.values(), key=lambda one: one.decided_s)
        for one in self._last.values():
            if one.state is not FindingState.WITHDRAWN and finding_kind(one.kind).wfdb_rhythm is not None:
                fs_hz = one.evidence.fs_hz
                self._found.named.setdefault(one.kind, []).append((one.onset / fs_hz, one.end / fs_hz))


def _take(item: Mark, found: Analysed, fs_hz: float) -> None:
    if item.kind == RHYTHM.name:
        scores = dict(item.outcome.scores) if isinstance(item.outcome, Prediction) else {}
        found.rhythms.append(Rhythm(start_s=item.start / fs_hz, end_s=item.end / fs_hz, scores=scores))
    elif item.task == BEATS and item.kind == BEAT.name:
        found.beats.append(item)
    elif item.kind == SECOND.name:
        found.quality.setdefault(item.leads[0], []).append(item.quality)


def _said(finding: Finding, before: Said | None, seconds: float) -> Said:
    at_s = finding.decided_at / finding.evidence.fs_hz
    is_over = finding.state in (FindingState.CLOSED, FindingState.WITHDRAWN)
    until_s = at_s if is_over else seconds
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
