import json

import numpy as np
import pytest

from edge_agent.boards.capture import calibrate, record
from edge_agent.sources.calibration import NoPulse, measure_pulse
from edge_agent.sources.decoders import KINDS, make_decoder
from edge_agent.sources.decoders.port import BoardSettings, Loss, Samples
from edge_agent.sources.emulated_boards import WIRING, make_board
from edge_agent.sources.emulation import Emulation, Plugged, Sent, Unplugged
from edge_agent.sources.emulator import Emulator
from edge_agent.sources.line_damage import Fault, ScriptUnreadable, read_faults, wrong_baud
from edge_agent.sources.serial_settings import SerialBoardSettings
from tests.sources.boards_on_a_line import emulation_of, settings_of, undamaged

SCALE_MV = {  # one count on the wire, from the boards' data sheets and firmware
    "cyton": 4500 / 24 / (2**23 - 1),
    "cyton-daisy": 4500 / 24 / (2**23 - 1),
    "ads1292r": 2420 / 12 / (2**15) * 4,
    "healthypi3": 2420 / 12 / (2**15) * 4,
    "healthypi4": 2420 / 12 / (2**15) * 4,
    "bitalino": 3300 / 1100 / 1024,
    "shimmer3": 2420 / 4 / (2**23 - 1),
}
PER_MV = {"cyton": 1000.0, "cyton-daisy": 1000.0}


@pytest.mark.parametrize("protocol", KINDS)
def test_a_millivolt_comes_out_as_a_millivolt(protocol):
    """Half a millivolt and 0 as square waves: what the decoder says differs by it, and in whole counts of the wire."""
    square = np.repeat(np.tile([0.0, 0.5], 4), 500).astype(np.float32)[None]
    emulation = Emulation(protocol, square, 1000.0, settings=settings_of(protocol))
    data = b"".join(emulation.board.frames(emulation.take, 0, emulation.frames))
    decoder = make_decoder(protocol, settings_of(protocol))
    decoded = decoder.feed(data) + decoder.finish()
    samples = np.concatenate([item.samples for item in decoded if isinstance(item, Samples)], axis=1)[0]
    millivolts = samples[np.isfinite(samples)].astype(np.float64) / PER_MV.get(protocol, 1.0)
    count_mv = SCALE_MV.get(protocol) or WIRING[protocol].mv_per_count
    assert np.percentile(millivolts, 75) - np.percentile(millivolts, 25) == pytest.approx(0.5, abs=count_mv + 0.002)
    if protocol in SCALE_MV and protocol != "cyton-daisy":  # its halves are means of two
        counts = millivolts / count_mv
        assert np.abs(counts - np.rint(counts)).max() < 0.02


def test_truth_and_decoder_agree_about_what_was_lost():
    faults = [
        Fault(what="drop-frames", at=300, count=127),
        Fault(what="flip", at=700),
        Fault(what="flip", at=800, offset=32),
        Fault(what="drop-bytes", at=900, offset=30, count=40),
        Fault(what="insert", at=1100, count=64),
        Fault(what="duplicate", at=1200),
        Fault(what="say", at=1300, say=b"System is Up$$$"),
    ]
    emulation = emulation_of("cyton", 8.0, faults)
    emulation.receive(b"b")
    decoder = make_decoder("cyton")
    decoded, now_s = [], 0.0
    while not emulation.ended:
        now_s += 0.02
        for happening in emulation.advance(0.02):
            decoded += decoder.feed(happening.data, now_s)
    losses = [(item.at, item.count) for item in decoded if isinstance(item, Loss)]
    assert emulation.lost == [(300, 127), (700, 1), (800, 1), (900, 3)]
    assert losses == emulation.lost
    assert decoder.counters.duplicates == 1
    clean = undamaged("cyton", 8.0, decoder.facts.channels)
    for item in decoded:
        if isinstance(item, Samples):
            assert np.array_equal(item.samples, clean[:, item.start : item.end])


def test_a_pulled_plug_is_silence_between_two_happenings():
    faults = [Fault(what="unplug", at=100, seconds=0.4), Fault(what="lump", at=400, seconds=0.48)]
    emulation = emulation_of("olimex", 3.0, faults)
    times = []
    while not emulation.ended:
        times += [(emulation.time_s, each) for each in emulation.advance(0.02)]
    away = [time for time, each in times if isinstance(each, Unplugged)] + [
        time for time, each in times if isinstance(each, Plugged)
    ]
    assert away == [pytest.approx(0.42, abs=0.03), pytest.approx(0.82, abs=0.03)]
    assert not any(isinstance(each, Sent) and away[0] < time < away[1] for time, each in times)
    assert emulation.lost == [(100, 100)]
    assert max(len(each.data) for _, each in times if isinstance(each, Sent)) >= 120 * 17


def test_a_cyton_answers_as_its_firmware_does():
    board = make_board("cyton", BoardSettings())
    assert board.receive(b"v", 0).endswith(b"Firmware: v3.1.2\n$$$")
    assert board.receive(b"D", 0) == b"060110$$$"
    assert board.receive(b"x1060110X", 0) == b"Success: Channel set for 1$$$"
    assert b"Err" in board.receive(b"x10601100", 0)
    assert not board.streaming
    assert board.receive(b"b", 77) == b""
    assert (board.streaming, board.base) == (True, 77)
    board.receive(b"s", 80)
    assert not board.streaming
    board.radio = False
    assert board.receive(b"v", 0).startswith(b"Failure")
    daisy = make_board("cyton-daisy", BoardSettings())
    assert b"On Daisy" in daisy.receive(b"v", 0)
    assert daisy.receive(b"C", 0) == b"16$$$"


def test_a_shimmer_answers_commands_with_arguments():
    board = make_board("shimmer3", BoardSettings())
    assert board.receive(bytes.fromhex("0818"), 0) == b""
    assert board.receive(bytes.fromhex("0000"), 0) == b"\xff"
    assert board.receive(bytes.fromhex("3F"), 0) == bytes.fromhex("FF2503")
    assert board.receive(b"\x61\x00\x00\x02\x10\x20\x01", 0) == b"\xff" + bytes.fromhex(
        "FF024000000000000601 1D1E1F202122"
    )
    board.receive(b"\x07", 5)
    assert board.streaming


def test_a_wrong_speed_makes_other_bytes_and_the_right_one_the_same():
    data = bytes(range(256))
    assert wrong_baud(data, 1.0) == data
    for factor in (0.5, 2.0):
        heard = wrong_baud(data, factor)
        assert heard
        assert data not in heard


def test_a_script_is_read_and_a_wrong_one_refused():
    script = '[[fault]]\nwhat = "unplug"\nat = 500\nseconds = 2.0\n[[fault]]\nwhat = "say"\nat = 9\nhex = "ff8a7110"\n'
    assert read_faults(script) == (
        Fault(what="say", at=9, say=bytes.fromhex("ff8a7110")),
        Fault(what="unplug", at=500, seconds=2.0),
    )
    for wrong in (
        "what",
        "",
        '[[fault]]\nwhat = "hail"\nat = 1\n',
        '[[fault]]\nwhat = "stall"\nat = 1\n',
        '[[fault]]\nwhat = "flip"\n',
        '[[fault]]\nwhat = "flip"\nat = 1\nmany = 2\n',
    ):
        with pytest.raises(ScriptUnreadable):
            read_faults(wrong)


def pulses(height, base, fs_hz, *, seconds=4.0, noise=0.0):
    t = np.arange(round(seconds * fs_hz)) / fs_hz
    square = base + height * ((t % 0.4) >= 0.2)
    return (square + np.random.default_rng(1).normal(0, noise, t.size)).astype(np.float32)


@pytest.mark.parametrize("fs_hz", [125.0, 250.0, 1000.0])
def test_a_calibration_pulse_is_measured(fs_hz):
    pulse = measure_pulse(pulses(200.0, 512.0, fs_hz, noise=2.0), fs_hz)
    assert pulse.height == pytest.approx(200.0, rel=0.02)
    assert pulse.base == pytest.approx(512.0, abs=3.0)
    assert pulse.edges >= 15


def test_what_is_no_pulse_is_refused():
    rng = np.random.default_rng(2)
    for samples in (rng.normal(0, 1, 2000), np.zeros(2000), np.zeros(5), emulation_of("text", 8.0).take(0, 2000)[0]):
        with pytest.raises(NoPulse):
            measure_pulse(np.asarray(samples, np.float32), 250.0)


def test_calibrating_captured_bytes_gives_the_settings(tmp_path, capsys):
    import sys

    counts = np.zeros((6, 1000), np.float32)
    counts[0] = pulses(200.0, 512.0, 250.0)
    (tmp_path / "pulse.bytes").write_bytes(KINDS["olimex"].encode(counts))
    settings = SerialBoardSettings(port=str(tmp_path / "pulse.bytes"), protocol="olimex")
    assert calibrate(settings, lead=None, pulse_mv=1.0, seconds=1.0, stdout=sys.stdout) == 0
    told = capsys.readouterr().out
    assert "mv_per_count = 0.005" in told
    assert "zero_count = 512" in told


def test_a_recording_holds_bytes_samples_and_report(tmp_path):
    import io

    import wfdb

    emulator = Emulator(
        emulation_of("cyton", 30.0, [Fault(what="drop-frames", at=200, count=30)]), link=tmp_path / "port"
    )
    emulator.start()
    try:
        settings = SerialBoardSettings(port=str(tmp_path / "port"), protocol="cyton", leads=("EXG1", "EXG2"))
        assert record(settings, tmp_path / "out", seconds=2.0, stdout=io.StringIO()) == 0
    finally:
        emulator.stop()
    report = json.loads((tmp_path / "out" / "board.json").read_text())
    assert report["gaps"] == [{"at": 200, "lost": 30, "reason": "lost"}]
    written = wfdb.rdrecord(str(tmp_path / "out" / "board"))
    assert written.units == ["uV", "uV"]
    assert np.isnan(written.p_signal[200:230]).all()
    decoder = make_decoder("cyton")
    raw = (tmp_path / "out" / "board.bytes").read_bytes()
    first = next(item for item in decoder.feed(raw) if isinstance(item, Samples))
    assert np.allclose(written.p_signal[:190, 0], first.samples[0, :190], atol=0.1)
