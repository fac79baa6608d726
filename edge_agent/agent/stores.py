"""Both stores of the daemon: opened, counted, and what is wrong with the space and the files they have."""

import logging
import shutil
import time
from contextlib import ExitStack, suppress

from edge_agent.operate.clock import Clock, utc_text
from edge_agent.operate.settings import Settings
from edge_agent.store.errors import StoreTrouble
from edge_agent.store.events import EventStore
from edge_agent.store.reading import StoreCounts
from edge_agent.store.waveforms import WaveStore

log = logging.getLogger(__name__)
MIB = 1 << 20
STAND_IN_BYTES = 32 * MIB
"""Most that each store holds in memory while its file cannot be opened."""
COUNTS_OLD_S = 0.25
SALVAGE_SHOWN_S = 60.0
DISK_OLD_S = 10.0
"""So old may the free space be that the status names."""


class Stores:
    """`events.db` and `waveforms.db`, closed with what is `opened`.

    Raises
    ------
    StoreMisplaced, StoreUnsafe, StoreInUse, StoreForeign : there can be no store here until a person changes something.
    """

    def __init__(self, settings: Settings, boot: str, clock: Clock, opened: ExitStack) -> None:
        self._state = state = settings.device.state_dir
        self._clock = clock
        self.known: StoreCounts | None = None
        """The store in numbers, as last counted."""
        self._counted_s = float("-inf")
        self.disk_free_mb: int | None = None
        """As last looked at."""
        self._disk_s = float("-inf")
        self.events = EventStore(
            state / "events.db",
            settings.device.name,
            boot,
            utc_now=lambda: utc_text(clock.utc_s()),
            reserve_bytes=settings.store.free_reserve_mb * MIB,
            stand_in_bytes=STAND_IN_BYTES,
        )
        opened.callback(self.events.close)
        self.waves = WaveStore(
            state / "waveforms.db",
            settings.store.waveform_budget_mb * MIB,
            commit_s=settings.store.commit_s,
            send_all=settings.sync.enabled and settings.sync.waves == "all",
            utc_now=lambda: utc_text(clock.utc_s()),
            stand_in_bytes=STAND_IN_BYTES,
        )
        opened.callback(self._close_waves)
        self.events.on_full = self.waves.shed
        self.note_salvage()

    def note_salvage(self) -> None:
        """Files were opened: note what of them was damaged and set aside."""
        found = [str(store.salvage) for store in (self.events, self.waves) if store.salvage is not None]
        self._salvaged = "; ".join(found)
        self._salvaged_s = self._clock.monotonic_s()

    def counts(self, *, old_s: float = COUNTS_OLD_S) -> StoreCounts | None:
        """The store in numbers, at most so many seconds old; the last ones known where it fails."""
        now_s = time.monotonic()
        if now_s - self._counted_s >= old_s:
            self._counted_s = now_s
            try:
                self.known = self.events.counts()
            except StoreTrouble as error:
                log.warning("store.counts.failed", extra={"facts": {"why": str(error)}})
        return self.known

    def look_at_disk(self) -> None:
        """See how much is free, every so often."""
        if time.monotonic() - self._disk_s < DISK_OLD_S:
            return
        self._disk_s = time.monotonic()
        with suppress(OSError):  # a disk that does not answer is said by the store
            self.disk_free_mb = shutil.disk_usage(self._state).free // 1_000_000

    @property
    def outbox(self) -> int:
        """How many events wait for the clinic."""
        counts = self.counts()
        return counts.outbox if counts is not None else 0

    def trouble(self, *, seen: bool) -> str | None:
        """Whether space for findings is held back; else a damaged file, until that was `seen` or a minute has passed.

        What was given up of the space is held again as soon as it can be.
        """
        if not self.events.hold_reserve():
            return "the disk is full: waves are dropped, findings go into the space held back for them"
        if seen or self._clock.monotonic_s() - self._salvaged_s >= SALVAGE_SHOWN_S:
            self._salvaged = ""
        return self._salvaged or None

    def _close_waves(self) -> None:
        try:
            self.waves.close()
        except StoreTrouble:
            log.exception("store.waves.failed")
