"""Programs whose exports are known: one declaration each. A file of nobody known is read by what it says itself."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.logs.head import Said
from edge_agent.sources.logs.headless import (
    acqknowledge_names,
    brainflow_names,
    emotiv_names,
    labview_names,
    openbci_names,
    opensignals_names,
    spike2_names,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Maker:
    """How the exports of a program look. All patterns are searched without regard to case.

    Parameters
    ----------
    head : what its lines above the table hold; `columns` what its row of names holds. All that are given must be found.
    names : names and units of the columns, where no row of the table gives them: from what the head says and the first
        rows; () where these rows are not the program's after all.
    signals : names of the columns that are signals; all others are left out. Absent: all that are no clock or counter.
    clocks : names of the columns that are the time, the best first, each with seconds in a unit where it is a number.
    counter : name of the column that counts samples or packets.
    unit : of electrical signals whose column says none. `kind` : of signals whose name says none.
    fs_hz : the rate of its only device, where the file says none.
    strip : parts of a name that name the device, not the lead.
    names_lead : the head names the only lead.
    """

    name: str
    head: str = ""
    columns: str = ""
    names: Callable[[Said, list[list[str]]], tuple[tuple[str, str], ...]] | None = None
    signals: str = ""
    clocks: tuple[tuple[str, float | None], ...] = field(default=())
    counter: str = ""
    unit: str = ""
    kind: LeadKind | None = None
    fs_hz: float | None = None
    strip: str = ""
    names_lead: bool = False

    def recognises(self, said: Said, names: tuple[str, ...], rows: list[list[str]]) -> bool:
        """Whether a file is one of its exports."""
        if not (self.head or self.columns or self.names):
            return False
        if self.head and not _found(self.head, said.text):
            return False
        if self.columns and not _found(self.columns, "\n".join(names)):
            return False
        return not (self.names and not self.head and not self.names(said, rows))


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.MULTILINE) is not None


MAKERS: tuple[Maker, ...] = (
    Maker(
        name="OpenBCI GUI 5 and 6",
        columns=r"^EXG Channel 0$",
        signals=r"^EXG Channel \d+$",
        clocks=((r"^Timestamp$", 1.0), (r"^Timestamp \(Formatted\)$|^Timestamp$", None)),
        counter=r"^Sample Index$",
        unit="uV",
    ),
    Maker(
        name="OpenBCI GUI up to 4",
        head=r"^%\s*OpenBCI Raw EEG",
        names=openbci_names,
        signals=r"^EXG Channel \d+$",
        clocks=((r"^Timestamp$", 1e-3),),
        counter=r"^Sample Index$",
        unit="uV",
    ),
    Maker(
        name="BrainFlow, as the OpenBCI GUI writes it",
        names=brainflow_names,
        signals=r"^EXG Channel \d+$",
        clocks=((r"^Timestamp$", 1.0),),
        counter=r"^Sample Index$",
        unit="uV",
    ),
    Maker(
        name="OpenSignals (r)evolution",
        head=r"^#\s*OpenSignals|^#\s*\{.*\"(?:sampling rate|SamplingFrequency)\"",
        names=opensignals_names,
        signals=r"^(?!nSeq|SeqN|[IO]\d|DI|DO|D\d|Digital).*$",
        counter=r"^(?:nSeq|SeqN)$",
    ),
    Maker(
        name="Polar Sensor Logger (H10)",
        columns=r"^sensor timestamp(?: \[ns\])?$",
        signals=r"^ecg$",
        clocks=((r"^sensor timestamp$", 1e-9), (r"^timestamp$", 1e-3), (r"^Phone timestamp$", None)),
        unit="uV",
        kind=LeadKind.ECG,
    ),
    Maker(
        name="LabChart",
        head=r"^Interval=|^ChannelTitle=",
        clocks=((r"^time$", None),),
    ),
    Maker(
        name="Biopac AcqKnowledge",
        head=r"^\d+ channels?\s*$(?s:.)*samples?/?|^[\d.,]+ *[mu]?sec/sample",
        names=acqknowledge_names,
        clocks=((r"^(?:min|m?sec|hour|time)$", None),),
    ),
    Maker(
        name="Shimmer Consensys",
        columns=r"^Shimmer_[0-9A-F]{4}_|^Timestamp_(?:Unix|FormattedUnix|SYNC|Sync)|^ECG_LL-RA|^ECG LL-RA",
        signals=r"^(?!.*Status).*(?:ECG|EXG|EMG|Resp|PPG)",
        clocks=((r"^(?:Timestamp_Unix|System Timestamp|Timestamp)", None), (r"Timestamp", None)),
        strip=r"^Shimmer_[0-9A-F]{4}_|_(?:24|16)BIT|_(?:CAL|RAW|UNCAL)$",
    ),
    Maker(
        name="Mind Monitor (Muse)",
        columns=r"^RAW_TP9$",
        signals=r"^RAW_\w+$",
        clocks=((r"^TimeStamp$", None),),
        unit="uV",
        kind=LeadKind.EEG,
        fs_hz=256.0,
        strip=r"^RAW_",
    ),
    Maker(
        name="muselsl (Muse)",
        columns=r"^timestamps$(?s:.)*^TP9$",
        signals=r"^(?:TP9|AF7|AF8|TP10|Right AUX)$",
        clocks=((r"^timestamps$", 1.0),),
        unit="uV",
        kind=LeadKind.EEG,
        fs_hz=256.0,
    ),
    Maker(
        name="EmotivPRO",
        columns=r"^EEG\.Counter$",
        signals=r"^EEG\.(?!Counter|Interpolated|Raw|Battery|Marker|Software|Hardware)\w+$",
        clocks=((r"^(?:Original)?Timestamp$", 1.0),),
        counter=r"^EEG\.Counter$",
        unit="uV",
        kind=LeadKind.EEG,
        strip=r"^EEG\.",
    ),
    Maker(
        name="Emotiv EPOC, older exports",
        head=r"^title:.*sampling:\d+.*labels:COUNTER",
        names=emotiv_names,
        signals=r"^(?:AF3|F7|F3|FC5|T7|P7|O1|O2|P8|T8|FC6|F4|F8|AF4)$",
        counter=r"^COUNTER$",
        unit="uV",
        kind=LeadKind.EEG,
    ),
    Maker(
        name="Zephyr BioHarness",
        columns=r"^EcgWaveform$",
        signals=r"^EcgWaveform$",
        clocks=((r"^Time$", None),),
        kind=LeadKind.ECG,
        fs_hz=250.0,
    ),
    Maker(
        name="VitalDB",
        columns=r"^(?:SNUADC|Solar8000|Primus|BIS|Intellivue)/\w+",
        clocks=((r"^Time$", 1.0),),
        unit="mV",
        strip=r"^(?:SNUADC|Solar8000|Primus|BIS|Intellivue)/",
    ),
    Maker(
        name="LabVIEW measurement file",
        head=r"^LabVIEW Measurement",
        names=labview_names,
        signals=r"^(?!X_Value$|Comment$).+",
        clocks=((r"^X_Value$", 1.0),),
    ),
    Maker(
        name="Spike2",
        head=r'^"CHANNEL"\s+"\d+"',
        names=spike2_names,
    ),
    Maker(
        name="BioSPPy simple text format",
        head=r"^#\s*Simple Text Format",
    ),
    Maker(
        name="Apple Health",
        head=r"^[^,;]{3,30}[,;]\s*\"?Watch\d+,\d+",
        unit="uV",
        kind=LeadKind.ECG,
        fs_hz=512.0,
        names_lead=True,
    ),
)


def maker_of(said: Said, names: tuple[str, ...], rows: list[list[str]]) -> Maker | None:
    """The program whose export this is; None where it is nobody's that is known."""
    return next((maker for maker in MAKERS if maker.recognises(said, names, rows)), None)
