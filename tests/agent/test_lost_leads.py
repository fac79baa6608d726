"""A daemon with twelve leads, whose electrodes fall off one by one and come back: what it states, and on what."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from edge_agent.sources.settings import SourceSettings
from tests.agent.conftest import until

RELEASED = Path(__file__).parents[2] / "models"
SCENARIO = SCENARIOS["leads-lost"]
TASK = next(task for task in TASKS.values() if task.sees is not None)
STATES = next(kind.name for kind in TASK.marks if kind.states)
BUNDLE = f"{TASK.name}/"
CHEST = {"V1", "V2", "V3", "V4", "V5", "V6"}
WINDOW_S = 10
OFF_S = 3
"""A lead that was off for longer than this part of a window is none that the window rests on."""


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a window was called, on which leads, and by which bundle or why not."""

    leads: set
    label: str
    origin: str


def off_for(electrode, start_s):
    """How many seconds an electrode is off in the ten seconds from here."""
    spans = [one for one in SCENARIO.noise if one.kind == "lead-off" and electrode in one.electrodes]
    end_s = start_s + WINDOW_S
    return sum(max(0.0, min(one.end_s, end_s) - max(one.start_s, start_s)) for one in spans)


@pytest.fixture
def windows(settings, make_agent):
    """What a daemon stated of the scenario, by the first second of each window."""
    source = SourceSettings(record=f"synthetic/{SCENARIO.name}", speed=0.0, passes=1)
    agent = make_agent(source=source, inference=replace(settings.inference, models_dir=RELEASED))
    until(agent.analysis.ended.is_set, within_s=180.0)
    until(lambda: agent.keeper.idle, within_s=60.0)
    found = {}
    for event in agent.events.events("marks", limit=10**6):
        pack = event.body
        if (pack.task, pack.kind) == (TASK.name, STATES):
            for at, start in enumerate(pack.starts):
                said = Stated(
                    leads=set(pack.leads), label=pack.labels[pack.label[at]], origin=pack.origins[pack.origin[at]]
                )
                assert start / pack.fs_hz not in found
                found[start / pack.fs_hz] = said
    return found


def test_statements_go_on_with_the_leads_that_are_left_and_are_whole_when_all_are_back(windows):
    assert sorted(windows) == [WINDOW_S * number for number in range(round(SCENARIO.duration_s / WINDOW_S))]
    answered = {at: one for at, one in windows.items() if one.origin.startswith(BUNDLE)}
    for at, one in windows.items():
        lost = {electrode for electrode in CHEST if off_for(electrode, at) > OFF_S}
        whole = {electrode for electrode in CHEST if not off_for(electrode, at)}
        are_limbs_on = not off_for("LL", at) and not off_for("LA", at)
        if are_limbs_on:
            assert at in answered
            assert one.leads & lost == set()
            assert whole <= one.leads
    alone = [at for at in windows if off_for("LA", at) == off_for("LL", at) == WINDOW_S]
    assert alone
    for at in alone:
        assert not windows[at].origin.startswith(BUNDLE)
        assert windows[at].label == TASK.mark_kind(STATES).unanswered
        assert "lead" in windows[at].origin
    first, last = windows[min(windows)], windows[max(windows)]
    assert first.leads == last.leads == set(SCENARIO.leads)
    assert first.label == last.label
