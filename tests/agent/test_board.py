"""The whole daemon on an emulated board: plugged in, it reads; unplugged, it says so."""

from edge_agent.sources.emulator import Emulator
from edge_agent.sources.line_damage import Fault
from edge_agent.sources.settings import SourceSettings
from tests.agent.conftest import until
from tests.sources.boards_on_a_line import emulation_of


def test_the_daemon_analyses_a_cyton_and_tells_an_unplugging(make_agent, tmp_path):
    faults = [Fault(what="unplug", at=2500, seconds=4.0)]
    emulator = Emulator(emulation_of("cyton", 60.0, faults), speed=4.0, link=tmp_path / "board")
    source = SourceSettings(kind="serial", protocol="cyton", port=str(tmp_path / "board"), speed=4.0, leads=("EXG1",))
    emulator.start()
    try:
        agent = make_agent(source=source)
        until(lambda: sum(agent.analysis.counts.marks.values()) >= 8)
        until(lambda: agent.analysis.counts.gaps >= 1)
        seen = sum(agent.analysis.counts.marks.values())
        until(lambda: sum(agent.analysis.counts.marks.values()) >= seen + 8)
        agent.stop()
    finally:
        emulator.stop()
    counts = agent.analysis.counts
    (reason,) = counts.gaps_by_reason
    assert reason.startswith("reconnected")
    assert 1000 <= counts.samples_lost <= 1500
    assert counts.findings >= 1
