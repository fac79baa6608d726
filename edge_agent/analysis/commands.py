"""What the clinic asks for, carried out: each command ends in one answer."""

import math
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from difflib import SequenceMatcher
from typing import Any

from biosignal.errors import BadInput, BedsideError
from biosignal.events import Command, CommandAnswer
from biosignal.tasks import TASKS
from biosignal.tasks.task import Task
from edge_agent.analysis.actor import AnalysisActor
from edge_agent.analysis.bedside import Bedside
from edge_agent.sync.commands import answer


class Commands:
    """Carries out commands on the analysis.

    Parameters
    ----------
    new_model : begins a model update; absent where this device takes none, for `no_updates`.
    fetch_waves : queues the stored waves of a recording between two seconds, and says what is there of them.
    keep : keeps whose bed it is, with their limits, over a restart.
    send_again : queues once more what was stored since a time, or everything, and says how many events that are.
    """

    def __init__(
        self,
        device: str,
        analysis: AnalysisActor,
        *,
        new_model: Callable[[Command], CommandAnswer] | None,
        send_again: Callable[[str | None], str],
        fetch_waves: Callable[[str, float, float], str],
        keep: Callable[[Bedside], None],
        no_updates: str = "",
    ) -> None:
        self._device = device
        self._analysis = analysis
        self._new_model = new_model
        self._send_again = send_again
        self._fetch_waves = fetch_waves
        self._keep = keep
        self._no_updates = no_updates

    def carry_out(self, command: Command) -> CommandAnswer:
        """Carry out a command of the clinic; what cannot be done is refused with its reason."""
        try:
            outcome, reason = self._done(command)
        except BedsideError as error:
            outcome, reason = "refused", str(error)
        return answer(self._device, command.id, command.name, outcome, reason)

    def _done(self, command: Command) -> tuple[str, str]:
        if command.name == "acknowledge":
            self._analysis.acknowledge(_needed(command, "alarm"), command.issuer)
        elif command.name == "pause-audio":
            seconds = command.argument("seconds")
            self._analysis.pause_audio(command.issuer, _number(seconds, "seconds") if seconds else None)
        elif command.name == "assign-subject":
            self._analysis.assign_subject(_needed(command, "subject"))
            self._keep(self._analysis.bedside)
        elif command.name == "discharge-subject":
            self._analysis.assign_subject(None)
            self._keep(self._analysis.bedside)
        elif command.name == "set-limits":
            self._set_limits(command)
            self._keep(self._analysis.bedside)
        elif command.name == "new-model":
            if self._new_model is None:
                return "refused", self._no_updates
            begun = self._new_model(command)
            return begun.outcome, begun.reason
        elif command.name == "send-again":
            return "done", self._send_again(command.argument("since"))
        elif command.name == "fetch-waves":
            stretch = (_number(_needed(command, name), name) for name in ("start_s", "end_s"))
            return "done", self._fetch_waves(_needed(command, "recording"), *stretch)
        elif command.name != "watch":
            return "refused", f"this version knows no command {command.name}"
        return "done", ""

    def _set_limits(self, command: Command) -> None:
        """Set limits by name; ``task`` says whose they are where two tasks have one of the same name."""
        wanted = {name: text for name, text in command.arguments if name not in ("device", "task")}
        if not wanted:
            raise BadInput("no such limit", unknown=[], known=sorted(_known_limits()))
        for task, named in _by_task(wanted, command.argument("task")).items():
            before = self._analysis.limits_of(TASKS[task])
            changed = {name: _like(getattr(before, name), text, name) for name, text in named.items()}
            self._analysis.set_limits(TASKS[task], replace(before, **changed))


def _known_limits() -> dict[str, list[Task]]:
    known: dict[str, list[Task]] = {}
    for task in TASKS.values():
        for field in fields(task.limits) if task.limits is not None else ():
            known.setdefault(field.name, []).append(task)
    return known


def _nearest_first(names: Iterable[str], wanted: str) -> list[str]:
    """Order names by how much they look like the one that is wanted: a message names the first of them only."""
    return sorted(names, key=lambda name: (-SequenceMatcher(None, name, wanted).ratio(), name))


def _by_task(wanted: dict[str, str], task: str | None) -> dict[str, dict[str, str]]:
    """Find whose each limit is. Where the command names no task, the task that has most of the names is meant."""
    known = _known_limits()
    strange = sorted(name for name in wanted if not any(task in (None, one.name) for one in known.get(name, ())))
    if strange:
        raise BadInput("no such limit", unknown=strange, known=_nearest_first(known, strange[0]))
    votes = [one.name for name in wanted for one in known[name] if task in (None, one.name)]
    found: dict[str, dict[str, str]] = {}
    for name, text in wanted.items():
        owners = [one.name for one in known[name] if task in (None, one.name)]
        found.setdefault(max(owners, key=votes.count), {})[name] = text
    return found


def _like(before: Any, text: str, name: str) -> float:
    """Read a limit as the kind of number it was: a count of beats stays whole."""
    value = _number(text, name)
    if not isinstance(before, int):
        return value
    if value != int(value):
        raise BadInput("this limit is a whole number", argument=name, value=text)
    return int(value)


def _needed(command: Command, name: str) -> str:
    value = command.argument(name)
    if not value:
        raise BadInput("the command lacks an argument", command=command.name, argument=name)
    return value


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise BadInput("an argument is not a number", argument=name, value=text) from error
    if not math.isfinite(value):
        raise BadInput("an argument is not a number", argument=name, value=text)
    return value
