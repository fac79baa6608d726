"""`python -m export evaluate artefact --seed N`: drawn from the seed, counted as it says, and found in time."""

import json

import pytest

from biosignal.synthetic.recording import SyntheticRecording
from export.cli import main
from export.report import artefact
from export.report.artefact import CLEAN, KINDS, LEAST_S, WITHIN_S, case_of, evaluate_artefacts, score_case
from export.report.page import lines_of


@pytest.fixture(scope="module")
def figures():
    return evaluate_artefacts(seed=77, cases=2)


def test_the_same_seed_draws_the_same_cases_and_another_draws_others():
    for kind in (*KINDS, CLEAN):
        assert case_of(kind, 0, 5) == case_of(kind, 0, 5)
        assert case_of(kind, 0, 5) != case_of(kind, 0, 6)
        assert case_of(kind, 0, 5) != case_of(kind, 1, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_has_its_artefact_where_it_says(kind):
    case = case_of(kind, 3, 77)
    assert case.onset_s >= LEAST_S
    assert set() < set(case.leads) <= set(case.scenario.channels)
    fs_hz = case.scenario.fs_hz
    told = SyntheticRecording(case.scenario, seed=case.seed).truth.episodes
    assert any(one.start / fs_hz == pytest.approx(case.onset_s, abs=1.5 / fs_hz) for one in told)


def test_each_artefact_is_found_within_a_second_and_the_clean_ones_are_clean(figures):
    for kind in KINDS:
        one = figures["gross"][kind]
        assert one["cases"] == one["found"] + one["found_later"] + one["named_otherwise"] == 2
        assert one["found"] == 2, kind
        assert one["longest_s"] <= WITHIN_S, kind
    clean = figures["gross"][CLEAN]
    assert (clean["cases"], clean["with_artefact"], clean["false_seconds"]) == (2, 0, 0)
    assert clean["clean_seconds"] > 2 * 16 * 8


def test_what_is_called_wrongly_counts():
    case = case_of("mains", 0, 77)
    honest = score_case(case)
    elsewhere = artefact.Case(
        kind="flat",
        number=0,
        scenario=case.scenario,
        seed=case.seed,
        onset_s=case.onset_s,
        leads=tuple(name for name in case.scenario.channels if name not in case.leads),
    )
    wrong = score_case(elsewhere)
    assert (wrong["named_s"], wrong["seen_s"]) == (None, None)
    assert wrong["false_seconds"] > 5 > honest["false_seconds"]
    assert set(wrong["false_named"]) == {"mains"}


def test_each_artefact_has_a_row_and_the_seed_is_said(figures):
    lines = list(lines_of(figures))
    assert "seed 77" in lines[0]
    for kind in (*KINDS, CLEAN):
        assert any(line.split() and line.split()[0] == kind for line in lines), kind


def test_it_needs_no_folder_and_prints_json(monkeypatch, capsys):
    monkeypatch.setattr("export.cli.evaluate_artefacts", lambda **given: {"gross": given})
    assert main(["evaluate", "artefact", "--seed", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gross"]["seed"] == 3


def test_a_seed_is_a_whole_number(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "artefact", "--seed", "-1"])
    assert "whole number" in capsys.readouterr().err
