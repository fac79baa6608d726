"""The daemon as a process: what a signal does to it, and how it ends."""

import faulthandler
import logging
import signal
import sys
import threading
from types import FrameType

from edge_agent.agent.agent import Agent
from edge_agent.operate.clock import Clock, HostClock
from edge_agent.operate.log_handler import logging_to
from edge_agent.operate.settings import Settings

log = logging.getLogger(__name__)


class _AtOnce(BaseException):
    """Asked to stop a second time, the process waits for no part. No `Exception`: no border of a thread catches it."""


def run(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT; 0 when it was stopped cleanly, 1 when it was asked twice.

    Raises
    ------
    BedsideError : it could not start, or its source or analysis failed.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise _AtOnce
        stop.set()

    # A watchdog that runs out ends the process by SIGABRT: the log then holds where every thread was.
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    clock = HostClock()
    try:
        with logging_to(sys.stderr, clock=clock, level=settings.operate.log_level):
            return _live(settings, clock, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _live(settings: Settings, clock: Clock, stop: threading.Event) -> int:
    agent = Agent(settings, clock=clock)
    try:
        try:
            agent.start()
            agent.run_until(stop)
        finally:
            agent.stop()
    except _AtOnce:
        log.warning("agent.stop.forced")
        return 1
    return 0
