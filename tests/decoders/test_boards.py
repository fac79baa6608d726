"""What is particular to one board."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.decoders import cyton, shimmer3
from edge_agent.sources.decoders.framing import Sequence
from edge_agent.sources.decoders.port import BoardSettings, Loss
from tests.decoders.streams import clean, decoded, fresh, losses_of, shown, values_of


def timed(protocol, frames, numbers, decoder=None):
    """Frames by number, each fed alone at its own time."""
    decoder = decoder or fresh(protocol)
    rate = decoder.facts.frame_hz
    items = []
    for number in numbers:
        items += decoder.feed(frames[number], number / rate)
    return decoder, items + decoder.finish()


def test_a_frame_sent_twice_is_dropped_and_counted():
    frames, samples = clean("cyton", 100)
    for order in ([*range(50), 49, *range(50, 100)], [*range(50), 48, 49, *range(50, 100)]):
        decoder = fresh("cyton")
        items = decoded(decoder, b"".join(frames[number] for number in order))
        np.testing.assert_array_equal(values_of(items), samples)
        assert losses_of(items) == []
        assert decoder.counters.duplicates == len(order) - 100


def test_a_frame_sent_twice_is_no_turn_of_the_counter_with_time():
    frames, samples = clean("cyton", 2000)
    decoder = fresh("cyton")
    items = []
    for number in range(2000):
        items += decoder.feed(frames[number], number / 250)
        if number == 1000:
            items += decoder.feed(frames[number], number / 250 + 0.001)
    items += decoder.finish()
    np.testing.assert_array_equal(values_of(items), samples)
    assert (losses_of(items), decoder.counters.duplicates) == ([], 1)


def test_a_late_frame_is_dropped_and_its_place_stays_lost():
    frames, _ = clean("cyton", 100)
    order = [*range(50), 51, 50, *range(52, 100)]
    decoder = fresh("cyton")
    items = decoded(decoder, b"".join(frames[number] for number in order))
    assert [(loss.at, loss.count) for loss in losses_of(items)] == [(50, 1)]
    assert decoder.counters.duplicates == 1


def test_a_damaged_counter_costs_its_frame_and_no_other():
    frames, _ = clean("cyton", 100)
    frames[50] = frames[50][:1] + b"\xee" + frames[50][2:]
    decoder = fresh("cyton")
    items = decoded(decoder, b"".join(frames))
    assert losses_of(items) == [Loss(at=50, count=1, certain=True, at_least=1)]
    assert values_of(items).shape[1] == 99
    assert decoder.counters.bad_counter == 1


def test_two_losses_in_one_lump_are_each_counted():
    frames, _ = clean("cyton", 1000)
    decoder = fresh("cyton")
    items = []
    for start in range(0, 1000, 50):
        numbers = [n for n in range(start, start + 50) if not (510 <= n < 513 or 530 <= n < 537)]
        items += decoder.feed(b"".join(frames[n] for n in numbers), start / 250)
    assert [(loss.at, loss.count, loss.certain) for loss in losses_of(items)] == [(510, 3, True), (530, 7, True)]


def test_late_lumps_are_no_loss():
    frames, samples = clean("cyton", 5000)
    random = np.random.default_rng(5)
    decoder, items, at = fresh("cyton"), [], 0
    while at < 5000:
        size = int(random.integers(1, 110))
        late_s = float(random.uniform(0, 0.2))
        items += decoder.feed(b"".join(frames[at : at + size]), min(at + size, 5000) / 250 + late_s)
        at += size
    np.testing.assert_array_equal(values_of(items + decoder.finish()), samples)
    assert losses_of(items) == []


@pytest.mark.parametrize("rate", [0.975, 0.99, 1.01, 1.025])
@pytest.mark.parametrize("protocol", ["cyton", "healthypi4"])
def test_a_clock_that_is_wrong_by_percents_is_no_loss(protocol, rate):
    frames, samples = clean(protocol, 30_000)
    decoder = fresh(protocol)
    fs_hz, items = decoder.facts.fs_hz * rate, []
    for at in range(0, 30_000, 10):
        items += decoder.feed(b"".join(frames[at : at + 10]), (at + 10) / fs_hz)
    assert losses_of(items) == []
    assert values_of(items + decoder.finish()).shape[1] == samples.shape[1]


def test_a_counter_at_zero_behind_a_silence_is_a_restart():
    frames, _ = clean("cyton", 1000)
    decoder, items = fresh("cyton"), []
    for number in range(700):
        items += decoder.feed(frames[number], number / 250)
    for number in range(100):
        items += decoder.feed(frames[number], (700 + 1000 + number) / 250)
    (loss,) = losses_of(items)
    assert (loss.at, loss.certain, decoder.counters.restarts) == (700, False, 1)
    assert abs(loss.count - 1000) <= 1


def test_a_loss_too_long_for_the_clock_is_ambiguous():
    frames, _ = clean("cyton", 2000)
    decoder, items = fresh("cyton"), []
    for number in range(700):
        items += decoder.feed(frames[number], number / 250)
    for number in range(901, 1000):
        items += decoder.feed(frames[number], (number + 256 * 60) / 250)
    (loss,) = losses_of(items)
    assert (loss.count, loss.certain, loss.at_least) == (201 + 256 * 60, False, 201)
    assert decoder.counters.lost_by_counter == 201


@pytest.mark.parametrize("stop", range(0xC0, 0xC7))
def test_every_stop_byte_of_a_cyton_is_known(stop):
    octets = cyton.encode(np.zeros((8, 20)), stop=stop)
    assert values_of(decoded(fresh("cyton"), octets)).shape == (8, 20)


def test_an_unused_stop_byte_is_a_bad_footer():
    frames = [cyton.encode(np.zeros((8, 1)), first=n, stop=0xC7 if n == 9 else 0xC0) for n in range(20)]
    decoder = fresh("cyton")
    assert losses_of(decoded(decoder, b"".join(frames)))[0].count == 1
    assert (decoder.counters.bad_footer, decoder.counters.resyncs) == (1, 1)


def test_a_daisy_pairs_an_even_frame_with_the_odd_one_behind_it():
    frames, samples = clean("cyton-daisy", 100, first=1)
    np.testing.assert_array_equal(values_of(decoded(fresh("cyton-daisy"), b"".join(frames))), samples)
    odd_first = values_of(decoded(fresh("cyton-daisy"), b"".join(frames[1:])))
    np.testing.assert_array_equal(odd_first, samples[:, 1:])


def test_the_first_half_of_a_daisy_stream_is_no_sample():
    frames, samples = clean("cyton-daisy", 10)
    values = values_of(decoded(fresh("cyton-daisy"), b"".join(frames)))
    assert np.isnan(values[8:, 0]).all()
    np.testing.assert_array_equal(values[:8, 0], samples[:8, 0])
    np.testing.assert_array_equal(values[:, 1:], samples[:, 1:])


def test_a_lost_daisy_half_leaves_the_board_half():
    frames, samples = clean("cyton-daisy", 100, first=1)
    decoder, items = timed("cyton-daisy", frames, [n for n in range(200) if n != 120])
    values = values_of(items)
    np.testing.assert_array_equal(values[:8], samples[:8])
    assert np.isnan(values[8:]).any(axis=0).nonzero()[0].tolist() == [60]
    assert (losses_of(items), decoder.counters.lost) == ([], 1)


def test_a_lost_board_half_loses_the_pair():
    frames, _ = clean("cyton-daisy", 100, first=1)
    decoder, items = timed("cyton-daisy", frames, [n for n in range(200) if n != 121])
    assert [(loss.at, loss.count) for loss in losses_of(items)] == [(60, 1)]
    assert (values_of(items).shape[1], decoder.counters.lost) == (99, 1)


@pytest.mark.parametrize("lost", [1, 2, 3, 127, 255, 256, 257, 300])
@pytest.mark.parametrize("at", [1000, 1001])
def test_a_daisy_counts_on_frames(at, lost):
    frames, _ = clean("cyton-daisy", 1500, first=1)
    decoder, items = timed("cyton-daisy", frames, [n for n in range(3000) if not at <= n < at + lost])
    assert decoder.counters.lost == lost
    odd_lost = sum(n % 2 for n in range(at, at + lost))
    assert sum(loss.count for loss in losses_of(items)) == odd_lost
    assert values_of(items).shape[1] == 1500 - odd_lost


def test_a_shimmer_says_other_things_between_packets():
    frames, samples = clean("shimmer3", 40)
    for aside in ("FF", "FF 8A 71 21", "8A 71 21", "FF 8A 94 10 20 30", "FF FF"):
        decoder = fresh("shimmer3")
        items = decoded(decoder, b"".join([*frames[:20], bytes.fromhex(aside), *frames[20:]]))
        np.testing.assert_array_equal(values_of(items), samples)
        assert (losses_of(items), decoder.counters.resyncs) == ([], 0)


def test_the_clock_of_a_shimmer_wraps_unnoticed():
    samples = clean("shimmer3", 300)[1]
    octets = shimmer3.encode(samples, start_ticks=2**24 - 100 * 64)
    items = decoded(fresh("shimmer3"), octets)
    np.testing.assert_array_equal(values_of(items), samples)
    assert losses_of(items) == []


@pytest.mark.parametrize(("crc_bytes", "timestamp_bytes"), [(1, 3), (2, 3), (0, 2), (2, 2)])
def test_other_packets_of_a_shimmer(crc_bytes, timestamp_bytes):
    samples = clean("shimmer3", 1500)[1]
    octets = shimmer3.encode(samples, crc_bytes=crc_bytes, timestamp_bytes=timestamp_bytes)
    decoder = shimmer3.shimmer3(BoardSettings(crc_bytes=crc_bytes, timestamp_bytes=timestamp_bytes))
    size = decoder.facts.frame_bytes
    broken = bytearray(octets)
    broken[50 * size + 9] ^= 4
    items = decoded(decoder, bytes(broken))
    assert values_of(items).shape[1] == 1500 - (1 if crc_bytes else 0)
    assert decoder.counters.bad_crc == (1 if crc_bytes else 0)


def test_a_shimmer_with_other_channels_and_16_bits():
    inquiry = bytes.fromhex("FF 02 83 00 00 00 00 00 05 01 00 03 1D 23 24")
    samples = np.asarray([[100.0, 200], [3000, 3001], [0.5, -0.5], [1, -1]])
    octets = shimmer3.encode(samples, inquiry=inquiry)
    decoder = shimmer3.shimmer3(BoardSettings(inquiry=inquiry))
    np.testing.assert_allclose(values_of(decoded(decoder, octets)), samples, atol=0.01)
    assert [lead.name for lead in decoder.facts.channels] == ["LN-ACCEL-X", "VBATT", "LL-RA", "LA-RA"]
    assert decoder.facts.uncalibrated == ("LN-ACCEL-X", "VBATT")


def test_repeated_samples_of_a_shimmer_are_counted():
    octets = bytearray(shimmer3.encode(np.zeros((4, 10))))
    octets[18 * 4 + 4] &= 0x7F
    decoder = fresh("shimmer3")
    decoded(decoder, bytes(octets))
    assert decoder.counters.stale == 1


def test_a_scale_from_the_settings_calibrates():
    frames, samples = clean("olimex", 10)
    decoder = fresh("olimex")
    assert decoder.facts.uncalibrated == ("A1", "A2", "A3", "A4", "A5", "A6")
    from edge_agent.sources.decoders import make_decoder

    scaled = make_decoder("olimex", BoardSettings(mv_per_count=0.01, zero_count=512))
    values = values_of(decoded(scaled, b"".join(frames)))
    np.testing.assert_allclose(values, (samples - 512) * 0.01, atol=1e-5)
    assert scaled.facts.uncalibrated == ()


def test_text_between_frames_is_skipped():
    frames, samples = clean("healthypi2", 50)
    octets = b"boot v2\r\n" + b"".join([*frames[:25], b"125\r\n", *frames[25:]])
    items = decoded(fresh("healthypi2"), octets)
    np.testing.assert_array_equal(values_of(items)[:2], samples)


def test_an_all_zero_line_is_no_bitalino():
    assert shown(decoded(fresh("bitalino"), bytes(4000))) == []


@pytest.mark.parametrize("times", [True, False])
def test_a_shimmer_whose_clock_begins_anew_is_read_on(times):
    frames, _ = clean("shimmer3", 600)
    decoder, items = fresh("shimmer3"), []
    for place, number in enumerate([*range(400, 600), *range(200)]):
        items += decoder.feed(frames[number], place / 512 if times else None)
    items += decoder.finish()
    (loss,) = losses_of(items)
    assert (loss.at, loss.count, loss.certain) == (200, 0, False)
    assert values_of(items).shape[1] == 400
    assert (decoder.counters.restarts, decoder.counters.duplicates) == (1, 0)


@given(number=st.integers(0, 2**24 - 1), before=st.integers(0, 2**24 - 1), kind=st.sampled_from([1, 64, 131]))
def test_one_step_is_the_step_of_many(number, before, kind):
    sequence = Sequence(of=lambda frames: frames[:, 0].astype(int), modulus=2**24, step=kind, tolerance=0.05 * kind)
    many = sequence.steps(np.asarray([number]), np.asarray([before]))
    assert sequence.step_of(number, before) == many[0]
