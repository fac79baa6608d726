"""Which leads of a record an emulated board plays."""

import numpy as np
import pytest

from biosignal.errors import BadInput
from edge_agent.boards.emulation import record_in_mv
from edge_agent.sources.edf_record import EdfRecord
from tests.sources.edf_files import sine, write_edf


def test_a_board_plays_the_heart_first_and_only_leads_of_its_rate(tmp_path):
    heart = sine(3, 200, amplitude=900)
    signals = [("Snore", 500, "uV", sine(3, 500)), ("EEG C3", 200, "uV", sine(3, 200)), ("ECG", 200, "uV", heart)]
    samples, fs_hz = record_in_mv(EdfRecord(write_edf(tmp_path / "a.edf", signals)))
    assert (samples.shape, fs_hz) == ((2, 600), 200)
    np.testing.assert_allclose(samples[0], heart / 1000, atol=1e-3)


def test_a_record_without_a_scale_cannot_be_played(tmp_path):
    with pytest.raises(BadInput, match="no lead of the record has a scale"):
        record_in_mv(EdfRecord(write_edf(tmp_path / "a.edf", [("ECG", 200, "", sine(3, 200))])))
