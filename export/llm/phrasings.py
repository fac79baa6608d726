"""Which vetted wordings are held out, and texts drawn without them or by them.

Of a quarter of the labels, meanings and wordings that have another beside them, one is held out: no text that trains
has it, and held-out texts take it where they can. So a model that writes one has not merely learned it by heart.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from biosignal.events import Finding
from biosignal.tasks.lookup import shown
from biosignal.wording.knowledge import Knowledge, knowledge
from biosignal.wording.language import plans

ONE_IN = 4


@dataclass(frozen=True, slots=True)
class HeldPhrasings:
    """The wordings that are held out, as the vetted files have them: with ``{value}`` where a number stands."""

    wordings: frozenset[str]

    def among(self, finding: Finding) -> frozenset[str]:
        """Give those a text of this finding could have, with its numbers in them."""
        measures = finding.evidence.measures
        known = knowledge()
        filled = {
            wording.replace("{value}", shown(measure))
            for measure in measures
            for wording in known.wordings(finding.task, finding.kind, measure)
            if wording in self.wordings
        }
        words = known.of_kind(finding.kind)
        wanted = filled | self.wordings.intersection((*words.labels, *words.meanings))
        return frozenset(one.strip() for slots in plans(finding) for slot in slots for one in slot) & wanted


def held_phrasings(seed: int) -> HeldPhrasings:
    """Hold wordings out; the same seed and the same words hold out the same."""
    dice = random.Random(seed)
    choices = sorted(set(_choices(knowledge())))
    return HeldPhrasings(frozenset(dice.choice(texts) for texts in choices if dice.randrange(ONE_IN) == 0))


def training_text(finding: Finding, held: HeldPhrasings, dice: random.Random) -> str:
    """Draw a text without any held-out phrasing; where a sentence has no other, it is said as it can be."""
    without = held.among(finding)
    return _drawn(finding, dice, lambda alternative: alternative not in without)


def held_text(finding: Finding, held: HeldPhrasings, dice: random.Random) -> str:
    """Draw a text that takes the held-out phrasing of each sentence that has one."""
    within = held.among(finding)
    return _drawn(finding, dice, lambda alternative: alternative in within)


def _drawn(finding: Finding, dice: random.Random, is_wanted: Callable[[str], bool]) -> str:
    said = []
    for alternatives in dice.choice(plans(finding)):
        wanted = [one for one in alternatives if is_wanted(one.strip())]
        said.append(dice.choice(wanted or list(alternatives)))
    return "".join(said)


def _choices(known: Knowledge) -> Iterator[tuple[str, ...]]:
    for kind in known.kinds.values():
        yield from (texts for texts in (kind.labels, kind.meanings, *kind.quantities.values()) if len(texts) > 1)
    yield from (texts for texts in known.quantities.values() if len(texts) > 1)
