"""What the rhythm rules may say."""

from biosignal.events import Prediction, Priority
from biosignal.model.contract import ModelContract
from biosignal.model.manifest import Role, TensorSpec
from biosignal.tasks.ecg_beats.windows import LENGTH
from biosignal.tasks.ecg_beats.windows import RATE_HZ as BEAT_RATE_HZ
from biosignal.tasks.ecg_rhythm.intervals import COUNT
from biosignal.tasks.ecg_rhythm.seen import AROUND, BEATS, PREPROCESSING
from biosignal.tasks.finding_log import by_rule as said_by_rule
from biosignal.tasks.quantities import DURATION, USABLE_SHARE
from biosignal.tasks.task import SINCE_ALARM, FindingKind, MarkKind, Quantity, ReviewLabel, ReviewUnit

NAME = "ecg-rhythm"
RULES = "ecg-rules/1"
CLASSES = ("sinus", "af", "afl", "other-rhythm", "unclear")
"""Sinus rhythm, atrial fibrillation, atrial flutter, any other rhythm or beats that break it, and a lead too noisy to
say."""
P_LIKENESS = "p_likeness"
INTERVALS = "intervals"
AF_LATELY = "af_lately"
RHYTHM = MarkKind(
    name="rhythm",
    label="stretch of rhythm",
    plural="stretches of rhythm",
    unanswered="cannot be told",
    numbers=(P_LIKENESS, INTERVALS, AF_LATELY),
    line="rhythm",
)
CONTRACT = ModelContract(
    classes=CLASSES,
    inputs=(
        TensorSpec(name="intervals", shape=(COUNT,), role=Role.INPUT, unit="log ratio"),
        TensorSpec(
            name="beats", shape=(BEATS, LENGTH), role=Role.INPUT, unit="running QRS amplitude", rate_hz=BEAT_RATE_HZ
        ),
        TensorSpec(name="around", shape=(BEATS, AROUND), role=Role.INPUT, unit="log ratio"),
        TensorSpec(name="seen", shape=(BEATS,), role=Role.INPUT, unit="1"),
    ),
    preprocessing=PREPROCESSING,
    embedding=False,
)
ANNOTATE = ReviewUnit(
    mark=RHYTHM.name,
    labels=(
        ReviewLabel(name="sinus", meaning="sinus rhythm", key="s", wfdb="(N"),
        ReviewLabel(name="af", meaning="atrial fibrillation", key="f", wfdb="(AFIB"),
        ReviewLabel(name="afl", meaning="atrial flutter", key="l", wfdb="(AFL"),
        ReviewLabel(name="other-rhythm", meaning="any other rhythm", key="o"),
        ReviewLabel(name="unclear", meaning="cannot be told", key="x"),
    ),
    undecided="unclear",
    span_s=0.0,
)
"""A stretch of rhythm is marked by who reads a recording; no finding asks anybody about one."""
FINDINGS = {
    "pvc": FindingKind(label="premature ventricular beats", priority=Priority.NONE),
    "pvc-couplet": FindingKind(label="ventricular couplet", priority=Priority.NONE),
    "v-run": FindingKind(label="run of ventricular beats", priority=Priority.MEDIUM, again_s=60.0, wfdb_rhythm="(VT"),
    "vt": FindingKind(label="ventricular tachycardia", priority=Priority.HIGH, wfdb_rhythm="(VT"),
    "pause": FindingKind(label="pause", priority=Priority.MEDIUM, again_s=60.0),
    "asystole": FindingKind(label="asystole", priority=Priority.HIGH),
    "bradycardia": FindingKind(label="bradycardia", priority=Priority.MEDIUM),
    "tachycardia": FindingKind(label="tachycardia", priority=Priority.MEDIUM),
    "af": FindingKind(label="atrial fibrillation", priority=Priority.LOW, again_s=600.0, wfdb_rhythm="(AFIB"),
    "afl": FindingKind(label="atrial flutter", priority=Priority.LOW, again_s=600.0, wfdb_rhythm="(AFL"),
    "bigeminy": FindingKind(label="ventricular bigeminy", priority=Priority.NONE, wfdb_rhythm="(B"),
    "trigeminy": FindingKind(label="ventricular trigeminy", priority=Priority.NONE, wfdb_rhythm="(T"),
    "irregular": FindingKind(label="irregular rhythm", priority=Priority.LOW),
    "no-ecg-seen": FindingKind(label="no ECG seen", priority=Priority.MEDIUM, technical=True, escalate_s=120.0),
}
HEART_RATE = "heart_rate"
QUANTITIES = {
    "count": Quantity(unit="beats", decimals=0),
    "unclassified": Quantity(unit="beats", decimals=0),
    "otherwise": Quantity(unit="beats", decimals=0, label="beats of another class"),
    HEART_RATE: Quantity(unit="/min", decimals=0),
    "lowest_rate": Quantity(unit="/min", decimals=0),
    "highest_rate": Quantity(unit="/min", decimals=0),
    "v_rate": Quantity(unit="/min", decimals=0, label="ventricular rate"),
    "rr_interval": Quantity(unit="s", decimals=2, label="RR interval"),
    "median_rr": Quantity(unit="s", decimals=2, label="median RR interval"),
    "coupling_interval": Quantity(unit="s", decimals=2),
    "duration": DURATION,
    "rr_change_share": Quantity(unit="%", decimals=0, label="share of changed RR intervals"),
    "probability": Quantity(unit="1", decimals=2),
    INTERVALS: Quantity(unit="intervals", decimals=0, label="intervals looked at"),
    AF_LATELY: Quantity(unit="1", decimals=2, label="fibrillation by the last beats alone"),
    P_LIKENESS: Quantity(unit="1", decimals=2, label="likeness of the P waves"),
    "atrial_burden": Quantity(unit="%", decimals=1, label="share of the last 24 hours"),
    "mean_heart_rate": Quantity(unit="/min", decimals=1),
    "beats": Quantity(unit="beats", decimals=0),
    "v_beats": Quantity(unit="beats", decimals=0, label="ventricular beats"),
    "s_beats": Quantity(unit="beats", decimals=0, label="supraventricular beats"),
    "s_unassessed": Quantity(unit="beats", decimals=0, label="irregular, S not assessed"),
    "usable_share": USABLE_SHARE,
    SINCE_ALARM: Quantity(unit="s", decimals=0, label="since the last alarm of this kind"),
}


def by_rule(kind: str) -> Prediction:
    """Say that a rule over measured intervals made the finding."""
    return said_by_rule(NAME, RULES, kind)
