"""From a decision at the bedside to the clinic's database, at real time, over the real broker."""

import json
import math
import sqlite3
import time
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.figures import Figure, NotMeasured
from benchmarks.record import record_name
from demo.house import House
from demo.parts import DemoFailed

LEAST_FINDINGS = 5


def measure(*, quick: bool) -> list[Figure]:
    """Run broker, clinic and daemon on mitdb/208, which is rich in findings.

    A finding is decided when sample `decided_at` was taken, which the recording's clock anchor puts on the wall clock.
    Everything behind that counts: the block's length, analysis, both databases, the broker.
    """
    record = record_name("mitdb/208")
    for_s = 20.0 if quick else 120.0
    with TemporaryDirectory(prefix="bedside-bench-") as folder:
        house = House(Path(folder))
        try:
            house.start_clinic()
            house.start_device({"source": {"record": record, "speed": 1.0}, "explain": {"language_model": False}})
            time.sleep(for_s)
            until = datetime.now(timezone.utc)
        except DemoFailed as failed:
            raise NotMeasured(str(failed)) from failed
        finally:
            house.stop()
        delays = _delays(house.clinic_state / "clinic.db", until)
    if len(delays) < LEAST_FINDINGS:
        raise NotMeasured(f"{len(delays)} findings reached the clinic within {for_s:.0f} s")
    note = f"{record} at 1x with {house.broker_name}, {len(delays)} revisions of findings in {for_s:.0f} s"
    return [
        Figure(name="finding_at_clinic_p50_s", value=quantile(delays, 0.50), note=note),
        Figure(
            name="finding_at_clinic_p99_s", value=quantile(delays, 0.99), note=f"{note}; slowest {max(delays):.2f} s"
        ),
    ]


def quantile(values: list[float], part: float) -> float:
    """Give the smallest value that at least this part of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def _delays(database: Path, until: datetime) -> list[float]:
    """Give the delays of what had arrived by then; stopping decides what is open early, and is no measure."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        rates = dict(connection.execute("SELECT id, fs_hz FROM recordings").fetchall())
        rows = connection.execute("SELECT kind, received, body FROM events ORDER BY row").fetchall()
    finally:
        connection.close()
    events = [(kind, _utc(received), json.loads(body)) for kind, received, body in rows]
    anchors: dict[str, dict[str, Any]] = {}
    for kind, _, body in events:
        if kind == "clock.anchor":
            anchors.setdefault(body["recording"], body)
    return [
        (received - _utc(anchors[body["recording"]]["utc"])).total_seconds()
        - (body["decided_at"] - anchors[body["recording"]]["sample"]) / rates[body["recording"]]
        for kind, received, body in events
        if kind == "finding" and received <= until and body["recording"] in anchors
    ]


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
