"""Tables of programs that nobody declared, whose rows or heads could be taken for something else."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import LeadKind, Unit
from edge_agent.sources.logs.cells import NotANumber, is_grouped, number
from edge_agent.sources.logs.clocks import clock_of, is_clock
from edge_agent.sources.logs.record import CsvRecord
from tests.sources.logs import made
from tests.sources.logs.test_spellings import START, read

WAVE = [int(value) for value in made.wave(600)]
APPLE = "Watch6,2\n{},512 Hertz\n\n\n{}\n{},\u00b5V\n\n"
BARD = "Label: {}\nRange: 5mv\nLow: 0.05Hz\nHigh: 100Hz\nSample rate: 1000Hz\nColor: FFFFFF\n"


def each(row):
    return "".join(row(n, value) + "\n" for n, value in enumerate(WAVE))


def german(value):
    return f"{value:.2f}".replace(".", ",")


# The text; what a person says; rate; names and kinds of the leads.
TABLES = {
    "two-leads-in-whole-numbers": (
        each(lambda n, v: f"{v},{WAVE[n - 9]}"),
        {"fs_hz": 250},
        250,
        [("column-1", "unknown"), ("column-2", "unknown")],
    ),
    "labsystem-pro": (
        f"[Header]\nChannels exported: 2\n[Channel Header]\nChannel #: 1\n{BARD.format('I')}Channel #: 2\n"
        f"{BARD.format('II')}[Data]\n" + each(lambda n, v: f"{v},{-v}"),
        {},
        1000,
        [("I", "ecg"), ("II", "ecg")],
    ),
    "the-ecg-is-called-sample": (
        "timestamp,sample\n" + each(lambda n, v: f"{n // 10 * 40},{v}"),
        {},
        250,
        [("sample", "unknown")],
    ),
    "thousands": ("time,ecg\n" + each(lambda n, v: f'"{n * 4:,}","{v:,}"'), {}, 250, [("ecg", "ecg")]),
    "days-of-a-spreadsheet": (
        "Time,ECG\n" + each(lambda n, v: f"{44928.4166666667 + n / 250 / 86400:.10f},{v}"),
        {},
        250,
        [("ECG", "ecg")],
    ),
    "iso-basic": (
        "time,ecg\n" + each(lambda n, v: f"20230102T1000{n / 250:09.6f}+0200,{v}"),
        {},
        250,
        [("ecg", "ecg")],
    ),
    "channels-called-ch": (
        "Timestamp(us),CH1,CH2\n" + each(lambda n, v: f"{n * 2000},{v},7"),
        {},
        500,
        [("CH1", "unknown"), ("CH2", "unknown")],
    ),
    "oscilloscope": (
        "Record Length,Analog:600\nSample Interval,0.004\nVertical Units,mV\nSecond,Value\n"
        + each(lambda n, v: f"{n / 250:.6f},{v}"),
        {},
        250,
        [("Value", "unknown")],
    ),
    "filters-before-the-rate": (
        "# Notch 50 Hz, bandpass 0.5-40 Hz, sampled at 250 Hz\nECG\n" + each(lambda n, v: f"{v}"),
        {},
        250,
        [("ECG", "ecg")],
    ),
    "front-matter": (
        "---\nfs: 250\nlead: II\nunits: mV\n---\n" + each(lambda n, v: f"{v}"),
        {},
        250,
        [("Lead II", "ecg")],
    ),
    "fortran": (
        "time ecg\n" + each(lambda n, v: f"{n / 250:.6E} {v:.6E}".replace("E", "D")),
        {},
        250,
        [("ecg", "ecg")],
    ),
    "apple-commas-bare": (
        "Nom,X\nAppareil,"
        + APPLE.format("Taux d\u2019\u00e9chantillonnage", "D\u00e9rivation,D\u00e9rivation I", "Unit\u00e9")
        + each(lambda n, v: german(v)),
        {},
        512,
        [("Lead I", "ecg")],
    ),
    "apple-semicolons": (
        "Nombre;X\nDispositivo;Watch6,2\nFrecuencia de muestreo;512 hercios\n\nDerivaci\u00f3n;Derivaci\u00f3n I\n"
        "Unidad;\u00b5V\n\n" + each(lambda n, v: german(v)),
        {},
        512,
        [("Lead I", "ecg")],
    ),
    "oscilloscope-of-tektronix": (
        "".join(
            f"{said},{n / 250:.6f},{v},\n"
            for n, (said, v) in enumerate(
                zip(
                    ["Record Length,600,", "Sample Interval,4e-3,", "Vertical Units,mV,", *[",,"] * (len(WAVE) - 3)],
                    WAVE,
                    strict=True,
                )
            )
        ),
        {},
        250,
        [("column-2", "unknown")],
    ),
    "oscilloscope-of-tektronix-later": (
        "Model,TBS1052B\nSample Interval,0.004\nVertical Units,mV\nVertical Offset,0\nLabel,\nTIME,CH1\n"
        + each(lambda n, v: f"{n / 250:.4e},{v}"),
        {},
        250,
        [("CH1", "unknown")],
    ),
    "oscilloscope-of-rigol": (
        "X,CH1,Start,Increment,\nSequence,mV,-5.000000e+00,4.000000e-03\n" + each(lambda n, v: f"{n},{v},"),
        {},
        250,
        [("CH1", "unknown")],
    ),
    "oscilloscope-of-rigol-later": (
        "CH1V,CH2V,t0 =-5.0e+00, tInc = 4.0e-03\n" + each(lambda n, v: f"{v / 1000},1,,"),
        {},
        250,
        [("CH1", "unknown"), ("CH2", "unknown")],
    ),
    "oscilloscope-of-siglent": (
        "Sample Interval,Analog:0.004\nVertical Units,CH1:mV,CH2:mV\nSerial Number,X\nSource,CH1,CH2\n"
        "Second,mV,mV\n" + each(lambda n, v: f"{n / 250:.6E},{v},1"),
        {},
        250,
        [("CH1", "unknown"), ("CH2", "unknown")],
    ),
    "oscilloscope-of-keysight": (
        "x-axis,1\nsecond,mV\n" + each(lambda n, v: f"{n / 250 - 1:.6E},{v}"),
        {},
        250,
        [("mV", "unknown")],
    ),
    "a-table-before-the-table": (
        "HR,SpO2\n75,98\n\ntime,ecg\n" + each(lambda n, v: f"{n * 4},{v}"),
        {},
        250,
        [("ecg", "ecg")],
    ),
    "sums-below-the-table": (
        "time,ecg\n" + each(lambda n, v: f"{n * 4},{v}") + "\nMean,12.3\nMax,999\n",
        {},
        250,
        [("ecg", "ecg")],
    ),
    "events-inside-of-the-table": (
        "time,ecg\n" + each(lambda n, v: f"{n * 4},{v}" + (f"\nEVENT,{n * 4},button" if n % 100 == 50 else "")),
        {},
        250,
        [("ecg", "ecg")],
    ),
    "rows-numbered-below-a-hash": (
        "#;Zeit;EKG;Kommentar\n" + each(lambda n, v: f"{n};{n * 4};{v};"),
        {},
        250,
        [("EKG", "ecg")],
    ),
    "thousands-of-switzerland": (
        "time;ecg\n" + each(lambda n, v: f"{n * 4:,};{v:,}".replace(",", "'")),
        {},
        250,
        [("ecg", "ecg")],
    ),
    "thousands-of-france": (
        "temps;ECG\n" + each(lambda n, v: f"{n * 4:,};{v:,}".replace(",", "\u202f")),
        {},
        250,
        [("ECG", "ecg")],
    ),
    "apple-japanese": (
        "\u540d\u524d,X\n\u30c7\u30d0\u30a4\u30b9,"
        + APPLE.format("\u30b5\u30f3\u30d7\u30eb\u30ec\u30fc\u30c8", "\u8a98\u5c0e,I\u8a98\u5c0e", "\u5358\u4f4d")
        + each(lambda n, v: f"{v}.00"),
        {},
        512,
        [("Lead I", "ecg")],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_gives_its_own_rate_leads_and_every_sample(tmp_path, name):
    text, said, fs_hz, leads = TABLES[name]
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    source = CsvRecord(path, **said)
    facts = source.recording_facts()
    assert [(lead.name, lead.kind.value) for lead in facts.leads] == leads
    assert facts.fs_hz == pytest.approx(fs_hz, rel=1e-4)
    samples, gaps = read(source)
    assert samples[0].tolist() == WAVE
    assert gaps == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_needs_no_mark(tmp_path, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes(("time\tecg\n" + each(lambda n, v: f"{n * 4}\t{v}")).encode(encoding))
    source = CsvRecord(path)
    assert source.recording_facts().fs_hz == 250
    assert read(source)[0].tolist() == [WAVE]


@settings(max_examples=20, deadline=None)
@given(
    first=st.integers(100, 3000),
    second=st.integers(100, 3000),
    swing=st.integers(60, 90),
    signed=st.booleans(),
)
def test_two_numbers_with_a_comma_between_are_two_leads_whatever_their_size(
    tmp_path_factory, first, second, swing, signed
):
    at = np.arange(300)
    one = first + np.round(swing * np.sin(at / 7)).astype(int)
    two = (second + np.round(swing * np.sin(at / 11)).astype(int)) * (-1 if signed else 1)
    path = tmp_path_factory.mktemp("pairs") / "table.csv"
    path.write_text("[Data]\n" + "".join(f"{a},{b}\n" for a, b in zip(one, two, strict=True)))
    samples, _ = read(CsvRecord(path, fs_hz=250))
    assert samples.tolist() == [one.tolist(), two.tolist()]


@settings(max_examples=20, deadline=None)
@given(digits=st.integers(1, 3), swing=st.floats(0.5, 900), level=st.floats(-900, 900))
def test_one_number_with_a_decimal_comma_is_one_lead_whatever_its_size(tmp_path_factory, digits, swing, level):
    values = [f"{value:.{digits}f}" for value in level + swing * np.sin(np.arange(300) / 7)]
    path = tmp_path_factory.mktemp("one") / "table.csv"
    path.write_text("ECG\n" + "".join(value.replace(".", ",") + "\n" for value in values))
    samples, _ = read(CsvRecord(path, fs_hz=250))
    np.testing.assert_allclose(samples, [[float(value) for value in values]], rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(level=st.floats(0.001, 30), swing=st.floats(1.5, 900), is_quoted=st.booleans(), time=st.booleans())
def test_three_decimals_behind_every_comma_are_no_thousands(tmp_path_factory, level, swing, is_quoted, time):
    values = [f"{level + swing * np.sin(at / 7):.3f}".replace("-0.000", "0.000") for at in range(600)]
    sign = '"' if is_quoted else ""
    rows = [
        (f'"{n / 250:.3f}",'.replace(".", ",", 1) if time and is_quoted else "")
        + f"{sign}{value.replace('.', ',')}{sign}"
        for n, value in enumerate(values)
    ]
    path = tmp_path_factory.mktemp("three") / "table.csv"
    path.write_text(('"Zeit (s)",' if time and is_quoted else "") + f"{sign}EKG{sign}\n" + "\n".join(rows) + "\n")
    samples, _ = read(CsvRecord(path, fs_hz=250))
    np.testing.assert_allclose(samples, [[float(value) for value in values]], rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(digits=st.integers(2, 4), level=st.floats(0.0, 3.0), swing=st.floats(0.3, 2.0))
def test_one_number_with_a_decimal_comma_needs_no_name(tmp_path_factory, digits, level, swing):
    values = [f"{level + swing * np.sin(at / 40):.{digits}f}" for at in range(600)]
    path = tmp_path_factory.mktemp("lone") / "table.csv"
    path.write_text("".join(value.replace(".", ",") + "\n" for value in values))
    samples, _ = read(CsvRecord(path, fs_hz=250))
    np.testing.assert_allclose(samples, [[float(value) for value in values]], rtol=1e-6)


@given(value=st.integers(-(10**12), 10**12))
def test_thousands_may_be_parted_by_commas(value):
    assert number(f"{value:,}", decimal_comma=False) == value
    assert is_grouped(f"{value:,}") == (abs(value) >= 1000)


@pytest.mark.parametrize("text", ["1,00", "1,0000", "0,123", ",123", "1,23,456"])
def test_what_is_no_group_of_three_is_no_thousand(text):
    assert not is_grouped(text)
    with pytest.raises(NotANumber):
        number(text, decimal_comma=False)


@given(
    since=st.timedeltas(min_value=datetime.timedelta(), max_value=datetime.timedelta(days=40_000)),
    between=st.sampled_from("T_ -"),
)
def test_a_basic_stamp_is_the_time_that_its_long_form_is(since, between):
    when = START + since
    assert clock_of(when.strftime(f"%Y%m%d{between}%H%M%S.%f")) == clock_of(when.isoformat(timespec="microseconds"))


@pytest.mark.parametrize("text", ["20231302T100000x", "202301021000", "1672650000123", "20230102 10000"])
def test_a_long_number_is_no_stamp(text):
    assert not is_clock(text)


@pytest.mark.parametrize(
    "stamp",
    [
        lambda n: f"{133171236000000000 + n * 40000}",
        lambda n: f"{738888.4166666667 + n / 250 / 86400:.10f}",
        lambda n: f"{2459946.9166666667 + n / 250 / 86400:.10f}",
    ],
    ids=["windows", "matlab", "julian"],
)
def test_the_epochs_of_windows_matlab_and_astronomers_give_the_rate(tmp_path, stamp):
    path = tmp_path / "table.csv"
    path.write_text("time,ecg\n" + each(lambda n, v: f"{stamp(n)},{v}"))
    assert CsvRecord(path).recording_facts().fs_hz == pytest.approx(250, rel=2e-3)


@settings(max_examples=25, deadline=None)
@given(late_ms=st.integers(5, 40), every=st.integers(40, 200), step_ms=st.sampled_from([2, 4, 8]))
def test_rows_that_are_stamped_late_the_first_one_too_are_no_gap(tmp_path_factory, late_ms, every, step_ms):
    path = tmp_path_factory.mktemp("late") / "table.csv"
    path.write_text("ms,ecg\n" + each(lambda n, v: f"{n * step_ms + (late_ms if n % every == 0 else 0)},{v}"))
    source = CsvRecord(path)
    assert source.recording_facts().fs_hz == 1000 / step_ms
    samples, gaps = read(source)
    assert (samples[0].tolist(), gaps) == (WAVE, [])


def test_units_in_cyrillic_letters_are_those_of_latin_ones(tmp_path):
    path = tmp_path / "table.csv"
    names = "\u0427\u0430\u0441 (\u043c\u0441);\u0415\u041a\u0413 (\u043c\u043a\u0412)\n"
    path.write_text(names + each(lambda n, v: f"{n * 4};{v}"), encoding="utf-8")
    facts = CsvRecord(path).recording_facts()
    assert facts.fs_hz == 250
    assert [(lead.kind, lead.unit) for lead in facts.leads] == [(LeadKind.ECG, Unit.MICROVOLT)]
