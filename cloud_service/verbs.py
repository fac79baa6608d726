"""What every group of verbs of the command line is made from: how a verb is added, and the clinic's state behind it."""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from cloud_service.database.connection import Database
from cloud_service.settings import CloudSettings

BY = "command line"
"""Who did it, as the audit log names the command line."""
Subparsers = Any  # argparse keeps the type of what add_subparsers gives to itself


class Say(Protocol):
    """What the program says."""

    def __call__(self, kind: str, text: str, /, **facts: object) -> None:
        """Say one thing: a line of text, or with `--json` its facts."""


Verb = Callable[[argparse.Namespace, Say], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What a verb works on; `database` is open while the verb runs."""

    settings: CloudSettings
    database: Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """The program that a group of verbs belongs to.

    Parameters
    ----------
    add_verb : adds a verb, by its name, what it does and its help, with the flags that every verb has.
    settings_from : joins file, environment and flags. open_state : opens the database they name.
    """

    add_verb: Callable[[Subparsers, str, Verb, str], argparse.ArgumentParser]
    settings_from: Callable[[argparse.Namespace], CloudSettings]
    open_state: Callable[[CloudSettings], Database]

    @contextlib.contextmanager
    def opened(self, options: argparse.Namespace) -> Iterator[State]:
        """Open the clinic's state for one verb; the database is closed behind it, whatever becomes of the verb.

        Raises
        ------
        SettingsWrong, StateUnwritable : as they say.
        """
        settings = self.settings_from(options)
        database = self.open_state(settings)
        try:
            yield State(settings=settings, database=database)
        finally:
            database.close()


class VerbGroup:
    """Verbs that belong together. A group has an `add_to`, which adds them to the top parser."""

    def __init__(self, program: Program) -> None:
        self._program = program
