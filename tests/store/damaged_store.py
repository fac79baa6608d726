"""A store of many events, damaged in one way, and what a start makes of it: for the short and the long form."""

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from biosignal.wire.envelope import encode
from edge_agent.store.events import EventStore
from tests.store import events_made as made

FINDINGS = 1_212
RECEIVED = 200


def open_store(folder: Path) -> EventStore:
    return EventStore(folder / "events.db", "bed-1", "boot", reserve_bytes=0)


def payloads(store: EventStore) -> dict[tuple[str, int], bytes]:
    return {(event.id, event.rev): encode(event) for event in store.events(limit=10**6)}


def fill(store: EventStore, *, received: int = RECEIVED) -> None:
    """Add findings, texts and strips that span many pages; so many are received, the oldest of a lane first."""
    rng, batch = random.Random(3), []
    for number in range(FINDINGS):
        batch += [made.finding(str(number), f"r{number % 3}"), made.text(str(number))]
        if number % 10:
            batch.append(made.strip(str(number), f"r{number % 3}", rng.randbytes(rng.randrange(4_000))))
        else:
            store.add_many(batch)
            batch = []
    store.add_many(batch)
    store.confirm((row.id, row.rev) for row in store.outbox(received))


@dataclass(frozen=True)
class Held:
    """What a store held, by key; `waits` are those that the clinic lacks."""

    stored: frozenset[tuple[str, int]]
    waits: frozenset[tuple[str, int]]
    findings: frozenset[tuple[str, int]]


def held(store: EventStore) -> Held:
    events = store.events(limit=10**6)
    return Held(
        stored=frozenset((event.id, event.rev) for event in events),
        waits=frozenset((row.id, row.rev) for row in store.outbox(10**6)),
        findings=frozenset((event.id, event.rev) for event in events if event.kind == "finding"),
    )


@dataclass(frozen=True)
class Start:
    """How a start on a damaged file went: seconds, of the wall and of the processor, and shares in percent."""

    took_s: float
    cpu_s: float
    findings: float
    unsent_findings: float
    unsent: float
    invented: int


def start_on(source: Path, folder: Path, before: Held, kind, seed: int) -> Start:
    """Start on a copy of a store that is damaged in that way."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    kind(folder / "events.db", random.Random(seed))
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    store = open_store(folder)
    took_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    after = held(store)
    store.close()
    return Start(
        took_s=took_s,
        cpu_s=cpu_s,
        findings=_share(before.findings, after.stored),
        unsent_findings=_share(before.findings & before.waits, after.stored & after.waits),
        unsent=_share(before.waits, after.stored & after.waits),
        invented=len(after.stored - before.stored),
    )


def _share(wanted: frozenset, found: frozenset) -> float:
    return 100 * len(wanted & found) / len(wanted) if wanted else 100.0
