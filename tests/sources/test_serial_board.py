import os
import pty
import random
import termios
import threading
import time
import tty

import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.operate.clock import HostClock
from edge_agent.sources import open_source
from edge_agent.sources.decoders import KINDS
from edge_agent.sources.decoders.port import BoardSettings
from edge_agent.sources.port import SourceState
from edge_agent.sources.serial_board import SerialBoard
from edge_agent.sources.serial_settings import SerialBoardSettings
from edge_agent.sources.settings import SourceSettings

FS_HZ = 250.0


class Board:
    """An AD8232 sketch at the far end of a pseudo terminal, reached through a link that survives replugging."""

    def __init__(self, link):
        self.link = link
        self.number = 0
        self.line = b"%d\r\n"
        self._stop = threading.Event()
        self._thread = None
        self._ends = ()

    def plug(self, *, talk=True):
        master, slave = pty.openpty()
        tty.setraw(slave)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))
        self._ends = (master, slave)
        self._stop.clear()
        if talk:
            self.talk()

    def talk(self):
        self._stop.clear()
        self._thread = threading.Thread(target=self._send, args=(self._ends[0],), daemon=True)
        self._thread.start()

    def hush(self):
        self._stop.set()
        if self._thread:
            self._thread.join()

    def unplug(self):
        self.hush()
        self.link.unlink(missing_ok=True)
        for end in self._ends:
            os.close(end)
        self._ends = ()

    def _send(self, master):
        began = time.monotonic()
        sent = 0
        while not self._stop.wait(0.02):
            due = int((time.monotonic() - began) * FS_HZ)
            lines = b"".join(self.line % ((self.number + index) % 1024) for index in range(due - sent))
            self.number += due - sent
            sent = due
            os.write(master, lines)


class Reader:
    def __init__(self, source):
        self.source = source
        self.items = []
        source.open("rec")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        self.items.extend(iter_into(self.source, self.items))

    def until(self, condition, seconds=10.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.source.health()
            time.sleep(0.01)

    def stop(self):
        began = time.monotonic()
        self.source.close()
        self._thread.join(5)
        assert not self._thread.is_alive()
        return time.monotonic() - began


def iter_into(source, items):
    for item in source.read():
        items.append(item)
    return ()


@pytest.fixture
def board(tmp_path):
    board = Board(tmp_path / "by-id-ad8232")
    yield board
    if board._ends:
        board.unplug()


def source_of(there, **changes):
    values = {
        "port": str(there.link),
        "protocol": "text",
        "board": BoardSettings(fs_hz=FS_HZ),
        "stall_s": 0.6,
        "first_retry_s": 0.05,
        "longest_retry_s": 0.2,
        **changes,
    }
    return SerialBoard(SerialBoardSettings(**values), clock=HostClock(), jitter=random.Random(1))


def samples(items):
    return sum(item.length for item in items if isinstance(item, SampleBlock))


def contiguous(items):
    expected = 0
    for item in items:
        assert item.start == expected
        expected = item.end
    return expected


def test_a_board_that_needs_no_commands_needs_no_line_of_them_either(board, monkeypatch):
    monkeypatch.setitem(KINDS, "talker", KINDS["olimex"])
    source = source_of(board, protocol="talker", board=BoardSettings())
    assert len(source.recording_facts().leads) == 6


def test_samples_stream_in_raw_counts(board):
    board.plug()
    reader = Reader(source_of(board))
    reader.until(lambda: samples(reader.items) > 100)
    assert reader.source.health().state is SourceState.STREAMING
    assert reader.stop() < 1.0
    facts = reader.source.recording_facts()
    assert facts.live
    assert facts.leads[0].unit is Unit.RAW
    joined = np.concatenate([item.samples[0] for item in reader.items])
    assert set(np.diff(joined)) <= {1.0, -1023.0}
    assert contiguous(reader.items) == joined.size
    assert reader.source.health().state is SourceState.ENDED


@pytest.mark.parametrize("line", [b'{"resp":7,"ecg":%d}\r\n', b"resp:7,ecg:%d\r\n"])
def test_of_several_columns_the_one_named_as_an_ecg_is_read(board, line):
    board.line = line
    board.plug()
    reader = Reader(source_of(board))
    reader.until(lambda: samples(reader.items) > 50)
    reader.stop()
    joined = np.concatenate([item.samples[0] for item in reader.items if isinstance(item, SampleBlock)])
    assert set(np.diff(joined)) <= {1.0, -1023.0}


def test_unplugging_is_told_and_replugging_leaves_a_gap_as_long_as_the_pause(board):
    board.plug()
    reader = Reader(source_of(board))
    reader.until(lambda: samples(reader.items) > 50)
    board.unplug()
    began = time.monotonic()
    reader.until(lambda: reader.source.health().state is SourceState.LOST)
    time.sleep(1.0)
    board.plug()
    paused_s = time.monotonic() - began
    reader.until(lambda: any(isinstance(item, Gap) for item in reader.items))
    seen = samples(reader.items)
    reader.until(lambda: samples(reader.items) > seen + 50)
    reader.stop()
    gaps = [item for item in reader.items if isinstance(item, Gap)]
    assert [gap.reason for gap in gaps] == ["reconnected (ambiguous)"]
    assert gaps[0].length / FS_HZ == pytest.approx(paused_s, abs=0.5)
    contiguous(reader.items)
    counters = dict(reader.source.health().counters)
    assert counters["opened"] >= 2
    assert counters["lost"] == gaps[0].length


def test_silence_is_stalled_and_not_lost(board):
    board.plug()
    reader = Reader(source_of(board))
    reader.until(lambda: samples(reader.items) > 50)
    board.hush()
    reader.until(lambda: reader.source.health().state is SourceState.STALLED)
    assert dict(reader.source.health().counters)["opened"] == 1
    board.talk()
    reader.until(lambda: any(isinstance(item, Gap) for item in reader.items))
    assert reader.source.health().state is SourceState.STREAMING
    reader.stop()
    gap = next(item for item in reader.items if isinstance(item, Gap))
    assert gap.reason == "silence (ambiguous)"
    contiguous(reader.items)


def test_a_board_that_is_not_there_yet_is_waited_for(board):
    reader = Reader(source_of(board))
    reader.until(lambda: reader.source.health().state is SourceState.LOST)
    assert str(board.link) in reader.source.health().reason
    board.plug()
    reader.until(lambda: samples(reader.items) > 10)
    reader.stop()
    assert not any(isinstance(item, Gap) for item in reader.items)


def test_a_second_reader_is_refused_the_port(board):
    board.plug()
    first = Reader(source_of(board))
    first.until(lambda: samples(first.items) > 10)
    second = Reader(source_of(board))
    second.until(lambda: second.source.health().state is SourceState.LOST)
    assert "lock" in second.source.health().reason
    second.stop()
    first.stop()


def test_a_scale_makes_millivolts(board):
    board.plug()
    reader = Reader(source_of(board, board=BoardSettings(fs_hz=FS_HZ, mv_per_count=0.01, zero_count=512.0)))
    reader.until(lambda: samples(reader.items) > 10)
    reader.stop()
    block = next(item for item in reader.items if isinstance(item, SampleBlock))
    assert block.leads[0].unit is Unit.MILLIVOLT
    assert -5.13 <= float(block.samples[0, 0]) <= 5.12


def test_dtr_is_left_alone_at_closing(board):
    board.plug(talk=False)
    line = source_of(board)._open_line()
    try:
        assert not termios.tcgetattr(line.descriptor)[2] & termios.HUPCL
    finally:
        line.close()


def test_a_rate_or_port_that_is_not_set_is_refused():
    with pytest.raises(BadInput, match="rate"):
        open_source(SourceSettings(kind="serial-text", port="/dev/ttyACM0"), HostClock())
    with pytest.raises(BadInput, match="port"):
        open_source(SourceSettings(kind="serial-text", fs_hz=250.0), HostClock())


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(BadInput) as caught:
        open_source(SourceSettings(kind="telepathy"), HostClock())
    assert "serial-text" in caught.value.advice
