"""What the rhythm rules may say."""

from biosignal.events import Prediction, Priority
from biosignal.tasks.finding_log import by_rule as said_by_rule
from biosignal.tasks.quantities import DURATION, USABLE_SHARE
from biosignal.tasks.task import SINCE_ALARM, FindingKind, Quantity

NAME = "ecg-rhythm"
RULES = "ecg-rules/1"
FINDINGS = {
    "pvc": FindingKind(label="premature ventricular beats", priority=Priority.NONE),
    "pvc-couplet": FindingKind(label="ventricular couplet", priority=Priority.NONE),
    "v-run": FindingKind(label="run of ventricular beats", priority=Priority.MEDIUM, again_s=60.0, wfdb_rhythm="(VT"),
    "vt": FindingKind(label="ventricular tachycardia", priority=Priority.HIGH, wfdb_rhythm="(VT"),
    "pause": FindingKind(label="pause", priority=Priority.MEDIUM, again_s=60.0),
    "asystole": FindingKind(label="asystole", priority=Priority.HIGH),
    "bradycardia": FindingKind(label="bradycardia", priority=Priority.MEDIUM),
    "tachycardia": FindingKind(label="tachycardia", priority=Priority.MEDIUM),
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
    "mean_heart_rate": Quantity(unit="/min", decimals=1),
    "beats": Quantity(unit="beats", decimals=0),
    "v_beats": Quantity(unit="beats", decimals=0, label="ventricular beats"),
    "usable_share": USABLE_SHARE,
    SINCE_ALARM: Quantity(unit="s", decimals=0, label="since the last alarm of this kind"),
}


def by_rule(kind: str) -> Prediction:
    """Say that a rule over measured intervals made the finding."""
    return said_by_rule(NAME, RULES, kind)
