"""What can be set about the quality of the EEG."""

from dataclasses import dataclass, fields

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class EegQualityLimits:
    """Limits in microvolts of a half second, and after how many seconds what is bad becomes a finding.

    `flat_uv` is peak to peak: what shows no more than 2 uV shows no brain, by the American Clinical Neurophysiology
    Society's guideline on recording in suspected cerebral death (2016), and the hiss of an input does. `rail_uv` is the
    absolute value at which the front end saturates; learned if absent. Of muscle and mains the first limit degrades and
    the second rejects where it swamps the rest as well; muscle is the standard deviation above 25 Hz without the mains,
    mains the peak of the hum.
    """

    flat_uv: float = 2.0
    muscle_uv: float = 10.0
    muscle_rejected_uv: float = 30.0
    mains_uv: float = 12.0
    mains_rejected_uv: float = 60.0
    movement_uv: float = 1000.0
    movement_rejected_uv: float = 2000.0
    pop_uv: float = 60.0
    blink_uv: float = 50.0
    bridged_uv: float = 2.0
    rail_uv: float | None = None
    bad_signal_s: float = 5.0
    good_signal_s: float = 5.0
    bridged_s: float = 10.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and not 0 < value < float("inf"):
                raise BadInput("a limit of the EEG's quality is above 0", name=one.name, value=value)
        for low, high in (
            ("muscle_uv", "muscle_rejected_uv"),
            ("mains_uv", "mains_rejected_uv"),
            ("movement_uv", "movement_rejected_uv"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise BadInput("what degrades lies below what rejects", name=low, value=getattr(self, low))
