"""What has come from the broker and waits to be stored, in two queues with an end.

An event that comes alone is fresh, or nearly: it is taken out first. Packets are of a device's backlog, and however
many of them stand here, a batch takes only so many of them that the next look is soon.
"""

import threading
from collections import deque

from biosignal.wire.packet import count
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.presence import Presence

MOST_BYTES = 64 << 20
"""Bytes that may wait. Packets are long, so that their number alone would say little."""


class Waiting:
    """Takes from any thread and never blocks it; gives to one.

    Parameters
    ----------
    most : messages that may wait, of either queue. batch : events in a batch, of either queue.
    """

    def __init__(self, *, most: int, batch: int) -> None:
        self._most, self._batch = most, batch
        self._alone: deque[Message | Presence] = deque()
        self._packets: deque[Message] = deque()
        self._bytes = 0
        self._some = threading.Condition()

    def __len__(self) -> int:
        return len(self._alone) + len(self._packets)

    def put(self, item: Message | Presence) -> bool:
        """Let something wait; False when there is no free place."""
        length = len(item.payload) if isinstance(item, Message) else 0
        with self._some:
            is_packet = isinstance(item, Message) and count(item.payload) > 1
            queue: deque[Message] | deque[Message | Presence] = self._packets if is_packet else self._alone
            if len(queue) >= self._most or self._bytes + length > MOST_BYTES:
                return False
            queue.append(item)  # type: ignore[arg-type]  # a packet is a message
            self._bytes += length
            self._some.notify()
        return True

    def take(self, timeout_s: float) -> list[Message | Presence]:
        """Give a batch, what came alone first; waits so long for the first, and gives nothing where none came."""
        with self._some:
            self._some.wait_for(lambda: self._alone or self._packets, timeout_s)
            taken: list[Message | Presence] = []
            while self._alone and len(taken) < self._batch:
                taken.append(self._alone.popleft())
            events = 0
            while self._packets and events < self._batch:
                packet = self._packets.popleft()
                events += count(packet.payload)
                taken.append(packet)
            self._bytes -= sum(len(item.payload) for item in taken if isinstance(item, Message))
        return taken
