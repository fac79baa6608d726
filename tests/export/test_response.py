"""How soon changes of the synthetic patient are told, as `python -m export response` says it."""

import pytest

from export.report.response import GAINS, SEEDS, STEPS, measure, response_lines
from export.report.served import served


@pytest.fixture(scope="module")
def figures():
    wanted = [step for step in STEPS if step.name.startswith("rate")]
    return measure(served(None), steps=wanted)


def test_a_step_of_the_rate_shows_in_time_at_every_gain(figures):
    for step in figures["steps"]:
        assert step["told"] == step["tried"] == len(GAINS) * len(SEEDS)
        assert step["longest_s"] <= step["target_s"], step


def test_tall_t_waves_and_spikes_are_not_counted_and_what_is_too_low_is_not_either(figures):
    for one in figures["counted"]:
        assert one["found"] == pytest.approx(one["beats"], abs=1), one


def test_each_step_has_a_line(figures):
    lines = list(response_lines(figures))
    for step in figures["steps"]:
        assert any(line.startswith(step["name"]) for line in lines)
