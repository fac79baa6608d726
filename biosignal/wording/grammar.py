"""The decoder's grammar for one finding, in GBNF.

Written from the finding's phrases on its own, not from the membership check, so that a mistake in one shows as a
refusal by the other. Uses literals, sequences, alternatives and rule names only.
"""

from collections.abc import Iterable

from biosignal.events import Finding
from biosignal.wording.literals import literals


def gbnf(finding: Finding) -> str:
    """Write the grammar; its root is the whole text."""
    said = literals(finding)
    rules = {
        "root": "(by-time | by-lead | by-device) rest",
        "by-time": '"At " time ", in " lead ", the device " verb " " label "."',
        "by-lead": '"In " lead ", at " time ", the device " verb " " label "."',
        "by-device": '"The device " verb " " label " at " time " in " lead "."',
        "verb": _any_of(("found", "reports")),
        "time": _quoted(f"{said.time} into the recording"),
        "lead": _quoted(said.lead),
        "label": _any_of(said.labels),
    }
    names: list[str] = []
    for name, alternatives in _sentences(finding):
        rules[name] = _any_of(alternatives)
        names.append(name)
    rules["rest"] = " ".join(f'" " {name}' for name in names)
    return "".join(f"{name} ::= {body}\n" for name, body in rules.items())


def _sentences(finding: Finding) -> Iterable[tuple[str, tuple[str, ...]]]:
    said = literals(finding)
    yield "state", said.state
    for index, wordings in enumerate(said.measures):
        yield f"measure-{index}", wordings
    for index, wordings in enumerate(said.kept):
        yield f"kept-{index}", wordings
    for name, wordings in (("quality", said.quality), ("meaning", said.meaning), ("action", said.action)):
        if wordings:
            yield name, wordings
    yield "origin", said.origin


def _any_of(alternatives: Iterable[str]) -> str:
    return " | ".join(_quoted(alternative) for alternative in alternatives)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
