import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock
from edge_agent.sources.choosing import compared_leads, preferred_lead, with_declared_kinds, with_kind
from edge_agent.sources.excerpt import Excerpt
from edge_agent.sources.port import LeadUnknown, SourceFacts


def facts(**kinds):
    leads = tuple(Lead(name=name, kind=LeadKind(kind)) for name, kind in kinds.items())
    return SourceFacts(name="r", leads=leads, fs_hz=250.0, live=False)


@pytest.mark.parametrize("wanted", [None, "", "all", "each"])
def test_nothing_is_preferred_where_no_lead_is_named(wanted):
    assert preferred_lead(facts(II="ecg", V5="ecg"), wanted) is None


@pytest.mark.parametrize("wanted", ["V5", "1"])
def test_a_lead_is_preferred_by_name_or_index(wanted):
    assert preferred_lead(facts(II="ecg", V5="ecg"), wanted) == "V5"


def test_a_lead_that_is_called_all_can_be_preferred():
    assert preferred_lead(facts(all="ecg", each="ecg"), "all") == "all"
    assert preferred_lead(facts(all="ecg", each="ecg"), "each") == "each"
    assert compared_leads(facts(all="ecg", each="ecg"), "each") == ()


@pytest.mark.parametrize("wanted", ["aVR", "2", "-1", "²", "V7=ecg", "9=ecg"])
def test_an_unknown_lead_is_refused_with_those_there_are_and_their_kinds(wanted):
    for ask in (preferred_lead, with_kind):
        if ask is with_kind and "=" not in wanted:
            continue
        with pytest.raises(LeadUnknown, match=r"II \(ecg\).*RESP \(respiration\)"):
            ask(facts(II="ecg", RESP="respiration"), wanted)


def test_only_each_compares_the_leads_one_by_one():
    assert compared_leads(facts(II="ecg", V5="ecg"), "each") == (0, 1)
    for wanted in (None, "all", "II", "II=eeg"):
        assert compared_leads(facts(II="ecg", V5="ecg"), wanted) == ()


def test_a_kind_that_is_declared_goes_before_what_the_name_says():
    said = with_kind(facts(II="ecg", RESP="respiration", X="unknown"), "RESP=ecg, 2=EEG")
    assert [lead.kind for lead in said.leads] == [LeadKind.ECG, LeadKind.ECG, LeadKind.EEG]
    assert preferred_lead(said, "RESP=ecg, 2=EEG") == "RESP"


def test_facts_stay_as_they_are_where_nothing_is_declared():
    known = facts(II="ecg")
    for wanted in (None, "", "all", "II"):
        assert with_kind(known, wanted) is known


def test_a_name_with_an_equals_sign_is_a_name():
    known = SourceFacts(name="r", leads=(Lead(name="A=ecg"),), fs_hz=250.0, live=False)
    assert preferred_lead(known, "A=ecg") == "A=ecg"
    assert with_kind(known, "A=ecg") is known
    assert with_kind(known, "A=ecg=eeg").leads[0].kind is LeadKind.EEG


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(BadInput) as refused:
        with_kind(facts(II="ecg"), "II=heart")
    assert "ecg, eeg" in refused.value.advice


def test_blocks_carry_the_kinds_that_were_declared():
    source = with_declared_kinds(Excerpt(), "MLII=emg")
    assert source.recording_facts().leads[0].kind is LeadKind.EMG
    source.open("r")
    first = next(iter(source.read()))
    assert isinstance(first, SampleBlock)
    assert first.leads == source.recording_facts().leads
    plain = next(iter(Excerpt().read()))
    assert isinstance(plain, SampleBlock)
    assert np.array_equal(first.samples, plain.samples)


def test_a_source_about_which_nothing_is_declared_is_left_alone():
    source = Excerpt()
    assert with_declared_kinds(source, "MLII") is source
