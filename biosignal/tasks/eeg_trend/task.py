"""The declaration of the trends of the EEG."""

from biosignal.eeg.spectrum import LINES_HZ
from biosignal.signal.blocks import LeadKind, Unit
from biosignal.tasks.chart import Chart, Form
from biosignal.tasks.eeg_seconds import GRADED_BY
from biosignal.tasks.eeg_trend.kinds import (
    AEEG_LOWER,
    AEEG_UPPER,
    ALPHA_DELTA,
    ARRAY,
    BSR,
    BURST,
    FINDINGS,
    NAME,
    QUANTITIES,
    SEF90,
    SEF95,
    SHARES,
)
from biosignal.tasks.eeg_trend.limits import EegTrendLimits
from biosignal.tasks.eeg_trend.overview import overview
from biosignal.tasks.eeg_trend.stage import make_stage
from biosignal.tasks.task import Task, Wants

CHARTS = (
    Chart(
        name="array",
        label="Spectral array",
        form=Form.ARRAY,
        quantities=ARRAY,
        axis=tuple(float(at) for at in LINES_HZ),
        axis_unit="Hz",
    ),
    Chart(name="aeeg", label="Amplitude-integrated EEG", form=Form.MARGINS, quantities=(AEEG_LOWER, AEEG_UPPER)),
    Chart(name="suppression", label="Burst suppression ratio", form=Form.LINES, quantities=(BSR,)),
    Chart(name="bands", label="Shares of the bands", form=Form.LINES, quantities=SHARES),
    Chart(name="edges", label="Spectral edges", form=Form.LINES, quantities=(SEF90, SEF95)),
    Chart(name="alpha", label="Alpha over delta", form=Form.LINES, quantities=(ALPHA_DELTA,)),
)

EEG_TREND = Task(
    name=NAME,
    label="EEG trends",
    package="biosignal.tasks.eeg_trend",
    wants=Wants(
        kinds=(LeadKind.EEG,),
        units=(Unit.MILLIVOLT, Unit.MICROVOLT),
        fs_hz=(100.0, 1000.0),
        most=None,
    ),
    needs=(GRADED_BY,),
    make=make_stage,
    marks=(BURST,),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=EegTrendLimits,
    charts=CHARTS,
    overview=overview,
)
