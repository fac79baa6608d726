"""What the front end may say: QRS complexes of all leads together, how fit they are to judge, fibrillation."""

from biosignal.events import Priority
from biosignal.model.contract import ModelContract
from biosignal.model.manifest import Role, TensorSpec
from biosignal.tasks.ecg_front.channels import CHANNELS, PREPROCESSING, RATE_HZ
from biosignal.tasks.quantities import DURATION
from biosignal.tasks.task import FindingKind, MarkKind, Quantity

NAME = "ecg-front"
STEPS = 32
"""Samples at 125 Hz that the network takes at a time: 256 ms. Half as many would cost half as much again."""
SECOND_STEPS = 4
"""So many of them are a second, nearly."""
DELAY = 12
"""Its answer about a sample comes this many samples later: 96 ms."""
OUTPUTS = ("qrs", "ventricular", "vf", "vt", "good", "noisy", "contact-lost")
"""For each sample and lead. The last three, how fit the lead is, add up to one."""
STATE = 8158
"""Numbers that are handed from one step to the next: what each convolution still needs of its past."""
STATE_IN, STATE_OUT = "state", "state_after"

VENTRICULAR = "ventricular_seen"
"""How ventricular a QRS looks to the network, all leads together; absent where the classical detector found it."""
VENTRICULAR_SEEN = Quantity(unit="1", decimals=2, label="ventricular as the front end sees it")
QRS = MarkKind(name="qrs", label="QRS complex", plural="QRS complexes", packed=False, line=None, numbers=(VENTRICULAR,))
SWING = "lead_swing"
"""How far the quietest lead swings within the second that ends with this one, in mV."""
STILL = "lies_still"
"""Share of that second in which a lead that showed a heart lay still, see `Stillness`."""
FITNESS = MarkKind(
    name="fitness",
    label="second of fitness",
    plural="seconds of fitness",
    packed=False,
    line=None,
    numbers=("fit", SWING, STILL),
)
"""A second of all leads together; there are none where the network does not answer."""
FIT = "fit"
FIBRILLATES, LATELY = "vf", "vf lately"
"""Labels of a second of fitness that lies in fibrillation, and of one so soon behind it that `vf` is still open;
``none`` elsewhere."""
FINDINGS = {
    "vf": FindingKind(label="ventricular fibrillation or flutter", priority=Priority.HIGH, wfdb_rhythm="(VF"),
}
QUANTITIES = {
    FIT: Quantity(unit="1", decimals=2, label="fitness of the best lead"),
    VENTRICULAR: VENTRICULAR_SEEN,
    SWING: Quantity(unit="mV", decimals=2, label="swing of the quietest lead"),
    STILL: Quantity(unit="1", decimals=2, label="share of the second in which a lead lies still"),
    "vf_probability": Quantity(unit="1", decimals=2, label="probability of fibrillation"),
    "duration": DURATION,
}
CONTRACT = ModelContract(
    classes=OUTPUTS,
    inputs=(TensorSpec(name="channels", shape=(CHANNELS, STEPS), role=Role.INPUT, rate_hz=RATE_HZ),),
    preprocessing=PREPROCESSING,
    embedding=False,
    states=(STATE_IN,),
    steps=STEPS,
)
