"""The analysis of a recording: fans its leads out to the tasks that read them, and puts what they say in one order.

The daemon, the replay, the evaluation and the gates all run this class. Events leave in the order of `decided_at`, and
however the samples are cut into blocks they are the same to the last bit.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from biosignal.errors import BadInput, BrokenStream
from biosignal.events import (
    Event,
    Finding,
    FindingState,
    Inputs,
    Mark,
    MarkState,
    QualityLevel,
    Reading,
    Series,
    Unavailable,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, SampleBlock, Signal
from biosignal.stream.assign import Assignment, Plan, assign
from biosignal.stream.counting import Counting, countings
from biosignal.stream.frames import Frames
from biosignal.stream.merge import Merge
from biosignal.stream.packing import MarkPacker
from biosignal.stream.stage import Item, Stage
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.monitoring.task import MONITORING
from biosignal.tasks.task import Task, TaskFacts

BACK_OFF_S = 10.0
BACK_OFF_MOST_S = 300.0
"""A stage that failed begins anew behind the next gap or after this long; twice as long after each failure."""
FAILED = "task-failed"
PASSED_ON = Mark | Series | Finding | Inputs
"""What a task says that those which need or hear it are given."""

OnFailure = Callable[[str, Exception], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What is analysed: written into the events, and the layout of the blocks.

    `fs_hz` is the rate of the leads that name none of their own; `stream` is "live" or "shadow:BUNDLE".
    """

    device: str
    recording: str
    fs_hz: float
    leads: tuple[Lead, ...]
    stream: str = "live"


@dataclass(slots=True, eq=False)
class _Instance:
    """One task at work on its leads, with what must be known to feed it, order what it says and start it anew."""

    assignment: Assignment
    facts: TaskFacts
    own_hz: float
    counting: Counting | None
    rank: int
    rows: tuple[int, ...]
    needs: list["_Instance"]
    hears: list["_Instance"]
    packers: dict[str, MarkPacker]
    stage: Stage | None = None
    watermark: int = 0
    made: list[tuple[float, Event]] = field(default_factory=list)
    waiting: Merge = field(default_factory=Merge)
    latest: float = 0.0
    open: dict[str, Finding] = field(default_factory=dict)
    failure: Finding | None = None
    begin_at: int = 0
    back_off_s: float = BACK_OFF_S

    @property
    def task(self) -> Task:
        """The task."""
        return self.assignment.task

    @property
    def decided_until_s(self) -> float:
        """Second before which it has said everything."""
        if self.counting is None:
            return self.watermark / self.facts.fs_hz
        return self.counting.decided_until_s(self.watermark)

    def counted_back(self, made: list[tuple[float, Event]]) -> list[tuple[float, Event]]:
        """What it said, with the times it was decided, counted at the leads' own rate."""
        counting, fs_hz = self.counting, self.facts.fs_hz
        if counting is None:
            return made
        return [
            (counting.decided_at(round(at * fs_hz)) / counting.own_hz, counting.counted_back(event))
            for at, event in made
        ]

    @property
    def is_fed(self) -> bool:
        """Whether everything it needs is at work."""
        return all(need.stage is not None for need in self.needs)


class Pipeline:
    """Analyses one recording.

    Parameters
    ----------
    tasks : what is asked of it, those that others need before them.
    recorded : the recording.
    models : by task; a task with a contract that has none here works without.
    limits : by task, of the task's own class; the defaults where absent.
    prefer : name of a lead that goes before all others in every task that can read it.
    on_failure : called with each exception that a stage raised, and the name of its task.

    `decided_until_s` is the time of the recording before which everything was decided and given.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        recorded: Recorded,
        *,
        models: Mapping[str, Model],
        limits: Mapping[str, Any] | None = None,
        prefer: str | None = None,
        on_failure: OnFailure = lambda _task, _error: None,
    ) -> None:
        self.recorded = recorded
        tasks = tuple(tasks)
        self._layouts = _layouts(recorded)
        self._countings = countings(tasks, self._layouts)
        self.plan: Plan = self._planned(tasks, prefer)
        self._models = models
        self._limits = dict(limits or {})
        self._on_failure = on_failure
        self.decided_until_s = 0.0
        self._merge = Merge()
        self._frames = {fs_hz: Frames(recorded.recording, leads, fs_hz) for fs_hz, leads in self._layouts.items()}
        self._next: dict[float, int] = {}
        self._cut: dict[tuple[int, ...], SampleBlock] = {}
        self._instances: list[_Instance] = []
        for rank, assignment in enumerate(self.plan.assignments):
            self._instances.append(self._instance(rank, assignment))

    def _planned(self, tasks: Sequence[Task], prefer: str | None) -> Plan:
        """Which task reads which lead, at the rates of the analysis."""
        own_hz = self.recorded.fs_hz
        rates_hz = {fs_hz: one.fs_hz for fs_hz, one in self._countings.items()}
        leads = [replace(lead, fs_hz=rates_hz.get(lead.fs_hz or own_hz, lead.fs_hz)) for lead in self.recorded.leads]
        plan = assign(tasks, leads, fs_hz=own_hz, prefer=prefer)
        read_hz = {one.fs_hz for one in plan.assignments}
        return replace(plan, rates=tuple(one.sentence() for one in self._countings.values() if one.fs_hz in read_hz))

    def _instance(self, rank: int, assignment: Assignment) -> _Instance:
        task, recorded = assignment.task, self.recorded
        facts = TaskFacts(
            device=recorded.device,
            recording=recorded.recording,
            stream=recorded.stream,
            fs_hz=assignment.fs_hz,
            leads=assignment.leads,
        )
        counting = next((one for one in self._countings.values() if one.fs_hz == assignment.fs_hz), None)
        own_hz = assignment.fs_hz if counting is None else counting.own_hz
        layout = [lead.name for lead in self._layouts[own_hz]]
        return _Instance(
            assignment=assignment,
            facts=facts,
            own_hz=own_hz,
            counting=counting,
            rank=rank,
            rows=tuple(layout.index(name) for name in assignment.names),
            needs=[
                one
                for one in self._instances
                if one.task.name in task.needs and set(one.assignment.names) & set(assignment.names)
            ],
            hears=[
                one for one in self._instances if one.task.name in task.hears and one.facts.fs_hz == assignment.fs_hz
            ],
            packers={
                kind.name: MarkPacker(
                    task=task.name,
                    kind=kind.name,
                    stream=recorded.stream,
                    fs_hz=assignment.fs_hz,
                    unanswered=kind.unanswered,
                )
                for kind in task.marks
                if kind.packed
            },
        )

    # ---- what the owner asks -------------------------------------------------------------------------------------

    def limits_of(self, task: Task) -> Any:
        """The limits in force for a task; None where it has none."""
        if task.limits is None:
            return None
        return self._limits.get(task.name) or task.limits()

    def set_limits(self, task: Task, limits: Any) -> None:
        """Give a task other limits from the next item on."""
        self._limits[task.name] = limits
        for one in self._instances:
            if one.task.name == task.name and one.stage is not None:
                stage = one.stage
                self._guarded(one, partial(_limited, stage, limits))

    def push(self, signal: Signal, /) -> list[Item]:
        """Take the next samples or a gap; give what was decided, the gap itself last.

        Raises
        ------
        BrokenStream : the samples do not continue where the last ones ended, or have another layout.
        """
        if isinstance(signal, Gap):
            return self._push_gap(signal)
        self._check(signal)
        frame = self._frames[signal.fs_hz].push(signal)
        if frame is None:
            return []
        self._take(frame)
        self.decided_until_s = min(
            (one.decided_until_s for one in self._instances),
            default=frame.end / frame.fs_hz,
        )
        return list(self._merge.release(self.decided_until_s))

    def finish(self) -> list[Item]:
        """End the recording: give everything held back."""
        self._flush_frames()
        for one in self._instances:
            if one.stage is not None:
                self._feed(one, math.inf)
                self._guarded(one, one.stage.finish)
                one.stage = None
            self._close_failure(one)
            for packer in one.packers.values():
                last = max(one.watermark - 1, round(one.latest * one.facts.fs_hz))
                one.made += [(one.latest, pack) for pack in packer.finish(last)]
            self._pass_on(one)
        return list(self._merge.release(math.inf))

    # ---- samples -------------------------------------------------------------------------------------------------

    def _flush_frames(self) -> None:
        for frames in self._frames.values():
            frame = frames.flush()
            if frame is not None:
                self._take(frame)
        for counting in self._countings.values():
            rest = counting.flush()
            if rest is not None:
                self._push_block(rest)

    def _take(self, frame: SampleBlock) -> None:
        """Hand frames of the leads of one rate to the stages, at the rate of the analysis."""
        counting = self._countings.get(frame.fs_hz)
        block = frame if counting is None else counting.push(frame)
        if block is not None:
            self._push_block(block)

    def _push_block(self, block: SampleBlock) -> None:
        self._cut.clear()
        for one in self._instances:
            if one.facts.fs_hz == block.fs_hz:
                self._begin(one, block.start)
                if one.stage is not None and one.is_fed:
                    stage = one.stage
                    self._guarded(one, partial(stage.push, self._rows(block, one.rows)))
                self._advance(one, block.end)

    def _rows(self, block: SampleBlock, rows: tuple[int, ...]) -> SampleBlock:
        """Cut the rows of a block that an instance reads; the same rows are cut once."""
        if rows == tuple(range(len(block.leads))):
            return block
        known = self._cut.get(rows)
        if known is None:
            known = self._cut[rows] = SampleBlock(
                recording=block.recording,
                start=block.start,
                fs_hz=block.fs_hz,
                leads=tuple(block.leads[row] for row in rows),
                samples=block.samples[rows[0] : rows[0] + 1] if len(rows) == 1 else block.samples[list(rows)],
            )
        return known

    def _advance(self, one: _Instance, end: int) -> None:
        """Give a stage what the tasks it needs said, and let it say what fell due before sample `end`."""
        until = min([end, *(other.watermark for other in (*one.needs, *one.hears))])
        self._feed(one, until)
        if one.stage is not None:
            stage = one.stage
            self._guarded(one, partial(stage.advance, until))
        one.watermark = one.stage.watermark if one.stage is not None else end
        self._pack(one, one.watermark)
        self._pass_on(one)

    def _feed(self, one: _Instance, until: float) -> None:
        for event in one.waiting.release(until):
            stage = one.stage
            if stage is None:
                return
            self._guarded(one, partial(stage.push, event))

    def _pass_on(self, one: _Instance) -> None:
        """Hand what an instance said to those that need it, and to the merge."""
        if not one.made:
            return
        made, one.made = one.made, []
        wanted = [(at * one.facts.fs_hz, event) for at, event in made if isinstance(event, PASSED_ON)]
        for other in self._instances:
            if one in other.needs or one in other.hears:
                other.waiting.add(one.rank, wanted)
        self._merge.add(one.rank, one.counted_back(made))

    def _pack(self, one: _Instance, until: int) -> None:
        for packer in one.packers.values():
            for pack in packer.settled(until):
                one.latest = max(one.latest, pack.decided_at / one.facts.fs_hz)
                one.made.append((one.latest, pack))

    # ---- gaps ----------------------------------------------------------------------------------------------------

    def _push_gap(self, gap: Gap) -> list[Item]:
        self._check_start(gap.recording, gap.start, self.recorded.fs_hz)
        self._flush_frames()
        for fs_hz in self._layouts:
            self._next[fs_hz] = round(gap.end * fs_hz / self.recorded.fs_hz)
        for one in self._instances:
            mine = _at_rate(gap, one.own_hz / self.recorded.fs_hz)
            mine = mine if one.counting is None else one.counting.gap(mine)
            one.begin_at = 0
            self._break(one, mine)
            one.watermark = mine.end
            self._pass_on(one)
        self.decided_until_s = gap.end / self.recorded.fs_hz
        return [*self._merge.release(math.inf), gap]

    def _break(self, one: _Instance, gap: Gap) -> None:
        if one.stage is not None:
            self._feed(one, math.inf)
        if one.stage is not None:
            stage = one.stage
            self._guarded(one, partial(stage.push, gap))
        one.waiting = Merge()

    def _check(self, block: SampleBlock) -> None:
        if block.leads != self._layouts.get(block.fs_hz):
            raise BrokenStream("a block has another layout than announced", leads=block.leads, fs_hz=block.fs_hz)
        self._check_start(block.recording, block.start, block.fs_hz)
        self._next[block.fs_hz] = block.end

    def _check_start(self, recording: str, start: int, fs_hz: float) -> None:
        expected = self._next.get(fs_hz)
        if recording != self.recorded.recording or (expected is not None and start != expected):
            raise BrokenStream(
                "the samples do not go on where the last ones ended",
                recording=recording,
                start=start,
                expected_recording=self.recorded.recording,
                expected_start=expected,
            )

    # ---- stages that fail ----------------------------------------------------------------------------------------

    def _begin(self, one: _Instance, start: int) -> None:
        """Make the stage where there is none and it may begin, behind a failure at the time set for it."""
        if one.stage is not None or start < one.begin_at or not one.is_fed:
            return
        make, task = one.task.make, one.task
        assert make is not None, "only tasks with a stage are assigned leads"
        try:
            one.stage = make(one.facts, self._model_of(task), self.limits_of(task))
        except Exception as error:  # noqa: BLE001 - border: one task must not end the others
            self._fail(one, error, start)
            return
        one.watermark = max(one.watermark, start)
        self._close_failure(one)

    def _model_of(self, task: Task) -> Model | None:
        if task.model is None:
            return None
        return self._models.get(task.name) or Model(task.name, task.model, None, "this pipeline was given no model")

    def _guarded(self, one: _Instance, work: Callable[[], Iterable[Event]]) -> None:
        """Let a stage work; whatever it raises closes it and leaves the others alone."""
        try:
            for event in work():
                self._collect(one, event)
        except Exception as error:  # noqa: BLE001 - border: one task must not end the others
            self._fail(one, error, one.watermark)

    def _collect(self, one: _Instance, event: Event) -> None:
        """Collect an event of a stage, at the time of the recording when it was decided."""
        decided = _decided_at(event)
        if decided is not None:
            # Packs that were due before this event go out before it, however the samples were cut.
            self._pack(one, decided)
            one.latest = max(one.latest, decided / one.facts.fs_hz)
        if isinstance(event, Mark) and event.kind in one.packers and event.state is MarkState.CONFIRMED:
            one.packers[event.kind].add(event)
        elif isinstance(event, Finding):
            if event.state in (FindingState.OPENED, FindingState.EXTENDED):
                one.open[event.id] = event
            else:
                one.open.pop(event.id, None)
        one.made.append((one.latest, event))

    def _fail(self, one: _Instance, error: Exception, at: int) -> None:
        self._on_failure(one.task.name, error)
        fs_hz = one.facts.fs_hz
        one.stage = None
        one.begin_at = at + round(one.back_off_s * fs_hz)
        one.back_off_s = min(2 * one.back_off_s, BACK_OFF_MOST_S)
        one.latest = max(one.latest, at / fs_hz)
        for finding in tuple(one.open.values()):
            closed = replace(
                finding, rev=finding.rev + 1, state=FindingState.CLOSED, decided_at=max(at, finding.decided_at)
            )
            self._collect(one, closed)
        if one.failure is None:
            log = FindingLog(one.facts, task=MONITORING.name, kinds=MONITORING.findings, quantities={})
            log.clock = at
            reason = f"{one.task.name} failed: {type(error).__name__}: {error}"
            one.failure = log.open(
                FAILED,
                onset=at,
                end=at,
                outcome=Unavailable(task=one.task.name, reason=reason),
                measures=(),
                quality=QualityLevel.REJECTED,
            )
            one.made.append((one.latest, one.failure))
        self._stop_dependents(one, at)

    def _stop_dependents(self, one: _Instance, at: int) -> None:
        """Stop what needs the failed task: without its results it would report that the patient shows nothing."""
        for other in self._instances:
            if one in other.needs and other.stage is not None:
                stage = other.stage
                self._guarded(other, stage.finish)
                other.stage = None
                other.watermark = max(other.watermark, at)
                self._pass_on(other)
                self._stop_dependents(other, at)

    def _close_failure(self, one: _Instance) -> None:
        failure, one.failure = one.failure, None
        if failure is not None:
            at = max(failure.decided_at, one.watermark)
            one.latest = max(one.latest, at / one.facts.fs_hz)
            one.made.append((one.latest, replace(failure, rev=1, state=FindingState.CLOSED, end=at, decided_at=at)))


def _decided_at(event: Event) -> int | None:
    """The last sample an event needed; None for those that come with the one before them."""
    if isinstance(event, Mark | Finding | Series):
        return event.decided_at
    return event.at if isinstance(event, Reading) else None


def _limited(stage: Stage, limits: Any) -> Iterable[Event]:
    stage.set_limits(limits)
    return ()


def _layouts(recorded: Recorded) -> dict[float, tuple[Lead, ...]]:
    """Give the leads of each rate, as the blocks of that rate hold them."""
    if not recorded.leads:
        raise BadInput("the recording has no leads", recording=recorded.recording)
    layouts: dict[float, list[Lead]] = {}
    for lead in recorded.leads:
        layouts.setdefault(lead.fs_hz or recorded.fs_hz, []).append(lead)
    return {fs_hz: tuple(leads) for fs_hz, leads in layouts.items()}


def _at_rate(gap: Gap, ratio: float) -> Gap:
    """Count a gap of the recording at the rate of an instance."""
    if ratio == 1.0:
        return gap
    start, end = round(gap.start * ratio), round(gap.end * ratio)
    return replace(gap, start=start, length=end - start)
