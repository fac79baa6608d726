"""What is in the store arrives at the clinic once in effect, on real brokers, whatever happens to the line."""

import json
import random
import socket
import threading
import time
from collections import Counter
from dataclasses import replace

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.events import Command, Explanation, Receipt, Recording, Series, Status
from biosignal.wire.envelope import decode, decode_message, encode_message
from biosignal.wire.packet import split
from biosignal.wire.topics import Channel, all_devices, down, parse
from edge_agent.store.events import EventStore
from edge_agent.sync.client import SyncClient
from edge_agent.sync.commands import answer
from edge_agent.sync.settings import Line, SyncSettings
from tests.brokers import free_port, make_authority

pytestmark = pytest.mark.broker

STATUS = Status(
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
FAST = {
    "resend_s": 0.4,
    "backoff_first_s": 0.1,
    "longest_retry_s": 0.5,
    "status_every_s": 0.2,
    "will_delay_s": 0,
}


def series(id_):
    numbers = {"fs_hz": 360.0, "start": 0, "end": 1, "decided_at": 1, "step": 1, "columns": ()}
    return Series(id=id_, task="t", recording="r", leads=("II",), **numbers)


def text(id_):
    made = {"made_by": "template", "model_sha256": None, "checked": "language"}
    return Explanation(id=id_, rev=0, finding="f", finding_rev=0, text="t", **made)


def wait_for(condition, seconds=15.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def left(store):
    """Rows that wait, and rows set aside, in one look: what is asked again goes from one to the other."""
    counts = store.counts()
    return counts.outbox, counts.rejected


class Clinic:
    """The other end: commits what arrives, then answers; loses `deaf` of its receipts."""

    def __init__(self, broker, site, *, deaf=0.0, rejects=(), login=None):
        self.site = site
        self.port, self.chance, self.deaf, self.rejects, self.login = (
            broker.port,
            random.Random(7),
            deaf,
            rejects,
            login,
        )
        self.knows = (1, 2)
        self.reads, self.packets, self.loses = 1, [], None
        self.refused = []
        self.arrivals, self.statuses, self.waves, self.lock = [], [], [], threading.Lock()
        self.connect()

    def connect(self):
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"clinic-{self.site}", clean_session=False)
        self.client.reconnect_delay_set(1, 1)
        if self.login:
            self.client.username_pw_set(*self.login)
        ready = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe(
            [(all_devices(channel, self.site), 1) for channel in (Channel.EVENT, Channel.STATUS, Channel.WAVE)]
        )
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = self.take
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        assert ready.wait(10)

    def take(self, client, _data, message):
        if parse(message.topic).site != self.site:
            return  # amqtt was seen to send retained messages of other sites
        if message.topic.endswith("/wave"):
            self.waves.append(message.payload)
        elif message.topic.endswith("/status"):
            self.statuses.append(decode_message("status", message.payload))
        elif json.loads(split(message.payload)[0])["schema"] not in self.knows:
            self.refuse(client, json.loads(message.payload))
        else:
            self.take_events(client, [decode(payload) for payload in split(message.payload)])

    def refuse(self, client, document):
        """Answer as version 1 does: it looked at the kind before the version."""
        known = document["kind"] in ("finding", "explanation")
        why = "unknown schema version, schema=2" if known else f"unknown kind of event, kind={document['kind']!r}"
        self.refused.append(document["id"])
        receipt = Receipt(committed=(), rejected=((document["id"], document["rev"], why),))
        client.publish(down(self.site, "bed-1", Channel.RECEIPT), encode_message(receipt), qos=1)

    def take_events(self, client, events):
        self.packets.append(len(events))
        if len(events) > 1 and self.loses in {event.id for event in events}:
            return  # the whole message is one that this clinic cannot take
        with self.lock:
            self.arrivals.extend(events)
        if self.chance.random() < self.deaf:
            return
        keys = [(event.id, event.rev) for event in events]
        receipt = Receipt(
            committed=tuple(key for key in keys if key[0] not in self.rejects),
            rejected=tuple((*key, "unknown") for key in keys if key[0] in self.rejects),
            packet=self.reads,
        )
        client.publish(down(self.site, "bed-1", Channel.RECEIPT), encode_message(receipt), qos=1)

    def order(self, arrange):
        payload = encode_message(arrange)
        self.client.publish(down(self.site, "bed-1", Channel.COMMAND), payload, qos=1).wait_for_publish(5)

    @property
    def ids(self):
        with self.lock:
            return [event.id for event in self.arrivals]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def site(request):
    """Name a site no other test uses, so that they can share a broker."""
    return f"ward-{abs(hash(request.node.name)) % 10**9}"


@pytest.fixture
def store(tmp_path):
    opened = EventStore(tmp_path / "store" / "events.db", "bed-1", "boot-1", reserve_bytes=0)
    yield opened
    opened.close()


@pytest.fixture
def sync_to(store, site):
    """Give a maker of running clients; each is stopped at the end."""
    made = []

    def make(port, **options):
        done = options.pop("on_command", lambda command: answer("bed-1", command.id, command.name, "done", ""))
        settings = SyncSettings(host="127.0.0.1", port=port, **{**FAST, **options})
        client = SyncClient(
            settings, store, done, lambda: STATUS, site=site, device="bed-1", chance=random.Random(3), ask_again_s=0.05
        )
        made.append(client)
        client.start()
        return client

    yield make
    for client in made:
        client.stop()


def command(id_, name="watch", expires="2999-01-01T00:00:00Z"):
    return Command(id=id_, name=name, issuer="nurse", expires_utc=expires, arguments=())


def test_everything_arrives_though_receipts_get_lost(broker, site, store, sync_to):
    clinic = Clinic(broker, site, deaf=0.3)
    store.add_many([series(f"e{index}") for index in range(80)])
    client = sync_to(broker.port)
    wait_for(lambda: store.counts().outbox == 0, 30)
    assert set(clinic.ids) == {f"e{index}" for index in range(80)}
    assert client.counters.resent > 0
    assert client.counters.confirmed == 80
    assert client.connected
    assert ("MQTT 5" in client.state().sentence) == (broker.kind == "mosquitto")
    clinic.close()


def test_a_broker_killed_in_the_middle_costs_nothing(make_broker, site, store, sync_to):
    broker = make_broker()
    broker.start()
    clinic = Clinic(broker, site, deaf=0.3)
    sync_to(broker.port)
    for index in range(40):
        store.add(series(f"a{index}"))
    wait_for(lambda: len(clinic.ids) > 15)
    broker.kill()
    store.add_many([series(f"b{index}") for index in range(40)])
    time.sleep(0.5)
    broker.start()
    wait_for(lambda: store.counts().outbox == 0, 40)
    wanted = {f"a{index}" for index in range(40)} | {f"b{index}" for index in range(40)}
    assert set(clinic.ids) == wanted
    # Once in effect: (id, rev) names each exactly, however often it came, and every copy is the same.
    copies = {}
    for event in clinic.arrivals:
        assert copies.setdefault((event.id, event.rev), event) == event
    assert sorted(event.seq for event in copies.values()) == list(range(80))
    clinic.close()


def test_an_alarm_overtakes_a_backlog(broker, site, store, sync_to):
    clinic = Clinic(broker, site)
    store.add_many([series(f"old{index}") for index in range(2000)], lane=2)
    client = sync_to(broker.port)
    wait_for(lambda: len(clinic.ids) > 50)
    began = time.monotonic()
    store.add(series("alarm"), lane=0)
    client.nudge()
    wait_for(lambda: "alarm" in clinic.ids, 5)
    took_s = time.monotonic() - began
    assert took_s < 2.0
    assert len(clinic.ids) < 2000
    assert store.counts().outbox > 0
    clinic.close()


def test_each_lane_of_a_backlog_has_its_share_and_rows_keep_their_order(broker, site, store, sync_to):
    clinic = Clinic(broker, site)
    for index in range(40):
        store.add(series(f"late{index}"), lane=3)
        store.add(series(f"old{index}"), lane=2)
        store.add(series(f"now{index}"), lane=0)
    sync_to(broker.port, resend_s=5.0)
    wait_for(lambda: store.counts().outbox == 0)
    ids = list(dict.fromkeys(clinic.ids))
    for name in ("late", "old"):
        assert [id_ for id_ in ids if id_.startswith(name)] == [f"{name}{index}" for index in range(40)]
    half = [id_.rstrip("0123456789") for id_ in ids[:40]]
    assert half.count("now") > half.count("old") >= 5
    assert half.count("late") >= 5
    # Of what matters most, the newest goes at once, and the oldest does not wait for all of it.
    assert {"now39", "now0"} <= set(ids[:8])
    clinic.close()


def test_a_recording_goes_before_what_is_about_it(broker, site, store, sync_to):
    clinic = Clinic(broker, site)
    store.add_many([text(f"old{index}") for index in range(60)])
    store.add(
        Recording(
            id="r", device="bed-1", source="s", leads=(), fs_hz=360.0, started_utc=None, subject=None, previous=None
        )
    )
    store.add_many([text(f"new{index}") for index in range(60)])
    sync_to(broker.port, resend_s=5.0)
    wait_for(lambda: store.counts().outbox == 0)
    assert clinic.ids[0] == "r"
    clinic.close()


def test_a_line_without_receipts_is_dropped_dialled_again_and_told(broker, site, store, sync_to, caplog):
    store.add_many([series(f"e{index}") for index in range(30)])
    client = sync_to(broker.port, silent_s=1.5)
    wait_for(lambda: client.counters.connections > 2)
    wait_for(lambda: client.connected)
    state = client.state()
    assert state.cause == "ClinicSilent"
    assert state.sentence.endswith("but the clinic does not answer")
    assert "clinic's service" in state.remedy
    assert [record.message for record in caplog.records].count("sync.clinic.silent") == 1
    clinic = Clinic(broker, site)
    wait_for(lambda: store.counts().outbox == 0)
    wait_for(lambda: client.connected and client.state().cause is None)
    assert set(clinic.ids) == {f"e{index}" for index in range(30)}
    clinic.close()


def test_a_line_with_nothing_out_is_kept_however_quiet_it_is(broker, site, store, sync_to):
    client = sync_to(broker.port, silent_s=0.5)
    wait_for(lambda: client.connected)
    time.sleep(1.5)
    assert (client.counters.connections, client.state().cause) == (1, None)


def test_a_backlog_is_packed_for_a_clinic_that_reads_packets_and_for_no_other(broker, site, store, sync_to):
    clinic = Clinic(broker, site)
    store.add_many([series(f"a{index}") for index in range(100)])
    client = sync_to(broker.port)
    wait_for(lambda: store.counts().outbox == 0, 30)
    assert max(clinic.packets) == 1
    client.stop()
    clinic.reads = 50
    clinic.packets.clear()
    store.add_many([series(f"b{index}") for index in range(500)])
    sync_to(broker.port)
    wait_for(lambda: store.counts().outbox == 0, 30)
    assert max(clinic.packets) == 50
    assert len(clinic.packets) < 30
    assert len(set(clinic.ids)) == 600
    clinic.close()


def test_what_was_not_answered_in_a_packet_is_sent_alone(broker, site, store, sync_to):
    clinic = Clinic(broker, site)
    clinic.reads = 50
    clinic.loses = "b100"
    store.add_many([series(f"b{index}") for index in range(200)])
    client = sync_to(broker.port)
    wait_for(lambda: store.counts().outbox == 0, 30)
    assert client.counters.resent >= 40
    assert len(set(clinic.ids)) == 200
    clinic.close()


def test_what_the_clinic_rejects_is_set_apart(broker, site, store, sync_to):
    clinic = Clinic(broker, site, rejects={"bad"})
    store.add_many([series("bad"), series("good")], lane=0)
    client = sync_to(broker.port)
    wait_for(lambda: store.counts().outbox == 0)
    assert [(row.id, row.reason) for row in store.rejected()] == [("bad", "unknown")]
    assert client.counters.rejected == 1
    clinic.close()


def test_an_older_clinic_is_named_and_loses_nothing(broker, site, store, sync_to, caplog):
    clinic = Clinic(broker, site)
    clinic.knows = (1,)
    store.add_many([series(f"a{index}") for index in range(60)])
    store.add(text("e"))
    client = sync_to(broker.port)
    wait_for(lambda: len(store.rejected()) >= 60 and client.clinic_outdated)
    state = client.state()
    assert (state.connected, state.cause) == (True, "ClinicOutdated")
    assert "of an older version" in state.sentence
    assert "update the clinic" in state.remedy
    assert [record.message for record in caplog.records].count("sync.clinic.outdated") == 1
    asked = len(clinic.refused)
    wait_for(lambda: len(clinic.refused) > asked + 3, 30)  # it is asked again, by a few rows only
    assert len(clinic.refused) < asked + 40
    assert sum(left(store)) == 61

    clinic.knows = (1, 2)
    store.add(series("new"))
    client.nudge()
    wait_for(lambda: "new" in clinic.ids, 5)
    wait_for(lambda: left(store) == (0, 0), 30)
    assert set(clinic.ids) == {f"a{index}" for index in range(60)} | {"e", "new"}
    assert client.clinic_outdated is None
    assert client.state().cause is None
    clinic.close()


def test_what_an_older_clinic_rejected_before_a_restart_is_sent_again(broker, site, store, sync_to):
    store.add_many([series(f"a{index}") for index in range(20)])
    store.reject([(f"a{index}", 0, "unknown schema version, schema=2") for index in range(19)])
    store.reject([("a19", 0, "the id belongs to another device")])
    clinic = Clinic(broker, site)
    sync_to(broker.port)
    wait_for(lambda: left(store) == (0, 1))
    assert set(clinic.ids) == {f"a{index}" for index in range(19)}
    assert [row.id for row in store.rejected()] == ["a19"]
    clinic.close()


def test_a_command_that_arrives_three_times_is_done_once(broker, site, store, sync_to):
    clinic = Clinic(broker, site)
    done = []

    def carry_out(order):
        done.append(order.id)
        return answer("bed-1", order.id, order.name, "done", "")

    client = sync_to(broker.port, on_command=carry_out)
    wait_for(lambda: client.connected)
    for _ in range(3):
        clinic.order(command("c1"))
    other = down(site, "bed-2", Channel.COMMAND)
    client._arrived(other, encode_message(command("not-ours")))
    clinic.order(command("c2", expires="2020-01-01T00:00:00Z"))
    clinic.order(command("c3", expires="soon"))
    wait_for(lambda: len(clinic.ids) >= 3 and store.counts().outbox == 0)
    assert done == ["c1"]
    outcomes = {event.body.command: event.body.outcome for event in clinic.arrivals}
    assert outcomes == {"c1": "done", "c2": "expired", "c3": "refused"}
    assert client.watched
    clinic.close()


def test_a_failing_command_is_answered_and_the_next_one_done(broker, site, store, sync_to):
    clinic = Clinic(broker, site)

    def carry_out(order):
        if order.id == "c1":
            raise ZeroDivisionError
        if order.id == "c2":
            raise BadInput("no such alarm")
        return answer("bed-1", order.id, order.name, "done", "")

    client = sync_to(broker.port, on_command=carry_out)
    wait_for(lambda: client.connected)
    for id_ in ("c1", "c2", "c3"):
        clinic.order(command(id_, name="acknowledge"))
    wait_for(lambda: len(set(clinic.ids)) == 3)
    outcomes = {event.body.command: (event.body.outcome, event.body.reason) for event in clinic.arrivals}
    assert outcomes["c1"][0] == "refused"
    assert outcomes["c2"] == ("refused", "no such alarm")
    assert outcomes["c3"][0] == "done"
    assert not client.watched
    clinic.close()


def test_waves_leave_only_while_somebody_watches(broker, site, store, sync_to):
    clinic = Clinic(broker, site)
    client = sync_to(broker.port, watch_lease_s=1.0)
    wait_for(lambda: client.connected)
    assert not client.publish_wave(b"nobody")
    clinic.order(command("c1"))
    wait_for(lambda: client.watched)
    assert client.publish_wave(b"somebody")
    wait_for(lambda: clinic.waves == [b"somebody"])
    wait_for(lambda: not client.watched)
    assert not client.publish_wave(b"nobody")
    clinic.close()


def test_the_status_tells_online_and_the_will_offline(broker, site, store, sync_to):
    clinic = Clinic(broker, site)
    client = sync_to(broker.port)
    wait_for(lambda: len(clinic.statuses) > 3)
    assert all(status.online for status in clinic.statuses), (
        [s.online for s in clinic.statuses],
        client.counters,
        client.state(),
    )
    client._line._client.socket().shutdown(socket.SHUT_RDWR)  # the line breaks: no DISCONNECT
    wait_for(lambda: any(not status.online for status in clinic.statuses))
    wait_for(lambda: clinic.statuses[-1].online)
    client.stop()
    wait_for(lambda: clinic.statuses[-1] == replace(STATUS, online=False))
    clinic.close()


def test_an_absent_broker_is_named_and_found_when_it_appears(make_broker, site, store, sync_to):
    broker = make_broker()
    store.add(series("a"))
    client = sync_to(broker.port)
    wait_for(lambda: client.state().cause == "BrokerAbsent")
    state = client.state()
    assert "nobody listens" in state.sentence
    assert state.remedy
    assert state.since_s <= time.monotonic()
    broker.start()
    clinic = Clinic(broker, site)
    wait_for(lambda: store.counts().outbox == 0)
    assert clinic.ids[0] == "a"
    assert client.state().cause is None
    clinic.close()


def test_a_wrong_password_is_named_and_a_right_one_works(make_broker, site, store, sync_to):
    broker = make_broker(users={"bed-1": "right"})
    broker.start()
    wrong = sync_to(broker.port, username="bed-1", password="wrong")
    wait_for(lambda: wrong.state().cause == "LoginRefused")
    assert "wrong" not in wrong.state().sentence
    assert "password" in wrong.state().remedy
    wrong.stop()
    right = sync_to(broker.port, username="bed-1", password="right")
    wait_for(lambda: right.connected)


def test_certificates_are_checked(make_broker, site, store, sync_to, tmp_path):
    authority, certificate, key = make_authority(tmp_path, "clinic-ca")
    stranger, _, _ = make_authority(tmp_path, "other-ca")
    broker = make_broker(certificate=(certificate, key))
    broker.start()
    causes = {}
    for name, options in {
        "stranger": {"tls": True, "ca_file": stranger},
        "system": {"tls": True},
        "plain": {},
    }.items():
        client = sync_to(broker.port, connect_timeout_s=2.0, **options)
        wait_for(lambda client=client: client.state().cause is not None)
        causes[name] = client.state().cause
        client.stop()
    assert causes == {"stranger": "CertificateRefused", "system": "CertificateRefused", "plain": "BrokerSilent"}
    good = sync_to(broker.port, tls=True, ca_file=authority)
    wait_for(lambda: good.connected)


def test_tls_against_a_plain_broker_is_named(broker, site, store, sync_to):
    client = sync_to(broker.port, tls=True, connect_timeout_s=2.0)
    wait_for(lambda: client.state().cause is not None, 20)
    assert client.state().cause == "TlsMismatch"
    assert "sync.tls" in client.state().remedy


def test_a_command_the_process_died_in_is_answered_refused(store, sync_to):
    store.claim_command(command("c1", name="new-model"))
    sync_to(free_port())
    wait_for(lambda: store.counts().outbox == 1)
    (row,) = store.outbox(1)
    assert decode(row.payload).body.outcome == "refused"
    assert Counter(dict(store.unanswered_commands())) == Counter()


def test_a_broker_elsewhere_needs_tls():
    with pytest.raises(RefusedForSafety):
        Line.of(SyncSettings(host="broker.example"), site="ward", device="bed-1")


def test_a_missing_certificate_file_and_a_bad_name_are_refused(tmp_path):
    with pytest.raises(BadInput):
        Line.of(SyncSettings(tls=True, ca_file=tmp_path / "ca.pem"), site="ward", device="bed-1")
    with pytest.raises(BadInput):
        Line.of(SyncSettings(), site="ward", device="bed/1")


def test_the_password_is_not_shown():
    settings = SyncSettings(password="secret")
    assert "secret" not in repr(settings)
    assert "secret" not in repr(Line.of(settings, site="w", device="d"))
