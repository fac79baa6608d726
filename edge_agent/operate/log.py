"""Logs are events: one JSON object a line, ``part.noun.verb`` with its values as keys. No signal, no person.

A repeated event is written once per interval with the number of its repetitions, so that a port that flaps cannot fill
a disk.
"""

import json
import re
import threading
from enum import Enum
from pathlib import Path
from typing import TextIO

from biosignal.errors import BadInput, BedsideError
from edge_agent.operate.clock import Clock, utc_text

_EVENT = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+){2,3}")
_LEVELS = ("debug", "info", "warning", "error")
_LONGEST_TEXT = 500
_FORBIDDEN = frozenset({"samples", "subject", "patient", "password", "token", "secret"})
_HELD_EVENTS = 1000


class Log:
    """Writes events to a stream; safe from any thread.

    Parameters
    ----------
    stream : a text stream; systemd keeps what is written to stderr.
    level : the least level that is written.
    repeat_s : an event with the same name and level is written at most once in this time.
    """

    def __init__(self, stream: TextIO, *, clock: Clock, level: str = "info", repeat_s: float = 10.0) -> None:
        if level not in _LEVELS:
            raise BadInput("unknown log level", level=level, remedy=f"one of {', '.join(_LEVELS)}")
        self._stream = stream
        self._clock = clock
        self._least = _LEVELS.index(level)
        self._repeat_s = repeat_s
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def debug(self, event: str, **facts: object) -> None:
        """For whoever looks for a fault."""
        self._write("debug", event, facts)

    def info(self, event: str, **facts: object) -> None:
        """Something happened that should."""
        self._write("info", event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Something is worse than it should be, and the work goes on."""
        self._write("warning", event, facts)

    def error(self, event: str, *, error: BaseException | None = None, **facts: object) -> None:
        """Something failed; with the remedy of an error of ours."""
        if error is not None:
            facts = {**facts, "error": f"{type(error).__name__}: {error}"}
        if isinstance(error, BedsideError):
            facts["remedy"] = error.advice
        self._write("error", event, facts)

    def _write(self, level: str, event: str, facts: dict[str, object]) -> None:
        if _EVENT.fullmatch(event) is None:
            raise BadInput("a log event reads part.noun.verb", log_event=event)
        if forbidden := _FORBIDDEN & facts.keys():
            raise BadInput("neither signal nor person nor secret belongs in a log", keys=sorted(forbidden))
        if _LEVELS.index(level) < self._least:
            return
        now_s = self._clock.monotonic_s()
        with self._lock:
            last_s, held = self._last.get((event, level), (-float("inf"), 0))
            if now_s - last_s < self._repeat_s:
                self._last[event, level] = (last_s, held + 1)
                return
            if len(self._last) >= _HELD_EVENTS:
                self._last.clear()
            self._last[event, level] = (now_s, 0)
            line: dict[str, object] = {"at": utc_text(self._clock.utc_s()), "level": level, "event": event}
            line |= {name: _plain(value) for name, value in facts.items()}
            if held:
                line["repeated"] = held
            self._stream.write(json.dumps(line) + "\n")
            self._stream.flush()


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        # JSON has no NaN; what cannot be written as a number is written as its name.
        return value if value - value == 0 else str(value)
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, str | Path | BaseException):
        return str(value)[:_LONGEST_TEXT]
    return f"<{type(value).__name__}>"
