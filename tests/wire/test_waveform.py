"""A frame gives back what was put in, or says that it cannot."""

import contextlib
import os
import struct
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biosignal.errors import BadInput
from biosignal.signal.blocks import Unit
from biosignal.wire.waveform import GAIN, INVALID, MAX_COUNT, WaveChunk, decode_wave, encode_wave, quantise

FRAME_OF_VERSION_1 = (
    "425741560100020140060000000000000000000000005940000000000000503f0000000000000000060000000e000000"
    "723149636062e8528d6660606064fe07005386dfac"
)
any_counts = arrays(np.int16, st.integers(0, 400))


def chunk(counts, **changes):
    facts = {"recording": "rec-1", "lead": "MLII", "start": 7200, "fs_hz": 360.0, "unit": Unit.MILLIVOLT}
    return WaveChunk(**{**facts, "gain": 0.005, "offset": 0.0, **changes}, counts=counts)


def resealed(frame):
    """Give a changed frame a checksum that fits, as a hostile sender would."""
    return frame[:-4] + struct.pack("<I", zlib.crc32(frame[:-4]))


@given(any_counts, st.integers(0, 2**62), st.sampled_from(Unit), st.text(max_size=60), st.text(max_size=60))
def test_a_frame_comes_back_equal(counts, start, unit, recording, lead):
    sent = chunk(counts, start=start, unit=unit, recording=recording, lead=lead)
    back = decode_wave(encode_wave(sent))
    assert np.array_equal(back.counts, counts)
    for name in ("recording", "lead", "start", "fs_hz", "unit", "gain", "offset"):
        assert getattr(back, name) == getattr(sent, name)


def test_the_extremes_of_int16_survive():
    steep = np.array([-32768, 32767] * 50 + [0, -32768, -32768, 32767], np.int16)
    assert np.array_equal(decode_wave(encode_wave(chunk(steep))).counts, steep)


def test_a_frame_of_version_1_stays_readable():
    back = decode_wave(bytes.fromhex(FRAME_OF_VERSION_1))
    assert back.counts.tolist() == [0, 1, 2, 200, -5, INVALID]
    assert (back.recording, back.lead, back.start, back.fs_hz, back.gain) == ("r1", "I", 1600, 100.0, 2.0**-10)
    assert (back.unit, back.offset) == (Unit.MILLIVOLT, 0.0)


@given(any_counts, st.data())
def test_a_flipped_bit_is_noticed(counts, data):
    frame = bytearray(encode_wave(chunk(counts)))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadInput):
        decode_wave(bytes(frame))


@given(any_counts, st.data())
def test_a_frame_cut_short_is_refused(counts, data):
    frame = encode_wave(chunk(counts))
    with pytest.raises(BadInput):
        decode_wave(frame[: data.draw(st.integers(0, len(frame) - 1))])


@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    with pytest.raises(BadInput):
        decode_wave(noise)


@given(any_counts, st.data())
def test_a_hostile_frame_with_a_valid_checksum_is_read_or_refused(counts, data):
    frame = bytearray(encode_wave(chunk(counts)))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 5))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadInput):
        assert decode_wave(resealed(bytes(frame))).length <= MAX_COUNT


@pytest.mark.parametrize("count", [3, MAX_COUNT, MAX_COUNT + 1, 2**32 - 1])
def test_a_lying_length_costs_no_memory(count):
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = bomb.compress(bytes(64 << 20)) + bomb.flush()
    small = encode_wave(chunk(np.zeros(4, np.int16)))
    header = bytearray(small[:48])
    struct.pack_into("<II", header, 40, count, len(payload))
    frame = resealed(bytes(header) + b"rec-1MLII" + payload + b"0000")
    tracemalloc.start()
    try:
        with pytest.raises(BadInput):
            decode_wave(frame)
        assert tracemalloc.get_traced_memory()[1] < 3 * 2 * MAX_COUNT + len(frame)
    finally:
        tracemalloc.stop()


def test_too_long_a_wave_is_refused():
    with pytest.raises(BadInput):
        encode_wave(chunk(np.zeros(MAX_COUNT + 1, np.int16)))
    with pytest.raises(BadInput):
        encode_wave(chunk(np.zeros(1, np.int16), lead="x" * 256))


def test_a_known_gain_loses_nothing():
    counts = np.arange(-32767, 32768)
    values = (counts / 200).astype(np.float32)
    given_back = quantise(values, Unit.MILLIVOLT, gain=0.005)
    assert np.array_equal(given_back.counts, counts)
    assert given_back.offset == 0
    assert np.array_equal(chunk(given_back.counts, gain=given_back.gain).samples(), values)


@given(
    arrays(np.float32, st.integers(1, 200), elements=st.floats(-30, 30, width=32)),
    st.sampled_from([Unit.MILLIVOLT, Unit.MICROVOLT]),
)
def test_quantising_errs_by_half_a_count(values, unit):
    counts, gain, offset, clipped = quantise(values, unit)
    assert clipped == 0
    assert gain == GAIN[unit]
    error = np.abs(chunk(counts, unit=unit, gain=gain, offset=offset).samples() - values)
    assert error.max() <= gain / 2 + 1e-5


def test_nan_stays_nan_and_what_does_not_fit_is_counted():
    values = np.array([0.0, np.nan, 40.0, -40.0, np.inf, -np.inf], np.float32)
    counts, gain, offset, clipped = quantise(values, Unit.MILLIVOLT)
    back = chunk(counts, gain=gain, offset=offset).samples()
    assert clipped == 4
    assert np.isnan(back[1])
    assert np.flatnonzero(counts == INVALID).tolist() == [1]
    assert back[2] == pytest.approx(32.767)
    assert back[3] == pytest.approx(-32.767)


def test_a_dc_offset_moves_the_zero_instead_of_clipping():
    values = (150 + np.sin(np.arange(1000) / 20)).astype(np.float32)
    counts, gain, offset, clipped = quantise(values, Unit.MILLIVOLT)
    assert clipped == 0
    assert np.abs(chunk(counts, gain=gain, offset=offset).samples() - values).max() <= 0.0006


def test_raw_samples_of_24_bits_fit():
    values = np.array([-(2**23), 0, 2**23 - 1], np.float32)
    counts, gain, offset, clipped = quantise(values, Unit.RAW)
    assert clipped == 0
    assert np.abs(chunk(counts, unit=Unit.RAW, gain=gain, offset=offset).samples() - values).max() <= gain


def test_a_part_keeps_its_place():
    whole = chunk(np.arange(100, dtype=np.int16), start=1000)
    part = whole.part(1010, 1020)
    assert (part.start, part.end) == (1010, 1020)
    assert part.counts.tolist() == list(range(10, 20))
    assert whole.part(2000, 3000).length == 0
    assert replace(whole, counts=whole.counts).length == 100


@pytest.mark.data
@pytest.mark.parametrize("record", ["100", "208"])
def test_a_real_ecg_is_lossless_in_under_0_65_bytes_a_sample(record):
    where = Path(os.environ.get("EDGE_DATA_DIR", "/nonexistent")) / "mitdb" / f"{record}.dat"
    if not where.exists():
        pytest.skip("EDGE_DATA_DIR has no mitdb")
    # Format 212 read here by hand: two 12-bit samples in three bytes, so that no reader's scaling stands between.
    raw = np.frombuffer(where.read_bytes(), np.uint8)
    raw = raw[: raw.size // 3 * 3].reshape(-1, 3).astype(np.int32)
    first = ((raw[:, 0] | ((raw[:, 1] & 15) << 8)) ^ 0x800) - 0x800
    values = ((first - 1024) / 200).astype(np.float32)
    size = 0
    for start in range(0, values.size - 3599, 3600):
        piece = values[start : start + 3600]
        counts, gain, offset, clipped = quantise(piece, Unit.MILLIVOLT, gain=0.005)
        frame = encode_wave(chunk(counts, start=start, gain=gain, offset=offset))
        assert clipped == 0
        assert np.array_equal(decode_wave(frame).samples(), piece)
        size += len(frame)
    assert size / (values.size // 3600 * 3600) < 0.65
