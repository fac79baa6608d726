"""Laws of every board's decoder; a new line in KINDS is tested here unasked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sources.decoders import KINDS, bitalino, cyton, olimex, protocentral, shimmer3
from edge_agent.sources.decoders.port import DEFAULTS, Counters, Loss
from edge_agent.sources.decoders.reader import FrameReader
from tests.decoders.plain_reader import PlainReader
from tests.decoders.streams import BOARDS, WITH_COUNTER, clean, decoded, fresh, losses_of, recovered, shown, values_of

FRAMINGS = {
    "cyton": ("cyton", cyton.FRAMING),
    "olimex": ("olimex", olimex.framing(17)),
    "bitalino": ("bitalino", bitalino.framing(6)),
    "healthypi4": ("healthypi4", protocentral.framing(20)),
    "shimmer3": ("shimmer3", shimmer3.framing(shimmer3.layout_of(shimmer3.DEFAULT_INQUIRY), DEFAULTS)),
}


@st.composite
def damaged(draw, protocol, frames=60):
    """A stream with frames dropped, sent twice, cut, flipped, and garbage between."""
    parts = list(clean(protocol, frames, draw(st.integers(0, 9)), first=draw(st.integers(0, 600)))[0])
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(parts) - 1))
        what = draw(st.sampled_from(["drop", "twice", "cut", "flip", "garbage", "zeros"]))
        if what == "drop":
            parts[at : at + draw(st.integers(1, 20))] = [b""]
        elif what == "twice":
            parts.insert(at, parts[at])
        elif what == "cut":
            parts[at] = parts[at][: draw(st.integers(0, len(parts[at])))]
        elif what == "flip" and parts[at]:
            octets = bytearray(parts[at])
            octets[draw(st.integers(0, len(octets) - 1))] ^= 1 << draw(st.integers(0, 7))
            parts[at] = bytes(octets)
        elif what == "garbage":
            parts.insert(at, draw(st.binary(min_size=1, max_size=64)))
        else:
            parts.insert(at, bytes(draw(st.integers(1, 40))))
    return b"".join(parts)


@pytest.mark.parametrize("protocol", KINDS)
def test_a_clean_stream_decodes_to_exactly_what_was_fed(protocol):
    frames, samples = clean(protocol, 700, first=3)
    frames = ([b"\n"] if protocol == "text" else []) + frames
    decoder = fresh(protocol)
    items = decoded(decoder, b"".join(frames))
    values = values_of(items)
    np.testing.assert_array_equal(values[: len(samples)], samples)
    assert losses_of(items) == []
    counters = decoder.counters
    assert counters.frame_bytes + counters.bytes_skipped == counters.bytes_in
    assert (counters.resyncs, counters.lost) == (0, 0)


@pytest.mark.parametrize("protocol", KINDS)
def test_torn_writes_at_every_offset_give_the_same(protocol):
    octets = b"".join(clean(protocol, 20)[0])
    whole = shown(decoded(fresh(protocol), octets))
    for at in range(len(octets) + 1):
        assert shown(decoded(fresh(protocol), octets, [at])) == whole
    assert shown(decoded(fresh(protocol), octets, range(1, len(octets)))) == whole


@pytest.mark.parametrize("protocol", KINDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_cutting_a_damaged_stream_does_not_matter(protocol, data):
    octets = data.draw(damaged(protocol))
    cuts = data.draw(st.lists(st.integers(0, len(octets)), max_size=12))
    one, many, each = fresh(protocol), fresh(protocol), fresh(protocol)
    whole = shown(decoded(one, octets))
    assert shown(decoded(many, octets, cuts)) == whole
    assert shown(decoded(each, octets, range(1, len(octets)))) == whole
    assert one.counters == many.counters == each.counters
    assert one.counters.frame_bytes + one.counters.bytes_skipped == one.counters.bytes_in == len(octets)


@pytest.mark.parametrize("board", FRAMINGS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_runs_at_once_equal_one_byte_at_a_time(board, data):
    protocol, framing = FRAMINGS[board]
    octets = data.draw(damaged(protocol))
    counters = Counters()
    fast = FrameReader(framing, 1.0, counters)
    items = fast.feed(octets, None) + fast.finish()
    plain = PlainReader(framing)
    plain.read(octets)
    frames = [
        (item.start + row, frame.tobytes())
        for item in items
        if not isinstance(item, Loss)
        for row, frame in enumerate(item.frames)
    ]
    assert frames == plain.frames
    assert [(item.at, item.count) for item in items if isinstance(item, Loss)] == plain.losses
    assert counters.bytes_skipped == plain.skipped


@pytest.mark.parametrize("protocol", BOARDS)
def test_it_finds_the_next_frame_behind_any_garbage(protocol):
    random = np.random.default_rng(7)
    frames, samples = clean(protocol, 200)
    half = len(frames) // 2
    for length in range(65):
        noise = random.bytes(length)
        items = decoded(fresh(protocol), b"".join([*frames[:half], noise, *frames[half:]]))
        found, wrong = recovered(items, samples)
        nan_start = protocol == "cyton-daisy"
        assert found >= samples.shape[1] - 2 - nan_start
        assert wrong <= nan_start


@pytest.mark.parametrize("protocol", BOARDS)
def test_clean_frames_are_recovered_from_noise(protocol):
    random = np.random.default_rng(11)
    frames, samples = clean(protocol, 6000)
    step = 40
    noisy = [
        frame if number % step else random.bytes(int(random.integers(1, 65))) + frame
        for number, frame in enumerate(frames)
    ]
    found, wrong = recovered(decoded(fresh(protocol), b"".join(noisy)), samples)
    assert found >= 0.999 * samples.shape[1]
    assert wrong <= (2 if protocol in ("bitalino", "cyton-daisy") else 0)


@pytest.mark.parametrize("protocol", BOARDS)
def test_one_damaged_byte_costs_two_frames_at_most(protocol):
    frames, samples = clean(protocol, 60)
    middle = len(frames) // 2
    octets, size = b"".join(frames), len(frames[0])
    for at in range(size):
        for flip in (1, 0x80, 0xFF):
            broken = bytearray(octets)
            broken[middle * size + at] ^= flip
            found, _ = recovered(decoded(fresh(protocol), bytes(broken)), samples)
            assert found >= samples.shape[1] - (4 if protocol == "bitalino" else 2) - (protocol == "cyton-daisy")


@pytest.mark.parametrize("protocol", KINDS)
def test_random_bytes_are_never_taken_for_a_board(protocol):
    decoder = fresh(protocol)
    random = np.random.default_rng(13)
    for _ in range(20):
        assert decoder.feed(random.bytes(50_000)) == []
    assert decoder.finish() == []
    assert decoder.counters.bytes_skipped == decoder.counters.bytes_in == 1_000_000


@pytest.mark.parametrize("protocol", KINDS)
@settings(max_examples=50, deadline=None)
@given(chunks=st.lists(st.binary(max_size=200), max_size=30), times=st.booleans())
def test_no_bytes_make_it_raise(protocol, chunks, times):
    decoder = fresh(protocol)
    for number, chunk in enumerate(chunks):
        decoder.feed(chunk, number / 10 if times else None)
        if number % 7 == 6:
            decoder.restart()
    decoder.finish()
    counters = decoder.counters
    assert counters.frame_bytes + counters.bytes_skipped == counters.bytes_in


@pytest.mark.parametrize("chunk", [1, 7, 40])
@pytest.mark.parametrize("protocol", ["cyton", "olimex", "shimmer3"])
@pytest.mark.parametrize("lost", [0, 1, 2, 25, 127, 128, 129, 255, 256, 257, 300, 511, 512, 513])
def test_losses_are_counted_exactly_with_time(protocol, lost, chunk):
    frames, _ = clean(protocol, 2400)
    decoder = fresh(protocol)
    fs_hz = decoder.facts.fs_hz
    kept = [number for number in range(2400) if not 1000 <= number < 1000 + lost]
    items = []
    for start in range(0, len(kept), chunk):
        part = kept[start : start + chunk]
        items += decoder.feed(b"".join(frames[number] for number in part), 5 + part[-1] / fs_hz)
    items += decoder.finish()
    assert sum(item.count for item in losses_of(items)) == lost == decoder.counters.lost
    assert all(item.certain for item in losses_of(items))
    assert [item.at for item in losses_of(items)] in ([], [1000], [kept[(1000 // chunk) * chunk]])


@pytest.mark.parametrize("protocol", WITH_COUNTER)
def test_without_time_a_loss_is_a_lower_bound(protocol):
    frames, _ = clean(protocol, 800)
    lost = 6
    items = decoded(fresh(protocol), b"".join(frames[:100] + frames[100 + lost :]))
    (loss,) = losses_of(items)
    halves = 2 if protocol == "cyton-daisy" else 1
    assert (loss.at, loss.count) == (100 // halves, lost // halves)
    assert loss.certain == (protocol == "shimmer3")


@pytest.mark.parametrize("protocol", ["ads1292r", "healthypi3", "healthypi4", "healthypi5"])
def test_a_board_without_counter_tells_a_silence_by_time(protocol):
    frames, _ = clean(protocol, 8000)
    decoder = fresh(protocol)
    fs_hz = decoder.facts.fs_hz
    items = []
    for number in [*range(5000), *range(5000 + 130, 8000)]:
        items += decoder.feed(frames[number], number / fs_hz)
    (loss,) = losses_of(items)
    assert (loss.at, loss.certain, decoder.counters.lost_by_counter) == (5000, False, 0)
    assert abs(loss.count - 130) <= 1


@pytest.mark.parametrize("protocol", KINDS)
def test_after_the_port_was_closed_the_index_goes_on_by_time(protocol):
    frames, _ = clean(protocol, 3000)
    if protocol == "text":
        frames = [b"\n", *frames]
    decoder = fresh(protocol)
    frame_hz = decoder.facts.frame_hz or 100.0
    for number in range(1500):
        decoder.feed(frames[number], number / frame_hz)
    decoder.feed(frames[1500][:3])
    decoder.restart()
    items = []
    for number in range(2000, 2100):
        items += decoder.feed(frames[number], number / frame_hz)
    (loss,) = losses_of(items)
    assert not loss.certain
    if protocol != "text":
        frames_a_sample = 2 if protocol == "cyton-daisy" else 1
        assert abs(loss.count - 500 / frames_a_sample) <= 3
    assert values_of(items).shape[1] > 40


@pytest.mark.parametrize("protocol", [name for name in BOARDS if name not in ("bitalino", "cyton-daisy")])
def test_frames_between_noise_on_both_sides_are_recovered(protocol):
    random = np.random.default_rng(17)
    frames, samples = clean(protocol, 3000)
    noisy = [frame if random.random() > 0.3 else random.bytes(int(random.integers(1, 65))) + frame for frame in frames]
    noisy[:12] = frames[:12]  # to lock at all, a Shimmer needs four in a row
    found, wrong = recovered(decoded(fresh(protocol), b"".join(noisy)), samples)
    assert found >= 0.999 * samples.shape[1]
    assert wrong == 0
