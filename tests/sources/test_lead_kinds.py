"""What a lead is, by the names that real files carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.signal.blocks import LeadKind, Unit
from edge_agent.sources.decoders import KINDS, make_decoder
from edge_agent.sources.decoders.port import BoardSettings
from edge_agent.sources.excerpt import Excerpt
from edge_agent.sources.lead_kinds import kind_of, kind_of_type, kinds_of
from edge_agent.sources.resolve import Places, resolve

ECG, EEG, EOG, EMG = LeadKind.ECG, LeadKind.EEG, LeadKind.EOG, LeadKind.EMG
RESP, PLETH, PRESSURE, OXYGEN = LeadKind.RESPIRATION, LeadKind.PLETH, LeadKind.PRESSURE, LeadKind.OXYGEN

# Names as the databases write them: (name, unit), and what the lead is.
MITDB_PTBDB_LUDB_QTDB = [
    "MLII",
    "V1",
    "V2",
    "V4",
    "V5",
    "i",
    "ii",
    "iii",
    "avr",
    "avl",
    "avf",
    "v1",
    "v6",
    "vx",
    "vy",
    "vz",
    "ECG",
    "ECG1",
    "CM5",
    "CC5",
    "ML5",
    "D3",
    "V2-V3",
]
CHALLENGES = ["I", "II", "III", "aVR", "aVF", "MCL", "MCL1", "V"]
EEGMMIDB = ["Fc5.", "Fcz.", "C3..", "Af7.", "Fpz.", "Ft8.", "T9..", "T10.", "Tp7.", "Po3.", "Iz.."]
CHBMIT = ["FP1-F7", "F7-T7", "P7-O1", "FZ-CZ", "T7-FT9", "FT9-FT10"]
TUH = {
    "EEG FP1-REF": EEG,
    "EEG A1-LE": EEG,
    "EEG 20-REF": EEG,
    "EEG SP1-REF": EEG,
    "EEG EKG1-REF": ECG,
    "EEG EKG-LE": ECG,
    "EEG ROC-REF": EOG,
    "EEG LUC-REF": EOG,
    "EMG-REF": EMG,
    "EEG RESP1-REF": RESP,
    "ЭКГ II": ECG,
    "心电图": ECG,
    "심전도": ECG,
    "ЭЭГ C3": EEG,
    "脳波": EEG,
    "POL EKG": ECG,
    "POL T3": EEG,
    "C3:M2": EEG,
    "NEW AIR": RESP,
    "EKGL": ECG,
    "ECGII": ECG,
    "EcgWaveform": ECG,
    "Elektrokardiogramm": ECG,
    "mod.V1": ECG,
    "Plet": LeadKind.PLETH,
    "SpO2 wave": LeadKind.PLETH,
    "SpO2": LeadKind.OXYGEN,
    "BURSTS": LeadKind.STATUS,
    "T8-P8-0": EEG,
    "F4-REF-1": EEG,
    "E2:M1": EOG,
    "Ableitung II": ECG,
    "channel II": ECG,
    "Lead1": ECG,
    "Photoplethysmogram": LeadKind.PLETH,
    "IMP RESP": RESP,
    "accX": LeadKind.OTHER,
    "label": LeadKind.STATUS,
    "class": LeadKind.STATUS,
    "is_beat": LeadKind.STATUS,
    "QRS detector": LeadKind.STATUS,
    "IBI": LeadKind.STATUS,
    "PHOTIC PH": LeadKind.STATUS,
    "PULSE RATE": LeadKind.OTHER,
    "DC1-DC": LeadKind.UNKNOWN,
}
SLEEP_EDF = {
    "EEG Fpz-Cz": EEG,
    "EOG horizontal": EOG,
    "Resp oro-nasal": RESP,
    "EMG submental": EMG,
    "Temp rectal": LeadKind.TEMPERATURE,
    "Event marker": LeadKind.STATUS,
}
SLEEP_LABORATORY = {
    ("C3-M2", "V"): EEG,
    ("M1M2", "V"): EEG,
    ("E1-M2", "V"): EOG,
    ("LOC-A2", "uV"): EOG,
    ("Left Leg", "V"): EMG,
    ("Chin1-Chin2", "uV"): EMG,
    ("ECG", "V"): ECG,
    ("ECG Imp\u00e9dance", "Ohm"): LeadKind.OTHER,
    ("C3 Imp\u00c3\u00a9dance", "Ohm"): LeadKind.OTHER,
    ("Airflow", "cmH2O"): RESP,
    ("Nasal Pressure", "cmH2O"): RESP,
    ("Abdomen CaL", ""): RESP,
    ("Inductance Thora", "H"): RESP,
    ("RIP Sum", "V"): RESP,
    ("Snoring", "cmH2O"): LeadKind.SOUND,
    ("Audio Volume dB", "dB"): LeadKind.SOUND,
    ("Saturation", "%"): OXYGEN,
    ("SpO2 B-B", "%"): OXYGEN,
    ("SaO2", ""): OXYGEN,
    ("Pulse Waveform", ""): PLETH,
    ("Pulse", "bpm"): LeadKind.OTHER,
    ("Heart Rate", "bpm"): LeadKind.OTHER,
    ("Resp Rate", "tr/min"): LeadKind.OTHER,
    ("PTT", "s"): LeadKind.OTHER,
    ("X Axis", "g"): LeadKind.OTHER,
    ("Voltage (battery", "V"): LeadKind.STATUS,
    ("Voltage (core)", "V"): LeadKind.OTHER,
    ("1-2", "V"): LeadKind.UNKNOWN,
    ("F", "V"): LeadKind.UNKNOWN,
}
MONITORS = {
    ("RESP", "NU"): RESP,
    ("RESP", "mV"): RESP,
    ("RESP", "Ohm"): RESP,
    ("RESP", "pm"): LeadKind.OTHER,
    ("PLETH", "NU"): PLETH,
    ("PLETH", "pct"): PLETH,
    ("PPG", ""): PLETH,
    ("ABP", "mmHg"): PRESSURE,
    ("ABPMean", "mmHg"): PRESSURE,
    ("NBPSys", "mmHg"): PRESSURE,
    ("ART", "mmHg"): PRESSURE,
    ("CVP", ""): PRESSURE,
    ("PAP", "mmHg"): PRESSURE,
    ("P1", "mmHg"): PRESSURE,
    ("P1", "uV"): EEG,
    ("SpO2", "%"): OXYGEN,
    ("HR", "bpm"): LeadKind.OTHER,
    ("ST-II", "mm"): LeadKind.OTHER,
    ("EKG Status", ""): LeadKind.STATUS,
    ("Trigger", ""): LeadKind.STATUS,
    ("Sample Index", ""): LeadKind.STATUS,
    ("-", ""): LeadKind.OTHER,
    ("-#2", ""): LeadKind.OTHER,
    ("ECG#2", "mV"): ECG,
    ("Lead I", "\u00b5V"): ECG,
}
SPELLINGS = {
    "Lead-II": ECG,
    "lead_i": ECG,
    "-aVR": ECG,
    "aVR+": ECG,
    "II (mV)": ECG,
    "II, mV": ECG,
    '"V5"': ECG,
    "CS12": ECG,
    "MECG": ECG,
    "ECG_R_Peaks": LeadKind.STATUS,
    "LOFF": LeadKind.STATUS,
    "VBAT": LeadKind.STATUS,
    "MKR+ MKR-": LeadKind.STATUS,
    "STII": LeadKind.OTHER,
    "BPM": LeadKind.OTHER,
    "Accelerometer X": LeadKind.OTHER,
    "RSP_Clean": RESP,
    "THO": RESP,
    "NasalP": RESP,
    "PLETHl": PLETH,
    "IR": PLETH,
    "RED": PLETH,
    "AOBP": PRESSURE,
    "Tblood": LeadKind.TEMPERATURE,
    "HEOG": EOG,
    "LAT": EMG,
    "PLM1": EMG,
    "Voltage": LeadKind.UNKNOWN,
}
ANONYMOUS = ["", "signal-0", "column-3", "CH1", "Channel 2", "EXG1", "A1", "X", "1", "C-", "noise1", "Data", "mV"]


@pytest.mark.parametrize("name", MITDB_PTBDB_LUDB_QTDB + CHALLENGES)
def test_the_leads_of_a_heart_are_known(name):
    assert kind_of(name, "mV") is ECG


@pytest.mark.parametrize("name", EEGMMIDB + CHBMIT)
def test_electrodes_and_their_pairs_are_known(name):
    assert kind_of(name, "uV") is EEG


@pytest.mark.parametrize(("name", "kind"), [*TUH.items(), *SLEEP_EDF.items(), *SPELLINGS.items()])
def test_labels_of_eeg_recorders_say_what_the_channel_really_is(name, kind):
    assert kind_of(name) is kind


@pytest.mark.parametrize(("lead", "kind"), [*SLEEP_LABORATORY.items(), *MONITORS.items()])
def test_names_of_sleep_laboratories_and_monitors_are_known_with_their_units(lead, kind):
    assert kind_of(*lead) is kind


@pytest.mark.parametrize("name", ANONYMOUS)
def test_a_name_that_says_nothing_is_unknown(name):
    assert kind_of(name) is LeadKind.UNKNOWN


def test_a_unit_that_no_electrode_has_settles_an_anonymous_name():
    assert kind_of("CH1", "mmHg") is PRESSURE
    assert kind_of("CH2", "degC") is LeadKind.TEMPERATURE
    assert kind_of("II", "mmHg") is PRESSURE


@given(st.text(max_size=40), st.text(max_size=12))
def test_any_name_and_unit_has_a_kind(name, unit):
    assert kind_of(name, unit) in LeadKind
    assert kind_of(name.upper(), unit) is kind_of(name.upper().lower(), unit)


def test_the_ears_are_electrodes_beside_an_eeg_and_inputs_of_a_board_elsewhere():
    assert kinds_of([("C3", "uV"), ("A1", "uV"), ("A2", "uV")]) == (EEG, EEG, EEG)
    assert kinds_of([("A1", ""), ("A2", "")]) == (LeadKind.UNKNOWN, LeadKind.UNKNOWN)


def test_a_type_beside_the_name_decides_where_it_says_something():
    assert kind_of_type("ECG", "ch1") is ECG
    assert kind_of_type("EEG", "V") is ECG
    assert kind_of_type("EEG", "17") is EEG
    assert kind_of_type("EXG", "II") is ECG
    assert kind_of_type("", "17") is LeadKind.UNKNOWN


def test_what_knows_its_leads_says_so(tmp_path):
    assert [lead.kind for lead in Excerpt().recording_facts().leads] == [ECG]
    places = Places(data_dir=None, cache_dir=tmp_path)
    by_unit = {Unit.MILLIVOLT: ECG, Unit.MICROVOLT: EEG}
    for name in ("twelve-lead", "eeg-sleep", "sinus"):
        leads = resolve(f"synthetic/{name}", places).recording_facts().leads
        assert [lead.kind for lead in leads] == [by_unit[lead.unit] for lead in leads]


BOARDS = {
    "cyton": {LeadKind.UNKNOWN},
    "cyton-daisy": {LeadKind.UNKNOWN},
    "olimex": {LeadKind.UNKNOWN},
    "bitalino": {LeadKind.UNKNOWN},
    "shimmer3": {ECG, LeadKind.UNKNOWN},
    "ads1292r": {ECG, RESP, LeadKind.OTHER},
    "text": {ECG},
}


@pytest.mark.parametrize("protocol", KINDS)
def test_a_board_says_what_its_channels_measure_where_its_bytes_tell(protocol):
    leads = (
        make_decoder(protocol, BoardSettings(fs_hz=250.0)).facts.channels
        if protocol == "text"
        else (make_decoder(protocol, BoardSettings()).facts.channels)
    )
    kinds = {lead.kind for lead in leads}
    if protocol in BOARDS:
        assert kinds == BOARDS[protocol]
    else:
        assert {ECG, PLETH} <= kinds
    assert all(lead.kind is ECG for lead in leads if lead.name == "ECG")


def test_the_sensors_of_a_board_say_what_its_inputs_measure():
    board = make_decoder("bitalino", BoardSettings(sensors=("EEG", "ECG", "EMG"), channels=4))
    assert [lead.kind for lead in board.facts.channels] == [EEG, ECG, EMG, LeadKind.UNKNOWN]


@pytest.mark.parametrize(
    "name",
    [
        "Deriva\u00e7\u00e3o II",
        "Odprowadzenie V5",
        "Svod I",
        "Kytkent\u00e4 aVF",
        "\u0415\u041a\u0413",
        "\u0397\u039a\u0393",
        '\u05d0\u05e7"\u05d2',
        "lead II of the left arm",
    ],
)
def test_an_ecg_is_one_in_more_languages(name):
    assert kind_of(name) is LeadKind.ECG


def test_what_follows_a_lead_may_say_that_it_is_another_thing():
    assert kind_of("lead II impedance") is LeadKind.OTHER
