"""The waves of a whole recording at the clinic: fetched on asking, or all of them sent, and shown as they are."""

import numpy as np
import pytest
from cloud_running import Running, wait_for
from cloud_ward import SITE, recording, status
from test_wave_archive import kept

from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Unit
from biosignal.wire.topics import Channel, up
from cloud_service.access.devices import add_device, revoke_device
from cloud_service.ingest.stored_waves import WaveFiler
from cloud_service.settings import CloudSettings, HttpSettings, MqttSettings, WavesSettings
from cloud_service.waves.archive import ArchiveFull, WaveArchive
from edge_agent.analysis.commands import Commands
from edge_agent.store.events import EventStore
from edge_agent.store.waveforms import WaveStore
from edge_agent.sync.client import SyncClient
from edge_agent.sync.settings import SyncSettings
from tests.brokers import RunningBroker, mosquitto

FS = 360.0
SAMPLES = np.round(np.random.default_rng(1).normal(0, 0.4, (1, round(FS * 120))), 3).astype(np.float32)
PLACE = "/api/v1/devices/bed-1/recordings/r"


@pytest.fixture(scope="module", params=["amqtt", "mosquitto"])
def broker(request, tmp_path_factory):
    if request.param == "mosquitto" and mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    running = RunningBroker(request.param, tmp_path_factory.mktemp(request.param))
    running.start()
    yield running
    running.kill()


class Bed:
    """A device with two minutes of a lead in its store."""

    def __init__(self, folder, port, *, send_all=False):
        self.events = EventStore(folder / "events.db", "bed-1", "boot-1", reserve_bytes=0)
        self.waves = WaveStore(folder / "waveforms.db", 10**9, reserve_bytes=0, send_all=send_all)
        lead = Lead(name="MLII", unit=Unit.MILLIVOLT, kind=LeadKind.ECG)
        self.waves.append(SampleBlock(recording="r", start=0, fs_hz=FS, leads=(lead,), samples=SAMPLES))
        self.waves.flush()
        commands = Commands("bed-1", None, new_model=None, send_again=None, fetch_waves=self._fetch, keep=None)
        line = SyncSettings(host="127.0.0.1", port=port, tls=False, resend_s=0.5, longest_retry_s=0.5)
        facts = {"site": SITE, "device": "bed-1", "waves": self.waves}
        self.sync = SyncClient(line, self.events, commands.carry_out, status, **facts)
        self.events.add(recording())
        self.sync.start()

    def _fetch(self, which, start_s, end_s):
        return f"{self.waves.ask(which, start_s, end_s)} pieces"

    def close(self):
        self.sync.stop()
        self.waves.close()
        self.events.close()


@pytest.fixture
def bed(tmp_path, broker, request):
    bed = Bed(tmp_path, broker.port, send_all=getattr(request, "param", False))
    yield bed
    bed.close()


@pytest.fixture
def clinic(fresh, broker):
    mqtt = MqttSettings(host="127.0.0.1", port=broker.port, tls=False)
    settings = CloudSettings(state_dir=fresh, http=HttpSettings(port=0), mqtt=mqtt, waves=WavesSettings(reserve_mb=0))
    with Running(settings) as running:
        yield running


def samples(client, start_s, end_s):
    wanted = {"lead": "MLII", "start_s": start_s, "end_s": end_s}
    pieces = client.get(f"{PLACE}/waves", params=wanted).raise_for_status().json()["pieces"]
    return {piece["start"]: np.asarray(piece["samples"], np.float32) for piece in pieces}


def known(client):
    return client.get(PLACE).status_code == 200


@pytest.mark.broker
def test_what_somebody_looks_for_is_fetched_from_the_device_and_nothing_else(bed, clinic):
    with clinic.logged_in("viewer") as client:
        wait_for(lambda: known(client))
        assert samples(client, 0, 120) == {}
        asked = client.post(f"{PLACE}/fetch-waves", json={"start_s": 30, "end_s": 55}).raise_for_status().json()
        wait_for(lambda: len(samples(client, 0, 120)) == 3)
        command = f"/api/v1/commands/{asked['id']}"
        wait_for(lambda: client.get(command).json()["state"] == "done")
        assert client.get(command).json()["reason"] == "3 pieces"
        found = samples(client, 0, 120)
    first = round(30 * FS)
    assert sorted(found) == [first, first + 3600, first + 7200]
    np.testing.assert_array_equal(found[first], SAMPLES[0, first : first + 3600])


@pytest.mark.broker
@pytest.mark.parametrize("bed", [True], indirect=True)
def test_a_device_that_sends_all_is_seen_whole(bed, clinic):
    with clinic.logged_in("viewer") as client:
        wait_for(lambda: known(client) and bed.waves.waiting == 0, 30)
        joined = np.concatenate([piece for _, piece in sorted(samples(client, 0, 120).items())])
        np.testing.assert_array_equal(joined, SAMPLES[0])
        tile = client.get(f"{PLACE}/waves/tile", params={"lead": "MLII", "width": "ten", "number": 0}).json()
    assert tile["held"] == [[0, 12]]
    assert tile["low"][3] == round(float(SAMPLES[0, 10800:14400].min()), 4)
    assert tile["low"][12] is None


def test_what_cannot_be_is_refused_with_a_sentence(ward):
    with ward.as_role("viewer") as client:
        assert client.get(f"{PLACE}/waves", params={"lead": "x", "start_s": 0, "end_s": 5}).status_code == 404
        assert client.post(f"{PLACE}/fetch-waves", json={"start_s": 0, "end_s": 5}).status_code == 404
        wanted = {"lead": "x", "start_s": 0, "end_s": 500}
        assert "at most 120 s" in client.get(f"{PLACE}/waves", params=wanted).json()["detail"]
        assert client.get("/api/v1/commands/none").status_code == 404


class Filing:
    """The filer alone, with a bed that is known."""

    def __init__(self, database, folder, **options):
        self.archive = WaveArchive(folder, reserve_bytes=options.get("reserve_bytes", 0))
        self.filer = WaveFiler(self.archive, database, send_receipt=lambda *_: None)

    def file(self, *here, device="bed-1", site=SITE):
        receipts = self.filer.file([(up(site, device, Channel.STORED), one.frame) for one in here])
        return receipts.get((site, device))


@pytest.fixture
def filing(database, tmp_path):
    from cloud_ward import message

    from cloud_service.ingest.commit import commit

    add_device(database, name="bed-1", site=SITE, by="test")
    commit(database, [message(recording())])
    return Filing(database, tmp_path / "waves")


def test_a_receipt_comes_only_for_what_is_on_disk(filing, tmp_path, database):
    one = kept(0, [1] * 100)
    assert len(filing.file(one, one).committed) == 2
    assert filing.archive.read("bed-1", "r", "II", 0, 1)[0].length == 100
    full = Filing(database, tmp_path / "other", reserve_bytes=1 << 60)
    with pytest.raises(ArchiveFull):
        full.file(one)


def test_waves_of_a_recording_that_nobody_has_heard_of_wait_at_the_device(filing):
    assert filing.file(kept(0, [1] * 100, recording="later")) is None
    assert filing.filer.counts.held_back == 1


def test_a_wave_that_is_none_of_ours_is_refused_for_good_and_the_others_are_taken(filing):
    receipt = filing.file(kept(0, [1] * 100, fs_hz=float("inf")), kept(100, [1] * 100))
    assert len(receipt.committed) == 1
    assert "contradicts itself" in receipt.rejected[0][2]


def test_a_frame_that_cannot_be_read_ends_nothing(filing):
    (answer,) = filing.filer.file(
        [(up(SITE, "bed-1", Channel.STORED), b"BWAV?"), (up(SITE, "bed-1", Channel.STORED), kept(0, [1] * 9).frame)]
    ).values()
    assert len(answer.committed) == 1
    assert filing.filer.counts.unreadable == 1


def test_a_device_that_was_shut_out_or_stands_elsewhere_files_nothing(filing, database):
    assert filing.file(kept(0, [1] * 100), site="elsewhere") is None
    assert filing.file(kept(0, [1] * 100), device="bed-2") is None
    revoke_device(database, name="bed-1", by="test")
    assert filing.file(kept(0, [1] * 100)) is None
