"""What is said of seizures: candidates to review, never a diagnosis."""

from biosignal.events import Prediction, Priority
from biosignal.tasks.finding_log import by_rule as said_by_rule
from biosignal.tasks.quantities import DURATION
from biosignal.tasks.task import FindingKind, MarkKind, Quantity, ReviewLabel, ReviewUnit, Strip

NAME = "eeg-seizure"
RULES = "seizure-rules/1"
CANDIDATE = "seizure-candidate"
EARLY = "seizure-candidate-early"
"""A candidate found while the baseline was still mixed with the population's."""
KINDS = (CANDIDATE, EARLY)

RISE = "eeg_rise"
RHYTHM_HZ = "eeg_rhythm"
LATEST_HZ = "eeg_latest_rhythm"
SHARE = "channel_share"
OWN_BASELINE = "own_baseline"
BASELINE = "eeg_baseline"
PRIOR, OWN = "prior", "own"
"""The reading `BASELINE`: against what the EEG is compared now."""

PATTERN = MarkKind(
    name="ictal-pattern",
    label="rhythmic rise",
    plural="rhythmic rises",
    numbers=(RISE, RHYTHM_HZ, SHARE),
)
_STRIP = Strip(before_s=10.0, after_s=20.0)
FINDINGS = {
    CANDIDATE: FindingKind(label="seizure candidate, review", priority=Priority.MEDIUM, strip=_STRIP),
    EARLY: FindingKind(label="early seizure candidate, review", priority=Priority.LOW, strip=_STRIP),
}
QUANTITIES = {
    "duration": DURATION,
    RISE: Quantity(unit="times", decimals=1, label="rise over the baseline"),
    RHYTHM_HZ: Quantity(unit="Hz", decimals=1, label="rhythm at the beginning"),
    LATEST_HZ: Quantity(unit="Hz", decimals=1, label="latest rhythm"),
    SHARE: Quantity(unit="%", decimals=0, label="share of the channels"),
    OWN_BASELINE: Quantity(unit="%", decimals=0, label="share of the patient in the baseline"),
    BASELINE: Quantity(unit="", decimals=0, label="baseline of the seizure candidates"),
}
REVIEW = ReviewUnit(
    mark=PATTERN.name,
    labels=(
        ReviewLabel(name="seizure", meaning="an electrographic seizure", key="s"),
        ReviewLabel(name="no-seizure", meaning="activity of the brain that is no seizure", key="b"),
        ReviewLabel(name="eeg-artefact", meaning="not made by the brain", key="f"),
        ReviewLabel(name="unsure", meaning="cannot be told", key="x"),
    ),
    undecided="unsure",
    span_s=0.0,
)


def by_rule(kind: str) -> Prediction:
    """Say that a rule over measured amplitudes and rhythms made it."""
    return said_by_rule(NAME, RULES, kind)
