"""`edge-agent classify`: statements with their probabilities, measurements, and what to do where there are none."""

import json
from pathlib import Path

import numpy as np
import pytest

from biosignal.tasks import TASKS
from biosignal.tasks.lookup import quantities
from edge_agent.cli import main


@pytest.fixture(autouse=True)
def released(monkeypatch):
    """The released models, in the place of those the other tests here are given."""
    monkeypatch.setenv("BEDSIDE_MODELS_DIR", str(Path(__file__).parents[2] / "models"))


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def stating():
    """The task that states, by its declaration."""
    return next(task for task in TASKS.values() if any(kind.states for kind in task.marks))


def test_each_ten_seconds_have_every_statement_with_its_probability(capsys):
    assert main(["classify", "synthetic/twelve-lead", "--to", "0:30", "--json"]) == 0
    said = lines(capsys)
    windows = [line for line in said if line["type"] == "statements"]
    assert [(line["from_s"], line["to_s"]) for line in windows] == [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]
    for line in windows:
        assert {one["code"] for one in line["statements"]} == set(stating().model.classes)
        assert all(0.0 <= one["probability"] <= 1.0 for one in line["statements"])
        probabilities = [one["probability"] for one in line["statements"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert line["called"] in stating().model.classes
    summary = said[-1]
    assert (summary["type"], summary["windows"], summary["answered"]) == ("summary", 3, 3)
    first = next(iter(summary["probabilities"]))
    of_windows = [one["probability"] for line in windows for one in line["statements"] if one["code"] == first]
    assert summary["probabilities"][first] == pytest.approx(np.mean(of_windows), abs=1e-4)


def test_what_was_measured_has_its_unit(capsys):
    assert main(["classify", "synthetic/twelve-lead", "--to", "0:30", "--json"]) == 0
    measured = [one for line in lines(capsys) if line["type"] == "measured" for one in line["values"]]
    assert {one["name"] for one in measured} >= {"pr_interval", "qrs_duration", "qt_interval"}
    assert all(one["unit"] == quantities()[one["name"]].unit for one in measured)


def test_each_window_has_the_three_reviewed_records_most_like_it(capsys):
    assert main(["classify", "synthetic/twelve-lead", "--to", "0:10", "--json"]) == 0
    window = lines(capsys)[0]
    assert [set(one) for one in window["similar"]] == [{"record", "likeness", "stated"}] * 3
    likeness = [one["likeness"] for one in window["similar"]]
    assert likeness == sorted(likeness, reverse=True)
    assert all(one["stated"] and set(one["stated"]) <= set(stating().model.classes) for one in window["similar"])
    assert main(["classify", "synthetic/twelve-lead", "--to", "0:10"]) == 0
    assert f"like reviewed record {window['similar'][0]['record']} " in capsys.readouterr().out


def test_in_words_a_likely_statement_stands_with_its_meaning(capsys):
    assert main(["classify", "synthetic/twelve-lead", "--to", "0:10"]) == 0
    said = capsys.readouterr().out
    meanings = {label.name: label.meaning for label in stating().review.labels}
    assert any(f"{code:6} {meaning}" in said for code, meaning in meanings.items())
    assert "1 of 1 windows answered" in said


@pytest.mark.parametrize(
    ("record", "more"), [("synthetic/twelve-lead", ["--to", "0:05"]), ("synthetic/eeg-awake", ["--to", "0:30"])]
)
def test_where_nothing_can_be_stated_it_says_what_was_there_and_what_to_do(capsys, record, more):
    assert main(["classify", record, *more]) == 2
    error = capsys.readouterr().err
    assert "nothing is stated of this recording" in error
    assert error.splitlines()[-1].startswith("Try: give ten seconds or more of leads named by their place")


def test_a_lead_without_a_scale_is_told_why_it_has_no_statement(tmp_path, capsys):
    random = np.random.default_rng(1)
    file = tmp_path / "raw.csv"
    rows = [f"{index / 250:.3f},{value:.0f}" for index, value in enumerate(random.normal(500, 40, 5000))]
    file.write_text("time,II\n" + "\n".join(rows))
    code = main(["classify", str(file), "--json"])
    out = capsys.readouterr()
    said = [json.loads(line) for line in out.out.splitlines() if line.startswith("{")]
    because = [line["because"] for line in said if line["type"] == "statements"]
    assert code in (0, 2)
    assert because == [] or set(because) <= {"uncalibrated", "no lead can be assessed"}
    assert because or "nothing is stated" in out.err
