"""Stored waves on their way to the clinic: a few at a time, each again until it is receipted."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from biosignal.events import Receipt
from edge_agent.sync.flight import full_jitter
from edge_agent.sync.port import StoredChunk, WaveQueue

WINDOW = 4
"""Chunks on their way: some kilobytes each, so that a finding that comes now waits behind tens of them at most."""


@dataclass(slots=True)
class _Out:
    n: int
    attempts: int
    due_s: float


class StoredWaves:
    """What was sent of the stored waves and not yet receipted. Any thread may call.

    Parameters
    ----------
    timeout_s : a chunk without a receipt for so long is sent again after a random part of
        ``first_s * 2 ** attempts``, at most ``most_s``.
    """

    def __init__(
        self, queue: WaveQueue, *, timeout_s: float, first_s: float, most_s: float, chance: random.Random
    ) -> None:
        self._queue = queue
        self._timeout_s, self._first_s, self._most_s, self._chance = timeout_s, first_s, most_s, chance
        self._out: dict[str, _Out] = {}
        self._lock = threading.Lock()

    def start_again(self) -> None:
        """There is a new connection: what was on its way may be lost."""
        with self._lock:
            self._out.clear()

    def due(self, now_s: float) -> list[StoredChunk]:
        """Give the chunks to send now.

        Raises
        ------
        StoreTrouble : the store cannot be read now.
        """
        with self._lock:
            if len(self._out) == WINDOW and all(out.due_s > now_s for out in self._out.values()):
                return []
            # What is asked for overtakes the rest, so the first of the line may be others than those on their way.
            first: Sequence[StoredChunk] = self._queue.to_send(WINDOW)
            here = {chunk.id for chunk in first}
            for id_ in [id_ for id_ in self._out if id_ not in here]:
                del self._out[id_]
            return [chunk for chunk in first if chunk.id not in self._out or self._out[chunk.id].due_s <= now_s]

    def note_sent(self, chunk: StoredChunk, now_s: float) -> None:
        """A chunk was just handed to the broker."""
        with self._lock:
            attempts = self._out[chunk.id].attempts + 1 if chunk.id in self._out else 1
            wait_s = self._timeout_s + full_jitter(attempts, self._first_s, self._most_s, self._chance)
            self._out[chunk.id] = _Out(chunk.n, attempts, now_s + wait_s)

    def take(self, receipt: Receipt) -> tuple[int, int]:
        """The clinic answered: gives how many chunks it has now, and how many it will never take.

        Raises
        ------
        StoreTrouble : it cannot be noted now; they are sent again.
        """
        with self._lock:
            received = [id_ for id_, _ in receipt.committed if id_ in self._out]
            refused = [id_ for id_, _, _ in receipt.rejected if id_ in self._out]
            if received or refused:
                self._queue.received([self._out[id_].n for id_ in (*received, *refused)])
            for id_ in (*received, *refused):
                self._out.pop(id_, None)
            return len(received), len(refused)
