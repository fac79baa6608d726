import numpy as np
import pytest

from edge_agent.sources.decoders import KINDS, bitalino, cyton, olimex, protocentral, shimmer3
from edge_agent.sources.decoders.port import BoardSettings
from tests.decoders.streams import decoded, values_of
from tests.decoders.vectors import BITALINO_SIMULATED, CHANNELS, V3, VECTORS


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.protocol}-{len(vector.octets)}")
def test_a_frame_means_what_its_document_says(vector):
    decoder = KINDS[vector.protocol].decoder(vector.settings)
    values = values_of(decoded(decoder, vector.octets))
    np.testing.assert_allclose(values[:, 0], vector.values, rtol=1e-6, atol=1e-6)
    assert (decoder.counters.frames_ok, decoder.counters.bytes_skipped) == (1, 0)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.protocol}-{len(vector.octets)}")
def test_its_bytes_cost_nothing_before_a_stream(vector):
    decoder = KINDS[vector.protocol].decoder(vector.settings)
    assert len(decoder.facts.channels) == len(vector.values)
    assert decoder.facts.frame_bytes == len(vector.octets)


def test_the_aux_bytes_of_a_cyton_follow_the_stop_byte():
    accel = bytes.fromhex(f"A0 05 {CHANNELS} 0200 FE00 2000 C0")
    timed = bytes.fromhex(f"A0 07 {CHANNELS} 0200 0001E240 C4")
    assert cyton.aux_of(accel).accel_g == pytest.approx((0.064, -0.064, 1.024))
    assert (cyton.aux_of(timed).board_ms, cyton.aux_of(timed).raw) == (123456, (512,))
    assert cyton.aux_of(accel[:26] + bytes(6) + b"\xc0").accel_g is None
    assert cyton.aux_of(accel[:32] + b"\xc1").raw == (512, -512, 8192)


@pytest.mark.parametrize(("gain", "uv"), [(1, 0.536442), (6, 0.089407), (12, 0.044704), (24, 0.022352)])
def test_the_scale_of_a_cyton_follows_its_gain(gain, uv):
    assert cyton.uv_per_count(gain) == pytest.approx(uv, abs=1e-6)


def test_encoders_write_the_documented_bytes():
    values = np.asarray([[512, 1023, 1, 682, 33, 62]]).T
    for vector in VECTORS:
        if vector.protocol == "bitalino":
            count = vector.settings.channels
            assert bitalino.encode(values[:count], first=count + 8, digital=0b1010) == vector.octets
    by_name = {vector.protocol: vector for vector in VECTORS}
    for name, payload in (
        ("ads1292r", protocentral.ADS1292R),
        ("healthypi3", protocentral.HEALTHYPI3),
        ("healthypi4", protocentral.HEALTHYPI4),
        ("healthypi5", protocentral.HEALTHYPI5),
    ):
        vector = by_name[name]
        assert protocentral.encode(np.asarray([vector.values]).T, payload=payload) == vector.octets
    vector = by_name["olimex"]
    assert olimex.encode(np.asarray([vector.values]).T, first=7) == vector.octets
    vector = by_name["shimmer3"]
    assert shimmer3.encode(np.asarray([vector.values]).T, start_ticks=0xFFFFC0) == vector.octets
    vector = VECTORS[0]
    samples = np.asarray([vector.values]).T
    assert cyton.encode(samples, first=5, aux=bytes.fromhex("0200FE002000")) == vector.octets


def test_the_simulated_mode_of_a_bitalino_is_read():
    octets = bytes.fromhex(BITALINO_SIMULATED)
    values = values_of(decoded(bitalino.bitalino(), octets))
    assert values.shape == (6, 3)
    assert [bitalino.digital_of(octets[8 * n : 8 * n + 8])[3] for n in range(3)] == [False, True, False]


def test_the_transfer_functions_of_a_bitalino_are_the_vendors():
    settings = BoardSettings(sensors=("ECG", "EEG"))
    octets = bitalino.encode(np.asarray([[0, 512, 1023]] * 2), sensors=())
    values = values_of(decoded(bitalino.bitalino(settings), octets))
    np.testing.assert_allclose(values[0], [-1.5, 0, 1.497], atol=1e-3)
    np.testing.assert_allclose(values[1], [-41.25, 0, 41.17], atol=1e-2)
    with pytest.raises(Exception, match="1 to 6 channels"):
        bitalino.bitalino(BoardSettings(channels=7))


def test_the_crc_of_a_shimmer_is_the_documented_one():
    packet = VECTORS[7].octets
    assert shimmer3.crc16(np.frombuffer(packet, np.uint8)[None]).tolist() == [0x5A77]
    assert shimmer3.crc16(np.frombuffer(b"\xff", np.uint8)[None]).tolist() == [0x65F4]


def test_an_inquiry_tells_the_packet_and_the_true_rate():
    inquiry = bytes.fromhex("FF 02 40 00 00 00 00 00 06 01 1D 1E 1F 20 21 22")
    layout = shimmer3.layout_of(inquiry)
    assert layout.fs_hz == 512
    assert shimmer3.layout_of(inquiry.replace(b"\x40\x00", b"\x83\x00")).fs_hz == pytest.approx(250.14, abs=0.01)
    assert shimmer3.find_inquiry(b"\xff\x25\x03\xff\x02\x00" + inquiry + b"\xff\x00") == inquiry
    with pytest.raises(Exception, match="cannot be read"):
        shimmer3.layout_of(inquiry.replace(b"\x1d", b"\x77"))


def test_frames_of_27_bytes_tell_their_firmware():
    for name, payload in (("healthypi3", protocentral.HEALTHYPI3), ("healthypi4", protocentral.HEALTHYPI4)):
        octets = protocentral.encode(np.random.default_rng(0).normal(0, 1, (1, 50)), payload=payload)
        assert protocentral.len20_firmware(np.frombuffer(octets, np.uint8).reshape(50, 27)) == name
    octets = protocentral.encode(np.full((6, 50), 30.0), payload=protocentral.HEALTHYPI5_V1)
    assert protocentral.len20_firmware(np.frombuffer(octets, np.uint8).reshape(50, 27)) == "healthypi5-v1"
    assert protocentral.len20_firmware(np.full((50, 27), 7, np.uint8)) == ""
    assert bytes.fromhex(V3.format("78"))[22:24] == b"\x50\x78"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_captured_bytes_tell_how_many_channels_a_bitalino_has(count):
    samples = np.random.default_rng(count).integers(0, 64, (count, 300))
    assert bitalino.heard_channels(b"noise" + bitalino.encode(samples, first=3)) == count
    assert bitalino.heard_channels(bitalino.encode(samples[:, :1])) == count


def test_leads_off_is_no_sample():
    samples = np.asarray([[1.0, np.nan, -1.0]])
    for name in ("healthypi3", "healthypi4"):
        values = values_of(decoded(protocentral.protocentral(name), KINDS[name].encode(samples)))
        assert np.isnan(values[0]).tolist() == [False, True, False]


def test_other_lengths_of_a_family_are_heard():
    old = protocentral.encode(np.asarray([[5, 6], [7, 8]]), payload=protocentral.ADS1292R_OLD)
    decoder = protocentral.protocentral("ads1292r")
    assert values_of(decoded(decoder, old)).tolist() == [[5, 6], [7, 8]]
    assert decoder.facts.uncalibrated == ("ECG", "RESP")
    longer = olimex.encode(np.full((6, 9), 300), size=21)
    assert values_of(decoded(olimex.olimex(), longer)).shape == (6, 9)
