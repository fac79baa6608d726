"""A replay on the terminal: for people, or as JSON lines."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from biosignal.errors import listed
from biosignal.events import AlarmEvent, Finding, Mark, Prediction, Series
from biosignal.model.model import Model
from biosignal.scoring.score import Scored
from biosignal.signal.blocks import Gap, Unit
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import finding_kind, label_of, mark_kind, quantity, shown
from edge_agent.replay.progress import clock_text
from edge_agent.replay.result import Result
from edge_agent.sources.paced import LOOP
from edge_agent.sources.port import Remark, SourceFacts


class JsonReport:
    """One JSON object a line, with `type`; the last is `summary`. Samples count as in the whole record."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._facts: SourceFacts | None = None
        self._bundles: dict[str, str | None] = {}
        self._bundle: str | None = None
        self._first = 0

    def begin(self, facts: SourceFacts, results: Sequence[Result], models: Mapping[str, Model]) -> None:
        """Write what is replayed, which task reads which lead, and what classifies."""
        self._facts, self._first = facts, facts.first_sample
        self._bundles = {name: one.backend.bundle if one.backend else None for name, one in models.items()}
        reported = [name for result in results for name in result.reported if name in self._bundles]
        self._bundle = self._bundles[reported[0]] if reported else None
        leads = _analysed(results)
        units = {lead.name: lead.unit.value for lead in facts.leads}
        reasons = [f"{one.reason}" for one in models.values() if one.backend is None]
        self._line(
            "recording",
            record=facts.name,
            leads=leads,
            units=[units[name] for name in leads],
            fs_hz=facts.fs_hz,
            samples=facts.length,
            first_sample=facts.first_sample,
            notes=list(facts.notes),
            bundle=self._bundle,
            bundles=self._bundles,
            reason="; ".join(reasons) or None,
            tasks=[
                {"task": one.task.name, "leads": list(one.names), "fs_hz": one.fs_hz}
                for result in results
                for one in result.plan.assignments
            ],
            not_analysed=sorted({lead.name for result in results for lead in result.plan.passed_over}),
        )

    def remark(self, remark: Remark) -> None:
        """Write an annotation that the file itself carries."""
        self._line("remark", sample=self._first + remark.sample, for_s=remark.for_s, text=remark.text)

    def mark(self, mark: Mark) -> None:
        """Write a confirmed mark, under the type of line that its task declares."""
        kind, said = mark_kind(mark.task, mark.kind), mark.outcome
        answer: dict[str, Any] = (
            {"scores": dict(said.scores), "rung": said.rung.value}
            if isinstance(said, Prediction)
            else {"reason": said.reason}
        )
        self._line(
            kind.line or mark.kind,
            task=mark.task,
            kind=mark.kind,
            lead=mark.leads[0],
            leads=list(mark.leads),
            sample=self._first + mark.start,
            end=self._first + mark.end,
            label=label_of(mark),
            **_numbers(mark),
            quality=mark.quality.value,
            decided_at=self._first + mark.decided_at,
            **answer,
        )

    def series(self, series: Series) -> None:
        """Write quantities over time."""
        self._line(
            "series",
            task=series.task,
            leads=list(series.leads),
            fs_hz=series.fs_hz,
            start=self._first + series.start,
            end=self._first + series.end,
            step=series.step,
            columns={column.quantity: list(column.values) for column in series.columns},
        )

    def finding(self, finding: Finding, label: str) -> None:
        """Write a revision of a finding."""
        self._line(
            "finding",
            id=finding.id,
            rev=finding.rev,
            task=finding.task,
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

    def alarm(self, alarm: AlarmEvent, label: str) -> None:
        """Write a change of an alarm."""
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

    def gap(self, gap: Gap) -> None:
        """Write lost samples."""
        self._line("gap", start=self._first + gap.start, length=gap.length, reason=gap.reason)

    def task_failed(self, task: str, error: Exception) -> None:
        """Write that a task met a fault; the others go on."""
        self._line("task-failed", task=task, why=f"{type(error).__name__}: {error}")

    def wrote(self, path: Path) -> None:
        """Write which file was written."""
        self._line("annotations", file=str(path))

    def stages(self, file: Path, seconds: Mapping[str, float]) -> None:
        """Write how long the stages of sleep were that experts scored."""
        self._line("stages", file=str(file), seconds=dict(seconds))

    def score(self, lead: str, score: Scored, *, truth: str) -> None:
        """Write how what was found compares to the truth."""
        self._line("score", lead=lead, truth=truth, start_s=score.start_s, **score.to_json())

    def end(
        self,
        results: Sequence[Result],
        *,
        samples: int,
        missing: int,
        gaps: int,
        seconds: float,
        broke_off: str | None = None,
    ) -> None:
        """Sum up; `broke_off` is why the recording did not come to its end."""
        assert self._facts is not None, "begin comes first"
        self._line(
            "summary",
            record=self._facts.name,
            samples=samples,
            missing=missing,
            gaps=gaps,
            bundle=self._bundle,
            leads=[_summed(result, lead) for result in results for lead in result.leads],
            seconds=round(seconds, 3),
            **({} if broke_off is None else {"of_samples": self._facts.length, "broke_off": broke_off}),
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
        self._length: int | None = None

    def begin(self, facts: SourceFacts, results: Sequence[Result], models: Mapping[str, Model]) -> None:
        """Show what is replayed, which task reads which lead, and what classifies."""
        self._fs_hz, self._first, self._length = facts.fs_hz, facts.first_sample, facts.length
        length = f", {clock_text((facts.length or 0) / facts.fs_hz)}" if facts.length else ""
        named = listed(_analysed(results)) or "no lead that any task reads"
        self._show(f"{facts.name}: {named} at {facts.fs_hz:g} Hz{length}")
        for line in dict.fromkeys(line for result in results for line in result.plan.sentences()):
            self._show(f"  {line}")
        read = {one.task.name for result in results for one in result.plan.assignments}
        for name, model in models.items():
            if name in read:
                self._show(served(name, model))
        if facts.first_sample:
            self._show(f"From {self._clock(0, facts.fs_hz)} on; times are those of the whole record")
        for note in facts.notes:
            self._show(f"Note: {note}")
        raw = [lead.name for lead in facts.leads if lead.unit is Unit.RAW and lead.name in _analysed(results)]
        if raw:
            self._show(f"The scale of {listed(raw)} is not known: amplitudes are not measured")
        self._show("")

    def remark(self, remark: Remark) -> None:
        """The file's own annotations are in the JSON lines only."""

    def mark(self, mark: Mark) -> None:
        """Marks are counted at the end."""

    def series(self, series: Series) -> None:
        """Quantities over time are in the JSON lines only."""

    def finding(self, finding: Finding, label: str) -> None:
        """Show a finding as it opens, where the replay runs as if live."""
        if self._live and finding.rev == 0:
            onset = self._clock(finding.onset, finding.evidence.fs_hz)
            self._show(f"{onset}  {label} ({finding.priority.value})", flush=True)

    def alarm(self, alarm: AlarmEvent, label: str) -> None:
        """Show a change of an alarm, where the replay runs as if live."""
        if self._live:
            self._show(f"{self._clock(alarm.at, self._fs_hz)}  alarm {alarm.state.value}: {label}", flush=True)

    def gap(self, gap: Gap) -> None:
        """Show lost samples."""
        if gap.length or gap.reason != LOOP:
            many = gap.length or "an unknown number of"
            self._show(f"{self._clock(gap.start, self._fs_hz)}  {many} samples missing ({gap.reason})")

    def task_failed(self, task: str, error: Exception) -> None:
        """Show that a task met a fault; the others go on."""
        self._show(f"{task} failed and begins anew later: {type(error).__name__}: {error}", flush=True)

    def wrote(self, path: Path) -> None:
        """Show which file was written."""
        self._show(f"Annotations written to {path}")

    def stages(self, file: Path, seconds: Mapping[str, float]) -> None:
        """Show how long the stages of sleep were that experts scored."""
        lengths = ", ".join(f"{name} {clock_text(each)}" for name, each in seconds.items())
        self._show(f"Stages by {file.name}: {lengths}")

    def score(self, lead: str, score: Scored, *, truth: str) -> None:
        """Show how what was found compares to the truth."""
        start_s = score.start_s
        left_out = f"the first {start_s:g} s left out" if start_s else "nothing left out (the record is short)"
        self._show(f"{score.protocol} on {lead} against .{truth}, {left_out}")
        for line in score.table().lines(indent="  "):
            self._show(line)
        self._show("")

    def end(
        self,
        results: Sequence[Result],
        *,
        samples: int,
        missing: int,
        gaps: int,
        seconds: float,
        broke_off: str | None = None,
    ) -> None:
        """Show findings and sums; `broke_off` is why the recording did not come to its end."""
        for result in results:
            self._show_result(result)
        duration_s, present_s = samples / self._fs_hz, (samples - missing) / self._fs_hz
        ratio = f", {duration_s / seconds:.0f} times real time" if seconds > 0 else ""
        whole_s = duration_s if broke_off is None or not self._length else self._length / self._fs_hz
        played = f"{clock_text(present_s)} of {clock_text(whole_s)}" if whole_s > present_s else clock_text(duration_s)
        self._show(f"{played} replayed in {seconds:.1f} s{ratio}; {gaps} gap{'' if gaps == 1 else 's'}", flush=True)

    def _show_result(self, result: Result) -> None:
        named, standing = listed(result.leads) or "no lead", result.standing()
        if standing:
            self._show(f"Findings on {named}")
            self._show(f"  {'at':>9} {'for':>9}  {'priority':9} what")
        for finding in standing:
            self._show(_row(finding, self._clock(finding.onset, finding.evidence.fs_hz)))
        sums = [_counted(plural, counts) for plural, counts in result.counted().items()]
        alarms = len({alarm.id for alarm in result.alarms})
        self._show(f"{named}: {', '.join([*sums, f'{len(standing)} findings', f'{alarms} alarms'])}")
        for reason, count in sorted(result.unanswered.items()):
            self._show(f"  {count} not classified: {reason}")

    def _clock(self, sample: int, fs_hz: float) -> str:
        return clock_text(self._first / self._fs_hz + sample / fs_hz)

    def _show(self, text: str, *, flush: bool = False) -> None:
        self._stdout.write(text + "\n")
        if flush:
            self._stdout.flush()


Report: TypeAlias = JsonReport | TextReport


def _analysed(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(lead for result in results for lead in result.leads))


def _numbers(mark: Mark) -> dict[str, float | None]:
    """Write a mark's numbers with their units in their names, null where one is unknown."""
    written: dict[str, float | None] = {}
    for name in mark_kind(mark.task, mark.kind).numbers:
        known, value = quantity(name), mark.number(name)
        if known is not None:
            unit = f"_{known.unit.lower()}" if known.unit.isalpha() else ""
            written[f"{name}{unit}"] = None if value is None else round(value, known.decimals)
    return written


def _summed(result: Result, lead: str) -> dict[str, Any]:
    counts: dict[str, Counter[str]] = {}
    for mark in result.marks:
        if mark.leads[0] == lead:
            plural = mark_kind(mark.task, mark.kind).plural
            counts.setdefault(plural, Counter())[label_of(mark)] += 1
    for one in result.plan.assignments:
        for kind in one.task.marks if lead in one.names else ():
            if kind.line is not None:
                counts.setdefault(kind.plural, Counter())
    findings = [finding for finding in result.standing() if lead in finding.leads]
    alarms = {alarm.id for alarm in result.alarms if lead in alarm.leads}
    marks = {plural: dict(sorted(labels.items())) for plural, labels in counts.items()}
    return {"lead": lead, **marks, "findings": len(findings), "alarms": len(alarms)}


def served(task: str, model: Model) -> str:
    """Say what classifies for a task, or why nothing does."""
    named = TASKS[task].marks[0].plural.capitalize() if TASKS[task].marks else task
    if model.backend is None:
        return f"{named} are not classified: {model.reason}"
    return f"{named} classified by {model.backend.bundle} on the CPU"


def _counted(plural: str, counts: Counter[str]) -> str:
    labels = ", ".join(f"{count} {label}" for label, count in counts.most_common())
    return f"{counts.total()} {plural} ({labels})"


def _row(finding: Finding, onset: str) -> str:
    measures = ", ".join(
        f"{one.name.replace('_', ' ')} {shown(one)}{'' if one.unit == '1' else ' ' + one.unit}"
        for one in finding.evidence.measures
    )
    length = clock_text((finding.end - finding.onset) / finding.evidence.fs_hz)
    label = finding_kind(finding.kind).label
    return f"  {onset:>9} {length:>9}  {finding.priority.value:9} {label}: {measures}"
