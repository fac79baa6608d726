"""What a board does beyond sending: restarts, refusals, a wrong speed, electrodes off, settings that do not fit."""

import time
from dataclasses import replace

import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.operate.clock import HostClock
from edge_agent.sources import open_source
from edge_agent.sources.decoders import make_decoder
from edge_agent.sources.decoders.port import BoardSettings, Loss
from edge_agent.sources.line_damage import Fault
from edge_agent.sources.port import LeadUnknown, SourceState
from edge_agent.sources.serial_board import AMBIGUOUS, BoardDiffers, SerialBoard
from edge_agent.sources.serial_settings import SerialBoardSettings
from edge_agent.sources.settings import SourceSettings
from edge_agent.sources.slow_rate import SlowRate
from tests.sources.boards_on_a_line import Line, contiguous, emulation_of, playing

HANDSHAKE_SPEED = 5.0  # what is asked and answered takes the computer's time, whatever the board's runs at


def gaps_of(items):
    return [item for item in items if isinstance(item, Gap)]


def until(condition, what, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.01)


@pytest.mark.parametrize("protocol", ["cyton", "bitalino", "shimmer3"])
def test_a_board_that_lost_its_supply_is_started_again(protocol, tmp_path):
    fs_hz = emulation_of(protocol, 1.0).board.fs_hz
    fault = Fault(what="unplug", at=round(6 * fs_hz), seconds=2.0, power=True)
    emulation = emulation_of(protocol, 20.0, [fault])
    line = Line(protocol, emulation, tmp_path / "board", speed=HANDSHAKE_SPEED)
    items = line.play()
    (gap,) = [gap for gap in gaps_of(items) if gap.reason.startswith("reconnected")]
    counters = dict(line.source.health().counters)
    contiguous(items)
    assert gap.reason.endswith(AMBIGUOUS)
    assert counters["started"] == 2
    truth = [count for start, count in emulation.lost if start * 1.0 >= 5.9 * emulation.board.frame_hz]
    assert gap.length / fs_hz == pytest.approx(sum(truth) / emulation.board.frame_hz, abs=0.15)


def test_a_board_that_stops_by_itself_is_asked_to_go_on(tmp_path):
    emulation = emulation_of("cyton", 20.0, [Fault(what="restart", at=1000)])
    line = Line("cyton", emulation, tmp_path / "board", speed=HANDSHAKE_SPEED, stall_s=1.0)
    items = line.play()
    assert dict(line.source.health().counters)["started"] == 2
    (gap,) = gaps_of(items)
    assert gap.start == 1000
    assert 1.0 < gap.length / 250.0 < 3.5


def test_a_dongle_without_its_board_says_why_and_is_asked_again(tmp_path):
    emulation = emulation_of("cyton", 30.0)
    emulation.board.radio = False
    with playing("cyton", emulation, tmp_path / "board", speed=HANDSHAKE_SPEED, clock=HostClock()) as line:
        until(lambda: line.source.health().state is SourceState.LOST, line.source.health)
        assert "Communications timeout" in line.source.health().reason
        emulation.board.radio = True
        until(lambda: line.source.health().state is SourceState.STREAMING, line.source.health)


def test_a_wrong_speed_for_a_while_is_a_gap(tmp_path):
    fault = Fault(what="wrong-baud", at=1000, seconds=0.4, factor=0.5)
    line = Line("cyton", emulation_of("cyton", 12.0, [fault]), tmp_path / "board")
    items = line.play()
    (gap,) = gaps_of(items)
    assert (gap.start, gap.length) == (1000, 100)
    assert dict(line.source.health().counters)["bytes_skipped"] > 500


def test_a_bridge_that_delivers_in_lumps_makes_no_gap(tmp_path):
    """3968 bytes at a time, 0.48 s of a Cyton: what an untuned FTDI bridge does."""
    lumps = [Fault(what="lump", at=at, seconds=0.476) for at in range(0, 3000, 120)]
    items = Line("cyton", emulation_of("cyton", 12.0, lumps), tmp_path / "board").play()
    assert gaps_of(items) == []
    assert contiguous(items) >= 2880


def test_electrodes_off_are_told_as_each_board_tells_it(tmp_path):
    fault = Fault(what="leads-off", at=500, seconds=1.0)
    for protocol, lead_off in (("healthypi4", np.isnan), ("cyton", lambda x: np.abs(x) > 187_000)):
        items = Line(protocol, emulation_of(protocol, 8.0, [fault]), tmp_path / protocol).play()
        row = np.concatenate([item.samples[0] for item in items if isinstance(item, SampleBlock)])
        fs_hz = items[0].fs_hz
        assert lead_off(row).sum() == pytest.approx(fs_hz, abs=2)


@pytest.mark.parametrize("count", [1, 2, 25, 127, 128, 129, 255, 256, 257, 300])
def test_frames_that_a_radio_loses_are_counted_exactly(count):
    emulation = emulation_of("cyton", 12.0, [Fault(what="drop-frames", at=1500, count=count)])
    emulation.receive(b"b")
    decoder = make_decoder("cyton")
    losses = []
    while not emulation.ended:
        for happening in emulation.advance(0.02):
            found = decoder.feed(happening.data, emulation.time_s)
            losses += [item for item in found if isinstance(item, Loss)]
    assert [(loss.at, loss.count, loss.certain) for loss in losses] == [(1500, count, True)]


def test_a_bitalino_needs_no_inputs_named_and_takes_no_odd_rate(tmp_path):
    port = str(tmp_path / "port")
    facts = SerialBoard(SerialBoardSettings(port=port, protocol="bitalino"), clock=HostClock()).recording_facts()
    assert [lead.unit for lead in facts.leads] == [Unit.RAW] * 6
    odd = SerialBoardSettings(port=port, protocol="bitalino", board=BoardSettings(fs_hz=250.0))
    with pytest.raises(BadInput, match="rate"):
        SerialBoard(odd, clock=HostClock())


def test_settings_reach_the_board(tmp_path):
    settings = SourceSettings(kind="serial", protocol="cyton", port=str(tmp_path), leads=("EXG3", "0"))
    facts = open_source(settings, HostClock()).recording_facts()
    assert [lead.name for lead in facts.leads] == ["EXG3", "EXG1"]
    assert (facts.fs_hz, facts.live) == (250.0, True)
    for wrong in ({"protocol": "morse"}, {"protocol": ""}, {"gain": 7.0}, {"leads": ("EXG9",)}, {"port": ""}):
        with pytest.raises(BadInput):
            open_source(replace(settings, **wrong), HostClock())
    with pytest.raises(LeadUnknown):
        open_source(replace(settings, leads=("0", "EXG1")), HostClock())


def test_another_firmware_than_announced_is_refused_and_a_scale_settles_it(tmp_path):
    """The older ADS1292R sketch sends raw counts in frames of 15 bytes, the announced one millivolts in 16."""
    from edge_agent.sources.decoders.protocentral import ADS1292R_OLD, encode

    frames = encode(np.arange(40, dtype=np.float32)[None], payload=ADS1292R_OLD)
    settings = SerialBoardSettings(port=str(tmp_path), protocol="ads1292r")
    source = SerialBoard(settings, clock=HostClock())
    with pytest.raises(BoardDiffers) as caught:
        source._signals(frames, 1.0)
    assert "mv_per_count" in caught.value.advice
    scaled = SerialBoard(replace(settings, board=BoardSettings(mv_per_count=0.01)), clock=HostClock())
    (block,) = scaled._signals(frames, 1.0)
    assert block.samples[0, 10] == pytest.approx(0.1)


def test_the_rate_is_told_from_the_earliest_arrivals():
    rng = np.random.default_rng(4)
    rate = SlowRate(250.0)
    for step in range(3000):
        now_s = 100 + step * 0.04
        rate.note(now_s + rng.exponential(0.02), round(252.3 * step * 0.04))
    assert rate.hz == pytest.approx(252.3, rel=3e-4)
    rate.restart()
    assert rate.hz is None
