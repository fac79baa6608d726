"""Names of EEG leads are read as laboratories write them, and montages are made of whatever leads there are."""

import numpy as np
import pytest

from biosignal.eeg.electrodes import derivation_of, mirrored, side_of
from biosignal.eeg.montage import LONGITUDINAL, TRANSVERSE, as_recorded, bipolar, montage


@pytest.mark.parametrize(
    ("lead", "name"),
    [
        ("EEG Fpz-Cz", "Fpz-Cz"),
        ("Fc5.", "FC5"),
        ("Af3.", "AF3"),
        ("T3", "T7"),
        ("FP1-F7", "Fp1-F7"),
        ("T8-P8-0", "T8-P8"),
        ("EEG FP1-REF", "Fp1"),
        ("EEG T5-LE", "P7"),
        ("C4-M1", "C4-M1"),
        ("F3 [uV]", "F3"),
        ("Oz..", "Oz"),
        ("Iz..", "Iz"),
    ],
)
def test_a_lead_is_read_as_laboratories_write_it(lead: str, name: str) -> None:
    found = derivation_of(lead)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("lead", ["EEG 3", "II", "EOG horizontal", "CH1", "", "Resp"])
def test_a_name_without_an_electrode_is_none(lead: str) -> None:
    assert derivation_of(lead) is None


def test_pairs_are_made_of_leads_against_one_reference() -> None:
    leads = ("Fp1-A1", "F7-A1", "C4-A2", "P4-A2", "O2-A1")
    samples = np.arange(5)[:, None] * np.ones((5, 3)) * 10.0
    made = montage(leads, ("Fp1-F7", "P4-C4", "P4-O2"))
    assert made.names == ("Fp1-F7", "P4-C4"), "P4 and O2 have different references"
    assert made.derive(samples)[:, 0].tolist() == [-10.0, 10.0]


def test_a_pair_recorded_the_other_way_round_is_turned() -> None:
    made = montage(("F7-FP1",), ("Fp1-F7",))
    assert made.derive(np.full((1, 2), 3.0)).tolist() == [[-3.0, -3.0]]


def test_a_lost_sample_of_one_lead_stays_in_its_pairs() -> None:
    samples = np.ones((3, 4))
    samples[0, 1] = np.nan
    made = montage(("C3", "P3", "O1"), ("C3-P3", "P3-O1")).derive(samples)
    assert np.isnan(made[0]).tolist() == [False, True, False, False]
    assert not np.isnan(made[1]).any()


def test_bipolar_takes_what_was_recorded_so_once() -> None:
    leads = ("FP1-F7", "F7-T7", "T7-P7", "P7-T7", "T7-FT9", "T8-P8-0", "T8-P8-1")
    assert bipolar(leads).names == ("Fp1-F7", "F7-T7", "T7-P7", "T7-FT9", "T8-P8")


def test_bipolar_makes_the_longitudinal_pairs_of_a_whole_head() -> None:
    whole = sorted({site for pair in (*LONGITUDINAL, *TRANSVERSE) for site in pair.split("-")})
    assert bipolar([f"EEG {site.upper()}-REF" for site in whole]).names == LONGITUDINAL
    assert montage(whole, TRANSVERSE).names == TRANSVERSE


def test_a_board_with_few_electrodes_is_read_as_it_comes() -> None:
    assert bipolar(("AF7", "AF8", "TP9", "TP10")).names == ("AF7", "AF8", "TP9", "TP10")
    assert as_recorded(("EEG 1", "EEG 2")).names == ("EEG 1", "EEG 2")


@pytest.mark.parametrize(
    ("lead", "side", "other"),
    [
        ("C3", -1, "C4"),
        ("C4-M1", 1, "C3"),
        ("Fp1-F7", -1, "Fp2-F8"),
        ("FC5", -1, "FC6"),
        ("TP10", 1, "TP9"),
        ("Oz", 0, "Oz"),
        ("Fpz-Cz", 0, "Fpz-Cz"),
        ("F3-F4", 0, "F4-F3"),
    ],
)
def test_a_derivation_has_a_side_and_a_counterpart(lead: str, side: int, other: str) -> None:
    found = derivation_of(lead)
    assert found is not None
    assert side_of(found) == side
    assert mirrored(found).name == other
    assert side_of(mirrored(found)) == -side
