"""Replay a recording through the very analysis the daemon runs, without broker, store or cloud."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from biosignal.errors import BedsideError
from biosignal.model.model import Model
from biosignal.model.similar import Similar
from biosignal.scoring.score import Annotations
from biosignal.tasks.lookup import models as tasks_with_models
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle, models_dir
from edge_agent.operate.clock import Clock, HostClock
from edge_agent.replay.annotations import annotation_path, annotations_of
from edge_agent.replay.player import Player
from edge_agent.replay.progress import Progress
from edge_agent.replay.report import JsonReport, Report, TextReport
from edge_agent.replay.result import Result, joined
from edge_agent.replay.truth import as_reference, read_truth
from edge_agent.sources.choosing import compared_leads, preferred_lead, with_beating_leads, with_declared_kinds
from edge_agent.sources.hypnogram import hypnogram_beside, read_stages, seconds_by_stage
from edge_agent.sources.paced import Paced
from edge_agent.sources.port import Remarked, Source, SourceFacts
from edge_agent.sources.resolve import Places, ReadAs, resolve
from edge_agent.sources.stretch import Stretch
from edge_agent.sources.wfdb_annotations import write_annotations


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayRequest:
    """What to replay and what to make of it; the fields are the verb's flags."""

    record: str
    lead: str | None = None
    speed: float | None = None
    truth: str | None = None
    out: Path | None = None
    annotator: str = "bds"
    json: bool = False
    models: Path | None = None
    from_s: float = 0.0
    to_s: float | None = None
    fs_hz: float | None = None
    time_column: str | None = None


class BrokeOff(BedsideError):
    """A recording could not be read to its end; what was said of it holds up to there."""

    remedy = "look at the file and its disk; what was found up to there is above"


def replay(
    request: ReplayRequest, *, places: Places, stdout: TextIO, stderr: TextIO, clock: Clock | None = None
) -> list[Result]:
    """Replay a record and report on it: what each analysis found.

    Raises
    ------
    BadInput : the record, the lead, the annotations or the output folder cannot be used.
    BrokeOff : the recording cannot be read to its end; the report on all before it is out.
    RefusedForSafety : the output would lie beside the input, or a model bundle is not what it says.
    """
    clock = clock or HostClock()
    read_as = ReadAs(fs_hz=request.fs_hz, time_column=request.time_column)
    whole = resolve(
        request.record, places, annotators=() if request.truth is None else (request.truth,), read_as=read_as
    )
    known = with_declared_kinds(with_beating_leads(whole), request.lead)
    cut = request.from_s > 0 or request.to_s is not None
    source: Source = Stretch(known, from_s=request.from_s, to_s=request.to_s) if cut else known
    facts = source.recording_facts()
    out = annotation_path(facts, folder=request.out, annotator=request.annotator) if request.out else None
    hypnogram = hypnogram_beside(Path(facts.path)) if request.truth is not None and facts.path else None
    truth = None if request.truth is None or hypnogram is not None else read_truth(request.truth, facts, whole, places)
    models = open_models(request.models)
    progress = Progress(stderr, facts=facts, clock=clock)
    shown = progress.beside(stdout)
    report: Report = JsonReport(shown) if request.json else TextReport(shown, live=request.speed is not None)
    each = [facts.leads[index] for index in compared_leads(facts, request.lead)]
    prefer = preferred_lead(facts, request.lead)
    player = Player(facts, models, report=report, prefer=prefer, each=each)
    report.begin(facts, player.results, models)
    if isinstance(source, Remarked):
        for remark in source.remarks():
            report.remark(remark)
    progress.begin()
    try:
        results = player.play(Paced(source, speed=request.speed, clock=clock), progress)
    finally:
        progress.end()
        for model in models.values():
            if model.backend is not None:
                model.backend.close()
    if out is not None:
        _write(out, results, facts)
        report.wrote(out)
    if hypnogram is not None:
        report.stages(hypnogram, seconds_by_stage(read_stages(hypnogram)))
    if truth is not None:
        _score(results, as_reference(truth), fs_hz=facts.fs_hz, end=player.end, name=request.truth or "", report=report)
    why = None if player.broke is None else _why(player.broke)
    report.end(
        results,
        samples=player.end,
        missing=player.missing,
        gaps=player.gaps,
        seconds=progress.seconds,
        broke_off=why,
    )
    if player.broke is not None:
        raise BrokeOff(
            f"the recording broke off: {why}", remedy=getattr(player.broke, "advice", BrokeOff.remedy)
        ) from player.broke
    return results


def _why(error: BedsideError | OSError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def open_models(folder: Path | None) -> dict[str, Model]:
    """Open the released bundle of every task that uses one, on the CPU; a task without one says why.

    Raises
    ------
    BadInput, RefusedForSafety : a bundle is there and is not what it says, or not what its task needs.
    """
    opened: dict[str, Model] = {}
    for name, task in tasks_with_models().items():
        assert task.model is not None, "only tasks with a contract are listed"
        found = find_bundle(name, folder=folder)
        if found is None:
            opened[name] = Model(name, task.model, None, f"no bundle of {name} in {models_dir(folder)}")
        else:
            opened[name] = Model(name, task.model, cpu_backend(load_bundle(found), task.model))
    return opened


def open_similar(folder: Path | None) -> dict[str, Similar]:
    """Open what finds similar records, by bundle as ``name/version``, of the bundles that bring some.

    Raises
    ------
    BadInput, RefusedForSafety : a bundle is there and is not what it says.
    """
    opened: dict[str, Similar] = {}
    for name in tasks_with_models():
        found = find_bundle(name, folder=folder)
        bundle = None if found is None else load_bundle(found)
        if bundle is not None and (similar := bundle.similar()) is not None:
            opened[bundle.identity] = similar
    return opened


def _write(path: Path, results: list[Result], facts: SourceFacts) -> None:
    ours = annotations_of(results, facts)
    # The file belongs to the complete record, so its samples count from that record's start.
    placed = [replace(one, sample=one.sample + facts.first_sample) for one in ours]
    write_annotations(path, placed, resolution_hz=facts.fs_hz if facts.annotated_hz else None)


def _score(results: list[Result], truth: Annotations, *, fs_hz: float, end: int, name: str, report: Report) -> None:
    for result in results:
        for one in result.plan.assignments:
            if one.task.scorer is None:
                continue
            lead = one.names[0]
            marks = [mark for mark in result.marks if mark.task == one.task.name and mark.leads == one.names]
            unusable = joined([*result.unusable.get(lead, ()), *result.gaps])
            score = one.task.scorer(truth, marks, fs_hz=fs_hz, end=end, unusable=unusable)
            report.score(", ".join(one.names), score, truth=name)
