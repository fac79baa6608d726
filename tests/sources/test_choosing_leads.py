import pytest

from biosignal.signal.blocks import Lead
from edge_agent.sources.port import NoHeart, SourceFacts, choose_leads, is_named_eeg


def facts(*names):
    return SourceFacts(name="r", leads=tuple(Lead(name=name) for name in names), fs_hz=250.0, live=False)


@pytest.mark.parametrize(
    "name", ["EEG Fpz-Cz", "Fp1", "C3-A2", "F7-T3", "Oz", "EOG horizontal", "PO4", "Fp1-REF", "Fc5."]
)
def test_a_scalp_lead_is_known_by_its_name(name):
    assert is_named_eeg(name)


@pytest.mark.parametrize("name", ["MLII", "V5", "II", "aVF", "ECG", "I", "V1", "ECG1", "C-", "signal-0", "ABP", "X"])
def test_a_heart_lead_is_not_taken_for_one(name):
    assert not is_named_eeg(name)


def test_the_first_lead_that_is_no_eeg_is_taken():
    assert choose_leads(facts("Fp1", "C3", "II", "V5"), None) == (2,)


def test_no_heartbeat_is_looked_for_on_a_scalp():
    with pytest.raises(NoHeart, match="EEG"):
        choose_leads(facts("Fp1-F7", "F7-T3"), None)
    assert choose_leads(facts("Fp1-F7", "F7-T3"), "F7-T3") == (1,)
