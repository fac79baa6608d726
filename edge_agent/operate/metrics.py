"""What the daemon counts, for Prometheus: every metric spelled here, served on loopback only."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.events import LoopStatus, Reading

LATENCY_BUCKETS_S = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What is so at this moment. `readings` are those that hold; `sample_age_s` is absent before the first sample."""

    streaming: bool
    connected: bool
    sample_age_s: float | None
    loops: tuple[LoopStatus, ...]
    readings: tuple[Reading, ...]


class _LiveNumbers(Collector):
    """Numbers that are made when they are asked for; one that does not hold is not there."""

    def __init__(self, live: Callable[[], Live]) -> None:
        self._live = live

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the daemon while this is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every number as it is now."""
        now = self._live()
        yield GaugeMetricFamily("bedside_source_streaming", "1 while samples come", value=now.streaming)
        yield GaugeMetricFamily("bedside_connected", "1 while connected to the broker", value=now.connected)
        if now.sample_age_s is not None:
            yield GaugeMetricFamily(
                "bedside_sample_age_seconds", "Since the newest sample that was analysed came", value=now.sample_age_s
            )
        ages = GaugeMetricFamily("bedside_loop_age_seconds", "Since a part last got on", labels=["loop"])
        limits = GaugeMetricFamily("bedside_loop_limit_seconds", "Older than this a part is late", labels=["loop"])
        hangs = GaugeMetricFamily("bedside_loop_hang_seconds", "Older than this a part hangs", labels=["loop"])
        for loop in now.loops:
            ages.add_metric([loop.name], loop.age_s)
            limits.add_metric([loop.name], loop.limit_s)
            hangs.add_metric([loop.name], loop.stands_after_s)
        readings = GaugeMetricFamily(
            "bedside_reading", "A number that holds now, in its unit", labels=["task", "quantity", "leads"]
        )
        for one in now.readings:
            if one.value is not None:
                readings.add_metric([one.task, one.quantity, ",".join(one.leads)], one.value)
        yield from (ages, limits, hangs, readings)


class Metrics:
    """The daemon's metrics in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.samples = Counter("bedside_samples_read", "Samples read per lead", registry=r)
        self.gaps = Counter("bedside_gaps", "Gaps in the signal, by reason", ["reason"], registry=r)
        self.lost = Counter("bedside_samples_lost", "Samples lost in gaps, by reason", ["reason"], registry=r)
        self.marks = Counter("bedside_marks", "Confirmed marks, by task and label", ["task", "label"], registry=r)
        self.task_failures = Counter("bedside_task_failures", "Faults that closed a task", registry=r)
        self.findings = Counter("bedside_findings", "Findings opened, by kind", ["kind"], registry=r)
        self.alarms = Counter(
            "bedside_alarm_events", "Alarm changes, by priority and state", ["priority", "state"], registry=r
        )
        self.unanswered = Counter(
            "bedside_windows_unanswered", "Windows no model answered, by reason", ["reason"], registry=r
        )
        self.explanations = Counter("bedside_explanations", "Texts, by who made them", ["made_by"], registry=r)
        self.refused_texts = Counter(
            "bedside_explanations_refused", "Texts of the language model thrown away", registry=r
        )
        self.inference_s = Histogram(
            "bedside_inference_seconds", "Time of one window", ["task", "rung"], buckets=LATENCY_BUCKETS_S, registry=r
        )
        self.delivery_s = Histogram(
            "bedside_delivery_seconds", "From a block's arrival to its findings in the store",
            buckets=LATENCY_BUCKETS_S, registry=r,
        )  # fmt: skip
        self.rung = Gauge("bedside_rung", "1 for the rung that serves", ["task", "rung", "bundle"], registry=r)
        self.outbox = Gauge("bedside_outbox_rows", "Events the clinic has not confirmed", registry=r)
        self.rejected = Gauge("bedside_rejected_rows", "Events the clinic rejected", registry=r)
        self.sent = Counter("bedside_events_sent", "Events handed to the broker for the first time", registry=r)
        self.resent = Counter("bedside_events_resent", "Events sent again for want of a receipt", registry=r)
        self.confirmed = Counter("bedside_events_confirmed", "Events the clinic gave a receipt for", registry=r)
        self.store = Counter("bedside_store", "What the store did since the start, by what", ["what"], registry=r)
        self.line = Counter("bedside_line", "What went over the line since the start, by what", ["what"], registry=r)
        self.wave_bytes = Gauge("bedside_waveform_bytes", "Size of the waveform store", registry=r)
        self.queue_samples = Gauge("bedside_queue_samples", "Samples waiting for analysis", registry=r)

    def show(self, live: Callable[[], Live]) -> None:
        """Ask `live` at every look at the page, so that no number on it is older than the page."""
        self.registry.register(_LiveNumbers(live))

    def serving(self, *, task: str, rung: str, bundle: str) -> None:
        """Say which rung serves a task; the ones before read 0."""
        for labels in [sample.labels for metric in self.rung.collect() for sample in metric.samples]:
            if labels["task"] == task:
                self.rung.labels(**labels).set(0)
        self.rung.labels(task=task, rung=rung, bundle=bundle).set(1)


class MetricsEndpoint:
    """Serves ``/metrics`` until closed.

    Parameters
    ----------
    host : a loopback address: the page has no login and no TLS.
    port : 0 takes a free one; `port` is then that one.

    Raises
    ------
    RefusedForSafety : `host` is not loopback.
    BadInput : the port is taken.
    """

    def __init__(self, metrics: Metrics, *, host: str = "127.0.0.1", port: int = 9464) -> None:
        if not _is_loopback(host):
            raise RefusedForSafety(
                "metrics are served on loopback only", host=host, remedy="set operate.metrics_host to 127.0.0.1"
            )
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=metrics.registry)
        except OSError as error:
            raise BadInput(
                "cannot serve metrics",
                host=host,
                port=port,
                why=error.strerror,
                remedy="set operate.metrics_port to a free port, or to 0",
            ) from error
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Stop serving; safe to call twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
