"""A buzzer or light at the bed: a program of the owner's, run with what alarms ask for, whenever that changes.

A thread of its own looks at the alarms as they were last published, so that nothing waits for the program. One that
takes too long is killed with what it started; one that failed is run again.
"""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from biosignal.events import AlarmEvent, AlarmState, Priority, SounderState
from biosignal.settings import Within
from edge_agent.pulse import Pulse

log = logging.getLogger(__name__)
LOOK_S = 0.25
AGAIN_S = 1.0
"""A program that failed is run again after so long."""
LIMIT_S = 5.0
KILLED_S = 1.0
"""A killed process is gone at once, unless the kernel holds it; nobody waits for that."""
_LOUDEST = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)
_LIT = (AlarmState.ACTIVE, AlarmState.AUDIO_PAUSED, AlarmState.LATCHED)


@dataclass(frozen=True, kw_only=True, slots=True)
class SounderSettings:
    """The program that drives a buzzer or light, and how it is run.

    Parameters
    ----------
    signal_command : the program and its arguments; what sounds and what lights up are put behind them. Empty: none.
    signal_repeat_s : it is run again so often while an alarm is signalled.
    signal_limit_s : a run that takes longer is killed.
    """

    signal_command: tuple[str, ...] = ()
    signal_repeat_s: Annotated[float, Within(1, 60, "seconds")] = 5.0
    signal_limit_s: Annotated[float, Within(0.1, 10, "seconds")] = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """The highest priority that sounds, and the highest that lights up.

    A pause and an acknowledgement end the sound (IEC 60601-1-8). What is paused or latched is still lit: the pause is
    no answer, and of what is over nobody knows yet.
    """

    sound: Priority = Priority.NONE
    light: Priority = Priority.NONE


SILENCE = Signal()


def signal_of(alarms: Iterable[AlarmEvent]) -> Signal:
    """Find what the alarms that stand ask for."""
    standing = tuple(alarms)
    sounding = {one.priority for one in standing if one.state is AlarmState.ACTIVE}
    lit = {one.priority for one in standing if one.state in _LIT}
    return Signal(sound=_highest(sounding), light=_highest(lit))


def _highest(priorities: set[Priority]) -> Priority:
    return next((one for one in _LOUDEST if one in priorities), Priority.NONE)


class Sounder:
    """Runs the program at the start, on every change, and again while an alarm is signalled; never two at a time.

    Parameters
    ----------
    alarms : gives the alarms that stand; asked for by the thread of the sounder.
    now_s : steady clock, in seconds.
    """

    def __init__(
        self,
        settings: SounderSettings,
        alarms: Callable[[], Iterable[AlarmEvent]],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pulse = Pulse("sounder", LIMIT_S)
        self.trouble: str | None = None
        self._settings = settings
        self._alarms = alarms
        self._now_s = now_s
        self._last: Signal | None = None
        self._last_s = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="edge.sounder", daemon=True)

    @property
    def is_configured(self) -> bool:
        """Whether the owner named a program."""
        return bool(self._settings.signal_command)

    @property
    def state(self) -> SounderState:
        """Whether the bed has a sounder, and whether its last run came to its end."""
        if not self.is_configured:
            return SounderState.NONE
        return SounderState.WORKS if self.trouble is None else SounderState.FAILS

    def start(self) -> None:
        """Begin, where there is a program."""
        if self.is_configured:
            self._thread.start()

    def stop(self) -> None:
        """End, and leave the bed silent: nobody watches it any more. Takes at most two runs."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(2 * (self._settings.signal_limit_s + KILLED_S))

    def look(self) -> None:
        """Run the program where something changed or a run is due."""
        wanted = signal_of(self._alarms())
        if wanted != self._last or self._now_s() - self._last_s >= self._again_after_s(wanted):
            self._run(wanted)

    def _again_after_s(self, wanted: Signal) -> float:
        if self.trouble is not None:
            return AGAIN_S
        return float("inf") if wanted == SILENCE else self._settings.signal_repeat_s

    def _work(self) -> None:
        while not self._stopping.wait(LOOK_S):
            self.pulse.beat(self._settings.signal_limit_s + KILLED_S + LIMIT_S)
            try:
                self.look()
            except Exception:  # the border of the thread: without it the bed would be silent from here on
                log.exception("sounder.look.failed")
        if self._last not in (None, SILENCE):
            self._run(SILENCE)
        self.pulse.rest()

    def _run(self, wanted: Signal) -> None:
        self._last, self._last_s = wanted, self._now_s()
        before, self.trouble = self.trouble, self._outcome(wanted)
        if self.trouble != before:
            facts = {"why": self.trouble or "it works", "sound": wanted.sound.value, "light": wanted.light.value}
            log.warning("sounder.state.changed", extra={"facts": facts})

    def _outcome(self, wanted: Signal) -> str | None:
        """Run the program once; why it failed, None where it did not."""
        command = (*self._settings.signal_command, wanted.sound.value, wanted.light.value)
        try:
            # In a session of its own, so that whatever it starts is killed with it.
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"{command[0]} cannot be run: {getattr(error, 'strerror', None) or error}"
        try:
            code = child.wait(self._settings.signal_limit_s)
        except subprocess.TimeoutExpired:
            _kill(child)
            return f"{command[0]} took longer than {self._settings.signal_limit_s:g} s and was killed"
        return None if code == 0 else f"{command[0]} ended with exit code {code}"


def _kill(child: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(KILLED_S)
    except (ProcessLookupError, subprocess.TimeoutExpired) as error:
        log.warning("sounder.child.not_gone", extra={"facts": {"why": type(error).__name__}})
