"""What the beat detector and its classifier may say."""

from biosignal.model.contract import ModelContract
from biosignal.model.manifest import Role, TensorSpec
from biosignal.tasks.ecg_beats.intervals import HISTORY_SHAPE
from biosignal.tasks.ecg_beats.windows import BEAT_SHAPE, PREPROCESSING, RATE_HZ, RR_SHAPE
from biosignal.tasks.ecg_front.kinds import VENTRICULAR, VENTRICULAR_SEEN
from biosignal.tasks.task import MarkKind, Quantity, ReviewLabel, ReviewUnit

NAME = "ecg-beats"
CLASSES = ("N", "S", "V", "F")
"""AAMI classes (EC57) in the order of the model's scores."""
BEAT = MarkKind(
    name="beat",
    label="beat",
    plural="beats",
    unanswered="Q",
    numbers=("rr_before", "amplitude", "likeness_before", VENTRICULAR),
    line="beat",
    wfdb_symbols={label: label for label in (*CLASSES, "Q")},
)
RR_BEFORE = "rr_before"
AMPLITUDE = "amplitude"
LIKENESS_BEFORE = "likeness_before"
QUANTITIES = {
    RR_BEFORE: Quantity(unit="s", decimals=4, label="RR interval before"),
    AMPLITUDE: Quantity(unit="mV", decimals=3, label="QRS peak to peak"),
    VENTRICULAR: VENTRICULAR_SEEN,
    LIKENESS_BEFORE: Quantity(unit="1", decimals=3, label="likeness to the beat before"),
}
CONTRACT = ModelContract(
    classes=CLASSES,
    inputs=(
        TensorSpec(name="beat", shape=BEAT_SHAPE, role=Role.INPUT, unit="running QRS amplitude", rate_hz=RATE_HZ),
        TensorSpec(name="rr", shape=RR_SHAPE, role=Role.INPUT, unit="log ratio"),
        TensorSpec(name="rr_history", shape=HISTORY_SHAPE, role=Role.INPUT, unit="log ratio to 0.8 s"),
    ),
    preprocessing=PREPROCESSING,
)
REVIEW = ReviewUnit(
    mark=BEAT.name,
    labels=(
        ReviewLabel(name="N", meaning="normal", key="N", wfdb="N"),
        ReviewLabel(name="S", meaning="supraventricular", key="s", wfdb="S"),
        ReviewLabel(name="V", meaning="ventricular", key="v", wfdb="V"),
        ReviewLabel(name="F", meaning="fusion", key="f", wfdb="F"),
        ReviewLabel(name="Q", meaning="cannot be told", key="q", wfdb="Q"),
    ),
    undecided="Q",
)
