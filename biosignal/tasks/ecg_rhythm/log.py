"""Settings of the rhythm rules, and the log in which they open, extend, close and withdraw findings."""

from dataclasses import dataclass, replace

from biosignal.errors import BadInput
from biosignal.events import (
    Beat,
    BeatEvidence,
    Evidence,
    Finding,
    FindingState,
    Measure,
    Outcome,
    Prediction,
    QualityLevel,
    Rung,
    finding_id,
)
from biosignal.tasks.findings import KINDS

STRIP_BEFORE_S = 4.0
STRIP_AFTER_S = 6.0
EVIDENCE_BEATS = 12
RULES = "ecg-rules/1"
_WORST = (QualityLevel.REJECTED, QualityLevel.DEGRADED, QualityLevel.USABLE)


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleSettings:
    """Limits of the rules; a clinic sets them per patient.

    Rates are per minute, times in seconds, the rest counts of beats or fractions. The defaults follow what bedside
    monitors disclose: asystole after 4 s, a pause above 2 s, ventricular tachycardia from 6 beats at 100/min.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    vt_beats: int = 6
    vt_rate_per_min: float = 100.0
    run_max_rr_s: float = 2.0
    pause_s: float = 2.0
    pause_ratio: float = 1.8
    asystole_s: float = 4.0
    asystole_unseen_s: float = 10.0
    detector_delay_s: float = 0.5
    bradycardia_per_min: float = 50.0
    tachycardia_per_min: float = 120.0
    rate_margin_per_min: float = 5.0
    rate_beats: int = 8
    irregular_beats: int = 32
    irregular_change: float = 0.10
    irregular_open: float = 0.60
    irregular_close: float = 0.40
    bad_signal_s: float = 3.0
    good_signal_s: float = 5.0
    extend_every_s: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.bradycardia_per_min < self.tachycardia_per_min:
            raise BadInput(
                "the limit for bradycardia must be below the one for tachycardia",
                bradycardia_per_min=self.bradycardia_per_min,
                tachycardia_per_min=self.tachycardia_per_min,
            )
        if not 0 < self.pause_s < self.asystole_s <= self.asystole_unseen_s:
            raise BadInput("a pause must be shorter than asystole", pause_s=self.pause_s, asystole_s=self.asystole_s)
        if self.vt_beats < 3 or self.rate_beats < 3 or self.irregular_beats < 16:
            raise BadInput(
                "too few beats to judge a rhythm by",
                vt_beats=self.vt_beats,
                rate_beats=self.rate_beats,
                irregular_beats=self.irregular_beats,
            )
        if not 0 < self.irregular_close < self.irregular_open <= 1:
            raise BadInput("an irregular rhythm must close below where it opens", open=self.irregular_open)


def by_rule(kind: str) -> Prediction:
    """Say that a rule over measured intervals made the finding, not a classifier: no probability."""
    return Prediction(task="ecg-rules", bundle=RULES, rung=Rung.RULES, label=kind, scores=())


class FindingLog:
    """Makes findings and their revisions, and keeps them until the stage yields them.

    `clock` is the highest `decided_at` seen: the only time the rules know.
    """

    def __init__(self, *, device: str, recording: str, fs_hz: float, stream: str, settings: RuleSettings) -> None:
        self.device = device
        self.recording = recording
        self.fs_hz = fs_hz
        self.stream = stream
        self.settings = settings
        self.clock = 0
        self._made: list[Finding] = []

    def samples(self, seconds: float) -> int:
        """Turn seconds into samples."""
        return round(seconds * self.fs_hz)

    def seconds(self, samples: int) -> float:
        """Turn samples into seconds."""
        return samples / self.fs_hz

    def drain(self) -> list[Finding]:
        """Hand over what was made since the last call."""
        made, self._made = self._made, []
        return made

    def open(
        self,
        kind: str,
        *,
        lead: str,
        onset: int,
        end: int,
        outcome: Outcome,
        measures: tuple[Measure, ...],
        quality: QualityLevel,
        beats: tuple[BeatEvidence, ...] = (),
    ) -> Finding:
        """Open a finding: revision 0."""
        leads = (lead,)
        evidence = Evidence(
            measures=measures,
            strip_start=max(0, onset - self.samples(STRIP_BEFORE_S)),
            strip_end=onset + self.samples(STRIP_AFTER_S),
            fs_hz=self.fs_hz,
            quality=quality,
            beats=beats,
        )
        finding = Finding(
            id=finding_id(
                device=self.device,
                recording=self.recording,
                stream=self.stream,
                kind=kind,
                leads=leads,
                onset=onset,
            ),
            rev=0,
            device=self.device,
            recording=self.recording,
            stream=self.stream,
            kind=kind,
            state=FindingState.OPENED,
            priority=KINDS[kind].priority,
            onset=onset,
            end=max(onset, end),
            decided_at=self.clock,
            leads=leads,
            outcome=outcome,
            evidence=evidence,
        )
        self._made.append(finding)
        return finding

    def is_due(self, finding: Finding) -> bool:
        """Tell whether an open finding was silent long enough to be extended."""
        return self.clock - finding.decided_at >= self.samples(self.settings.extend_every_s)

    def revise(
        self,
        finding: Finding,
        state: FindingState,
        *,
        end: int | None = None,
        measures: tuple[Measure, ...] | None = None,
        beats: tuple[BeatEvidence, ...] | None = None,
    ) -> Finding:
        """Make the next revision; what is not given stays as it was."""
        evidence = finding.evidence
        evidence = replace(
            evidence,
            measures=evidence.measures if measures is None else measures,
            beats=evidence.beats if beats is None else beats,
        )
        revised = replace(
            finding,
            rev=finding.rev + 1,
            state=state,
            end=finding.end if end is None else max(finding.onset, end),
            decided_at=self.clock,
            evidence=evidence,
        )
        self._made.append(revised)
        return revised


def beat_evidence(beats: list[Beat]) -> tuple[BeatEvidence, ...]:
    """Keep the first beats of a finding with what the classifier said and saw."""
    return tuple(
        BeatEvidence(sample=beat.sample, outcome=beat.outcome, inputs=beat.inputs) for beat in beats[:EVIDENCE_BEATS]
    )


def worst_quality(beats: list[Beat]) -> QualityLevel:
    """Give the worst signal quality among beats; rejected where there is none."""
    levels = {beat.quality for beat in beats}
    return next((level for level in _WORST if level in levels), QualityLevel.REJECTED)


def unclassified(beats: list[Beat]) -> int:
    """Count the beats that no classifier answered."""
    return sum(not isinstance(beat.outcome, Prediction) for beat in beats)
