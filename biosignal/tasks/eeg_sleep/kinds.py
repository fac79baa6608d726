"""What the staging of sleep may say. Stages are those of the AASM manual, version 3 (2023)."""

from biosignal.events import Priority
from biosignal.model.contract import ModelContract
from biosignal.model.manifest import Role, TensorSpec
from biosignal.tasks.chart import Chart, Form
from biosignal.tasks.eeg_sleep.night import COUNT, PREPROCESSING
from biosignal.tasks.task import FindingKind, MarkKind, Quantity, ReviewLabel, ReviewUnit, Strip

NAME = "eeg-sleep"
RULES = "sleep-rules/1"
CLASSES = ("W", "N1", "N2", "N3", "R")
WAKE, REM = CLASSES[0], CLASSES[-1]
HIDDEN = 96
"""Numbers that each member of the network hands from one epoch to the next."""
MEMBERS = 2
STATE = HIDDEN * MEMBERS
STATE_IN, STATE_OUT = "state", "state_after"
KIND = 2
"""1 where the microvolts can be trusted, 1 where the derivation lies at the back of the head; else 0."""

KNOWN = "night_known"
"""Minutes of the night that an epoch was seen beside, itself among them: few, and the baseline is no more than that."""
SCALED = "amplitude_known"
"""1 where the epoch was staged with its microvolts, 0 where by what does not change with the amplitude."""
EPOCH = MarkKind(
    name="epoch",
    label="epoch of sleep",
    plural="epochs of sleep",
    unanswered="cannot be told",
    numbers=(KNOWN, SCALED),
    line="epoch",
)
STAGE = "sleep_stage"
SLEEP_ONSET, REM_ONSET = "sleep-onset", "rem-onset"
FINDINGS = {
    SLEEP_ONSET: FindingKind(label="sleep onset", priority=Priority.NONE, strip=Strip(before_s=10.0, after_s=30.0)),
    REM_ONSET: FindingKind(label="first REM sleep", priority=Priority.NONE, strip=Strip(before_s=10.0, after_s=30.0)),
}
LATENCY, REM_LATENCY = "since_first_epoch", "rem_latency"
PROBABILITIES = {stage: f"{stage.lower()}_probability" for stage in CLASSES}
QUANTITIES = {
    STAGE: Quantity(unit="1", decimals=2, label="sleep stage"),
    LATENCY: Quantity(unit="min", decimals=1, label="since the first epoch"),
    REM_LATENCY: Quantity(unit="min", decimals=1, label="REM latency"),
    KNOWN: Quantity(unit="min", decimals=1, label="of the night known"),
    SCALED: Quantity(unit="1", decimals=0, label="amplitude known"),
    **{name: Quantity(unit="1", decimals=4, label=f"probability of {stage}") for stage, name in PROBABILITIES.items()},
}
CHARTS = (
    Chart(
        name="hypnogram",
        label="Hypnogram",
        form=Form.STAGES,
        mark=EPOCH.name,
        labels=(WAKE, REM, *CLASSES[1:-1]),
        awake=(WAKE,),
    ),
    Chart(
        name="probabilities",
        label="Probability of each stage",
        form=Form.LINES,
        quantities=tuple(PROBABILITIES.values()),
    ),
)
CONTRACT = ModelContract(
    classes=CLASSES,
    inputs=(
        TensorSpec(name="epoch", shape=(COUNT,), role=Role.INPUT, unit="log ratio"),
        TensorSpec(name="kind", shape=(KIND,), role=Role.INPUT, unit="1"),
    ),
    preprocessing=PREPROCESSING,
    states=(STATE_IN,),
)
REVIEW = ReviewUnit(
    mark=EPOCH.name,
    labels=(
        ReviewLabel(name="W", meaning="wake", key="w"),
        ReviewLabel(name="N1", meaning="stage N1, drowsy", key="1"),
        ReviewLabel(name="N2", meaning="stage N2", key="2"),
        ReviewLabel(name="N3", meaning="stage N3, slow waves", key="3"),
        ReviewLabel(name="R", meaning="REM sleep", key="r"),
        ReviewLabel(name="unscorable", meaning="cannot be told", key="x"),
    ),
    undecided="unscorable",
    span_s=30.0,
)
