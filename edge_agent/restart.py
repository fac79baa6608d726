"""What the last run left open: its recording, findings and alarms are brought to an end by the next."""

from dataclasses import dataclass, replace

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Durable,
    Finding,
    FindingState,
    Recording,
    RecordingClosed,
    stable_id,
)
from edge_agent.explain.template import explain
from edge_agent.store.events import EventStore
from edge_agent.store.strips import cut_strip
from edge_agent.store.waveforms import WaveStore

OPEN = (FindingState.OPENED, FindingState.EXTENDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftovers:
    """The last recording, the events that close it, and the last events of its unresolved alarms."""

    recording: str | None = None
    closing: tuple[Durable, ...] = ()
    alarms: tuple[AlarmEvent, ...] = ()


def leftovers(events: EventStore, waves: WaveStore) -> Leftovers:
    """Look up what the last run did not close. Nothing is written here."""
    last = events.newest("recording.opened")
    if last is None or not isinstance(last.body, Recording):
        return Leftovers()
    recording = last.body
    unresolved = tuple(
        envelope.body
        for envelope in events.latest("alarm")
        if isinstance(envelope.body, AlarmEvent) and envelope.body.state is not AlarmState.RESOLVED
    )
    closed_id = stable_id(recording.id, "closed")
    if events.get(closed_id) is not None:
        return Leftovers(recording=recording.id, alarms=unresolved)
    end = max(waves.newest(recording.id, lead) for lead in recording.leads)
    findings = [
        body
        for envelope in events.latest("finding", recording=recording.id)
        if isinstance(body := envelope.body, Finding)
    ]
    closing: list[Durable] = []
    for finding in findings:
        if finding.state in OPEN:
            last_rev = replace(finding, rev=finding.rev + 1, state=FindingState.CLOSED)
            closing += [last_rev, explain(last_rev)]
        if finding.evidence.strip_end > finding.evidence.strip_start:
            strip = cut_strip(waves, finding, final=True)
            closing.extend([strip] if strip is not None else [])
    closing.append(RecordingClosed(id=closed_id, recording=recording.id, end=end, reason="the daemon was ended"))
    return Leftovers(recording=recording.id, closing=tuple(closing), alarms=unresolved)
