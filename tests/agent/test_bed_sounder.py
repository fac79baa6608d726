"""A daemon runs the program that signals alarms at the bed, and says how it does."""

from biosignal.events import SounderState
from edge_agent.findings.sounder import SounderSettings
from edge_agent.operate.clock import HostClock
from edge_agent.operate.doctor import examine
from edge_agent.sources.settings import SourceSettings
from tests.agent.conftest import until


def test_the_program_of_the_bed_signals_alarms_and_its_failure_is_one(make_agent, settings, tmp_path):
    said, program = tmp_path / "said", tmp_path / "buzzer"
    program.write_text(f'#!/bin/sh\n[ -e {tmp_path}/broken ] && exit 4\necho "$@" >> {said}\n')
    program.chmod(0o700)
    agent = make_agent(
        source=SourceSettings(speed=1.0, passes=0), alarms=SounderSettings(signal_command=(str(program),))
    )
    until(lambda: said.exists() and agent.status().sounder is SounderState.WORKS)
    agent.analysis.set_trouble("store-trouble", "a test")
    until(lambda: said.read_text().splitlines()[-1] == "medium medium")
    (tmp_path / "broken").touch()
    until(lambda: agent.status().sounder is SounderState.FAILS)
    agent.tend()
    until(lambda: "sounder-failed" in {one.kind for one in agent.status().alarms})
    agent.supervisor.stop()
    checks = {one.name: one for one in examine(lambda: settings, config=None, clock=HostClock())}
    assert "exit code 4" in checks["sounder at work"].cause
    (tmp_path / "broken").unlink()
    until(lambda: agent.status().sounder is SounderState.WORKS)
    agent.stop()
    assert said.read_text().splitlines()[-1] == "none none"
