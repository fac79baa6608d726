"""What the clinic orders, carried out: each command ends in one answer."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from biosignal.errors import BadInput, BedsideError
from biosignal.events import Command, CommandAnswer
from edge_agent.analysis.analysis import Analysis
from edge_agent.sync.commands import answer


class Orders:
    """Carries out commands on the analysis.

    Parameters
    ----------
    new_model : begins a model update; absent where this device takes none, for `no_updates`.
    """

    def __init__(
        self,
        device: str,
        analysis: Analysis,
        *,
        new_model: Callable[[Command], CommandAnswer] | None,
        no_updates: str = "",
    ) -> None:
        self._device = device
        self._analysis = analysis
        self._new_model = new_model
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
        elif command.name == "set-limits":
            self._set_limits(command)
        elif command.name == "new-model":
            if self._new_model is None:
                return "refused", self._no_updates
            begun = self._new_model(command)
            return begun.outcome, begun.reason
        elif command.name != "watch":
            return "refused", f"this version knows no command {command.name}"
        return "done", ""

    def _set_limits(self, command: Command) -> None:
        rules = self._analysis.rules
        known = {name: getattr(rules, name) for name in rules.__slots__}
        wanted = {name: text for name, text in command.arguments if name != "device"}
        strange = sorted(set(wanted) - set(known))
        if strange or not wanted:
            raise BadInput("no such limit", unknown=strange, known=sorted(known))
        changed: dict[str, Any] = {name: _like(known[name], text, name) for name, text in wanted.items()}
        self._analysis.set_limits(replace(rules, **changed))


def _like(before: float, text: str, name: str) -> float:
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
