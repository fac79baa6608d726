"""The vetted sentences of a task, from the ``words.json`` beside its declaration."""

import json
from importlib import resources
from typing import Any

from biosignal.errors import BedsideError
from biosignal.tasks.task import Task


class WordsBroken(BedsideError):
    """A file of vetted sentences is missing, or is not as this program needs it."""

    remedy = "reinstall the package: words.json belongs to it"


def words_of(task: Task) -> bytes:
    """Read the bytes of a task's words.

    Raises
    ------
    WordsBroken : there is no such file.
    """
    try:
        return resources.files(task.package).joinpath("words.json").read_bytes()
    except (OSError, ModuleNotFoundError) as error:
        raise WordsBroken("a task has no words", task=task.name, folder=task.package) from error


def read_words(raw: bytes, *, task: str) -> dict[str, Any]:
    """Read the sentences as JSON values.

    Raises
    ------
    WordsBroken : they are no JSON object.
    """
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise WordsBroken("the words of a task cannot be read", task=task, why=str(error)) from error
    if not isinstance(document, dict):
        raise WordsBroken("the words of a task are no object", task=task)
    return document
