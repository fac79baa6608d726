"""Stored waves arrive at a clinic that loses receipts and lines, behind every event, and leave the queue once."""

import time
from itertools import count

import numpy as np
import pytest
from test_sync_client import FAST, Clinic, left, series, wait_for

from biosignal.events import Receipt
from biosignal.signal.blocks import Lead, SampleBlock
from biosignal.wire.envelope import encode_message
from biosignal.wire.packet import MOST_EVENTS
from biosignal.wire.topics import Channel, all_devices, down
from biosignal.wire.waveform import chunk_id, decode_wave
from edge_agent.store.events import EventStore
from edge_agent.store.waveforms import WaveStore
from edge_agent.sync.client import SyncClient
from edge_agent.sync.settings import SyncSettings
from tests.sync.test_sync_client import STATUS

pytestmark = pytest.mark.broker
SITES = count()


class Filing(Clinic):
    """A clinic that files stored waves."""

    def __init__(self, broker, site, **options):
        self.filed, self.order, self.refuses = [], [], set()
        super().__init__(broker, site, **options)
        self.client.subscribe(all_devices(Channel.STORED, site), qos=1)
        time.sleep(0.2)

    def take(self, client, data, message):
        if not message.topic.endswith("/stored"):
            self.order.append("event" if message.topic.endswith("/event") else "other")
            super().take(client, data, message)
            return
        chunk = decode_wave(message.payload)
        id_ = chunk_id(recording=chunk.recording, lead=chunk.lead, start=chunk.start)
        self.order.append("stored")
        self.filed.append((chunk.lead, chunk.start))
        if self.chance.random() < self.deaf:
            return
        refused = (id_, 0, "no") if chunk.start in self.refuses else None
        receipt = Receipt(
            committed=() if refused else ((id_, 0),), rejected=(refused,) if refused else (), packet=MOST_EVENTS
        )
        client.publish(down(self.site, "bed-1", Channel.RECEIPT), encode_message(receipt), qos=1)


@pytest.fixture
def device(tmp_path, broker):
    site = f"stored{next(SITES)}"
    events = EventStore(tmp_path / "events.db", "bed-1", "boot", reserve_bytes=0)
    waves = WaveStore(tmp_path / "waveforms.db", 10**9, reserve_bytes=0, send_all=True)
    leads = (Lead(name="I"), Lead(name="II"))
    samples = np.random.default_rng(3).normal(0, 0.1, (2, 12_000)).astype(np.float32)
    waves.append(SampleBlock(recording="r", start=0, fs_hz=100.0, leads=leads, samples=samples))
    waves.flush()
    settings = SyncSettings(host="127.0.0.1", port=broker.port, **FAST)
    client = SyncClient(settings, events, lambda _: None, lambda: STATUS, site=site, device="bed-1", waves=waves)
    yield site, events, waves, client
    client.stop()
    waves.close()
    events.close()


EVERY = {(lead, start) for lead in ("I", "II") for start in range(0, 12_000, 1000)}


@pytest.mark.parametrize("deaf", [0.0, 0.4])
def test_every_chunk_arrives_and_the_queue_is_empty(broker, device, deaf):
    site, _, waves, client = device
    clinic = Filing(broker, site, deaf=deaf)
    client.start()
    wait_for(lambda: waves.waiting == 0, 40)
    assert set(clinic.filed) == EVERY
    wait_for(lambda: client.counters.stored_received == len(EVERY))  # it is counted once the queue has let go of it
    assert deaf or len(clinic.filed) == len(EVERY)


def test_one_that_the_clinic_will_never_take_is_let_go(broker, device):
    site, _, waves, client = device
    clinic = Filing(broker, site)
    clinic.refuses = {3000}
    client.start()
    wait_for(lambda: waves.waiting == 0, 40)
    assert client.counters.stored_refused == 2
    assert set(clinic.filed) == EVERY


def test_events_that_wait_go_before_all_waves(broker, device):
    site, events, waves, client = device
    clinic = Filing(broker, site)
    events.add_many([series(f"s{n}") for n in range(50)])
    client.start()
    wait_for(lambda: waves.waiting == 0 and left(events) == (0, 0), 40)
    last_event = max(at for at, what in enumerate(clinic.order) if what == "event")
    assert clinic.order[:last_event].count("stored") <= 4
