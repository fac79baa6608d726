"""A replay on the terminal: for people, or as JSON lines."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from biosignal.events import AlarmEvent, Beat, Finding, FindingState, Prediction
from biosignal.scoring.ec57 import BeatScore, Detection
from biosignal.signal.blocks import Gap, Unit
from biosignal.tasks.findings import KINDS, shown
from edge_agent.replay.progress import clock_text
from edge_agent.sources.port import Remark, SourceFacts

if TYPE_CHECKING:
    from edge_agent.replay.replay import LeadResult


class JsonReport:
    """One JSON object a line, with `type`; the last is `summary`."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._facts: SourceFacts | None = None
        self._bundle: str | None = None
        self._first = 0  # samples are told as they count in the whole record

    def begin(self, facts: SourceFacts, leads: list[str], bundle: str | None, reason: str) -> None:
        """Tell what is replayed and what classifies."""
        self._facts, self._bundle, self._first = facts, bundle, facts.first_sample
        units = {lead.name: lead.unit.value for lead in facts.leads}
        self._line(
            "recording",
            record=facts.name,
            leads=leads,
            units=[units[name] for name in leads],
            fs_hz=facts.fs_hz,
            samples=facts.length,
            first_sample=facts.first_sample,
            notes=list(facts.notes),
            bundle=bundle,
            reason=reason or None,
        )

    def remark(self, remark: Remark) -> None:
        """Tell an annotation that the file itself carries."""
        self._line("remark", sample=self._first + remark.sample, for_s=remark.for_s, text=remark.text)

    def beat(self, beat: Beat, fs_hz: float) -> None:
        """Tell a confirmed beat."""
        said = beat.outcome
        answer: dict[str, Any] = (
            {"scores": dict(said.scores), "rung": said.rung.value}
            if isinstance(said, Prediction)
            else {"reason": said.reason}
        )
        self._line(
            "beat",
            lead=beat.lead,
            sample=self._first + beat.sample,
            label=beat.label,
            rr_before_s=None if beat.rr_before_s is None else round(beat.rr_before_s, 4),
            quality=beat.quality.value,
            decided_at=self._first + beat.decided_at,
            **answer,
        )

    def finding(self, finding: Finding, label: str) -> None:
        """Tell a revision of a finding."""
        self._line(
            "finding",
            id=finding.id,
            rev=finding.rev,
            kind=finding.kind,
            label=label,
            state=finding.state.value,
            priority=finding.priority.value,
            leads=list(finding.leads),
            onset=self._first + finding.onset,
            end=self._first + finding.end,
            decided_at=self._first + finding.decided_at,
            measures=[{"name": one.name, "value": one.value, "unit": one.unit} for one in finding.evidence.measures],
        )

    def alarm(self, alarm: AlarmEvent, label: str, fs_hz: float) -> None:
        """Tell a change of an alarm."""
        self._line(
            "alarm",
            id=alarm.id,
            rev=alarm.rev,
            finding=alarm.finding,
            kind=alarm.kind,
            label=label,
            state=alarm.state.value,
            priority=alarm.priority.value,
            at=self._first + alarm.at,
            by=alarm.by,
        )

    def gap(self, gap: Gap, fs_hz: float) -> None:
        """Tell lost samples."""
        self._line("gap", start=self._first + gap.start, length=gap.length, reason=gap.reason)

    def wrote(self, path: Path) -> None:
        """Tell which file was written."""
        self._line("annotations", file=str(path))

    def score(self, lead: str, score: BeatScore, *, start_s: float, truth: str) -> None:
        """Tell how the beats compare to the truth."""
        figures = {name: _figures(kind) for name, kind in _kinds(score)}
        self._line("score", lead=lead, truth=truth, start_s=start_s, matrix=score.matrix.tolist(), **figures)

    def end(self, results: list["LeadResult"], *, samples: int, gaps: int, seconds: float) -> None:
        """Sum up."""
        assert self._facts is not None
        self._line(
            "summary",
            record=self._facts.name,
            samples=samples,
            gaps=gaps,
            bundle=self._bundle,
            leads=[
                {
                    "lead": result.name,
                    "beats": dict(sorted(Counter(label for _, label in result.marks.beats).items())),
                    "findings": len(_standing(result)),
                    "alarms": len({alarm.id for alarm in result.alarms}),
                }
                for result in results
            ],
            seconds=round(seconds, 3),
        )
        self._stdout.flush()

    def _line(self, kind: str, /, **fields: Any) -> None:
        self._stdout.write(json.dumps({"type": kind, **fields}, allow_nan=False) + "\n")


class TextReport:
    """Lines for people: findings in a table, then the sums. `live` shows findings as they come, too."""

    def __init__(self, stdout: TextIO, *, live: bool) -> None:
        self._stdout = stdout
        self._live = live
        self._fs_hz = 1.0
        self._first = 0

    def begin(self, facts: SourceFacts, leads: list[str], bundle: str | None, reason: str) -> None:
        """Tell what is replayed and what classifies."""
        self._fs_hz, self._first = facts.fs_hz, facts.first_sample
        length = f", {clock_text((facts.length or 0) / facts.fs_hz)}" if facts.length else ""
        self._say(f"{facts.name}: {', '.join(leads)} at {facts.fs_hz:g} Hz{length}")
        self._say(f"Beats classified by {bundle} on the CPU" if bundle else f"Beats are not classified: {reason}")
        if facts.first_sample:
            self._say(f"From {self._clock(0)} on; times are those of the whole record")
        for note in facts.notes:
            self._say(f"Note: {note}")
        raw = [lead.name for lead in facts.leads if lead.unit is Unit.RAW and lead.name in leads]
        if raw:
            self._say(f"The scale of {', '.join(raw)} is not known: amplitudes are not measured")
        self._say("")

    def remark(self, remark: Remark) -> None:
        """The file's own annotations are in the JSON lines only."""

    def beat(self, beat: Beat, fs_hz: float) -> None:
        """Beats are counted at the end."""

    def finding(self, finding: Finding, label: str) -> None:
        """Show a finding as it opens, where the replay runs as if live."""
        if self._live and finding.rev == 0:
            self._say(f"{self._clock(finding.onset)}  {label} ({finding.priority.value})", flush=True)

    def alarm(self, alarm: AlarmEvent, label: str, fs_hz: float) -> None:
        """Show a change of an alarm, where the replay runs as if live."""
        if self._live:
            self._say(f"{self._clock(alarm.at)}  alarm {alarm.state.value}: {label}", flush=True)

    def gap(self, gap: Gap, fs_hz: float) -> None:
        """Show lost samples."""
        if gap.length:
            self._say(f"{self._clock(gap.start)}  {gap.length} samples missing ({gap.reason})")

    def wrote(self, path: Path) -> None:
        """Tell which file was written."""
        self._say(f"Annotations written to {path}")

    def score(self, lead: str, score: BeatScore, *, start_s: float, truth: str) -> None:
        """Show the EC57 figures."""
        left_out = f"the first {start_s:g} s left out" if start_s else "nothing left out (the record is short)"
        self._say(f"EC57 on {lead} against .{truth}, {left_out}")
        self._say(f"  {'':4}{'Se %':>8}{'+P %':>8}{'found':>8}{'missed':>8}{'extra':>8}")
        for name, kind in _kinds(score):
            se, ppv = _percent(kind.sensitivity), _percent(kind.positive_predictivity)
            self._say(f"  {name.upper():4}{se:>8}{ppv:>8}{kind.tp:>8}{kind.fn:>8}{kind.fp:>8}")
        self._say("")

    def end(self, results: list["LeadResult"], *, samples: int, gaps: int, seconds: float) -> None:
        """Show findings and sums."""
        for result in results:
            standing = _standing(result)
            if standing:
                self._say(f"Findings on {result.name}")
                self._say(f"  {'at':>9} {'for':>9}  {'priority':9} what")
            for finding in standing:
                self._say(_row(finding, self._clock(finding.onset)))
            counts = Counter(label for _, label in result.marks.beats)
            classes = ", ".join(f"{counts[label]} {label}" for label in "NSVFQ" if counts[label])
            self._say(
                f"{result.name}: {sum(counts.values())} beats ({classes or 'none'}), {len(standing)} findings, "
                f"{len({alarm.id for alarm in result.alarms})} alarms"
            )
            for reason, count in sorted(result.unclassified.items()):
                self._say(f"  {count} beats not classified: {reason}")
        duration_s = samples / self._fs_hz
        ratio = f", {duration_s / seconds:.0f} times real time" if seconds > 0 else ""
        self._say(f"{clock_text(duration_s)} replayed in {seconds:.1f} s{ratio}; {gaps} gaps", flush=True)

    def _clock(self, sample: int) -> str:
        return clock_text((self._first + sample) / self._fs_hz)

    def _say(self, text: str, *, flush: bool = False) -> None:
        self._stdout.write(text + "\n")
        if flush:
            self._stdout.flush()


Report: TypeAlias = JsonReport | TextReport


def _standing(result: "LeadResult") -> list[Finding]:
    found = [one for one in result.marks.findings.values() if one.state is not FindingState.WITHDRAWN]
    return sorted(found, key=lambda one: (one.onset, one.kind))


def _row(finding: Finding, onset: str) -> str:
    fs_hz = finding.evidence.fs_hz
    measures = ", ".join(
        f"{one.name.replace('_', ' ')} {shown(one)}{'' if one.unit == '1' else ' ' + one.unit}"
        for one in finding.evidence.measures
    )
    length = clock_text((finding.end - finding.onset) / fs_hz)
    label = KINDS[finding.kind].label
    return f"  {onset:>9} {length:>9}  {finding.priority.value:9} {label}: {measures}"


def _kinds(score: BeatScore) -> list[tuple[str, Detection]]:
    return [("qrs", score.qrs), ("v", score.v), ("s", score.s), ("f", score.f)]


def _figures(kind: Detection) -> dict[str, Any]:
    return {
        "tp": kind.tp,
        "fn": kind.fn,
        "fp": kind.fp,
        "se": None if kind.sensitivity is None else round(kind.sensitivity, 6),
        "ppv": None if kind.positive_predictivity is None else round(kind.positive_predictivity, 6),
    }


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
