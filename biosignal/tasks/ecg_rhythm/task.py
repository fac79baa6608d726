"""The declaration of the rhythm."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.ecg_beats.kinds import NAME as ECG_BEATS
from biosignal.tasks.ecg_front.kinds import NAME as ECG_FRONT
from biosignal.tasks.ecg_rhythm.kinds import ANNOTATE, CONTRACT, FINDINGS, NAME, QUANTITIES, RHYTHM
from biosignal.tasks.ecg_rhythm.limits import BEDSIDE, RhythmLimits
from biosignal.tasks.ecg_rhythm.stage import make_stage
from biosignal.tasks.peripheral_pulse.kinds import NAME as PERIPHERAL_PULSE
from biosignal.tasks.signal_quality.kinds import NAME as SIGNAL_QUALITY
from biosignal.tasks.task import Task, Wants

ECG_RHYTHM = Task(
    name=NAME,
    label="Heart rhythm",
    package="biosignal.tasks.ecg_rhythm",
    wants=Wants(kinds=(LeadKind.ECG,), fs_hz=(100.0, 1000.0), unknown=True),
    needs=(SIGNAL_QUALITY, ECG_FRONT, ECG_BEATS),
    hears=(PERIPHERAL_PULSE,),
    make=make_stage,
    model=CONTRACT,
    marks=(RHYTHM,),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=RhythmLimits,
    bedside=BEDSIDE,
    annotate=(ANNOTATE,),
)
