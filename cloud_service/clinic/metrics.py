"""Numbers for Prometheus, read when asked for."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import func, select

from cloud_service.access import devices as registry
from cloud_service.clinic.context import Clinic
from cloud_service.clinic.devices import is_online
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import AlarmRow
from cloud_service.ingest import dead_letters


class _Numbers:
    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    def collect(self) -> Iterator[Metric]:
        yield from _ingest(self._clinic)
        yield GaugeMetricFamily("bedside_live_views", "Open live strips", value=self._clinic.views.count)
        link = self._clinic.link
        if link is not None:
            yield GaugeMetricFamily("bedside_broker_connected", "Broker connection", value=float(link.connected))
        removed = CounterMetricFamily("bedside_removed_events", "Events let go of by policy", labels=["kind"])
        for kind, number in sorted(self._clinic.retention.removed.items()):
            removed.add_metric([kind], number)
        yield removed
        yield from _parts(self._clinic)
        yield from _certificates(self._clinic)
        yield from _stored(self._clinic)


def exposition(clinic: Clinic) -> bytes:
    """All numbers in Prometheus' text format."""
    numbers = CollectorRegistry()
    numbers.register(_Numbers(clinic))
    return generate_latest(numbers)


def _ingest(clinic: Clinic) -> Iterator[Metric]:
    worker = clinic.worker
    if worker is None:
        return
    events = CounterMetricFamily("bedside_ingest_events", "Events received, by what became of them", labels=["result"])
    for result in ("new", "known", "refused", "dropped"):
        events.add_metric([result], getattr(worker.counts, result))
    yield events
    failures = worker.counts.database_failures
    yield CounterMetricFamily("bedside_ingest_database_failures", "Batches tried again", value=failures)
    mishaps = worker.counts.mishaps
    yield CounterMetricFamily("bedside_ingest_mishaps", "Batches that ended in an unforeseen error", value=mishaps)
    working = float(not worker.why_still())
    yield GaugeMetricFamily("bedside_ingest_working", "1 while the ingest thread comes round", value=working)
    age_s = worker.turn_age_s
    yield GaugeMetricFamily("bedside_ingest_turn_age_seconds", "Since the ingest thread last came round", value=age_s)
    yield GaugeMetricFamily("bedside_ingest_queue", "Messages waiting for the database", value=worker.waiting)


def _certificates(clinic: Clinic) -> Iterator[Metric]:
    watch = clinic.lookout.certificates
    ends = GaugeMetricFamily(
        "bedside_certificate_end_seconds", "When a certificate ends, since 1970", labels=["certificate"]
    )
    for one in watch.ends if watch is not None else ():
        ends.add_metric([one.name], one.ends.timestamp())
    yield ends


def _parts(clinic: Clinic) -> Iterator[Metric]:
    ages = GaugeMetricFamily("bedside_part_age_seconds", "Since a part last came round", labels=["part"])
    limits = GaugeMetricFamily("bedside_part_limit_seconds", "Age at which a part stands still", labels=["part"])
    works = GaugeMetricFamily("bedside_part_working", "1 while a part comes round", labels=["part"])
    restarts = CounterMetricFamily("bedside_part_restarts", "Starts of a part that had ended", labels=["part"])
    for part in clinic.lookout.parts:
        ages.add_metric([part.name], part.age_s)
        limits.add_metric([part.name], part.limit_s)
        works.add_metric([part.name], float(not part.why_still()))
        restarts.add_metric([part.name], part.restarts)
    yield from (ages, limits, works, restarts)
    own = GaugeMetricFamily("bedside_own_alarms", "Alarms of the clinic's own that stand", labels=["kind"])
    for kind, number in Counter(one.kind for one in clinic.lookout.alarms.standing).items():
        own.add_metric([kind], number)
    yield own


def _stored(clinic: Clinic) -> Iterator[Metric]:
    now = utc_now()
    with clinic.database.read() as session:
        online = sum(is_online(row, now) for row in registry.devices(session))
        waiting = dead_letters.count(session)
        counted = select(AlarmRow.priority, func.count()).where(AlarmRow.state != "resolved")
        alarms = session.execute(counted.group_by(AlarmRow.priority)).all()
    yield GaugeMetricFamily("bedside_devices_online", "Devices with a sign of life in the last 6 s", value=online)
    yield GaugeMetricFamily("bedside_dead_letters", "Messages that a person must look at", value=waiting)
    family = GaugeMetricFamily("bedside_alarms", "Alarms that are not resolved", labels=["priority"])
    for priority, number in alarms:
        family.add_metric([priority], number)
    yield family
