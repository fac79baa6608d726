"""What was found beside what the record's own annotations say: scores, and the time in each rhythm."""

from collections import Counter
from collections.abc import Iterator, Sequence

from biosignal.tasks.lookup import finding_kind
from edge_agent.replay.gathered import Gathered
from edge_agent.replay.record_report import Comparison, rhythm_grid
from edge_agent.replay.result import Stretch, joined
from edge_agent.replay.truth import as_reference
from edge_agent.sources.wfdb_annotations import Annotation

CHANGE = "+"
"""Symbol of an annotation that names the rhythm from there on."""


def compared(
    result: Gathered, truth: Sequence[Annotation], *, name: str, end: int, recording_hz: float
) -> Iterator[Comparison]:
    """Compare each task that has a scorer; `end` is the length of the recording in samples."""
    for one in result.plan.assignments:
        if one.task.scorer is None or one.fs_hz != recording_hz:
            continue
        unusable = result.unusable_of(one, recording_hz=recording_hz)
        score = one.task.scorer(
            as_reference(truth), result.marks_of(one), fs_hz=recording_hz, end=end, unusable=unusable
        )
        theirs = rhythms_of(truth, end)
        yield Comparison(
            leads=one.names,
            truth=name,
            protocol=score.protocol,
            start_s=score.start_s,
            table=score.table(),
            figures=score.to_json(),
            rhythms=rhythm_grid(_ours(result, end), theirs, samples=end, fs_hz=recording_hz),
            notes=tuple(_notes(truth, theirs)),
        )


def rhythms_of(truth: Sequence[Annotation], end: int) -> dict[str, int]:
    """Count the samples of each rhythm that annotations name, by WFDB's names; empty where they name none."""
    changes = [(one.sample, one.aux.rstrip("\0 ")) for one in truth if one.symbol == CHANGE and one.aux.startswith("(")]
    times: dict[str, int] = {}
    for (start, name), (until, _) in zip(changes, [*changes, (end, "")][1:], strict=True):
        times[name] = times.get(name, 0) + max(0, min(until, end) - max(start, 0))
    return times


def _ours(result: Gathered, end: int) -> dict[str, int]:
    stretches: dict[str, list[Stretch]] = {}
    for one in result.standing():
        rhythm = finding_kind(one.kind).wfdb_rhythm
        if rhythm is not None:
            stretches.setdefault(rhythm, []).append((one.onset, min(one.end + 1, end)))
    return {name: sum(last - first for first, last in joined(found)) for name, found in stretches.items()}


def _notes(truth: Sequence[Annotation], rhythms: dict[str, int]) -> Iterator[str]:
    counts = Counter(one.symbol for one in truth)
    named = ", ".join(f"{count} {symbol}" for symbol, count in counts.most_common())
    yield f"Annotations of the record by symbol, over all of it: {named or 'none'}."
    if not rhythms:
        yield "The record's annotations name no rhythm."
    yield "A rhythm that is not looked for has no time of ours. Time in which we name none need not be sinus rhythm."
