import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.operate.clock import HostClock, SetClock
from edge_agent.sources.conformance import CHECKS, ContractBroken, Subject, Trial
from edge_agent.sources.plugins.brainflow_board import open_board
from edge_agent.sources.port import SourceState
from edge_agent.sources.settings import SourceSettings

board_shim = pytest.importorskip("brainflow.board_shim", reason="BrainFlow is not installed")
ROWS = 32
EEG_ROWS = range(1, 17)


def recording(path, *, samples, without=()):
    """A file as the synthetic board's, with the packets named left out: row n holds n + row / 100."""
    from brainflow.data_filter import DataFilter

    kept = [n for n in range(samples) if n not in without]
    data = np.asarray([[n + row / 100 for n in kept] for row in range(ROWS)])
    data[0] = [n % 256 for n in kept]
    data[30] = [1_700_000_000 + n / 250 for n in kept]
    DataFilter.write_file(data, str(path), "w")
    return path


def playback(path, **options):
    texts = [f"{name}={value}" for name, value in {"channels": "eeg", **options}.items()]
    given = ("board=playback_file_board", "master_board=-1", f"file={path}", *texts)
    return SourceSettings(kind="brainflow", options=given, block_s=0.02, stall_s=0.2)


def played(source, samples):
    source.open("rec")
    items, at = [], 0
    for item in source.read():
        assert item.start == at
        at = item.end
        items.append(item)
        if at >= samples:
            break
    return items


def test_the_playback_board_gives_what_the_file_holds_and_then_stalls(tmp_path):
    source = open_board(playback(recording(tmp_path / "p.csv", samples=200)), HostClock())
    assert [lead.name for lead in source.recording_facts().leads][:3] == ["Fz", "C3", "Cz"]
    assert {lead.unit for lead in source.recording_facts().leads} == {Unit.MICROVOLT}
    items = played(source, 200)
    samples = np.concatenate([item.samples for item in items], axis=1)
    expected = np.asarray([[n + row / 100 for n in range(200)] for row in EEG_ROWS])
    np.testing.assert_allclose(samples, expected, rtol=1e-6)
    assert dict(source.health().counters) == {"lost": 0, "opened": 1, "samples": 200}


def test_packets_that_the_counter_shows_missing_are_a_gap(tmp_path):
    lost = [*range(40, 43), 100, *range(250, 262)]
    path = recording(tmp_path / "p.csv", samples=300, without=lost)
    source = open_board(playback(path), HostClock())
    items = played(source, 300)
    gaps = [(item.start, item.length, item.reason) for item in items if isinstance(item, Gap)]
    assert gaps == [(40, 3, "packets-lost"), (100, 1, "packets-lost"), (250, 12, "packets-lost")]
    for item in items:
        if isinstance(item, SampleBlock):
            np.testing.assert_allclose(item.samples[0], np.arange(item.start, item.end) + 0.01, rtol=1e-6)
    assert dict(source.health().counters)["lost"] == len(lost)


def test_a_silent_board_is_stalled(tmp_path):
    source = open_board(playback(recording(tmp_path / "p.csv", samples=50)), HostClock())
    trial = Trial(Subject(make=lambda: source, seconds=1, limit_s=1.5))
    with pytest.raises(ContractBroken, match="too little"):
        trial.take(source)
    assert source.health().state is SourceState.ENDED


def test_playback_keeps_every_promise(tmp_path):
    path = recording(tmp_path / "p.csv", samples=1000, without=[20, 21])
    trial = Trial(Subject(make=lambda: open_board(playback(path), HostClock())))
    for check in CHECKS:
        check(trial)


def test_an_ecg_is_told_in_millivolts_and_an_unknown_scale_as_raw(tmp_path):
    path = recording(tmp_path / "p.csv", samples=20)
    source = open_board(playback(path, channels="ecg"), HostClock())
    assert source.recording_facts().leads[1].unit is Unit.MILLIVOLT
    assert source.recording_facts().leads[1].name == "ECG2"
    assert played(source, 10)[0].samples[0, 0] == pytest.approx(0.01e-3)
    raw = open_board(playback(path, unit="raw"), HostClock())
    assert raw.recording_facts().leads[0].unit is Unit.RAW
    assert open_board(SourceSettings(options=("board=68",)), SetClock()).recording_facts().leads[0].unit is Unit.RAW


def test_a_board_that_is_not_there_is_lost_and_tried_again():
    settings = SourceSettings(options=("board=0", "serial_port=/dev/no-such-port"), block_s=0.02)
    source = open_board(settings, HostClock())
    trial = Trial(Subject(make=lambda: source, limit_s=0.6))
    with pytest.raises(ContractBroken, match="too little"):
        trial.take(source)
    assert dict(source.health().counters) == {"lost": 0, "opened": 0, "samples": 0}


@pytest.mark.parametrize(
    "options",
    [("board=no-such",), ("board=4711",), ("channels=meg",), ("ip_port=many",), ("unit=mV",), ("colour=red",)],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(BadInput):
        open_board(SourceSettings(options=options), SetClock())
