"""Real brokers: what a device may not do, and what reaches the clinic."""

import json
import socket
from types import SimpleNamespace

import paho.mqtt.client as mqtt
import pytest
from broker_clients import Client
from cloud_running import Running, wait_for
from cloud_ward import SITE, alarm, answer, finding, frame, payload, status
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from biosignal.errors import BadInput
from biosignal.events import AlarmState
from biosignal.wire.envelope import decode_message, encode_message
from biosignal.wire.topics import Channel, down, everything_down, up
from cloud_service.broker.process import start_broker
from cloud_service.broker.rights import covers
from cloud_service.errors import ExposedWithoutTls, PortTaken
from cloud_service.ingest.broker_link import BrokerLink
from cloud_service.settings import BrokerSettings, CloudSettings, HttpSettings, MqttSettings


@pytest.mark.broker
def test_a_device_reaches_its_own_topics_and_no_others(place):
    with (
        Client(place, "clinic", place.clinic) as clinic,
        Client(place, "bed-1", place.beds["bed-1"], client_id="bed-1") as one,
        Client(place, "bed-2", place.beds["bed-2"], client_id="bed-2") as two,
    ):
        clinic.subscribe("bedside/v1/+/+/up/#")
        for greedy in ("#", "+/#", "$SYS/#", everything_down(SITE, "bed-1"), "bedside/v1/+/+/down/#", "bedside/#"):
            two.subscribe(greedy)
        one.subscribe(everything_down(SITE, "bed-1"))
        forged = [
            up(SITE, "bed-1", Channel.EVENT),
            down(SITE, "bed-1", Channel.COMMAND),
            down(SITE, "bed-2", Channel.COMMAND),
            up("elsewhere", "bed-2", Channel.EVENT),
            "free",
        ]
        for topic in forged:
            two.publish(topic, b"forged")
        two.publish(up(SITE, "bed-1", Channel.STATUS), b"forged", retain=True)
        two.publish(up(SITE, "bed-2", Channel.EVENT), b"own")
        clinic.publish(down(SITE, "bed-1", Channel.COMMAND), b"for bed-1")
        clinic.publish(up(SITE, "bed-1", Channel.EVENT), b"forged by the clinic")
        wait_for(lambda: clinic.got and one.got)
        clinic.publish(down(SITE, "bed-1", Channel.RECEIPT), b"last")
        wait_for(lambda: len(one.got) == 2)
        assert clinic.got == [(up(SITE, "bed-2", Channel.EVENT), b"own")]
        assert [data for _, data in one.got] == [b"for bed-1", b"last"]
        assert [topic for topic, _ in two.got if "bed-1" in topic or topic.startswith("$SYS")] == []


@pytest.mark.broker
@pytest.mark.parametrize(("name", "password"), [("bed-1", "wrong"), ("nobody", "x"), ("clinic", ""), ("", "")])
def test_nobody_gets_in_without_the_password(place, name, password):
    with Client(place, name, password, client_id="bed-1") as client:
        assert not client.is_in


@pytest.mark.broker
def test_a_last_will_cannot_speak_for_another(place):
    with Client(place, "clinic", place.clinic) as clinic:
        clinic.subscribe("bedside/v1/+/+/up/#")
        with Client(place, "bed-2", place.beds["bed-2"], will=up(SITE, "bed-1", Channel.STATUS)) as two:
            two.cut()
        with Client(place, "bed-2", place.beds["bed-2"], will=up(SITE, "bed-2", Channel.STATUS)) as two:
            two.cut()
        wait_for(lambda: clinic.got)
        assert {topic for topic, _ in clinic.got} == {up(SITE, "bed-2", Channel.STATUS)}


@pytest.fixture
def line(place, fresh):
    """The clinic on that broker, and a bed that answers commands."""
    settings = CloudSettings(
        state_dir=fresh,
        http=HttpSettings(port=0),
        mqtt=MqttSettings(port=place.broker.clinic_port, password=place.clinic, ca_file=place.broker.ca_file),
    )
    with Running(settings) as running, Client(place, "bed-1", place.beds["bed-1"]) as bed:
        bed.subscribe(everything_down(SITE, "bed-1"))
        assert running.clinic.link.wait_until_up(20)
        yield SimpleNamespace(running=running, bed=bed, as_role=running.logged_in, clinic=running.clinic)


@pytest.mark.broker
def test_a_clinic_that_may_not_listen_is_not_called_connected(place):
    if place.broker.kind == "mosquitto":
        pytest.skip("mosquitto grants every subscription and filters what it delivers")
    bed = MqttSettings(
        port=place.broker.port, username="bed-1", password=place.beds["bed-1"], ca_file=place.broker.ca_file
    )
    link = BrokerLink(bed, on_event=lambda *_: None)
    link.start()
    try:
        wait_for(lambda: "let us listen" in link.why_down)
        assert not link.connected
    finally:
        link.stop()


def receipts(bed):
    return [decode_message("receipt", data) for topic, data in bed.got if topic.endswith("/receipt")]


def commands(bed):
    return [decode_message("command", data) for topic, data in bed.got if topic.endswith("/command")]


@pytest.mark.broker
def test_an_event_is_receipted_again_each_time_it_comes(line):
    about = finding()
    line.bed.publish(up(SITE, "bed-1", Channel.EVENT), payload(about))
    wait_for(lambda: receipts(line.bed))
    line.bed.publish(up(SITE, "bed-1", Channel.EVENT), payload(about))
    wait_for(lambda: len(receipts(line.bed)) == 2)
    assert {one.committed for one in receipts(line.bed)} == {((about.id, 0),)}
    line.bed.publish(up(SITE, "bed-1", Channel.EVENT), b'{"id": "x", "rev": 3}')
    rejected = wait_for(lambda: [one for one in receipts(line.bed) if one.rejected])[0].rejected
    assert rejected[0][:2] == ("x", 3)
    assert (line.clinic.worker.counts.new, line.clinic.worker.counts.known) == (1, 1)


@pytest.mark.broker
def test_an_alarm_is_acknowledged_when_the_device_says_so(line):
    about = finding()
    for event in (about, alarm(about)):
        line.bed.publish(up(SITE, "bed-1", Channel.EVENT), payload(event))
    with line.as_role("reviewer") as client:
        shown = wait_for(lambda: client.get("/api/v1/alarms").json()["alarms"])[0]
        asked = client.post(f"/api/v1/alarms/{shown['id']}/acknowledge")
        assert asked.status_code == 202
        assert (asked.json()["state"], asked.json()["request"]["state"]) == ("active", "sent")
        command = wait_for(lambda: commands(line.bed))[0]
        assert (command.name, command.issuer, command.argument("alarm")) == ("acknowledge", "reviewer", shown["id"])
        done = alarm(about, rev=1, state=AlarmState.ACKNOWLEDGED, by="reviewer")
        for event in (done, answer(command.id)):
            line.bed.publish(up(SITE, "bed-1", Channel.EVENT), payload(event))

        def settled():
            now = client.get("/api/v1/alarms").json()["alarms"][0]
            return (now["state"], now["request"]["state"]) == ("acknowledged", "done")

        wait_for(settled)


def heard(socket):
    """What comes next but for the time, which comes every second."""
    return next(one for one in iter(lambda: json.loads(socket.recv(5)), None) if one["type"] != "now")


@pytest.mark.broker
def test_waves_come_while_someone_watches(line):
    with line.as_role("viewer") as client:
        line.bed.publish(up(SITE, "bed-1", Channel.STATUS), encode_message(status()))
        wait_for(lambda: [one for one in client.get("/api/v1/devices").json()["devices"] if one["online"]])
        assert commands(line.bed) == []
        url = line.running.url.replace("http", "ws") + "/api/v1/devices/bed-1/live"
        cookie = {"Cookie": f"bedside={client.cookies['bedside']}"}
        with connect(url, additional_headers=cookie, origin=line.running.url) as socket:
            assert heard(socket)["type"] == "status"
            assert wait_for(lambda: commands(line.bed))[0].name == "watch"
            line.bed.publish(up(SITE, "bed-1", Channel.WAVE), b"damaged")
            line.bed.publish(up(SITE, "bed-1", Channel.WAVE), frame(start=3600))
            wave = heard(socket)
            assert (wave["type"], wave["start"], wave["lead"], wave["samples"][5]) == ("wave", 3600, "MLII", 0.0)
        wait_for(lambda: line.clinic.views.count == 0)
        refused = [({}, line.running.url, 4401), (cookie, "https://evil.example", 4403)]
        for headers, origin, code in refused:
            with connect(url, additional_headers=headers, origin=origin) as socket, pytest.raises(ConnectionClosed):
                socket.recv(5)
            assert socket.close_code == code


@pytest.mark.parametrize("settings", [BrokerSettings(host="0.0.0.0", tls=False)])
def test_no_broker_listens_beyond_this_machine_in_the_clear(tmp_path, settings):
    with pytest.raises(ExposedWithoutTls):
        start_broker(settings, tmp_path)


def test_a_taken_port_and_missing_accounts_are_named(tmp_path):
    with pytest.raises(BadInput, match="accounts"):
        start_broker(BrokerSettings(port=0), tmp_path)
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "accounts.json").write_text("[]")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortTaken):
            start_broker(BrokerSettings(port=taken.getsockname()[1]), tmp_path)


level = st.sampled_from(["a", "b", "+", ""])


@given(st.lists(level, min_size=1, max_size=4), st.lists(level, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_a_filter_that_is_covered_matches_nothing_that_is_not(have, want, open_have, open_want):
    allowed = "/".join([*have, *(["#"] if open_have else [])])
    wanted = "/".join([*want, *(["#"] if open_want else [])])
    if covers(allowed, wanted):
        for topic in ("a", "b", "a/b", "b/a/b", "a/a/a/a", "b/b", "a/b/a", "a/a/a/a/a"):
            if mqtt.topic_matches_sub(wanted, topic):
                assert mqtt.topic_matches_sub(allowed, topic)
