import os
import pty
import threading
import tty
from dataclasses import replace

import numpy as np
import pytest
import wfdb

from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock
from edge_agent.operate.clock import HostClock
from edge_agent.sources import KINDS, open_source
from edge_agent.sources.conformance import CHECKS, ContractBroken, Subject, Trial, run_checks
from edge_agent.sources.conformance_pytest import SourceContract
from edge_agent.sources.edf_record import EdfRecord
from edge_agent.sources.excerpt import Excerpt
from edge_agent.sources.paced import Paced
from edge_agent.sources.port import SourceFacts, SourceHealth, SourceState
from edge_agent.sources.settings import SourceSettings
from edge_agent.sources.stretch import Stretch
from tests.sources.edf_files import make_discontinuous, sine, write_edf


def file_named(kind, folder):
    """A small recording of each format."""
    if kind == "wfdb":
        counts = np.arange(5000).reshape(-1, 1) % 400
        wfdb.wrsamp(
            "r", fs=360, units=["mV"], sig_name=["II"], d_signal=counts, fmt=["16"], adc_gain=[200.0], baseline=[0],
            write_dir=str(folder),
        )  # fmt: skip
        return folder / "r"
    if kind == "csv":
        (folder / "r.csv").write_text(
            "time,II (mV)\n" + "".join(f"{i / 250:.3f},{i}\n" for i in range(900) if i != 400)
        )
        return folder / "r.csv"
    if kind == "npz":
        np.savez(folder / "r.npz", fs_hz=250, II=np.arange(900.0), V1=np.arange(900.0) % 7)
        return folder / "r.npz"
    if kind == "rates":
        signals = [("SpO2", 3, "%", sine(4, 3)), ("ECG", 100, "uV", sine(4, 100)), ("Snore", 256, "", sine(4, 256))]
        path = write_edf(folder / "rates.edf", signals, annotations=[(0.5, 1, "a")])
        return make_discontinuous(path, [0, 1, 4, 5])
    path = write_edf(folder / "r.bdf", [("ECG", 100, "uV", sine(4, 100))], annotations=[(0.5, 1, "a")], bdf=True)
    return make_discontinuous(path, [0, 1, 4, 5])


class Line:
    """A board that prints a ramp at 250 Hz on a pseudo terminal, whether anybody reads or not."""

    def __init__(self):
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        number = 0
        while not self._stop.wait(0.04):
            try:
                os.write(self._master, b"".join(b"%d\r\n" % (512 + n % 90) for n in range(number, number + 10)))
            except BlockingIOError:
                os.read(self._slave, 4096)
            number += 10

    def close(self):
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture(scope="module")
def line():
    made = Line()
    yield made
    made.close()


REPLAYS = [
    "excerpt",
    "synthetic/sinus",
    "wfdb",
    "csv",
    "npz",
    "bdf",
    "rates",
    "loop",
    "rates loop",
    "rates paced",
    "rates stretch",
]
SERIALS = [kind for kind in KINDS if kind.startswith("serial")]
PLUGINS = ["brainflow", "lsl"]


def subject_of(name, request, folder):
    settings = SourceSettings(kind=name, block_s=0.02)
    if name in SERIALS:
        protocol = {"protocol": "text"} if "protocol" in SourceSettings.__dataclass_fields__ else {}
        settings = replace(settings, port=request.getfixturevalue("line").path, fs_hz=250.0, **protocol)
    elif name == "brainflow":
        pytest.importorskip("brainflow", reason="BrainFlow is not installed")
    elif name == "lsl":
        settings = replace(settings, options=(f"name={request.getfixturevalue('outlet').name}",))
    elif name.startswith("rates "):
        record = file_named("rates", folder)
        make = {
            "rates loop": lambda: Paced(EdfRecord(record), speed=None, passes=None, clock=HostClock()),
            "rates paced": lambda: Paced(EdfRecord(record), speed=50.0, clock=HostClock(), block_s=0.001),
            "rates stretch": lambda: Stretch(EdfRecord(record), from_s=0.37, to_s=5.05),
        }
        return Subject(make=make[name], seconds=13.3 if name == "rates loop" else 60)
    else:
        record = name if name in ("excerpt", "synthetic/sinus") else str(file_named(name, folder))
        settings = SourceSettings(record="excerpt" if name == "loop" else record, speed=0, passes=1)
        if name == "loop":
            return Subject(make=lambda: open_source(replace(settings, passes=0), HostClock()), seconds=700)
        return Subject(make=lambda: open_source(settings, HostClock()), seconds=60)
    make = {"brainflow": "brainflow_board:open_board", "lsl": "lsl_inlet:open_inlet"}.get(name)
    factory = open_source if make is None else entry(f"edge_agent.sources.plugins.{make}")
    return Subject(make=lambda: factory(settings, HostClock()))


def entry(value):
    """What an entry point of this value names."""
    module, _, name = value.partition(":")
    return getattr(__import__(module, fromlist=[name]), name)


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return {}, tmp_path_factory.mktemp("records")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [*REPLAYS, *SERIALS, *PLUGINS])
def test_every_kind_of_source_keeps_its_promises(name, check, trials, request):
    made, folder = trials
    if name not in made:
        made[name] = Trial(subject_of(name, request, folder))
    check(made[name])


def test_no_kind_is_left_out():
    assert set(KINDS) == {"replay", *SERIALS}


class TestExcerptAsAPluginAuthorWouldTestIt(SourceContract):
    seconds = 10.0

    def make(self):
        return Excerpt()


class Broken(Excerpt):
    """A recording of 4 blocks of 100 samples, one promise broken."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault
        self.length = 400 + (fault == "length")
        Broken.made += 1
        self.number = Broken.made

    made = 0

    def recording_facts(self):
        return replace(
            super().recording_facts(), length=self.length, content_hash=None if self.fault == "hash" else "abc"
        )

    def health(self):
        if self.fault == "health":
            return None
        return SourceHealth(state=SourceState.STREAMING, since_monotonic_s=0.0, counters=(("n", 1),))

    def read(self):
        facts = self.recording_facts()
        for index in range(4):
            values = np.full((1, 100), index, np.float32)
            start = 100 * index + (self.fault == "hole" and index > 1)
            leads = (Lead(name="II"),) if self.fault == "leads" and index == 2 else facts.leads
            if self.fault in ("nan", "inf") and index == 3:
                values[0, 7] = float(self.fault)
            if self.fault == "random":
                values += self.number
            recording = "other" if self.fault == "recording" and index == 3 else self._recording
            if self.fault == "gap" and index == 1:
                yield Gap(recording=recording, start=start, length=0, reason="")
            yield SampleBlock(recording=recording, start=start, fs_hz=facts.fs_hz, leads=leads, samples=values)
            if self.fault == "raises" and index == 2:
                raise RuntimeError("torn")
            if self.fault == "deaf" and index == 2:
                threading.Event().wait(1.6)


@pytest.mark.parametrize(
    ("fault", "check", "seconds"),
    [
        ("hash", "facts_are_usable", 10),
        ("hole", "items_follow_each_other", 10),
        ("length", "gaps_are_honest", 10),
        ("gap", "gaps_are_honest", 10),
        ("leads", "layout_is_constant", 10),
        ("recording", "layout_is_constant", 10),
        ("nan", "values_are_numbers", 10),
        ("inf", "values_are_numbers", 10),
        ("raises", "items_follow_each_other", 10),
        ("deaf", "reading_stops_when_closed", 0.8),
        ("health", "health_can_always_be_asked", 10),
        ("random", "a_replay_repeats_itself", 10),
    ],
)
def test_a_broken_promise_is_noticed(fault, check, seconds):
    trial = Trial(Subject(make=lambda: Broken(fault), seconds=seconds))
    with pytest.raises(ContractBroken):
        next(one for one in CHECKS if one.__name__ == check)(trial)


class OfTwoRates(Excerpt):
    """A recording of an ECG at 360 Hz and a pleth at 90 Hz, 4 stretches of time, one promise broken."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def recording_facts(self):
        rate = {"own": 360.0, "negative": -1.0}.get(self.fault, 90.0)
        pleth = Lead(name="P", kind=LeadKind.PLETH, fs_hz=rate)
        leads = (pleth,) if self.fault == "none" else (Lead(name="II", kind=LeadKind.ECG), pleth)
        return replace(super().recording_facts(), leads=leads, length=400)

    def read(self):
        for index in range(4):
            slow = index - 1 if self.fault == "behind" else index
            both = [self.block(360.0, 100 * index, 100), self.block(90.0, 25 * slow, 25)]
            if self.fault == "hole" and index == 2:
                both = [both[0], self.block(90.0, 51, 24)]
            if self.fault == "first":
                both.reverse()
            yield from both[: 1 if (self.fault == "lacks" and index == 3) or slow < 0 else 2]

    def block(self, fs_hz, start, length):
        facts = self.recording_facts()
        leads = tuple(lead for lead in facts.leads if (lead.fs_hz or 360.0) == fs_hz)
        values = np.zeros((len(leads), length), np.float32)
        return SampleBlock(recording=self._recording, start=start, fs_hz=fs_hz, leads=leads, samples=values)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("own", "facts_are_usable"),
        ("none", "facts_are_usable"),
        ("negative", "facts_are_usable"),
        ("hole", "items_follow_each_other"),
        ("first", "rates_keep_in_step"),
        ("behind", "rates_keep_in_step"),
        ("lacks", "rates_keep_in_step"),
    ],
)
def test_a_broken_promise_of_several_rates_is_noticed(fault, check):
    assert {trouble for _, trouble in run_checks(Subject(make=lambda: OfTwoRates(""), seconds=10))} == {""}
    trial = Trial(Subject(make=lambda: OfTwoRates(fault), seconds=10))
    with pytest.raises(ContractBroken):
        next(one for one in CHECKS if one.__name__ == check)(trial)


def test_a_whole_source_passes_every_check_and_a_broken_one_is_told_by_name():
    assert {trouble for _, trouble in run_checks(Subject(make=lambda: Broken(""), seconds=10))} == {""}
    told = dict(run_checks(Subject(make=lambda: Broken("nan"), seconds=10)))
    assert [name for name, trouble in told.items() if trouble] == ["values_are_numbers"]
    declared = Subject(make=lambda: Broken("nan"), seconds=10, declares_invalid=True)
    assert {trouble for _, trouble in run_checks(declared)} == {""}


def test_a_source_that_says_nothing_is_told_from_one_that_ends():
    class Silent(Excerpt):
        def recording_facts(self):
            return SourceFacts(name="silent", leads=(Lead(name="II"),), fs_hz=250.0, live=True)

        def read(self):
            self._closed.wait(10)
            yield from ()

    with pytest.raises(ContractBroken, match="too little"):
        Trial(Subject(make=Silent, limit_s=0.2)).take(Silent())
