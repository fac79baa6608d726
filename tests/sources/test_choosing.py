import numpy as np
import pytest
from scipy.signal import resample_poly

from biosignal.errors import BadInput
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock
from biosignal.stream.assign import assign
from biosignal.tasks import TASKS
from edge_agent.sources.choosing import (
    compared_leads,
    preferred_lead,
    with_beating_leads,
    with_declared_kinds,
    with_kind,
)
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


class Played:
    """A recording of the given rows, at 360 Hz unless another rate is given."""

    def __init__(self, rows, *, kinds=None, live=False, fs_hz=360.0):
        leads = tuple(Lead(name=name, kind=(kinds or {}).get(name, LeadKind.UNKNOWN)) for name in rows)
        self.facts = SourceFacts(name="r", leads=leads, fs_hz=fs_hz, live=live)
        self._samples = np.stack([np.asarray(row, np.float32) for row in rows.values()])
        self._recording = ""

    def recording_facts(self):
        return self.facts

    def open(self, recording_id):
        self._recording = recording_id

    def read(self):
        assert not self.facts.live, "samples of a live source are not there yet"
        yield SampleBlock(
            recording=self._recording,
            start=0,
            fs_hz=self.facts.fs_hz,
            leads=self.facts.leads,
            samples=self._samples,
        )


def a_heart():
    source = Excerpt()
    source.open("r")
    heart = np.concatenate([block.samples[0] for block in source.read() if isinstance(block, SampleBlock)])
    return heart[:7200]


def test_the_anonymous_leads_that_beat_are_ecg_and_the_choice_is_said():
    heart, noise = a_heart(), np.random.default_rng(1).normal(size=7200)
    source = with_beating_leads(Played({"CH1": noise, "CH2": heart, "CH3": np.arange(7200) % 256}))
    facts = source.recording_facts()
    assert [lead.kind.value for lead in facts.leads] == ["unknown", "ecg", "unknown"]
    assert "CH2 beats like one" in facts.notes[0]
    assert "not CH1, CH3" in facts.notes[0]
    source.open("rec")
    (block,) = source.read()
    assert (block.leads, block.recording) == (facts.leads, "rec")
    with_one_named = assign(TASKS.values(), facts.leads, fs_hz=360.0, prefer="CH1")
    assert with_one_named.of("ecg-beats")[0].names == ("CH1",)
    assert assign(TASKS.values(), facts.leads, fs_hz=360.0).of("ecg-beats")[0].names == ("CH2",)


@pytest.mark.parametrize(
    "source",
    [
        Played({"CH1": np.zeros(7200), "CH2": a_heart()}, live=True),
        Played({"CH1": a_heart(), "II": a_heart()}, kinds={"II": LeadKind.ECG}),
        Played({"CH1": a_heart(), "RESP": a_heart()}, kinds={"RESP": LeadKind.RESPIRATION}),
        Played({"CH1": np.zeros(7200), "CH2": np.zeros(7200)}),
    ],
)
def test_where_there_is_nothing_to_choose_the_source_stays_as_it_is(source):
    assert with_beating_leads(source) is source


def test_a_lead_with_another_role_is_no_ecg_though_it_beats():
    kinds = {"RESP": LeadKind.RESPIRATION}
    source = with_beating_leads(Played({"A": np.zeros(7200), "RESP": a_heart(), "B": a_heart()}, kinds=kinds))
    assert [lead.kind.value for lead in source.recording_facts().leads] == ["unknown", "respiration", "ecg"]


@pytest.mark.parametrize(("fs_hz", "up", "down"), [(2000.0, 50, 9), (60.0, 1, 6), (20.0, 1, 18)])
def test_leads_of_any_rate_that_is_analysed_are_listened_to(fs_hz, up, down):
    heart = resample_poly(a_heart(), up, down)
    source = with_beating_leads(Played({"A": np.zeros(len(heart)), "B": heart}, fs_hz=fs_hz))
    assert [lead.kind.value for lead in source.recording_facts().leads] == [
        "unknown",
        "unknown" if fs_hz < 50 else "ecg",
    ]
