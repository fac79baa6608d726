"""The closed forms give SciPy's coefficients, and both ways into SciPy's recursive loop give the same bits."""

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from biosignal.signal import sections
from biosignal.signal.filter_design import butterworth_band_pass, butterworth_high_pass, hamming_low_pass, notch
from biosignal.signal.sections import compiled_loop, public_loop, run_sections, settled_state

RATES_HZ = [100.0, 125.0, 128.0, 180.0, 200.0, 250.0, 257.3, 300.0, 360.0, 400.0, 500.0, 512.0, 720.0, 977.0, 1000.0]
SIGNAL = np.random.default_rng(5).normal(0, 1, 3000).cumsum()


def close(ours, scipys):
    np.testing.assert_allclose(ours, scipys, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize("corner_hz", [0.05, 0.5, 5.0, 40.0])
def test_the_high_pass_is_scipys(fs_hz, corner_hz):
    close(
        butterworth_high_pass(fs_hz, corner_hz=corner_hz),
        signal.butter(2, corner_hz, "highpass", fs=fs_hz, output="sos"),
    )


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize(("low_hz", "high_hz"), [(0.5, 40.0), (0.05, 45.0), (6.0, 30.0), (0.5, 15.0)])
def test_the_band_pass_is_scipys_down_to_the_order_of_its_sections(fs_hz, low_hz, high_hz):
    close(
        butterworth_band_pass(fs_hz, low_hz=low_hz, high_hz=high_hz),
        signal.butter(2, (low_hz, high_hz), "bandpass", fs=fs_hz, output="sos"),
    )


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize("order", [2, 4, 6])
def test_a_steeper_band_pass_has_the_response_of_scipys(fs_hz, order):
    sections = butterworth_band_pass(fs_hz, low_hz=2.0, high_hz=15.0, order=order)
    hz = np.linspace(0.5, 0.45 * fs_hz, 200)
    _, ours = signal.sosfreqz(sections, hz, fs=fs_hz)
    _, expected = signal.sosfreqz(signal.butter(order, (2.0, 15.0), "bandpass", fs=fs_hz, output="sos"), hz, fs=fs_hz)
    assert len(sections) == order
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize("centre_hz", [16.7, 49.9])
@pytest.mark.parametrize("quality", [5.0, 30.0])
def test_the_notch_is_scipys(fs_hz, centre_hz, quality):
    b, a = signal.iirnotch(centre_hz, quality, fs=fs_hz)
    close(notch(fs_hz, centre_hz=centre_hz, quality=quality), np.concatenate((b, a))[np.newaxis])


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize("lag", [1, 4, 12, 33])
def test_the_windowed_sinc_is_scipys(fs_hz, lag):
    close(hamming_low_pass(fs_hz, cutoff_hz=45.0, lag=lag), signal.firwin(2 * lag + 1, 45.0, fs=fs_hz))


@pytest.mark.parametrize("fs_hz", RATES_HZ)
def test_the_settled_state_is_scipys(fs_hz):
    for rows in (
        butterworth_band_pass(fs_hz, low_hz=0.5, high_hz=40.0),
        butterworth_high_pass(fs_hz, corner_hz=0.5),
        notch(fs_hz, centre_hz=49.9, quality=30.0),
    ):
        # 1 / (1 + a1 + a2) is ill-conditioned for a corner far below the sampling frequency: the two solve it apart.
        np.testing.assert_allclose(settled_state(rows), signal.sosfilt_zi(rows), rtol=1e-9, atol=1e-9)


@given(cuts=st.lists(st.integers(0, len(SIGNAL)), max_size=20), fs_hz=st.sampled_from(RATES_HZ))
@settings(max_examples=40, deadline=None)
def test_both_ways_into_the_loop_give_scipys_bits(cuts, fs_hz):
    rows = butterworth_band_pass(fs_hz, low_hz=0.5, high_hz=40.0)
    alone = compiled_loop()
    assert alone is not None
    expected, left = signal.sosfilt(rows, SIGNAL, zi=settled_state(rows) * SIGNAL[0])
    for loop in (alone, public_loop()):
        state, pieces = settled_state(rows) * SIGNAL[0], []
        for first, last in pairwise([0, *sorted(cuts), len(SIGNAL)]):
            piece = SIGNAL[first:last].copy()
            loop(rows, piece[np.newaxis], state[np.newaxis])
            pieces.append(piece)
        assert np.array_equal(np.concatenate(pieces), expected)
        assert np.array_equal(state, left)


def test_run_sections_leaves_its_input_alone():
    rows, x = butterworth_high_pass(360.0, corner_hz=0.5), SIGNAL[:50].copy()
    state = settled_state(rows) * x[0]
    before = state.copy()
    y = run_sections(rows, x[::2], state)
    assert np.array_equal(x, SIGNAL[:50])
    assert len(y) == 25
    assert not np.array_equal(state, before)


def test_without_the_extension_file_the_public_way_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(sections, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    assert compiled_loop() is None


def test_without_scipy_nothing_is_found(monkeypatch):
    monkeypatch.setattr(sections, "find_spec", lambda name: None)
    assert compiled_loop() is None


def test_an_extension_that_does_not_load_is_passed_over(monkeypatch, tmp_path):
    (tmp_path / "signal").mkdir()
    (tmp_path / "signal" / f"_sosfilt{EXTENSION_SUFFIXES[0]}").write_bytes(b"no shared object")
    monkeypatch.setattr(sections, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    assert compiled_loop() is None


def test_an_extension_that_filters_otherwise_is_passed_over(monkeypatch, tmp_path):
    (tmp_path / "signal").mkdir()
    (tmp_path / "signal" / "_sosfilt.py").write_text("def _sosfilt(sections, x, state): x[:] = 0.0\n")
    monkeypatch.setattr(sections, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    assert compiled_loop() is None


@pytest.mark.parametrize("first", ["biosignal.stream.pipeline", "scipy.signal"])
def test_the_core_starts_without_scipy_signal_and_gets_along_with_it(first):
    program = f"""
import importlib, sys
import numpy as np
importlib.import_module({first!r})
if {first!r} == "biosignal.stream.pipeline":
    assert "scipy.signal" not in sys.modules, "imported for nothing"
    assert "scipy.stats" not in sys.modules, "imported for nothing"
from scipy import signal
from biosignal.signal.filters import band_pass
from biosignal.signal.sections import compiled_loop
assert compiled_loop() is not None
x = np.arange(100.0) % 7
rows = signal.butter(2, (0.5, 40), "bandpass", fs=360.0, output="sos")
y, _ = signal.sosfilt(rows, x, zi=signal.sosfilt_zi(rows) * x[0])
assert np.abs(band_pass(360.0).push(x) - y).max() < 1e-9
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=100)
