"""Who watches which device live: fan-out of waves in memory, and the lease that keeps them coming."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from cloud_service.clinic.command_desk import WATCH_S
from cloud_service.ingest.presence import Presence
from cloud_service.pulse import Loop

log = logging.getLogger("bedside.watch")
RENEW_AFTER_S = 10.0
KEPT_PER_WATCHER = 512
"""Frames of one lead each: some seconds of all leads of an EEG."""
STILL_AFTER_S = 30.0
"""Asking one device takes 3 s at most where the broker does not answer, and ten more of the database."""
Key: TypeAlias = tuple[str, str]
Item: TypeAlias = bytes | Presence


class Watcher:
    """One open live view: a bounded queue that drops its oldest frame and counts."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[Item] = deque()
        self._there = asyncio.Event()
        self._lock = threading.Lock()
        self.dropped = 0

    def offer(self, item: Item) -> None:
        """Take an item from any thread; never waits."""
        with self._lock:
            if len(self._items) >= KEPT_PER_WATCHER:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._there.set)

    async def take(self, timeout_s: float) -> list[Item]:
        """Wait for items; an empty list after `timeout_s`."""
        try:
            await asyncio.wait_for(self._there.wait(), timeout_s)
        except asyncio.TimeoutError:  # not TimeoutError: they differ before Python 3.11
            return []
        self._there.clear()
        with self._lock:
            items = list(self._items)
            self._items.clear()
        return items


class LiveViews:
    """All open live views, by (site, device)."""

    def __init__(self) -> None:
        self._watchers: dict[Key, set[Watcher]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def open(self, site: str, device: str) -> Iterator[Watcher]:
        """Watch a device for as long as the block runs; needs a running event loop."""
        watcher = Watcher(asyncio.get_running_loop())
        with self._lock:
            self._watchers.setdefault((site, device), set()).add(watcher)
        try:
            yield watcher
        finally:
            with self._lock:
                remaining = self._watchers[site, device]
                remaining.discard(watcher)
                if not remaining:
                    del self._watchers[site, device]

    def publish(self, site: str, device: str, item: Item) -> None:
        """Hand an item to everyone who watches this device."""
        with self._lock:
            watchers = list(self._watchers.get((site, device), ()))
        for watcher in watchers:
            watcher.offer(item)

    @property
    def count(self) -> int:
        """How many views are open."""
        with self._lock:
            return sum(len(watchers) for watchers in self._watchers.values())


@dataclass
class Leases:
    """Decides which devices must be asked for waves now. Times are monotonic and handed in."""

    _until: dict[Key, float] = field(default_factory=dict)
    _asked: dict[Key, float] = field(default_factory=dict)

    def renew(self, key: Key, now_s: float) -> bool:
        """Watch `key` for another 30 s; returns whether nobody watched it before."""
        is_new = self._until.get(key, now_s) <= now_s
        self._until[key] = now_s + WATCH_S
        return is_new

    def asked(self, key: Key, now_s: float) -> None:
        """Note that the device was asked."""
        self._asked[key] = now_s

    def due(self, now_s: float) -> list[Key]:
        """Devices to ask again; forgets leases that ended."""
        for key in [key for key, until in self._until.items() if until <= now_s]:
            del self._until[key]
            self._asked.pop(key, None)
        return [key for key in self._until if now_s - self._asked.get(key, -RENEW_AFTER_S) >= RENEW_AFTER_S]

    def remaining_s(self, key: Key, now_s: float) -> float:
        """How long the lease still runs."""
        return max(0.0, self._until.get(key, now_s) - now_s)


class WatchDesk:
    """Holds the leases, and asks devices for waves from a thread of its own while someone watches."""

    def __init__(self, ask: Callable[[str, str], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._leases = Leases()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self.loop = Loop("watch", self._run, limit_s=STILL_AFTER_S)

    def start(self) -> None:
        """Begin."""
        self.loop.start()

    def stop(self) -> None:
        """End; devices stop by themselves when their lease runs out."""
        self._stopping.set()
        self._wake.set()
        self.loop.join()

    def watch(self, site: str, device: str) -> bool:
        """Renew the lease on a device; returns whether it is a new one."""
        with self._lock:
            is_new = self._leases.renew((site, device), self._clock())
        if is_new:
            self._wake.set()
        return is_new

    def remaining_s(self, site: str, device: str) -> float:
        """How long waves of this device are still wanted."""
        with self._lock:
            return self._leases.remaining_s((site, device), self._clock())

    def ask_due(self) -> None:
        """Ask every device whose turn it is."""
        with self._lock:
            due = self._leases.due(self._clock())
        for site, device in due:
            self.loop.beat()
            if self._ask(site, device):
                with self._lock:
                    self._leases.asked((site, device), self._clock())

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.loop.beat()
            try:
                self.ask_due()
            except Exception:  # the border of the thread: every live view hangs on it
                log.exception("watch.ask.failed")
            self._wake.wait(1.0)
            self._wake.clear()
