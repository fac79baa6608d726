"""What was tried and how it came out, a line a step."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Results:
    """Prints each step as it ends, and keeps it for the table."""

    rows: list[tuple[str, str]] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[Callable[[str], None]]:
        """Name a step; what it gives may be called with a figure."""
        began = time.monotonic()
        said: list[str] = []
        print(f"- {what} ", end="", flush=True)
        try:
            yield said.append
        except BaseException:
            print("FAILED", flush=True)
            self.rows.append((what, "FAILED"))
            raise
        told = "; ".join(said)
        print(f"({time.monotonic() - began:.0f} s){': ' if told else ''}{told}", flush=True)
        self.rows.append((what, told or "done"))

    def table(self) -> str:
        """All steps as a table."""
        return "\n".join(["| step | result |", "|---|---|", *(f"| {what} | {how} |" for what, how in self.rows)])
