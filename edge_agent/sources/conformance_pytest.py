"""The checks of `edge_agent.sources.conformance` as a pytest class.

In a test file of the plug-in::

    class TestMyBoard(SourceContract):
        def make(self):
            return open_board(SourceSettings(kind="my-board"), HostClock())
"""

from collections.abc import Callable
from typing import ClassVar

from edge_agent.sources.conformance import CHECKS, Check, Subject, Trial
from edge_agent.sources.port import Source


class SourceContract:
    """Subclass it, name it ``Test...``, and give it `make`; its attributes are those of `Subject`."""

    seconds: ClassVar[float] = 0.5
    limit_s: ClassVar[float] = 20.0
    declares_invalid: ClassVar[bool] = False
    _trial: ClassVar[Trial | None] = None

    def make(self) -> Source:
        """Give a fresh source, not yet opened."""
        raise NotImplementedError

    @property
    def trial(self) -> Trial:
        """The one trial that the tests of this class share."""
        kind = type(self)
        if kind._trial is None:
            kind._trial = Trial(
                Subject(
                    make=self.make,
                    seconds=self.seconds,
                    limit_s=self.limit_s,
                    declares_invalid=self.declares_invalid,
                )
            )
        return kind._trial


def _as_test(check: Check) -> Callable[[SourceContract], None]:
    def test(self: SourceContract) -> None:
        check(self.trial)

    test.__doc__ = check.__doc__
    return test


for _check in CHECKS:
    setattr(SourceContract, f"test_{_check.__name__}", _as_test(_check))
