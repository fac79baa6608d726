"""Commands of the clinic: each carried out once, and answered with an event, however often it arrives."""

import logging
import queue
import threading
from collections.abc import Callable
from datetime import datetime, timezone

from biosignal.errors import BedsideError
from biosignal.events import Command, CommandAnswer, stable_id
from edge_agent.pulse import Pulse
from edge_agent.sync.port import Outbox

log = logging.getLogger(__name__)
LIMIT_S = 60.0
"""A command waits for the analysis, and a change of limits for it twice."""


def answer(device: str, command: str, name: str, outcome: str, reason: str) -> CommandAnswer:
    """Say what became of a command: `outcome` is done, refused or expired."""
    return CommandAnswer(
        id=stable_id("answer", device, command), command=command, name=name, outcome=outcome, reason=reason
    )


def refusal(command: Command, now: datetime) -> tuple[str, str] | None:
    """Why a command must not be carried out: (outcome, reason), or None."""
    try:
        expires = datetime.fromisoformat(command.expires_utc.replace("Z", "+00:00"))
    except ValueError:
        return "refused", f"its expiry {command.expires_utc!r} is not a time"
    if expires.tzinfo is None:
        return "refused", f"its expiry {command.expires_utc!r} names no time zone"
    if expires <= now:
        return "expired", f"it was valid until {command.expires_utc}"
    return None


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(timezone.utc)


class CommandDesk:
    """Takes commands off the network thread and carries them out one after the other on its own thread.

    A command is noted on disk before it is carried out and answered on disk after: one that arrives again is passed
    over, one that the process died in is answered as refused.
    """

    def __init__(
        self,
        store: Outbox,
        device: str,
        carry_out: Callable[[Command], CommandAnswer],
        *,
        on_answer: Callable[[CommandAnswer], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store, self._device, self._carry_out, self._now = store, device, carry_out, now
        self._on_answer = on_answer
        self._queue: queue.Queue[Command | None] = queue.Queue(maxsize=100)
        self.pulse = Pulse("commands", LIMIT_S)
        self._thread = threading.Thread(target=self._work, name="sync.commands", daemon=True)

    def start(self) -> None:
        """Answer what an earlier process left open, and begin."""
        for id_, name in self._store.unanswered_commands():
            why = "the device stopped while carrying it out; look at its state and ask again"
            self._store.answer_command(answer(self._device, id_, name, "refused", why))
        self._thread.start()

    def stop(self) -> None:
        """Finish the command at hand and end."""
        try:
            self._queue.put(None, timeout=2.0)
        except queue.Full:
            return
        self._thread.join(5.0)

    def submit(self, command: Command) -> bool:
        """Take a command; False when too many wait."""
        try:
            self._queue.put_nowait(command)
        except queue.Full:
            return False
        return True

    def _work(self) -> None:
        while (command := self._queue.get()) is not None:
            self.pulse.beat()
            try:
                self._settle(command)
            except BedsideError:
                # Where the store fails, it has said so; without an answer the clinic asks again.
                pass
            except Exception:  # border of the thread: one bad command must not end all commands
                log.exception("sync.command.failed")
            self.pulse.rest()

    def _settle(self, command: Command) -> None:
        if self._store.claim_command(command):
            result = self._result(command)
            self._store.answer_command(result)
            self._on_answer(result)

    def _result(self, command: Command) -> CommandAnswer:
        refused = refusal(command, self._now())
        if refused is not None:
            return answer(self._device, command.id, command.name, *refused)
        try:
            return self._carry_out(command)
        except BedsideError as error:
            return answer(self._device, command.id, command.name, "refused", str(error))
        except Exception as error:  # noqa: BLE001  # thread border: one bad command must not end all commands
            return answer(self._device, command.id, command.name, "refused", f"it failed: {error}")
