"""An ingest worker without pages; several share the work on a broker with shared subscriptions."""

import threading

from biosignal.wire.topics import checked_name
from cloud_service import notify
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.broker_link import BrokerLink
from cloud_service.ingest.errors import IngestStopped
from cloud_service.ingest.presence import read_status
from cloud_service.ingest.stored_waves import WaveFiler, open_archive
from cloud_service.ingest.worker import IngestWorker
from cloud_service.settings import CloudSettings

LOOK_S = 1.0


def ingest_alone(settings: CloudSettings, database: Database, stop: threading.Event) -> IngestWorker:
    """Store events until `stop` is set; returns the worker with its counts.

    Raises
    ------
    BadInput : the name of the shared subscription cannot be part of a topic. IngestStopped : the worker is stuck.
    """
    if settings.mqtt.group:
        checked_name(settings.mqtt.group, "mqtt.group")

    def on_status(topic: str, payload: bytes, retained: bool) -> None:
        presence = read_status(topic, payload, retained=retained, received=utc_now())
        if presence is not None:
            worker.take(presence)

    def on_event(topic: str, payload: bytes, _retained: bool) -> None:
        worker.take(Message(topic=topic, payload=payload))

    def on_stored(topic: str, payload: bytes, _retained: bool) -> None:
        filer.take(topic, payload)

    link = BrokerLink(settings.mqtt, on_event=on_event, on_status=on_status, on_stored=on_stored)
    worker = IngestWorker(database, settings.ingest, send_receipt=link.send_receipt)
    filer = WaveFiler(open_archive(settings), database, send_receipt=link.send_receipt)
    worker.start()
    filer.start()
    link.start()
    notify.ready()
    why = ""
    while not why and not stop.wait(LOOK_S):
        notify.alive()
        filer.loop.revive()
        why = worker.why_still()
    notify.stopping()
    link.stop()
    if why:  # the stuck thread is not joined: the process ends and is started again
        raise IngestStopped(why)
    filer.stop()
    worker.stop()
    return worker
