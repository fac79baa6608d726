"""Phrasings that a person might propose and a program cannot fault, for the tests of approved words."""

from biosignal.rehearsal import golden_of
from biosignal.wording.bundle import open_words, seal_words
from biosignal.wording.in_force import Approved, Phrasing

SLOWER = Phrasing(
    task="ecg-rhythm",
    kind="bradycardia",
    part="meaning",
    pattern="The heart was slower than the lower limit that is set for this patient.",
)
FELL = Phrasing(
    task="ecg-rhythm",
    kind="bradycardia",
    part="quantity/lowest_rate",
    pattern="The heart rate fell to {value} beats per minute.",
)
ASK = Phrasing(
    task="ecg-rhythm",
    kind="bradycardia",
    part="action",
    pattern="Ask the patient for symptoms and measure the blood pressure.",
)
THREE = (SLOWER, FELL, ASK)


def words_files(phrasings=THREE, *, version="1.0.0", findings=(), card="# words\n", adapter=None):
    """The files of a bundle of words."""
    approved = Approved(name="words", phrasings=tuple(phrasings))
    golden = golden_of(findings, approved)
    return seal_words(version=version, parent="", phrasings=phrasings, golden=golden, card=card, adapter=adapter)


def words_bundle(*args, **more):
    """A bundle of words, opened."""
    return open_words(words_files(*args, **more))
