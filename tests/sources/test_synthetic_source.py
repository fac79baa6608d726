import warnings
from dataclasses import replace

import numpy as np
import pytest

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.scoring.ec57 import Annotations, score_record
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.synthetic.scenarios import SCENARIOS, scenario_named
from edge_agent.replay.synthesize import synthesize
from edge_agent.sources import open_source
from edge_agent.sources.settings import SourceSettings
from edge_agent.sources.synthetic import Synthetic, open_synthetic, truth_annotations
from edge_agent.sources.wfdb_annotations import encode_annotations, read_annotations
from edge_agent.sources.wfdb_record import WfdbRecord


def samples_of(source):
    source.open("r")
    made = [item for item in source.read() if isinstance(item, SampleBlock)]
    return np.concatenate([block.samples for block in made], axis=1)


def test_the_source_yields_its_recording_again_and_again():
    source = open_synthetic("synthetic/lead-off")
    facts = source.recording_facts()
    assert facts.name.startswith("synthetic")
    first, second = samples_of(source), samples_of(source)
    assert np.array_equal(first, second)
    gaps = [item for item in source.read() if isinstance(item, Gap)]
    assert [(gap.start, gap.length, gap.reason) for gap in gaps] == [(42_500, 750, "dropout")]
    assert first.shape == (2, facts.length - 750)


def test_closing_ends_reading():
    source = open_synthetic("sinus")
    source.open("r")
    reading = source.read()
    next(reading)
    source.close()
    assert list(reading) == []


def test_the_seed_of_a_name_gives_way_to_one_that_is_given():
    assert open_synthetic("sinus@4").recording.seed == 4
    assert open_synthetic("sinus@4", seed=5).recording.seed == 5
    with pytest.raises(BadInput):
        open_synthetic("sinus", seed=-1)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_truth_is_written_as_wfdb_writes_and_scores_itself_perfectly(name):
    source = Synthetic(scenario_named(name))
    annotations = source.annotations()
    samples = [one.sample for one in annotations]
    assert len(set(samples)) == len(samples)
    assert encode_annotations(annotations)
    beats = {(beat.sample, beat.symbol) for beat in source.recording.truth.beats}
    assert beats <= {(one.sample, one.symbol) for one in annotations}
    truth = Annotations(samples, [one.symbol for one in annotations], [one.subtype for one in annotations])
    facts = source.recording_facts()
    score = score_record(truth, truth, fs_hz=facts.fs_hz, start_s=0.0, end=facts.length)
    assert (score.qrs.fn, score.qrs.fp) == (0, 0)


def test_what_is_written_reads_back_bit_for_bit_and_says_that_it_is_synthetic(tmp_path, capsys):
    import sys

    header = synthesize("lead-off", folder=tmp_path, seed=3, as_json=False, stdout=sys.stdout)
    assert header == tmp_path / "synthetic-lead-off-3.hea"
    assert "synthetic" in capsys.readouterr().out
    comments = [line for line in header.read_text().splitlines() if line.startswith("#")]
    assert comments[0] == "# synthetic: made by a formula and a seed, not recorded from any person"
    assert "seed 3" in comments[1]
    source = open_synthetic("lead-off", seed=3)
    record = WfdbRecord(header)
    assert record.recording_facts().leads == source.recording_facts().leads
    read = samples_of(record)
    made = source.recording.samples(0, source.recording.length)
    lost = np.isnan(read)
    assert np.array_equal(np.flatnonzero(lost[0]), np.arange(42_500, 43_250))
    assert np.array_equal(read[~lost], made[~lost])
    assert read_annotations(tmp_path / "synthetic-lead-off-3.atr") == truth_annotations(source.recording)
    with pytest.raises(RefusedForSafety):
        synthesize("lead-off", folder=tmp_path, seed=3, as_json=False, stdout=sys.stdout)


def test_the_wfdb_package_reads_it_and_finds_the_checksums_right(tmp_path, capsys):
    import sys

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, about how wfdb calls it
        import wfdb

        header = synthesize("twelve-lead", folder=tmp_path, seed=None, as_json=True, stdout=sys.stdout)
        record = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
        marks = wfdb.rdann(str(header.with_suffix("")), "atr")
    made = open_synthetic("twelve-lead").recording
    assert np.array_equal(record.d_signal.T, made.counts(0, made.length))
    assert record.calc_checksum() == [checksum % 65536 for checksum in record.checksum]
    assert record.init_value == [int(row[0]) for row in made.counts(0, 1)]
    assert record.comments[0].startswith("synthetic")
    assert [s for s in marks.symbol if s in "NVA"] == [beat.symbol for beat in made.truth.beats]
    assert '"synthetic": true' in capsys.readouterr().out


def test_the_daemon_opens_it_by_its_settings(manual_clock):
    settings = replace(SourceSettings(), record="synthetic/vt-at-minute-2", speed=0.0, passes=1)
    source = open_source(settings, manual_clock)
    assert source.recording_facts().name == "synthetic-vt-at-minute-2"
    assert samples_of(source).shape == (2, 60_000)


@pytest.fixture
def manual_clock():
    from edge_agent.operate.clock import HostClock

    return HostClock()
