"""What the diagnosis may say of ten seconds, and of what persists."""

from biosignal.ecg.leads import INDEPENDENT
from biosignal.events import Priority
from biosignal.model.contract import ModelContract
from biosignal.model.manifest import Role, TensorSpec
from biosignal.tasks.ecg_diagnosis.seen import PREPROCESSING, RATE_HZ, WINDOW
from biosignal.tasks.ecg_diagnosis.statements import STATEMENTS, SUPERCLASSES, UNDECIDED
from biosignal.tasks.ecg_diagnosis.waves import KNOWN
from biosignal.tasks.task import FindingKind, MarkKind, Quantity, ReviewLabel, ReviewUnit, Strip

NAME = "ecg-diagnosis"
RULES = "diagnosis-rules/1"
CLASSES = tuple(one.code for one in STATEMENTS)
MAIN = tuple(one.code for one in SUPERCLASSES)
"""Of these a window is called by the most probable one; the others are told beside it."""
NORMAL = MAIN[0]
SHOWN = "leads_shown"
TEN_SECONDS = MarkKind(
    name="ten-seconds",
    label="statement on ten seconds",
    plural="statements on ten seconds",
    unanswered="cannot be told",
    numbers=(SHOWN,),
    line=None,
    states=True,
)
MAIN_STATEMENT = "main_statement"
PROBABILITY, WINDOWS = "mean_probability", "windows_stated"
PERSISTING = {
    "MI": "ecg-infarction",
    "STTC": "ecg-st-t-change",
    "CD": "ecg-conduction",
    "HYP": "ecg-hypertrophy",
}
"""Which finding a statement becomes once it persists."""
_STRIP = Strip(before_s=0.0, after_s=10.0)
FINDINGS = {
    PERSISTING["MI"]: FindingKind(label="signs of infarction", priority=Priority.NONE, strip=_STRIP),
    PERSISTING["STTC"]: FindingKind(label="ST-T change", priority=Priority.NONE, strip=_STRIP),
    PERSISTING["CD"]: FindingKind(label="conduction disturbance", priority=Priority.NONE, strip=_STRIP),
    PERSISTING["HYP"]: FindingKind(label="signs of hypertrophy", priority=Priority.NONE, strip=_STRIP),
}
QUANTITIES = {
    SHOWN: Quantity(unit="1", decimals=0, label="leads shown, of eight"),
    MAIN_STATEMENT: Quantity(unit="1", decimals=2, label="probability of the main statement"),
    PROBABILITY: Quantity(unit="1", decimals=2, label="mean probability"),
    WINDOWS: Quantity(unit="1", decimals=0, label="windows of ten seconds with it"),
}
CONTRACT = ModelContract(
    classes=CLASSES,
    inputs=(
        TensorSpec(name="ecg", shape=(len(INDEPENDENT), WINDOW), role=Role.INPUT, unit="mV", rate_hz=RATE_HZ),
        TensorSpec(name="mask", shape=(len(INDEPENDENT),), role=Role.INPUT, unit="1"),
        TensorSpec(name="measured", shape=KNOWN, role=Role.INPUT),
    ),
    preprocessing=PREPROCESSING,
)
REVIEW = ReviewUnit(
    mark=TEN_SECONDS.name,
    labels=tuple(ReviewLabel(name=one.code, meaning=one.meaning, key=one.key) for one in (*STATEMENTS, UNDECIDED)),
    undecided=UNDECIDED.code,
    span_s=10.0,
)
