"""The analysis: one thread that owns the pipeline, the alarms and the recording, and decides what is kept."""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from biosignal.errors import BadInput, BedsideError
from biosignal.events import (
    Abstained,
    AlarmEvent,
    Beat,
    BeatState,
    ClockAnchor,
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
from biosignal.model.backend import Backend
from biosignal.signal.blocks import Gap, SampleBlock, Signal
from biosignal.stream.pipeline import EcgPipeline, EcgSettings
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_rhythm.rules import RuleSettings
from edge_agent.analysis.reader import OVERFLOW, Incoming
from edge_agent.analysis.restart import closed_id
from edge_agent.explain.template import explain
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.findings.technical import next_revision, overflow, technical_finding
from edge_agent.operate.clock import Clock, utc_text
from edge_agent.operate.timemap import TimeMap
from edge_agent.sources.port import SourceFacts
from edge_agent.store.keeper import Batch

log = logging.getLogger(__name__)
SWITCH_WAIT_S = 10.0
OVERFLOW_CLEAR_S = 10.0
STALE_S = 0.1
"""An item that came longer ago than this does not tell what time its samples were taken."""


class AnalysisFailed(BedsideError):
    """The analysis met something it has no name for; the daemon ends and is started again."""

    remedy = "keep the log and report this as a fault; a restart begins a new recording"


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
    """What the analysis did since the start; counters by name beside the sums."""

    samples: int = 0
    gaps: int = 0
    samples_lost: int = 0
    beats: int = 0
    unanswered: int = 0
    findings: int = 0
    alarms: int = 0
    gaps_by_reason: Counter[str] = field(default_factory=Counter)
    lost_by_reason: Counter[str] = field(default_factory=Counter)
    beats_by_label: Counter[str] = field(default_factory=Counter)
    findings_by_kind: Counter[str] = field(default_factory=Counter)
    alarms_by_state: Counter[tuple[str, str]] = field(default_factory=Counter)
    unanswered_by_reason: Counter[str] = field(default_factory=Counter)
    texts: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A switch of backends: the first sample the new one answered, and the beats that nothing answered meanwhile."""

    at: int
    missed: int


class Analysis:
    """Owns everything between the reader's queue and the keeper's.

    One lock guards the pipeline, the alarms and the recording; nothing waits for another thread while it is held.
    `now` and `alarms` are what was last published and need no lock. A replay is judged by its own time: its alarms are
    told the time at each whole second of its samples, in order with its events, so that they do not depend on how the
    samples were cut into blocks.

    Parameters
    ----------
    facts, lead, settings : what is analysed, and how. `lead` is the name of the lead whose beats are judged.
    device, boot, subject, previous : written into the recordings; `previous` is the last recording of the run before.
    put : hands a batch to the keeper; must not wait.
    room : waits up to so many seconds until the keeper has room; a replay goes on only then.
    on_beat : told the bundle and whether a window was answered, for the trial of a new model.
    timed : samples arrive when they are taken (a live source, a replay at 1x), so UTC can be told.
    reason : why there is no backend, where there is none.
    """

    def __init__(
        self,
        incoming: Incoming,
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
        room: Callable[[float], bool] = lambda _: True,
    ) -> None:
        self.counts = AnalysisCounts()
        self.turns = 0
        self.failure: BedsideError | None = None
        self.ended = threading.Event()
        self.end_reason = "the source ended"
        self._incoming = incoming
        self._facts = facts
        self._lead = lead
        self._settings = settings
        self._device = device
        self._boot = boot
        self._subject = subject
        self._alarms = alarms
        self._put = put
        self._room = room
        self._on_beat = on_beat
        self._clock = clock
        self._timed = timed
        self._backend = backend
        self._reason = reason
        self._door = threading.Lock()
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._recordings = 0
        self._time: TimeMap
        self._behind_gap = False
        self._base = 0
        self._sample = 0
        self._bpm: float | None = None
        self._quality: QualityLevel | None = None
        self._troubles: dict[str, Finding] = {}
        self._told: dict[str, int] = {}
        self._dropped = 0
        self._dropped_at_s = 0.0
        self._awaited: tuple[str, int] | None = None
        self._answer: Answered | None = None
        self._closed = False
        self._stop = threading.Event()
        self._began_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._run, name="edge.analysis", daemon=True)
        self._open_recording(previous)
        self._publish()

    # ---- from the agent's other threads; never from a callback of ours -------------------------------------------

    def start(self) -> None:
        """Start analysing."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Analyse what is queued, close the recording, end the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    @property
    def now(self) -> Now:
        """Where the analysis stands; needs no lock."""
        return self._now

    @property
    def alarms(self) -> tuple[AlarmEvent, ...]:
        """Unresolved alarms, most urgent first; needs no lock."""
        return self._shown_alarms

    def acknowledge(self, alarm: str, by: str) -> None:
        """A person has seen an alarm."""
        with self._held():
            self._keep(self._count_alarms(self._alarms.acknowledge(alarm, by, self._sample)))

    def pause_audio(self, by: str, seconds: float | None) -> None:
        """A person wants silence for a bounded time."""
        with self._held():
            self._keep(self._count_alarms(self._alarms.pause_audio(by, self._sample, seconds)))

    def assign_subject(self, subject: str) -> None:
        """Another patient: close the recording, open the next, start every adaptive stage anew.

        Raises
        ------
        BadInput : the recording has ended, nothing follows it.
        """
        with self._held():
            if self._closed:
                raise BadInput("the source has ended: there is no recording to assign", subject=subject)
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
        with self._held():
            self._settings = replace(self._settings, rules=rules)
            self._pipeline.set_limits(rules)

    @property
    def rules(self) -> RuleSettings:
        """The limits in force."""
        return self._settings.rules

    def switch(self, backend: Backend | None, reason: str) -> Answered:
        """Answer with `backend` from the next beat on; waits until it has answered one, or failed to (at most 10 s)."""
        with self._held():
            self._backend, self._reason = backend, reason
            self._answer = None
            self._awaited = (backend.bundle, self.counts.unanswered) if backend is not None else None
            before = self.counts.unanswered
            self._pipeline.switch(backend, reason)
            if backend is not None:
                self._answered.wait_for(lambda: self._answer is not None or self._closed, SWITCH_WAIT_S)
            return self._answer or Answered(at=self._sample, missed=self.counts.unanswered - before)

    def trouble(self, kind: str, reason: str | None, *, within_s: float = 1.0) -> bool:
        """Open a technical finding, or close it where `reason` is None; doing either twice changes nothing.

        False where the analysis did not let us in within `within_s`: ask again.
        """
        if (kind in self._troubles) is (reason is not None):
            return True
        if not self._enter(within_s):
            return False
        try:
            if not self._closed:
                self._keep(self._troubled(kind, reason))
        finally:
            self._leave()
        return True

    # ---- one item after the other --------------------------------------------------------------------------------

    def take(self, signal: Signal, *, arrived_s: float | None = None) -> None:
        """Analyse one item on the caller's thread. The daemon's own thread does only this, in a loop."""
        with self._held():
            self._take(signal, self._clock.monotonic_s() if arrived_s is None else arrived_s)

    def finish(self, reason: str) -> None:
        """Close the recording; nothing may be taken after it."""
        with self._held():
            if not self._closed:
                self._close_recording(reason)
                self._closed = True
            self._answered.notify_all()

    def _run(self) -> None:
        try:
            self._work()
            self.finish(self.end_reason)
        except Exception as error:  # border of the thread: it must be seen that nothing is analysed any more
            self.failure = AnalysisFailed("the analysis failed", why=f"{type(error).__name__}: {error}")
            log.exception("analysis.run.failed")
            with self._held():
                self._closed = True
                self._answered.notify_all()
        self.ended.set()

    def _work(self) -> None:
        while True:
            self.turns += 1
            if not self._facts.live and not self._room(0.5) and not self._stop.is_set():
                continue
            try:
                arrival = self._incoming.get(timeout=0.5)
            except queue.Empty:
                if self._stop.is_set():
                    return
                if self._facts.live:
                    with self._held():
                        self._keep(self._tick())
                continue
            if arrival is None:
                return
            self.take(arrival.signal, arrived_s=arrival.at_s)

    def _take(self, signal: Signal, arrived_s: float) -> None:
        item = replace(signal, recording=self.recording.id, start=signal.start - self._base)
        events: list[Durable] = []
        if self._timed and self._clock.monotonic_s() - arrived_s <= STALE_S:
            events.extend(self._anchors(item))
        if isinstance(item, Gap):
            events.extend(self._lose(item))
        for piece in self._pieces(item):
            for out in self._pipeline.push(piece):
                events.extend(self._sort(out))
            self._sample = piece.end
            if self._is_due(piece):
                events.extend(self._tick())
        block = item if isinstance(item, SampleBlock) else None
        if block is not None:
            self.counts.samples += block.length
        self._put(Batch(events=tuple(events), block=block, arrived_s=arrived_s))

    def _pieces(self, item: Signal) -> Iterator[Signal]:
        """Cut a block of a replay at each whole second, where its alarms are told the time."""
        if isinstance(item, Gap) or self._facts.live:
            yield item
            return
        first, second = item.start, int(item.start / item.fs_hz)
        while first < item.end:
            while (stop := round(second * item.fs_hz)) <= first:
                second += 1
            stop = min(stop, item.end)
            yield replace(item, start=first, samples=item.samples[:, first - item.start : stop - item.start])
            first = stop

    def _anchors(self, item: Signal) -> list[ClockAnchor]:
        """Say what time it is: at the start, when the host's clock was stepped, and behind a hole."""
        if isinstance(item, Gap):
            self._behind_gap = self._behind_gap or item.length > 0
            return []
        last = max(item.start, item.end - 1)
        if self._behind_gap and self._time.anchors:
            anchor: ClockAnchor | None = self._time.join(last, "behind a gap")
        else:
            anchor = self._time.observe(last)
        self._behind_gap = False
        if anchor is not None:
            log.info("analysis.anchor.opened", extra={"facts": {"sample": anchor.sample, "why": anchor.reason}})
        return [anchor] if anchor is not None else []

    def _lose(self, gap: Gap) -> list[Durable]:
        self.counts.gaps += 1
        self.counts.samples_lost += gap.length
        self.counts.gaps_by_reason[gap.reason] += 1
        self.counts.lost_by_reason[gap.reason] += gap.length
        loss = Loss(
            id=stable_id(gap.recording, "loss", gap.start, gap.reason),
            recording=gap.recording,
            start=gap.start,
            length=gap.length,
            reason=gap.reason,
        )
        return [loss, *(self._overflowed(gap) if gap.reason == OVERFLOW else [])]

    def _overflowed(self, gap: Gap) -> list[Durable]:
        """Open the finding at the drop, or add to the one that is open."""
        self._dropped_at_s = self._clock.monotonic_s()
        known = self._troubles.get(OVERFLOW)
        self._dropped = gap.length if known is None else self._dropped + gap.length
        finding = overflow(
            device=self._device,
            recording=self.recording.id,
            leads=(self._lead,),
            fs_hz=self._facts.fs_hz,
            at=gap.start if known is None else known.onset,
            reason="samples came faster than they could be analysed and were dropped",
            lost_samples=self._dropped,
        )
        if known is not None:
            extended = next_revision(known, FindingState.EXTENDED, at=gap.end)
            finding = replace(extended, evidence=replace(extended.evidence, measures=finding.evidence.measures))
        self._troubles[OVERFLOW] = finding
        return self._judged(finding)

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
        if finding.rev == 0:
            self.counts.findings += 1
            self.counts.findings_by_kind[finding.kind] += 1
        self.counts.texts += 1
        return [finding, explain(finding), *self._count_alarms(self._alarms.on_finding(finding))]

    def _count_alarms(self, events: list[AlarmEvent]) -> list[AlarmEvent]:
        self.counts.alarms += sum(event.rev == 0 for event in events)
        self.counts.alarms_by_state.update((event.priority.value, event.state.value) for event in events)
        return events

    def _note_beat(self, beat: Beat) -> None:
        self.counts.beats += 1
        self.counts.beats_by_label[beat.label] += 1
        if isinstance(beat.outcome, Prediction):
            self._on_beat(beat.outcome.bundle, True)
            if self._awaited is not None and beat.outcome.bundle == self._awaited[0]:
                self._end_switch(beat)
        elif isinstance(beat.outcome, Unavailable):
            self.counts.unanswered += 1
            self.counts.unanswered_by_reason["backend failed" if self._backend is not None else "no backend"] += 1
            if self._backend is not None:
                self._on_beat(self._backend.bundle, False)
                self._end_switch(beat)
        elif isinstance(beat.outcome, Abstained):
            self.counts.unanswered_by_reason[beat.outcome.reason.partition(":")[0]] += 1

    def _end_switch(self, beat: Beat) -> None:
        """The first window after a switch was answered, or failed: whoever waits for it need not wait longer."""
        if self._awaited is not None:
            self._answer = Answered(at=beat.sample, missed=self.counts.unanswered - self._awaited[1])
            self._awaited = None
            self._answered.notify_all()

    def _tick(self) -> list[Durable]:
        """Tell the alarms the time: the steady clock of the host, or that of the record where it is replayed."""
        live = self._facts.live
        now_s = self._clock.monotonic_s() - self._began_s if live else self._time_of_record_s
        events: list[Durable] = list(self._count_alarms(self._alarms.tick(now_s, self._sample)))
        if OVERFLOW in self._troubles and self._clock.monotonic_s() - self._dropped_at_s >= OVERFLOW_CLEAR_S:
            events.extend(self._troubled(OVERFLOW, None))
        return events

    @property
    def _time_of_record_s(self) -> float:
        return (self._base + self._sample) / self._facts.fs_hz

    def _is_due(self, piece: Signal) -> bool:
        """Whether the alarms are told the time behind this piece; for a replay at fixed samples only."""
        fs_hz = self._facts.fs_hz
        return self._facts.live or isinstance(piece, Gap) or piece.end == round(round(piece.end / fs_hz) * fs_hz)

    def _troubled(self, kind: str, reason: str | None) -> list[Durable]:
        if reason is None:
            return self._judged(next_revision(self._troubles.pop(kind), FindingState.CLOSED, at=self._sample))
        if self._told.get(kind) == self._sample:
            # It came and went at this very sample: the finding would have the same name, and what is over stays over.
            return []
        self._told[kind] = self._sample
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
        return self._judged(finding)

    def _keep(self, events: Iterable[Durable]) -> None:
        kept = tuple(events)
        if kept:
            self._put(Batch(events=kept))

    # ---- the lock ------------------------------------------------------------------------------------------------

    @contextmanager
    def _held(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self, within_s: float = -1.0) -> bool:
        """Take the lock in turn: without the door, a replay at full speed would take it again before anybody else."""
        if not self._door.acquire(timeout=within_s):
            return False
        try:
            return self._lock.acquire(timeout=within_s)
        finally:
            self._door.release()

    def _leave(self) -> None:
        self._publish()
        self._lock.release()

    def _publish(self) -> None:
        self._shown_alarms = self._alarms.alarms
        self._now = Now(
            recording=self.recording.id,
            lead=self._lead,
            fs_hz=self._facts.fs_hz,
            sample=self._sample,
            bpm=self._bpm,
            quality=self._quality,
        )

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
        self._behind_gap = False
        self._told.clear()
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
        log.info("analysis.recording.opened", extra={"facts": {"recording": self.recording.id, "previous": previous}})

    def _close_recording(self, reason: str) -> None:
        events = [event for out in self._pipeline.finish() for event in self._sort(out)]
        for kind in tuple(self._troubles):
            events.extend(self._troubled(kind, None))
        closed = RecordingClosed(
            id=closed_id(self.recording.id), recording=self.recording.id, end=self._sample, reason=reason
        )
        self._put(Batch(events=(*events, closed), closes=self.recording.id))
