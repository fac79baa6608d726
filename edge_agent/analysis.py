"""The analysis: one thread that owns the pipeline, the alarms and the recording, and decides what is kept."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from biosignal.backend import Backend
from biosignal.blocks import Gap, SampleBlock, Signal
from biosignal.ecg.rules import RuleSettings
from biosignal.errors import BadInput
from biosignal.events import (
    AlarmEvent,
    Beat,
    BeatState,
    Durable,
    Finding,
    FindingState,
    HeartRate,
    Loss,
    Prediction,
    Quality,
    QualityLevel,
    Recording,
    RecordingClosed,
    SubjectAssigned,
    Trend,
    Unavailable,
    stable_id,
)
from biosignal.pipeline import EcgPipeline, EcgSettings
from biosignal.stage import Item
from edge_agent.explain.template import explain
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.findings.technical import next_revision, technical_finding
from edge_agent.keeper import Batch
from edge_agent.operate.clock import Clock, utc_text
from edge_agent.operate.timemap import TimeMap
from edge_agent.sources.port import SourceFacts

log = logging.getLogger(__name__)
SWITCH_WAIT_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Now:
    """Where the analysis stands; what was not measured is absent."""

    recording: str
    lead: str
    fs_hz: float
    sample: int
    bpm: float | None
    quality: QualityLevel | None


@dataclass(slots=True)
class AnalysisCounts:
    """What the analysis did since the start."""

    samples: int = 0
    gaps: int = 0
    samples_lost: int = 0
    beats: int = 0
    unanswered: int = 0
    findings: int = 0
    alarms: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A switch of backends: the first sample the new one answered, and the beats that nothing answered meanwhile."""

    at: int
    missed: int


class Analysis:
    """Owns everything between the reader's queue and the keeper's.

    Parameters
    ----------
    facts, lead, settings : what is analysed, and how. `lead` is the name of the lead whose beats are judged.
    device, boot, subject, previous : written into the recordings; `previous` is the last recording of the run before.
    put : hands a batch to the keeper; waits for room.
    on_beat : told the bundle and whether a window was answered, for the trial of a new model.
    timed : samples arrive when they are taken (a live source, a replay at 1x), so UTC can be told.
    reason : why there is no backend, where there is none.
    """

    def __init__(
        self,
        incoming: "queue.Queue[Signal | None]",
        *,
        facts: SourceFacts,
        lead: str,
        settings: EcgSettings,
        device: str,
        boot: str,
        subject: str | None,
        previous: str | None,
        alarms: AlarmMachine,
        put: Callable[[Batch], None],
        on_beat: Callable[[str, bool], None],
        clock: Clock,
        timed: bool,
        backend: Backend | None,
        reason: str = "",
    ) -> None:
        self.counts = AnalysisCounts()
        self.ended = threading.Event()
        self._incoming = incoming
        self._facts = facts
        self._lead = lead
        self._settings = settings
        self._device = device
        self._boot = boot
        self._subject = subject
        self._alarms = alarms
        self._put = put
        self._on_beat = on_beat
        self._clock = clock
        self._timed = timed
        self._backend = backend
        self._reason = reason
        self._lock = threading.RLock()
        self._answered = threading.Condition(self._lock)
        self._recordings = 0
        self._base = 0
        self._sample = 0
        self._bpm: float | None = None
        self._quality: QualityLevel | None = None
        self._troubles: dict[str, Finding] = {}
        self._awaited: tuple[str, int] | None = None
        self._answer: Answered | None = None
        self._stop = threading.Event()
        self._began_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._run, name="edge.analysis", daemon=True)
        self._open_recording(previous)

    # ---- from the agent's other threads --------------------------------------------------------------------------

    def start(self) -> None:
        """Start analysing."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Analyse what is queued, close the recording, end the thread."""
        self._stop.set()
        self._thread.join(timeout_s)

    @property
    def now(self) -> Now:
        """Where the analysis stands."""
        with self._lock:
            return Now(
                recording=self.recording.id,
                lead=self._lead,
                fs_hz=self._facts.fs_hz,
                sample=self._sample,
                bpm=self._bpm,
                quality=self._quality,
            )

    @property
    def alarms(self) -> tuple[AlarmEvent, ...]:
        """Unresolved alarms, most urgent first."""
        with self._lock:
            return self._alarms.alarms

    def acknowledge(self, alarm: str, by: str) -> None:
        """A person has seen an alarm."""
        with self._lock:
            self._keep(self._alarms.acknowledge(alarm, by, self._sample))

    def pause_audio(self, by: str, seconds: float | None) -> None:
        """A person wants silence for a bounded time."""
        with self._lock:
            self._keep(self._alarms.pause_audio(by, self._sample, seconds))

    def assign_subject(self, subject: str) -> None:
        """Another patient: close the recording, open the next, start every adaptive stage anew."""
        with self._lock:
            last = self.recording.id
            self._close_recording(f"subject {subject} assigned")
            self._subject = subject
            self._base += self._sample
            self._open_recording(last)
            self._keep(
                [
                    SubjectAssigned(
                        id=stable_id(self.recording.id, "subject", subject),
                        recording=self.recording.id,
                        subject=subject,
                        at=0,
                    )
                ]
            )

    def set_limits(self, rules: RuleSettings) -> None:
        """Take other limits for this patient from now on."""
        with self._lock:
            self._settings = replace(self._settings, rules=rules)
            self._pipeline.set_limits(rules)

    @property
    def rules(self) -> RuleSettings:
        """The limits in force."""
        return self._settings.rules

    def switch(self, backend: Backend | None, reason: str) -> Answered:
        """Answer with `backend` from the next beat on; waits until it has answered one (at most 10 s)."""
        with self._lock:
            self._backend, self._reason = backend, reason
            self._answer = None
            self._awaited = (backend.bundle, self.counts.unanswered) if backend is not None else None
            before = self.counts.unanswered
            self._pipeline.switch(backend, reason)
            if backend is not None:
                self._answered.wait_for(lambda: self._answer is not None or self._stop.is_set(), SWITCH_WAIT_S)
            return self._answer or Answered(at=self._sample, missed=self.counts.unanswered - before)

    def trouble(self, kind: str, reason: str | None) -> None:
        """Open a technical finding, or close it where `reason` is None; doing either twice changes nothing."""
        with self._lock:
            is_open = kind in self._troubles
            if reason is not None and not is_open:
                finding = technical_finding(
                    kind,
                    device=self._device,
                    recording=self.recording.id,
                    leads=(self._lead,),
                    fs_hz=self._facts.fs_hz,
                    at=self._sample,
                    reason=reason,
                    quality=self._quality or QualityLevel.REJECTED,
                )
                self._troubles[kind] = finding
                self._keep(self._judged(finding))
            elif reason is None and is_open:
                finding = next_revision(self._troubles.pop(kind), FindingState.CLOSED, at=self._sample)
                self._keep(self._judged(finding))

    # ---- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                item = self._incoming.get(timeout=0.5)
            except queue.Empty:
                if self._stop.is_set():
                    break
                with self._lock:
                    self._keep(self._tick())
                continue
            if item is None:
                break
            with self._lock:
                self._take(item)
        with self._lock:
            self._close_recording("stopped" if self._stop.is_set() else "the source ended")
            self._answered.notify_all()
        self.ended.set()

    def _take(self, item: Signal) -> None:
        item = replace(item, recording=self.recording.id, start=item.start - self._base)
        events: list[Durable] = []
        anchor = self._time.observe(item.start) if self._timed else None
        if anchor is not None:
            events.append(anchor)
        if isinstance(item, Gap):
            events.append(self._lose(item))
        for out in self._pipeline.push(item):
            events.extend(self._sort(out))
        self._sample = item.end
        events.extend(self._tick())
        block = item if isinstance(item, SampleBlock) else None
        if block is not None:
            self.counts.samples += block.length
        self._put(Batch(events=tuple(events), block=block))

    def _lose(self, gap: Gap) -> Loss:
        self.counts.gaps += 1
        self.counts.samples_lost += gap.length
        return Loss(
            id=stable_id(gap.recording, "loss", gap.start, gap.reason),
            recording=gap.recording,
            start=gap.start,
            length=gap.length,
            reason=gap.reason,
        )

    def _sort(self, out: Item) -> Iterable[Durable]:
        if isinstance(out, Beat) and out.state is BeatState.CONFIRMED:
            self._note_beat(out)
        elif isinstance(out, HeartRate):
            self._bpm = out.bpm
        elif isinstance(out, Quality) and out.lead == self._lead:
            self._quality = out.level
        elif isinstance(out, Finding):
            return self._judged(out)
        elif isinstance(out, Trend):
            return [out]
        return []

    def _judged(self, finding: Finding) -> list[Durable]:
        """Put a finding together with its text and what it does to the alarms: they are stored as one."""
        self.counts.findings += finding.rev == 0
        return [finding, explain(finding), *self._count_alarms(self._alarms.on_finding(finding))]

    def _count_alarms(self, events: list[AlarmEvent]) -> list[AlarmEvent]:
        self.counts.alarms += sum(event.rev == 0 for event in events)
        return events

    def _note_beat(self, beat: Beat) -> None:
        self.counts.beats += 1
        if isinstance(beat.outcome, Prediction):
            self._on_beat(beat.outcome.bundle, True)
            if self._awaited is not None and beat.outcome.bundle == self._awaited[0]:
                self._answer = Answered(at=beat.sample, missed=self.counts.unanswered - self._awaited[1])
                self._awaited = None
                self._answered.notify_all()
        elif isinstance(beat.outcome, Unavailable):
            self.counts.unanswered += 1
            if self._backend is not None:
                self._on_beat(self._backend.bundle, False)

    def _tick(self) -> list[AlarmEvent]:
        """Tell the alarms the time: the steady clock of the host, or that of the record where it is replayed."""
        if self._facts.live:
            now_s = self._clock.monotonic_s() - self._began_s
        else:
            now_s = (self._base + self._sample) / self._facts.fs_hz
        return self._count_alarms(self._alarms.tick(now_s, self._sample))

    def _keep(self, events: Iterable[Durable]) -> None:
        kept = tuple(events)
        if kept:
            self._put(Batch(events=kept))

    # ---- recordings ----------------------------------------------------------------------------------------------

    def _open_recording(self, previous: str | None) -> None:
        facts = self._facts
        lead = next((each for each in facts.leads if each.name == self._lead), None)
        if lead is None:
            raise BadInput("the source has no such lead", lead=self._lead, leads=[each.name for each in facts.leads])
        self.recording = Recording(
            id=stable_id(self._device, self._boot, self._recordings),
            device=self._device,
            source=facts.name,
            leads=tuple(each.name for each in facts.leads),
            unit=lead.unit,
            fs_hz=facts.fs_hz,
            started_utc=utc_text(self._clock.utc_s()) if self._timed else None,
            subject=self._subject,
            previous=previous,
        )
        self._recordings += 1
        self._sample = 0
        self._bpm = self._quality = None
        self._time = TimeMap(self.recording.id, fs_hz=facts.fs_hz, clock=self._clock)
        self._pipeline = EcgPipeline(
            device=self._device,
            recording=self.recording.id,
            fs_hz=facts.fs_hz,
            leads=facts.leads,
            lead=self._lead,
            backend=self._backend,
            backend_reason=self._reason,
            settings=self._settings,
        )
        self._keep([self.recording])

    def _close_recording(self, reason: str) -> None:
        events = [event for out in self._pipeline.finish() for event in self._sort(out)]
        for kind in tuple(self._troubles):
            events.extend(self._judged(next_revision(self._troubles.pop(kind), FindingState.CLOSED, at=self._sample)))
        closed = RecordingClosed(
            id=stable_id(self.recording.id, "closed"), recording=self.recording.id, end=self._sample, reason=reason
        )
        self._put(Batch(events=(*events, closed), closes=self.recording.id))
