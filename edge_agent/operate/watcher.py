"""The thread that watches all others: it touches no store, no file and no lock that one of them could hold."""

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable

from biosignal.events import LoopStatus
from edge_agent.operate.watchdog import LoopWatch

log = logging.getLogger(__name__)
OnChange = Callable[[tuple[LoopStatus, ...]], None]


class Watcher:
    """Looks at every loop twice a second.

    Parameters
    ----------
    on_change : called, on this thread, with the loops that hang whenever others hang or are late than before; must
        return at once.
    end_when_hung : end the process with exit code 1 where a vital loop has hung for too long and no service manager is
        there to do it.
    """

    def __init__(self, watch: LoopWatch, on_change: OnChange, *, end_when_hung: bool) -> None:
        self._watch = watch
        self._on_change = on_change
        self._end_when_hung = end_when_hung
        self._stop = threading.Event()
        self._late: tuple[LoopStatus, ...] = ()
        self._hanging: tuple[LoopStatus, ...] = ()
        self._thread = threading.Thread(target=self._run, name="edge.watch", daemon=True)

    @property
    def hanging(self) -> tuple[LoopStatus, ...]:
        """The loops that hang, as last looked at."""
        return self._hanging

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        while not self._stop.wait(self._watch.every_s):
            try:
                self._turn()
            except Exception:  # border of the thread: watching must not end, whatever it meets
                log.exception("operate.watch.failed")

    def _turn(self) -> None:
        verdict = self._watch.check()
        before, self._late, self._hanging = (self._late, self._hanging), verdict.late, verdict.hanging
        if [_names(loops) for loops in before] != [_names(self._late), _names(self._hanging)]:
            self._on_change(self._hanging)
            self._log_changes(*before)
        if verdict.doomed and self._end_when_hung:
            _end(verdict.doomed[0])

    def _log_changes(self, late: tuple[LoopStatus, ...], hanging: tuple[LoopStatus, ...]) -> None:
        """Say which loops are late or hang that were or did not before, and which got on again."""
        for loop in self._late:
            if loop.name not in _names(late) and not loop.stands:
                log.warning("operate.loop.late", extra={"facts": _facts(loop, loop.limit_s)})
        for loop in self._hanging:
            if loop.name not in _names(hanging):
                log.error("operate.loop.hanging", extra={"facts": _facts(loop, loop.stands_after_s)})
        for name in _names(late):
            if name not in _names(self._late):
                log.warning("operate.loop.recovered", extra={"facts": {"loop": name}})


def _names(loops: tuple[LoopStatus, ...]) -> list[str]:
    return [loop.name for loop in loops]


def _facts(loop: LoopStatus, limit_s: float) -> dict[str, object]:
    return {"loop": loop.name, "seconds": round(loop.age_s, 1), "limit_s": limit_s}


def _end(loop: LoopStatus) -> None:
    """End the process at once: nothing can be waited for, and what was stored is stored."""
    try:
        faulthandler.dump_traceback(file=sys.__stderr__ or 2, all_threads=True)
        os.write(
            2,
            f"edge-agent: {loop.name} has hung for {loop.age_s:.0f} s, so that nothing can be relied on any more\n"
            "Try: start it again, and report the stacks above\n".encode(),
        )
    finally:
        os._exit(1)
