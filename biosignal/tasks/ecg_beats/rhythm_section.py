"""How long a recording was in each rhythm, and what was found in it, by what the kinds of findings declare."""

from collections.abc import Iterator

from biosignal.events import Finding, Priority
from biosignal.tasks.overview import ColumnHead, Grid, Heard, Section, Stretch, overlap

MOST_COLUMNS = 10
_ORDER = (Priority.HIGH, Priority.MEDIUM, Priority.LOW, Priority.NONE)


def rhythm_section(heard: Heard) -> Section:
    """Give the burden of each rhythm, as a whole and by the rows of the hours, and the findings by these rows."""
    by_kind = _by_kind(heard)
    rhythms = {kind: found for kind, found in by_kind.items() if heard.kinds[kind].wfdb_rhythm is not None}
    grids = [_burden(heard, rhythms)] if rhythms else []
    grids += [_by_rows(heard, rhythms)] if rhythms else []
    grids += [_findings_by_rows(heard, by_kind)] if by_kind else []
    asked = sorted({kind.label for kind in heard.kinds.values() if kind.wfdb_rhythm is not None})
    notes = [
        "A burden is the time in a rhythm of the time that could be assessed. Looked for: " + ", ".join(asked) + ".",
        "ST segments are not measured.",
    ]
    if not rhythms:
        notes.insert(0, "None of the rhythms that were looked for was found.")
    return Section(name="rhythm", title="Rhythm", grids=tuple(grids), notes=tuple(notes))


def stretches_of(heard: Heard, findings: list[Finding]) -> list[Stretch]:
    """The stretches [start, end) of findings within the recording: in order, those that touch made one."""
    whole: list[Stretch] = []
    for start, end in sorted((one.onset, min(one.end + 1, heard.end)) for one in findings):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        elif end > start:
            whole.append((start, end))
    return whole


def _assessed(heard: Heard, stretches: list[Stretch], start: int, end: int) -> int:
    """Samples of [start, end) that lie in stretches and could be assessed."""
    inside = [(max(first, start), min(last, end)) for first, last in stretches if first < end and last > start]
    return sum(heard.usable_samples(first, last) for first, last in inside)


def _burden(heard: Heard, rhythms: dict[str, list[Finding]]) -> Grid:
    usable = heard.usable_samples()
    rows = []
    for kind, found in rhythms.items():
        stretches = stretches_of(heard, found)
        longest = max(stretches, key=lambda one: one[1] - one[0])
        assessed = _assessed(heard, stretches, 0, heard.end)
        rows.append(
            (
                heard.kinds[kind].label,
                len(stretches),
                assessed / heard.fs_hz,
                100 * assessed / usable if usable else None,
                (longest[1] - longest[0]) / heard.fs_hz,
                longest[0] / heard.fs_hz,
                100 * (heard.usable_share or 0.0),
            )
        )
    columns = (
        ColumnHead(name="rhythm", label="rhythm"),
        ColumnHead(name="episodes", label="episodes"),
        ColumnHead(name="in_all", label="in all", unit="length"),
        ColumnHead(name="burden", label="burden", unit="%", decimals=2),
        ColumnHead(name="longest", label="longest", unit="length"),
        ColumnHead(name="longest_at", label="at", unit="time"),
        ColumnHead(name="usable_share", label="assessed", unit="%", decimals=1),
    )
    return Grid(name="burden", title="Burden of each rhythm", columns=columns, rows=tuple(rows))


def _by_rows(heard: Heard, rhythms: dict[str, list[Finding]]) -> Grid:
    """The share of each row in each rhythm; the rhythms with most time in them where there are many."""
    whole = {kind: stretches_of(heard, found) for kind, found in rhythms.items()}
    in_all = {kind: overlap(stretches, 0, heard.end) for kind, stretches in whole.items()}
    kinds = sorted(whole, key=lambda kind: -in_all[kind])[:MOST_COLUMNS]
    rows = []
    for start, end in heard.rows():
        usable = heard.usable_samples(start, end)
        shares = [100 * _assessed(heard, whole[kind], start, end) / usable if usable else None for kind in kinds]
        rows.append((start / heard.fs_hz, *shares))
    columns = (
        ColumnHead(name="from", label="from", unit="time"),
        *(ColumnHead(name=kind, label=heard.kinds[kind].label, unit="%", decimals=1) for kind in kinds),
    )
    return Grid(name="burden_by_row", title="Burden over time", columns=columns, rows=tuple(rows))


def _by_kind(heard: Heard) -> dict[str, list[Finding]]:
    by_kind: dict[str, list[Finding]] = {}
    for finding in sorted(heard.findings, key=lambda one: one.onset):
        by_kind.setdefault(finding.kind, []).append(finding)
    return by_kind


def _most_urgent_first(heard: Heard, by_kind: dict[str, list[Finding]]) -> list[str]:
    return sorted(by_kind, key=lambda kind: (_ORDER.index(heard.kinds[kind].priority), by_kind[kind][0].onset))


def _findings_by_rows(heard: Heard, by_kind: dict[str, list[Finding]]) -> Grid:
    """How many findings of each kind began in each row; of the most urgent kinds where there are many."""
    kinds = _most_urgent_first(heard, by_kind)[:MOST_COLUMNS]
    rows = [
        (start / heard.fs_hz, *(sum(start <= one.onset < end for one in by_kind[kind]) for kind in kinds))
        for start, end in heard.rows()
    ]
    columns = (
        ColumnHead(name="from", label="from", unit="time"),
        *(ColumnHead(name=kind, label=heard.kinds[kind].label) for kind in kinds),
    )
    return Grid(name="findings_by_row", title="Findings that began", columns=columns, rows=tuple(rows))


def findings_grid(heard: Heard) -> Iterator[Grid]:
    """Give every kind of finding by number, the most urgent first; nothing where there was none."""
    by_kind = _by_kind(heard)
    if not by_kind:
        return
    rows = []
    for kind in _most_urgent_first(heard, by_kind):
        found = by_kind[kind]
        longest = max(found, key=lambda one: one.end - one.onset)
        rows.append(
            (
                heard.kinds[kind].label,
                heard.kinds[kind].priority.value,
                len(found),
                found[0].onset / heard.fs_hz,
                found[-1].onset / heard.fs_hz,
                (longest.end - longest.onset) / heard.fs_hz,
                longest.onset / heard.fs_hz,
            )
        )
    columns = (
        ColumnHead(name="finding", label="finding"),
        ColumnHead(name="priority", label="priority"),
        ColumnHead(name="number", label="number"),
        ColumnHead(name="first", label="first at", unit="time"),
        ColumnHead(name="last", label="last at", unit="time"),
        ColumnHead(name="longest", label="longest", unit="length"),
        ColumnHead(name="longest_at", label="at", unit="time"),
    )
    yield Grid(name="findings", title="Findings", columns=columns, rows=tuple(rows))
