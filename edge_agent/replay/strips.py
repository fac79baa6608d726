"""Cuts the samples of a report's strips out of a recording, after it was analysed: a long one is never held whole."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from biosignal.events import Finding
from biosignal.paper import LabelRow
from biosignal.signal.blocks import Lead
from biosignal.stream.assign import Assignment
from biosignal.tasks.lookup import finding_kind, mark_kind
from edge_agent.replay.compared import CHANGE
from edge_agent.replay.cutting import samples_between
from edge_agent.replay.gathered import Gathered
from edge_agent.replay.printed.wording import time_text
from edge_agent.replay.record_report import MOST_STRIP_S, ReportStrip, caption_of, strip_range, worst
from edge_agent.sources.port import Source
from edge_agent.sources.wfdb_annotations import Annotation

OURS, THEIRS, CHANGES = "ours", "record's", "rhythms"


def strips_of(
    result: Gathered, source: Source, *, recording: str, end: int, truth: Sequence[Annotation] | None
) -> Iterator[ReportStrip]:
    """Cut the strips of what was worst; of the first stretch that could be assessed where nothing was found."""
    facts = source.recording_facts()
    leads = {lead.name: lead for lead in facts.leads}
    found = worst(result.standing())
    for one in found:
        fs_hz = one.evidence.fs_hz
        start, until = strip_range(one)
        strip = _strip(result, source, leads[one.leads[0]], (start / fs_hz, until / fs_hz), recording, truth)
        label = finding_kind(one.kind).label
        onset = time_text((one.onset / fs_hz) + facts.first_sample / facts.fs_hz)
        yield _named(strip, f"{label[:1].upper()}{label[1:]} at {onset}", caption_of(one), _stretch(one, start))
    reported = [one for one in result.plan.assignments if one.task.is_reported]
    if not found and reported and end:
        start_s = _first_assessed(result, reported[0], end=end, recording_hz=facts.fs_hz)
        range_s = (start_s, min(start_s + MOST_STRIP_S, end / facts.fs_hz))
        strip = _strip(result, source, leads[reported[0].names[0]], range_s, recording, truth)
        yield _named(strip, "Nothing was found to show", "the first ten seconds that could be assessed", None)


def _named(strip: ReportStrip, title: str, caption: str, stretch_s: tuple[float, float] | None) -> ReportStrip:
    return replace(strip, title=title, caption=caption, stretch_s=stretch_s)


def _stretch(finding: Finding, start: int) -> tuple[float, float]:
    fs_hz = finding.evidence.fs_hz
    return (finding.onset - start) / fs_hz, (finding.end - start) / fs_hz


def _first_assessed(result: Gathered, assignment: Assignment, *, end: int, recording_hz: float) -> float:
    start = 0
    for first, last in result.unusable_of(assignment, recording_hz=recording_hz):
        if first - start >= MOST_STRIP_S * assignment.fs_hz:
            break
        start = last
    start_s = start / assignment.fs_hz
    return start_s if start_s + 1 < end / recording_hz else 0.0


def _strip(
    result: Gathered,
    source: Source,
    lead: Lead,
    range_s: tuple[float, float],
    recording: str,
    truth: Sequence[Annotation] | None,
) -> ReportStrip:
    facts = source.recording_facts()
    start_s, end_s = range_s
    fs_hz = lead.fs_hz or facts.fs_hz
    rows = [LabelRow(name=OURS, labels=tuple(_ours(result, lead.name, start_s, end_s)))]
    if truth is not None:
        theirs = [(one.sample / facts.fs_hz - start_s, one) for one in truth]
        inside = [(at, one) for at, one in theirs if 0 <= at <= end_s - start_s]
        beats = tuple((at, one.symbol) for at, one in inside if one.symbol != CHANGE)
        rows.append(LabelRow(name=THEIRS, labels=beats))
        if changes := tuple((at, one.aux.rstrip("\0 ")) for at, one in inside if one.symbol == CHANGE):
            rows.append(LabelRow(name=CHANGES, labels=changes))
    return ReportStrip(
        title="",
        caption="",
        lead=lead.name,
        unit=lead.unit,
        fs_hz=fs_hz,
        start_s=start_s + facts.first_sample / facts.fs_hz,
        samples=samples_between(source, (lead.name,), fs_hz=fs_hz, range_s=range_s, recording=recording)[0],
        rows=tuple(rows),
        stretch_s=None,
    )


def _ours(result: Gathered, lead: str, start_s: float, end_s: float) -> Iterator[tuple[float, str]]:
    """Marks that an annotation file would hold, in the strip, by their label."""
    found: list[tuple[float, str]] = []
    for one in result.plan.assignments:
        if lead not in one.names:
            continue
        for mark in result.marks_of(one, round(start_s * one.fs_hz), round(end_s * one.fs_hz)):
            kind = mark_kind(mark.task, mark.kind)
            if kind.wfdb_symbols is not None:
                found.append((mark.start / one.fs_hz - start_s, mark.label or kind.unanswered))
    yield from sorted(found)
