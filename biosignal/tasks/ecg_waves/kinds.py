"""What the task of the waves may say."""

from biosignal.model.contract import ModelContract
from biosignal.model.manifest import Role, TensorSpec
from biosignal.tasks.ecg_waves.seen import CHANNELS, PREPROCESSING, RATE_HZ, STEP
from biosignal.tasks.task import MarkKind, Quantity

NAME = "ecg-waves"
CLASSES = ("no-wave", "p-wave", "qrs-complex", "t-wave")
P, QRS, T = range(1, len(CLASSES))
STATE = 8658
"""Numbers that are handed from one step to the next: what each convolution still needs of its past."""
STATE_IN, STATE_OUT = "state", "state_after"
CONTRACT = ModelContract(
    classes=CLASSES,
    inputs=(TensorSpec(name="channels", shape=(CHANNELS, STEP), role=Role.INPUT, rate_hz=RATE_HZ),),
    preprocessing=PREPROCESSING,
    embedding=False,
    states=(STATE_IN,),
    steps=STEP,
)

PRESENT, ABSENT = "P wave", "no P wave"
P_DURATION, PR, QRS_DURATION, QT, QTC = "p_duration", "pr_interval", "qrs_duration", "qt_interval", "qtc_fridericia"
MEASURED = "beats_measured"
P_WAVE = MarkKind(
    name="p-wave",
    label=PRESENT,
    plural="P waves",
    unanswered="cannot be told",
    numbers=(P_DURATION, PR),
    line="wave",
    packed=False,
)
"""One for each QRS complex: where no P wave is before it, it lies at the onset and says ``no P wave``."""
QRS_COMPLEX = MarkKind(
    name="qrs-complex", label="QRS complex", plural="QRS complexes", numbers=(QRS_DURATION,), line="wave", packed=False
)
T_WAVE = MarkKind(name="t-wave", label="T wave", plural="T waves", numbers=(QT, QTC), line="wave", packed=False)
UNSEEN = MarkKind(
    name="waves-unseen",
    label="stretch without an answer",
    plural="stretches without an answer",
    packed=False,
    line=None,
)
QUANTITIES = {
    P_DURATION: Quantity(unit="ms", decimals=0, label="P duration"),
    PR: Quantity(unit="ms", decimals=0, label="PR interval"),
    QRS_DURATION: Quantity(unit="ms", decimals=0, label="QRS duration"),
    QT: Quantity(unit="ms", decimals=0, label="QT interval"),
    QTC: Quantity(unit="ms", decimals=0, label="QTc (Fridericia)"),
    MEASURED: Quantity(unit="%", decimals=0, label="beats measured"),
}
