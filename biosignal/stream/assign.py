"""Which task reads which lead: decided once, from what the leads say of themselves, and shown to the user."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from biosignal.errors import MOST_NAMED, listed
from biosignal.signal.blocks import Lead, LeadKind
from biosignal.tasks.task import Task, Wants


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A task and the leads that one instance of it reads, all of one rate."""

    task: Task
    leads: tuple[Lead, ...]
    fs_hz: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the leads."""
        return tuple(lead.name for lead in self.leads)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is analysed. `idle` are tasks that read nothing and why; `passed_over` are leads that no task reads.

    `rates` are sentences about leads that are analysed at another rate than their own.
    """

    assignments: tuple[Assignment, ...]
    idle: tuple[tuple[str, str], ...]
    passed_over: tuple[Lead, ...]
    rates: tuple[str, ...] = ()

    def of(self, task: str) -> tuple[Assignment, ...]:
        """The instances of a task."""
        return tuple(one for one in self.assignments if one.task.name == task)

    def sentences(self) -> tuple[str, ...]:
        """Say it in words, a line each lead: ``ECG II -> ecg-beats, ecg-rhythm``; many that fare alike share a line."""
        by_lead: dict[str, list[str]] = {}
        for one in self.assignments:
            for lead in one.leads:
                by_lead.setdefault(_called(lead), []).append(one.task.name)
        alike: dict[str, list[str]] = {}
        for called, names in by_lead.items():
            alike.setdefault(f" -> {', '.join(names)}", []).append(called)
        alike[": not analysed"] = [_called(lead) for lead in self.passed_over]
        return (*(line for end, leads in alike.items() for line in _lines(leads, end)), *self.rates)


def assign(tasks: Iterable[Task], leads: Sequence[Lead], *, fs_hz: float, prefer: str | None = None) -> Plan:
    """Decide which task reads which lead.

    Parameters
    ----------
    leads : of the recording, in its order; `fs_hz` is the rate of those that name none of their own.
    prefer : name of a lead that goes before all others in every task that can read it; a task that would read all leads
        together reads this one alone.
    """
    rated = [lead if lead.fs_hz is not None else replace(lead, fs_hz=fs_hz) for lead in leads]
    assignments: list[Assignment] = []
    idle: list[tuple[str, str]] = []
    for task in tasks:
        if task.make is None:
            continue
        candidates = _candidates(task.wants, rated, prefer)
        for need in task.needs:
            covered = {name for one in assignments if one.task.name == need for name in one.names}
            candidates = [lead for lead in candidates if lead.name in covered]
        made = list(_instances(task, candidates, prefer))
        if not made:
            idle.append((task.name, _why(task, rated)))
        assignments += made
    read = {name for one in assignments for name in one.names}
    return Plan(
        assignments=tuple(assignments),
        idle=tuple(idle),
        passed_over=tuple(lead for lead in rated if lead.name not in read),
    )


def _candidates(wants: Wants, leads: Sequence[Lead], prefer: str | None) -> list[Lead]:
    low, high = wants.fs_hz
    fits = [lead for lead in leads if lead.unit in wants.units and low <= (lead.fs_hz or 0.0) <= high]
    named = [lead for lead in fits if not wants.kinds or lead.kind in wants.kinds]
    if wants.unknown and not any(lead.kind in wants.kinds for lead in leads):
        named = [lead for lead in fits if lead.kind is LeadKind.UNKNOWN]
    elif wants.unknown:
        # Whoever names a lead of which nothing is known wants that one read, also beside one that is known.
        named += [lead for lead in fits if lead.kind is LeadKind.UNKNOWN and lead.name == prefer]
    first = (*((prefer,) if prefer is not None else ()), *wants.prefer)
    return sorted(named, key=lambda lead: first.index(lead.name) if lead.name in first else len(first))


def _instances(task: Task, candidates: list[Lead], prefer: str | None) -> Iterable[Assignment]:
    if task.wants.most is None and any(lead.name == prefer for lead in candidates):
        # Whoever names a lead wants that one judged, not what all say together.
        candidates = [lead for lead in candidates if lead.name == prefer]
    if task.wants.per_lead:
        for lead in candidates:
            yield Assignment(task=task, leads=(lead,), fs_hz=lead.fs_hz or 0.0)
    elif candidates:
        fs_hz = candidates[0].fs_hz or 0.0
        same = [lead for lead in candidates if lead.fs_hz == fs_hz]
        yield Assignment(task=task, leads=tuple(same[: task.wants.most]), fs_hz=fs_hz)


def _why(task: Task, leads: Sequence[Lead]) -> str:
    wants = task.wants
    of_kind = [lead for lead in leads if lead.kind in wants.kinds or (wants.unknown and lead.kind is LeadKind.UNKNOWN)]
    kinds = " or ".join(kind.value for kind in wants.kinds) or "any"
    if not of_kind:
        return f"no lead of kind {kinds}"
    low, high = wants.fs_hz
    if not any(low <= (lead.fs_hz or 0.0) <= high for lead in of_kind):
        return f"it reads {low:g} to {high:g} samples a second, the lead has {of_kind[0].fs_hz:g}"
    return "no lead that it, and what it needs, can read"


def _lines(leads: Sequence[str], end: str) -> Iterable[str]:
    return [f"{listed(leads)}{end}"] if len(leads) > MOST_NAMED else [f"{lead}{end}" for lead in leads]


def _called(lead: Lead) -> str:
    if lead.kind is LeadKind.UNKNOWN:
        return lead.name
    kind = (
        lead.kind.value.upper()
        if lead.kind in (LeadKind.ECG, LeadKind.EEG, LeadKind.EOG, LeadKind.EMG)
        else lead.kind.value
    )
    return lead.name if lead.name.lower().startswith(kind.lower()) else f"{kind} {lead.name}"
