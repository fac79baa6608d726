"""The synthetic patient as a source: ``synthetic/NAME``, ``synthetic/NAME@SEED``, or a scenario's file."""

import threading
from collections.abc import Iterator

from biosignal.errors import BadInput
from biosignal.signal.blocks import Signal
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import Scenario
from biosignal.synthetic.scenarios import scenario_named
from biosignal.synthetic.waves import ELECTRODES
from edge_agent.sources.home import path_typed
from edge_agent.sources.port import Description, LeadDescription, Scale, SourceFacts, SourceHealth, SourceState
from edge_agent.sources.scenario_file import SUFFIXES, read_scenario
from edge_agent.sources.wfdb_annotations import Annotation

PREFIX = "synthetic/"
DEFAULT_SEED = 1


MADE_UP = "synthetic: made by a formula and a seed, not recorded from any person"


class Synthetic:
    """A scenario played with a seed. Its name begins with ``synthetic-``, so nobody takes it for a person."""

    def __init__(self, scenario: Scenario, *, seed: int = DEFAULT_SEED) -> None:
        self.recording = SyntheticRecording(scenario, seed=seed)
        self._id = ""
        self._closed = threading.Event()
        self._done = False

    def recording_facts(self) -> SourceFacts:
        """Return name, leads, rate and length, and the hash that names the content."""
        made = self.recording
        seed = "" if made.seed == DEFAULT_SEED else f"-{made.seed}"
        return SourceFacts(
            name=f"synthetic-{made.scenario.name}{seed}",
            leads=made.leads,
            fs_hz=made.fs_hz,
            live=False,
            content_hash=made.scenario.identity(made.seed),
            length=made.length,
        )

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._id = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the recording from its start."""
        self._done = False
        for item in self.recording.blocks(self._id):
            if self._closed.is_set():
                return
            yield item
        self._done = True

    def close(self) -> None:
        """Make `read` end behind the current block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """Whether the recording is through."""
        return SourceHealth(state=SourceState.ENDED if self._done else SourceState.STREAMING, since_monotonic_s=0.0)

    def description(self) -> Description:
        """Scales, and that nobody was recorded."""
        made = self.recording
        units = [lead.unit.value for lead in made.leads]
        return Description(
            leads=tuple(
                LeadDescription(unit_text=unit, scale=Scale(step=1 / gain))
                for unit, gain in zip(units, made.per_unit, strict=True)
            ),
            texts=(("comment", MADE_UP),),
        )

    def annotations(self) -> list[Annotation]:
        """The truth as WFDB annotations: beats, rhythms, lone P waves, fibrillation, unusable stretches."""
        return truth_annotations(self.recording)


def open_synthetic(name: str, *, seed: int | None = None) -> Synthetic:
    """Make the source of a scenario: ``NAME``, ``NAME@SEED``, or the path of a scenario's file.

    A seed given here goes before one in the name or the file.

    Raises
    ------
    BadInput : no such scenario, or no such seed.
    """
    if name.endswith(SUFFIXES):
        scenario, named_seed = read_scenario(path_typed(name))
    else:
        plain, at, text = name.removeprefix(PREFIX).partition("@")
        if at and not text.isdecimal():
            raise BadInput("a seed is a whole number from 0 on", record=name, remedy=f"`{PREFIX}{plain}@7`")
        scenario, named_seed = scenario_named(plain), int(text) if at else None
    chosen = next(one for one in (seed, named_seed, DEFAULT_SEED) if one is not None)
    return Synthetic(scenario, seed=chosen)


def truth_annotations(made: SyntheticRecording) -> list[Annotation]:
    """The truth of a recording as WFDB annotations, every one at a sample of its own.

    Beats by their codes; ``+`` a change of rhythm, ``x`` a P wave without QRS, ``[`` and ``]`` around ventricular
    fibrillation, ``~`` with subtype -1 and 0 around what cannot be used (an electrode off, a dead or lost signal),
    ``"`` other episodes and stages of sleep, begin and end.
    """
    truth = made.truth
    found: list[tuple[int, int, Annotation]] = []

    def add(order: int, sample: int, symbol: str, *, subtype: int = 0, aux: str = "") -> None:
        found.append((sample, order, Annotation(sample=sample, symbol=symbol, subtype=subtype, aux=aux)))

    for change in truth.rhythms:
        add(0, change.sample, "+", aux=change.aux)
    for beat in truth.beats:
        add(2, beat.sample, beat.symbol)
    for sample in truth.lone_p:
        add(3, sample, "x")
    for stage in truth.stages:
        add(1, stage.start, '"', aux=f"stage {stage.stage}")
    for episode in truth.episodes:
        if episode.kind == "vf":
            add(1, episode.start, "[")
            add(4, episode.end, "]")
        elif episode.kind in ("flat-line", "dropout") or (
            episode.kind == "lead-off" and _is_off(made, episode.note.split())
        ):
            add(1, episode.start, "~", subtype=-1)
            add(4, episode.end, "~")
        else:
            add(1, episode.start, '"', aux=f"({episode.kind} {episode.note}".strip())
            add(4, episode.end, '"', aux=f"{episode.kind})")
    return _apart([one for _, _, one in sorted(found, key=lambda row: row[:2])])


def _is_off(made: SyntheticRecording, electrodes: list[str]) -> bool:
    leads = made.scenario.leads
    return bool(leads) and bool(set(electrodes) & set(ELECTRODES[leads[0]]))


def _apart(annotations: list[Annotation]) -> list[Annotation]:
    """Move what would share a sample with a beat or its like by a sample or two; beats stay where they are."""
    beats = {one.sample for one in annotations if one.symbol not in ('"', "+", "~", "[", "]", "x")}
    taken = set(beats)
    moved: list[Annotation] = []
    for one in annotations:
        sample = one.sample
        if one.symbol in ('"', "+", "~", "[", "]", "x"):
            while sample in taken:
                sample += 1
            taken.add(sample)
        moved.append(
            Annotation(sample=sample, symbol=one.symbol, subtype=one.subtype, chan=one.chan, num=one.num, aux=one.aux)
        )
    return sorted(moved, key=lambda one: one.sample)
