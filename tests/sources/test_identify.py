import numpy as np
import pytest

from edge_agent.boards.identify import identify_port
from edge_agent.operate.clock import HostClock
from edge_agent.sources.decoders import KINDS
from edge_agent.sources.emulator import Emulator
from edge_agent.sources.identify import identify
from edge_agent.sources.known_boards import likely_board
from tests.sources.boards_on_a_line import emulation_of


def capture(protocol, seconds=2.0, skip=5):
    """Bytes of a board from the middle of a frame on."""
    emulation = emulation_of(protocol, 6.0)
    count = int(emulation.board.frame_hz * seconds)
    return b"".join(emulation.board.frames(emulation.take, 200, 200 + count))[skip:]


@pytest.mark.parametrize("protocol", KINDS)
def test_every_board_is_made_out_by_its_bytes(protocol):
    (found,) = identify(capture(protocol), seconds=2.0)
    assert found.protocol == protocol
    if protocol == "text":
        assert found.confidence == 0.5  # any logger of numbers looks like this
    else:
        assert found.confidence >= 0.9
        assert len(found.keys) >= 2


@pytest.mark.parametrize("protocol", KINDS)
def test_one_key_alone_is_not_sure(protocol):
    """At a tenth of the rate the frames are right and the rate is not: only a counter is a second key."""
    candidates = [each for each in identify(capture(protocol), seconds=20.0) if each.protocol == protocol]
    counted = protocol in ("cyton", "cyton-daisy", "olimex", "bitalino", "shimmer3")
    assert candidates[0].confidence >= 0.9 if counted else candidates[0].confidence == 0.5


def test_noise_silence_and_text_are_no_board():
    rng = np.random.default_rng(5)
    for data in (rng.integers(0, 256, 200_000, dtype=np.uint8).tobytes(), b"", bytes(20_000), b"$GPGGA,1,2\r\n" * 90):
        assert identify(data, seconds=1.5) == []


def test_damage_does_not_hide_a_board():
    rng = np.random.default_rng(6)
    data = bytearray(capture("olimex"))
    for at in rng.integers(0, len(data), 12):
        data[at] ^= 0x55
    assert [each.protocol for each in identify(bytes(data), seconds=2.0)] == ["olimex"]


def test_the_number_of_channels_of_a_bitalino_is_told():
    (found,) = identify(capture("bitalino"), seconds=2.0)
    assert found.channels == 2


def test_a_usb_id_is_a_key_but_never_enough():
    assert likely_board("0403:6015", "").protocols == ("cyton", "cyton-daisy")
    assert likely_board("1158:0001", "").certain
    assert likely_board(None, "/dev/rfcomm0 BITalino-12-34").protocols == ("bitalino",)
    assert likely_board("dead:beef", "a mouse") is None
    assert identify(b"", seconds=1.5, likely=("cyton",)) == []
    with_key = identify(capture("healthypi5"), seconds=20.0, likely=("healthypi5",))
    assert with_key[0].confidence >= 0.9


@pytest.fixture
def plugged(tmp_path):
    made = []

    def plug(protocol, *, streaming):
        emulator = Emulator(emulation_of(protocol, 30.0), link=tmp_path / "port", host=HostClock())
        emulator.emulation.board.streaming = streaming
        emulator.start()
        made.append(emulator)
        return str(tmp_path / "port")

    yield plug
    for emulator in made:
        emulator.stop()


@pytest.mark.parametrize("protocol", ["cyton", "healthypi4", "shimmer3"])
def test_a_port_is_listened_to(plugged, protocol):
    heard = identify_port(plugged(protocol, streaming=True), probe=None, seconds=1.5)
    assert [each.protocol for each in heard.candidates] == [protocol]
    assert heard.candidates[0].confidence >= 0.9
    assert not heard.probed


@pytest.mark.parametrize(("protocol", "answer"), [("cyton", b"System is Up$$$"), ("bitalino", b"BITalino_v5.2\n")])
def test_a_silent_board_is_asked_only_what_was_allowed(plugged, protocol, answer):
    port = plugged(protocol, streaming=False)
    heard = identify_port(port, probe=protocol, seconds=0.2)
    assert heard.candidates == ()
    assert heard.answer == answer
