"""What is stated of a recording, and what was measured of it: `edge-agent classify`.

The recording goes through the very analysis the daemon runs. What is stated are the marks of every task whose scores
are statements; what was measured are the series of all tasks.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from biosignal.errors import BadInput
from biosignal.events import AlarmEvent, Finding, Mark, Series
from biosignal.model.model import Model
from biosignal.model.similar import Similar
from biosignal.signal.blocks import Gap
from biosignal.tasks.explained import listening
from biosignal.tasks.stated import measured_of, statements_of, states
from edge_agent.operate.clock import HostClock
from edge_agent.replay.ecg_print import MOST_PRINTS, EcgPage, ecg_pages
from edge_agent.replay.player import Player
from edge_agent.replay.printed.ecg import ecg_pdf
from edge_agent.replay.progress import Progress
from edge_agent.replay.replay import open_models, open_similar
from edge_agent.replay.reporting import MAKER, check_place, write_pdf
from edge_agent.replay.result import Result
from edge_agent.sources.choosing import preferred_lead, with_beating_leads, with_declared_kinds
from edge_agent.sources.paced import Paced
from edge_agent.sources.port import Source, SourceFacts
from edge_agent.sources.resolve import Places, ReadAs, resolve
from edge_agent.sources.stretch import Stretch

LIKELY = 0.5
"""In words, a statement is written out from this probability on."""


class NothingStated(BadInput):
    """No task had anything to say: the recording is too short, or its leads are not those that are asked for."""

    remedy = (
        "give ten seconds or more of leads named by their place, I, II, V1 to V6, in millivolts; "
        "`edge-agent convert FILE out.edf --lead NAME=KIND` says what a lead is"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifyRequest:
    """What to read; the fields are the verb's flags."""

    record: str
    json: bool = False
    lead: str | None = None
    models: Path | None = None
    from_s: float = 0.0
    to_s: float | None = None
    fs_hz: float | None = None
    time_column: str | None = None
    pdf: Path | None = None
    why: str | None = None
    fill: bool = False


@dataclass(slots=True)
class _Stated(Result):
    """Keeps statements and series besides."""

    statements: list[Mark] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)

    def add_mark(self, mark: Mark) -> bool:
        """Keep what states."""
        if states(mark):
            self.statements.append(mark)
        return False

    def add_series(self, series: Series) -> None:
        """Keep a series."""
        self.series.append(series)


class _Failures:
    """Hears of faults of tasks; everything else is kept by the result."""

    def __init__(self, stderr: TextIO) -> None:
        self._stderr = stderr

    def mark(self, mark: Mark) -> None:
        """Nothing."""

    def finding(self, finding: Finding, label: str) -> None:
        """Nothing."""

    def alarm(self, alarm: AlarmEvent, label: str) -> None:
        """Nothing."""

    def series(self, series: Series) -> None:
        """Nothing."""

    def gap(self, gap: Gap) -> None:
        """Nothing."""

    def task_failed(self, task: str, error: Exception) -> None:
        """Say so at once."""
        print(f"{task} failed: {type(error).__name__}: {error}", file=self._stderr)


def classify(request: ClassifyRequest, *, places: Places, stdout: TextIO, stderr: TextIO) -> None:
    """Read a recording, and write what is stated of it and what was measured.

    Raises
    ------
    BadInput : the record, or the place of the PDF, cannot be used.
    NothingStated : nothing could be stated of any of it.
    NoSuchStatement : the statement that is to be explained is not made.
    RefusedForSafety : a model bundle is not what it says, or a file that is no PDF would be overwritten.
    """
    if request.pdf is not None:
        check_place(request.pdf)
    elif request.why is not None:
        raise BadInput("reasons are shown on paper", why=request.why, remedy="give --pdf OUT with --why")
    elif request.fill:
        raise BadInput("what is missing is filled on paper alone", remedy="give --pdf OUT with --fill")
    source = _source(request, places)
    facts = source.recording_facts()
    models = listening(open_models(request.models))
    progress = Progress(stderr, facts=facts, clock=HostClock())
    player = Player(facts, models, report=_Failures(stderr), prefer=preferred_lead(facts, request.lead), gather=_Stated)
    progress.begin()
    try:
        results = [
            one
            for one in player.play(Paced(source, speed=None, clock=HostClock()), progress)
            if isinstance(one, _Stated)
        ]
        progress.end()
        similar = open_similar(request.models)
        lines = [line for result in results for line in _lines(result, similar)]
        if not any(line["type"] == "statements" for line in lines):
            raise NothingStated("nothing is stated of this recording", **_why(facts, player.end))
        if request.pdf is not None:
            lines += _print(request, results, lines, source, player.recording, models)
            if (count := sum(line["type"] == "statements" for line in lines)) > MOST_PRINTS:
                print(f"on paper are the first {MOST_PRINTS} of {count} windows; --from chooses others", file=stderr)
    finally:
        progress.end()
        for model in models.values():
            if model.backend is not None:
                model.backend.close()
    if player.broke is not None:
        print(f"the recording broke off: {player.broke}", file=stderr)
    lines.append(_summary(facts, lines, length_s=player.end / facts.fs_hz))
    stdout.writelines((json.dumps(line) if request.json else _in_words(line)) + "\n" for line in lines)


def _print(
    request: ClassifyRequest,
    results: list[_Stated],
    lines: list[dict[str, Any]],
    source: Source,
    recording: str,
    models: dict[str, Model],
) -> list[dict[str, Any]]:
    """Write the first windows as pages of a PDF; give lines on what was filled on them."""
    assert request.pdf is not None
    measured = [line for line in lines if line["type"] == "measured"]
    pages = [
        page
        for result in results
        for page in ecg_pages(
            result.statements,
            measured,
            source,
            rates=_rates(result),
            models=models,
            recording=recording,
            code=request.why,
            fill=request.fill,
        )
    ]
    if not pages:
        raise NothingStated("there is no lead to print", leads=[lead.name for lead in source.recording_facts().leads])
    write_pdf(request.pdf, ecg_pdf(pages[:MOST_PRINTS], maker=MAKER))
    return [line for page in pages[:MOST_PRINTS] for line in _filled(page)]


def _filled(page: EcgPage) -> Iterator[dict[str, Any]]:
    """What of a page was filled for the eye, in seconds of the recording."""
    for one in page.print_.filled:
        from_s, to_s = (round(page.first_s + float(one[name]), 3) for name in ("from_s", "to_s"))
        yield {"type": "filled", "lead": one["lead"], "from_s": from_s, "to_s": to_s, "by": one["by"]}


def _rates(result: _Stated) -> dict[str, float]:
    return {one.task.name: one.fs_hz for one in result.plan.assignments}


def _source(request: ClassifyRequest, places: Places) -> Source:
    read_as = ReadAs(fs_hz=request.fs_hz, time_column=request.time_column)
    known = with_declared_kinds(with_beating_leads(resolve(request.record, places, read_as=read_as)), request.lead)
    if request.from_s > 0 or request.to_s is not None:
        return Stretch(known, from_s=request.from_s, to_s=request.to_s)
    return known


def _why(facts: SourceFacts, samples: int) -> dict[str, Any]:
    return {
        "record": facts.name,
        "length_s": round(samples / facts.fs_hz, 1),
        "leads": [f"{lead.name} ({lead.kind.value}, {lead.unit.value})" for lead in facts.leads][:12],
    }


def _lines(result: _Stated, similar: Mapping[str, Similar]) -> Iterator[dict[str, Any]]:
    fs_hz = _rates(result)
    yield from (statements_of(mark, fs_hz[mark.task], similar) for mark in result.statements)
    yield from (line for series in result.series if (line := measured_of(series)) is not None)


def _summary(facts: SourceFacts, lines: list[dict[str, Any]], *, length_s: float) -> dict[str, Any]:
    """Mean probability of each statement over the windows that had an answer."""
    windows = [line for line in lines if line["type"] == "statements"]
    answered = [line for line in windows if line["statements"]]
    sums: dict[str, list[float]] = {}
    for line in answered:
        for one in line["statements"]:
            sums.setdefault(one["code"], []).append(one["probability"])
    means = {code: round(sum(found) / len(found), 4) for code, found in sums.items()}
    return {
        "type": "summary",
        "record": facts.name,
        "length_s": round(length_s, 3),
        "windows": len(windows),
        "answered": len(answered),
        "probabilities": dict(sorted(means.items(), key=lambda one: -one[1])),
    }


def _in_words(line: dict[str, Any]) -> str:
    if line["type"] == "summary":
        return f"{line['record']}: {line['answered']} of {line['windows']} windows answered, {line['length_s']:g} s"
    if line["type"] == "filled":
        return (
            f"{line['from_s']:g} to {line['to_s']:g} s, {line['lead']}: filled on paper by {line['by']}, not measured"
        )
    head = f"{line['from_s']:g} to {line['to_s']:g} s, {', '.join(line['leads'])}"
    if line["type"] == "measured":
        values = ", ".join(f"{one['label']} {one['value']:g} {one['unit']}".strip() for one in line["values"])
        return f"{head}: {values}"
    if not line["statements"]:
        return f"{head}: nothing stated: {line['because']}"
    shown = [one for one in line["statements"] if one["probability"] >= LIKELY or one["code"] == line["called"]]
    rows = [f"  {one['probability']:.2f}  {one['code']:6} {one['means']}" for one in shown]
    rows += [
        f"  like reviewed record {one['record']} ({one['likeness']:.2f}): {', '.join(one['stated'])}"
        for one in line.get("similar", ())
    ]
    return "\n".join([f"{head} ({line['quality']}), by {line['bundle']}:", *rows])
