"""The declaration of the heartbeats."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.ecg_beats.kinds import BEAT, CONTRACT, NAME, QUANTITIES, REVIEW
from biosignal.tasks.ecg_beats.limits import BeatLimits
from biosignal.tasks.ecg_beats.overview import overview_of_beats
from biosignal.tasks.ecg_beats.scorer import score_beats
from biosignal.tasks.ecg_beats.stage import make_stage
from biosignal.tasks.ecg_front.kinds import NAME as ECG_FRONT
from biosignal.tasks.signal_quality.kinds import NAME as SIGNAL_QUALITY
from biosignal.tasks.task import Task, Wants

ECG_BEATS = Task(
    name=NAME,
    label="Heartbeats",
    package="biosignal.tasks.ecg_beats",
    wants=Wants(kinds=(LeadKind.ECG,), fs_hz=(100.0, 1000.0), unknown=True),
    needs=(SIGNAL_QUALITY, ECG_FRONT),
    make=make_stage,
    model=CONTRACT,
    marks=(BEAT,),
    quantities=QUANTITIES,
    limits=BeatLimits,
    review=REVIEW,
    scorer=score_beats,
    overview=overview_of_beats,
)
