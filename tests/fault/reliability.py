"""The fifteen properties of the reliability table: what each test found, and the table at the end of `make fault`.

A test says which row it belongs to, and gives the figures that it found:

    @pytest.mark.fault
    @pytest.mark.reliability("kills")
    def test_...(reliability):
        ...
        reliability.note("kills", broker="mosquitto", kills=500, lost=0, doubled=0)

A row that no test gave a figure for says so. `docs/reliability.md` holds the same rows with the figures of a release.
"""

import datetime
from dataclasses import dataclass, field

NOT_RUN = "not run"


@dataclass(frozen=True)
class Row:
    """One property, and what is asked of it; the command that measures it follows from its name."""

    name: str
    about: str
    target: str

    @property
    def command(self) -> str:
        return f"make fault ROW={self.name}"


ROWS = (
    Row("power-cuts", "Committed events lost at a power cut", "0 lost, no damaged database, 20,000 simulated cuts"),
    Row("at-risk", "Unsent at a kill", "<= 10 s of wave, no alarm"),
    Row("offline", "Seven days without the clinic", "0 lost, 0 doubled, in order"),
    Row("kills", "Events lost or doubled by kill -9 of daemon, broker, clinic", "0 in at least 1,000 moments"),
    Row("backlog", "A fresh alarm while 100,000 old rows drain", "p99 <= 2 s from decision to the clinic's database"),
    Row("corruption", "A damaged database at start", "start <= 5 s, >= 99 % of the findings salvaged"),
    Row("disk", "A full disk", "alarms and findings are kept; received waves go first"),
    Row(
        "locked", "A database that another program holds", "0 lost, monitoring goes on, at most one line of log in 10 s"
    ),
    Row("stalls", "A part that stands still is known", "<= 5 s"),
    Row("memory", "Memory over a simulated week", "<= 1 MB/h after the warm-up"),
    Row("swaps", "200 changes of the model under load", "0 windows missed, memory back to where it was"),
    Row("updates", "Power cut at every effect of an update", "exactly one verified bundle runs, always"),
    Row("clock", "The host's clock stepped", "no sample moved, no alarm of the watchdog"),
    Row("exposure", "Exposure of the units, by `systemd-analyze security`", "<= 1.0 of 10"),
    Row("coverage", "Branches of outbox, verifier and audit chain that tests take", "100 %"),
)
NAMES = tuple(row.name for row in ROWS)


@dataclass
class Found:
    """What the tests of one row found."""

    figures: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    passed: int = 0

    @property
    def figure(self) -> str:
        """The cell of the table: a failure first, then every figure, else why there is none."""
        parts = [f"FAILED: {name}" for name in self.failed] + self.figures
        if parts:
            return "; ".join(parts)
        if self.passed:
            return "held"
        return f"{NOT_RUN}: {self.skipped[0]}" if self.skipped else NOT_RUN


class Table:
    """Figures of one run by row."""

    def __init__(self) -> None:
        self._found = {name: Found() for name in NAMES}

    def note(self, row: str, /, **figures: object) -> None:
        """Record what a test found for a row; a name that ends in a unit (`_s`, `_mb`) shows it.

        Raises
        ------
        KeyError : there is no such row; `NAMES` has them.
        """
        said = ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in figures.items())
        self._found[row].figures.append(said)

    def ended(self, row: str, test: str, outcome: str, why: str = "") -> None:
        """Record how a test of a row ended."""
        found = self._found[row]
        if outcome == "failed":
            found.failed.append(test)
        elif outcome == "skipped":
            found.skipped.append(why)
        else:
            found.passed += 1

    @property
    def is_empty(self) -> bool:
        """Whether no test of any row ran."""
        return all(found == Found() for found in self._found.values())

    def lines(self, today: datetime.date) -> list[str]:
        """The table, as it goes into docs/reliability.md."""
        lines = ["| property | target | command | figure | date |", "|---|---|---|---|---|"]
        for row in ROWS:
            figure = self._found[row.name].figure
            date = "" if figure.startswith(NOT_RUN) else today.isoformat()
            cells = (row.about, row.target, f"`{row.command}`", figure.replace("|", "/").replace("\n", " "), date)
            lines.append(f"| {' | '.join(cells)} |".replace("  |", " |"))
        return lines


def shown(value: object) -> str:
    """Write a figure with as many digits as mean something."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
