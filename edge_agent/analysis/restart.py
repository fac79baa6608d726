"""What the last run left open: its recordings, findings and alarms are brought to an end by the next."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Durable,
    Finding,
    FindingState,
    Recording,
    RecordingClosed,
    Strip,
    closed_id,
)
from edge_agent.explain.template import explain
from edge_agent.store.events import EventStore
from edge_agent.store.strips import cut_strip, strip_leads
from edge_agent.store.waveforms import WaveStore

OPEN = (FindingState.OPENED, FindingState.EXTENDED)
RECORDINGS = 20
"""How many of the newest recordings are looked at: normally only the last is open, after a salvage more may be."""
EVENTS = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftovers:
    """The last recording and where it ended, the events that close what is open, and the unresolved alarms."""

    recording: str | None = None
    end: int = 0
    closing: tuple[Durable, ...] = ()
    alarms: tuple[AlarmEvent, ...] = ()


def leftovers(events: EventStore, waves: WaveStore, *, boot: str | None = None) -> Leftovers:
    """Look up what the last run did not close. Nothing is written here.

    Parameters
    ----------
    boot : what this start of the daemon stored is not left over.
    """
    recordings = [
        body
        for envelope in events.latest("recording.opened", limit=RECORDINGS)
        if isinstance(body := envelope.body, Recording) and envelope.boot != boot
    ]
    if not recordings:
        return Leftovers()
    closing: list[Durable] = []
    end = 0
    for recording in recordings:
        closed = events.get(closed_id(recording.id))
        if closed is not None and isinstance(closed.body, RecordingClosed):
            end = closed.body.end
            continue
        findings = events.findings(recording.id, limit=EVENTS)
        end = _end(recording, findings, waves)
        closing += _closing(recording, findings, end, events, waves)
    unresolved = tuple(
        envelope.body
        for envelope in events.latest("alarm", limit=EVENTS)
        if isinstance(envelope.body, AlarmEvent)
        and envelope.body.state is not AlarmState.RESOLVED
        and envelope.boot != boot
    )
    return Leftovers(recording=recordings[-1].id, end=end, closing=tuple(closing), alarms=unresolved)


def _end(recording: Recording, findings: list[Finding], waves: WaveStore) -> int:
    """Index one past the last sample anything is known of: findings are on disk before the waves they rest on."""
    own = [lead.name for lead in recording.leads if lead.fs_hz in (None, recording.fs_hz)]
    ends = [waves.newest(recording.id, name) for name in own]
    for finding in findings:
        last = max(finding.decided_at, finding.end)
        ends.append(math.ceil(last * recording.fs_hz / finding.evidence.fs_hz))
    return max(ends, default=0)


def _closing(
    recording: Recording, findings: list[Finding], end: int, events: EventStore, waves: WaveStore
) -> Iterator[Durable]:
    cut = {
        (envelope.body.finding, envelope.body.lead)
        for envelope in events.latest("strip", recording=recording.id, limit=EVENTS)
        if isinstance(envelope.body, Strip)
    }
    for finding in findings:
        if finding.state in OPEN:
            last_rev = replace(finding, rev=finding.rev + 1, state=FindingState.CLOSED)
            yield last_rev
            yield explain(last_rev)
        for lead in strip_leads(finding):
            strip = cut_strip(waves, finding, lead=lead, final=True) if (finding.id, lead) not in cut else None
            if strip is not None:
                yield strip
    yield RecordingClosed(
        id=closed_id(recording.id), recording=recording.id, end=end, reason="the daemon was ended without notice"
    )
