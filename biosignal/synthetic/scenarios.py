"""Scenarios with a name: for tests, demonstrations and training. A new one is one entry of `SCENARIOS`."""

from collections.abc import Mapping

from biosignal.errors import BadInput
from biosignal.synthetic.brain import BurstSuppression, Seizure, Sleep, Wake
from biosignal.synthetic.montage import BIPOLAR, NIGHT, REFERENTIAL, SLEEP
from biosignal.synthetic.noise import (
    Bridge,
    Dropout,
    ElectrodePop,
    FlatChannel,
    FlatLine,
    Hiss,
    LeadOff,
    Mains,
    Motion,
    Muscle,
    Noise,
    Saturation,
    Wander,
)
from biosignal.synthetic.rhythms import (
    Asystole,
    AtrialFibrillation,
    AtrialFlutter,
    AvBlock,
    Paced,
    Pattern,
    Rhythm,
    Sinus,
    SinusPause,
    SupraventricularTachycardia,
    Torsades,
    VentricularFibrillation,
    VentricularTachycardia,
)
from biosignal.synthetic.scenario import BrainSegment, Scenario, Segment, StShift
from biosignal.synthetic.waves import TWELVE

QUIET: tuple[Noise, ...] = (Hiss(), Wander(amplitude_mv=0.05))
STEADY = Sinus(rate_per_min=80.0, variability=0.0, form="test", t_scale=0.0)


def _ecg(name: str, about: str, *parts: tuple[float, Rhythm], lasts_s: float, **more: object) -> Scenario:
    heart = tuple(Segment(start_s=start_s, rhythm=rhythm) for start_s, rhythm in parts)
    settings: dict[str, object] = {"noise": QUIET, **more}
    return Scenario(name=name, about=about, duration_s=lasts_s, heart=heart, **settings)  # type: ignore[arg-type]


def _monitor(name: str, about: str, *parts: tuple[float, Rhythm], lasts_s: float, gain: float = 1.0) -> Scenario:
    return _ecg(name, about, *parts, lasts_s=lasts_s, noise=(Hiss(amplitude_mv=0.004),), leads=("II",), gain=gain)


def _rhythms() -> list[Scenario]:
    sinus = Sinus()
    return [
        _ecg("sinus", "sinus rhythm, 72 a minute", (0, sinus), lasts_s=300),
        _ecg(
            "ectopy",
            "sinus rhythm with single early ventricular (two forms) and supraventricular beats",
            (0, Sinus(pvc_share=0.06, sveb_share=0.05, pvc_forms=("outflow", "apex"))),
            lasts_s=600,
        ),
        _ecg(
            "af-paroxysmal",
            "atrial fibrillation from minute 2 to 5",
            (0, sinus),
            (120, AtrialFibrillation()),
            (300, sinus),
            lasts_s=420,
        ),
        _ecg(
            "flutter",
            "atrial flutter, 4:1, 2:1 from minute 2, 4:1 from minute 3",
            (0, AtrialFlutter()),
            (120, AtrialFlutter(ratio=2)),
            (180, AtrialFlutter()),
            lasts_s=240,
        ),
        _ecg(
            "svt-at-minute-1",
            "supraventricular tachycardia, 170 a minute, from minute 1 to 2",
            (0, sinus),
            (60, SupraventricularTachycardia()),
            (120, sinus),
            lasts_s=180,
        ),
        _ecg(
            "pvc-bigeminy",
            "bigeminy from minute 1, trigeminy from minute 2, couplets from minute 3, runs from minute 4",
            (0, sinus),
            (60, Pattern(order="NV")),
            (120, Pattern(order="NNV", forms=("outflow", "apex"))),
            (180, Pattern(order="NNNNNNVV")),
            (240, Pattern(order="NNNNNNNNVVVV")),
            lasts_s=300,
        ),
        _ecg(
            "vt-at-minute-2",
            "ventricular tachycardia, 180 a minute, for 30 s at minute 2",
            (0, Sinus(pvc_share=0.03)),
            (120, VentricularTachycardia()),
            (150, Sinus(rate_per_min=84)),
            lasts_s=240,
        ),
        _ecg(
            "torsades-at-minute-1",
            "polymorphic ventricular tachycardia that twists, for 20 s at minute 1, behind a slow rhythm",
            (0, Sinus(rate_per_min=52, t_scale=1.3)),
            (60, Torsades()),
            (80, Sinus(rate_per_min=60)),
            lasts_s=120,
        ),
        _ecg(
            "vf-at-minute-1",
            "ventricular fibrillation at minute 1, behind 6 s of ventricular tachycardia",
            (0, sinus),
            (60, VentricularTachycardia(rate_per_min=200)),
            (66, VentricularFibrillation()),
            lasts_s=120,
        ),
        _ecg(
            "asystole-at-minute-1",
            "asystole for 20 s at minute 1, the line not quite flat",
            (0, Sinus(rate_per_min=60)),
            (60, Asystole()),
            (80, Sinus(rate_per_min=45)),
            lasts_s=120,
        ),
        _ecg("pauses", "sinus pauses of 2.8 s after every 12 beats", (0, SinusPause()), lasts_s=180),
        _ecg(
            "av-block",
            "first degree, Wenckebach from minute 1, Mobitz from minute 2, complete block from minute 3",
            (0, AvBlock(degree="first")),
            (60, AvBlock(degree="wenckebach")),
            (120, AvBlock(degree="mobitz", pr_s=0.2, every=3)),
            (180, AvBlock(degree="complete")),
            lasts_s=270,
        ),
        _ecg(
            "bundle-branch",
            "left bundle branch block, right from minute 1",
            (0, Sinus(form="left-bundle")),
            (60, Sinus(form="right-bundle")),
            lasts_s=120,
            leads=("II", "V1", "V6"),
        ),
        _ecg(
            "paced",
            "pacemaker in the ventricle; from minute 1 every sixth spike without a beat",
            (0, Paced()),
            (60, Paced(fails_every=6)),
            lasts_s=120,
            fs_hz=500.0,
        ),
        _ecg(
            "st-shift",
            "ST elevation of 0.25 mV from minute 1 to 3, depression of 0.2 mV from minute 4 to 6",
            (0, Sinus(variability=0.02)),
            lasts_s=420,
            st=(
                StShift(start_s=60, duration_s=120, level_mv=0.25),
                StShift(start_s=240, duration_s=120, level_mv=-0.2),
            ),
        ),
        _ecg(
            "twelve-lead",
            "twelve leads of sinus rhythm with single early beats",
            (0, Sinus(pvc_share=0.04, sveb_share=0.03)),
            lasts_s=60,
            leads=TWELVE,
            fs_hz=500.0,
        ),
        _ecg(
            "leads-lost",
            "twelve leads; from second 15 an electrode falls off every ten seconds until none is left, and from 1:50"
            " on they come back",
            (0, Sinus()),
            lasts_s=190,
            noise=(*QUIET, *_LOST),
            leads=TWELVE,
        ),
    ]


_LOST = tuple(
    LeadOff(start_s=15 + 10 * place, duration_s=95 - 5 * place, electrodes=(electrode,))
    for place, electrode in enumerate(("V6", "V1", "V4", "V2", "V5", "V3", "LL", "LA"))
)


def _disturbed() -> list[Scenario]:
    sinus = Sinus(pvc_share=0.03)
    return [
        _ecg(
            "noisy",
            "one minute each: quiet, wander, muscle, mains, electrode motion, all together",
            (0, sinus),
            lasts_s=360,
            noise=(
                Hiss(),
                Wander(start_s=60, duration_s=60, amplitude_mv=0.45),
                Muscle(start_s=120, duration_s=60, amplitude_mv=0.12),
                Mains(start_s=180, duration_s=60, amplitude_mv=0.2),
                Motion(start_s=240, duration_s=60, amplitude_mv=0.35),
                Wander(start_s=300, amplitude_mv=0.3),
                Muscle(start_s=300, amplitude_mv=0.06),
                Mains(start_s=300, amplitude_mv=0.1),
                Motion(start_s=300, amplitude_mv=0.2),
            ),
        ),
        _ecg(
            "lead-off",
            "left leg off at minute 1 for 20 s; flat line at 1:50 for 15 s; saturation at 2:20 for 15 s; a loss of 3 s "
            "at 2:50",
            (0, Sinus()),
            lasts_s=210,
            noise=(
                *QUIET,
                LeadOff(start_s=60, duration_s=20),
                FlatLine(start_s=110, duration_s=15),
                Saturation(start_s=140, duration_s=15, limit_mv=0.6, offset_mv=0.5),
                Dropout(start_s=170, duration_s=3),
            ),
        ),
        _ecg(
            "low-amplitude",
            "QRS of 0.1 mV: less than 0.15 mV is not to be counted",
            (0, Sinus(variability=0.0, form="test", t_scale=0.0)),
            lasts_s=60,
            noise=(Hiss(amplitude_mv=0.002),),
            leads=("II",),
            gain=0.1,
        ),
    ]


def _monitors() -> list[Scenario]:
    fast, slow = (Sinus(rate_per_min=rate, variability=0.0, form="test", t_scale=0.0) for rate in (120.0, 40.0))
    tall = [
        _monitor(
            f"tall-t-{round(1000 * height)}uv",
            f"tall T wave: QRS of 1 mV, T of {height:g} mV, 80 a minute",
            (0, Sinus(rate_per_min=80.0, variability=0.0, form="test", t_scale=height)),
            lasts_s=60,
        )
        for height in (0.4, 0.8, 1.0, 1.2)
    ]
    fourth = [
        _monitor(
            f"vt-{number}{suffix}",
            f"sinus rhythm, at 0:30 ventricular tachycardia of {rate:g} a minute, gain {gain:g}",
            (0, Sinus(rate_per_min=80.0, variability=0.0)),
            (30, VentricularTachycardia(rate_per_min=rate, variability=0.0, form=form, scale=scale)),
            lasts_s=60,
            gain=gain,
        )
        for number, rate, form, scale in (("4a", 206.0, "outflow", 0.7), ("4b", 195.0, "apex", 1.4))
        for suffix, gain in (("-half", 0.5), ("", 1.0), ("-double", 2.0))
    ]
    irregular = {
        "3a": ("ventricular bigeminy, 80 a minute", Pattern(order="NV", rate_per_min=80, coupling_s=0.52)),
        "3b": ("slow alternating bigeminy, 60 a minute", Pattern(order="NV", rate_per_min=60, coupling_s=0.62)),
        "3c": ("rapid alternating bigeminy, 120 a minute", Pattern(order="NV", rate_per_min=120, coupling_s=0.4)),
        "3d": (
            "beats of two directions in turn, 90 a minute",
            Pattern(order="NVV", rate_per_min=90, coupling_s=0.66, run_s=0.67, forms=("outflow", "apex")),
        ),
    }
    return [
        _monitor(
            "monitor-80-120", "rate step from 80 to 120 a minute at minute 1", (0, STEADY), (60, fast), lasts_s=120
        ),
        _monitor("monitor-80-40", "rate step from 80 to 40 a minute at minute 1", (0, STEADY), (60, slow), lasts_s=120),
        *(_monitor(f"irregular-{key}", about, (0, rhythm), lasts_s=60) for key, (about, rhythm) in irregular.items()),
        *tall,
        *fourth,
    ]


def _brains() -> list[Scenario]:
    def brain(*parts: tuple[float, object]) -> tuple[BrainSegment, ...]:
        return tuple(BrainSegment(start_s=start_s, state=state) for start_s, state in parts)  # type: ignore[arg-type]

    eeg: dict[str, object] = {"leads": (), "fs_hz": 256.0, "noise": (Hiss(amplitude_mv=0.001),)}
    return [
        Scenario(
            name="eeg-awake",
            about="eyes open with blinks, closed from 0:30 (alpha), open from 1:00",
            duration_s=90,
            channels=REFERENTIAL,
            brain=brain((0, Wake(eyes_closed=False)), (30, Wake()), (60, Wake(eyes_closed=False))),
            **eeg,  # type: ignore[arg-type]
        ),
        Scenario(
            name="eeg-sleep",
            about="awake, N1, N2, N3, N2, REM, five minutes each",
            duration_s=1800,
            channels=SLEEP,
            brain=brain(
                (0, Wake()),
                (300, Sleep(stage="N1")),
                (600, Sleep(stage="N2")),
                (900, Sleep(stage="N3")),
                (1200, Sleep(stage="N2")),
                (1500, Sleep(stage="R")),
            ),
            **eeg,  # type: ignore[arg-type]
        ),
        Scenario(
            name="night",
            about="a night in ten minutes, 20 epochs of 30 s: awake, N1, N2, N3, N2, REM, awake; at 8:45 a seizure of "
            "40 s that begins under T3",
            duration_s=600,
            channels=NIGHT,
            fs_hz=200.0,
            leads=(),
            noise=(Hiss(amplitude_mv=0.001),),
            brain=brain(
                (0, Wake()),
                (90, Sleep(stage="N1")),
                (150, Sleep(stage="N2", spindles_per_min=8.0)),
                (270, Sleep(stage="N3")),
                (360, Sleep(stage="N2", spindles_per_min=8.0)),
                (420, Sleep(stage="R")),
                (510, Seizure(after_s=15.0, seizure_s=40.0)),
            ),
        ),
        Scenario(
            name="eeg-seizure",
            about="spikes over T3, at 1:05 a seizure of 60 s that begins there and spreads, slow waves behind it",
            duration_s=180,
            channels=BIPOLAR,
            brain=brain((0, Wake(eyes_closed=False, spikes_per_min=15)), (60, Seizure())),
            **eeg,  # type: ignore[arg-type]
        ),
        Scenario(
            name="eeg-absence",
            about="a generalised seizure of 12 s at 0:30, 3 Hz",
            duration_s=60,
            channels=BIPOLAR,
            brain=brain(
                (0, Wake()),
                (
                    25,
                    Seizure(
                        seizure_s=12, focus="Fz", generalised=True, first_hz=3.3, last_hz=2.8, first_uv=150, last_uv=180
                    ),
                ),
            ),
            **eeg,  # type: ignore[arg-type]
        ),
        Scenario(
            name="eeg-burst-suppression",
            about="bursts of 2 s between suppressions of 6 s",
            duration_s=120,
            channels=("C3-P3", "C4-P4"),
            brain=brain((0, BurstSuppression())),
            **eeg,  # type: ignore[arg-type]
        ),
        Scenario(
            name="eeg-artefacts",
            about="blinks; from 0:30 on a pop, mains, a flat channel, muscle, a bridge; at 1:50 the reference is off",
            duration_s=130,
            channels=REFERENTIAL,
            brain=brain((0, Wake(eyes_closed=False)), (20, Wake())),
            leads=(),
            fs_hz=256.0,
            noise=(
                Hiss(amplitude_mv=0.001),
                ElectrodePop(start_s=30, electrodes=("C3",)),
                Mains(start_s=35, duration_s=10, amplitude_mv=0.15, electrodes=("T4",)),
                FlatChannel(start_s=50, duration_s=12, electrodes=("P3",)),
                Muscle(start_s=65, duration_s=15, amplitude_mv=0.06, bursts=0.2, electrodes=("F7", "F8", "T3", "T4")),
                Bridge(start_s=85, duration_s=20, electrodes=("O1", "O2")),
                LeadOff(start_s=110, duration_s=10, electrodes=REFERENTIAL),
            ),
        ),
        Scenario(
            name="sleep-with-heart",
            about="ECG and EEG together: falling asleep, one lead and three channels",
            duration_s=600,
            fs_hz=256.0,
            leads=("II",),
            channels=SLEEP,
            heart=(Segment(start_s=0, rhythm=Sinus(rate_per_min=58, variability=0.05)),),
            brain=brain((0, Wake()), (120, Sleep(stage="N1")), (300, Sleep(stage="N2"))),
            noise=(Hiss(amplitude_mv=0.002),),
        ),
    ]


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario for scenario in (*_rhythms(), *_disturbed(), *_monitors(), *_brains())
}


def scenario_named(name: str) -> Scenario:
    """Find a scenario.

    Raises
    ------
    BadInput : there is none of that name.
    """
    if name not in SCENARIOS:
        raise BadInput("no such synthetic scenario", name=name, remedy=f"one of {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
