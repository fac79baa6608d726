import numpy as np
import pytest

from edge_agent.sources.decoders import make_decoder, text
from edge_agent.sources.decoders.port import BoardSettings
from tests.decoders.streams import decoded, fresh, losses_of, values_of


def rows(octets, **settings):
    decoder = make_decoder("text", BoardSettings(**settings))
    items = decoded(decoder, octets)
    return decoder, values_of(items), losses_of(items)


def test_the_line_in_progress_at_the_start_is_thrown_away():
    decoder, values, _ = rows(b"23\r\n512\r\n600\r\n")
    assert values.tolist() == [[512, 600]]
    assert decoder.counters.bytes_skipped == 4


def test_leads_off_is_no_sample_and_counted():
    decoder, values, _ = rows(b"\n512\n!\n!\n513\n")
    assert np.isnan(values[0]).tolist() == [False, True, True, False]
    assert decoder.counters.leads_off == 2


def test_a_damaged_line_keeps_the_count_of_samples():
    lines = [b"%d" % n for n in range(20)]
    lines[12:14] = [b"1x2", b"\xff\xfe"]
    decoder, values, _ = rows(b"\n" + b"\n".join(lines) + b"\n")
    assert np.flatnonzero(np.isnan(values[0])).tolist() == [12, 13]
    assert decoder.counters.malformed == 2


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", "])
def test_columns_are_channels_whatever_parts_them(separator):
    samples = np.random.default_rng(2).integers(0, 1024, (3, 10))
    _, values, _ = rows(b"\n" + text.encode(samples, separator=separator))
    assert values.tolist() == samples.tolist()


@pytest.mark.parametrize("octets", [b"ecg:%d,gsr:9\n", b"ecg: %d, gsr: 9\n"])
def test_labels_name_the_channels(octets):
    decoder, values, _ = rows(b"\n" + b"".join(octets % n for n in range(10)))
    assert [lead.name for lead in decoder.facts.channels] == ["ecg", "gsr"]
    assert values.tolist() == [list(range(10)), [9] * 10]


def test_a_heading_names_the_channels():
    decoder, values, _ = rows(b"ECG,GSR\n" + b"".join(b"%d,5\n" % n for n in (5, 3, 8, 1)))
    assert [lead.name for lead in decoder.facts.channels] == ["ECG", "GSR"]
    assert values[0].tolist() == [5, 3, 8, 1]


@pytest.mark.parametrize(("step", "fs_hz"), [(4, 250), (4000, 250), (0.004, 250), (10, 100)])
def test_a_rising_first_column_is_time_and_tells_the_rate(step, fs_hz):
    lines = [f"{n * step:.6f},{n % 7}" for n in range(40)]
    decoder, values, losses = rows(("\n" + "\n".join(lines) + "\n").encode())
    assert decoder.facts.fs_hz == pytest.approx(fs_hz)
    assert values.shape == (1, 40)
    assert losses == []


@pytest.mark.parametrize("lost", [0, 1, 127, 255, 256, 257])
def test_a_time_column_counts_losses(lost):
    numbers = [n for n in range(1000) if not 300 <= n < 300 + lost]
    decoder, _, losses = rows(b"t,ecg\n" + b"".join(b"%d,%d\n" % (n * 4, n % 9) for n in numbers))
    assert [(loss.at, loss.count, loss.certain) for loss in losses] == ([(300, lost, True)] if lost else [])
    assert [lead.name for lead in decoder.facts.channels] == ["ecg"]


def test_a_column_that_counts_lines_is_no_rate():
    decoder, values, _ = rows(b"index,ecg\n" + b"".join(b"%d,%d\n" % (n, n % 5) for n in range(20)))
    assert (decoder.facts.fs_hz, values.shape) == (0, (1, 20))


def test_a_signal_that_rises_is_no_time():
    _, values, _ = rows(b"\n" + b"".join(b"%d\n" % n for n in range(20)))
    assert values.shape == (1, 20)
    _, values, _ = rows(b"\n" + b"".join(b"%d,7\n" % (n * n) for n in range(20)))
    assert values.shape[0] == 2


def test_a_scale_makes_millivolt():
    decoder, values, _ = rows(b"\n" + b"612\n" * 9, mv_per_count=0.01, zero_count=512)
    assert decoder.facts.uncalibrated == ()
    np.testing.assert_allclose(values, 1.0)


def test_a_stream_that_stops_being_text_is_let_go_and_found_again():
    octets = b"\n" + b"512\n" * 20 + b"x\n" * 40 + b"513\n" * 20
    decoder, values, losses = rows(octets)
    assert (values == 512).sum() == (values == 513).sum() == 20
    assert [loss.certain for loss in losses] == [False]
    assert decoder.counters.resyncs == 1


def test_a_silence_is_a_loss_by_time():
    decoder, items = make_decoder("text", BoardSettings(fs_hz=250)), []
    decoder.feed(b"\n", 0.0)
    for number in [*range(6000), *range(6500, 7000)]:
        items += decoder.feed(b"%d\n" % (number % 900), number / 250)
    (loss,) = losses_of(items)
    assert (loss.at, loss.certain) == (6000, False)
    assert abs(loss.count - 500) <= 1


def test_a_line_without_end_is_not_held():
    decoder = fresh("text")
    for _ in range(300):
        decoder.feed(b"7" * 1000)
    assert decoder.counters.bytes_in - decoder.counters.bytes_skipped <= 300_000
    decoder.finish()
    assert decoder.counters.bytes_skipped == 300_000
