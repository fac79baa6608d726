"""Replay a recording through the very analysis the daemon runs, without broker, store or cloud."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from biosignal.errors import BadInput
from biosignal.events import AlarmEvent, Beat, BeatState, Event, Finding, Quality, QualityLevel
from biosignal.model.backend import Backend
from biosignal.scoring.ec57 import LEARNING_S, Annotations, BeatScore, score_record
from biosignal.signal.blocks import Gap, SampleBlock, Signal
from biosignal.stream.pipeline import EcgPipeline
from biosignal.tasks.findings import KINDS
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle, models_dir
from edge_agent.operate.clock import Clock, HostClock
from edge_agent.replay.annotations import Marks, annotation_path, annotations_of
from edge_agent.replay.progress import Progress
from edge_agent.replay.report import JsonReport, Report, TextReport
from edge_agent.sources.excerpt import FIRST_SAMPLE_IN_208, Excerpt
from edge_agent.sources.paced import Paced
from edge_agent.sources.port import Remarked, Source, SourceFacts, choose_leads, replay_id
from edge_agent.sources.resolve import Places, ReadAs, resolve
from edge_agent.sources.stretch import Stretch
from edge_agent.sources.wfdb_annotations import Annotation, read_annotations, write_annotations

TASK = "ecg-beats"
DEVICE = "replay"
SHORT_S = 2 * LEARNING_S  # in a shorter record the standard's learning period would leave too little to score


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


@dataclass(slots=True)
class LeadResult:
    """What the analysis of one lead said."""

    index: int
    name: str
    marks: Marks = field(default_factory=Marks)
    alarms: list[AlarmEvent] = field(default_factory=list)
    unclassified: dict[str, int] = field(default_factory=dict)


def replay(
    request: ReplayRequest, *, places: Places, stdout: TextIO, stderr: TextIO, clock: Clock | None = None
) -> list[LeadResult]:
    """Replay a record and report on it; what was found, by lead.

    Raises
    ------
    BadInput : the record, the lead, the annotations or the output folder cannot be used.
    RefusedForSafety : the output would lie beside the input, or the model bundle is not what it says.
    """
    clock = clock or HostClock()
    read_as = ReadAs(lead=request.lead, fs_hz=request.fs_hz, time_column=request.time_column)
    whole = resolve(request.record, places, annotators=(request.truth or "atr",), read_as=read_as)
    cut = request.from_s > 0 or request.to_s is not None
    source: Source = Stretch(whole, from_s=request.from_s, to_s=request.to_s) if cut else whole
    facts = source.recording_facts()
    leads = choose_leads(facts, request.lead)
    out = annotation_path(facts, folder=request.out, annotator=request.annotator) if request.out else None
    truth = _truth(request, facts, whole, places)
    backend, reason = _backend(request.models)
    report: Report = JsonReport(stdout) if request.json else TextReport(stdout, live=request.speed is not None)
    report.begin(facts, [facts.leads[index].name for index in leads], backend.bundle if backend else None, reason)
    if isinstance(source, Remarked):
        for remark in source.remarks():
            report.remark(remark)
    progress = Progress(stderr, facts=facts, clock=clock)
    player = Player(facts, leads, backend=backend, reason=reason, report=report)
    paced = Paced(source, speed=request.speed, clock=clock)
    try:
        results = player.play(paced, progress)
    finally:
        progress.end()
        if backend:
            backend.close()
    if out is not None:
        ours = annotations_of([(result.index, result.marks) for result in results])
        # The file stands beside the whole record, so its samples count from that record's start.
        write_annotations(out, [replace(one, sample=one.sample + facts.first_sample) for one in ours])
        report.wrote(out)
    length = player.end
    if truth is not None:
        start_s = LEARNING_S if length / facts.fs_hz >= SHORT_S else 0.0
        for result in results:
            score = _score(result, truth, fs_hz=facts.fs_hz, start_s=start_s, end=length)
            report.score(result.name, score, start_s=start_s, truth=request.truth or "")
    report.end(results, samples=length, gaps=player.gaps, seconds=progress.seconds)
    return results


class Player:
    """Runs one analysis a lead over a source and hands every event to the report.

    Parameters
    ----------
    facts : of the whole record; `leads` are indices into its leads.
    backend : classifies the beats; without one they are not classified, for `reason`.
    """

    def __init__(
        self,
        facts: SourceFacts,
        leads: tuple[int, ...],
        *,
        backend: Backend | None,
        reason: str,
        report: Report,
    ) -> None:
        self._report = report
        self._facts = facts
        self._alarms = [AlarmMachine(DEVICE) for _ in leads]
        chosen = replace(facts, leads=tuple(facts.leads[index] for index in leads))
        self.recording = replay_id(chosen)
        self.results = [LeadResult(index=index, name=facts.leads[index].name) for index in leads]
        self._pipelines = [
            EcgPipeline(
                device=DEVICE,
                recording=self.recording,
                fs_hz=facts.fs_hz,
                leads=(facts.leads[index],),
                backend=backend,
                backend_reason=reason,
            )
            for index in leads
        ]
        self.end = 0
        self.gaps = 0

    def play(self, source: Source, progress: Progress) -> list[LeadResult]:
        """Analyse the source to its end."""
        source.open(self.recording)
        for item in source.read():
            self.end = item.end
            if isinstance(item, Gap):
                self.gaps += 1
                self._report.gap(item, self._facts.fs_hz)
            for result, pipeline, alarms in zip(self.results, self._pipelines, self._alarms, strict=True):
                for event in pipeline.push(self._one_lead(item, result.index)):
                    self._take(result, event, alarms)
            progress.at(item.end)
        for result, pipeline, alarms in zip(self.results, self._pipelines, self._alarms, strict=True):
            for event in pipeline.finish():
                self._take(result, event, alarms)
        return self.results

    def _one_lead(self, item: Signal, index: int) -> Signal:
        if isinstance(item, Gap):
            return item
        samples = np.ascontiguousarray(item.samples[index : index + 1])
        return SampleBlock(
            recording=item.recording,
            start=item.start,
            fs_hz=item.fs_hz,
            leads=item.leads[index : index + 1],
            samples=samples,
        )

    def _take(self, result: LeadResult, event: Signal | Event, alarms: AlarmMachine) -> None:
        if isinstance(event, Quality):
            if event.level is QualityLevel.REJECTED:
                result.marks.unusable.append((event.start, event.end))
            self._tell(result, alarms.tick(event.decided_at / self._facts.fs_hz, event.decided_at))
        elif isinstance(event, Beat) and event.state is BeatState.CONFIRMED:
            result.marks.beats.append((event.sample, event.label))
            reason = getattr(event.outcome, "reason", None)
            if reason is not None:
                result.unclassified[reason] = result.unclassified.get(reason, 0) + 1
            self._report.beat(event, self._facts.fs_hz)
        elif isinstance(event, Finding):
            result.marks.findings[event.id] = event
            self._report.finding(event, KINDS[event.kind].label)
            self._tell(result, alarms.tick(event.decided_at / self._facts.fs_hz, event.decided_at))
            self._tell(result, alarms.on_finding(event))
        elif isinstance(event, Gap) and event.length:
            result.marks.unusable.append((event.start, event.end))

    def _tell(self, result: LeadResult, alarms: list[AlarmEvent]) -> None:
        for alarm in alarms:
            result.alarms.append(alarm)
            self._report.alarm(alarm, KINDS[alarm.kind].label, self._facts.fs_hz)


def _backend(models: Path | None) -> tuple[Backend | None, str]:
    folder = find_bundle(TASK, folder=models)
    if folder is None:
        return None, f"no bundle of {TASK} in {models_dir(models)}"
    return cpu_backend(load_bundle(folder)), ""


def _truth(request: ReplayRequest, facts: SourceFacts, source: Source, places: Places) -> Annotations | None:
    if request.truth is None:
        return None
    if isinstance(source, Excerpt):
        if places.data_dir is None:
            raise BadInput(
                "the excerpt's annotations are those of mitdb/208",
                remedy="set EDGE_DATA_DIR to the folder that holds mitdb/, or leave --truth out",
            )
        whole = read_annotations(places.data_dir / "mitdb" / f"208.{request.truth}")
        found = _shifted(whole, FIRST_SAMPLE_IN_208)
    elif (own_truth := getattr(source, "annotations", None)) is not None:
        found = own_truth()
    elif facts.path is None:
        raise BadInput("this source has no annotations", record=facts.name, remedy="leave --truth out")
    else:
        found = read_annotations(Path(f"{facts.path}.{request.truth}"))
    if facts.first_sample:
        found = _shifted(found, facts.first_sample)
    # Some files of old are not in the order of their samples.
    found.sort(key=lambda one: one.sample)
    return Annotations([one.sample for one in found], [one.symbol for one in found], [one.subtype for one in found])


def _shifted(annotations: list[Annotation], first: int) -> list[Annotation]:
    return [replace(one, sample=one.sample - first) for one in annotations if one.sample >= first]


def _score(result: LeadResult, truth: Annotations, *, fs_hz: float, start_s: float, end: int) -> BeatScore:
    ours = annotations_of([(result.index, result.marks)])
    test = Annotations([one.sample for one in ours], [one.symbol for one in ours], [one.subtype for one in ours])
    return score_record(truth, test, fs_hz=fs_hz, start_s=start_s, end=end)
