"""What the trends of the EEG may say."""

from biosignal.eeg.spectrum import BANDS, LINES_HZ
from biosignal.events import Prediction, Priority
from biosignal.tasks.finding_log import by_rule as said_by_rule
from biosignal.tasks.quantities import DURATION, USABLE_SHARE
from biosignal.tasks.task import SINCE_ALARM, FindingKind, MarkKind, Quantity, Strip

NAME = "eeg-trend"
RULES = "eeg-trend-rules/1"
BURST_SUPPRESSION, SUPPRESSED = "burst-suppression", "eeg-suppression"
BURST_AMPLITUDE = "burst_amplitude"
BURST = MarkKind(
    name="eeg-burst",
    label="burst",
    plural="bursts",
    numbers=(BURST_AMPLITUDE,),
)
_STRIP = Strip(before_s=2.0, after_s=18.0)
FINDINGS = {
    BURST_SUPPRESSION: FindingKind(label="burst suppression", priority=Priority.LOW, again_s=600.0, strip=_STRIP),
    SUPPRESSED: FindingKind(label="suppressed EEG", priority=Priority.LOW, again_s=600.0, strip=_STRIP),
}
POWERS = tuple(f"{band}_power" for band in BANDS)
SHARES = tuple(f"{band}_share" for band in BANDS)
SEF90, SEF95, ALPHA_DELTA = "sef90", "sef95", "alpha_delta_ratio"
SPECTRUM = (*POWERS, *SHARES, SEF90, SEF95, ALPHA_DELTA)
"""Columns of each lead's spectrum, in their order."""
ARRAY = tuple(f"density_{at}_hz" for at in LINES_HZ)
"""Columns of the spectral array of a side of the head."""
ASYMMETRY, SYMMETRY_INDEX = "power_asymmetry", "brain_symmetry_index"
AEEG_LOWER, AEEG_UPPER = "aeeg_lower", "aeeg_upper"
BSR, BURSTS, LOW_SHARE, USABLE = "burst_suppression_ratio", "bursts_per_min", "low_voltage_share", "usable_share"
SUPPRESSION = (BSR, BURSTS, LOW_SHARE, USABLE)
READ = (SEF95, ALPHA_DELTA, AEEG_LOWER, AEEG_UPPER, BSR)
QUANTITIES = {
    **{f"{band}_power": Quantity(unit="uV^2", decimals=2, label=f"{band} power") for band in BANDS},
    **{f"{band}_share": Quantity(unit="%", decimals=1, label=f"share of {band}") for band in BANDS},
    SEF90: Quantity(unit="Hz", decimals=1, label="spectral edge, 90 %"),
    SEF95: Quantity(unit="Hz", decimals=1, label="spectral edge, 95 %"),
    ALPHA_DELTA: Quantity(unit="1", decimals=2, label="ratio of alpha to delta"),
    **{
        name: Quantity(unit="dB", decimals=1, label=f"power at {at} Hz, over 1 uV^2/Hz")
        for name, at in zip(ARRAY, LINES_HZ, strict=True)
    },
    ASYMMETRY: Quantity(unit="%", decimals=1, label="power of the right over the left"),
    SYMMETRY_INDEX: Quantity(unit="1", decimals=3, label="brain symmetry index"),
    AEEG_LOWER: Quantity(unit="uV", decimals=1, label="aEEG, lower margin"),
    AEEG_UPPER: Quantity(unit="uV", decimals=1, label="aEEG, upper margin"),
    BSR: Quantity(unit="%", decimals=1, label="burst suppression ratio"),
    BURSTS: Quantity(unit="/min", decimals=1, label="bursts"),
    LOW_SHARE: Quantity(unit="%", decimals=1, label="seconds of low voltage"),
    USABLE: USABLE_SHARE,
    BURST_AMPLITUDE: Quantity(unit="uV", decimals=0, label="peak to peak of a burst"),
    "duration": DURATION,
    SINCE_ALARM: Quantity(unit="s", decimals=0, label="since the last alarm of this kind"),
}


def by_rule(kind: str) -> Prediction:
    """Say that a rule over measured amplitudes said so."""
    return said_by_rule(NAME, RULES, kind)
