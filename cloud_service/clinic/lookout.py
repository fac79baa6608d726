"""The thread that looks once a second whether every bed is heard and every part of the clinic goes on."""

import logging
import threading
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from cloud_service import notify
from cloud_service.access import devices as registry
from cloud_service.access.certificate_ends import CertificateWatch
from cloud_service.clinic.conditions import ClinicFacts, conditions
from cloud_service.clinic.ear import Ear
from cloud_service.clinic.own_alarms import OwnAlarm, OwnAlarms
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.connection import Database
from cloud_service.ingest.broker_link import BrokerLink
from cloud_service.ingest.presence import Presence
from cloud_service.ingest.worker import IngestWorker
from cloud_service.pulse import Loop, Part

log = logging.getLogger("bedside.lookout")
LOOK_S = 1.0
STILL_AFTER_S = 30.0
"""A locked database holds the lookout for ten seconds at a time."""


class Lookout:
    """Watches beds and parts, raises the clinic's own alarms, and starts parts anew that have ended.

    While each vital part comes round it pets the service manager's watchdog: a thread that hangs cannot be ended, only
    the process can.
    """

    def __init__(
        self,
        database: Database,
        ear: Ear,
        changed: Callable[[OwnAlarm], None],
        certificates: CertificateWatch | None = None,
    ) -> None:
        self.alarms = OwnAlarms(database, changed)
        self.parts: list[Part] = []
        self.certificates = certificates
        self._database = database
        self._ear = ear
        self._rows: Sequence[DeviceRow] = ()
        self._link: BrokerLink | None = None
        self._worker: IngestWorker | None = None
        self._vital: Sequence[Part] = ()
        self._stopping = threading.Event()
        self.loop = Loop("lookout", self._run, limit_s=STILL_AFTER_S)

    def watch(
        self,
        parts: Sequence[Part],
        *,
        link: BrokerLink | None,
        worker: IngestWorker | None,
        beside: Sequence[Part] = (),
    ) -> None:
        """Name what is to be watched, before the start; without what is `beside` the clinic can do its work."""
        self.parts = [*parts, *beside, self.loop]
        self._vital = parts
        self._link, self._worker = link, worker

    def heard(self, presence: Presence) -> None:
        """Note a status; called by the network thread."""
        self._ear.heard(presence)

    def start(self) -> None:
        """Begin."""
        self.alarms.load()
        self.loop.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self.loop.join()

    def look(self) -> None:
        """Look once."""
        for part in self.parts:
            part.revive()
        try:
            with self._database.read() as session:
                self._rows = registry.devices(session)
        except SQLAlchemyError as error:  # the beds that were known are watched on
            log.warning("lookout.read.failed", extra={"why": type(error).__name__})
        held = [one.key for one in self.alarms.standing]
        self.alarms.hold(conditions(self._facts(), held).values())

    def _facts(self) -> ClinicFacts:
        link, worker = self._link, self._worker
        mine = (self.loop, worker.loop if worker else None)
        watch = self.certificates
        return ClinicFacts(
            beds=self._ear.facts(self._rows),
            has_broker=link is not None,
            broker_up_s=link.up_s if link else 0.0,
            broker_down_s=link.down_s if link else 0.0,
            broker_why=link.why_down if link else "",
            ingest_why=worker.why_still() if worker else "",
            unstored_s=worker.unstored_s if worker else 0.0,
            parts=tuple((part.name, why) for part in self.parts if part not in mine and (why := part.why_still())),
            certificates=watch.soon() if watch is not None else (),
        )

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            self.loop.beat()
            try:
                self.look()
            except Exception:  # the border of the thread: without it nobody would miss a silent bed
                log.exception("lookout.failed")
            if all(part.age_s <= part.limit_s for part in self._vital):
                notify.alive()
