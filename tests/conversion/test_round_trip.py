import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conversion.made_up import MadeUp, converted, held

FORMATS = ("edf", "csv", "")
PAIRS = list(itertools.product(FORMATS, FORMATS))
NAMES = (("MLII", "mV"), ("V5", "mV"), ("EEG Fpz-Cz", "uV"), ("ABP", "mmHg"), ("PLETH", "NU"), ("RESP", ""))


@st.composite
def recordings(draw):
    """Some leads of one rate, runs of any lengths, gaps between them and at both ends, single samples missing."""
    fs_hz = draw(st.sampled_from([50.0, 100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 1000.0, 249.89]))
    lengths = draw(st.lists(st.integers(1, 900), min_size=1, max_size=4))
    gaps = draw(st.lists(st.integers(1, 700), min_size=len(lengths) - 1, max_size=len(lengths) - 1))
    begins = [draw(st.sampled_from([0, 0, 1, 400]))]
    for length, gap in zip(lengths, gaps, strict=False):
        begins.append(begins[-1] + length + gap)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    leads = []
    for name, unit in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)):
        step = draw(st.sampled_from([1 / 200, 1 / 1000, 0.0488, 1 / 3, 4.88e-4, 1.0]))
        low, high = draw(st.sampled_from([(-2048, 2047), (-32767, 32767), (100, 140), (0, 65000), (7, 7)]))
        counts = [rng.integers(low, high + 1, length).astype(np.float64) for length in lengths]
        for run in counts:
            run[rng.random(run.size) < draw(st.sampled_from([0.0, 0.0, 0.05, 1.0]))] = np.nan
        leads.append((name, unit, fs_hz, step, counts))
    end = begins[len(lengths) - 1] + lengths[-1]
    length = end + draw(st.sampled_from([0, 0, 1, 333, 5000]))
    return MadeUp(leads, begins[: len(lengths)], fs_hz=fs_hz, length=length)


@pytest.mark.parametrize(("first", "second"), PAIRS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recording=recordings())
def test_samples_and_gaps_survive_from_each_format_to_each(tmp_path_factory, first, second, recording):
    folder = tmp_path_factory.mktemp("pair")
    one, two = (folder / f"{name}{'.' if suffix else ''}{suffix}" for name, suffix in (("a", first), ("b", second)))
    converted(recording, one)
    converted(one, two)
    truth = recording.facts
    for file in (one, two):
        source, signals, gaps = held(file)
        facts = source.recording_facts()
        assert facts.fs_hz == pytest.approx(truth.fs_hz, rel=1e-6)
        assert [lead.name for lead in facts.leads] == [lead.name for lead in truth.leads]
        assert [lead.unit for lead in facts.leads] == [lead.unit for lead in truth.leads]
        at, expected = 0, []
        for begin, length in zip(recording._begins, map(len, recording._leads[0][4]), strict=True):
            expected += [(at, begin - at)] if begin > at else []
            at = begin + length
        expected += [(at, truth.length - at)] if truth.length > at else []
        assert gaps == expected
        assert facts.length == truth.length
        for (name, _, _, step, counts), begins in ((lead, recording._begins) for lead in recording._leads):
            found = signals[name]
            assert found.size == at
            for begin, run in zip(begins, counts, strict=True):
                got, wanted = found[begin : begin + run.size], run * step
                assert np.array_equal(np.isnan(got), np.isnan(wanted)), name
                known = np.isfinite(wanted)
                assert np.all(np.abs(got[known] - wanted[known]) <= 1.001 * step + 1e-6 * np.abs(wanted[known])), name
