"""Runs the analysis over a source and hands every event to the report."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

from biosignal.errors import BedsideError
from biosignal.events import AlarmEvent, Finding, Mark, Series
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, SampleBlock, Signal
from biosignal.stream.assign import Plan
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.stream.stage import Item
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import finding_kind
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.replay.progress import Progress
from edge_agent.replay.result import Result
from edge_agent.sources.port import Source, SourceFacts, replay_id

DEVICE = "replay"
Gather: TypeAlias = Callable[[Plan], Result]


class Listener(Protocol):
    """Is given what the analysis says, as it says it."""

    def mark(self, mark: Mark) -> None:
        """A confirmed mark."""

    def finding(self, finding: Finding, label: str) -> None:
        """A revision of a finding, and what its kind is called."""

    def alarm(self, alarm: AlarmEvent, label: str) -> None:
        """A change of an alarm, and what its kind is called."""

    def series(self, series: Series) -> None:
        """Quantities over time."""

    def gap(self, gap: Gap) -> None:
        """Lost samples."""

    def task_failed(self, task: str, error: Exception) -> None:
        """A task met a fault; the others go on."""


class _Run:
    """One pipeline on some of the leads, with alarms of its own."""

    def __init__(
        self, recorded: Recorded, models: Mapping[str, Model], prefer: str | None, *, report: Listener, gather: Gather
    ) -> None:
        self._names = {lead.name for lead in recorded.leads}
        self._fs_hz = recorded.fs_hz
        self._report = report
        self._alarms = AlarmMachine(DEVICE)
        self._seconds = 0
        self._pipeline = Pipeline(TASKS.values(), recorded, models=models, prefer=prefer, on_failure=report.task_failed)
        self.result = gather(self._pipeline.plan)

    def push(self, item: Signal) -> None:
        """Analyse one item."""
        mine = item if isinstance(item, Gap) else self._of_mine(item)
        if mine is not None:
            for out in self._pipeline.push(mine):
                self._see(out)
            self._pass_time(self._pipeline.decided_until_s)

    def finish(self) -> None:
        """End the recording."""
        for out in self._pipeline.finish():
            self._see(out)

    def _of_mine(self, block: SampleBlock) -> SampleBlock | None:
        rows = [row for row, lead in enumerate(block.leads) if lead.name in self._names]
        if len(rows) == len(block.leads):
            return block
        leads = tuple(block.leads[row] for row in rows)
        return replace(block, leads=leads, samples=block.samples[rows]) if rows else None

    def _see(self, out: Item) -> None:
        if isinstance(out, Mark):
            if self.result.add_mark(out):
                self._report.mark(out)
        elif isinstance(out, Finding):
            second = out.decided_at / out.evidence.fs_hz
            self._pass_time(second)
            self._see_alarms(self._alarms.tick(second, out.decided_at))
            self.result.findings[out.id] = out
            self._report.finding(out, finding_kind(out.kind).label)
            self._see_alarms(self._alarms.on_finding(out))
        elif isinstance(out, Series):
            self.result.add_series(out)
            self._report.series(out)
        elif isinstance(out, Gap):
            self.result.add_gap(out)

    def _pass_time(self, until_s: float) -> None:
        """Let the alarms know the time of the record at the last sample of each second."""
        while (last := round((self._seconds + 1) * self._fs_hz) - 1) / self._fs_hz <= until_s:
            self._seconds += 1
            self._see_alarms(self._alarms.tick(last / self._fs_hz, last))

    def _see_alarms(self, alarms: list[AlarmEvent]) -> None:
        for alarm in alarms:
            self.result.alarms.append(alarm)
            self._report.alarm(alarm, finding_kind(alarm.kind).label)


class Player:
    """Plays a source through one analysis of all its leads, or through one a lead.

    Parameters
    ----------
    facts : of the whole record.
    prefer : the lead that goes before all others.
    each : leads that are analysed one by one, each as if it were the only one; empty: all together.
    gather : makes what holds the results of one analysis, from its plan.

    `broke` is why the source broke off, absent where it came to its end.
    """

    def __init__(
        self,
        facts: SourceFacts,
        models: Mapping[str, Model],
        *,
        report: Listener,
        prefer: str | None = None,
        each: Sequence[Lead] = (),
        gather: Gather = Result,
    ) -> None:
        self._report = report
        self._fs_hz = facts.fs_hz
        self.recording = replay_id(facts)
        self.end = 0
        self.gaps = 0
        self.missing = 0
        self.broke: BedsideError | OSError | None = None
        self._runs = [
            _Run(
                Recorded(device=DEVICE, recording=self.recording, fs_hz=fs_hz, leads=leads),
                models,
                prefer,
                report=report,
                gather=gather,
            )
            for leads, fs_hz in _groups(facts, each)
        ]

    @property
    def results(self) -> list[Result]:
        """What each analysis found so far."""
        return [run.result for run in self._runs]

    def play(self, source: Source, progress: Progress) -> list[Result]:
        """Analyse the source to its end."""
        source.open(self.recording)
        for item in self._until_it_breaks(source):
            if isinstance(item, Gap):
                self.gaps += 1
                self.missing += item.length
                self._report.gap(item)
            for run in self._runs:
                run.push(item)
            if isinstance(item, Gap) or item.fs_hz == self._fs_hz:
                self.end = item.end
                progress.at(item.end)
        for run in self._runs:
            run.finish()
        return self.results

    def _until_it_breaks(self, source: Source) -> Iterator[Signal]:
        """What the source yields; an error of its own ends it and is kept, since all before it holds."""
        items = source.read()
        while True:
            try:
                item = next(items)
            except StopIteration:
                return
            except (BedsideError, OSError) as error:
                self.broke = error
                return
            yield item


def _groups(facts: SourceFacts, each: Sequence[Lead]) -> list[tuple[tuple[Lead, ...], float]]:
    """Leads that are analysed together, and the rate their samples are counted at; one that is alone has its own."""
    return [((lead,), lead.fs_hz or facts.fs_hz) for lead in each] if each else [(facts.leads, facts.fs_hz)]
