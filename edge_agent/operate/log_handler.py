"""What the standard `logging` is handed, written as events of our own log."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from edge_agent.operate.clock import Clock
from edge_agent.operate.log import Log

OURS = ("edge_agent", "biosignal")
TRACE_FRAMES = 4


class LogHandler(logging.Handler):
    """Turns the records of the standard `logging` into events.

    The message of a record of ours is the event's name; its values are in ``extra={"facts": {...}}``, or are the other
    names in `extra`. What libraries say is let through from warnings on, all under one name.
    """

    _PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "facts"}
    _KEPT_OUT = frozenset({"event", "error", "samples", "subject", "patient", "password", "token", "secret"})

    def __init__(self, events: Log) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            self._write(record)
        except Exception:  # noqa: BLE001 - a log that cannot be written must not end the work
            self.handleError(record)

    def _write(self, record: logging.LogRecord) -> None:
        facts = self._facts(record)
        if not record.name.startswith(OURS):
            if record.levelno >= logging.WARNING:
                self._events.warning("library.message.logged", logger=record.name, text=record.getMessage(), **facts)
            return
        name = record.getMessage()
        if record.exc_info and isinstance(error := record.exc_info[1], BaseException):
            facts["trace"] = _trace(error)
            self._events.error(name, error=error, **facts)
        elif record.levelno >= logging.ERROR:
            self._events.error(name, **facts)
        elif record.levelno >= logging.WARNING:
            self._events.warning(name, **facts)
        elif record.levelno >= logging.INFO:
            self._events.info(name, **facts)
        else:
            self._events.debug(name, **facts)

    def _facts(self, record: logging.LogRecord) -> dict[str, Any]:
        given = dict(getattr(record, "facts", {}))
        given |= {name: value for name, value in vars(record).items() if name not in self._PLAIN}
        return {name: value for name, value in given.items() if name not in self._KEPT_OUT}


def _trace(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-TRACE_FRAMES:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames))


@contextmanager
def logging_to(stream: TextIO, *, clock: Clock, level: str) -> Iterator[None]:
    """Write everything that is logged as events to `stream`, until left."""
    handler = LogHandler(Log(stream, clock=clock, level=level))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
