"""The analysis: owns the pipeline, the recording and the alarms, and decides what is kept.

It knows no thread: whoever owns it calls it, one call after the other. In the daemon that is `actor.AnalysisActor`.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from biosignal.errors import BadInput
from biosignal.events import (
    AlarmEvent,
    Durable,
    Finding,
    Inputs,
    Mark,
    MarkPack,
    Prediction,
    QualityLevel,
    Reading,
    Recording,
    Series,
    SubjectAssigned,
    Unavailable,
    stable_id,
)
from biosignal.model.backend import Backend
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock, Signal
from biosignal.stream.assign import Plan
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.stream.stage import Item
from biosignal.tasks import TASKS
from biosignal.tasks.task import Task
from edge_agent.analysis.bedside import Bedside
from edge_agent.analysis.counts import AnalysisCounts
from edge_agent.analysis.evidence import RecentMarks
from edge_agent.analysis.reader import OVERFLOW
from edge_agent.analysis.recordings import Bed, Recordings
from edge_agent.analysis.switches import Answered, Switches
from edge_agent.analysis.troubles import Place, Troubles
from edge_agent.explain.template import explain
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.operate.clock import Clock
from edge_agent.sources.port import SourceFacts
from edge_agent.store.keeper import Batch

log = logging.getLogger(__name__)
STALE_S = 0.1
"""An item that came longer ago than this does not say what time its samples were taken."""

OnWindow = Callable[[str, str, bool], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Now:
    """State of the analysis. `arrived_s` is when the newest samples came, on the steady clock; none, before any did."""

    recording: str
    fs_hz: float
    sample: int
    readings: tuple[Reading, ...]
    arrived_s: float | None


class Analysis:
    """Everything between the reader and the keeper.

    In a replay alarms run on the time of the record: they are given it at each full second of its samples, in order
    with its events, so that they do not depend on how the samples were cut into blocks.

    Parameters
    ----------
    facts : of the source. `prefer` is the lead that goes before all others in every task that can read it.
    models, limits : by task. `own_limits` are those that were set for the patient who lies there; they are in force.
    bed : device, boot and subject, written into the recordings; `previous` is the last recording of the run before.
    put : hands a batch to the keeper; must not wait.
    on_window : called with task, bundle and whether a window was answered, for the trial of a new model.
    timed : samples arrive when they are taken (a live source, a replay at 1x), so UTC is known.
    """

    def __init__(
        self,
        *,
        facts: SourceFacts,
        models: Mapping[str, Model],
        bed: Bed,
        alarms: AlarmMachine,
        put: Callable[[Batch], None],
        clock: Clock,
        timed: bool,
        limits: Mapping[str, Any] | None = None,
        own_limits: Mapping[str, Any] | None = None,
        prefer: str | None = None,
        previous: str | None = None,
        on_window: OnWindow = lambda _task, _bundle, _answered: None,
        tasks: Iterable[Task] | None = None,
    ) -> None:
        self.counts = AnalysisCounts()
        self.closed = False
        self._facts = facts
        self._models = models
        self._bed = bed
        self._alarms = alarms
        self._put = put
        self._clock = clock
        self._timed = timed
        self._usual_limits = dict(limits or {})
        self._own_limits = dict(own_limits or {})
        self._subject = bed.subject
        self._prefer = prefer
        self._on_window = on_window
        self._tasks = tuple(TASKS.values() if tasks is None else tasks)
        self._recordings = Recordings(facts, bed, clock=clock, timed=timed)
        self._switches = Switches()
        self._readings: dict[tuple[str, str, tuple[str, ...]], Reading] = {}
        self._began_s = clock.monotonic_s()
        self._arrived_s: float | None = None
        self._ticked_s = 0
        self._pipeline: Pipeline
        self._recent: RecentMarks
        self._troubles = Troubles(self._open_recording(previous, bed.subject))

    # ---- its state ----------------------------------------------------------------------------------------------

    @property
    def recording(self) -> Recording:
        """The recording at hand."""
        return self._recordings.current

    @property
    def now(self) -> Now:
        """State of the analysis."""
        return Now(
            recording=self.recording.id,
            fs_hz=self._facts.fs_hz,
            sample=self._recordings.sample,
            readings=tuple(self._readings.values()),
            arrived_s=self._arrived_s,
        )

    @property
    def alarms(self) -> tuple[AlarmEvent, ...]:
        """Unresolved alarms, most urgent first."""
        return self._alarms.alarms

    @property
    def place(self) -> Place:
        """What a finding about the equipment names now."""
        return self._troubles.place

    @property
    def plan(self) -> Plan:
        """Which task reads which lead."""
        return self._pipeline.plan

    def limits_of(self, task: Task) -> Any:
        """The limits in force for a task; None where it has none."""
        return self._pipeline.limits_of(task)

    # ---- samples -------------------------------------------------------------------------------------------------

    def push(self, signal: Signal, *, arrived_s: float | None = None) -> None:
        """Analyse one item of the source."""
        now_s = self._clock.monotonic_s()
        came_s = now_s if arrived_s is None else arrived_s
        item = self._recordings.counted(signal)
        events: list[Durable] = []
        if now_s - came_s <= STALE_S:
            events += self._recordings.anchors(item)
        if isinstance(item, Gap):
            events += self._lose(item)
        for out in self._pipeline.push(item):
            events += self._sort(out)
        self._recordings.advance(item)
        events += self._pass_time()
        block = item if isinstance(item, SampleBlock) else None
        if block is not None:
            self._arrived_s = came_s
            self.counts.samples += block.length if block.fs_hz == self._facts.fs_hz else 0
        self._put(Batch(events=tuple(events), block=block, arrived_s=came_s))

    def idle(self) -> None:
        """Nothing came for a while: only time passed."""
        if self._facts.live:
            self._keep(self._tick(self._clock.monotonic_s() - self._began_s))

    def finish(self, reason: str) -> None:
        """Close the recording; nothing may be pushed after it."""
        if not self.closed:
            self._close_recording(reason)
            self.closed = True
        self._switches.end(self._recordings.sample, self.counts.unanswered)

    # ---- orders --------------------------------------------------------------------------------------------------

    def acknowledge(self, alarm: str, by: str) -> None:
        """A person has seen an alarm."""
        self._keep(self.counts.add_alarms(self._alarms.acknowledge(alarm, by, self._recordings.sample)))

    def adopt(self, alarms: Iterable[AlarmEvent]) -> None:
        """Take over what the last run left unresolved, when that became known only now."""
        self._keep(self.counts.add_alarms(self._alarms.adopt(alarms, at=self._recordings.sample)))

    def pause_audio(self, by: str, seconds: float | None) -> None:
        """A person wants silence for a bounded time."""
        self._keep(self.counts.add_alarms(self._alarms.pause_audio(by, self._recordings.sample, seconds)))

    @property
    def bedside(self) -> Bedside:
        """Whose bed this is, and the limits that were set for them."""
        return Bedside(subject=self._subject, limits=dict(self._own_limits))

    def assign_subject(self, subject: str | None) -> None:
        """Another patient, or nobody: close the recording, open the next, start every adaptive stage anew.

        Limits that were set for the patient before are no more in force.

        Raises
        ------
        BadInput : the recording has ended, nothing follows it.
        """
        if self.closed:
            raise BadInput("the source has ended: there is no recording to assign", subject=subject)
        last, lasting = self.recording.id, self._troubles.reasons
        self._subject, self._own_limits = subject, {}
        self._close_recording("subject discharged" if subject is None else f"subject {subject} assigned")
        self._troubles.move_to(self._open_recording(last, subject))
        new = self.recording.id
        if subject is not None:
            self._keep([SubjectAssigned(id=stable_id(new, "subject", subject), recording=new, subject=subject, at=0)])
        for kind, reason in lasting.items():
            self.set_trouble(kind, reason)

    def set_limits(self, task: Task, limits: Any) -> None:
        """Give a task other limits for this patient from now on."""
        self._own_limits[task.name] = limits
        self._pipeline.set_limits(task, limits)

    def switch(self, task: str, backend: Backend | None, reason: str) -> "Future[Answered]":
        """Answer with `backend` from the next window on; the future ends when it has answered one, or failed to."""
        bundle = backend.bundle if backend is not None else ""
        waiting = self._switches.begin(task, bundle, at=self._recordings.sample, missed=self.counts.unanswered[task])
        self._models[task].switch(backend, reason)
        if backend is None or self.closed:
            self._switches.end(self._recordings.sample, self.counts.unanswered)
        return waiting

    def set_trouble(self, kind: str, reason: str | None) -> None:
        """Open a technical finding, or close it where `reason` is None; doing either twice changes nothing."""
        if not self.closed:
            at, quality = self._recordings.sample, self._quality()
            finding = self._troubles.set(kind, reason, at=at, quality=quality)
            self._keep(self._with_text(finding) if finding is not None else [])

    # ---- what the pipeline says ----------------------------------------------------------------------------------

    def _sort(self, out: Item) -> Iterable[Durable]:
        if isinstance(out, Mark):
            self._see(out)
        elif isinstance(out, Inputs):
            self._recent.add(out)
        elif isinstance(out, Reading):
            self._readings[(out.task, out.quantity, out.leads)] = out
        elif isinstance(out, Finding):
            return [*self._ticks_until(out.decided_at / out.evidence.fs_hz), *self._with_text(out)]
        elif isinstance(out, Series | MarkPack):
            return [out]
        return []

    def _see(self, mark: Mark) -> None:
        self._recent.add(mark)
        model = self._models.get(mark.task)
        if model is None:
            return
        self.counts.add_mark(mark, has_model=model.backend is not None)
        self._switches.see(mark, missed=self.counts.unanswered[mark.task])
        if isinstance(mark.outcome, Prediction):
            self._on_window(mark.task, mark.outcome.bundle, True)
        elif isinstance(mark.outcome, Unavailable) and model.backend is not None:
            self._on_window(mark.task, model.backend.bundle, False)

    def _with_text(self, finding: Finding) -> list[Durable]:
        """Put a finding together with the marks it rests on, its text, and what it does to the alarms."""
        self.counts.add_finding(finding)
        alarms = self.counts.add_alarms(self._alarms.on_finding(finding))
        return [*self._recent.named_by(finding), finding, explain(finding), *alarms]

    def _lose(self, gap: Gap) -> list[Durable]:
        self.counts.add_gap(gap)
        events: list[Durable] = [self._recordings.loss(gap)]
        if gap.reason == OVERFLOW:
            events += self._with_text(self._troubles.dropped(gap, now_s=self._clock.monotonic_s()))
        return events

    def _task_failed(self, task: str, error: Exception) -> None:
        self.counts.task_failures += 1
        log.error(
            "analysis.task.failed",
            exc_info=(type(error), error, error.__traceback__),
            extra={"facts": {"task": task, "recording": self.recording.id}},
        )

    # ---- time ----------------------------------------------------------------------------------------------------

    def _pass_time(self) -> list[Durable]:
        """Let the alarms know the time: the steady clock of the host, or that of the record where it is replayed."""
        if self._facts.live:
            return self._tick(self._clock.monotonic_s() - self._began_s)
        return self._ticks_until(self._pipeline.decided_until_s)

    def _ticks_until(self, second: float) -> list[Durable]:
        """Tick at each whole second of a replay up to this one, before what was decided in it changes the alarms."""
        events: list[Durable] = []
        while not self._facts.live and self._ticked_s < int(second):
            self._ticked_s += 1
            at = round(self._ticked_s * self._facts.fs_hz)
            events += self._tick(self._recordings.base_s + self._ticked_s, at=at)
        return events

    def _tick(self, now_s: float, at: int | None = None) -> list[Durable]:
        sample = self._recordings.sample if at is None else at
        events: list[Durable] = list(self.counts.add_alarms(self._alarms.tick(now_s, sample)))
        settled = self._troubles.settled(now_s=self._clock.monotonic_s(), at=sample, quality=self._quality())
        return events + (self._with_text(settled) if settled is not None else [])

    def _quality(self) -> QualityLevel:
        """The best signal that any lead has now."""
        levels = {reading.label for reading in self._readings.values()}
        best = (QualityLevel.USABLE, QualityLevel.DEGRADED)
        return next((level for level in best if level.value in levels), QualityLevel.REJECTED)

    def _keep(self, events: Iterable[Durable]) -> None:
        kept = tuple(events)
        if kept:
            self._put(Batch(events=kept))

    # ---- recordings ----------------------------------------------------------------------------------------------

    def _open_recording(self, previous: str | None, subject: str | None) -> Place:
        facts = self._facts
        recording = self._recordings.open(previous, subject=subject)
        self._readings.clear()
        self._ticked_s = 0
        self._recent = RecentMarks(recording.id, facts.fs_hz)
        self._pipeline = Pipeline(
            self._tasks,
            Recorded(device=self._bed.device, recording=recording.id, fs_hz=facts.fs_hz, leads=facts.leads),
            models=self._models,
            limits={**self._usual_limits, **self._own_limits},
            prefer=self._prefer,
            on_failure=self._task_failed,
        )
        log.info("analysis.leads.assigned", extra={"facts": {"plan": "; ".join(self._pipeline.plan.sentences())}})
        self._keep([recording])
        return Place(
            device=self._bed.device,
            recording=recording.id,
            leads=self._watched(),
            fs_hz=facts.fs_hz,
        )

    def _watched(self) -> tuple[str, ...]:
        """The leads that technical findings name: those that are analysed, else the first."""
        plan = self._pipeline.plan
        read = {name for one in plan.assignments for name in one.names if not one.task.wants.per_lead}
        named = tuple(lead.name for lead in self._facts.leads if lead.name in read)
        return named or tuple(lead.name for lead in self._facts.leads[:1])

    def _close_recording(self, reason: str) -> None:
        events = [event for out in self._pipeline.finish() for event in self._sort(out)]
        for kind in self._troubles.reasons:
            closed = self._troubles.set(kind, None, at=self._recordings.sample, quality=self._quality())
            events += self._with_text(closed) if closed is not None else []
        self._put(Batch(events=(*events, self._recordings.closed(reason)), closes=self.recording.id))
