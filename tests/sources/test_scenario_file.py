import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.synthetic.brain import Sleep
from biosignal.synthetic.noise import NOISES, LeadOff, Wander
from biosignal.synthetic.rhythms import RHYTHMS, Pattern, Sinus
from biosignal.synthetic.scenario import BrainSegment, Scenario, Segment, StShift
from biosignal.synthetic.states import STATES
from edge_agent.sources.scenario_file import ScenarioUnreadable, read_scenario

TOML = """
about = "one of everything"
duration_s = 60
seed = 9
leads = ["II", "V1"]
channels = ["C4-M1"]

[[heart]]
start_s = 0
kind = "sinus"
rate_per_min = 66

[[heart]]
start_s = 30
kind = "pattern"
order = "NNV"
forms = ["apex", "outflow"]

[[brain]]
start_s = 0
kind = "sleep"
stage = "N3"

[[noise]]
kind = "wander"
amplitude_mv = 0.3

[[noise]]
kind = "lead-off"
start_s = 10
duration_s = 5
electrodes = ["LL"]

[[st]]
start_s = 5
duration_s = 20
level_mv = 0.2
"""
EXPECTED = Scenario(
    name="mine",
    about="one of everything",
    duration_s=60.0,
    leads=("II", "V1"),
    channels=("C4-M1",),
    heart=(
        Segment(start_s=0.0, rhythm=Sinus(rate_per_min=66.0)),
        Segment(start_s=30.0, rhythm=Pattern(order="NNV", forms=("apex", "outflow"))),
    ),
    brain=(BrainSegment(start_s=0.0, state=Sleep(stage="N3")),),
    noise=(Wander(amplitude_mv=0.3), LeadOff(start_s=10.0, duration_s=5.0, electrodes=("LL",))),
    st=(StShift(start_s=5.0, duration_s=20.0, level_mv=0.2),),
)


def read(tmp_path, text, name="mine.toml"):
    path = tmp_path / name
    path.write_text(text)
    return read_scenario(path)


def test_a_file_says_all_that_a_scenario_can(tmp_path):
    assert read(tmp_path, TOML) == (EXPECTED, 9)


def test_json_says_the_same(tmp_path):
    given = {"duration_s": 20, "heart": [{"start_s": 0, "kind": "sinus", "pr_s": 0.2}]}
    scenario, seed = read(tmp_path, json.dumps(given), "mine.json")
    assert scenario.heart == (Segment(start_s=0.0, rhythm=Sinus(pr_s=0.2)),)
    assert seed is None


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("rate_per_min = 66", "rate_per_minute = 66", "rate_per_minute"),
        ("rate_per_min = 66", 'rate_per_min = "fast"', "rate_per_min"),
        ("rate_per_min = 66", "rate_per_min = true", "rate_per_min"),
        ("rate_per_min = 66", "rate_per_min = nan", "rate_per_min"),
        ("rate_per_min = 66", "rate_per_min = 9000", "rate_per_min"),
        ('kind = "sinus"', 'kind = "sinus node"', "sinus node"),
        ('kind = "sinus"', "", "kind"),
        ('stage = "N3"', 'stage = "N9"', "N9"),
        ("start_s = 30", "", "start_s"),
        ("level_mv = 0.2", "", "level_mv"),
        ("duration_s = 60", "", "duration_s"),
        ("seed = 9", "seed = 1.5", "seed"),
        ("seed = 9", "colour = 9", "colour"),
        ("[[st]]", "[st]", "st"),
        ('electrodes = ["LL"]', 'electrodes = ["HAND"]', "HAND"),
        ('electrodes = ["LL"]', 'electrodes = "LL"', "electrodes"),
        ("about", "about = about", "about"),
    ],
)
def test_a_mistake_is_named(tmp_path, was, becomes, named):
    assert was in TOML
    with pytest.raises(BadInput) as caught:
        read(tmp_path, TOML.replace(was, becomes, 1))
    assert named in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["no such.toml", "a;b.toml", "absent.toml"])
def test_a_name_that_cannot_be_is_refused(tmp_path, name):
    with pytest.raises(ScenarioUnreadable):
        read_scenario(tmp_path / name)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["start_s", "kind", "rate_per_min", "duration_s", "leads", "heart", "noise"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(given=st.dictionaries(st.sampled_from(["duration_s", "heart", "brain", "noise", "st", "leads", "seed"]), values))
def test_no_content_does_worse_than_be_refused(tmp_path_factory, given):
    path = tmp_path_factory.mktemp("scenario") / "any.json"
    path.write_text(json.dumps(given))
    try:
        scenario, _ = read_scenario(path)
    except BadInput:
        return
    assert scenario.duration_s >= 1


def test_the_example_and_the_kinds_of_the_documentation_are_right(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "synthetic.md").read_text()
    scenario, seed = read(tmp_path, text.split("```toml\n")[1].split("```")[0])
    assert (len(scenario.heart), len(scenario.noise), seed) == (2, 2, 5)
    for table, kinds in (("heart", RHYTHMS), ("brain", STATES), ("noise", NOISES)):
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{table}` |")]
        assert row.split("|")[2].strip().split(", ") == list(kinds)
