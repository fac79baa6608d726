"""Which threads and child processes are watched, and what is said when some of them hang."""

from typing import TYPE_CHECKING

from biosignal.events import LoopStatus
from edge_agent.analysis.actor import ANALYSIS
from edge_agent.analysis.hang import KIND as MONITOR_HANGING
from edge_agent.analysis.hang import HangAlarm
from edge_agent.operate.watchdog import Watched
from edge_agent.sources.port import SourceState
from edge_agent.store.keeper import Batch

if TYPE_CHECKING:
    from edge_agent.agent.agent import Agent

RESTART_S = 8.0
"""What the monitoring rests on gets so many seconds to come back before the daemon is started again."""
LINE_RESTART_S = 60.0
"""What the line rests on gets longer: monitoring and alarms at the bedside go on without it."""
PART_HANGING = "part-hanging"


class Hanging:
    """What is said of those that hang. What the analysis can say of the others it says; of itself it cannot."""

    def __init__(self, agent: "Agent") -> None:
        self.alarm = HangAlarm()
        self._agent = agent

    def watched(self) -> tuple[Watched, ...]:
        """Every thread and child process that has work; without the vital ones nobody is monitored."""
        agent = self._agent
        vital = (agent.pulse, agent.analysis.pulse, agent.keeper.pulse)
        line = agent.sync.pulses if agent.sync is not None else ()
        beside = (agent.explainer.pulse, agent.serving.updates.pulse, agent.models.pulse, agent.sounder.pulse)
        return (
            Watched(pulse=agent.reader.pulse, vital=True, restart_s=RESTART_S, excused=self._waits),
            *(Watched(pulse=pulse, vital=True, restart_s=RESTART_S) for pulse in vital),
            *(Watched(pulse=pulse, vital=False, restart_s=LINE_RESTART_S) for pulse in line),
            *(Watched(pulse=pulse, vital=False) for pulse in beside),
        )

    def _waits(self) -> bool:
        return self._agent.source.health().state is not SourceState.STREAMING

    def show(self, loops: tuple[LoopStatus, ...]) -> None:
        """Others hang or are late than before: say it on the line, and as an alarm of those that hang.

        Called by the thread that watches.
        """
        vital = {one.pulse.name for one in self.watched() if one.vital}
        own = [loop for loop in loops if loop.name == ANALYSIS]
        others = [loop for loop in loops if loop.name in vital and loop not in own]
        beside = [loop for loop in loops if loop.name not in vital]
        analysis, at = self._agent.analysis, self._agent.analysis.now.sample
        made = self.alarm.raise_at(analysis.place, at, _sentence(own)) if own else self.alarm.end_at(at)
        self._agent.keeper.put(Batch(events=made))
        analysis.set_trouble(MONITOR_HANGING, _sentence(others) if others else None)
        analysis.set_trouble(PART_HANGING, _sentence(beside) if beside else None)
        if self._agent.sync is not None:
            self._agent.sync.send_status()


def _sentence(loops: list[LoopStatus]) -> str:
    return "; ".join(f"{loop.name} has done nothing for more than {loop.stands_after_s:g} s" for loop in loops)
