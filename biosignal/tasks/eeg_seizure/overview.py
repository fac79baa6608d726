"""What a report of a whole recording says of seizure candidates."""

from biosignal.events import Finding
from biosignal.tasks.eeg_seizure.kinds import EARLY, KINDS, LATEST_HZ, OWN_BASELINE, RHYTHM_HZ, RISE, SHARE
from biosignal.tasks.overview import Cell, ColumnHead, Figure, Grid, Heard, Section

MOST_ROWS = 40
UNMEASURED = "Candidates are for review; how often they are false, and what they miss, was not measured on patients."
HOUR_S = 3600.0
_MEASURED = (
    ColumnHead(name=RISE, label="rise", unit="times", decimals=1),
    ColumnHead(name=RHYTHM_HZ, label="first", unit="Hz", decimals=1),
    ColumnHead(name=LATEST_HZ, label="latest", unit="Hz", decimals=1),
    ColumnHead(name=SHARE, label="channels", unit="%"),
    ColumnHead(name=OWN_BASELINE, label="own baseline", unit="%"),
)


def overview_of_seizures(heard: Heard) -> tuple[Section, ...]:
    """Give how many candidates there were, how long, and each with what was measured."""
    found = sorted((one for one in heard.findings if one.kind in KINDS), key=lambda one: one.onset)
    lasted_s = sum(one.end - one.onset for one in found) / heard.fs_hz
    hours = heard.length_s / HOUR_S
    early = sum(one.kind == EARLY for one in found)
    figures = (
        Figure(name="candidates", label="seizure candidates", value=len(found), unit=""),
        Figure(name="early", label="of them under the population's baseline", value=early, unit=""),
        Figure(name="lasted", label="in all", value=lasted_s, unit="s", decimals=0),
        Figure(
            name="per_hour",
            label="candidates an hour",
            value=len(found) / hours if hours else None,
            unit="1/h",
            decimals=2,
            why="" if hours else "the recording has no length",
        ),
    )
    grids = (_grid(heard, found),) if found else ()
    notes = [UNMEASURED, "Candidates that began within 90 s of the end of another are one."]
    if early:
        notes.append("An early candidate whose evidence becomes strong ends, and goes on as one of full priority.")
    if not found:
        notes.insert(0, "No candidate was found, which does not say that there was no seizure.")
    if len(found) > MOST_ROWS:
        notes.append(f"The first {MOST_ROWS} candidates are listed.")
    return (Section(name="seizures", title="Seizure candidates", figures=figures, grids=grids, notes=tuple(notes)),)


def _grid(heard: Heard, found: list[Finding]) -> Grid:
    columns = (
        ColumnHead(name="candidate", label="candidate"),
        ColumnHead(name="at", label="at", unit="time"),
        ColumnHead(name="lasted", label="lasted", unit="length"),
        *_MEASURED,
        ColumnHead(name="leads", label="seen first in"),
    )
    rows = tuple(_row(heard, one) for one in found[:MOST_ROWS])
    return Grid(name="candidates", title="Candidates", columns=columns, rows=rows)


def _row(heard: Heard, one: Finding) -> tuple[Cell, ...]:
    measured = {measure.name: measure.value for measure in one.evidence.measures}
    return (
        heard.kinds[one.kind].label,
        one.onset / heard.fs_hz,
        (one.end - one.onset) / heard.fs_hz,
        *(measured.get(column.name) for column in _MEASURED),
        ", ".join(one.leads[:2]),
    )
