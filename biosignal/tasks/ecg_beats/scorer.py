"""How the heartbeats are compared to a reference: by EC57."""

from collections.abc import Iterable

from biosignal.events import Mark, MarkState
from biosignal.scoring.beat_report import BeatReport, learning_period_s
from biosignal.scoring.ec57 import score_record
from biosignal.scoring.score import Annotations
from biosignal.tasks.ecg_beats.kinds import BEAT, NAME


def score_beats(
    reference: Annotations,
    marks: Iterable[Mark],
    *,
    fs_hz: float,
    end: int,
    start_s: float | None = None,
    unusable: Iterable[tuple[int, int]] = (),
) -> BeatReport:
    """Compare the confirmed beats to reference annotations; unusable stretches count as a shutdown of the analysis."""
    left_out_s = learning_period_s(end / fs_hz) if start_s is None else start_s
    found = annotations_of(marks, unusable)
    score = score_record(reference, found, fs_hz=fs_hz, start_s=left_out_s, end=end)
    return BeatReport(score=score, start_s=left_out_s)


def annotations_of(marks: Iterable[Mark], unusable: Iterable[tuple[int, int]] = ()) -> Annotations:
    """Write confirmed beats in WFDB's codes, those without an answer as unclassifiable, and `~` round what is unusable.

    The order of the marks does not matter.
    """
    symbols = BEAT.wfdb_symbols or {}
    rows = [
        (mark.start, 0, symbol)
        for mark in marks
        if mark.task == NAME
        and mark.kind == BEAT.name
        and mark.state is MarkState.CONFIRMED
        and (symbol := symbols.get(mark.label or BEAT.unanswered)) is not None
    ]
    for start, end in unusable:
        rows += [(start, -1, "~"), (end, 0, "~")]
    rows.sort(key=lambda row: row[0])
    return Annotations([row[0] for row in rows], [row[2] for row in rows], [row[1] for row in rows])
