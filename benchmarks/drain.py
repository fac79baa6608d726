"""A device with a long backlog, on a real line to a real clinic: how fast it drains, and what passes it meanwhile."""

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from benchmarks.clinic import quantile
from benchmarks.figures import Figure, NotMeasured
from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Column,
    Durable,
    Evidence,
    Explanation,
    Finding,
    FindingState,
    Mark,
    MarkState,
    Measure,
    Priority,
    QualityLevel,
    Recording,
    Series,
    Status,
    Unavailable,
    finding_id,
    mark_id,
    stable_id,
)
from biosignal.wire.envelope import encode, wrap
from biosignal.wire.packet import join
from biosignal.wire.topics import Channel, up
from cloud_service.database.connection import open_database
from cloud_service.database.event_tables import EventRow
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit
from demo.house import DEVICE, SITE, House
from demo.parts import DemoFailed
from edge_agent.store.events import EventStore
from edge_agent.store.reading import utc_text
from edge_agent.sync.client import SyncClient
from edge_agent.sync.commands import answer
from edge_agent.sync.settings import SyncSettings

TASK, KIND, LEADS, FS_HZ = "bench", "bench-run", ("II",), 360.0
PAGE = 1000
NAMES = (
    "drain_rows_a_second",
    "fresh_behind_backlog_p99_s",
    "ingest_sqlite_rows_a_second",
    "ingest_postgres_rows_a_second",
)
OUTCOME = Unavailable(task=TASK, reason="a row of a benchmark")


@dataclass(frozen=True, kw_only=True, slots=True)
class Drained:
    """How a backlog went: by the clock from the opening of the line, and how old fresh rows were when committed."""

    rows: int
    wall_s: float
    fresh_s: tuple[float, ...]

    @property
    def rows_a_second(self) -> float:
        """Rows of the backlog in a second by the clock."""
        return self.rows / self.wall_s


def told(number: int, recording: str = "r") -> tuple[Finding, AlarmEvent, Explanation]:
    """Make what is said of one condition: finding, alarm and text."""
    start = 1000 * number
    about = Finding(
        id=finding_id(device=DEVICE, recording=recording, stream="live", kind=KIND, leads=LEADS, onset=start),
        rev=0,
        task=TASK,
        device=DEVICE,
        recording=recording,
        stream="live",
        kind=KIND,
        state=FindingState.CLOSED,
        priority=Priority.MEDIUM,
        onset=start,
        end=start + 400,
        decided_at=start + 500,
        leads=LEADS,
        outcome=OUTCOME,
        evidence=Evidence(
            measures=(Measure(name="rate", value=130.0, unit="/min"),),
            strip_start=start,
            strip_end=start + 600,
            fs_hz=FS_HZ,
            quality=QualityLevel.USABLE,
            marks=(),
        ),
    )
    alarm = AlarmEvent(
        id=f"alarm-{about.id}",
        rev=0,
        device=DEVICE,
        recording=recording,
        finding=about.id,
        kind=KIND,
        leads=LEADS,
        priority=Priority.MEDIUM,
        state=AlarmState.ACTIVE,
        at=start,
        by="device",
    )
    text = Explanation(
        id=f"text-{about.id}",
        rev=0,
        finding=about.id,
        finding_rev=0,
        text="A run of a benchmark, at 130 a minute.",
        made_by="template",
        model_sha256=None,
        checked="evidence",
    )
    return about, alarm, text


def backlog() -> Iterator[Durable]:
    """Yield what a device says while nobody listens, without an end: three parts findings, five marks, two series."""
    yield Recording(
        id="r", device=DEVICE, source="bench", leads=(), fs_hz=FS_HZ, started_utc=None, subject=None, previous=None
    )
    number = 0
    while True:
        number += 1
        yield from told(number)
        for beat in range(5):
            yield _mark(1000 * number + 100 * beat)
        for part in range(2):
            yield _series(1000 * number + 500 * part)


def _mark(start: int) -> Mark:
    return Mark(
        id=mark_id(recording="r", task=TASK, kind="beat", leads=LEADS, start=start),
        task=TASK,
        kind="beat",
        recording="r",
        leads=LEADS,
        start=start,
        end=start,
        decided_at=start + 90,
        state=MarkState.CONFIRMED,
        quality=QualityLevel.USABLE,
        outcome=OUTCOME,
        numbers=(("rr_before", 0.8),),
        inputs=None,
    )


def _series(start: int) -> Series:
    return Series(
        id=stable_id("r", "series", start),
        task=TASK,
        recording="r",
        leads=LEADS,
        fs_hz=FS_HZ,
        start=start,
        end=start + 500,
        decided_at=start + 499,
        step=500,
        columns=(Column(quantity="rate", values=(71.5,)),),
    )


def fill(path: Path, rows: int, utc_now: Callable[[], str] = utc_text) -> None:
    """Make a device's store with so many rows that wait, each said when `utc_now` says."""
    store = EventStore(path, DEVICE, "boot-0", utc_now=utc_now, reserve_bytes=0)
    events = islice(backlog(), rows)
    while page := list(islice(events, PAGE)):
        store.add_many(page)
    store.close()


def drain(house: House, path: Path, *, within_s: float, fresh_every_s: float = 0.5) -> Drained:
    """Open the line of a store with a backlog; meanwhile say something new now and then.

    Raises
    ------
    TimeoutError : the backlog was not drained in time.
    """
    store = EventStore(path, DEVICE, "boot-1", reserve_bytes=0)
    rows = store.counts().outbox
    client = _client(house, store)
    stop = threading.Event()
    speaker = threading.Thread(target=_speak, args=(store, client, stop, fresh_every_s), daemon=True)
    began_s = time.monotonic()
    client.start()
    speaker.start()
    try:
        # What is said meanwhile comes and goes; the backlog is what stood at places up to `rows`.
        while _waits(path, rows):
            if time.monotonic() - began_s > within_s:
                raise TimeoutError(f"{store.counts().outbox} of {rows} rows wait after {within_s:.0f} s")
            time.sleep(0.1)
        wall_s = time.monotonic() - began_s
        stop.set()
        speaker.join()
        while store.outbox(1) and time.monotonic() - began_s < within_s + 30:
            time.sleep(0.05)
    finally:
        stop.set()
        client.stop()
        store.close()
    return Drained(rows=rows, wall_s=wall_s, fresh_s=tuple(fresh_ages(house.database_url)))


def _waits(path: Path, until: int) -> bool:
    """Whether a row at a place up to `until` waits; by place, as sorting a long outbox would cost the line."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute("SELECT 1 FROM outbox WHERE n <= ? LIMIT 1", (until,)).fetchone() is not None


def _client(house: House, store: EventStore) -> SyncClient:
    login = json.loads((house.state / "device.json").read_text(encoding="utf-8"))
    settings = SyncSettings(
        host="127.0.0.1",
        port=house.broker_port,
        tls=True,
        ca_file=house.clinic_state / "certificates" / "ca.pem",
        username=login["username"],
        password=login["password"],
    )
    return SyncClient(
        settings,
        store,
        lambda command: answer(DEVICE, command.id, command.name, "done", ""),
        lambda: _STATUS,
        site=SITE,
        device=DEVICE,
    )


_STATUS = Status(
    online=True,
    recording=None,
    sample=0,
    fs_hz=None,
    leads=(),
    readings=(),
    alarms=(),
    tasks=(),
    outbox=0,
    explainer="template",
    version="0",
)


def _speak(store: EventStore, client: SyncClient, stop: threading.Event, every_s: float) -> None:
    number = 0
    while not stop.wait(every_s):
        number += 1
        store.add_many(told(number, recording="fresh"))
        client.nudge()


def fresh_ages(url: str) -> list[float]:
    """Give how long after the device stored them the rows of the recording "fresh" were in the clinic's database."""
    own = EventRow.recording == "fresh"
    texts = EventRow.id.in_(select("text-" + EventRow.id).where(own))
    database = open_database(url)
    with database.read() as session:
        rows = session.execute(select(EventRow.at, EventRow.received).where(own | texts)).all()
    database.close()
    return [(received - datetime.fromisoformat(at.replace("Z", "+00:00"))).total_seconds() for at, received in rows]


def measure(*, quick: bool) -> list[Figure]:
    """Drain a backlog over the real broker; then time the intake alone, on SQLite and where it can on PostgreSQL.

    PostgreSQL is asked for by its URL in BENCH_POSTGRES_URL; the database must be empty.
    """
    rows = 6_000 if quick else 60_000
    with TemporaryDirectory(prefix="bedside-bench-") as folder:
        device = Path(folder) / "device" / "events.db"
        device.parent.mkdir(mode=0o700)
        fill(device, rows)
        house = House(Path(folder) / "house")
        try:
            house.start_clinic()
            drained = drain(house, device, within_s=rows / 100 + 60)
        except (DemoFailed, TimeoutError) as failed:
            raise NotMeasured(str(failed)) from failed
        finally:
            house.stop()
        found = _figures(drained, house.broker_name)
        found.append(_intake("ingest_sqlite_rows_a_second", f"sqlite:///{folder}/clinic.db", rows // 3))
    if url := os.environ.get("BENCH_POSTGRES_URL"):
        found.append(_intake("ingest_postgres_rows_a_second", url, rows // 3))
    return found


def _figures(drained: Drained, broker: str) -> list[Figure]:
    note = f"{drained.rows} rows over {broker}, {len(drained.fresh_s)} fresh rows meanwhile"
    return [
        Figure(name="drain_rows_a_second", value=drained.rows_a_second, note=note),
        Figure(name="fresh_behind_backlog_p99_s", value=quantile(list(drained.fresh_s), 0.99), note=note),
    ]


def _intake(name: str, url: str, rows: int) -> Figure:
    """Time the way from messages to the commit by this process's processor time."""
    payloads = [
        encode(wrap(event, seq=seq, device=DEVICE, boot="b", at="2026-01-01T00:00:00Z"))
        for seq, event in enumerate(islice(backlog(), rows))
    ]
    topic = up(SITE, DEVICE, Channel.EVENT)
    packets = [Message(topic=topic, payload=join(payloads[at : at + 64])) for at in range(0, rows, 64)]
    database = open_database(url)
    began_s, wall_s = time.process_time(), time.monotonic()
    for at in range(0, len(packets), 4):
        commit(database, packets[at : at + 4])
    used_s, wall_s = time.process_time() - began_s, time.monotonic() - wall_s
    database.close()
    return Figure(
        name=name, value=rows / used_s, note=f"{rows} rows in packets of 64; {rows / wall_s:.0f} by the clock"
    )
