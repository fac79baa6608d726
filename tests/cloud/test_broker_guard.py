"""The guards of both brokers: nobody takes another's place, reads in what is too large, or stands in the way."""

import asyncio
import contextlib
import socket
import ssl
import struct
import time

import pytest
from amqtt.adapters import BufferReader
from amqtt.mqtt.connect import ConnectPacket, ConnectPayload, ConnectVariableHeader
from broker_clients import Client
from cloud_running import wait_for
from cloud_ward import SITE
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.wire.topics import Channel, down, everything_down, up
from cloud_service.access.devices import add_device
from cloud_service.broker import embedded
from cloud_service.broker.accounts import write_accounts
from cloud_service.broker.packets import PacketReader
from cloud_service.broker.process import start_broker
from cloud_service.broker.rights import Account, client_id
from cloud_service.database.connection import open_database
from cloud_service.settings import BrokerSettings


@pytest.mark.broker
@pytest.mark.parametrize("clean", [False, True])
def test_nobody_else_can_touch_the_session_of_a_bed(place, clean):
    own = {"client_id": "bed-1", "clean": False}
    with Client(place, "bed-1", place.beds["bed-1"], **own) as bed, Client(place, "clinic", place.clinic) as clinic:
        bed.subscribe(everything_down(SITE, "bed-1"))
        clinic.subscribe("bedside/v1/+/+/up/#")
        strangers = [("bed-1", "wrong"), ("nobody", "x"), ("clinic", "wrong"), ("bed-2", "wrong")]
        for name, password in strangers:
            with Client(place, name, password, client_id="bed-1", clean=clean) as stranger:
                assert not stranger.is_in
        with Client(place, "bed-2", place.beds["bed-2"], client_id="bed-1", clean=clean) as neighbour:
            neighbour.publish(up(SITE, "bed-1", Channel.EVENT), b"forged")
            clinic.publish(down(SITE, "bed-1", Channel.COMMAND), b"for bed-1")
            wait_for(lambda: bed.got)
            assert neighbour.got == []
        bed.publish(up(SITE, "bed-1", Channel.EVENT), b"own")
        wait_for(lambda: clinic.got)
        assert clinic.got == [(up(SITE, "bed-1", Channel.EVENT), b"own")]
        assert bed.codes == [False], "its line was cut"


@pytest.mark.broker
def test_a_bed_that_comes_back_finds_what_was_sent_meanwhile(place):
    own = {"client_id": f"{SITE}.bed-1", "clean": False}
    with Client(place, "clinic", place.clinic) as clinic:
        with Client(place, "bed-1", place.beds["bed-1"], **own) as bed:
            bed.subscribe(everything_down(SITE, "bed-1"))
        with Client(place, "bed-1", "wrong", **own) as stranger:
            assert not stranger.is_in
        clinic.publish(down(SITE, "bed-1", Channel.COMMAND), b"while it was away")
        with Client(place, "bed-1", place.beds["bed-1"], **own) as bed:
            wait_for(lambda: bed.got)


@pytest.mark.broker
def test_several_processes_of_the_clinic_stay_side_by_side(place):
    with Client(place, "clinic", place.clinic) as one, Client(place, "clinic", place.clinic) as other:
        for process in (one, other):
            process.subscribe("bedside/v1/+/+/up/#")
        with Client(place, "bed-1", place.beds["bed-1"]) as bed:
            bed.publish(up(SITE, "bed-1", Channel.EVENT), b"for both")
        wait_for(lambda: one.got and other.got)
        assert (one.codes, other.codes) == ([False], [False])


@pytest.mark.broker
def test_each_listener_is_for_its_own_accounts(place):
    with Client(place, "bed-1", place.beds["bed-1"], port=place.broker.clinic_port) as bed:
        assert not bed.is_in
    with Client(place, "clinic", place.clinic, port=place.broker.port) as clinic:
        assert not clinic.is_in


@contextlib.contextmanager
def raw(place, source="127.0.0.1"):
    """A connection below MQTT; it counts by its source address."""
    context = ssl.create_default_context(cafile=str(place.broker.ca_file))
    with (
        socket.create_connection(("127.0.0.1", place.broker.port), 10, source_address=(source, 0)) as line,
        context.wrap_socket(line, server_hostname="127.0.0.1") as secure,
    ):
        yield secure


def is_cut(line, within_s=10.0):
    """Whether the broker ends the line."""
    line.settimeout(within_s)
    try:
        while line.recv(1000):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def length_of(count):
    out = bytearray()
    while True:
        count, low = divmod(count, 128)
        out.append(low | (0x80 if count else 0))
        if not count:
            return bytes(out)


def packet(kind, body, announced=None):
    return bytes([kind]) + length_of(len(body) if announced is None else announced) + body


def text(word):
    return struct.pack("!H", len(word.encode())) + word.encode()


def connect_packet(name, password, ident="x", keep_alive=60):
    head = text("MQTT") + bytes([4, 0xC2]) + struct.pack("!H", keep_alive)
    return packet(0x10, head + text(ident) + text(name) + text(password))


CONNECT_HUGE = packet(0x10, b"", announced=200 << 20)
PUBLISH_HUGE = packet(0x30, text(up(SITE, "bed-1", Channel.EVENT)), announced=2 << 20)


@pytest.mark.broker
def test_a_packet_that_announces_too_much_ends_the_line_before_it_is_read(place):
    with raw(place) as line:
        line.sendall(CONNECT_HUGE)
        assert is_cut(line)
    with raw(place) as line:
        line.sendall(connect_packet("bed-1", place.beds["bed-1"]))
        assert line.recv(4) == b"\x20\x02\x00\x00"
        line.sendall(PUBLISH_HUGE)
        assert is_cut(line)


@pytest.mark.broker
def test_a_line_without_a_whole_connect_is_dropped(place):
    if place.broker.kind == "mosquitto":
        pytest.skip("mosquitto takes 90 s for it")
    half = connect_packet("bed-1", "x")[:-1]
    with contextlib.ExitStack() as lines:
        waiting = [lines.enter_context(raw(place)) for _ in range(5)]
        firsts = [b"", b"\x10", half, packet(0x30, b"\x00\x01a"), b"GET / HTTP/1.1\r\n\r\n"]
        for line, first in zip(waiting, firsts, strict=True):
            line.sendall(first)
        until = time.monotonic() + embedded.CONNECT_S + 5
        assert all(is_cut(line, max(0.1, until - time.monotonic())) for line in waiting)


@pytest.mark.broker
def test_a_line_that_falls_silent_is_dropped(place):
    with raw(place) as line:
        line.sendall(connect_packet("bed-1", place.beds["bed-1"], keep_alive=1))
        assert line.recv(4) == b"\x20\x02\x00\x00"
        assert is_cut(line)


@pytest.mark.broker
def test_lines_of_one_address_are_bounded_and_hurt_nobody_elsewhere(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'clinic.db'}")
    password = add_device(database, name="bed-1", site=SITE, by="test").password
    write_accounts(database, tmp_path)
    database.close()
    broker = start_broker(BrokerSettings(port=0, tls=False, connections_per_address=20), tmp_path, kind="embedded")

    def log_in(source):
        with socket.create_connection(("127.0.0.1", broker.port), 10, source_address=(source, 0)) as line:
            line.sendall(connect_packet("bed-1", password))
            line.settimeout(10)
            try:
                return line.recv(4) == b"\x20\x02\x00\x00"
            except OSError:
                return False

    with contextlib.ExitStack() as lines:
        try:
            for source in ("127.0.0.3", "127.0.0.2"):
                for _ in range(300):  # far more than may wait at all; the last ones of the address that is tried
                    lines.enter_context(socket.create_connection(("127.0.0.1", broker.port), 10, (source, 0)))
            assert not log_in("127.0.0.2")
            began = time.monotonic()
            assert log_in("127.0.0.1")
            assert time.monotonic() - began < 3
        finally:
            broker.stop()


@given(
    st.lists(st.tuples(st.sampled_from([0x10, 0x30, 0xC0]), st.binary(max_size=300)), max_size=6),
    st.lists(st.integers(1, 200), min_size=1, max_size=20),
    st.integers(16, 310),
)
@settings(max_examples=40, deadline=None)
def test_packets_come_whole_however_they_are_cut_and_none_is_too_large(sent, cuts, largest):
    async def run():
        stream, got = asyncio.StreamReader(), []
        reader = PacketReader(stream, largest=largest, packet_s=5.0)
        data = b"".join(packet(kind, body) for kind, body in sent)
        at = 0
        for cut in cuts * len(data):
            stream.feed_data(data[at : at + cut])
            at += cut
            if at >= len(data):
                break
        stream.feed_eof()
        with contextlib.suppress(asyncio.IncompleteReadError):
            while len(got) <= len(sent):
                got.append(await reader.packet())
        with pytest.raises(asyncio.IncompleteReadError):
            await reader.read(1)
        return got

    whole = [packet(kind, body) for kind, body in sent]
    fits = next((place for place, one in enumerate(whole) if len(one) > largest), len(whole))
    assert asyncio.run(run()) == whole[:fits]


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(words, words, words, st.none() | st.tuples(words, st.binary(min_size=1, max_size=50)), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_connect_is_handed_on_as_it_came(ident, name, password, will, clean):
    header = ConnectVariableHeader(keep_alive=30)
    payload = ConnectPayload(client_id=ident, username=name, password=password)
    made = ConnectPacket(variable_header=header, payload=payload)
    made.username_flag = made.password_flag = True
    made.clean_session_flag = clean
    if will is not None:
        made.will_flag = True
        payload.will_topic, payload.will_message = will

    async def run():
        return await ConnectPacket.from_stream(BufferReader(made.to_bytes()))

    again = asyncio.run(run())
    for field in ("client_id", "username", "password", "will_topic", "will_message", "keep_alive"):
        assert getattr(again, field) == getattr(made, field)
    assert again.clean_session_flag is clean


names = st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True)


@given(names, names, names, st.text(max_size=20), st.text(max_size=20))
def test_no_two_accounts_ever_come_in_as_one(one, other, clinic, wanted, wished):
    beds = [Account(name=name, site="s", argon2="", pbkdf2="") for name in {one, other}]
    own = Account(name=clinic, site="", argon2="", pbkdf2="")
    got = [client_id(bed, wanted) for bed in beds]
    got += [ident for ident in {client_id(own, wished), client_id(own, f"{clinic}:{wished}")} if ident is not None]
    assert len(set(got)) == len(got)
