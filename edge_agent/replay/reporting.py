"""The verb `report`: a recording through the daemon's own analysis, as a PDF and as numbers."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import biosignal
from biosignal.errors import BadInput, RefusedForSafety
from biosignal.events import AlarmEvent, Finding, Mark, Series
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap
from biosignal.stream.assign import Plan
from biosignal.tasks.overview import Section
from edge_agent.operate.clock import Clock, HostClock
from edge_agent.replay.compared import compared
from edge_agent.replay.gathered import Gathered
from edge_agent.replay.player import Player
from edge_agent.replay.printed.document import pdf_of
from edge_agent.replay.progress import Progress
from edge_agent.replay.record_report import RecordReport, of_whole_record
from edge_agent.replay.replay import open_models
from edge_agent.replay.report import served
from edge_agent.replay.strips import strips_of
from edge_agent.replay.truth import read_truth
from edge_agent.sources.choosing import compared_leads, preferred_lead, with_declared_kinds
from edge_agent.sources.port import Source, SourceFacts
from edge_agent.sources.resolve import Places, ReadAs, resolve
from edge_agent.sources.stretch import Stretch
from edge_agent.sources.wfdb_annotations import Annotation

MOST_NAMED = 24
"""Leads of a kind that are named on the cover."""
MAKER = f"Bedside {biosignal.__version__}"
CHOSEN = (
    "Of each kind of finding the longest, by priority, then the second longest, and so on; the red bar is the finding. "
    "Printed at 100 %, the strips are to scale."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRequest:
    """What to report on and where to; the fields are the verb's flags."""

    record: str
    pdf: Path | None = None
    json: bool = False
    lead: str | None = None
    truth: str | None = None
    models: Path | None = None
    from_s: float = 0.0
    to_s: float | None = None
    fs_hz: float | None = None
    time_column: str | None = None


@dataclass(slots=True)
class _Faults:
    """Hears of the faults that tasks met; all else is gathered where it is needed."""

    failed: Counter[str] = field(default_factory=Counter)

    def mark(self, mark: Mark) -> None:
        """Gathered elsewhere."""

    def finding(self, finding: Finding, label: str) -> None:
        """Gathered elsewhere."""

    def alarm(self, alarm: AlarmEvent, label: str) -> None:
        """Gathered elsewhere."""

    def series(self, series: Series) -> None:
        """An overview has its own numbers."""

    def gap(self, gap: Gap) -> None:
        """Gathered elsewhere."""

    def task_failed(self, task: str, error: Exception) -> None:
        """Count it."""
        self.failed[f"{task} failed and began anew ({type(error).__name__}: {error})"] += 1


def report(
    request: ReportRequest, *, places: Places, stdout: TextIO, stderr: TextIO, clock: Clock | None = None
) -> RecordReport:
    """Analyse a record and write its report.

    Raises
    ------
    BadInput : the record, the lead, the annotations or the place of the PDF cannot be used.
    RefusedForSafety : a file that is no PDF would be overwritten, or a model bundle is not what it says.
    """
    clock = clock or HostClock()
    if request.pdf is not None:
        check_place(request.pdf)
    read_as = ReadAs(fs_hz=request.fs_hz, time_column=request.time_column)
    whole = resolve(request.record, places, annotators=(request.truth,) if request.truth else (), read_as=read_as)
    known = with_declared_kinds(whole, request.lead)
    is_cut = request.from_s > 0 or request.to_s is not None
    source: Source = Stretch(known, from_s=request.from_s, to_s=request.to_s) if is_cut else known
    facts = source.recording_facts()
    if compared_leads(facts, request.lead):
        raise BadInput("a report is of one analysis of the record", remedy="name one lead, or leave --lead out")
    truth = None if request.truth is None else read_truth(request.truth, facts, whole, places)
    models = open_models(request.models)
    faults = _Faults()
    player = Player(facts, models, report=faults, prefer=preferred_lead(facts, request.lead), gather=Gathered)
    progress = Progress(stderr, facts=facts, clock=clock)
    try:
        results = player.play(source, progress)
        if player.broke is not None:  # a report is of the whole of a recording
            raise player.broke
    finally:
        progress.end()
        for model in models.values():
            if model.backend is not None:
                model.backend.close()
    result = results[0]
    assert isinstance(result, Gathered), "the player was asked to gather so"
    made = _made(request, result, source, player, models=models, truth=truth, failed=faults.failed)
    if request.pdf is not None:
        write_pdf(request.pdf, pdf_of(made, maker=MAKER))
    _say(made, request, gaps=player.gaps, seconds=progress.seconds, stdout=stdout)
    return made


def check_place(path: Path) -> None:
    """See that a PDF can be written there, before a long analysis.

    Raises
    ------
    BadInput : there is no such folder, or it is one itself.
    RefusedForSafety : something else than a PDF lies there.
    """
    if not path.parent.is_dir():
        raise BadInput("there is no such folder", folder=str(path.parent), remedy="make the folder, or name another")
    if path.is_dir():
        raise BadInput("this is a folder", pdf=str(path), remedy="name a file, such as report.pdf")
    if path.exists() and not path.read_bytes()[:5] == b"%PDF-":
        raise RefusedForSafety("a file that is no PDF lies there", pdf=str(path), remedy="give --pdf another name")


def write_pdf(path: Path, content: bytes) -> None:
    """Write a PDF whole, or leave what is there.

    Raises
    ------
    BadInput : it cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadInput("the report cannot be written", pdf=str(path), why=str(error)) from error


def _made(
    request: ReportRequest,
    result: Gathered,
    source: Source,
    player: Player,
    *,
    models: Mapping[str, Model],
    truth: list[Annotation] | None,
    failed: Counter[str],
) -> RecordReport:
    facts, end = source.recording_facts(), player.end
    first_s = facts.first_sample / facts.fs_hz
    read = {one.task.name for one in result.plan.assignments}
    return RecordReport(
        record=facts.name,
        length_s=end / facts.fs_hz,
        first_s=first_s,
        fs_hz=facts.fs_hz,
        read=tuple(_read(result.plan)),
        served=tuple(served(name, model) for name, model in models.items() if name in read),
        notes=tuple(_notes(facts, result, failed)),
        sections=tuple(_sections(result, end=end, recording_hz=facts.fs_hz, first_s=first_s)),
        strips=tuple(strips_of(result, source, recording=player.recording, end=end, truth=truth)),
        chosen=CHOSEN,
        comparisons=()
        if truth is None
        else tuple(compared(result, truth, name=request.truth or "", end=end, recording_hz=facts.fs_hz)),
    )


def _read(plan: Plan) -> Iterator[str]:
    """Say which leads each set of tasks reads, and which leads none does."""
    tasks: dict[str, list[str]] = {}
    for one in plan.assignments:
        for name in one.names:
            tasks.setdefault(name, []).append(one.task.name)
    leads: dict[str, list[str]] = {}
    for name, those in tasks.items():
        leads.setdefault(", ".join(those), []).append(name)
    for read_by, names in sorted(leads.items(), key=lambda one: -one[0].count(",")):
        yield f"{_listed(names)}: {read_by}"
    if plan.passed_over:
        yield f"Not analysed: {_listed([lead.name for lead in plan.passed_over])}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _sections(
    result: Gathered, *, end: int, recording_hz: float, first_s: float
) -> Iterator[tuple[tuple[str, ...], Section]]:
    for one in result.plan.assignments:
        if one.task.overview is not None:
            samples = round(end * one.fs_hz / recording_hz)
            for section in one.task.overview(result.heard(one, end=samples, recording_hz=recording_hz)):
                yield one.names, of_whole_record(section, first_s)


def _notes(facts: SourceFacts, result: Gathered, failed: Counter[str]) -> Iterator[str]:
    yield from facts.notes
    lost = sum(end - start for start, end in result.gaps)
    if lost:
        yield f"{len(result.gaps)} gaps, {lost / facts.fs_hz:.1f} s in all: samples that do not exist."
    for reason, count in sorted(result.unanswered.items()):
        yield f"{count} not classified: {reason}."
    for what, count in failed.items():
        yield f"{what}, {count} times."


def _say(made: RecordReport, request: ReportRequest, *, gaps: int, seconds: float, stdout: TextIO) -> None:
    pdf = None if request.pdf is None else str(request.pdf)
    if not request.json:
        stdout.write(f"Report of {made.record} written to {pdf}\n")
        return
    stdout.writelines(json.dumps(line, allow_nan=False) + "\n" for line in _lines(made))
    sums = {"record": made.record, "length_s": made.length_s, "gaps": gaps, "pdf": pdf, "seconds": round(seconds, 3)}
    stdout.write(json.dumps({"type": "summary", **sums}) + "\n")


def _lines(made: RecordReport) -> Iterator[dict[str, Any]]:
    yield {
        "type": "recording",
        "record": made.record,
        "length_s": made.length_s,
        "first_s": made.first_s,
        "fs_hz": made.fs_hz,
        "notes": list(made.notes),
    }
    for leads, section in made.sections:
        yield {"type": "section", "leads": list(leads), **_section(section)}
    for strip in made.strips:
        what = {"title": strip.title, "caption": strip.caption, "lead": strip.lead, "start_s": strip.start_s}
        yield {"type": "strip", **what, "length_s": len(strip.samples) / strip.fs_hz}
    for one in made.comparisons:
        beside = {"leads": list(one.leads), "truth": one.truth, "start_s": one.start_s, **one.figures}
        yield {"type": "score", **beside, "rhythms": _rows(one.rhythms.columns, one.rhythms.rows)}


def _section(section: Section) -> dict[str, Any]:
    return {
        "name": section.name,
        "title": section.title,
        "figures": {
            one.name: {
                "value": one.value,
                "unit": one.unit,
                **({"why": one.why} if one.why else {}),
                **({"at_s": one.at_s} if one.at_s is not None else {}),
            }
            for one in section.figures
        },
        "grids": {grid.name: _rows(grid.columns, grid.rows) for grid in section.grids},
        "trends": {
            one.name: {"step_s": one.step_s, "unit": one.unit, "low": one.low, "mean": one.mean, "high": one.high}
            for one in section.trends
        },
        **(
            {"courses": {one.name: {"step_s": one.step_s, "held": one.held} for one in section.courses}}
            if section.courses
            else {}
        ),
        "notes": list(section.notes),
    }


def _rows(columns: Sequence[Any], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in rows]
