"""Whose bed it is, and the limits set for them, outlast a restart and end with the patient."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_commands import REAL_TIME, command, rhythm

from biosignal.tasks import TASKS
from edge_agent.analysis.bedside import Bedside, read_bedside
from tests.agent.conftest import until

TASK = "ecg-rhythm"
USUAL = {TASK: TASKS[TASK].limits()}


def test_patient_and_limits_are_there_again_after_a_restart(make_agent):
    first = make_agent(source=REAL_TIME)
    first.command(command("assign-subject", subject="p-7"))
    first.command(command("set-limits", tachycardia_per_min="140"))
    first.stop()
    again = make_agent(source=REAL_TIME)
    until(lambda: again.analysis.now.sample > 0)
    assert again.analysis.recording.subject == "p-7"
    assert rhythm(again).tachycardia_per_min == 140.0


def test_the_next_patient_has_the_usual_limits(make_agent):
    agent = make_agent(source=REAL_TIME)
    usual = rhythm(agent).tachycardia_per_min
    agent.command(command("assign-subject", subject="p-7"))
    agent.command(command("set-limits", tachycardia_per_min=str(usual + 20)))
    agent.command(command("assign-subject", subject="p-8"))
    assert rhythm(agent).tachycardia_per_min == usual


def test_a_bed_that_is_left_has_a_recording_of_nobody_also_after_a_restart(make_agent):
    agent = make_agent(source=REAL_TIME)
    agent.command(command("assign-subject", subject="p-7"))
    last = agent.analysis.recording
    assert agent.command(command("discharge-subject")).outcome == "done"
    assert (agent.analysis.recording.subject, agent.analysis.recording.previous) == (None, last.id)
    agent.stop()
    again = make_agent(source=REAL_TIME)
    until(lambda: again.analysis.now.sample > 0)
    assert again.analysis.recording.subject is None


def test_a_patient_of_the_settings_goes_before_the_one_who_lay_there(make_agent, settings):
    first = make_agent(source=REAL_TIME)
    first.command(command("assign-subject", subject="p-7"))
    first.command(command("set-limits", tachycardia_per_min="140"))
    first.stop()
    again = make_agent(source=REAL_TIME, device=replace(settings.device, subject="p-9"))
    assert again.analysis.recording.subject == "p-9"
    assert rhythm(again).tachycardia_per_min == USUAL[TASK].tachycardia_per_min


@given(st.one_of(st.none(), st.text(max_size=30)), st.floats(100, 200))
def test_what_is_written_is_read(subject, rate):
    kept = Bedside(subject=subject, limits={TASK: replace(USUAL[TASK], tachycardia_per_min=rate)})
    assert read_bedside(kept.text(), USUAL) == kept


def test_a_limit_that_nobody_knows_any_more_takes_nothing_with_it():
    text = f'{{"subject": "p", "limits": {{"{TASK}": {{"tachycardia_per_min": 150.0, "gone": 3}}, "no-task": {{}}}}}}'
    read = read_bedside(text, USUAL)
    assert read.limits[TASK].tachycardia_per_min == 150.0
    assert read.subject == "p"


@pytest.mark.parametrize("text", [None, "", "null", "[]", "{}", '{"subject": 3, "limits": 4}', "\0"])
def test_what_cannot_be_read_is_nothing(text):
    assert read_bedside(text, USUAL) is None
