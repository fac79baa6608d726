"""The thread that files stored waves and only then sends receipts; beside the events, which never wait for it."""

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from biosignal.errors import BadInput
from biosignal.events import Receipt
from biosignal.wire.packet import MOST_EVENTS
from biosignal.wire.topics import parse
from biosignal.wire.waveform import chunk_id, decode_wave
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import RecordingRow
from cloud_service.pulse import Loop
from cloud_service.settings import CloudSettings
from cloud_service.waves.archive import ArchiveFull, WaveArchive, check
from cloud_service.waves.part import Kept

log = logging.getLogger("bedside.waves")
MOST_WAITING = 512
LARGEST = 4 << 20
BATCH = 64
STILL_AFTER_S = 60.0
QUIET_S = 60.0
"""A disk without space is said once in so many seconds."""
Address = tuple[str, str]
SendReceipt = Callable[[str, str, Receipt], None]


@dataclass(kw_only=True, slots=True)
class WaveCounts:
    """Since the start. `dropped`, `held_back`: without a receipt, so the devices send them again."""

    filed: int = 0
    refused: int = 0
    unreadable: int = 0
    dropped: int = 0
    held_back: int = 0


@dataclass(kw_only=True, slots=True)
class _Answer:
    committed: list[tuple[str, int]] = field(default_factory=list)
    rejected: list[tuple[str, int, str]] = field(default_factory=list)


class WaveFiler:
    """Takes frames from any thread; files them in one thread of its own.

    Parameters
    ----------
    archive : where they go. database : which recordings there are, and whose.
    """

    def __init__(self, archive: WaveArchive, database: Database, *, send_receipt: SendReceipt) -> None:
        self._archive, self._database, self._send_receipt = archive, database, send_receipt
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._some = threading.Condition()
        self._stopping = threading.Event()
        self._said_s = float("-inf")
        self.loop = Loop("stored waves", self._run, limit_s=STILL_AFTER_S)
        self.counts = WaveCounts()

    def start(self) -> None:
        """Begin."""
        self.loop.start()

    def stop(self) -> None:
        """Finish the batch in hand and end."""
        self._stopping.set()
        self.loop.join()

    def take(self, topic: str, payload: bytes) -> None:
        """Queue a frame; never blocks the network thread."""
        with self._some:
            if len(self._waiting) >= MOST_WAITING or len(payload) > LARGEST:
                self.counts.dropped += 1
                return
            self._waiting.append((topic, payload))
            self._some.notify()

    def file(self, messages: Sequence[tuple[str, bytes]]) -> dict[Address, Receipt]:
        """File frames; when this returns they are on disk, and the receipts that it gives may go out.

        Raises
        ------
        ArchiveFull : there is no space; nothing may be receipted. SQLAlchemyError : the database is away.
        """
        arrived: dict[Address, list[Kept]] = defaultdict(list)
        for topic, payload in messages:
            place = parse(topic)
            try:
                arrived[place.site, place.device].append(Kept(decode_wave(payload), payload))
            except BadInput:  # without its names there is nothing that a receipt could name
                self.counts.unreadable += 1
        answers = {address: self._file_of(address, kept) for address, kept in arrived.items()}
        return {
            address: Receipt(committed=tuple(one.committed), rejected=tuple(one.rejected), packet=MOST_EVENTS)
            for address, one in answers.items()
            if one.committed or one.rejected
        }

    def _file_of(self, address: Address, kept: list[Kept]) -> _Answer:
        answer = _Answer()
        known = self._known(address, {one.chunk.recording for one in kept})
        may: list[Kept] = []
        for one in kept:
            try:
                check(one.chunk)
            except BadInput as error:
                answer.rejected.append((_id_of(one), 0, str(error)))
                continue
            if one.chunk.recording in known:  # the event that says so may be on its way; the device asks again
                may.append(one)
        self._archive.store(address[1], may)
        answer.committed = [(_id_of(one), 0) for one in may]
        self.counts.filed += len(may)
        self.counts.refused += len(answer.rejected)
        self.counts.held_back += len(kept) - len(may) - len(answer.rejected)
        return answer

    def _known(self, address: Address, recordings: set[str]) -> set[str]:
        """Which of these recordings are of this device, that may send."""
        site, name = address
        with self._database.read() as session:
            device = session.get(DeviceRow, name)
            if device is None or device.site != site or device.revoked is not None:
                return set()
            mine = select(RecordingRow.id).where(RecordingRow.device == name, RecordingRow.id.in_(recordings))
            return set(session.scalars(mine))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.loop.beat()
            batch = self._batch()
            if not batch:
                continue
            try:
                for (site, device), receipt in self.file(batch).items():
                    self._send_receipt(site, device, receipt)
            except (ArchiveFull, SQLAlchemyError) as error:
                self.counts.held_back += len(batch)
                self._say(str(error).splitlines()[0][:200])
            except Exception:  # the border of the thread: it must outlive whatever one batch brings about
                self.counts.held_back += len(batch)
                log.exception("waves.batch.failed")

    def _batch(self) -> list[tuple[str, bytes]]:
        with self._some:
            self._some.wait_for(lambda: self._waiting, 0.2)
            return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]

    def _say(self, why: str) -> None:
        if time.monotonic() - self._said_s >= QUIET_S:
            self._said_s = time.monotonic()
            log.warning("waves.held_back", extra={"why": why})


def open_archive(settings: CloudSettings) -> WaveArchive:
    """Give the archive that the settings name."""
    return WaveArchive(settings.waves_folder, reserve_bytes=settings.waves.reserve_mb << 20)


def _id_of(kept: Kept) -> str:
    chunk = kept.chunk
    return chunk_id(recording=chunk.recording, lead=chunk.lead, start=chunk.start)
